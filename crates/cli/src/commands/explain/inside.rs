//! What a network computes, drawn: `maps`, `filters`, `window`.

use std::slice;

use glassbox_draw::{
    Raster,
    explain::{
        Pass, convolutions, filter, filters as draw_filters, maps as draw_maps, slide,
        window as draw_window,
    },
};
use glassbox_infer::{Classifier, why::WhyError};
use glassbox_scratch::Trace;
use glassbox_spec::{Parameter, Plan};

use crate::{
    args::explain::{FiltersArgs, OfImage, WindowArgs},
    failure::Failure,
};

use super::{classifier, out::Folder, prepared};

/// One PNG for each layer, and every value as arrays.
pub fn maps(args: OfImage) -> Result<(), Failure> {
    let classifier = classifier(&args.of)?;
    let prepared = prepared(&args, &classifier)?;
    let trace = classifier.trace(slice::from_ref(&prepared), None)?;
    let out = Folder::make(&args.of.out)?;
    let pictures = out.within("maps")?;
    for figure in draw_maps(&trace, &classifier.file().classes) {
        pictures.png(&figure)?;
    }
    out.npz("maps", &arrays(&trace))
}

/// Each layer's values, and those before its activation, of the one image.
fn arrays(trace: &Trace) -> Vec<Parameter> {
    let mut arrays = Vec::new();
    for layer in &trace.layers {
        let before = layer.pre.iter().map(|values| (".pre", values));
        for (suffix, values) in [("", &layer.values)].into_iter().chain(before) {
            arrays.push(Parameter {
                name: format!("{}{suffix}", layer.layer),
                shape: layer.shape.sizes(),
                values: values.clone(),
            });
        }
    }
    arrays
}

/// The convolutions' kernels, or those of one layer or filter, and their weights as arrays.
pub fn filters(args: FiltersArgs) -> Result<(), Failure> {
    let classifier = classifier(&args.of)?;
    let (plan, parameters) = (classifier.plan(), &classifier.file().parameters);
    let convolutions = convolutions(plan);
    if convolutions.is_empty() {
        return Err(Failure::usage(
            "the model has no convolution, so it has no filters",
        ));
    }
    let known = |name: &String| {
        convolutions
            .iter()
            .any(|(found, _)| *found == name.as_str())
    };
    if let Some(layer) = args.layer.as_ref().filter(|layer| !known(layer)) {
        let names: Vec<_> = convolutions.iter().map(|(name, _)| *name).collect();
        return Err(Failure::usage(format!(
            "--layer: there is no convolution `{layer}` in the model; it has {}",
            names.join(", ")
        )));
    }
    let figures = match (&args.layer, args.filter) {
        (Some(layer), Some(number)) => match filter(plan, parameters, layer, number) {
            Some(figure) => vec![figure],
            None => {
                let count = convolutions.iter().find(|(name, _)| name == layer);
                return Err(Failure::usage(format!(
                    "--filter {number}: {layer} has filters 0 to {}",
                    count.map_or(0, |(_, filters)| filters.saturating_sub(1))
                )));
            }
        },
        (layer, _) => {
            let mut figures = draw_filters(plan, parameters);
            figures.retain(|figure| layer.as_ref().is_none_or(|layer| *layer == figure.name));
            figures
        }
    };
    let out = Folder::make(&args.of.out)?;
    let pictures = out.within("filters")?;
    for figure in &figures {
        pictures.png(figure)?;
    }
    let of_convolution = |parameter: &&Parameter| {
        let layer = parameter.name.rsplit_once('.').map(|(layer, _)| layer);
        convolutions.iter().any(|(name, _)| Some(*name) == layer)
    };
    let weights: Vec<_> = parameters.iter().filter(of_convolution).cloned().collect();
    out.npz("filters", &weights)
}

/// How one value of a layer comes about; with `--animate` how its map is filled.
pub fn window(args: WindowArgs) -> Result<(), Failure> {
    let classifier = classifier(&args.of.of)?;
    let prepared = prepared(&args.of, &classifier)?;
    let why = classifier.why(&prepared, None)?;
    let answer = match why.ask(&args.value) {
        Ok(answer) => Some(answer),
        // Of a backward pass or a step: no value of a layer.
        Err(WhyError::NeedsLabel { .. } | WhyError::NeedsRun { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let plan = classifier.plan();
    let image = image(&classifier, prepared.pixels());
    let pass = Pass {
        plan,
        parameters: &classifier.file().parameters,
        trace: why.trace(),
        image: &image,
    };
    let drawn = answer.and_then(|answer| Some((draw_window(&pass, &answer)?, answer)));
    let (figure, answer) = drawn.ok_or_else(|| {
        let layers: Vec<_> = plan
            .layers()
            .iter()
            .map(|layer| layer.name.as_str())
            .collect();
        Failure::usage(format!(
            "{}: not a layer's value; a window is drawn of {}, as {}",
            args.value,
            layers.join(", "),
            example(plan)
        ))
    })?;
    let moving = match args.animate {
        true => Some(slide(&pass, &answer).ok_or_else(|| {
            Failure::usage(format!(
                "--animate: {} has no window that slides; convolutions and poolings have",
                args.value
            ))
        })?),
        false => None,
    };
    let out = Folder::make(&args.of.of.out)?;
    out.png(&figure)?;
    moving.iter().try_for_each(|figure| out.svg(figure))
}

/// The first layer's first value, as it is written.
fn example(plan: &Plan) -> String {
    let first = plan.layers().first();
    first.map_or(String::new(), |layer| {
        let zeros = vec!["0"; layer.output.sizes().len()];
        format!("{}[{}]", layer.name, zeros.join(","))
    })
}

/// An image that was fitted to the network, from its pixels.
pub fn image(classifier: &Classifier, fitted: &[u8]) -> Raster {
    let fit = &classifier.file().preprocessing.fit;
    Raster::of_image(fit.channels, fit.height, fit.width, fitted)
}
