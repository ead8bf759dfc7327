//! Arrays by name in one file that NumPy reads: `.npz`.
//!
//! * **In**: named tensors. * **Out**: the bytes of a file, the same for the same tensors. * **Never**: a file; compression.

use std::io::{self, Cursor, Write};

use glassbox_spec::Parameter;
use npyz::WriterBuilder;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// The tensors as `<name>.npy` each, in their order, `f32`, row-major.
pub fn npz(tensors: &[Parameter]) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for tensor in tensors {
        let shape: Vec<u64> = tensor.shape.iter().map(|size| *size as u64).collect();
        let mut bytes = Vec::new();
        let mut array = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&shape)
            .writer(&mut bytes)
            .begin_nd()?;
        array.extend(&tensor.values)?;
        array.finish()?;
        archive.start_file(format!("{}.npy", tensor.name), options)?;
        archive.write_all(&bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_was_written_can_be_read() {
        let tensors = [
            Parameter {
                name: "conv1.pre".to_string(),
                shape: vec![2, 1, 3],
                values: vec![1.0, -2.5, f32::MIN_POSITIVE, 0.0, f32::INFINITY, 3.25],
            },
            Parameter {
                name: "none".to_string(),
                shape: vec![0],
                values: vec![],
            },
        ];
        let bytes = npz(&tensors).unwrap();
        assert_eq!(bytes, npz(&tensors).unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 2);
        for tensor in tensors {
            let mut file = archive.by_name(&format!("{}.npy", tensor.name)).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            let array = npyz::NpyFile::new(&bytes[..]).unwrap();
            let shape: Vec<_> = array.shape().iter().map(|size| *size as usize).collect();
            assert_eq!(shape, tensor.shape);
            assert_eq!(array.into_vec::<f32>().unwrap(), tensor.values);
        }
    }
}
