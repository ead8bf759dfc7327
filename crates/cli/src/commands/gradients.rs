//! `glassbox gradients`

use std::path::Path;

use glassbox_infer::Classifier;
use glassbox_model::write_tensors;
use glassbox_scratch::compare::largest;

use crate::{
    args::GradientsArgs,
    commands::{
        model_path, open_backend,
        pictures::{Pictures, expand},
    },
    failure::Failure,
    output::{self, note},
};

/// Runs the images through the model as one batch, writes every value and gradient, and lists them.
pub fn run(args: GradientsArgs) -> Result<(), Failure> {
    let device = open_backend(&args.backend)?;
    let model = model_path(&args.model);
    let classifier = Classifier::open(&model, &device)?;
    check_out(&args.out, &model)?;
    let mut source = Pictures::new(args.data_dir.clone());
    let mut prepared = Vec::new();
    for (input, problem) in args.inputs.iter().flat_map(|input| expand(input)) {
        let picture = match problem {
            None => source.read(&input)?,
            Some(problem) => Err(problem),
        };
        let picture = picture.map_err(|problem| Failure::data(format!("{input}: {problem}")))?;
        prepared.push(classifier.prepare(&picture, args.invert));
    }
    let classes = &classifier.file().classes;
    let labels: Vec<u16> = args
        .labels
        .iter()
        .map(|label| class(label, classes))
        .collect::<Result<_, _>>()?;
    let labels = match labels.len() {
        0 => {
            note("no --labels: no loss and no gradients, only what the layers compute");
            None
        }
        count if count == prepared.len() => Some(labels.as_slice()),
        count => {
            return Err(Failure::usage(format!(
                "{count} labels for {} images: give one --labels value to an image, in their order",
                prepared.len()
            )));
        }
    };
    let tensors = classifier.trace(&prepared, labels)?.tensors();
    write_tensors(&args.out, &tensors)
        .map_err(|error| Failure::running(format!("--out {error}")))?;
    for tensor in &tensors {
        let shape: Vec<_> = tensor.shape.iter().map(usize::to_string).collect();
        output::line(format!(
            "{:<18} {:<14} largest {:.4e}",
            tensor.name,
            shape.join("×"),
            largest(&tensor.values)
        ))?;
    }
    output::line(format!(
        "{} tensors in {}",
        tensors.len(),
        args.out.display()
    ))
}

/// Before the work: a folder that is not there, or the model itself.
fn check_out(out: &Path, model: &Path) -> Result<(), Failure> {
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(Failure::running(format!(
            "--out {}: there is no folder {}",
            out.display(),
            folder.display()
        )));
    }
    let same = |path: &Path| path.canonicalize().ok();
    if same(out).is_some() && same(out) == same(model) {
        return Err(Failure::usage(format!(
            "--out {} is the model itself",
            out.display()
        )));
    }
    Ok(())
}

/// A class by its name, or by its number from 0.
fn class(label: &str, classes: &[String]) -> Result<u16, Failure> {
    let named = classes.iter().position(|class| class == label);
    let class = named.or_else(|| label.parse().ok().filter(|class| *class < classes.len()));
    class.map(|class| class as u16).ok_or_else(|| {
        Failure::usage(format!(
            "--labels {label}: no such class; the model has {}, or 0 to {}",
            classes.join(", "),
            classes.len() - 1
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_named_or_numbered() {
        let classes = ["cat".to_string(), "0".to_string()];
        assert_eq!(class("cat", &classes).ok(), Some(0));
        // A name comes first.
        assert_eq!(class("0", &classes).ok(), Some(1));
        assert_eq!(class("1", &classes).ok(), Some(1));
        for wrong in ["2", "-1", "dog", ""] {
            assert_eq!(
                class(wrong, &classes).map_err(|e| e.code()),
                Err(2),
                "{wrong}"
            );
        }
    }
}
