//! The images of a data set that a network takes for similar.

use std::borrow::Cow;

use glassbox_data::Images;

use super::{ExplainError, check_indices};
use crate::{Classifier, Prepared, classifier::BATCH};

/// The images nearest to a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The layer whose outputs are compared: the one before the last.
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
    /// the last layer, which the logits are weighted sums of. `each` hears how many images are done.
    pub fn nearest(
        &self,
        prepared: &Prepared,
        images: &Images,
        indices: &[u32],
        count: usize,
        mut each: impl FnMut(usize),
    ) -> Result<Nearest, ExplainError> {
        let plan = self.check_picture(prepared)?;
        check_indices(images, indices)?;
        let features = |images: &[Cow<[u8]>]| {
            let pixels = self.normalised(images.iter().map(AsRef::as_ref));
            self.engine.features(pixels)
        };
        let own = features(&[Cow::Borrowed(prepared.pixels())])?;
        let (mut neighbours, mut done) = (Vec::new(), 0);
        for chunk in indices.chunks(BATCH) {
            let others = features(&self.all_fitted(images, chunk)?)?;
            let others = chunk.iter().zip(others.chunks_exact(own.len().max(1)));
            neighbours.extend(others.map(|(index, other)| Neighbour {
                index: *index,
                label: images.labels()[*index as usize],
                distance: distance(&own, other),
            }));
            neighbours.sort_by(|a, b| {
                let nearer = a.distance.total_cmp(&b.distance);
                nearer.then(a.index.cmp(&b.index))
            });
            neighbours.truncate(count);
            done += chunk.len();
            each(done);
        }
        // The last layer makes the logits, of what the one before it leaves.
        let before = plan.layers().iter().rev().nth(1);
        let layer = before.map_or("input", |layer| layer.name.as_str());
        Ok(Nearest {
            layer: layer.to_string(),
            neighbours,
        })
    }
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b));
    differences.map(|d| d * d).sum::<f64>().sqrt() as f32
}
