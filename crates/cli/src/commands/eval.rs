//! `glassbox eval`

use std::{fs::File, path::Path};

use glassbox_data::Part;
use glassbox_infer::{Evaluation, scored};
use glassbox_train::write_predictions;

use crate::{
    args::{EvalArgs, SplitArg},
    commands::{models_dataset, open_backend, open_model},
    failure::Failure,
    output::{self, plain},
};

/// Evaluates, prints, and checks the floor.
pub fn run(args: EvalArgs) -> Result<(), Failure> {
    if let Some(floor) = args.min_accuracy
        && !(0.0..=1.0).contains(&floor)
    {
        return Err(Failure::usage(format!(
            "--min-accuracy is {floor}; it must be between 0 and 1"
        )));
    }
    let device = open_backend(&args.backend)?;
    let classifier = open_model(args.model.as_deref(), &device)?;
    let model = classifier.file();
    let (_, dataset) =
        models_dataset(&classifier, args.model.as_deref(), args.data, args.data_dir)?;
    let (part, indices) = match args.split {
        SplitArg::Test => (Part::Test, None),
        SplitArg::Train => (Part::Train, Some(false)),
        SplitArg::Validation => (Part::Train, Some(true)),
    };
    let images = dataset.images(part)?;
    let indices = match indices {
        None => (0..images.len() as u32).collect(),
        Some(true) => dataset.split(&images).validation,
        Some(false) => dataset.split(&images).train,
    };
    let failed =
        |path: &Path, problem: String| Failure::running(format!("{}: {problem}", path.display()));
    // Opened first, so that a bad path is known before the work is done.
    let csv = match &args.csv {
        Some(path) => {
            let file = File::create(path).map_err(|error| failed(path, error.to_string()))?;
            Some((path, csv::Writer::from_writer(file)))
        }
        None => None,
    };
    let mut rows = Vec::new();
    let evaluation = classifier.evaluate(images, indices, |batch, logits| {
        if csv.is_some() {
            rows.extend(scored(batch, logits));
        }
    })?;
    if let Some((path, mut csv)) = csv {
        write_predictions(&mut csv, &model.classes, &rows)
            .and_then(|()| Ok(csv.flush()?))
            .map_err(|error| failed(path, error.to_string()))?;
    }
    if args.json {
        output::json(&evaluation)?;
    } else {
        output::line(table(&evaluation))?;
    }
    match args.min_accuracy {
        Some(floor) if evaluation.accuracy < floor => Err(Failure::check(format!(
            "accuracy {:.4} is below --min-accuracy {floor}",
            evaluation.accuracy
        ))),
        _ => Ok(()),
    }
}

/// Accuracy, the classes' figures, and the confusion matrix.
pub fn table(evaluation: &Evaluation) -> String {
    let images: u64 = evaluation.classes.iter().map(|class| class.support).sum();
    let mut text = format!(
        "accuracy {:.2} %   loss {:.4}   {} images\n\n",
        100.0 * evaluation.accuracy,
        evaluation.loss,
        output::thousands(images)
    );
    let longest = evaluation
        .classes
        .iter()
        .map(|class| class.name.chars().count())
        .max();
    let width = longest.unwrap_or(0).max("class".len());
    text += &format!("{:<width$}  precision  recall      f1  images\n", "class");
    for class in &evaluation.classes {
        text += &format!(
            "{:<width$}  {:>9.4}  {:>6.4}  {:>6.4}  {:>6}\n",
            plain(&class.name),
            class.precision,
            class.recall,
            class.f1,
            class.support
        );
    }
    text += "\nconfusion: rows are true classes, columns predicted ones, in the same order\n";
    let counts = evaluation.confusion.iter().flatten();
    let cell = counts
        .map(|count| count.to_string().len())
        .max()
        .unwrap_or(1)
        .max(3);
    for (class, row) in evaluation.classes.iter().zip(&evaluation.confusion) {
        let cells: Vec<_> = row.iter().map(|count| format!("{count:>cell$}")).collect();
        text += &format!("{:<width$}  {}\n", plain(&class.name), cells.join(" "));
    }
    text.trim_end().to_string()
}
