//! Memory that each thread keeps from task to task.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One value for each thread of the pool.
#[derive(Debug)]
pub(crate) struct PerThread<T>(Vec<Mutex<T>>);

impl<T: Default> Default for PerThread<T> {
    fn default() -> Self {
        Self(
            (0..rayon::current_num_threads().max(1))
                .map(|_| Mutex::default())
                .collect(),
        )
    }
}

impl<T> PerThread<T> {
    /// This thread's, or, outside the pool, one that nobody else is using now.
    pub(crate) fn own(&self) -> MutexGuard<'_, T> {
        let thread = rayon::current_thread_index().unwrap_or(0) % self.0.len();
        Self::lock(&self.0[thread])
    }

    /// Every thread's, one after the other.
    pub(crate) fn all(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.0.iter().map(Self::lock)
    }

    fn lock(value: &Mutex<T>) -> MutexGuard<'_, T> {
        // A panic while it was held leaves numbers that the next task overwrites.
        value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
