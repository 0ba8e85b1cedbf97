//! What the deploys of this process share: their settings, which ones run, and an eye on each.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use otus_kubernetes::Clusters;
use tokio_util::task::TaskTracker;

use crate::settings::Settings;

/// Everything the deploys of this process share. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Crew(Arc<Shared>);

#[derive(Default)]
struct Shared {
    settings: Settings,
    tasks: TaskTracker,
    active: Mutex<HashSet<String>>,
}

/// A deploy that this process works on. While it exists, nothing else in this process takes that deploy up.
pub(crate) struct Duty {
    crew: Crew,
    id: String,
}

impl Crew {
    pub(crate) fn new(settings: Settings) -> Self {
        Crew(Arc::new(Shared {
            settings,
            ..Shared::default()
        }))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The tasks that follow deploys.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// Takes a deploy on; none when this process works on it already.
    pub(crate) fn take(&self, id: &str) -> Option<Duty> {
        let mut active = self.0.active.lock().unwrap_or_else(PoisonError::into_inner);
        active.insert(id.to_owned()).then(|| Duty {
            crew: self.clone(),
            id: id.to_owned(),
        })
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.crew
            .0
            .active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

/// The clusters, or how to get them.
pub(crate) fn clusters(services: &otus::Services) -> otus::Result<Arc<Clusters>> {
    services.resource::<Clusters>()
}
