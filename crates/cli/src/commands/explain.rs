//! `glassbox explain`

mod among;
mod evidence;
mod inside;
mod out;

use glassbox_data::Picture;
use glassbox_infer::{Classifier, Prepared};

use crate::{
    args::explain::{ExplainArgs, OfImage, OfModel, View},
    commands::{open_backend, open_model, pictures::Pictures},
    failure::Failure,
    output,
};

/// Draws one view and writes it.
pub fn run(args: ExplainArgs) -> Result<(), Failure> {
    match args.view {
        View::Maps(args) => inside::maps(args),
        View::Filters(args) => inside::filters(args),
        View::Window(args) => inside::window(args),
        View::Saliency(args) => evidence::saliency(args),
        View::GradCam(args) => evidence::grad_cam(args),
        View::Occlusion(args) => evidence::occlusion(args),
        View::Invariance(args) => among::invariance(args),
        View::Nearest(args) => among::nearest(args),
    }
}

fn classifier(of: &OfModel) -> Result<Classifier, Failure> {
    open_model(of.model.as_deref(), &open_backend(&of.backend)?)
}

/// The image as the network receives it.
fn prepared(args: &OfImage, classifier: &Classifier) -> Result<Prepared, Failure> {
    let picture: Result<Picture, String> =
        Pictures::new(args.data_dir.clone()).read(&args.image)?;
    let picture = picture.map_err(|problem| Failure::data(format!("{}: {problem}", args.image)))?;
    let prepared = classifier.prepare(&picture, args.invert);
    if let Some(warning) = prepared.warning() {
        output::note(format!("warning: {}: {warning}", args.image));
    }
    Ok(prepared)
}
