//! What a class's score rests on: `saliency`, `grad-cam`, `occlusion`.

use glassbox_draw::explain::{Evidence, Kind, evidence as draw, remark, sanity};
use glassbox_infer::{
    Classifier, Prepared,
    explain::{ExplainError, Map, Patch},
};
use glassbox_spec::Parameter;

use crate::{
    args::explain::{GradCamArgs, OcclusionArgs, OfClass},
    commands::{class, open_backend, open_model},
    failure::Failure,
    output,
    progress::counter,
};

use super::{inside::image, out::Folder, prepared};

/// The weights that a map is held against are drawn from this seed, unless the model's own were.
const SEED: u64 = 1;

/// Characters of a class's name in that of a file.
const LONGEST: usize = 64;

/// A picture, a class, and a classifier that is asked about them.
struct Question {
    classifier: Classifier,
    prepared: Prepared,
    class: u16,
    probability: f32,
}

/// A map, and what it is to be called.
struct Answer {
    /// As `grad-cam-conv3`; the class is put behind it.
    name: String,
    method: String,
    measure: &'static str,
    map: Map,
    kind: Kind,
    arrays: Vec<Parameter>,
}

pub fn saliency(args: OfClass) -> Result<(), Failure> {
    Question::of(&args)?.answer(&args, |classifier, question| {
        let map = classifier.saliency(&question.prepared, question.class)?;
        Ok(Answer {
            name: "saliency".to_string(),
            method: "Saliency".to_string(),
            measure: "how strongly the class's logit depends on each pixel",
            arrays: vec![array("saliency", &map)],
            map,
            kind: Kind::Amount,
        })
    })
}

pub fn grad_cam(args: GradCamArgs) -> Result<(), Failure> {
    let layer = args.layer.as_deref();
    Question::of(&args.of)?.answer(&args.of, |classifier, question| {
        let cam = classifier.grad_cam(&question.prepared, question.class, layer)?;
        Ok(Answer {
            name: format!("grad-cam-{}", cam.layer),
            method: format!("Grad-CAM of {}", cam.layer),
            measure: "how much the layer's maps speak for the class",
            arrays: vec![array("grad_cam", &cam.map)],
            map: cam.map,
            kind: Kind::Amount,
        })
    })
}

pub fn occlusion(args: OcclusionArgs) -> Result<(), Failure> {
    let question = Question::of(&args.of)?;
    let suited = Patch::suited(question.classifier.plan().input());
    let patch = Patch {
        size: args.size.unwrap_or(suited.size),
        stride: args.stride.unwrap_or(suited.stride),
    };
    question.answer(&args.of, |classifier, question| {
        let each = counter("covering the image");
        let found = classifier.occlusion(&question.prepared, question.class, patch, each)?;
        let Patch { size, stride } = found.patch;
        Ok(Answer {
            name: "occlusion".to_string(),
            method: format!("Occlusion by a patch of {size}×{size} in steps of {stride}"),
            measure: "fall of that probability where the patch covers a pixel",
            arrays: vec![array("drops", &found.drops), array("pixels", &found.pixels)],
            map: found.pixels,
            kind: Kind::Signed,
        })
    })
}

impl Question {
    fn of(args: &OfClass) -> Result<Self, Failure> {
        let of = &args.of.of;
        let device = open_backend(&of.backend)?;
        let classifier = open_model(of.model.as_deref(), &device)?;
        let classes = &classifier.file().classes;
        let asked = args.class.as_deref();
        let asked = asked
            .map(|name| class("--class", name, classes))
            .transpose()?;
        let prepared = prepared(&args.of, &classifier)?;
        let prediction = classifier.predict(std::slice::from_ref(&prepared), classes.len())?;
        let prediction = prediction.into_iter().next();
        let prediction = prediction.ok_or_else(|| Failure::running("no prediction"))?;
        // By their places: a name may be that of two.
        let class = asked.unwrap_or(prediction.class as u16);
        let mut ranked = prediction.top.iter();
        let probability = ranked.find(|ranked| ranked.class == usize::from(class));
        Ok(Self {
            class,
            probability: probability.map_or(f32::NAN, |ranked| ranked.probability),
            prepared,
            classifier,
        })
    }

    /// Explains twice, with the trained weights and with random ones, and writes what came out.
    fn answer(
        self,
        args: &OfClass,
        explain: impl Fn(&Classifier, &Self) -> Result<Answer, ExplainError>,
    ) -> Result<(), Failure> {
        let file = self.classifier.file();
        let answer = explain(&self.classifier, &self)?;
        // The weights that training started from are related to those that came out.
        let seed = SEED + u64::from(file.training.seed == SEED);
        let random = self.classifier.randomised(seed)?;
        let random = explain(&random, &self)?.map;
        let class = file.classes.get(usize::from(self.class));
        let class = class.map_or("", String::as_str);
        let name = format!("{}-{}", answer.name, in_file(self.class, &file.classes));
        let figure = draw(&Evidence {
            name: &name,
            method: &answer.method,
            measure: answer.measure,
            class,
            probability: self.probability,
            image: &image(&self.classifier, self.prepared.pixels()),
            map: &answer.map,
            random: &random,
            kind: answer.kind,
        });
        let out = Folder::make(&args.of.of.out)?;
        out.png(&figure)?;
        out.npz(&name, &answer.arrays)?;
        output::line(format!(
            "{}, for class {}, probability {:.1} %",
            answer.method,
            output::plain(class),
            100.0 * self.probability
        ))?;
        if let Some(remark) = remark(&answer.map) {
            output::line(format!("the map: {remark}"))?;
        }
        output::line(sanity(&answer.map, &random))
    }
}

/// A class in the name of a file: its name where that is fit for one and means no other class, else its number.
fn in_file(class: u16, classes: &[String]) -> String {
    let number = class.to_string();
    let is_fit = |name: &&String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        // On some systems a file's name is the same in capitals.
        let alike = classes.iter().filter(|c| c.eq_ignore_ascii_case(name));
        let is_number = name.chars().all(|c| c.is_ascii_digit());
        (1..=LONGEST).contains(&name.len())
            && name.chars().all(plain)
            && alike.count() == 1
            && (!is_number || **name == number)
    };
    let name = classes.get(usize::from(class)).filter(is_fit);
    name.cloned().unwrap_or(number)
}

/// `[rows, columns]`
fn array(name: &str, map: &Map) -> Parameter {
    Parameter {
        name: name.to_string(),
        shape: vec![map.rows, map.columns],
        values: map.values.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_files_of_its_own() {
        let long = "x".repeat(65);
        let classes = [
            "cat", "hot dog", "../up", "", "Cat", "dog_2-b", "dog", "dog", "8", "7", &long, "é",
        ];
        let classes = classes.map(String::from);
        let names: Vec<_> = (0..12).map(|class| in_file(class, &classes)).collect();
        let expected = [
            "0", "1", "2", "3", "4", "dog_2-b", "6", "7", "8", "9", "10", "11",
        ];
        assert_eq!(names, expected);
        let digits: Vec<_> = (0..10).map(|digit| digit.to_string()).collect();
        assert_eq!(in_file(7, &digits), "7");
    }
}
