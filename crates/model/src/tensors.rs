//! Named tensors in a safetensors file, with one metadata key: what model file and checkpoint have in common.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use atomic_write_file::AtomicWriteFile;
use glassbox_spec::{Parameter, ParameterShape, Parameters, validate};
use safetensors::{Dtype, SafeTensors, View, serialize};
use serde_json::Value;

use crate::ModelError;

/// The metadata key.
const KEY: &str = "glassbox";

/// No file may be larger than this: a checkpoint of the most parameters that a plan may have, each with two moments, and a
/// header.
const MAX_BYTES: u64 = 13 << 30;

/// No file may have more tensors than this: weights, biases and their moments of the most layers that a plan may have.
const MAX_TENSORS: usize = 6_000;

/// `expected`, each name with a prefix.
pub(crate) fn prefixed(prefix: &str, expected: &[ParameterShape]) -> Vec<ParameterShape> {
    expected
        .iter()
        .map(|shape| ParameterShape {
            name: format!("{prefix}.{}", shape.name),
            ..shape.clone()
        })
        .collect()
}

struct Values<'a>(&'a Parameter);

impl View for Values<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        self.0.values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        self.0.values.len() * 4
    }
}

/// Writes beside `path`, flushes to the disk, renames.
pub(crate) fn write(
    path: &Path,
    parameters: &[Parameter],
    metadata: &Value,
) -> Result<(), ModelError> {
    let metadata = match metadata {
        Value::Null => None,
        metadata => Some(HashMap::from([(KEY.to_string(), metadata.to_string())])),
    };
    let tensors = parameters.iter().map(|p| (p.name.as_str(), Values(p)));
    let bytes = serialize(tensors, metadata).map_err(|error| ModelError::Format {
        path: path.to_path_buf(),
        problem: error.to_string(),
    })?;
    let io = |source| ModelError::Io {
        path: path.to_path_buf(),
        source,
    };
    let mut file = AtomicWriteFile::open(path).map_err(io)?;
    file.write_all(&bytes).map_err(io)?;
    file.commit().map_err(io)
}

/// Writes named tensors, such as those of a trace, as a safetensors file: beside `path`, then renamed.
pub fn write_tensors(path: &Path, tensors: &[Parameter]) -> Result<(), ModelError> {
    write(path, tensors, &Value::Null)
}

/// The bytes of a file.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, ModelError> {
    let io = |source| ModelError::Io {
        path: path.to_path_buf(),
        source,
    };
    let metadata = fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        return Err(io(io::Error::other("not a regular file")));
    }
    if metadata.len() > MAX_BYTES {
        return Err(ModelError::Format {
            path: path.to_path_buf(),
            problem: format!("{} bytes is too large", metadata.len()),
        });
    }
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(io)?.take(MAX_BYTES);
    file.read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Every tensor and the metadata of a file's bytes; tensors other than `f32` are refused.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<(Parameters, Value), ModelError> {
    let format = |problem: String| ModelError::Format {
        path: path.to_path_buf(),
        problem,
    };
    let metadata_problem = |problem: String| ModelError::Metadata {
        path: path.to_path_buf(),
        problem,
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| format(e.to_string()))?;
    let json = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(KEY))
        .ok_or_else(|| metadata_problem(format!("no key `{KEY}`: not written by this program")))?;
    let metadata = serde_json::from_str(json).map_err(|e| metadata_problem(e.to_string()))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| format(e.to_string()))?;
    if tensors.len() > MAX_TENSORS {
        return Err(format(std::format!("more than {MAX_TENSORS} tensors")));
    }
    let mut parameters = Vec::new();
    let mut problems = Vec::new();
    for (name, view) in tensors.iter() {
        if view.dtype() != Dtype::F32 {
            problems.push(format!("{name} is {:?}, expected F32", view.dtype()));
            continue;
        }
        let values = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        parameters.push(Parameter {
            name: name.to_string(),
            shape: view.shape().to_vec(),
            values,
        });
    }
    if problems.is_empty() {
        Ok((parameters, metadata))
    } else {
        Err(ModelError::Tensors {
            path: path.to_path_buf(),
            problems,
        })
    }
}

/// Fails, naming every tensor that does not fit; otherwise the parameters in the order of `expected`.
pub(crate) fn fitted(
    path: &Path,
    expected: &[ParameterShape],
    mut found: Parameters,
) -> Result<Parameters, ModelError> {
    let problems = validate(expected, &found);
    if !problems.is_empty() {
        return Err(ModelError::Tensors {
            path: path.to_path_buf(),
            problems,
        });
    }
    let position = |p: &Parameter| expected.iter().position(|shape| shape.name == p.name);
    found.sort_by_key(position);
    Ok(found)
}
