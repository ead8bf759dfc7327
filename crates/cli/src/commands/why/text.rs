//! An answer in lines of at most 80 columns, as it would be read aloud.

use console::style;
use glassbox_infer::why::{Answer, Exponential, Factor, Group, Moment, Rule, Term};

use super::columns::{Column, WIDTH, fold, significant};
use crate::output::thousands;

/// Groups shown of a sum with more.
const GROUPS: usize = 5;

/// Terms shown of a group with more.
const TERMS: usize = 3;

/// Terms shown of a sum that is one group, and numbers of a list.
const LINES: usize = 10;

/// Digits of factors.
const DIGITS: usize = 6;

/// The lines of an answer; the most weighty terms of it, or `all`.
pub fn draw(answer: &Answer, classes: &[String], all: bool) -> String {
    let mut page = Page {
        lines: Vec::new(),
        classes,
        all,
    };
    page.head(answer);
    page.body(answer);
    page.lines.join("\n")
}

struct Page<'a> {
    lines: Vec<String>,
    classes: &'a [String],
    all: bool,
}

impl Page<'_> {
    /// Which number it is, where it is, and what it depends on.
    fn head(&mut self, answer: &Answer) {
        let value = significant(answer.value(), 8);
        self.lines
            .push(format!("{} = {value}", style(&answer.name).bold()));
        let place: Vec<_> = answer
            .place
            .iter()
            .map(|p| format!("{} {} of {}", p.axis, p.index, p.size))
            .collect();
        if !place.is_empty() {
            self.line(format!("{}, counted from 0", place.join(", ")));
        }
        if let Some(sees) = &answer.sees {
            let range = |what: &str, range: Option<[usize; 2]>| match range {
                Some([first, last]) if first == last => format!("{what} {first}"),
                Some([first, last]) => format!("{what}s {first} to {last}"),
                None => format!("no {what}"),
            };
            let (rows, columns) = (range("row", sees.rows), range("column", sees.columns));
            self.line(format!("sees {rows} and {columns} of the image"));
        }
        self.line(answer.formula.clone());
    }

    fn body(&mut self, answer: &Answer) {
        match &answer.rule {
            Rule::Given { what } => self.line(format!("{what}: nothing is behind it")),
            Rule::Same { of, because } => {
                self.line(format!("the same as {}: {because}", of.name));
                self.stored(answer);
            }
            Rule::Normalised {
                pixel,
                scale,
                mean,
                std,
            } => {
                let [scale, mean, std] =
                    [scale, mean, std].map(|v| significant(f64::from(*v), DIGITS));
                self.line(format!("({} × {scale} − {mean}) / {std}", pixel.name));
                self.line(format!(
                    "= ({} × {scale} − {mean}) / {std} = {}",
                    pixel.value,
                    significant(answer.computed, 8)
                ));
                self.stored(answer);
            }
            Rule::Sum { groups, bias } => self.sum(answer, groups, bias.as_ref()),
            Rule::Largest { candidates, winner } => self.largest(answer, candidates, *winner),
            Rule::Activation { function, of } => {
                self.line(of.formula.clone());
                self.body(of);
                let (x, y) = (significant(of.value(), 8), significant(answer.computed, 8));
                self.line(format!("{function}({x}) = {y}"));
                self.stored(answer);
            }
            Rule::Softmax {
                exponentials,
                largest,
                sum,
            } => {
                self.exponentials(exponentials, *largest, *sum);
                let class = answer.place.first().map_or(0, |place| place.index);
                let own = exponentials.get(class).map_or(f64::NAN, |e| e.value);
                let share = [own, *sum, answer.computed].map(|v| significant(v, 8));
                self.line(format!(
                    "{} = {} / {} = {}{}",
                    answer.name,
                    share[0],
                    share[1],
                    share[2],
                    self.class(class)
                ));
                self.stored(answer);
            }
            Rule::CrossEntropy {
                exponentials,
                largest,
                sum,
                label,
            } => {
                self.exponentials(exponentials, *largest, *sum);
                let logit = exponentials.get(*label).map_or(f64::NAN, |e| e.logit.value);
                let numbers =
                    [sum.ln(), logit, *largest, answer.computed].map(|v| significant(v, 8));
                let [ln, logit, largest, loss] = numbers;
                self.line(format!("the label is {label}{}", self.class(*label)));
                self.line(format!(
                    "loss = ln Σ − (z − m) = {ln} − ({logit} − {largest}) = {loss}"
                ));
                self.stored(answer);
            }
            Rule::Adam { .. } | Rule::Sgd { .. } => self.step(answer),
        }
    }

    /// Groups with their largest terms, what is left out in one line each, the bias, the sum.
    fn sum(&mut self, answer: &Answer, groups: &[Group], bias: Option<&Factor>) {
        let terms = || groups.iter().flat_map(|group| &group.terms);
        let own = bias.map(|bias| bias.value);
        let numbers = terms()
            .map(|term| term.product)
            .chain(groups.iter().map(|group| group.sum));
        let column = Column::of(numbers.chain(own).chain([answer.computed, answer.value()]));
        let mut added = 0;
        self.lines.push(String::new());
        if let [group] = groups {
            let some = if self.all { usize::MAX } else { LINES };
            let count = counted(group.terms.len(), what(&group.terms));
            self.line(format!("{}, {count}:", group.name));
            added += self.terms(&group.terms, some, column, 2);
        } else {
            let (shown, rest) =
                groups.split_at(groups.len().min(if self.all { usize::MAX } else { GROUPS }));
            for group in shown {
                let count = counted(group.terms.len(), "product");
                self.item(column, group.sum, format!("{}, {count}:", group.name));
                let some = if self.all { usize::MAX } else { TERMS };
                self.terms(&group.terms, some, column, column.width() + 4);
            }
            added += shown.len();
            if !rest.is_empty() {
                let sum = rest.iter().map(|group| group.sum).sum();
                let count: usize = rest.iter().map(|group| group.terms.len()).sum();
                let kind = rest[0].name.split(' ').next().unwrap_or("group");
                let text = format!(
                    "the other {}, {}",
                    counted(rest.len(), kind),
                    counted(count, "product")
                );
                self.item(column, sum, text);
                added += 1;
            }
        }
        if let Some(bias) = bias {
            self.item(column, bias.value, bias.name.clone());
            added += 1;
        }
        self.lines.push(format!("  {}", "─".repeat(column.width())));
        self.item(column, answer.computed, format!("the sum, {}", answer.name));
        if added > 1 {
            let off = added as f64 * column.rounding(answer.computed.abs().max(f64::MIN_POSITIVE));
            let text = format!(
                "({added} lines, each rounded as shown, add up to this within {})",
                bound(off)
            );
            self.line(text);
        }
        self.stored(answer);
    }

    /// The first terms and the rest of them in one line; how many lines.
    fn terms(&mut self, terms: &[Term], most: usize, column: Column, indent: usize) -> usize {
        let not_zero = terms.iter().filter(|term| term.product != 0.0).count();
        // One more is no longer than saying that there is one more.
        let count = match terms.len().min(most) {
            some if some + 1 >= terms.len() => terms.len(),
            some => some.min(not_zero),
        };
        let (shown, rest) = terms.split_at(count);
        let lead = " ".repeat(indent);
        let behind = indent + column.width() + 1;
        for term in shown {
            let names: Vec<_> = term.factors.iter().map(|f| f.name.as_str()).collect();
            let mut text = format!(
                "{lead}{} = {}",
                column.show(term.product),
                names.join(" × ")
            );
            if term.factors.len() > 1 {
                let values = term.factors.iter().map(|f| significant(f.value, DIGITS));
                let values = format!("= {}", values.collect::<Vec<_>>().join(" × "));
                // Names and numbers each in one piece.
                match text.chars().count() + 1 + values.chars().count() <= WIDTH {
                    true => text += &format!(" {values}"),
                    false => text += &format!("\n{}{values}", " ".repeat(behind)),
                }
            }
            for line in text.lines() {
                self.lines.push(fold(line, behind + 2));
            }
        }
        if rest.is_empty() {
            return shown.len();
        }
        let sum = rest.iter().map(|term| term.product).sum();
        let zeros = match rest.len() - (not_zero - count.min(not_zero)) {
            0 => String::new(),
            all if all == rest.len() => ", each 0".to_string(),
            some => format!(", {} of them 0", thousands(some as u64)),
        };
        let other = if shown.is_empty() { "all" } else { "the other" };
        let rest = counted(rest.len(), what(terms));
        let text = format!("{lead}{} {other} {rest}{zeros}", column.show(sum));
        self.lines.push(fold(&text, behind + 2));
        shown.len() + 1
    }

    fn largest(&mut self, answer: &Answer, candidates: &[Factor], winner: usize) {
        let column = Column::of(candidates.iter().map(|factor| factor.value));
        self.lines.push(String::new());
        self.line(format!(
            "the window, {}:",
            counted(candidates.len(), "value")
        ));
        let some = if self.all { usize::MAX } else { LINES };
        for (number, candidate) in candidates.iter().enumerate() {
            if number != winner && number >= some {
                continue;
            }
            let won = if number == winner {
                ", the largest"
            } else {
                ""
            };
            self.item(column, candidate.value, format!("{}{won}", candidate.name));
        }
        if candidates.len() > some {
            let left = candidates.len() - some - usize::from(winner >= some);
            self.line(format!(
                "and {} that are not larger",
                counted(left, "value")
            ));
        }
        let most = candidates
            .get(winner)
            .map_or(f64::NAN, |factor| factor.value);
        if candidates
            .iter()
            .filter(|factor| factor.value == most)
            .count()
            > 1
        {
            self.line("of equals, the first in reading order wins".to_string());
        }
        self.stored(answer);
    }

    /// e^(z − m) for each class, the largest first, and their sum.
    fn exponentials(&mut self, all: &[Exponential], largest: f64, sum: f64) {
        let mut order: Vec<(usize, &Exponential)> = all.iter().enumerate().collect();
        order.sort_by(|(_, a), (_, b)| b.value.total_cmp(&a.value));
        self.lines.push(String::new());
        self.line(format!("m = {}", significant(largest, 8)));
        let some = if self.all { usize::MAX } else { LINES };
        let (shown, rest) = order.split_at(order.len().min(some));
        for (class, e) in shown {
            let [value, logit, largest] =
                [e.value, e.logit.value, largest].map(|v| significant(v, DIGITS));
            let own = self.class(*class);
            self.line(format!(
                "e^({} − m) = e^({logit} − {largest}) = {value}{own}",
                e.logit.name
            ));
        }
        if !rest.is_empty() {
            let sum: f64 = rest.iter().map(|(_, e)| e.value).sum();
            let classes = counted(rest.len(), "class");
            self.line(format!(
                "the other {classes} together: {}",
                significant(sum, DIGITS)
            ));
        }
        self.line(format!("their sum: Σ = {}", significant(sum, 8)));
    }

    /// One optimizer step, quantity by quantity.
    fn step(&mut self, answer: &Answer) {
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
                let (g, t) = (show(gradient.value), thousands(*step));
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
                    thousands(*step)
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

    /// The stored value beside the computed one, and what may lie between them.
    fn stored(&mut self, answer: &Answer) {
        let Some(stored) = answer.stored else {
            return self.line(format!(
                "not kept by a pass; in f32 it may be off by {}",
                bound(answer.bound)
            ));
        };
        let off = (f64::from(stored) - answer.computed).abs();
        let text = match (off == 0.0, answer.holds()) {
            (true, _) => format!("stored as {}: exactly this", answer.name),
            (_, true) => format!(
                "stored as {}: {}, {} apart; rounding in f32 allows {}",
                answer.name,
                significant(f64::from(stored), 8),
                bound(off),
                bound(answer.bound)
            ),
            (_, false) => format!(
                "stored as {}: {}, {} apart, which is MORE than the {} that rounding in f32 allows",
                answer.name,
                significant(f64::from(stored), 8),
                bound(off),
                bound(answer.bound)
            ),
        };
        self.line(text);
    }

    /// A number of a column, and what it is.
    fn item(&mut self, column: Column, value: f64, text: String) {
        let text = format!("  {}   {text}", column.show(value));
        self.lines.push(fold(&text, column.width() + 5));
    }

    fn line(&mut self, text: String) {
        if !text.is_empty() {
            self.lines.push(fold(&format!("  {text}"), 4));
        }
    }

    /// `, class cat`, where the class has a name of its own.
    fn class(&self, class: usize) -> String {
        match self.classes.get(class) {
            Some(name) if *name != class.to_string() => format!(", class {name}"),
            _ => String::new(),
        }
    }
}

/// A bound or difference, two digits.
fn bound(value: f64) -> String {
    if value == 0.0 {
        "0".to_string()
    } else {
        format!("{value:.1e}")
    }
}

/// What the terms of a sum are.
fn what(terms: &[Term]) -> &'static str {
    match terms.iter().any(|term| term.factors.len() > 1) {
        true => "product",
        false => "term",
    }
}

/// `1 product`, `9 products`, `3 classes`
fn counted(count: usize, what: &str) -> String {
    let plural = match (count, what.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {what}{plural}", thousands(count as u64))
}
