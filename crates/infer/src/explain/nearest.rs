//! The images of a data set that a network takes for similar.

use std::sync::Arc;

use glassbox_data::Images;

use super::{ExplainError, check_indices, together};
use crate::{Classifier, Prepared};

/// The images nearest to a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The layer whose outputs are compared.
    pub layer: String,
    /// The nearest first; equally near ones by their index.
    pub neighbours: Vec<Neighbour>,
}

/// An image near a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its position among the images.
    pub index: u32,
    /// Its class.
    pub label: u16,
    /// Euclidean distance of its layer's output from the picture's.
    pub distance: f32,
}

impl Classifier {
    /// The `count` images, of those with these indices, whose penultimate activations are nearest to a picture's: the input of
    /// the last layer that has weights, from which the logits are weighted sums. `each` hears how many images are done.
    pub fn nearest(
        &self,
        prepared: &Prepared,
        images: Arc<Images>,
        indices: &[u32],
        count: usize,
        mut each: impl FnMut(usize),
    ) -> Result<Nearest, ExplainError> {
        let plan = self.check_picture(prepared)?;
        check_indices(&images, indices)?;
        let last = plan.layers().iter().rposition(|l| l.parameter_count() > 0);
        // In a trace the input comes first, so a layer's input is where the plan has the layer.
        let at = last.unwrap_or_default();
        let mut trace = self.forward(&[prepared.pixels()])?;
        let own = trace.layers.swap_remove(at);
        let together = together(&plan);
        let (mut neighbours, mut done) = (Vec::new(), 0);
        for chunk in indices.chunks(together) {
            let trace = self.forward(&self.fitted(&images, chunk)?)?;
            let outputs = trace.layers[at].values.chunks_exact(own.shape.len());
            neighbours.extend(chunk.iter().zip(outputs).map(|(index, output)| Neighbour {
                index: *index,
                label: images.label(*index as usize),
                distance: distance(&own.values, output),
            }));
            neighbours.sort_by(|a, b| {
                let nearer = a.distance.total_cmp(&b.distance);
                nearer.then(a.index.cmp(&b.index))
            });
            neighbours.truncate(count);
            done += chunk.len();
            each(done);
        }
        Ok(Nearest {
            layer: own.layer,
            neighbours,
        })
    }
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b));
    differences.map(|d| d * d).sum::<f64>().sqrt() as f32
}
