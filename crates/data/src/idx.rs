//! IDX files, the format of MNIST (its layout: magic `0 0 8 rank`, big-endian `u32` sizes, then bytes).

use std::{io::Read, path::Path};

use flate2::read::MultiGzDecoder;
use glassbox_spec::ImageShape;

use crate::{DataError, FileCard, bounded, digest};

/// No file may be, or decompress to, more than this.
const MAX_BYTES: u64 = 2 << 30;

/// Longest header: magic and three sizes.
const MAX_HEADER: u64 = 16;

/// Reads a file, decompresses it if it is gzip, and checks it against its card.
pub(crate) fn read(path: &Path, card: &FileCard) -> Result<Vec<u8>, DataError> {
    let file = bounded::open_file(path).map_err(DataError::io(path))?;
    let bytes = bounded::read(file, MAX_BYTES).map_err(DataError::io(path))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        digest::check(path, card.sha256.as_deref(), digest::sha256(&bytes))?;
        return Ok(bytes);
    }
    digest::check(path, card.file_sha256.as_deref(), digest::sha256(&bytes))?;
    let payload = decompress(path, &bytes)?;
    digest::check(path, card.sha256.as_deref(), digest::sha256(&payload))?;
    Ok(payload)
}

/// Decompresses as many bytes as the IDX header announces, and fails if there are others.
fn decompress(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    let gzip = |error| DataError::corrupt(path, format!("gzip: {error}"));
    let mut decoder = MultiGzDecoder::new(bytes);
    let mut payload = Vec::new();
    let mut header = decoder.by_ref().take(MAX_HEADER);
    header.read_to_end(&mut payload).map_err(gzip)?;
    let claimed = claimed(path, &payload)?;
    // One byte more, so that a longer file is noticed.
    let rest = (claimed + 1).saturating_sub(payload.len() as u64);
    let mut rest = decoder.take(rest);
    rest.read_to_end(&mut payload).map_err(gzip)?;
    if payload.len() as u64 > claimed {
        return Err(DataError::corrupt(
            path,
            format!("its header announces {claimed} bytes in all, but there are more"),
        ));
    }
    Ok(payload)
}

/// Length of a file in all, by its header.
fn claimed(path: &Path, bytes: &[u8]) -> Result<u64, DataError> {
    let (sizes, header) = match bytes {
        [0, 0, 8, 1, sizes @ ..] => (sizes.get(..4), 8),
        [0, 0, 8, 3, sizes @ ..] => (sizes.get(..12), 16),
        _ => (None, 0),
    };
    let Some(sizes) = sizes else {
        return Err(DataError::corrupt(
            path,
            format!(
                "decompresses to what starts with {:02x?}, no header of an IDX file",
                &bytes[..bytes.len().min(4)]
            ),
        ));
    };
    let data = sizes.chunks_exact(4).try_fold(1u64, |product, size| {
        product.checked_mul(number(size) as u64)
    });
    let claimed = data.and_then(|data| data.checked_add(header));
    claimed
        .filter(|claimed| *claimed <= MAX_BYTES)
        .ok_or_else(|| {
            let problem = format!("its header announces more than {MAX_BYTES} bytes");
            DataError::corrupt(path, problem)
        })
}

/// Big-endian.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte))
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
        *size = number(word);
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
