//! Purpose: Unleash's record of a flag, as changes of ours: what it was before and after each, found by going back from what it is.

use super::{
    read,
    shape::{Environment, Event, Segment, Strategy},
};
use crate::life::{Change, ChangeKind};

/// The changes of a flag in an environment, newest first, from what it is now (nothing when it is put away) and its record, newest first.
pub(super) fn changes(
    (set, environment): (&str, &str),
    flag: &str,
    now: Option<&Environment>,
    segments: &[Segment],
    events: &[Event],
) -> Vec<Change> {
    let mut at = now.cloned();
    let mut last = at.clone().unwrap_or_default();
    let mut changes = Vec::new();
    for event in events {
        let after = at
            .as_ref()
            .map(|environment| read::definition(environment, segments).to_value());
        let kind = match event.kind.as_str() {
            "feature-created" | "feature-import" => {
                at = None;
                ChangeKind::Created
            }
            "feature-archived" => {
                at = Some(last.clone());
                ChangeKind::Archived
            }
            "feature-revived" => {
                at = None;
                ChangeKind::Restored
            }
            _ if event.environment.as_deref() != Some(environment) => continue,
            _ => {
                let mut before = at.clone().unwrap_or_else(|| last.clone());
                if !undo(event, &mut before.enabled, &mut before.strategies) {
                    continue;
                }
                last = before.clone();
                at = Some(before);
                ChangeKind::Changed
            }
        };
        let before = at
            .as_ref()
            .map(|environment| read::definition(environment, segments).to_value());
        changes.push(Change {
            set: set.to_owned(),
            revision: event.id + 1,
            at: event.created_at,
            by: event.created_by.clone(),
            reason: None,
            operation: None,
            kind,
            flag: Some(flag.to_owned()),
            before,
            after,
        });
    }
    changes
}

/// Takes an event back. Answers whether it was one that changes who has the flag.
fn undo(event: &Event, enabled: &mut bool, strategies: &mut Vec<Strategy>) -> bool {
    let read = |value: &serde_json::Value| serde_json::from_value::<Strategy>(value.clone()).ok();
    let without = |strategies: &mut Vec<Strategy>, gone: &Strategy| {
        strategies.retain(|strategy| strategy.id.is_none() || strategy.id != gone.id);
    };
    match event.kind.as_str() {
        "feature-environment-enabled" => *enabled = false,
        "feature-environment-disabled" => *enabled = true,
        "feature-strategy-add" => match read(&event.data) {
            Some(added) => without(strategies, &added),
            None => return false,
        },
        "feature-strategy-remove" => match read(&event.pre_data) {
            Some(removed) => strategies.push(removed),
            None => return false,
        },
        "feature-strategy-update" => match (read(&event.data), read(&event.pre_data)) {
            (Some(after), Some(before)) => {
                without(strategies, &after);
                strategies.push(before);
            }
            _ => return false,
        },
        _ => return false,
    }
    true
}
