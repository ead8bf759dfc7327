//! CIFAR's binary batches: records of one label byte and the planes red, green, blue, each row by row.

use std::path::Path;

use glassbox_spec::ImageShape;

use crate::DataError;

/// Appends the images and labels of one batch.
pub(crate) fn append(
    path: &Path,
    bytes: &[u8],
    shape: ImageShape,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u16>,
) -> Result<(), DataError> {
    let record = 1 + shape.len();
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        return Err(DataError::corrupt(
            path,
            format!(
                "{} bytes is not a whole number of records of {record} bytes",
                bytes.len()
            ),
        ));
    }
    for record in bytes.chunks_exact(record) {
        labels.push(u16::from(record[0]));
        pixels.extend_from_slice(&record[1..]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_label_then_planes() {
        let shape = ImageShape::new(3, 2, 4).unwrap();
        let mut bytes = vec![9];
        bytes.extend(0..24);
        bytes.push(4);
        bytes.extend(100..124);
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        append(Path::new("b"), &bytes, shape, &mut pixels, &mut labels).unwrap();
        assert_eq!(labels, [9, 4]);
        assert_eq!(pixels, (0..24).chain(100..124).collect::<Vec<u8>>());
        for bad in [&bytes[..49], &[]] {
            assert!(matches!(
                append(Path::new("b"), bad, shape, &mut pixels, &mut labels),
                Err(DataError::Corrupt { .. })
            ));
        }
    }
}
