//! The checkpoint: everything that a run needs to go on, in one file, the same for every engine.

use std::path::Path;

use glassbox_scratch::{Moments, Optimizer};
use glassbox_spec::{Parameter, Parameters, Plan};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

#[cfg(feature = "files")]
use crate::file;
use crate::{StoreError, tensors};

/// The metadata's key for the digest of everything else.
const DIGEST: &str = "sha256";

/// Parameters, optimizer moments, and a state of the run's own making.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint<S> {
    /// In network order.
    pub parameters: Parameters,
    /// As many steps as the optimizer has taken, and what it remembers.
    pub moments: Moments,
    /// Whatever else the run must remember.
    pub state: S,
}

impl<S: Serialize + DeserializeOwned> Checkpoint<S> {
    /// The checkpoint's bytes; `path` is for messages.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        let mut state = serde_json::to_value(&self.state).map_err(problem(path))?;
        if let Some(state) = state.as_object_mut() {
            state.insert("step".to_string(), Value::from(self.moments.step));
        }
        let mut all = self.parameters.clone();
        for (prefix, parameters) in &self.moments.values {
            all.extend(parameters.iter().cloned().map(|mut parameter| {
                parameter.name = format!("{prefix}.{}", parameter.name);
                parameter
            }));
        }
        let digest = digest(&all, &state);
        if let Some(state) = state.as_object_mut() {
            state.insert(DIGEST.to_string(), Value::from(digest));
        }
        tensors::to_bytes(path, &all, &state)
    }

    /// Writes beside `path`, flushes to the disk, renames: the file is whole or not there.
    #[cfg(feature = "files")]
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        file::write(path, &self.to_bytes(path)?)
    }

    /// The state of a checkpoint whose tensors may be of any network.
    #[cfg(feature = "files")]
    pub fn read_state(path: &Path) -> Result<S, StoreError> {
        let (_, state, _) = Self::parts(path, &file::read(path)?)?;
        Ok(state)
    }

    /// Tensors, state and step, if every bit is as it was written.
    fn parts(path: &Path, bytes: &[u8]) -> Result<(Parameters, S, u64), StoreError> {
        let metadata = |problem: &str| StoreError::Metadata {
            path: path.to_path_buf(),
            problem: problem.to_string(),
        };
        let (all, mut state) = tensors::parse(path, bytes)?;
        let mut take = |key| state.as_object_mut().and_then(|state| state.remove(key));
        let expected = take(DIGEST).ok_or_else(|| metadata("no digest: not a checkpoint"))?;
        // Fuzzing would never get past it.
        if !cfg!(fuzzing) && expected != digest(&all, &state) {
            return Err(StoreError::Format {
                path: path.to_path_buf(),
                problem: "its bytes have changed since it was written".to_string(),
            });
        }
        let step = state.as_object_mut().and_then(|state| state.remove("step"));
        let step = step.and_then(|step| step.as_u64());
        let step = step.ok_or_else(|| metadata("no step: not a checkpoint"))?;
        let state = serde_json::from_value(state).map_err(problem(path))?;
        Ok((all, state, step))
    }

    /// Reads a checkpoint of a run with this plan and optimizer; anything missing, extra or misshapen is named.
    #[cfg(feature = "files")]
    pub fn read(path: &Path, plan: &Plan, optimizer: Optimizer) -> Result<Self, StoreError> {
        Self::parse(path, &file::read(path)?, plan, optimizer)
    }

    /// Reads a checkpoint's bytes; `path` is for messages.
    pub fn parse(
        path: &Path,
        bytes: &[u8],
        plan: &Plan,
        optimizer: Optimizer,
    ) -> Result<Self, StoreError> {
        let (all, state, step) = Self::parts(path, bytes)?;
        let shapes = plan.parameters();
        let mut expected = shapes.clone();
        for prefix in optimizer.moments() {
            expected.extend(tensors::prefixed(prefix, &shapes));
        }
        let mut parameters = tensors::fitted(path, &expected, all)?;
        let mut rest = parameters.split_off(shapes.len());
        let values = optimizer
            .moments()
            .iter()
            .map(|prefix| {
                let later = rest.split_off(shapes.len());
                let mut moments = std::mem::replace(&mut rest, later);
                for (moment, shape) in moments.iter_mut().zip(&shapes) {
                    moment.name.clone_from(&shape.name);
                }
                (*prefix, moments)
            })
            .collect();
        Ok(Self {
            parameters,
            moments: Moments { step, values },
            state,
        })
    }
}

/// SHA-256 of all tensors, by name, and of the state.
fn digest(tensors: &[Parameter], state: &Value) -> String {
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.sort_by_key(|tensor| &tensor.name);
    let mut hasher = Sha256::new();
    for tensor in sorted {
        hasher.update(format!("{}{:?}", tensor.name, tensor.shape));
        for value in &tensor.values {
            hasher.update(value.to_le_bytes());
        }
    }
    hasher.update(state.to_string());
    hasher
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn problem(path: &Path) -> impl Fn(serde_json::Error) -> StoreError + '_ {
    |error| StoreError::Metadata {
        path: path.to_path_buf(),
        problem: error.to_string(),
    }
}
