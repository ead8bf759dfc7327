//! Single layers on whole batches in the layouts of the reference: for a framework that runs its own network on kernels, and
//! for checks.

mod conv;
mod dense;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{padded_nhwc::PaddedNhwc, simd::Buffer};

pub use conv::{ConvLayer, ConvSaved};
pub use dense::{DenseLayer, DenseSaved};

/// The images of a batch, one behind the other.
#[derive(Debug, Clone, Copy)]
pub enum Images<T> {
    /// `[n, channels, height, width]`
    Planar(T),
    /// As layers hand them on, without a copy: channels last, with the strides that the layer says.
    ChannelsLast(T),
}

impl<T> Images<T> {
    /// Values of one image.
    fn size(&self, map: &PaddedNhwc) -> usize {
        match self {
            Images::Planar(_) => map.shape().len(),
            Images::ChannelsLast(_) => map.len(),
        }
    }

    /// All values.
    fn values(self) -> T {
        match self {
            Images::Planar(values) | Images::ChannelsLast(values) => values,
        }
    }
}

impl<'a> Images<&'a [f32]> {
    fn count(self, map: &PaddedNhwc) -> usize {
        let (values, size) = (self.values().len(), self.size(map));
        assert!(
            values.is_multiple_of(size),
            "{values} values are no images of {size}"
        );
        values / size
    }

    /// One image as a map: where it is, or, if it is planar, copied into `room`.
    fn map<'b>(self, number: usize, map: &PaddedNhwc, room: &'b mut Buffer) -> &'b [f32]
    where
        'a: 'b,
    {
        let size = self.size(map);
        let image = &self.values()[number * size..(number + 1) * size];
        match self {
            Images::ChannelsLast(_) => image,
            Images::Planar(_) => {
                room.reserve(map.len());
                map.write(room, image);
                room
            }
        }
    }
}

/// Memory that is used again as soon as nobody holds it.
#[derive(Debug, Default)]
struct Reused<T>(Mutex<Option<Arc<T>>>);

impl<T: Default> Reused<T> {
    fn fill(&self, fill: impl FnOnce(&mut T)) -> Arc<T> {
        let mut kept = locked(&self.0);
        let mut value = kept.take().unwrap_or_default();
        match Arc::get_mut(&mut value) {
            Some(value) => fill(value),
            None => {
                let mut new = T::default();
                fill(&mut new);
                value = Arc::new(new);
            }
        }
        *kept = Some(Arc::clone(&value));
        value
    }
}

/// What a mutex guards. A panic while it was held leaves numbers that the next pass overwrites.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
