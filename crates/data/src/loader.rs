//! Batches in an order that is a pure function of (seed, epoch), whatever the number of workers.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    thread,
};

use glassbox_spec::{Augment, Normalise, NormaliseTable, Random, Stream};

use crate::{DataError, Images, augmented};

/// Finished batches that each worker holds ready.
const PREFETCH: usize = 2;

/// A batch, ready to compute with.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[n, channels, height, width]`, contiguous, normalised.
    pub pixels: Vec<f32>,
    /// The four sizes of `pixels`.
    pub shape: [usize; 4],
    /// One per image.
    pub labels: Vec<u16>,
    /// Which images these are, as indices into the part.
    pub indices: Vec<u32>,
    /// From 1.
    pub epoch: u32,
    /// Position in the epoch, from 0.
    pub number: u32,
}

/// How a [`Loader`] goes through its images.
#[derive(Debug, Clone, Copy)]
pub struct LoaderOptions {
    /// Images a batch; the last batch of an epoch may be shorter.
    pub batch_size: usize,
    /// Seed of the order and of the augmentation.
    pub seed: u64,
    /// Whether each epoch has its own random order.
    pub shuffle: bool,
    /// Changes to each image.
    pub augment: Augment,
    /// Threads that prepare batches ahead; 0 prepares each when it is asked for, as do platforms without threads.
    pub workers: usize,
}

impl LoaderOptions {
    /// In the given order, unchanged: for validation and test.
    pub fn in_order(batch_size: usize) -> Self {
        Self {
            batch_size,
            seed: 0,
            shuffle: false,
            augment: Augment::default(),
            workers: 1,
        }
    }
}

/// Yields the batches of any epoch, as often as asked.
#[derive(Debug, Clone)]
pub struct Loader {
    source: Arc<Source>,
}

#[derive(Debug)]
struct Source {
    images: Arc<Images>,
    indices: Vec<u32>,
    table: NormaliseTable,
    options: LoaderOptions,
}

impl Loader {
    /// Over the images with these indices, which must all be there.
    pub fn new(
        images: Arc<Images>,
        indices: Vec<u32>,
        normalise: &Normalise,
        options: LoaderOptions,
    ) -> Result<Self, DataError> {
        if let Some(index) = indices.iter().find(|i| **i as usize >= images.len()) {
            return Err(DataError::NoImage {
                index: *index,
                images: images.len(),
            });
        }
        let options = LoaderOptions {
            batch_size: options.batch_size.max(1),
            ..options
        };
        Ok(Self {
            source: Arc::new(Source {
                images,
                indices,
                table: normalise.table(),
                options,
            }),
        })
    }

    /// Images in an epoch.
    pub fn len(&self) -> usize {
        self.source.indices.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.source.indices.is_empty()
    }

    /// Batches in an epoch.
    pub fn batches(&self) -> usize {
        self.len().div_ceil(self.source.options.batch_size)
    }

    /// The images of epoch `epoch`, in its order.
    pub fn order(&self, epoch: u32) -> Vec<u32> {
        let mut order = self.source.indices.clone();
        if self.source.options.shuffle {
            Random::new(self.source.options.seed, Stream::Shuffle, epoch, 0).shuffle(&mut order);
        }
        order
    }

    /// The batches of epoch `epoch` (numbered from 1).
    pub fn epoch(&self, epoch: u32) -> Epoch {
        let order = Arc::new(self.order(epoch));
        let batches = self.batches();
        let workers = self.source.options.workers.min(batches);
        let feeds = (0..workers)
            .map(|worker| {
                let (sender, receiver) = sync_channel(PREFETCH);
                let (source, order) = (Arc::clone(&self.source), Arc::clone(&order));
                // Worker w makes batches w, w + workers, …; the reader takes them in turn, so the order is fixed.
                let work = move || {
                    for number in (worker..batches).step_by(workers) {
                        if sender.send(source.batch(&order, epoch, number)).is_err() {
                            return; // The reader has gone.
                        }
                    }
                };
                // Where no thread can be had, as in WebAssembly, the sender is gone and the reader makes these batches.
                let _ = thread::Builder::new().spawn(work);
                receiver
            })
            .collect();
        Epoch {
            source: Arc::clone(&self.source),
            order,
            epoch,
            next: 0,
            batches,
            feeds,
        }
    }

    /// The same loader over a part of its images: those at positions `start..end`.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let source = &self.source;
        let end = end.min(source.indices.len());
        let indices = source.indices.get(start..end).unwrap_or_default().to_vec();
        Self {
            source: Arc::new(Source {
                images: Arc::clone(&source.images),
                indices,
                table: source.table.clone(),
                options: source.options,
            }),
        }
    }
}

impl Source {
    fn batch(&self, order: &[u32], epoch: u32, number: usize) -> Batch {
        let size = self.options.batch_size;
        let start = number * size;
        let indices = order[start..(start + size).min(order.len())].to_vec();
        let shape = self.images.shape();
        let mut pixels = Vec::with_capacity(indices.len() * shape.len());
        let mut labels = Vec::with_capacity(indices.len());
        let augment = &self.options.augment;
        // `Loader::new` has seen that all are there.
        for index in &indices {
            let place = *index as usize;
            labels.extend(self.images.label(place));
            let image = self.images.image(place).unwrap_or_default();
            if augment.is_none() {
                self.table.append(image, &mut pixels);
            } else {
                let mut random = Random::new(self.options.seed, Stream::Augment, epoch, *index);
                let image = augmented(image, shape, augment, &mut random);
                self.table.append(&image, &mut pixels);
            }
        }
        Batch {
            pixels,
            shape: [
                indices.len(),
                shape.channels(),
                shape.height(),
                shape.width(),
            ],
            labels,
            indices,
            epoch,
            number: number as u32,
        }
    }
}

