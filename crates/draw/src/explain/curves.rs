//! How a network does as its images are moved, turned and made noisy.

use glassbox_infer::explain::{Curve, Invariance};

use crate::{
    Figure,
    chart::{Axis, Chart, Line, Scale, Series, chart},
    theme::{FIRST, SERIES},
};

/// A figure for each kind of change, `invariance-<change>`: accuracy, and by how much each layer's output changes. Of more layers
/// than there are colours, some are drawn, evenly chosen.
pub fn curves(invariance: &Invariance) -> Vec<Figure> {
    let layers = chosen(invariance.layers.len());
    let figure = |curve: &Curve| {
        let label = format!("{}, {}", curve.change, curve.unit);
        let left = accuracy(curve, &label, invariance.images);
        let right = changes(curve, &label, &invariance.layers, &layers);
        let name = format!("invariance-{}", curve.change);
        let title = format!("How far {} changes the answers", curve.change);
        Figure::beside(&name, &title, &[left, right])
    };
    invariance.curves.iter().map(figure).collect()
}

/// At most as many layers as there are colours, evenly, the first and the last among them.
fn chosen(layers: usize) -> Vec<usize> {
    let most = SERIES.len();
    if layers <= most {
        (0..layers).collect()
    } else {
        (0..most)
            .map(|i| (i * (layers - 1) + (most - 1) / 2) / (most - 1))
            .collect()
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
            "Accuracy goes from {:.1} % to {:.1} % at {} {last:.1} {}.",
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

fn changes(curve: &Curve, label: &str, names: &[String], layers: &[usize]) -> Figure {
    let series: Vec<_> = layers
        .iter()
        .zip(SERIES)
        .map(|(layer, colour)| Series {
            name: names.get(*layer).cloned().unwrap_or_default(),
            colour,
            line: Line::Dotted,
            points: curve
                .points
                .iter()
                .filter_map(|p| Some([p.strength, *p.changes.get(*layer)?]))
                .collect(),
        })
        .collect();
    // The printed table has all layers.
    let title = if layers.len() < names.len() {
        format!(
            "Change of {} of the {} layers, ‖a′ − a‖ / ‖a‖",
            layers.len(),
            names.len()
        )
    } else {
        "Change of each layer’s output, ‖a′ − a‖ / ‖a‖".to_string()
    };
    let all = || series.iter().flat_map(|series| &series.points);
    chart(Chart {
        name: "changes",
        title: &title,
        alt: "By how much the outputs of its layers change, relative to their size.".to_string(),
        x: Axis::around(label, Scale::Number, all().map(|p| p[0]), 0.0),
        y: Axis::around("relative change", Scale::Number, all().map(|p| p[1]), 0.1),
        series,
        bars: Vec::new(),
        marks: Vec::new(),
    })
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
