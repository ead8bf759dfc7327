//! IDX files, the format of MNIST (its layout: magic `0 0 8 rank`, big-endian `u32` sizes, then bytes).

use std::{fs, io::Read, path::Path};

use flate2::read::MultiGzDecoder;
use glassbox_spec::ImageShape;

use crate::{DataError, FileCard, digest};

/// No file may decompress to more than this.
const MAX_BYTES: u64 = 4 << 30;

/// Reads a file, decompresses it if it is gzip, and checks it against its card.
pub(crate) fn read(path: &Path, card: &FileCard) -> Result<Vec<u8>, DataError> {
    let bytes = fs::read(path).map_err(DataError::io(path))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        digest::check(path, card.sha256.as_deref(), digest::sha256(&bytes))?;
        return Ok(bytes);
    }
    digest::check(path, card.file_sha256.as_deref(), digest::sha256(&bytes))?;
    let mut payload = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(MAX_BYTES + 1)
        .read_to_end(&mut payload)
        .map_err(|error| DataError::corrupt(path, format!("gzip: {error}")))?;
    if payload.len() as u64 > MAX_BYTES {
        return Err(DataError::corrupt(path, "decompresses to over 4 GiB"));
    }
    digest::check(path, card.sha256.as_deref(), digest::sha256(&payload))?;
    Ok(payload)
}

/// The pixels of an images file, whose size must be the card's.
pub(crate) fn images(path: &Path, bytes: Vec<u8>, shape: ImageShape) -> Result<Vec<u8>, DataError> {
    let ([_, height, width], data) = parse::<3>(path, bytes)?;
    if (height, width) != (shape.height(), shape.width()) {
        return Err(DataError::corrupt(
            path,
            format!(
                "images are {height}×{width}, the card says {}×{}",
                shape.height(),
                shape.width()
            ),
        ));
    }
    Ok(data)
}

/// The labels of a labels file.
pub(crate) fn labels(path: &Path, bytes: Vec<u8>) -> Result<Vec<u16>, DataError> {
    let (_, data) = parse::<1>(path, bytes)?;
    Ok(data.into_iter().map(u16::from).collect())
}

/// Sizes and data of an IDX file of unsigned bytes with the given rank.
fn parse<const RANK: usize>(
    path: &Path,
    mut bytes: Vec<u8>,
) -> Result<([usize; RANK], Vec<u8>), DataError> {
    let header = 4 + 4 * RANK;
    let magic = [0, 0, 8, RANK as u8];
    if bytes.len() < header {
        return Err(DataError::corrupt(
            path,
            format!(
                "{} bytes is too short for an IDX header of {header}",
                bytes.len()
            ),
        ));
    }
    if bytes[..4] != magic {
        return Err(DataError::corrupt(
            path,
            format!(
                "starts with {:02x?}, an IDX file of this kind with {magic:02x?}",
                &bytes[..4]
            ),
        ));
    }
    let mut sizes = [0; RANK];
    for (size, word) in sizes.iter_mut().zip(bytes[4..header].chunks_exact(4)) {
        *size = word.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
    }
    let expected = sizes
        .iter()
        .try_fold(1usize, |product, size| product.checked_mul(*size));
    let found = bytes.len() - header;
    if expected != Some(found) {
        return Err(DataError::corrupt(
            path,
            format!("the header announces {sizes:?} bytes, but {found} follow"),
        ));
    }
    bytes.drain(..header);
    Ok((sizes, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idx(magic: [u8; 4], sizes: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = magic.to_vec();
        for size in sizes {
            bytes.extend(size.to_be_bytes());
        }
        bytes.extend(data);
        bytes
    }

    fn problem(bytes: Vec<u8>) -> String {
        let shape = ImageShape::new(1, 2, 3).unwrap();
        images(Path::new("f"), bytes, shape)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn rows_and_columns_are_not_swapped() {
        let data: Vec<u8> = (0..12).collect();
        let shape = ImageShape::new(1, 2, 3).unwrap();
        let bytes = idx([0, 0, 8, 3], &[2, 2, 3], &data);
        assert_eq!(images(Path::new("f"), bytes, shape).unwrap(), data);
        let bytes = idx([0, 0, 8, 1], &[3], &[7, 0, 9]);
        assert_eq!(labels(Path::new("f"), bytes).unwrap(), [7, 0, 9]);
    }

    #[test]
    fn every_malformed_header_is_refused() {
        assert!(problem(vec![0, 0, 8]).contains("too short"));
        assert!(problem(idx([0, 0, 8, 1], &[2, 2, 3], &[0; 12])).contains("starts with"));
        assert!(problem(idx([0, 0, 8, 3], &[2, 2, 3], &[0; 11])).contains("11 follow"));
        assert!(problem(idx([0, 0, 8, 3], &[2, 2, 3], &[0; 13])).contains("13 follow"));
        assert!(problem(idx([0, 0, 8, 3], &[u32::MAX; 3], &[])).contains("0 follow"));
        assert!(problem(idx([0, 0, 8, 3], &[2, 3, 2], &[0; 12])).contains("3×2"));
    }
}
