//! Reading from outside: never more than a limit, and only what has an end.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read},
    path::Path,
};

/// No text file (card, configuration, architecture) may have more bytes than this.
const MAX_TEXT: u64 = 1 << 20;

/// Opens a regular file. A device or a pipe may have no end, so they are refused.
pub fn open_file(path: &Path) -> io::Result<File> {
    // Before it is opened: opening a pipe waits for somebody to write.
    if path.metadata()?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

/// All there is to read, unless it is more than `most` bytes.
pub(crate) fn read(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// A text file of at most 1 MiB.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(open_file(path)?, MAX_TEXT)?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("not text in UTF-8"))
}

/// Fails when more is read than is left.
pub(crate) struct Limited<'a, R> {
    pub reader: R,
    /// Bytes that may still be read; 0 once the limit was reached.
    pub left: &'a Cell<u64>,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)? as u64;
        self.left.set(self.left.get().saturating_sub(count));
        match self.left.get() {
            0 => Err(io::Error::other("too much to read")),
            _ => Ok(count as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn texts_have_a_limit_and_are_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        fs::write(&path, "é").unwrap();
        assert_eq!(read_text(&path).unwrap(), "é");
        fs::write(&path, [0xff]).unwrap();
        assert!(read_text(&path).unwrap_err().to_string().contains("UTF-8"));
        fs::write(&path, vec![b' '; 1 << 20]).unwrap();
        assert!(read_text(&path).is_ok());
        fs::write(&path, vec![b' '; (1 << 20) + 1]).unwrap();
        assert!(read_text(&path).unwrap_err().to_string().contains("1 MiB"));
        assert!(read_text(folder.path()).is_err());
    }

    #[test]
    fn a_limited_reader_fails_beyond_its_limit() {
        for (limit, fits) in [(11, true), (10, false)] {
            let left = Cell::new(limit);
            let mut reader = Limited {
                reader: [7; 10].as_slice(),
                left: &left,
            };
            assert_eq!(reader.read_to_end(&mut Vec::new()).is_ok(), fits);
        }
    }
}
