//! The learning rate as a pure function of the step.

use std::f64::consts::PI;

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use serde::{Deserialize, Serialize};

use crate::Config;

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

/// The learning rate over a run: one curve, and another from where a run was extended.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Each with the step before which it ends; the last goes on for ever.
    curves: Vec<(u64, Curve)>,
}

impl Schedule {
    /// The schedule of a run's configuration, with so many steps in an epoch.
    pub(crate) fn over(config: &Config, steps: u64) -> Self {
        let curve = |epochs: u32| {
            let total = u64::from(epochs) * steps;
            Curve {
                kind: config.schedule,
                peak: config.lr,
                warmup: config.warmup_steps(total),
                total,
            }
        };
        let earlier = config.extended.iter();
        let mut curves: Vec<_> = earlier
            .map(|part| (u64::from(part.after) * steps, curve(part.epochs)))
            .collect();
        curves.push((u64::MAX, curve(config.epochs)));
        Self { curves }
    }

    /// The rate of a step, counted from 0.
    pub(crate) fn rate(&self, step: u64) -> f64 {
        let current = self.curves.iter().find(|(end, _)| step < *end);
        let current = current.or(self.curves.last());
        current.map_or(0.0, |(_, curve)| curve.rate(step))
    }
}

/// A curve laid over so many steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Curve {
    /// The shape.
    pub kind: ScheduleKind,
    /// The highest rate.
    pub peak: f64,
    /// Steps of linear warm-up to the peak.
    pub warmup: u64,
    /// Steps of the whole run.
    pub total: u64,
}

impl Curve {
    /// The rate of a step, counted from 0. Beyond the end it stays at the last step's.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            let from = match self.kind {
                ScheduleKind::OneCycle => self.peak / 25.0,
                _ => 0.0,
            };
            // The last step of the warm-up is one short of the peak.
            return from + (self.peak - from) * (step + 1) as f64 / (self.warmup + 1) as f64;
        }
        match self.kind {
            ScheduleKind::Constant => self.peak,
            ScheduleKind::Cosine | ScheduleKind::OneCycle => {
                let last = self.total.saturating_sub(1);
                let done = step.min(last).saturating_sub(self.warmup) as f64;
                let whole = (self.total.saturating_sub(self.warmup)).max(1) as f64;
                self.peak * 0.5 * (1.0 + (PI * done / whole).cos())
            }
        }
    }
}

/// A schedule as Burn drives it: one call per step.
#[derive(Debug, Clone)]
pub(crate) struct Driven {
    pub schedule: Schedule,
    pub step: u64,
}

impl LrScheduler for Driven {
    fn step(&mut self) -> f64 {
        let rate = self.schedule.rate(self.step);
        self.step += 1;
        rate
    }

    // The step is part of our checkpoint; Burn's records are not used.
    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new()
    }

    fn load_record(&mut self, _record: LrSchedulerRecord) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(kind: ScheduleKind, warmup: u64) -> Vec<f64> {
        let curve = Curve {
            kind,
            peak: 1.0,
            warmup,
            total: 10,
        };
        (0..12).map(|step| curve.rate(step)).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn constant_warms_up_and_stays() {
        let rates = rates(ScheduleKind::Constant, 4);
        assert!(close(rates[0], 0.2) && close(rates[3], 0.8));
        assert!(rates[4..].iter().all(|r| close(*r, 1.0)));
    }

    #[test]
    fn cosine_falls_from_the_peak_and_stays_down() {
        let rates = rates(ScheduleKind::Cosine, 0);
        assert!(close(rates[0], 1.0) && close(rates[5], 0.5));
        assert!(rates.windows(2).all(|w| w[1] <= w[0]));
        assert!(rates[9] > 0.0 && rates[9] < 0.03 && close(rates[9], rates[11]));
    }

    #[test]
    fn one_cycle_rises_then_falls() {
        let rates = rates(ScheduleKind::OneCycle, 3);
        assert!(close(rates[0], 0.04 + 0.96 / 4.0) && close(rates[3], 1.0));
        assert!(rates[..4].windows(2).all(|w| w[1] > w[0]));
        assert!(rates[3..10].windows(2).all(|w| w[1] < w[0]));
    }

    #[test]
    fn a_run_that_is_all_warm_up_does_not_underflow() {
        let curve = Curve {
            kind: ScheduleKind::Cosine,
            peak: 1.0,
            warmup: 10,
            total: 10,
        };
        assert!(curve.rate(9) < 1.0);
        assert!(close(curve.rate(10), 1.0));
    }

    #[test]
    fn an_extended_run_changes_curves_where_it_was_extended() {
        let curve = |total| Curve {
            kind: ScheduleKind::Cosine,
            peak: 1.0,
            warmup: 0,
            total,
        };
        let schedule = Schedule {
            curves: vec![(10, curve(10)), (20, curve(20))],
        };
        assert_eq!(schedule.rate(9), curve(10).rate(9));
        assert_eq!(schedule.rate(10), curve(20).rate(10));
        assert_eq!(schedule.rate(25), curve(20).rate(19));
    }
}
