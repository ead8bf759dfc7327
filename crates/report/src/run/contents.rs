//! What a run's page is made of.

use glassbox_draw::Figure;
use glassbox_infer::{Calibration, Evaluation, Scored};
use glassbox_train::Record;

/// Mistakes that are shown.
pub const MISTAKES: usize = 20;

/// What the page is made of.
pub(super) struct Contents<'a> {
    pub record: &'a Record,
    pub test: Option<Test<'a>>,
    /// Curves over the epochs.
    pub curves: Vec<Figure>,
    /// What the network saw and what it has learnt of it.
    pub seen: Vec<Figure>,
    /// What there is no picture or table of, and why.
    pub missing: Vec<String>,
}

/// How the test went.
pub(super) struct Test<'a> {
    pub evaluation: Evaluation,
    pub calibration: Calibration,
    pub wrong: Vec<&'a Scored>,
    pub figures: Vec<Figure>,
    pub mistakes: Option<Figure>,
}

impl Contents<'_> {
    /// All of its figures.
    pub fn into_figures(self) -> Vec<Figure> {
        let test = self.test.into_iter();
        let tested = test.flat_map(|test| test.figures.into_iter().chain(test.mistakes));
        self.curves
            .into_iter()
            .chain(tested)
            .chain(self.seen)
            .collect()
    }
}
