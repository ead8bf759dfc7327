//! Named tensors in a safetensors file, with one metadata key: what model file and checkpoint have in common.

use std::{collections::HashMap, path::Path};

use glassbox_spec::{Parameter, ParameterShape, Parameters, validate};
use safetensors::{Dtype, SafeTensors, View, serialize};
use serde_json::Value;

use crate::StoreError;

/// The metadata key.
const KEY: &str = "glassbox";

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

/// A file's bytes; `path` is for messages.
pub(crate) fn to_bytes(
    path: &Path,
    parameters: &[Parameter],
    metadata: &Value,
) -> Result<Vec<u8>, StoreError> {
    let metadata = match metadata {
        Value::Null => None,
        metadata => Some(HashMap::from([(KEY.to_string(), metadata.to_string())])),
    };
    let tensors = parameters.iter().map(|p| (p.name.as_str(), Values(p)));
    serialize(tensors, metadata).map_err(|error| StoreError::Format {
        path: path.to_path_buf(),
        problem: error.to_string(),
    })
}

/// Writes named tensors, such as those of a trace, as a safetensors file: beside `path`, then renamed.
#[cfg(feature = "files")]
pub fn write_tensors(path: &Path, tensors: &[Parameter]) -> Result<(), StoreError> {
    crate::file::write(path, &to_bytes(path, tensors, &Value::Null)?)
}

/// Every tensor and the metadata of a file's bytes; tensors other than `f32` are refused.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<(Parameters, Value), StoreError> {
    let format = |problem: String| StoreError::Format {
        path: path.to_path_buf(),
        problem,
    };
    let metadata_problem = |problem: String| StoreError::Metadata {
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
        Err(StoreError::Tensors {
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
) -> Result<Parameters, StoreError> {
    let problems = validate(expected, &found);
    if !problems.is_empty() {
        return Err(StoreError::Tensors {
            path: path.to_path_buf(),
            problems,
        });
    }
    let position = |p: &Parameter| expected.iter().position(|shape| shape.name == p.name);
    found.sort_by_key(position);
    Ok(found)
}
