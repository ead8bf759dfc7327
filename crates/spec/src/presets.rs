//! The architectures that come with the program.

use crate::{
    Activation, Architecture, Conv, Dense, Flatten, LayerKind, Padding, Pool, SpecError,
    keys::nearest,
};

/// Names of the presets.
pub const PRESETS: [&str; 3] = ["reference", "lenet5", "tiny-vgg"];

pub(crate) fn preset(name: &str, classes: usize) -> Result<Architecture, SpecError> {
    let layers = match name {
        "reference" => reference(classes),
        "lenet5" => lenet5(classes),
        "tiny-vgg" => tiny_vgg(classes),
        _ => {
            return Err(SpecError::UnknownPreset {
                name: name.to_string(),
                nearest: nearest(name, PRESETS).map(str::to_string),
                presets: PRESETS.to_vec(),
            });
        }
    };
    Ok(Architecture {
        name: name.to_string(),
        layers: layers.into_iter().map(LayerKind::into).collect(),
    })
}

/// The network of TensorFlow's image classification tutorial.
fn reference(classes: usize) -> Vec<LayerKind> {
    use Activation::Relu;
    vec![
        conv(32, 3, Padding::Valid, Relu),
        max_pool(2),
        conv(64, 3, Padding::Valid, Relu),
        max_pool(2),
        conv(64, 3, Padding::Valid, Relu),
        LayerKind::Flatten(Flatten {}),
        dense(64, Relu),
        dense(classes, Activation::Linear),
    ]
}

/// LeCun et al., "Gradient-based learning applied to document recognition" (1998), with average pooling and a softmax
/// output. The paper pads 28×28 digits to 32×32; `same` padding in the first layer does that.
fn lenet5(classes: usize) -> Vec<LayerKind> {
    use Activation::Tanh;
    vec![
        conv(6, 5, Padding::Same, Tanh),
        avg_pool(2),
        conv(16, 5, Padding::Valid, Tanh),
        avg_pool(2),
        LayerKind::Flatten(Flatten {}),
        dense(120, Tanh),
        dense(84, Tanh),
        dense(classes, Activation::Linear),
    ]
}

/// The network that CNN Explainer shows (Wang et al., 2020); there on 3×64×64.
fn tiny_vgg(classes: usize) -> Vec<LayerKind> {
    use Activation::Relu;
    vec![
        conv(10, 3, Padding::Valid, Relu),
        conv(10, 3, Padding::Valid, Relu),
        max_pool(2),
        conv(10, 3, Padding::Valid, Relu),
        conv(10, 3, Padding::Valid, Relu),
        max_pool(2),
        LayerKind::Flatten(Flatten {}),
        dense(classes, Activation::Linear),
    ]
}

fn conv(filters: usize, kernel: usize, padding: Padding, activation: Activation) -> LayerKind {
    LayerKind::Conv(Conv {
        filters,
        kernel: [kernel, kernel],
        stride: [1, 1],
        padding,
        activation,
    })
}

fn max_pool(size: usize) -> LayerKind {
    LayerKind::MaxPool(pool(size))
}

fn avg_pool(size: usize) -> LayerKind {
    LayerKind::AvgPool(pool(size))
}

fn pool(size: usize) -> Pool {
    Pool {
        kernel: [size, size],
        stride: None,
        padding: Padding::Valid,
    }
}

fn dense(units: usize, activation: Activation) -> LayerKind {
    LayerKind::Dense(Dense { units, activation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImageShape;

    #[test]
    fn presets_have_the_published_sizes() {
        // name, input, classes, parameters
        let expected = [
            ("reference", [1, 28, 28], 10, 93_322),
            ("reference", [3, 32, 32], 10, 122_570),
            ("lenet5", [1, 28, 28], 10, 61_706),
            ("tiny-vgg", [3, 64, 64], 10, 19_920),
        ];
        for (name, input, classes, parameters) in expected {
            let plan = Architecture::preset(name, classes)
                .unwrap()
                .plan(ImageShape::try_from(input).unwrap())
                .unwrap();
            assert_eq!(plan.parameter_count(), parameters, "{name}");
        }
    }

    #[test]
    fn an_unknown_preset_is_answered_with_the_nearest() {
        let error = Architecture::preset("tinyvgg", 10).unwrap_err();
        assert!(error.to_string().contains("did you mean `tiny-vgg`?"));
    }
}
