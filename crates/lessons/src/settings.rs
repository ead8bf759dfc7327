//! The reader's own parameters, and why a lesson may not take them.

use glassbox_scratch::{NetworkError, Trace, reference::WindowError};
use glassbox_spec::{GeometryError, SpecError};

use crate::{MAX_SIDE, Matrix, MatrixError, matrix};

/// The most rows or columns of an image that a lesson takes.
pub const MAX_IMAGE_SIDE: usize = 256;

/// The reader's own parameters. What is `None` is as in the lesson.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// In place of the lesson's input.
    pub input: Option<Matrix>,
    /// In place of the lesson's kernel.
    pub kernel: Option<Matrix>,
    /// Rows and columns from window to window, 1 to [`MAX_SIDE`].
    pub stride: Option<usize>,
    /// Zeros on each side, at most [`MAX_SIDE`].
    pub padding: Option<usize>,
    /// A grey image, 0 black to 1 white, at most [`MAX_IMAGE_SIDE`] rows and columns. The lesson `first-network` is written
    /// for 28×28; others take an image as it is.
    pub image: Option<Matrix>,
    /// What another engine computed for [`crate::Subject`]: the pass of its image and label, with gradients.
    pub autodiff: Option<Trace<f32>>,
}

/// One of the [`Settings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// [`Settings::input`].
    Input,
    /// [`Settings::kernel`].
    Kernel,
    /// [`Settings::stride`].
    Stride,
    /// [`Settings::padding`].
    Padding,
    /// [`Settings::image`].
    Image,
    /// [`Settings::autodiff`].
    Autodiff,
}

impl Setting {
    /// As a flag is called: `input`, `kernel`, ….
    pub fn name(self) -> &'static str {
        match self {
            Setting::Input => "input",
            Setting::Kernel => "kernel",
            Setting::Stride => "stride",
            Setting::Padding => "padding",
            Setting::Image => "image",
            Setting::Autodiff => "autodiff",
        }
    }
}

/// Why there is no such page.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LessonError {
    /// A name that no lesson has.
    #[error("no lesson `{name}`{}; the lessons are {}", did_you_mean(nearest), names.join(", "))]
    Unknown {
        /// As written.
        name: String,
        /// The name nearest to it.
        nearest: Option<&'static str>,
        /// Every name.
        names: Vec<&'static str>,
    },
    /// A setting that the lesson cannot use.
    #[error("the lesson `{lesson}` takes no {}; it takes {}", setting.name(), takes(taken))]
    Unused {
        /// Which lesson.
        lesson: &'static str,
        /// Which setting.
        setting: Setting,
        /// The settings that it takes.
        taken: &'static [Setting],
    },
    /// An input or kernel that no lesson shows.
    #[error("{}: {source}", setting.name())]
    Matrix {
        /// Which setting.
        setting: Setting,
        /// What is wrong with it.
        source: MatrixError,
    },
    /// An image that is too large, or not within 0 to 1.
    #[error(
        "image: {rows} rows of {columns} columns; it must have at most {MAX_IMAGE_SIDE} of each, \
         all from 0 to 1"
    )]
    Image {
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// A stride or padding out of its range.
    #[error("{} is {value}; it must be from {least} to {MAX_SIDE}", setting.name())]
    OutOfRange {
        /// Which setting.
        setting: Setting,
        /// Its value.
        value: usize,
        /// The least that it may be.
        least: usize,
    },
    /// A matrix of the wrong shape for this lesson.
    #[error("{} is {rows}×{columns}; this lesson needs {needs}", setting.name())]
    Shape {
        /// Which setting.
        setting: Setting,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// What the lesson needs.
        needs: &'static str,
    },
    /// The pass of another engine lacks a tensor, or has it in another size.
    #[error("autodiff: `{tensor}` is missing or misshapen")]
    Autodiff {
        /// Its name.
        tensor: String,
    },
    /// The kernel does not fit its input.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// The kernel does not lie within the input.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// The network does not fit its input.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The network does not take its parameters or images.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl Settings {
    /// Those that are given.
    fn given(&self) -> impl Iterator<Item = Setting> {
        [
            (Setting::Input, self.input.is_some()),
            (Setting::Kernel, self.kernel.is_some()),
            (Setting::Stride, self.stride.is_some()),
            (Setting::Padding, self.padding.is_some()),
            (Setting::Image, self.image.is_some()),
            (Setting::Autodiff, self.autodiff.is_some()),
        ]
        .into_iter()
        .filter_map(|(setting, given)| given.then_some(setting))
    }

    /// Fails unless a lesson takes all that is given, and all is within the limits.
    pub(crate) fn check(
        &self,
        lesson: &'static str,
        taken: &'static [Setting],
    ) -> Result<(), LessonError> {
        if let Some(setting) = self.given().find(|setting| !taken.contains(setting)) {
            return Err(LessonError::Unused {
                lesson,
                setting,
                taken,
            });
        }
        for (setting, given) in [
            (Setting::Input, &self.input),
            (Setting::Kernel, &self.kernel),
        ] {
            if let Some(given) = given {
                matrix::check(given).map_err(|source| LessonError::Matrix { setting, source })?;
            }
        }
        for (setting, given, least) in [
            (Setting::Stride, self.stride, 1),
            (Setting::Padding, self.padding, 0),
        ] {
            if let Some(value) = given.filter(|value| !(least..=MAX_SIDE).contains(value)) {
                return Err(LessonError::OutOfRange {
                    setting,
                    value,
                    least,
                });
            }
        }
        match &self.image {
            Some(image) if !is_image(image) => Err(LessonError::Image {
                rows: image.rows(),
                columns: image.columns(),
            }),
            _ => Ok(()),
        }
    }

    /// The input, or the lesson's.
    pub(crate) fn input_or(&self, input: impl FnOnce() -> Matrix) -> Matrix {
        self.input.clone().unwrap_or_else(input)
    }

    /// The kernel, or the lesson's.
    pub(crate) fn kernel_or(&self, kernel: impl FnOnce() -> Matrix) -> Matrix {
        self.kernel.clone().unwrap_or_else(kernel)
    }
}

fn is_image(image: &Matrix) -> bool {
    image.rows() <= MAX_IMAGE_SIDE
        && image.columns() <= MAX_IMAGE_SIDE
        && image.values().iter().all(|v| (0.0..=1.0).contains(v))
}

fn did_you_mean(nearest: &Option<&str>) -> String {
    nearest.map_or(String::new(), |nearest| {
        format!(", did you mean `{nearest}`?")
    })
}

fn takes(taken: &[Setting]) -> String {
    match taken {
        [] => "no settings".to_string(),
        _ => taken
            .iter()
            .map(|s| s.name())
            .collect::<Vec<_>>()
            .join(", "),
    }
}
