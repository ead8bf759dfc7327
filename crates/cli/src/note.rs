//! Standard error.

use std::io::{self, Write};

/// Prints a line to standard error; where nobody listens, nothing is said.
pub fn note(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
}
