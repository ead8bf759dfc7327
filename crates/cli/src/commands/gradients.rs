//! `glassbox gradients`

use std::path::{Path, PathBuf};

use glassbox_scratch::compare::largest;
use glassbox_store::write_tensors;

use crate::{
    args::GradientsArgs,
    commands::{
        class, model_path, open_backend, open_model,
        pictures::{Pictures, expand},
    },
    failure::Failure,
    output::{self, note},
};

/// Runs the images through the model as one batch, writes every value and gradient, and lists them.
pub fn run(args: GradientsArgs) -> Result<(), Failure> {
    let device = open_backend(&args.backend)?;
    let classifier = open_model(args.model.as_deref(), &device)?;
    let mut source = Pictures::new(args.data_dir.clone());
    let inputs: Vec<_> = args.inputs.iter().flat_map(|input| expand(input)).collect();
    let names: Vec<String> = inputs.iter().map(|(input, _)| input.clone()).collect();
    check_out(
        &args.out,
        args.model.as_deref().map(model_path),
        names.as_slice(),
    )?;
    let mut prepared = Vec::new();
    for (input, problem) in inputs {
        let picture = match problem {
            None => source.read(&input)?,
            Some(problem) => Err(problem),
        };
        let picture = picture.map_err(|problem| Failure::data(format!("{input}: {problem}")))?;
        prepared.push(classifier.prepare(&picture, args.invert));
    }
    let classes = &classifier.file().classes;
    let one_each = |flag: &str, given: &[String]| {
        let given = given.iter().map(|name| class(flag, name, classes));
        let given = given.collect::<Result<Vec<_>, _>>()?;
        if given.len() != prepared.len() {
            return Err(Failure::usage(format!(
                "{} {} for {} images: give one {flag} value to an image, in their order",
                given.len(),
                flag.trim_start_matches('-'),
                prepared.len()
            )));
        }
        Ok(given)
    };
    let trace = match (&args.labels[..], &args.scores[..]) {
        ([], []) => {
            note("no --labels and no --scores: no gradients, only what the layers compute");
            classifier.trace(&prepared, None)?
        }
        ([], scores) => classifier.trace_scores(&prepared, &one_each("--scores", scores)?)?,
        (labels, _) => classifier.trace(&prepared, Some(&one_each("--labels", labels)?))?,
    };
    let tensors = trace.tensors();
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

/// Before the work: what `--out` must not be. A regular file that is not read here is replaced.
fn check_out(out: &Path, model: Option<PathBuf>, inputs: &[String]) -> Result<(), Failure> {
    let out_is = |problem: String| format!("--out {}: {problem}", out.display());
    if out == Path::new("-") {
        return Err(Failure::usage(out_is(
            "tensors are written to a file".into(),
        )));
    }
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let problem = format!("there is no folder {}", folder.display());
        return Err(Failure::running(out_is(problem)));
    }
    let Ok(there) = out.symlink_metadata() else {
        return Ok(());
    };
    if !there.is_file() {
        return Err(Failure::running(out_is("not a regular file".into())));
    }
    let real = |path: &Path| path.canonicalize().ok();
    let mut read = inputs.iter().map(Path::new).chain(model.as_deref());
    if read.any(|path| real(path) == real(out)) {
        return Err(Failure::usage(out_is("it is read by this command".into())));
    }
    Ok(())
}
