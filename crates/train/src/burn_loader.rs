//! The loader as Burn's `DataLoader`.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use burn::{
    data::{
        dataloader::{DataLoader, DataLoaderIterator, Progress},
        dataset::DatasetError,
    },
    tensor::{Device, Int, Tensor, TensorData},
};
use glassbox_data::{Batch, Epoch, Loader};

/// A batch on a device.
#[derive(Debug, Clone)]
pub(crate) struct BurnBatch {
    /// `[n, channels, height, width]`.
    pub images: Tensor<4>,
    /// `[n]`, class indices.
    pub targets: Tensor<1, Int>,
    /// The same labels, on the host.
    pub labels: Vec<u16>,
    /// Which images these are.
    pub indices: Vec<u32>,
    /// From 1.
    pub epoch: u32,
    /// Position in the epoch, from 0.
    pub number: u32,
}

impl BurnBatch {
    /// Moves a batch to a device; on CPU its buffer is taken over, not copied.
    pub fn new(batch: Batch, device: &Device) -> Self {
        let count = batch.labels.len();
        let targets: Vec<i32> = batch.labels.iter().map(|label| i32::from(*label)).collect();
        Self {
            images: Tensor::from_data(TensorData::new(batch.pixels, batch.shape), device),
            targets: Tensor::from_data(TensorData::new(targets, [count]), device),
            labels: batch.labels,
            indices: batch.indices,
            epoch: batch.epoch,
            number: batch.number,
        }
    }
}

/// Burn asks for one iterator per epoch without saying which: they are counted here, from the first one given.
///
/// The count is shared by every copy that [`DataLoader::to_device`] makes.
#[derive(Clone)]
pub(crate) struct BurnLoader {
    loader: Loader,
    device: Device,
    next_epoch: Arc<AtomicU32>,
}

impl BurnLoader {
    /// The next call of `iter` yields the batches of `first_epoch` (from 1), the one after it those of the next.
    pub fn new(loader: Loader, device: Device, first_epoch: u32) -> Self {
        Self {
            loader,
            device,
            next_epoch: Arc::new(AtomicU32::new(first_epoch)),
        }
    }
}

impl DataLoader<BurnBatch> for BurnLoader {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<BurnBatch> + 'a> {
        let epoch = self.next_epoch.fetch_add(1, Ordering::Relaxed);
        Box::new(BurnEpoch {
            epoch: self.loader.epoch(epoch),
            device: self.device.clone(),
        })
    }

    fn num_items(&self) -> usize {
        self.loader.len()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<BurnBatch>> {
        Arc::new(Self {
            device: device.clone(),
            ..self.clone()
        })
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<BurnBatch>> {
        Arc::new(Self {
            loader: self.loader.slice(start, end),
            device: self.device.clone(),
            // A slice is walked on its own, so it counts on its own.
            next_epoch: Arc::new(AtomicU32::new(self.next_epoch.load(Ordering::Relaxed))),
        })
    }
}

struct BurnEpoch {
    epoch: Epoch,
    device: Device,
}

impl Iterator for BurnEpoch {
    type Item = Result<BurnBatch, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.epoch.next()?;
        Some(Ok(BurnBatch::new(batch, &self.device)))
    }
}

impl DataLoaderIterator<BurnBatch> for BurnEpoch {
    fn progress(&self) -> Progress {
        Progress {
            items_processed: self.epoch.images_done(),
            items_total: self.epoch.images_total(),
            unit: Some("images".to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_data::{Images, LoaderOptions};
    use glassbox_spec::{Augment, ImageShape};

    fn loader() -> Loader {
        let shape = ImageShape::new(1, 2, 3).unwrap();
        let images = Images::new(shape, vec![7; 66], vec![1; 11], 2).unwrap();
        let normalise = images.statistics(&[0, 1]);
        let options = LoaderOptions {
            batch_size: 4,
            seed: 1,
            shuffle: true,
            augment: Augment::default(),
            workers: 1,
        };
        Loader::new(Arc::new(images), (0..11).collect(), &normalise, options).unwrap()
    }

    #[test]
    fn epochs_are_counted_from_the_resume_point_through_to_device() {
        let device = Device::flex();
        let burn = BurnLoader::new(loader(), device.clone(), 3);
        let order = |loader: &dyn DataLoader<BurnBatch>| -> Vec<u32> {
            loader
                .iter()
                .flat_map(|batch| batch.unwrap().indices)
                .collect()
        };
        assert_eq!(order(&burn), loader().order(3));
        let moved = burn.to_device(&device);
        assert_eq!(order(moved.as_ref()), loader().order(4));
        assert_eq!(order(&burn), loader().order(5));
        let slice = burn.slice(0, 5);
        assert_eq!((slice.num_items(), order(slice.as_ref()).len()), (5, 5));
        assert_eq!(order(&burn), loader().order(6));
    }

    #[test]
    fn progress_and_the_last_short_batch() {
        let burn = BurnLoader::new(loader(), Device::flex(), 1);
        let mut epoch = burn.iter();
        let sizes: Vec<_> = std::iter::from_fn(|| {
            let batch = epoch.next()?.unwrap();
            Some((batch.images.dims()[0], epoch.progress().items_processed))
        })
        .collect();
        assert_eq!(sizes, [(4, 4), (4, 8), (3, 11)]);
    }
}
