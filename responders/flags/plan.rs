//! What would change: who sees what before and after, in words and numbers, and who has to agree to it.

use crate::{
    ask::{Ask, RECENT, What},
    facts, groups, import, limits, place,
    settings::Settings,
    texts,
};
use jiff::Timestamp;
use otus::{
    Result, Services, UserError,
    operations::{Change, Plan, Target},
};
use otus_flags::{Author, ChangeKind, Definition, Document, Edit, EditFault, Kept, words::audience};
use otus_monitoring::Prometheus;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What applying needs to know, and what must not have moved until then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Details {
    pub(crate) ask: Ask,
    pub(crate) edits: Vec<SetEdit>,
}

/// What is done to one flag set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SetEdit {
    pub(crate) set: String,
    /// What the flag is; null when it is not there.
    pub(crate) before: Value,
    /// What it becomes; null when it is put away. What grows from the moment on at which it begins is not known before.
    pub(crate) after: Value,
    /// Shared rules that are written first.
    pub(crate) rules: BTreeMap<String, Value>,
}

/// One flag set, before and after.
pub(crate) struct Side {
    pub(crate) set: String,
    kept: Kept,
    pub(crate) before: Option<Definition>,
    pub(crate) after: Option<Definition>,
    rules: BTreeMap<String, Value>,
}

impl Side {
    /// A flag by itself, of which all that is asked is who gets what.
    pub(crate) fn alone(set: &str, before: Option<Definition>, after: Option<Definition>) -> Self {
        Self {
            set: set.to_owned(),
            kept: Kept::new(set),
            before,
            after,
            rules: BTreeMap::new(),
        }
    }
}

/// A definition as it was written.
pub(crate) fn read(value: &Value) -> Result<Option<Definition>> {
    if value.is_null() {
        return Ok(None);
    }
    Ok(Some(Definition::read(value, "")?))
}

fn write(definition: Option<&Definition>) -> Value {
    definition.map(Definition::to_value).unwrap_or_default()
}

/// What would change.
pub(crate) async fn plan(
    services: &Services,
    settings: &Settings,
    prometheus: Option<&Prometheus>,
    ask: &Value,
) -> Result<Plan> {
    let ask = Ask::deserialize(ask)?;
    let flags = place::engine(services)?;
    // Another replica may have been here.
    flags.look().await?;
    let now = services.store().now().await?;
    if let (What::Import, [set]) = (&ask.what, ask.sets.as_slice()) {
        return import::plan(services, settings, prometheus, set, now).await;
    }
    let mut sides = Vec::new();
    for set in &ask.sets {
        if let Some(side) = side(services, settings, &ask, set, now).await? {
            sides.push(side);
        }
    }
    let mut plan = Plan {
        target: Target {
            service: None,
            environment: match ask.sets.as_slice() {
                [set] => place::environment(services, set),
                _ => None,
            },
        },
        title: texts::title(&ask),
        nothing_to_do: sides.is_empty(),
        ..Plan::default()
    };
    if let What::Guard(guard) = &ask.what {
        return guarded(services, settings, &ask, guard.as_deref(), plan).await;
    }
    for side in &sides {
        limits::frozen(services, settings, prometheus, side, now).await?;
        let several = ask.sets.len() > 1;
        plan.changes.extend(changes(&ask, side, several, now));
        plan.warnings
            .extend(texts::warnings(side.before.as_ref(), side.after.as_ref()));
        if let Some(need) = limits::need(services, settings, &ask, side, now, &mut plan.notes).await? {
            plan.needs.push(need);
        }
        let listening = flags.listeners(&side.set);
        plan.notes.extend(texts::listening(&side.set, listening, several));
    }
    if let What::Create { .. } = &ask.what {
        plan.notes.push(texts::NEW_IS_OFF.into());
    }
    let edits = sides.into_iter().map(|side| SetEdit {
        before: write(side.before.as_ref()),
        after: match &ask.what {
            What::Grow(_) => Value::Null,
            _ => write(side.after.as_ref()),
        },
        rules: side.rules,
        set: side.set,
    });
    let edits = edits.collect();
    plan.details = serde_json::to_value(Details { ask, edits })?;
    Ok(plan)
}

