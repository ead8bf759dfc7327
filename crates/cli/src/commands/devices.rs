//! `glassbox devices`

use glassbox_model::open;
use glassbox_spec::Backend;

use crate::{failure::Failure, output};

/// One line per backend: what it would compute on, or why it cannot.
pub fn run() -> Result<(), Failure> {
    for backend in Backend::ALL {
        let state = match open(backend) {
            Ok(device) => match device.warning {
                Some(warning) => format!("{} (warning: {warning})", device.name),
                None => device.name,
            },
            Err(error) => format!("not available: {}", error.to_string().replace('\n', " ")),
        };
        output::line(format!("{:<8} {state}", backend.name()))?;
    }
    Ok(())
}
