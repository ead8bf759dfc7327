//! `glassbox summary`

use glassbox_draw::network;
use glassbox_train::architecture;

use crate::{args::SummaryArgs, failure::Failure, output};

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
    output::line(network(&architecture.name, &plan))
}
