//! Why a number is what it is: an answer in lines of at most [`WIDTH`](crate::WIDTH) columns, as it would be read aloud.
//!
//! * **In**: an [`Answer`], the names of the classes. * **Out**: text. * **Never**: arithmetic beyond adding up what is
//!   left out.

mod columns;
mod page;
mod step;
mod sum;

use glassbox_infer::why::{Answer, Exponential, Rule};
use glassbox_lessons::counted;

use self::page::{DIGITS, LINES, Page};
use crate::{Style, numbers::significant};

/// The lines of an answer; the most weighty terms of it, or `all`.
pub fn why(answer: &Answer, classes: &[String], all: bool, style: Style) -> String {
    let mut page = Page {
        lines: Vec::new(),
        classes,
        all,
        style,
    };
    page.head(answer);
    page.body(answer);
    page.lines.join("\n")
}

impl Page<'_> {
    /// Which number it is, where it is, and what it depends on.
    fn head(&mut self, answer: &Answer) {
        let value = significant(answer.value(), 8);
        let name = match self.style {
            Style::Plain => answer.name.clone(),
            Style::Colour => format!("\u{1b}[1m{}\u{1b}[0m", answer.name),
        };
        self.lines.push(format!("{name} = {value}"));
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
            let classes = counted(rest.len() as u64, "class");
            self.line(format!(
                "the other {classes} together: {}",
                significant(sum, DIGITS)
            ));
        }
        self.line(format!("their sum: Σ = {}", significant(sum, 8)));
    }
}
