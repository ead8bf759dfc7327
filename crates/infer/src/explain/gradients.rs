//! Maps from the derivatives of a class's logit.

use glassbox_scratch::{Recorded, Trace};
use glassbox_spec::{ImageShape, Shape, nearest};

use super::{ExplainError, Map};
use crate::{Classifier, Prepared};

/// Where a layer's features speak for a class.
#[derive(Debug, Clone, PartialEq)]
pub struct GradCam {
    /// Whose features.
    pub layer: String,
    /// As many rows and columns as the layer's output; never below zero.
    pub map: Map,
}

impl Classifier {
    /// How much the logit of a class depends on each pixel: the largest |∂logit/∂x| over the channels of the normalised input x
    /// (Simonyan et al., "Deep inside convolutional networks", 2014, section 3.1). As many rows and columns as the input.
    pub fn saliency(&self, prepared: &Prepared, class: u16) -> Result<Map, ExplainError> {
        let trace = self.scored(prepared, class)?;
        let (input, shape) = image_layer(&trace, "input")?;
        let plane = shape.height() * shape.width();
        let mut values = vec![0f32; plane];
        for channel in derivatives(input).chunks_exact(plane) {
            for (value, d) in values.iter_mut().zip(channel) {
                // `f32::max` would pass over what is not a number.
                if d.is_nan() || d.abs() > *value {
                    *value = d.abs();
                }
            }
        }
        Ok(map(shape, values))
    }

    /// Grad-CAM (Selvaraju et al., "Grad-CAM: visual explanations from deep networks", 2017, equations 1 and 2):
    ///
    /// ```text
    /// L = ReLU( Σ_k α_k A_k ),    α_k = 1/Z · Σ_ij ∂logit / ∂A_k[i,j]
    /// ```
    ///
    /// over the channels A_k, of Z places each, of a layer's output after its activation. Without a name it is the last
    /// convolution; any layer with an image-shaped output may be named, and `input`.
    pub fn grad_cam(
        &self,
        prepared: &Prepared,
        class: u16,
        layer: Option<&str>,
    ) -> Result<GradCam, ExplainError> {
        let trace = self.scored(prepared, class)?;
        let name = match layer {
            Some(name) => name,
            None => last_convolution(&trace)?,
        };
        let (layer, shape) = image_layer(&trace, name)?;
        let plane = shape.height() * shape.width();
        let mut sums = vec![0f64; plane];
        let channels = layer.values.chunks_exact(plane);
        for (values, d) in channels.zip(derivatives(layer).chunks_exact(plane)) {
            let alpha = d.iter().map(|d| f64::from(*d)).sum::<f64>() / plane as f64;
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += alpha * f64::from(*value);
            }
        }
        // What is not a number stays so.
        let relu = |sum: f64| if sum < 0.0 { 0.0 } else { sum };
        let values = sums.into_iter().map(|sum| relu(sum) as f32).collect();
        Ok(GradCam {
            layer: layer.layer.clone(),
            map: map(shape, values),
        })
    }

    /// A pass over one picture, with the derivatives of a class's logit.
    fn scored(&self, prepared: &Prepared, class: u16) -> Result<Trace, ExplainError> {
        self.check(prepared, class)?;
        Ok(self.trace_scores(std::slice::from_ref(prepared), &[class])?)
    }
}

fn map(shape: ImageShape, values: Vec<f32>) -> Map {
    Map {
        rows: shape.height(),
        columns: shape.width(),
        values,
    }
}

/// Those by the layer's output, which every layer of a backward pass has.
fn derivatives(layer: &Recorded) -> &[f32] {
    layer.d_values.as_deref().unwrap_or_default()
}

fn last_convolution(trace: &Trace) -> Result<&str, ExplainError> {
    let mut layers = trace.layers.iter().rev();
    let last = layers.find(|layer| layer.kind == "conv");
    last.map(|layer| layer.layer.as_str())
        .ok_or_else(|| ExplainError::NoConvolution {
            known: image_layers(trace),
        })
}

/// A layer by its name, with the shape of its image-shaped output.
fn image_layer<'a>(
    trace: &'a Trace,
    name: &str,
) -> Result<(&'a Recorded, ImageShape), ExplainError> {
    match trace.layer(name) {
        None => {
            let known = image_layers(trace);
            let meant = nearest(name, known.iter().map(String::as_str));
            Err(ExplainError::UnknownLayer {
                name: name.to_string(),
                nearest: meant.map(str::to_string),
                known,
            })
        }
        Some(layer) => match layer.shape {
            Shape::Image(shape) => Ok((layer, shape)),
            shape => Err(ExplainError::NotAnImage {
                layer: name.to_string(),
                shape,
            }),
        },
    }
}

/// The names of all layers with an image-shaped output.
fn image_layers(trace: &Trace) -> Vec<String> {
    let layers = trace.layers.iter();
    let image = layers.filter(|layer| matches!(layer.shape, Shape::Image(_)));
    image.map(|layer| layer.layer.clone()).collect()
}
