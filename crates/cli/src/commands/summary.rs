//! `glassbox summary`

use glassbox_spec::{Operation, Plan, PlannedLayer};
use glassbox_train::architecture;

use crate::{
    args::SummaryArgs,
    failure::Failure,
    output::{self, thousands},
};

/// Prints the table, or the JSON.
pub fn run(args: SummaryArgs) -> Result<(), Failure> {
    let input = args
        .input
        .parse()
        .map_err(|error| Failure::usage(format!("--input: {error}")))?;
    let architecture = architecture(&args.arch, args.classes)?;
    let plan = architecture.plan(input)?;
    if args.json {
        let mut value = serde_json::to_value(&plan).map_err(std::io::Error::from)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("architecture".to_string(), architecture.name.into());
        }
        return output::json(&value);
    }
    output::line(table(&architecture.name, &plan))
}

/// Name, what it does, output, parameters and multiply-accumulates with their arithmetic, receptive field.
fn table(name: &str, plan: &Plan) -> String {
    let header = [
        "layer",
        "operation",
        "output",
        "parameters",
        "multiply-accumulates",
        "sees",
    ];
    let mut rows = vec![header.map(String::from).to_vec()];
    rows.push(vec![
        "input".into(),
        String::new(),
        plan.input().to_string(),
    ]);
    rows.extend(plan.layers().iter().map(row));
    rows.push(vec![
        "total".into(),
        String::new(),
        String::new(),
        thousands(plan.parameter_count()),
        thousands(plan.macs()),
    ]);
    let columns = header.len();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = format!("{name} on {}\n", plan.input());
    for (number, row) in rows.iter().enumerate() {
        if number == 1 || number + 1 == rows.len() {
            text += &"─".repeat(widths.iter().sum::<usize>() + 2 * (columns - 1));
            text.push('\n');
        }
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text += line.trim_end();
        text.push('\n');
    }
    text += &format!(
        "{} parameters ({} KiB as f32), {} multiply-accumulates an image",
        thousands(plan.parameter_count()),
        thousands(plan.parameter_count() * 4 / 1024),
        thousands(plan.macs())
    );
    text
}

fn row(layer: &PlannedLayer) -> Vec<String> {
    let (operation, parameters, macs) = match layer.operation {
        Operation::Conv {
            geometry,
            activation,
        } => {
            let [kh, kw] = geometry.kernel();
            let (input, output) = (geometry.input(), geometry.output());
            let each = format!("{kh}·{kw}·{}", input.channels());
            (
                format!(
                    "conv {kh}×{kw}{}{}, {}",
                    stride(geometry.stride(), [1, 1]),
                    padding(geometry.padding()),
                    activation.name()
                ),
                format!("({each} + 1)·{} = ", output.channels()),
                format!("{output} · {each} = ").replace('×', "·"),
            )
        }
        Operation::MaxPool(pool) | Operation::AvgPool(pool) => {
            let [kh, kw] = pool.kernel();
            let kind = layer.operation.kind().replace('_', " ");
            let text = format!(
                "{kind} {kh}×{kw}{}{}",
                stride(pool.stride(), pool.kernel()),
                padding(pool.padding())
            );
            (text, String::new(), String::new())
        }
        Operation::Dense {
            inputs,
            units,
            activation,
        } => (
            format!("dense, {}", activation.name()),
            format!("({inputs} + 1)·{units} = "),
            format!("{inputs}·{units} = "),
        ),
        Operation::Flatten => ("flatten".into(), String::new(), String::new()),
        Operation::Dropout { rate } => (format!("dropout {rate}"), String::new(), String::new()),
    };
    let counted = |sum: String, count: u64| format!("{sum}{}", thousands(count));
    let [height, width] = layer.receptive_field;
    vec![
        layer.name.clone(),
        operation,
        layer.output.to_string(),
        counted(parameters, layer.parameter_count()),
        counted(macs, layer.macs()),
        format!("{height}×{width}"),
    ]
}

fn stride(stride: [usize; 2], usual: [usize; 2]) -> String {
    if stride == usual {
        String::new()
    } else {
        format!(" stride {}×{}", stride[0], stride[1])
    }
}

fn padding(sides: glassbox_spec::Sides) -> String {
    if sides.is_zero() {
        String::new()
    } else {
        format!(" padding {}", glassbox_spec::Padding::Sides(sides))
    }
}
