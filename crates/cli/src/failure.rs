//! From an error to an exit code, and to the next step to take.

use std::{io, process::ExitCode};

use glassbox_data::DataError;
use glassbox_infer::{ClassifierError, EngineError, explain::ExplainError, why::WhyError};
use glassbox_lessons::LessonError;
use glassbox_model::{BackendError, ModelError};
use glassbox_spec::{SpecError, UnknownBackend};
use glassbox_store::StoreError;
use glassbox_train::{ConfigError, DeviceError, TrainError};
use glassbox_verify::VerifyError;

use crate::note::note;

/// Why the program ends without success.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    /// Nothing is printed where this is empty.
    message: String,
}

impl Failure {
    /// 1: failed while running.
    pub fn running(message: impl Into<String>) -> Self {
        Self::new(1, message)
    }

    /// 2: usage or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    /// 3: data missing or corrupt.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    /// 4: model file or checkpoint unusable.
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(4, message)
    }

    /// 5: a check was not met.
    pub fn check(message: impl Into<String>) -> Self {
        Self::new(5, message)
    }

    /// 130: interrupted.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(130, message)
    }

    fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// With one line more.
    pub fn with(mut self, line: String) -> Self {
        self.message = format!("{}\n{line}", self.message);
        self
    }

    /// Prints the message and yields the exit code.
    pub fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            note(format!("glassbox: {}", self.message));
        }
        ExitCode::from(self.code)
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    #[cfg(test)]
    pub fn code(&self) -> u8 {
        self.code
    }
}

/// Standard output is gone.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // The reader has seen enough, as `head` does.
            Self::new(0, "")
        } else {
            Self::running(format!("standard output: {error}"))
        }
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<LessonError> for Failure {
    fn from(error: LessonError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::NoDevice { .. } => Self::running(error.to_string()),
            _ => Self::usage(error.to_string()),
        }
    }
}

impl From<UnknownBackend> for Failure {
    fn from(error: UnknownBackend) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Backend(error) => error.into(),
            error => Self::usage(error.to_string()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let message = error.to_string();
        match error {
            DataError::Missing(missing) if !missing.urls.is_empty() => Self::new(
                3,
                format!("{message}\n  or: glassbox data fetch {}", missing.dataset),
            ),
            DataError::Corrupt { .. } => Self::new(
                3,
                format!(
                    "{message}\nIf it was downloaded, delete it and fetch it again: glassbox data fetch"
                ),
            ),
            DataError::Unknown { .. }
            | DataError::Card { .. }
            | DataError::CardKey { .. }
            | DataError::Validation { .. }
            | DataError::OutOfRange { .. } => Self::usage(message),
            _ => Self::new(3, message),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Io { .. } => Self::model(format!(
                "{message}\nA model file is made by: glassbox train"
            )),
            _ => Self::model(message),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        match error {
            EngineError::Device { .. } => Self::running(message),
            EngineError::Level(_) => Self::usage(message),
            _ => Self::model(message),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Model(error) => error.into(),
            error => Self::model(error.to_string()),
        }
    }
}

impl From<ClassifierError> for Failure {
    fn from(error: ClassifierError) -> Self {
        match error {
            ClassifierError::Store(error) => error.into(),
            ClassifierError::Engine(error) => error.into(),
            ClassifierError::Data(error) => error.into(),
            ClassifierError::Why(error) => error.into(),
            error => Self::new(3, error.to_string()),
        }
    }
}

impl From<WhyError> for Failure {
    fn from(error: WhyError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Engine(error) => error.into(),
            ExplainError::Picture(error) => Self::data(error.to_string()),
            error => Self::usage(error.to_string()),
        }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Config(error) => error.into(),
            TrainError::Data(error) => error.into(),
            // Training writes models: a failed write is a full disk, not a bad model.
            TrainError::Store(StoreError::Io { path, source }) => {
                Self::running(format!("{}: {source}", path.display()))
            }
            TrainError::Store(error) => error.into(),
            TrainError::Engine(error) => error.into(),
            TrainError::Device(error) => error.into(),
            TrainError::Foreign { .. } => Self::model(format!(
                "{error}\nNothing was changed. To go on, undo what was changed in its data or config.toml (to train longer, use --epochs), \
                 or delete its checkpoints to start again at epoch 1"
            )),
            TrainError::Uncheckpointed { .. } | TrainError::NoCheckpoint { .. } => {
                Self::model(error.to_string())
            }
            error => Self::running(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_data::PictureError;
    use glassbox_spec::Backend;

    #[test]
    fn each_kind_of_error_has_its_code() {
        let path = || "p".into();
        let io = || io::Error::other("x");
        let cases = [
            (Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)), 0),
            (Failure::from(io()), 1),
            (
                TrainError::Io {
                    path: path(),
                    source: io(),
                }
                .into(),
                1,
            ),
            (
                TrainError::Store(StoreError::Io {
                    path: path(),
                    source: io(),
                })
                .into(),
                1,
            ),
            (ConfigError::OutExists { path: path() }.into(), 2),
            (
                BackendError::NotCompiled {
                    backend: Backend::Cuda,
                }
                .into(),
                2,
            ),
            (
                TrainError::Device(DeviceError::Backend(BackendError::NoDevice {
                    backend: Backend::Wgpu,
                    tried: String::new(),
                    advice: "",
                }))
                .into(),
                1,
            ),
            (
                SpecError::NoLogits {
                    found: String::new(),
                }
                .into(),
                2,
            ),
            (
                DataError::Io {
                    path: path(),
                    source: io(),
                }
                .into(),
                3,
            ),
            (
                DataError::OutOfRange {
                    index: 1,
                    part: "test",
                    len: 1,
                }
                .into(),
                2,
            ),
            (
                StoreError::Io {
                    path: path(),
                    source: io(),
                }
                .into(),
                4,
            ),
            (TrainError::Foreign { path: path() }.into(), 4),
            (TrainError::NoCheckpoint { path: path() }.into(), 4),
            (TrainError::Uncheckpointed { path: path() }.into(), 4),
            (
                WhyError::NeedsLabel {
                    name: String::new(),
                }
                .into(),
                2,
            ),
            (
                ExplainError::Engine(EngineError::Device {
                    problem: String::new(),
                })
                .into(),
                1,
            ),
            (ExplainError::Picture(PictureError::Empty).into(), 3),
            (ExplainError::NoImages.into(), 2),
            (TrainError::InUse { path: path() }.into(), 1),
        ];
        for (failure, code) in cases {
            assert_eq!(failure.code(), code, "{}", failure.message);
        }
    }
}
