//! The learning rate as a pure function of the step.
//!
//! * **In**: a [`LearningRate`], the steps of an epoch, how many epochs there are to be, and were to be before. * **Out**: a
//!   [`Schedule`], which has a rate for each step. * **Never**: a state.
//!
//! ```
//! use glassbox_spec::{LearningRate, ScheduleKind};
//!
//! let rate = LearningRate { kind: ScheduleKind::OneCycle, peak: 0.1, warmup: 0.2 };
//! let schedule = rate.over(100, 3, &[]);
//! assert!(schedule.rate(0) < 0.01 && schedule.rate(60) == 0.1 && schedule.rate(299) < 0.001);
//! ```

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The shape of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// The peak rate throughout.
    Constant,
    /// From the peak down to zero along half a cosine (Loshchilov and Hutter, 2017).
    Cosine,
    /// Up from a 25th of the peak, then down to zero along half a cosine (Smith and Topin, 2018).
    OneCycle,
}

impl ScheduleKind {
    /// As written.
    pub const NAMES: [&'static str; 3] = ["constant", "cosine", "one_cycle"];

    /// By its name; `one-cycle` will do too.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "constant" => Some(Self::Constant),
            "cosine" => Some(Self::Cosine),
            "one_cycle" | "one-cycle" => Some(Self::OneCycle),
            _ => None,
        }
    }
}

/// The length that a run was to have until it was extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// The epoch after which it was extended.
    pub after: u32,
    /// The epochs that it was to have until then.
    pub epochs: u32,
}

/// What a run says about its learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRate {
    /// The shape of its curve.
    pub kind: ScheduleKind,
    /// The highest rate.
    pub peak: f64,
    /// Share of all steps that warm up to it.
    pub warmup: f64,
}

impl LearningRate {
    /// Laid over a run of so many epochs, each of so many steps. Up to where it was extended, a run keeps the rates of the length
    /// that it was to have then.
    pub fn over(self, steps: u64, epochs: u32, extended: &[Extension]) -> Schedule {
        let curve = |epochs: u32| {
            let total = u64::from(epochs).saturating_mul(steps);
            Curve {
                kind: self.kind,
                peak: self.peak,
                warmup: (self.warmup * total as f64).round() as u64,
                total,
            }
        };
        let mut curves: Vec<_> = extended
            .iter()
            .map(|part| {
                let end = u64::from(part.after).saturating_mul(steps);
                (end, curve(part.epochs))
            })
            .collect();
        curves.push((u64::MAX, curve(epochs)));
        Schedule { curves }
    }

    /// Whether a step's rate depends on how long the run is to be.
    pub fn depends_on_length(self) -> bool {
        self.kind != ScheduleKind::Constant || self.warmup != 0.0
    }
}

/// The learning rate over a run: one curve, and another from where a run was extended.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Each with the step before which it ends; the last goes on for ever.
    curves: Vec<(u64, Curve)>,
}

impl Schedule {
    /// The rate of a step, counted from 0. Beyond the end it stays at the last step's.
    pub fn rate(&self, step: u64) -> f64 {
        let current = self.curves.iter().find(|(end, _)| step < *end);
        let current = current.or(self.curves.last());
        current.map_or(0.0, |(_, curve)| curve.rate(step))
    }
}

/// A curve laid over so many steps.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Curve {
    kind: ScheduleKind,
    peak: f64,
    /// Steps of linear warm-up to the peak.
    warmup: u64,
    /// Steps of the whole run.
    total: u64,
}

impl Curve {
    fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            let from = match self.kind {
                ScheduleKind::OneCycle => self.peak / 25.0,
                ScheduleKind::Constant | ScheduleKind::Cosine => 0.0,
            };
            // The last step of the warm-up is one short of the peak.
            return from + (self.peak - from) * (step as f64 + 1.0) / (self.warmup as f64 + 1.0);
        }
        match self.kind {
            ScheduleKind::Constant => self.peak,
            ScheduleKind::Cosine | ScheduleKind::OneCycle => {
                let last = self.total.saturating_sub(1);
                let done = step.min(last).saturating_sub(self.warmup) as f64;
                let whole = (self.total.saturating_sub(self.warmup)).max(1) as f64;
                self.peak * 0.5 * (1.0 + libm::cos(PI * done / whole))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(kind: ScheduleKind, warmup: f64) -> Vec<f64> {
        let peak = 1.0;
        let schedule = LearningRate { kind, peak, warmup }.over(5, 2, &[]);
        (0..12).map(|step| schedule.rate(step)).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn constant_warms_up_and_stays() {
        let rates = rates(ScheduleKind::Constant, 0.4);
        assert!(close(rates[0], 0.2) && close(rates[3], 0.8));
        assert!(rates[4..].iter().all(|r| close(*r, 1.0)));
    }

    #[test]
    fn cosine_falls_from_the_peak_and_stays_down() {
        let rates = rates(ScheduleKind::Cosine, 0.0);
        assert!(close(rates[0], 1.0) && close(rates[5], 0.5));
        assert!(rates.windows(2).all(|w| w[1] <= w[0]));
        assert!(rates[9] > 0.0 && rates[9] < 0.03 && close(rates[9], rates[11]));
    }

    #[test]
    fn one_cycle_rises_then_falls() {
        let rates = rates(ScheduleKind::OneCycle, 0.3);
        assert!(close(rates[0], 0.04 + 0.96 / 4.0) && close(rates[3], 1.0));
        assert!(rates[..4].windows(2).all(|w| w[1] > w[0]));
        assert!(rates[3..10].windows(2).all(|w| w[1] < w[0]));
    }

    #[test]
    fn a_run_that_is_all_warm_up_does_not_underflow() {
        let rates = rates(ScheduleKind::Cosine, 1.0);
        assert!(rates[9] < 1.0 && close(rates[10], 1.0));
    }

    #[test]
    fn an_extended_run_changes_curves_where_it_was_extended() {
        let rate = LearningRate {
            kind: ScheduleKind::Cosine,
            peak: 1.0,
            warmup: 0.0,
        };
        let (short, long) = (rate.over(5, 2, &[]), rate.over(5, 4, &[]));
        let part = Extension {
            after: 2,
            epochs: 2,
        };
        let extended = rate.over(5, 4, &[part]);
        assert_eq!(extended.rate(9), short.rate(9));
        assert_eq!(extended.rate(10), long.rate(10));
        assert_eq!(extended.rate(25), long.rate(19));
    }

    #[test]
    fn no_steps_and_too_many_have_a_rate_too() {
        let rate = LearningRate {
            kind: ScheduleKind::OneCycle,
            peak: 1.0,
            warmup: 0.2,
        };
        for steps in [0, u64::MAX] {
            let schedule = rate.over(steps, u32::MAX, &[]);
            assert!(schedule.rate(0).is_finite() && schedule.rate(u64::MAX).is_finite());
        }
    }
}
