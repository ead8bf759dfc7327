//! The model file: one safetensors file that holds all that prediction needs.

use std::path::Path;

use glassbox_spec::{Architecture, Parameters, Plan, Preprocessing};
use serde::{Deserialize, Serialize};

#[cfg(feature = "files")]
use crate::file;
use crate::{StoreError, tensors};

/// Version of the metadata.
const FORMAT: u32 = 1;

/// A trained network with everything that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// The layers.
    pub architecture: Architecture,
    /// Class names in logit order.
    pub classes: Vec<String>,
    /// From image to network input.
    pub preprocessing: Preprocessing,
    /// Where it comes from.
    pub training: Training,
    /// In network order.
    pub parameters: Parameters,
}

/// How a model was trained. Nothing here depends on the time, the machine or a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Name of the dataset.
    pub dataset: String,
    /// Its digest.
    pub digest: String,
    /// The epoch that the parameters are from.
    pub epochs: u32,
    /// The run's seed.
    pub seed: u64,
    /// Share of right answers on the validation images.
    pub validation_accuracy: Option<f64>,
    /// Share of right answers on the test images, where they have been evaluated.
    pub test_accuracy: Option<f64>,
    /// Version of the program.
    pub version: String,
}

/// The metadata, in the order of its keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    architecture: Architecture,
    classes: Vec<String>,
    format: u32,
    preprocessing: Preprocessing,
    training: Training,
}

impl ModelFile {
    /// The plan of its architecture for its input.
    pub fn plan(&self, path: &Path) -> Result<Plan, StoreError> {
        plan(path, &self.architecture, &self.preprocessing, &self.classes)
    }

    /// The file's bytes; `path` is for messages.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        let metadata = serde_json::to_value(Metadata {
            architecture: self.architecture.clone(),
            classes: self.classes.clone(),
            format: FORMAT,
            preprocessing: self.preprocessing.clone(),
            training: self.training.clone(),
        });
        let metadata = metadata.map_err(|error| StoreError::Metadata {
            path: path.to_path_buf(),
            problem: error.to_string(),
        })?;
        tensors::to_bytes(path, &self.parameters, &metadata)
    }

    /// Writes the file: beside its target, then renamed.
    #[cfg(feature = "files")]
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        file::write(path, &self.to_bytes(path)?)
    }

    /// Reads a file, as strictly as its bytes.
    #[cfg(feature = "files")]
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        Self::parse(path, &file::read(path)?)
    }

    /// Reads a file's bytes strictly: its tensors must be exactly those of its architecture, finite, and its metadata complete;
    /// `path` is for messages.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let (parameters, metadata) = tensors::parse(path, bytes)?;
        let problem = |problem: String| StoreError::Metadata {
            path: path.to_path_buf(),
            problem,
        };
        match metadata.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => {
                return Err(problem(format!(
                    "format {format}; this program reads format {FORMAT}"
                )));
            }
            None => return Err(problem(
                "no format: not a model file (nor is a checkpoint; use its run's model.safetensors)"
                    .to_string(),
            )),
        }
        let metadata: Metadata =
            serde_json::from_value(metadata).map_err(|error| problem(error.to_string()))?;
        let plan = plan(
            path,
            &metadata.architecture,
            &metadata.preprocessing,
            &metadata.classes,
        )?;
        Ok(Self {
            parameters: tensors::fitted(path, &plan.parameters(), parameters)?,
            architecture: metadata.architecture,
            classes: metadata.classes,
            preprocessing: metadata.preprocessing,
            training: metadata.training,
        })
    }
}

fn plan(
    path: &Path,
    architecture: &Architecture,
    preprocessing: &Preprocessing,
    classes: &[String],
) -> Result<Plan, StoreError> {
    let input = preprocessing
        .shape()
        .map_err(|source| StoreError::Preprocessing {
            path: path.to_path_buf(),
            source,
        })?;
    let plan = architecture
        .plan(input)
        .map_err(|source| StoreError::Architecture {
            path: path.to_path_buf(),
            source: Box::new(source),
        })?;
    if plan.classes() != classes.len() {
        return Err(StoreError::Metadata {
            path: path.to_path_buf(),
            problem: format!(
                "{} classes are named, the network has {} logits",
                classes.len(),
                plan.classes()
            ),
        });
    }
    Ok(plan)
}
