//! `predictions.csv`: one row per image, with its true and predicted class and every probability.

use glassbox_infer::Scored;

/// Writes a header and a row per image. Classes are given by name; a probability's column is `p:<class>`.
pub fn write_predictions<W: std::io::Write>(
    csv: &mut csv::Writer<W>,
    classes: &[String],
    rows: &[Scored],
) -> csv::Result<()> {
    let fixed = ["index", "label", "predicted"].map(String::from);
    csv.write_record(
        fixed
            .into_iter()
            .chain(classes.iter().map(|c| format!("p:{c}"))),
    )?;
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    for row in rows {
        let fixed = [
            row.index.to_string(),
            name(usize::from(row.label)),
            name(row.predicted),
        ];
        csv.write_record(
            fixed
                .into_iter()
                .chain(row.probabilities.iter().map(f32::to_string)),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_their_classes() {
        let rows = [Scored {
            index: 3,
            label: 1,
            predicted: 0,
            probabilities: vec![0.75, 0.25],
        }];
        let mut csv = csv::Writer::from_writer(Vec::new());
        write_predictions(&mut csv, &["cat, tame".into(), "dog".into()], &rows).unwrap();
        let text = String::from_utf8(csv.into_inner().unwrap()).unwrap();
        assert_eq!(
            text,
            "index,label,predicted,\"p:cat, tame\",p:dog\n3,dog,\"cat, tame\",0.75,0.25\n"
        );
    }
}
