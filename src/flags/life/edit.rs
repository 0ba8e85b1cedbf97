//! Purpose: what can be done to a flag set, and what comes of it.

use super::{Archived, Change, ChangeKind, Kept};
use crate::{
    bucketing::Bucketing,
    check::{check, check_evaluator, check_flag},
    definition::{Definition, Document},
    fault::{Fault, Faults},
};
use jiff::Timestamp;
use serde_json::Value;

/// What is wanted of a set.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// A flag is to be this, whether it is there or not.
    Put {
        /// Its key.
        key: String,
        /// What it is to be.
        definition: Definition,
    },
    /// A flag is to be served no more.
    Archive {
        /// Its key.
        key: String,
    },
    /// A flag that was put away is to be back.
    Restore {
        /// Its key.
        key: String,
    },
    /// A shared rule is to be this, whether it is there or not.
    Rule {
        /// Its name.
        name: String,
        /// What it says.
        rule: Value,
    },
    /// The set is to be this. What is put away stays so.
    Import {
        /// All of it.
        document: Document,
        /// Takes rules as they are, even with faults: what flagd would answer with an error, is answered so.
        as_it_is: bool,
        /// May change how percentages are bucketed, which sends one person in six elsewhere.
        rebucket: bool,
    },
}

/// Who wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct Author {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The operation it is a part of, by which whoever takes it up finds that it is done.
    pub operation: Option<String>,
}

/// Why it is not done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EditFault {
    /// There is no such flag.
    #[error("there is no flag `{0}`")]
    NoFlag(String),
    /// It is put away.
    #[error("the flag `{0}` is archived: restore it first, or take another name")]
    IsArchived(String),
    /// It is not put away.
    #[error("the flag `{0}` is not archived")]
    NotArchived(String),
    /// There is a flag of that name already.
    #[error("there is another flag `{0}` by now")]
    Taken(String),
    /// Everything is so already.
    #[error("nothing would change")]
    Same,
    /// It makes no sense.
    #[error("{0}")]
    Faults(Faults),
    /// It would send people elsewhere.
    #[error("the set buckets percentages by {}, and this would change it to {}: about one person in six would get something else. Say so, if that is wanted", .0.name(), .1.name())]
    Bucketing(Bucketing, Bucketing),
}

impl Kept {
    /// The set after an edit, and its record.
    ///
    /// # Errors
    /// [`EditFault`] says why it cannot be.
    pub fn apply(&self, edit: &Edit, author: &Author) -> Result<(Self, Change), EditFault> {
        let mut next = self.clone();
        let flags = &mut next.document.flags;
        let (kind, flag, before, after) = match edit {
            Edit::Put { key, definition } => {
                if self.archived.contains_key(key) {
                    return Err(EditFault::IsArchived(key.clone()));
                }
                let before = flags.insert(key.clone(), definition.clone());
                if before.as_ref() == Some(definition) {
                    return Err(EditFault::Same);
                }
                self.checked(key, definition)?;
                let kind = if before.is_some() {
                    ChangeKind::Changed
                } else {
                    ChangeKind::Created
                };
                (
                    kind,
                    Some(key),
                    before.map(|flag| flag.to_value()),
                    Some(definition.to_value()),
                )
            }
            Edit::Archive { key } => {
                let definition = flags.remove(key).ok_or_else(|| EditFault::NoFlag(key.clone()))?;
                let before = definition.to_value();
                let archived = Archived {
                    definition,
                    by: author.by.clone(),
                    at: author.at,
                };
                next.archived.insert(key.clone(), archived);
                (ChangeKind::Archived, Some(key), Some(before), None)
            }
            Edit::Restore { key } => {
                let archived = next
                    .archived
                    .remove(key)
                    .ok_or_else(|| EditFault::NotArchived(key.clone()))?;
                let after = archived.definition.to_value();
                if flags.insert(key.clone(), archived.definition).is_some() {
                    return Err(EditFault::Taken(key.clone()));
                }
                (ChangeKind::Restored, Some(key), None, Some(after))
            }
            Edit::Rule { name, rule } => {
                let before = next.document.evaluators.insert(name.clone(), rule.clone());
                if before.as_ref() == Some(rule) {
                    return Err(EditFault::Same);
                }
                let faults = check_evaluator(&next.document, name);
                if !faults.is_empty() {
                    return Err(EditFault::Faults(Faults(faults)));
                }
                (ChangeKind::Rule, None, before, Some(rule.clone()))
            }
            Edit::Import {
                document,
                as_it_is,
                rebucket,
            } => {
                if *document == self.document {
                    return Err(EditFault::Same);
                }
                let (old, new) = (self.document.bucketing(), document.bucketing());
                if self.revision > 0 && old != new && !rebucket {
                    return Err(EditFault::Bucketing(old, new));
                }
                let faults = if *as_it_is { Vec::new() } else { check(document) };
                if !faults.is_empty() {
                    return Err(EditFault::Faults(Faults(faults)));
                }
                if let Some(key) = document.flags.keys().find(|key| self.archived.contains_key(*key)) {
                    return Err(EditFault::IsArchived(key.clone()));
                }
                let before = (self.revision > 0).then(|| self.document.to_value());
                next.document = document.clone();
                (ChangeKind::Imported, None, before, Some(document.to_value()))
            }
        };
        next.revision += 1;
        next.changed = author.at;
        let change = Change {
            set: self.name.clone(),
            revision: next.revision,
            at: author.at,
            by: author.by.clone(),
            reason: author.reason.clone(),
            operation: author.operation.clone(),
            kind,
            flag: flag.cloned(),
            before,
            after,
        };
        Ok((next, change))
    }

