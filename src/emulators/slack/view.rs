//! Modals and the App Home.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// How deep modals may be stacked.
pub(crate) const STACK: usize = 3;

#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) id: String,
    pub(crate) external_id: Option<String>,
    pub(crate) body: Value,
}

/// Who has which views open.
#[derive(Debug, Default)]
pub(crate) struct Views {
    stacks: HashMap<String, Vec<View>>,
    homes: BTreeMap<String, View>,
}

impl Views {
    pub(crate) fn top(&self, user: &str) -> Option<&View> {
        self.stacks.get(user)?.last()
    }

    pub(crate) fn home(&self, user: &str) -> Option<&View> {
        self.homes.get(user)
    }

    pub(crate) fn stack(&mut self, user: &str) -> &mut Vec<View> {
        self.stacks.entry(user.to_owned()).or_default()
    }

    pub(crate) fn set_home(&mut self, user: &str, view: View) {
        self.homes.insert(user.to_owned(), view);
    }

    /// The owner and the view of that id or external id.
    pub(crate) fn find(&mut self, id: Option<&str>, external: Option<&str>) -> Option<(String, &mut View)> {
        let wanted = |view: &View| {
            id.is_some_and(|id| view.id == id)
                || (external.is_some() && view.external_id.as_deref() == external)
        };
        let homes = self.homes.iter_mut();
        let stacked = self
            .stacks
            .iter_mut()
            .flat_map(|(user, stack)| stack.iter_mut().map(move |view| (user, view)));
        homes
            .chain(stacked)
            .find(|(_, view)| wanted(view))
            .map(|(user, view)| (user.clone(), view))
    }
}
