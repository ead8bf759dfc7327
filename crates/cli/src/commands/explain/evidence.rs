//! What a class's score rests on: `saliency`, `grad-cam`, `occlusion`.

use glassbox_infer::{
    Classifier, Prepared,
    explain::{ExplainError, Map, Patch},
};
use glassbox_model::OpenDevice;
use glassbox_report::explain::{Evidence, Kind, evidence as draw, sanity};
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

/// A picture, a class, and a classifier that is asked about them.
struct Question {
    device: OpenDevice,
    classifier: Classifier,
    prepared: Prepared,
    class: u16,
    probability: f32,
}

/// A map, and what it is to be called.
struct Answer {
    name: &'static str,
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
            name: "saliency",
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
            name: "grad-cam",
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
    let suited = Patch::suited(question.classifier.plan()?.input());
    let patch = Patch {
        size: args.size.unwrap_or(suited.size),
        stride: args.stride.unwrap_or(suited.stride),
    };
    question.answer(&args.of, |classifier, question| {
        let each = counter("covering the image");
        let found = classifier.occlusion(&question.prepared, question.class, patch, each)?;
        let Patch { size, stride } = found.patch;
        Ok(Answer {
            name: "occlusion",
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
        let class = match asked {
            Some(class) => class,
            None => class_of(&prediction.label, classes),
        };
        let name = classes.get(usize::from(class));
        let mut ranked = prediction.top.iter();
        let probability = ranked.find(|ranked| Some(&ranked.label) == name);
        Ok(Self {
            class,
            probability: probability.map_or(f32::NAN, |ranked| ranked.probability),
            prepared,
            classifier,
            device,
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
        let random = self.classifier.randomised(seed, &self.device)?;
        let random = explain(&random, &self)?.map;
        let class = file.classes.get(usize::from(self.class));
        let class = class.map_or("", String::as_str);
        let figure = draw(&Evidence {
            name: answer.name,
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
        out.npz(answer.name, &answer.arrays)?;
        output::line(format!(
            "{}, for class {}, probability {:.1} %",
            answer.method,
            output::plain(class),
            100.0 * self.probability
        ))?;
        if answer.map.largest() == 0.0 {
            output::line("the map is 0 everywhere: there is nothing to see in it")?;
        }
        output::line(sanity(answer.map.rank_correlation(&random)))
    }
}

fn class_of(label: &str, classes: &[String]) -> u16 {
    let place = classes.iter().position(|class| class == label);
    place.unwrap_or(0) as u16
}

/// `[rows, columns]`
fn array(name: &str, map: &Map) -> Parameter {
    Parameter {
        name: name.to_string(),
        shape: vec![map.rows, map.columns],
        values: map.values.clone(),
    }
}