    /// Whether a definition can be read back, and makes sense beside the others.
    fn checked(&self, key: &str, definition: &Definition) -> Result<(), EditFault> {
        let path = format!("flags.{key}");
        let mut faults = Vec::new();
        if key.is_empty() {
            faults.push(Fault::new(&path, "a flag's key is not empty"));
        }
        if let Err(unreadable) = Definition::read(&definition.to_value(), &path) {
            faults.extend(unreadable.0);
        }
        check_flag(&self.document, definition, &path, &mut faults);
        if faults.is_empty() {
            Ok(())
        } else {
            Err(EditFault::Faults(Faults(faults)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn author() -> Author {
        Author {
            by: "ann".into(),
            reason: Some("as asked".into()),
            at: Timestamp::from_second(1_760_000_000).unwrap(),
            operation: None,
        }
    }

    fn put(on: bool) -> Edit {
        Edit::Put {
            key: "nav".into(),
            definition: Definition::switch(on),
        }
    }

    #[test]
    fn a_flag_lives() {
        let key = || "nav".to_owned();
        let mut set = Kept::new("production");
        let mut record = Vec::new();
        for edit in [
            put(false),
            put(true),
            Edit::Archive { key: key() },
            Edit::Restore { key: key() },
        ] {
            let (next, change) = set.apply(&edit, &author()).unwrap();
            assert_eq!(next.revision, set.revision + 1);
            assert_eq!(change.revision, next.revision);
            assert_eq!(
                Kept::of_body("production", next.revision, &next.body()).unwrap(),
                next
            );
            record.push((change.kind, change.before.is_some(), change.after.is_some()));
            set = next;
        }
        assert_eq!(
            record,
            [
                (ChangeKind::Created, false, true),
                (ChangeKind::Changed, true, true),
                (ChangeKind::Archived, true, false),
                (ChangeKind::Restored, false, true),
            ]
        );
        assert_eq!(set.apply(&put(true), &author()), Err(EditFault::Same));
        assert_eq!(
            set.apply(&Edit::Restore { key: key() }, &author()),
            Err(EditFault::NotArchived(key()))
        );
        let (away, _) = set.apply(&Edit::Archive { key: key() }, &author()).unwrap();
        assert_eq!(
            away.apply(&put(true), &author()),
            Err(EditFault::IsArchived(key()))
        );
        assert_eq!(
            away.apply(&Edit::Archive { key: key() }, &author()),
            Err(EditFault::NoFlag(key()))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut definition = Definition::switch(false);
        definition.targeting = Some(json!({"if": [true, "onn"]}));
        definition.variants.insert("perhaps".into(), json!("text"));
        let edit = Edit::Put {
            key: "nav".into(),
            definition,
        };
        assert_eq!(
            Kept::new("production")
                .apply(&edit, &author())
                .unwrap_err()
                .to_string(),
            "`flags.nav.variants.perhaps`: all variants are of one type: this is a text, and `off` is true or false; \
             `flags.nav.targeting.if[1]`: there is no variant `onn`; did you mean `on`?"
        );
    }

    #[test]
    fn the_bucketing_is_not_changed_silently() {
        let (set, _) = Kept::new("production").apply(&put(false), &author()).unwrap();
        let mut document = set.document.clone();
        document.metadata.insert("bucketing".into(), json!("v3"));
        let import = |rebucket| Edit::Import {
            document: document.clone(),
            as_it_is: false,
            rebucket,
        };
        assert_eq!(
            set.apply(&import(false), &author()),
            Err(EditFault::Bucketing(Bucketing::V2, Bucketing::V3))
        );
        let (next, change) = set.apply(&import(true), &author()).unwrap();
        assert_eq!(next.document.bucketing(), Bucketing::V3);
        assert_eq!(change.after, Some(next.document.to_value()));
    }
}