/// One set before and after; nothing when it is like that already.
async fn side(
    services: &Services,
    settings: &Settings,
    ask: &Ask,
    set: &str,
    now: Timestamp,
) -> Result<Option<Side>> {
    let flags = place::engine(services)?;
    if let Some(away) = flags.away(set) {
        if let Some(why) = &away.trouble {
            return Err(texts::keeper_away(set, &away, why).into());
        }
        let alone = away.together.iter().any(|other| !ask.sets.contains(other));
        if alone && matches!(ask.what, What::Create { .. } | What::Archive | What::Restore) {
            return Err(texts::only_together(&ask.flag, &away).into());
        }
    }
    let kept = flags
        .set(set)
        .map_or_else(|| Kept::new(set), |live| live.kept().clone());
    let before = kept.document.flags.get(&ask.flag).cloned();
    let archived = kept.archived.get(&ask.flag);
    if archived.is_some() && !matches!(ask.what, What::Restore | What::Undo) {
        return Err(texts::not_there(&ask.flag, set, true, &[]).into());
    }
    let missing = || -> otus::Error {
        let with = place::with(services, &ask.flag).unwrap_or_default();
        texts::not_there(&ask.flag, set, false, &with).into()
    };
    let mut from = None;
    let after = match &ask.what {
        What::Create { definition, .. } => match &before {
            Some(_) if ask.sets.len() == 1 => return Err(texts::taken(&ask.flag, set).into()),
            Some(_) => return Ok(None),
            None => Some(definition.clone()),
        },
        What::Give { variant, whom } => Some(
            before
                .as_ref()
                .ok_or_else(missing)?
                .give(variant, whom)
                .map_err(cannot)?,
        ),
        What::Reset(whom) => Some(before.as_ref().ok_or_else(missing)?.forget(whom)),
        What::Use(used) => {
            let mut after = before.clone().ok_or_else(missing)?;
            after.state = if *used {
                otus_flags::State::Enabled
            } else {
                otus_flags::State::Disabled
            };
            Some(after)
        }
        What::Grow(growth) => {
            let before = before.as_ref().ok_or_else(missing)?;
            Some(before.grow(growth, now.as_second()).map_err(cannot)?)
        }
        What::Promote { from: source } => {
            let source = flags.set(source).ok_or_else(missing)?;
            let document = &source.kept().document;
            from = Some(document.evaluators.clone());
            let mut wanted = document.flags.get(&ask.flag).cloned().ok_or_else(missing)?;
            // What is noted of the other keeper's is of no use elsewhere.
            wanted.metadata.remove(otus_flags::unleash::ASLEEP);
            Some(wanted)
        }
        What::Archive => {
            if before.is_none() {
                return Ok(None);
            }
            None
        }
        What::Restore => match archived {
            Some(archived) => Some(archived.definition.clone()),
            None => return Ok(None),
        },
        What::Undo => earlier(services, ask, set).await?,
        // It is of no flag alone, and planned by itself.
        What::Import => return Ok(None),
        What::Guard(_) => return before.is_some().then_some(None).ok_or_else(missing),
    };
    if before == after {
        return Ok(None);
    }
    let rule = after.as_ref().and_then(|after| after.targeting.as_ref());
    let rules = groups::missing(rule, &kept.document.evaluators, settings, from.as_ref());
    let side = Side {
        set: set.to_owned(),
        kept,
        before,
        after,
        rules,
    };
    try_out(&side, &ask.flag, now)?;
    let mut edits: Vec<Edit> = rule_edits(&side.rules);
    edits.push(edit(
        &ask.flag,
        side.after.as_ref(),
        side.kept.archived.contains_key(&ask.flag),
    ));
    match (flags.cannot(set, &edits), flags.away(set)) {
        (Some(why), Some(away)) => Err(texts::keeper_cannot(&away, &why).into()),
        _ => Ok(Some(side)),
    }
}

fn cannot(fault: otus_flags::GiveFault) -> UserError {
    texts::cannot(&fault)
}

