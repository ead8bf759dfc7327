//! Sums and windows: the terms that weigh most, and the rest in few lines.

use glassbox_infer::why::{Answer, Factor, Group, Term};
use glassbox_lessons::counted;

use super::{
    columns::{Column, fold},
    page::{DIGITS, LINES, Page},
};
use crate::{
    numbers::{bound, significant},
    plain::WIDTH,
};

/// Groups shown of a sum with more.
const GROUPS: usize = 5;

/// Terms shown of a group with more.
const TERMS: usize = 3;

impl Page<'_> {
    /// Groups with their largest terms, what is left out in one line each, the bias, the sum.
    pub(super) fn sum(&mut self, answer: &Answer, groups: &[Group], bias: Option<&Factor>) {
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
            let count = counted(group.terms.len() as u64, what(&group.terms));
            self.line(format!("{}, {count}:", group.name));
            added += self.terms(&group.terms, some, column, 2);
        } else {
            let (shown, rest) =
                groups.split_at(groups.len().min(if self.all { usize::MAX } else { GROUPS }));
            for group in shown {
                let count = counted(group.terms.len() as u64, "product");
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
                    counted(rest.len() as u64, kind),
                    counted(count as u64, "product")
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
            // The sum is rounded too.
            let off = bound((added + 1) as f64 * column.rounding());
            self.line(format!(
                "({added} lines, rounded as shown, add up to this within {off})"
            ));
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
                if text.chars().count() + 1 + values.chars().count() <= WIDTH {
                    text += &format!(" {values}")
                } else {
                    text += &format!("\n{}{values}", " ".repeat(behind))
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
            some => format!(", {} of them 0", glassbox_lessons::count(some as u64)),
        };
        let other = if shown.is_empty() { "all" } else { "the other" };
        let rest = counted(rest.len() as u64, what(terms));
        let text = format!("{lead}{} {other} {rest}{zeros}", column.show(sum));
        self.lines.push(fold(&text, behind + 2));
        shown.len() + 1
    }

    pub(super) fn largest(&mut self, answer: &Answer, candidates: &[Factor], winner: usize) {
        let column = Column::of(candidates.iter().map(|factor| factor.value));
        self.lines.push(String::new());
        self.line(format!(
            "the window, {}:",
            counted(candidates.len() as u64, "value")
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
            if left > 0 {
                self.line(format!(
                    "and {} that are not larger",
                    counted(left as u64, "value")
                ));
            }
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
}

/// What the terms of a sum are.
fn what(terms: &[Term]) -> &'static str {
    if terms.iter().any(|term| term.factors.len() > 1) {
        "product"
    } else {
        "term"
    }
}
