//! A dense layer's value: its largest products.

use glassbox_infer::why::Term;

use super::{super::layout::MARGIN, sheet::Sheet};
use crate::{
    colour::hex,
    font::{TEXT, width},
    numbers::exact,
    scale::Scale,
    theme::RULE,
};

/// Terms of a dense layer that are written out.
const TERMS: usize = 16;

impl Sheet<'_> {
    /// A dense layer: its largest products, each with a bar.
    pub(super) fn terms(&mut self) {
        let groups = self.cell.groups();
        let terms: Vec<&Term> = groups.iter().flat_map(|group| &group.terms).collect();
        let sum: f64 = groups.iter().map(|group| group.sum).sum();
        let magnitudes: Vec<f32> = terms.iter().map(|term| term.product as f32).collect();
        let scale = Scale::signed(&magnitudes);
        let count = terms.len().min(TERMS);
        let title = format!("the largest of {} products", terms.len());
        self.line(&title);
        let texts = terms[..count].iter().map(|term| written(term));
        let widest = texts.map(|text| width(&text, TEXT)).fold(0.0, f64::max);
        let bars = MARGIN + 98.0 + widest + 20.0;
        for term in &terms[..count] {
            let share = f64::from(scale.share(term.product as f32).abs());
            let top = self.bottom - 10.0;
            self.row(term.product, &written(term));
            let x = bars;
            let colour = hex(scale.colour(term.product as f32));
            self.canvas.rect([x, top, 140.0 * share, 12.0], &colour);
            self.canvas.frame([x, top, 140.0 * share, 12.0], RULE, 1.0);
            self.right = self.right.max(x + 140.0);
        }
        let rest: f64 = sum - terms[..count].iter().map(|term| term.product).sum::<f64>();
        if terms.len() > count {
            self.row(rest, &format!("the other {} products", terms.len() - count));
        }
        self.total();
    }
}

/// `flatten[84] × dense1.weight[5,84] = 2.5 × −0.1`
fn written(term: &Term) -> String {
    let names: Vec<_> = term.factors.iter().map(|f| f.name.as_str()).collect();
    let values: Vec<_> = term.factors.iter().map(|f| exact(f.value)).collect();
    format!("{} = {}", names.join(" × "), values.join(" × "))
}
