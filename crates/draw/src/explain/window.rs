//! One value of a layer on an image: the patch, the kernel, their products and the sum.

mod convolution;
mod dense;
mod pooling;
mod sheet;

use glassbox_infer::why::{Answer, Rule};

use self::sheet::Sheet;
use super::cell::{Cell, Pass};
use crate::{Figure, numbers::exact};

/// How a layer's value comes about, drawn from `why`'s answer, `window-conv2-17-4-6`; `None` where the answer is not about a layer's value.
pub fn window(pass: &Pass<'_>, answer: &Answer) -> Option<Figure> {
    let cell = Cell::of(pass, answer)?;
    let title = format!("{} = {}", answer.name, exact(answer.value()));
    let place = place(answer);
    let mut sheet = Sheet::new(cell, &title, &place);
    match (sheet.cell.rule(), sheet.cell.windows()) {
        (Rule::Largest { candidates, winner }, Some(windows)) => {
            sheet.pooled(candidates, Some(*winner), windows);
        }
        (Rule::Sum { .. }, Some(windows)) if sheet.cell.is_convolution() => {
            sheet.products(windows);
        }
        (Rule::Sum { groups, .. }, Some(windows)) => {
            let terms = groups.iter().flat_map(|group| &group.terms);
            let read: Vec<_> = terms
                .filter_map(|term| term.factors.first().cloned())
                .collect();
            sheet.pooled(&read, None, windows);
        }
        (Rule::Sum { .. }, None) => sheet.terms(),
        (Rule::Same { of, because }, _) => {
            sheet.line(&format!("the same as {} = {}:", of.name, exact(of.value)));
            sheet.line(because);
        }
        (Rule::Largest { .. }, None)
        | (
            Rule::Given { .. }
            | Rule::Normalised { .. }
            | Rule::Activation { .. }
            | Rule::Softmax { .. }
            | Rule::CrossEntropy { .. }
            | Rule::Adam { .. }
            | Rule::Sgd { .. },
            _,
        ) => {}
    }
    sheet.activation();
    let alt = format!("{title}: {place}, with the numbers that it is computed from");
    Some(sheet.finish(&title, alt))
}

/// `channel 17 of 64, row 4 of 11, …; sees rows 8 to 15 and columns 12 to 19 of the image`
fn place(answer: &Answer) -> String {
    let axes: Vec<_> = answer
        .place
        .iter()
        .map(|axis| format!("{} {} of {}", axis.axis, axis.index, axis.size))
        .collect();
    let sees = answer
        .sees
        .as_ref()
        .map(|sees| match (sees.rows, sees.columns) {
            (Some([top, bottom]), Some([left, right])) => {
                format!("; sees rows {top} to {bottom} and columns {left} to {right} of the image")
            }
            _ => "; sees nothing but padding".to_string(),
        });
    axes.join(", ") + ", counted from 0" + &sees.unwrap_or_default()
}
