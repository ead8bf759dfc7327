//! How far the probabilities can be believed.

use glassbox_draw::{
    Figure,
    chart::{Axis, Bar, Chart, Line, Scale, Series, chart},
    theme::{FIRST, MUTED, SECOND},
};
use glassbox_infer::{Bin, Calibration};

/// The reliability diagram, and how many answers there are of each probability.
pub(super) fn reliability(calibration: &Calibration) -> [Figure; 2] {
    let confidence = Axis {
        label: "probability of the predicted class",
        scale: Scale::Percent,
        range: [0.0, 1.0],
    };
    let filled = || calibration.bins.iter().filter(|bin| bin.count > 0);
    let bar = |bin: &Bin, height: f64| Bar {
        // A little apart.
        from: [bin.low + 0.004, 0.0],
        to: [bin.high - 0.004, height],
        colour: FIRST,
    };
    let ece = format!("{:.2} %", 100.0 * calibration.ece);
    let points = |line, name: &str, colour, points| Series {
        name: name.to_string(),
        colour,
        line,
        points,
    };
    let title = format!("Reliability: expected calibration error {ece}");
    let reliability = chart(Chart {
        name: "reliability",
        title: &title,
        alt: format!(
            "Reliability diagram of {} bins. The expected calibration error is {ece}. {}",
            calibration.bins.len(),
            filled()
                .map(|bin| format!(
                    "{:.0} to {:.0} %: {} images, {:.1} % right.",
                    100.0 * bin.low,
                    100.0 * bin.high,
                    bin.count,
                    100.0 * bin.accuracy
                ))
                .collect::<Vec<_>>()
                .join(" ")
        ),
        x: confidence,
        y: Axis {
            label: "right answers",
            scale: Scale::Percent,
            range: [0.0, 1.02],
        },
        series: vec![
            points(
                Line::Dashed,
                "as sure as right",
                MUTED,
                vec![[0.0, 0.0], [1.0, 1.0]],
            ),
            points(
                Line::Dots,
                "mean probability of a bin",
                SECOND,
                filled().map(|bin| [bin.confidence, bin.accuracy]).collect(),
            ),
        ],
        bars: filled().map(|bin| bar(bin, bin.accuracy)).collect(),
        marks: Vec::new(),
    });
    let log = |count: u64| (count as f64).log10().max(0.04);
    let most = filled().map(|bin| log(bin.count)).fold(1.0, f64::max);
    let counts = chart(Chart {
        name: "probabilities",
        title: "How sure it is",
        alt: "Number of test images by the probability of their predicted class, on a logarithmic axis.".to_string(),
        x: confidence,
        y: Axis {
            label: "images, logarithmic",
            scale: Scale::Log,
            range: [0.0, 1.05 * most],
        },
        series: Vec::new(),
        bars: filled().map(|bin| bar(bin, log(bin.count))).collect(),
        marks: Vec::new(),
    });
    [reliability, counts]
}
