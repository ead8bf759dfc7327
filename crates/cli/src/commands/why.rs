//! `glassbox why`

use std::path::Path;

use glassbox_draw::text_of;
use glassbox_infer::{
    Classifier, Prepared,
    why::{Answer, Why, is_step},
};
use glassbox_lessons::Block;
use glassbox_train::{NextStep, RunFolder};
use serde::Serialize;

use crate::{
    args::WhyArgs,
    commands::{class, on_device, open_backend, open_model, pictures::Pictures},
    failure::Failure,
    output,
};

/// What programs read.
#[derive(Debug, Serialize)]
struct Answered<'a> {
    image: &'a str,
    label: Option<&'a str>,
    /// For a step: the epochs that the run's last checkpoint has.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u32>,
    /// What was asked, then what weighs most in it.
    answers: &'a [Answer],
}

/// Answers the question, then the largest terms of the answer, as deep as asked.
pub fn run(args: WhyArgs) -> Result<(), Failure> {
    let device = open_backend(&args.backend)?;
    // A step goes on from a run's last checkpoint, everything else is of its best model.
    let run = args
        .model
        .as_deref()
        .filter(|model| is_step(&args.question) && model.is_dir());
    let (classifier, next) = match run {
        None => (open_model(args.model.as_deref(), &device)?, None),
        Some(run) => {
            let next = NextStep::read(&RunFolder::open(run)?)?;
            let classifier = on_device(run, next.model.clone(), &device)?;
            (classifier, Some(next))
        }
    };
    let classes = &classifier.file().classes;
    let label = args
        .label
        .as_deref()
        .map(|label| class("--label", label, classes))
        .transpose()?;
    let prepared = picture(&args, &classifier)?;
    let why = ready(&classifier, &prepared, label, next.as_ref())?;
    let answers = why.unroll(&args.question, usize::from(args.depth))?;
    let label = label.and_then(|label| classes.get(usize::from(label)));
    if args.json {
        output::json(&Answered {
            image: &args.image,
            label: label.map(String::as_str),
            epoch: next.as_ref().map(|next| next.epoch),
            answers: &answers,
        })?;
    } else {
        if let (Some(run), Some(next)) = (run, &next) {
            output::line(standing(run, next))?;
        }
        for (number, answer) in answers.iter().enumerate() {
            if number > 0 {
                output::line("")?;
            }
            output::line(glassbox_draw::why(
                answer,
                classes,
                args.all,
                output::style(),
            ))?;
        }
    }
    match answers.iter().find(|answer| !answer.holds()) {
        None => Ok(()),
        Some(answer) => Err(Failure::check(format!(
            "{}: its terms do not add up to the stored value within the rounding of f32",
            answer.name
        ))),
    }
}

fn picture(args: &WhyArgs, classifier: &Classifier) -> Result<Prepared, Failure> {
    let picture = Pictures::new(args.data_dir.clone()).read(&args.image)?;
    let picture = picture.map_err(|problem| Failure::data(format!("{}: {problem}", args.image)))?;
    Ok(classifier.prepare(&picture, args.invert))
}

fn ready(
    classifier: &Classifier,
    prepared: &Prepared,
    label: Option<u16>,
    next: Option<&NextStep>,
) -> Result<Why, Failure> {
    let why = classifier.why(prepared, label)?;
    let Some(next) = next else {
        return Ok(why);
    };
    Ok(why.with_optimizer(next.optimizer, next.moments.clone(), next.rate)?)
}

/// What a step goes on from.
fn standing(run: &Path, next: &NextStep) -> String {
    let text = format!(
        "The step after epoch {} of {}, on this image alone, without augmentation and dropout.",
        next.epoch,
        run.display()
    );
    text_of(&[Block::Text(text)], output::style())
}
