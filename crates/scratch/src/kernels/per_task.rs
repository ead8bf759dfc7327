//! What each task of a training step leaves behind.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One value for each task; kept from step to step.
#[derive(Debug)]
pub(crate) struct PerTask<T>(Vec<RwLock<T>>);

impl<T> Default for PerTask<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> PerTask<T> {
    /// Makes room for so many tasks.
    pub(crate) fn reserve(&mut self, tasks: usize) {
        if self.0.len() < tasks {
            self.0.resize_with(tasks, RwLock::default);
        }
    }

    /// A task's own.
    pub(crate) fn own(&self, task: usize) -> RwLockWriteGuard<'_, T> {
        // A panic while it was held leaves numbers that the next step overwrites.
        self.0[task].write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first task's, and those of the others up to so many tasks, to be read by any thread.
    #[allow(clippy::type_complexity)] // a pair
    pub(crate) fn split(
        &mut self,
        tasks: usize,
    ) -> Option<(
        &mut T,
        impl Iterator<Item = RwLockReadGuard<'_, T>> + Clone + Sync,
    )>
    where
        T: Send + Sync,
    {
        let (first, others) = self.0[..tasks].split_first_mut()?;
        let first = first.get_mut().unwrap_or_else(PoisonError::into_inner);
        Some((first, others.iter().map(read)))
    }
}

fn read<T>(own: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    own.read().unwrap_or_else(PoisonError::into_inner)
}
