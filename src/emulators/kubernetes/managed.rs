//! `metadata.managedFields`: who set what, and when.

use serde_json::{Value, json};

use super::{
    fields::{Difference, Fields},
    timing::stamp,
    value::{items, put, text},
};

/// How a manager set its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// One manager's fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    pub(crate) time: String,
    pub(crate) fields: Fields,
}

impl Entry {
    /// Whether both are the same manager, writing the same way.
    fn is(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
    }

    /// As conflicts name the manager.
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
            if !self.time.is_empty() {
                text.push_str(&format!(" at {}", self.time));
            }
        }
        text
    }
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Managed(Vec<Entry>);

impl Managed {
    pub(crate) fn read(object: &Value) -> Self {
        let entries = items(object, "/metadata/managedFields")
            .iter()
            .map(|entry| Entry {
                manager: text(entry, "/manager").to_owned(),
                operation: if text(entry, "/operation") == "Apply" {
                    Operation::Apply
                } else {
                    Operation::Update
                },
                api_version: text(entry, "/apiVersion").to_owned(),
                subresource: text(entry, "/subresource").to_owned(),
                time: text(entry, "/time").to_owned(),
                fields: entry.get("fieldsV1").map(Fields::from_json).unwrap_or_default(),
            });
        Self(entries.collect())
    }

    pub(crate) fn write(&self, object: &mut Value) {
        let mut entries: Vec<_> = self.0.iter().filter(|entry| !entry.fields.is_empty()).collect();
        entries.sort_by(|a, b| {
            let key = |e: &Entry| {
                (
                    e.operation == Operation::Update,
                    e.time.clone(),
                    e.manager.clone(),
                    e.subresource.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        let list: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let mut value = json!({
                    "manager": entry.manager,
                    "operation": if entry.operation == Operation::Apply { "Apply" } else { "Update" },
                    "apiVersion": entry.api_version,
                    "time": entry.time,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": entry.fields.to_json(),
                });
                if !entry.subresource.is_empty() {
                    value["subresource"] = json!(entry.subresource);
                }
                value
            })
            .collect();
        put(object, &["metadata", "managedFields"], list);
    }

    pub(crate) fn find(&self, me: &Entry) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.is(me))
    }

    pub(crate) fn others_mut<'a>(&'a mut self, me: &'a Entry) -> impl Iterator<Item = &'a mut Entry> {
        self.0.iter_mut().filter(|entry| !entry.is(me))
    }

    pub(crate) fn fields_of_others(&self, me: &Entry) -> Fields {
        self.0
            .iter()
            .filter(|entry| !entry.is(me))
            .fold(Fields::default(), |all, entry| all.union(&entry.fields))
    }

    /// Sets what an applier owns; its time moves only when that changes.
    pub(crate) fn set(&mut self, me: Entry, touched: bool) {
        match self.0.iter_mut().find(|entry| entry.is(&me)) {
            Some(old) => {
                if old.fields != me.fields || old.api_version != me.api_version || touched {
                    *old = Entry { time: stamp(), ..me };
                }
            }
            None => self.0.push(Entry { time: stamp(), ..me }),
        }
    }

    /// An update: the writer owns what it changed, everybody else loses it.
    pub(crate) fn updated(&mut self, me: &Entry, difference: &Difference) {
        if difference.changed.is_empty() && difference.removed.is_empty() {
            return;
        }
        for entry in &mut self.0 {
            entry.fields = entry.fields.minus(&difference.removed);
            if !entry.is(me) {
                entry.fields = entry.fields.minus(&difference.changed);
            }
        }
        let fields = self
            .find(me)
            .map_or_else(Fields::default, |mine| mine.fields.clone());
        self.set(
            Entry {
                fields: fields.union(&difference.changed),
                ..me.clone()
            },
            true,
        );
    }
}
