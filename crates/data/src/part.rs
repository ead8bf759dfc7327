//! The parts of a dataset.

/// The two parts that every dataset comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// For training; validation images are held out of it.
    Train,
    /// For the final figure; it never chooses anything.
    Test,
}

impl Part {
    /// `train` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Test => "test",
        }
    }
}