/// The batches of one epoch, in order.
#[derive(Debug)]
pub struct Epoch {
    source: Arc<Source>,
    order: Arc<Vec<u32>>,
    epoch: u32,
    next: usize,
    batches: usize,
    feeds: Vec<Receiver<Batch>>,
}

impl Epoch {
    /// Images in the batches yielded so far.
    pub fn images_done(&self) -> usize {
        (self.next * self.source.options.batch_size).min(self.order.len())
    }

    /// Images in the whole epoch.
    pub fn images_total(&self) -> usize {
        self.order.len()
    }
}

impl Iterator for Epoch {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next == self.batches {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let feed = self.feeds.get(number % self.feeds.len().max(1));
        // Without a worker the batch is made here: it is the same.
        let ready = feed.and_then(|feed| feed.recv().ok());
        Some(ready.unwrap_or_else(|| self.source.batch(&self.order, self.epoch, number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_spec::ImageShape;

    fn loader(workers: usize, options: impl FnOnce(&mut LoaderOptions)) -> Loader {
        let shape = ImageShape::new(2, 3, 5).unwrap();
        let pixels = (0..23u8)
            .flat_map(|image| (0..30).map(move |p| image * 8 + p))
            .collect();
        let labels = (0..23).map(|image| image % 4).collect();
        let images = Arc::new(Images::new(shape, pixels, labels, 4).unwrap());
        let indices: Vec<u32> = (1..23).collect();
        let normalise = images.statistics(&indices);
        let mut chosen = LoaderOptions {
            batch_size: 5,
            seed: 9,
            shuffle: true,
            augment: Augment::default(),
            workers,
        };
        options(&mut chosen);
        Loader::new(images, indices, &normalise, chosen).unwrap()
    }

    #[test]
    fn every_image_comes_once_and_the_short_batch_is_kept() {
        let loader = loader(2, |_| {});
        let batches: Vec<_> = loader.epoch(1).collect();
        assert_eq!((batches.len(), loader.batches()), (5, 5));
        assert_eq!(batches[4].shape, [2, 2, 3, 5]);
        let mut seen: Vec<u32> = batches.iter().flat_map(|b| b.indices.clone()).collect();
        assert_eq!(seen, loader.order(1));
        seen.sort_unstable();
        assert_eq!(seen, (1..23).collect::<Vec<_>>());
        for batch in &batches {
            assert_eq!(batch.pixels.len(), batch.shape.iter().product::<usize>());
            for (index, label) in batch.indices.iter().zip(&batch.labels) {
                assert_eq!(u32::from(*label), index % 4);
            }
        }
    }

    #[test]
    fn workers_and_earlier_epochs_change_nothing() {
        let augment = |o: &mut LoaderOptions| {
            o.augment = Augment {
                shift: 1.5,
                rotate: 20.0,
                crop: 1,
                cutout: 2,
                flip: true,
                scale: 0.2,
            }
        };
        let expected: Vec<_> = loader(0, augment).epoch(4).collect();
        for workers in [1, 2, 3, 9] {
            let loader = loader(workers, augment);
            let _abandoned = loader.epoch(3).next();
            assert_eq!(
                loader.epoch(4).collect::<Vec<_>>(),
                expected,
                "{workers} workers"
            );
        }
        assert_ne!(loader(0, augment).epoch(5).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_image_that_is_not_there_is_refused() {
        let shape = ImageShape::new(1, 2, 3).unwrap();
        let images = Arc::new(Images::new(shape, vec![0; 12], vec![0, 1], 2).unwrap());
        let (normalise, options) = (images.statistics(&[0]), LoaderOptions::in_order(4));
        assert!(matches!(
            Loader::new(images, vec![0, 2], &normalise, options),
            Err(DataError::NoImage {
                index: 2,
                images: 2
            })
        ));
    }

    #[test]
    fn order_depends_on_seed_and_epoch() {
        let base = loader(0, |_| {});
        assert_ne!(base.order(1), base.order(2));
        assert_ne!(base.order(1), loader(0, |o| o.seed = 10).order(1));
        let still = loader(0, |o| o.shuffle = false);
        assert_eq!(still.order(1), still.order(2));
    }

    #[test]
    fn pixels_are_normalised_per_channel() {
        let loader = loader(1, |o| o.batch_size = 22);
        let batch = loader.epoch(1).next().unwrap();
        for channel in 0..2 {
            let values: Vec<f64> = batch
                .pixels
                .chunks_exact(15)
                .skip(channel)
                .step_by(2)
                .flatten()
                .map(|v| f64::from(*v))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let square = values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
            assert!(
                mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-5,
                "{mean} {square}"
            );
        }
    }

    #[test]
    fn a_slice_keeps_its_images() {
        let slice = loader(1, |o| o.shuffle = false).slice(3, 7);
        assert_eq!(slice.order(1), [4, 5, 6, 7]);
        assert!(loader(1, |_| {}).slice(30, 40).is_empty());
    }
}
