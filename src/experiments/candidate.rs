//! What an experiment remembers of one of its candidates.

use crate::breaker::{Breaker, Limits};
use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

/// One candidate of one experiment.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    /// See [`crate::Ran::id`].
    pub(crate) id: usize,
    pub(crate) breaker: Breaker,
}

/// The candidates an experiment has met. Their names are written in the program, so they are few.
#[derive(Debug)]
pub(crate) struct Candidates {
    limits: Limits,
    known: RwLock<Vec<Arc<Candidate>>>,
}

impl Candidates {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            known: RwLock::default(),
        }
    }

    pub(crate) fn get(&self, name: &'static str) -> Arc<Candidate> {
        let find = |known: &[Arc<Candidate>]| known.iter().find(|candidate| candidate.name == name).cloned();
        if let Some(found) = find(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        find(&known).unwrap_or_else(|| {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            let fresh = Arc::new(Candidate {
                name,
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                breaker: Breaker::new(self.limits.clone()),
            });
            known.push(Arc::clone(&fresh));
            fresh
        })
    }

    /// Names and why each is stopped, if it is.
    pub(crate) fn list(&self) -> Vec<(&'static str, Option<String>)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .map(|candidate| (candidate.name, candidate.breaker.open()))
            .collect()
    }
}
