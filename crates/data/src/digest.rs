//! SHA-256 of files and bytes, as lower-case hexadecimal.

use std::{io, path::Path};

use sha2::{Digest, Sha256};

use crate::{DataError, bounded};

/// Digest of a file's bytes as they lie on the disk.
pub(crate) fn sha256_file(path: &Path) -> Result<String, DataError> {
    let mut file = bounded::open_file(path).map_err(DataError::io(path))?;
    let mut hasher = Hasher::default();
    io::copy(&mut file, &mut hasher).map_err(DataError::io(path))?;
    Ok(hasher.finish())
}

/// Digest of bytes in memory.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.0.update(bytes);
    hasher.finish()
}

/// A digest in the making, fed by writing to it.
#[derive(Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    pub(crate) fn finish(self) -> String {
        self.0
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect()
    }
}

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails unless `found` is what was expected.
pub(crate) fn check(path: &Path, expected: Option<&str>, found: String) -> Result<(), DataError> {
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(&found) => Err(DataError::Digest {
            path: path.to_path_buf(),
            expected: expected.to_string(),
            found,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_standard_and_rejects_others() {
        // FIPS 180-2, example B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        let path = Path::new("x");
        assert!(check(path, Some(&abc.to_uppercase()), sha256(b"abc")).is_ok());
        assert!(check(path, None, sha256(b"abd")).is_ok());
        assert!(matches!(
            check(path, Some(abc), sha256(b"abd")),
            Err(DataError::Digest { .. })
        ));
    }
}
