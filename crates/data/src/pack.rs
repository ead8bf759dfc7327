//! The packed cache: a decoded image tree in one file, so that the next start reads instead of decoding.
//!
//! Layout: the magic line, the length of a JSON header (`u64`, little-endian), the header, then for train and test the
//! pixels and the labels (`u16`, little-endian), and at last the SHA-256 of all that, in hex. The name carries the digest
//! of the source.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use atomic_write_file::AtomicWriteFile;
use glassbox_spec::ImageShape;
use serde::{Deserialize, Serialize};

use crate::{DataError, Images, Part, Skipped, digest::Hasher, image_tree::Decoded};

const MAGIC: &[u8; 16] = b"glassbox pack 2\n";

/// No header is larger than this.
const MAX_HEADER: u64 = 16 << 20;

/// Length of the digest at the end.
const DIGEST: u64 = 64;

/// What a pack holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackHeader {
    pub shape: ImageShape,
    pub classes: Vec<String>,
    pub train: usize,
    pub test: usize,
    pub skipped: Vec<Skipped>,
}

/// Writes beside the target and renames.
pub(crate) fn write(path: &Path, decoded: &Decoded) -> io::Result<PackHeader> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let header = PackHeader {
        shape: decoded.train.shape(),
        classes: decoded.classes.clone(),
        train: decoded.train.len(),
        test: decoded.test.len(),
        skipped: decoded.skipped.clone(),
    };
    let json = serde_json::to_vec(&header)?;
    let mut file = AtomicWriteFile::open(path)?;
    let mut hasher = Hasher::default();
    let mut put = |bytes: &[u8]| {
        hasher.write_all(bytes)?;
        file.write_all(bytes)
    };
    put(MAGIC)?;
    put(&(json.len() as u64).to_le_bytes())?;
    put(&json)?;
    for images in [&decoded.train, &decoded.test] {
        put(images.pixels())?;
        let labels: Vec<u8> = images
            .labels()
            .iter()
            .flat_map(|l| l.to_le_bytes())
            .collect();
        put(&labels)?;
    }
    file.write_all(hasher.finish().as_bytes())?;
    file.commit()?;
    Ok(header)
}

/// The header, if the file is a whole pack whose every byte is as it was written.
pub(crate) fn header(path: &Path) -> Result<PackHeader, DataError> {
    let (header, mut file, _) = open(path)?;
    let io = || DataError::io(path);
    let length = file.metadata().map_err(io())?.len();
    file.rewind().map_err(io())?;
    let mut hasher = Hasher::default();
    let mut contents = (&mut file).take(length - DIGEST);
    io::copy(&mut contents, &mut hasher).map_err(io())?;
    let mut expected = String::new();
    file.take(DIGEST)
        .read_to_string(&mut expected)
        .map_err(io())?;
    match hasher.finish() == expected {
        true => Ok(header),
        false => Err(DataError::corrupt(path, "its bytes have changed")),
    }
}

/// Reads one part.
pub(crate) fn read(path: &Path, part: Part) -> Result<Images, DataError> {
    let (header, mut file, start) = open(path)?;
    let len = header.shape.len();
    let (skip, count) = match part {
        Part::Train => (0, header.train),
        Part::Test => (header.train * (len + 2), header.test),
    };
    file.seek(SeekFrom::Start(start + skip as u64))
        .map_err(DataError::io(path))?;
    let mut pixels = vec![0; count * len];
    let mut labels = vec![0; count * 2];
    file.read_exact(&mut pixels).map_err(DataError::io(path))?;
    file.read_exact(&mut labels).map_err(DataError::io(path))?;
    let labels = labels
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    Images::new(header.shape, pixels, labels, header.classes.len())
}

/// Header, file, and where the data starts; the file has exactly the length that the header claims.
fn open(path: &Path) -> Result<(PackHeader, File, u64), DataError> {
    let io = || DataError::io(path);
    let mut file = File::open(path).map_err(io())?;
    let length = file.metadata().map_err(io())?.len();
    let mut fixed = [0; 24];
    file.read_exact(&mut fixed).map_err(io())?;
    let (magic, size) = fixed.split_at(16);
    let size = size
        .iter()
        .rev()
        .fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    if magic != MAGIC || size > MAX_HEADER || size > length {
        return Err(DataError::corrupt(path, "not a packed cache"));
    }
    let mut json = vec![0; size as usize];
    file.read_exact(&mut json).map_err(io())?;
    let header: PackHeader = serde_json::from_slice(&json)
        .map_err(|error| DataError::corrupt(path, format!("header: {error}")))?;
    let claimed = header
        .train
        .checked_add(header.test)
        .and_then(|count| (count as u64).checked_mul(header.shape.len() as u64 + 2))
        .and_then(|data| data.checked_add(24 + size + DIGEST));
    if claimed != Some(length) {
        return Err(DataError::corrupt(
            path,
            format!("{length} bytes, but its header claims {claimed:?}"),
        ));
    }
    Ok((header, file, 24 + size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(count: u8) -> Images {
        let shape = ImageShape::new(3, 2, 4).unwrap();
        let pixels = (0..count).flat_map(|i| [i; 24]).collect();
        let labels = (0..count).map(|i| u16::from(i % 3)).collect();
        Images::new(shape, pixels, labels, 3).unwrap()
    }

    #[test]
    fn round_trips_and_refuses_what_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p").join("x.pack");
        let skipped = Skipped {
            file: "train/a/x.png".into(),
            reason: "empty image".into(),
        };
        let decoded = Decoded {
            classes: vec!["a".into(), "b".into(), "c".into()],
            train: images(7),
            test: images(4),
            skipped: vec![skipped],
        };
        let written = write(&path, &decoded).unwrap();
        assert_eq!(header(&path).unwrap(), written);
        assert_eq!(read(&path, Part::Train).unwrap(), decoded.train);
        assert_eq!(read(&path, Part::Test).unwrap(), decoded.test);

        let whole = fs::read(&path).unwrap();
        for cut in [0, 10, 20, 60, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(read(&path, Part::Test).is_err(), "cut at {cut}");
        }
        for changed in [30, whole.len() / 2, whole.len() - 70, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[changed] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(header(&path).is_err(), "changed at {changed}");
        }
        let mut lying = whole.clone();
        lying[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
        fs::write(&path, lying).unwrap();
        assert!(matches!(
            read(&path, Part::Train),
            Err(DataError::Corrupt { .. })
        ));
    }
}
