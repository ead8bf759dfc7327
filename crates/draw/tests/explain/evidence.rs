//! Evidence, curves, neighbours.

use glassbox_draw::explain::{Captioned, Evidence, Kind, curves, evidence, nearest};
use glassbox_infer::explain::{Curve, Invariance, Map, Point};

use crate::given::{Given, HOSTILE, says, sound};

fn map(rows: usize, columns: usize, value: impl Fn(usize) -> f32) -> Map {
    Map {
        rows,
        columns,
        values: (0..rows * columns).map(value).collect(),
    }
}

#[test]
fn evidence_says_its_class_its_scale_and_its_sanity() {
    let given = Given::new();
    let (trained, random) = (map(3, 5, |i| i as f32), map(3, 5, |i| (i * 7 % 15) as f32));
    let zero = map(3, 5, |_| 0.0);
    let of = |map: &Map, random: &Map, kind| {
        evidence(&Evidence {
            name: "grad-cam",
            method: "Grad-CAM of conv2",
            measure: "what it measures",
            class: HOSTILE,
            probability: 0.123,
            image: &given.image,
            map,
            random,
            kind,
        })
    };
    let figure = of(&trained, &random, Kind::Amount);
    sound(&figure);
    assert_eq!(figure, of(&trained, &random, Kind::Amount));
    says(
        &figure,
        &[
            "Grad-CAM of conv2",
            "&lt;/text&gt;",
            "12.3 %",
            ">14.0</text>",
            "with random weights the map changes",
            "of 15 values",
        ],
    );
    says(
        &of(&trained, &trained, Kind::Signed),
        &["should not be trusted", "−14.0"],
    );
    let nothing = of(&zero, &random, Kind::Amount);
    sound(&nothing);
    assert_eq!(
        nothing
            .svg()
            .matches("0 everywhere: nothing to see")
            .count(),
        2
    );
    says(&nothing, &["nothing can be said"]);
    for (odd, count, drawn) in [
        (map(3, 5, |_| f32::NAN), 15, false),
        (
            map(3, 5, |i| if i < 4 { f32::NAN } else { i as f32 }),
            4,
            true,
        ),
    ] {
        let figure = of(&odd, &random, Kind::Signed);
        sound(&figure);
        let remark = format!("{count} of 15 values");
        says(&figure, &[&remark, "nothing can be said"]);
        let svg = figure.svg();
        assert!(!svg.contains("0 everywhere") && svg.contains(", grey") == drawn);
    }
    // And where only that of random weights is not.
    let figure = of(&trained, &map(3, 5, |_| f32::NAN), Kind::Signed);
    says(&figure, &["15 of 15 values", "nothing can be said"]);
}

#[test]
fn curves_name_their_layers_and_what_is_left_out() {
    let point = |strength: f64| Point {
        strength,
        accuracy: 1.0 - strength / 10.0,
        changes: (0..8)
            .map(|layer| strength * f64::from(layer) / 8.0)
            .collect(),
    };
    let invariance = Invariance {
        layers: (0..8).map(|layer| format!("layer{layer}")).collect(),
        images: 12,
        curves: vec![Curve {
            change: "shift",
            unit: "pixels",
            points: (0..5).map(|i| point(f64::from(i))).collect(),
        }],
    };
    let figures = curves(&invariance);
    assert_eq!(figures.len(), 1);
    sound(&figures[0]);
    assert_eq!(figures[0].name, "invariance-shift");
    says(
        &figures[0],
        &[
            "Accuracy on 12 test images",
            "layer0",
            "layer7",
            "6 of the 8 layers",
            "shift, pixels",
        ],
    );
    // It may rise as well.
    let alt = "Accuracy goes from 100.0 % to 60.0 % at shift 4.0 pixels.";
    assert!(figures[0].alt.starts_with(alt), "{}", figures[0].alt);
    assert!(!figures[0].svg().contains("layer2<"));
}

#[test]
fn nearest_images_have_their_labels() {
    let given = Given::new();
    let captioned = |label: &str| Captioned {
        image: given.image.clone(),
        label: label.to_string(),
        lines: vec!["train:7".to_string(), "distance 1.500".to_string()],
    };
    let neighbours = vec![captioned(HOSTILE); 7];
    let figure = nearest(&captioned("query"), "dense1", &neighbours);
    sound(&figure);
    assert_eq!(figure.svg().matches("distance 1.500").count(), 8);
    says(&figure, &["outputs of dense1", "&lt;script", "query"]);
    sound(&nearest(&captioned("query"), "dense1", &[]));
    let many = nearest(&captioned("query"), "dense1", &vec![captioned("x"); 900]);
    says(&many, &["of 900"]);
}
