//! An optimizer's step, quantity by quantity.

use glassbox_infer::why::{Answer, Moment, Rule};
use glassbox_lessons::count;

use super::page::Page;
use crate::numbers::significant;

impl Page<'_> {
    /// One optimizer step, quantity by quantity.
    pub(super) fn step(&mut self, answer: &Answer) {
        let show = |value: f64| significant(value, 8);
        let moment = |name: &str, beta: f64, rest: f64, g: &str, moment: &Moment| {
            let [before, after] = [moment.before, moment.after].map(show);
            format!(
                "{name} = {beta} × {before} + {} × {g} = {after}",
                significant(rest, 3)
            )
        };
        self.lines.push(String::new());
        let (parameter, change) = match &answer.rule {
            Rule::Adam {
                parameter,
                gradient,
                m,
                v,
                beta_1,
                beta_2,
                epsilon,
                step,
                correction_1,
                correction_2,
                rate,
                change,
            } => {
                let (g, t) = (show(gradient.value), count(*step));
                self.line(format!("gradient: g = {} = {g}", gradient.name));
                self.line(format!(
                    "mean of gradients before: {}; after:",
                    show(m.before)
                ));
                self.line(format!("  {}", moment("m", *beta_1, 1.0 - beta_1, "g", m)));
                self.line(format!(
                    "mean of their squares before: {}; after:",
                    show(v.before)
                ));
                self.line(format!("  {}", moment("v", *beta_2, 1.0 - beta_2, "g²", v)));
                let [c_1, c_2] = [correction_1, correction_2].map(|c| show(*c));
                self.line(format!(
                    "corrections for step t = {t}: 1 − {beta_1}^t = {c_1}, 1 − {beta_2}^t = {c_2}"
                ));
                self.line(format!("learning rate of this step: α = {}", show(*rate)));
                self.line("change: α × √(1 − β₂^t) / (1 − β₁^t) × m / (√v + ε)".to_string());
                let [m, v, rate] = [m.after, v.after, *rate].map(show);
                self.line(format!(
                    "  = {rate} × √{c_2} / {c_1} × {m} / (√{v} + {epsilon:e}) = {}",
                    show(*change)
                ));
                (parameter, change)
            }
            Rule::Sgd {
                parameter,
                gradient,
                velocity,
                momentum,
                step,
                rate,
                change,
            } => {
                self.line(format!(
                    "gradient: g = {} = {}",
                    gradient.name,
                    show(gradient.value)
                ));
                self.line(format!(
                    "velocity before: {}; after step {}:",
                    show(velocity.before),
                    count(*step)
                ));
                self.line(format!(
                    "  v = {momentum} × {} + g = {}",
                    show(velocity.before),
                    show(velocity.after)
                ));
                self.line(format!("learning rate of this step: α = {}", show(*rate)));
                let [rate, velocity] = [*rate, velocity.after].map(show);
                self.line(format!(
                    "change: α × v = {rate} × {velocity} = {}",
                    show(*change)
                ));
                (parameter, change)
            }
            _ => return,
        };
        let [before, off, after] = [parameter.value, *change, answer.computed].map(show);
        self.line(format!(
            "new value: {} − change = {before} − {off} = {after}",
            parameter.name
        ));
        self.stored(answer);
    }
}
