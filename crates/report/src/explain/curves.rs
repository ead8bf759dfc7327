//! How a network does as its images are moved, turned and made noisy.

use glassbox_infer::explain::{Curve, Invariance};

use crate::{
    Figure,
    canvas::{Anchor, Canvas, width},
    chart::{Axis, Chart, Line, Scale, Series, chart},
    theme::{FIRST, SERIES},
};

use super::MARGIN;

/// A figure for each kind of change, `invariance-<change>`: accuracy, and by how much each layer's output changes. Of more layers
/// than there are colours, some are drawn, evenly chosen.
pub fn curves(invariance: &Invariance) -> Vec<Figure> {
    let layers = chosen(invariance.layers.len());
    let figure = |curve: &Curve| {
        let label = format!("{}, {}", curve.change, curve.unit);
        let left = accuracy(curve, &label, invariance.images);
        let right = changes(curve, &label, &layers);
        let mut canvas = Canvas::default();
        canvas.write(format_args!(
            "{}<g transform=\"translate({} 0)\">\n{}</g>\n",
            left.body, left.width, right.body
        ));
        let top = left.height.max(right.height) as f64 + 16.0;
        legend(
            &mut canvas,
            invariance,
            &layers,
            [left.width as f64 + 8.0, top],
        );
        let title = format!("How far {} changes the answers", curve.change);
        let alt = format!("{} {}", left.alt, right.alt);
        let size = [(left.width + right.width) as f64, top + 32.0];
        canvas.finish(&format!("invariance-{}", curve.change), &title, alt, size)
    };
    invariance.curves.iter().map(figure).collect()
}

/// At most as many layers as there are colours, evenly, the first and the last among them.
fn chosen(layers: usize) -> Vec<usize> {
    let most = SERIES.len();
    match layers <= most {
        true => (0..layers).collect(),
        false => (0..most)
            .map(|i| (i * (layers - 1) + (most - 1) / 2) / (most - 1))
            .collect(),
    }
}

fn accuracy(curve: &Curve, label: &str, images: usize) -> Figure {
    let points: Vec<_> = curve
        .points
        .iter()
        .map(|p| [p.strength, p.accuracy])
        .collect();
    let [from, to] = [points.first(), points.last()].map(|point| point.map_or(f64::NAN, |p| p[1]));
    let last = points.last().map_or(0.0, |point| point[0]);
    chart(Chart {
        name: "accuracy",
        title: &format!("Accuracy on {images} test images"),
        alt: format!(
            "Accuracy falls from {:.1} % to {:.1} % at {} {last:.1} {}.",
            100.0 * from,
            100.0 * to,
            curve.change,
            curve.unit
        ),
        x: Axis::around(label, Scale::Number, points.iter().map(|p| p[0]), 0.0),
        y: Axis {
            label: "accuracy",
            scale: Scale::Percent,
            range: [0.0, 1.002],
        },
        series: vec![Series {
            name: String::new(),
            colour: FIRST,
            line: Line::Dotted,
            points,
        }],
        bars: Vec::new(),
        marks: Vec::new(),
    })
}

fn changes(curve: &Curve, label: &str, layers: &[usize]) -> Figure {
    let series: Vec<_> = layers
        .iter()
        .zip(SERIES)
        .map(|(layer, colour)| Series {
            name: String::new(),
            colour,
            line: Line::Dotted,
            points: curve
                .points
                .iter()
                .filter_map(|p| Some([p.strength, *p.changes.get(*layer)?]))
                .collect(),
        })
        .collect();
    let all = || series.iter().flat_map(|series| &series.points);
    chart(Chart {
        name: "changes",
        title: "Change of each layer's output, ‖a′ − a‖ / ‖a‖",
        alt: "By how much the outputs of its layers change, relative to their size.".to_string(),
        x: Axis::around(label, Scale::Number, all().map(|p| p[0]), 0.0),
        y: Axis::around("relative change", Scale::Number, all().map(|p| p[1]), 0.1),
        series,
        bars: Vec::new(),
        marks: Vec::new(),
    })
}

/// Which colour is which layer, and which layers are not drawn.
fn legend(canvas: &mut Canvas, invariance: &Invariance, layers: &[usize], [left, y]: [f64; 2]) {
    let name = |layer: &usize| invariance.layers.get(*layer).map_or("", String::as_str);
    let wide: f64 = layers
        .iter()
        .map(|layer| width(name(layer), 12.0) + 37.0)
        .sum();
    // Under its chart, or further to the left where it is wide.
    let mut x = left.min(2.0 * left - wide - MARGIN).max(MARGIN);
    for (layer, colour) in layers.iter().zip(SERIES) {
        canvas.line([x, y - 4.0], [x + 18.0, y - 4.0], colour, 2.0);
        canvas.text(x + 23.0, y, Anchor::Start, name(layer));
        x += width(name(layer), 12.0) + 37.0;
    }
    if layers.len() < invariance.layers.len() {
        let text = format!(
            "{} of the {} layers; the printed table has all",
            layers.len(),
            invariance.layers.len()
        );
        canvas.muted(left, y + 18.0, Anchor::Start, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_chosen_evenly() {
        assert_eq!(chosen(4), [0, 1, 2, 3]);
        assert_eq!(chosen(8), [0, 1, 3, 4, 6, 7]);
        assert_eq!(chosen(101), [0, 20, 40, 60, 80, 100]);
    }
}
