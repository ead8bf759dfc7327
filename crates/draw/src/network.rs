//! A network as a table, and the work that a pass over it is.
//!
//! * **In**: a plan. * **Out**: text as wide as the table is; counts of operations. * **Never**: a measurement.

use glassbox_lessons::count;
use glassbox_spec::{Plan, PlannedLayer};

use crate::{ops, plain::width, text::columns};

/// Blanks between two columns.
const GAP: usize = 2;

/// Name, what it does, output, parameters and multiply-accumulates with their arithmetic, receptive field.
pub fn network(name: &str, plan: &Plan) -> String {
    let header = [
        "layer",
        "operation",
        "output",
        "parameters",
        "multiply-accumulates",
        "sees",
    ];
    let [input, parameters, macs] = [
        plan.input().to_string(),
        count(plan.parameter_count()),
        count(plan.macs()),
    ];
    let first = ["input", "", &input].map(String::from).to_vec();
    let last = ["total", "", "", &parameters, &macs];
    let mut rows = vec![header.map(String::from).to_vec(), first];
    rows.extend((0..plan.layers().len()).map(|place| row(plan, place)));
    rows.push(last.map(String::from).to_vec());
    let mut lines = columns(&rows, GAP, |_| false);
    let rule = "─".repeat(lines.iter().map(|line| width(line)).max().unwrap_or(0));
    lines.insert(lines.len() - 1, rule.clone());
    lines.insert(1, rule);
    format!(
        "{name} on {input}\n{}\n{parameters} parameters ({} KiB as f32), {macs} multiply-accumulates an image",
        lines.join("\n"),
        count(plan.parameter_count() * 4 / 1024),
    )
}

fn row(plan: &Plan, place: usize) -> Vec<String> {
    let layer = &plan.layers()[place];
    let told = ops::told(layer);
    let counted = |sum: String, number: u64| {
        if sum.is_empty() {
            count(number)
        } else {
            format!("{sum} = {}", count(number))
        }
    };
    let [height, width] = layer.receptive_field;
    vec![
        layer.name.clone(),
        told.name + &reads(plan, place),
        layer.output.to_string(),
        counted(told.parameters, layer.parameter_count()),
        counted(told.macs, layer.macs()),
        format!("{height}×{width}"),
    ]
}

/// ` of conv3 and pool1`, unless the layer reads the one before it and no other.
fn reads(plan: &Plan, place: usize) -> String {
    let inputs = &plan.layers()[place].inputs;
    if inputs[..] == [place] {
        return String::new();
    }
    // Value 0 is the image, value n what layer n − 1 yields.
    let name = |value: &usize| match value.checked_sub(1) {
        None => "input",
        Some(layer) => plan.layers()[layer].name.as_str(),
    };
    let names: Vec<_> = inputs.iter().map(name).collect();
    format!(" of {}", names.join(" and "))
}

/// Floating-point operations of a prediction for one image, a multiply-add as two.
pub fn prediction_operations(plan: &Plan) -> u64 {
    2 * plan.macs()
}

/// Floating-point operations of a training step for one image: forward, the gradients of the weights, and those of the inputs,
/// which the first layer does not need.
pub fn training_operations(plan: &Plan) -> u64 {
    let mut macs = plan.layers().iter().map(PlannedLayer::macs);
    let first = macs.find(|macs| *macs > 0).unwrap_or(0);
    2 * (3 * plan.macs() - first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_spec::{Architecture, ImageShape};

    #[test]
    fn a_table_says_what_a_layer_reads_besides_the_one_before() {
        let residual = "name = \"residual\"
            layers = [
                { kind = \"conv\", filters = 2, kernel = 3, padding = \"same\" },
                { kind = \"conv\", filters = 2, kernel = 3, padding = \"same\" },
                { kind = \"add\", inputs = [\"conv1\", \"conv2\"] },
                { kind = \"global_avg_pool\" },
                { kind = \"dense\", units = 2 },
            ]";
        let image = ImageShape::new(1, 4, 5).unwrap();
        let plan = Architecture::from_toml(residual)
            .unwrap()
            .plan(image)
            .unwrap();
        let table = network("residual", &plan);
        for part in [
            "add of conv1 and conv2 ",
            "global avg pool ",
            "(2 + 1)·2 = 6",
        ] {
            assert!(table.contains(part), "{table}");
        }
        assert!(!table.contains("conv 3×3 padding top 1 bottom 1 left 1 right 1, linear of"));
    }

    #[test]
    fn work_is_counted_forward_and_backward() {
        let image = ImageShape::new(3, 32, 32).unwrap();
        let plan = Architecture::preset("reference", 10)
            .unwrap()
            .plan(image)
            .unwrap();
        assert_eq!(prediction_operations(&plan), 9_097_216);
        assert_eq!(training_operations(&plan), 25_736_448);
    }
}