/// What a flag was before its last change.
async fn earlier(services: &Services, ask: &Ask, set: &str) -> Result<Option<Definition>> {
    let flags = place::engine(services)?;
    let changes = place::history(&flags, set, &ask.flag, RECENT).await?;
    let last = changes.into_iter().find(|change| change.kind != ChangeKind::Rule);
    let Some(last) = last else {
        return Err(UserError::new(texts::never_changed(&ask.flag)).into());
    };
    let before = last.before.unwrap_or_default();
    if last.kind != ChangeKind::Imported {
        return read(&before);
    }
    if before.is_null() {
        return Err(UserError::new(texts::began_so(&ask.flag, set)).into());
    }
    Ok(Document::read(&before)?.flags.remove(&ask.flag))
}

/// Does it on paper, so that what makes no sense is refused before anybody agrees to it.
fn try_out(side: &Side, flag: &str, now: Timestamp) -> Result {
    let author = Author {
        by: String::new(),
        reason: None,
        at: now,
        operation: None,
    };
    let mut kept = side.kept.clone();
    for edit in rule_edits(&side.rules) {
        kept = kept
            .apply(&edit, &author)
            .map_err(|fault| refused(flag, &fault))?
            .0;
    }
    let edit = edit(flag, side.after.as_ref(), side.kept.archived.contains_key(flag));
    kept.apply(&edit, &author)
        .map_err(|fault| refused(flag, &fault))?;
    Ok(())
}

/// Shared rules, as edits.
fn rule_edits(rules: &BTreeMap<String, Value>) -> Vec<Edit> {
    let edit = |(name, rule): (&String, &Value)| Edit::Rule {
        name: name.clone(),
        rule: rule.clone(),
    };
    rules.iter().map(edit).collect()
}

fn refused(flag: &str, fault: &EditFault) -> UserError {
    texts::refused(flag, fault)
}

/// What is done to the set.
pub(crate) fn edit(flag: &str, after: Option<&Definition>, archived: bool) -> Edit {
    let key = flag.to_owned();
    match after {
        None => Edit::Archive { key },
        Some(_) if archived => Edit::Restore { key },
        Some(definition) => Edit::Put {
            key,
            definition: definition.clone(),
        },
    }
}

/// Who sees what before and after.
fn changes(ask: &Ask, side: &Side, several: bool, now: Timestamp) -> Vec<Change> {
    let groups = audience(side.before.as_ref(), side.after.as_ref(), now.as_second());
    let alone = groups.len() == 1;
    let differ = groups.into_iter().filter(|group| group.gave != group.gives);
    let growing = match &ask.what {
        What::Grow(growth) => Some(growth),
        _ => None,
    };
    let mut changes: Vec<Change> = differ
        .map(|group| Change {
            what: texts::who(group.who.as_ref(), alone, several.then_some(side.set.as_str())),
            from: Some(texts::gets(group.gave.as_ref())),
            to: Some(match growing {
                // From when it begins, which is not known yet.
                Some(growth) => texts::will_grow(growth),
                None => texts::gets(group.gives.as_ref()),
            }),
        })
        .collect();
    if changes.is_empty() {
        changes.push(Change {
            what: texts::rules_of(several.then_some(side.set.as_str())),
            from: None,
            to: Some(texts::UNSEEN.to_owned()),
        });
    }
    changes
}

/// A guard that comes or goes.
async fn guarded(
    services: &Services,
    settings: &Settings,
    ask: &Ask,
    guard: Option<&str>,
    mut plan: Plan,
) -> Result<Plan> {
    let facts = facts::of(services.store().as_ref(), &ask.flag).await?;
    let set = ask.sets.first().cloned().unwrap_or_default();
    let before = facts.guards.get(&set);
    plan.nothing_to_do = before.map(String::as_str) == guard;
    plan.changes = vec![Change {
        what: texts::GUARD.into(),
        from: before.cloned(),
        to: guard.map(|name| texts::guard_in_words(name, settings.guards.get(name))),
    }];
    plan.details = serde_json::to_value(Details {
        ask: ask.clone(),
        edits: Vec::new(),
    })?;
    Ok(plan)
}
