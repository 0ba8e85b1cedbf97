//! The last samples, a bounded number of them.

use crate::report::Sample;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Debug)]
pub(crate) struct Ring {
    capacity: usize,
    samples: Mutex<VecDeque<Arc<Sample>>>,
}

impl Ring {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            samples: Mutex::default(),
        }
    }

    /// Keeps one; the oldest makes room.
    pub(crate) fn push(&self, sample: Arc<Sample>) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back(sample);
        while samples.len() > self.capacity {
            samples.pop_front();
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Sample>> {
        self.samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}
