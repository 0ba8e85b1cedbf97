//! `flags import`: a set gets what is in its file, as one change, while it is still what people saw.
//!
//! What the file has is made or changed; what it has not stays, and so does what is archived: a file never takes a flag away.

use crate::{
    ask::{Ask, What},
    change::{self, Done},
    facts, limits, place,
    plan::Side,
    settings::Settings,
    tell, texts,
};
use jiff::Timestamp;
use otus::{
    Result, Services, UserError,
    operations::{Attempt, Change, Ending, Need, Operation, Outcome, Plan, Run, Target},
};
use otus_flags::{Author, Definition, Document, Edit, Files, Kept};
use otus_monitoring::Prometheus;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// So many changes of the set are looked through for one's own.
const RECENT: u32 = 50;

/// What applying needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Import {
    set: String,
    /// Where the file is, in words.
    from: String,
    /// What is in it, in flagd's format.
    file: Value,
    /// What people saw of the set: how the flags are that will be something else; null for those that are not there yet.
    before: BTreeMap<String, Value>,
    /// The same of shared rules.
    rules: BTreeMap<String, Value>,
}

impl Import {
    /// The flags that are to be there, or are.
    fn split(&self) -> (Vec<String>, Vec<String>) {
        let (new, changed): (Vec<_>, Vec<_>) = self.before.iter().partition(|(_, before)| before.is_null());
        let keys = |flags: Vec<(&String, &Value)>| flags.into_iter().map(|(key, _)| key.clone()).collect();
        (keys(new), keys(changed))
    }

    /// The set with the file over it, if what the file changes is still what people saw.
    fn over(&self, kept: &Kept, file: &Document) -> Option<Edit> {
        let compared = compare(kept, file);
        (self.before == compared.before() && self.rules == compared.rules).then(|| edit(compared.next))
    }
}

/// Whether an operation is one.
pub(crate) fn is(operation: &Operation) -> bool {
    Ask::deserialize(&operation.ask).is_ok_and(|ask| ask.what == What::Import)
}

/// A set beside its file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Compared {
    /// The set with what is in the file.
    next: Document,
    /// Flags that differ: how they are, if they are there, and how they will be.
    differ: Vec<(String, Option<Definition>, Definition)>,
    /// Shared rules that differ, as they are; null for those that are not there yet.
    rules: BTreeMap<String, Value>,
    /// Those that are archived here, and stay so.
    pub(crate) archived: Vec<String>,
    /// How many are here and not in the file.
    pub(crate) only_here: usize,
}

impl Compared {
    fn before(&self) -> BTreeMap<String, Value> {
        let written =
            |before: &Option<Definition>| before.as_ref().map(Definition::to_value).unwrap_or_default();
        let differ = self.differ.iter();
        differ
            .map(|(key, before, _)| (key.clone(), written(before)))
            .collect()
    }
}

/// Lays a file over a set.
pub(crate) fn compare(kept: &Kept, file: &Document) -> Compared {
    let here = &kept.document;
    let mut next = here.clone();
    let mut compared = Compared::default();
    for (key, wanted) in &file.flags {
        if kept.archived.contains_key(key) {
            compared.archived.push(key.clone());
            continue;
        }
        let before = here.flags.get(key);
        if before != Some(wanted) {
            let differ = (key.clone(), before.cloned(), wanted.clone());
            compared.differ.push(differ);
            next.flags.insert(key.clone(), wanted.clone());
        }
    }
    for (name, rule) in &file.evaluators {
        let before = here.evaluators.get(name);
        if before != Some(rule) {
            compared
                .rules
                .insert(name.clone(), before.cloned().unwrap_or_default());
            next.evaluators.insert(name.clone(), rule.clone());
        }
    }
    next.metadata.extend(file.metadata.clone());
    compared.only_here = here
        .flags
        .keys()
        .filter(|key| !file.flags.contains_key(*key))
        .count();
    compared.next = next;
    compared
}

/// What would change.
pub(crate) async fn plan(
    services: &Services,
    settings: &Settings,
    prometheus: Option<&Prometheus>,
    set: &str,
    now: Timestamp,
) -> Result<Plan> {
    let flags = place::engine(services)?;
    if let Some(away) = flags.away(set) {
        return Err(texts::keeper_imports(set, &away).into());
    }
    let files = services.resource::<Arc<dyn Files>>()?;
    if !files.sets().iter().any(|named| named == set) {
        return Err(texts::no_file(set, &files.sets()).into());
    }
    let file = files
        .read(set)
        .await
        .map_err(|why| UserError::new(texts::file_not_read(set, &why)))?;
    let kept = flags
        .set(set)
        .map_or_else(|| Kept::new(set), |live| live.kept().clone());
    let compared = compare(&kept, &file.document);
    let mut plan = Plan {
        target: Target {
            service: None,
            environment: place::environment(services, set),
        },
        title: texts::import_title(set, &file.from),
        nothing_to_do: compared.next == kept.document,
        notes: texts::import_notes(&compared),
        ..Plan::default()
    };
    if !plan.nothing_to_do {
        on_paper(&kept, &compared.next, set, now)?;
    }
    let mut needs: Vec<Need> = Vec::new();
    for (key, before, after) in &compared.differ {
        plan.changes.push(Change {
            what: texts::import_what(key),
            from: Some(
                before
                    .as_ref()
                    .map_or_else(texts::not_there_yet, |one| texts::short(one, now)),
            ),
            to: Some(texts::short(after, now)),
        });
        let side = Side::alone(set, before.clone(), Some(after.clone()));
        limits::frozen(services, settings, prometheus, &side, now).await?;
        let ask = Ask {
            flag: key.clone(),
            sets: vec![set.to_owned()],
            what: What::Import,
            since: None,
        };
        let mut notes = Vec::new();
        if let Some(need) = limits::need(services, settings, &ask, &side, now, &mut notes).await? {
            plan.notes
                .extend(notes.into_iter().map(|note| texts::of_flag(key, &note)));
            needs.push(need);
        }
    }
    plan.changes.extend(compared.rules.keys().map(|name| Change {
        what: texts::import_rule(name),
        from: None,
        to: Some(texts::AS_IN_THE_FILE.to_owned()),
    }));
    // All of them are of the same rule.
    plan.needs.extend(needs.into_iter().next());
    plan.notes
        .extend(texts::listening(set, flags.listeners(set), false));
    plan.details = serde_json::to_value(Import {
        set: set.to_owned(),
        from: file.from,
        file: file.document.to_value(),
        before: compared.before(),
        rules: compared.rules,
    })?;
    Ok(plan)
}

fn edit(document: Document) -> Edit {
    Edit::Import {
        document,
        as_it_is: false,
        rebucket: false,
    }
}

/// Does it on paper, so that what cannot be is refused before anybody agrees to it.
fn on_paper(kept: &Kept, next: &Document, set: &str, now: Timestamp) -> Result {
    let author = Author {
        by: String::new(),
        reason: None,
        at: now,
        operation: None,
    };
    kept.apply(&edit(next.clone()), &author)
        .map_err(|fault| UserError::new(texts::file_not_taken(set, &fault)))?;
    Ok(())
}

/// Does what was agreed to.
pub(crate) async fn apply(run: Run) -> Result<Ending> {
    let operation = run.operation();
    let import = Import::deserialize(&operation.plan.details)?;
    let services = run.services().clone();
    let done = run
        .step("import", |attempt| write(&services, &operation, &import, attempt))
        .await?;
    let revision = match done {
        Done::Changed(revision) => revision,
        Done::Moved => {
            return Ok(Ending {
                outcome: Outcome::Superseded,
                note: texts::import_moved_record(&import.set),
                card: texts::import_moved(&import.set),
            });
        }
        Done::Refused(why) => {
            return Ok(Ending {
                outcome: Outcome::Failed,
                note: why.clone(),
                card: texts::import_failed(&import.set, &why),
            });
        }
    };
    let (new, changed) = import.split();
    run.step("remember", |_| remember(&services, &new)).await?;
    let listening = place::engine(&services)?.listeners(&import.set);
    let card = texts::imported(&import.set, &import.from, (&new, &changed), (revision, listening));
    run.step("tell", |_| told(&services, &operation, &import, &card))
        .await?;
    Ok(Ending {
        outcome: Outcome::Succeeded,
        note: texts::imported_record(&import.set, &import.from),
        card,
    })
}

async fn write(
    services: &Services,
    operation: &Operation,
    import: &Import,
    attempt: Attempt,
) -> Result<Done> {
    let flags = place::engine(services)?;
    if attempt == Attempt::Again {
        let changes = flags.history(&import.set, None, RECENT).await?;
        let mine = changes
            .iter()
            .find(|change| change.operation.as_ref() == Some(&operation.id));
        if let Some(mine) = mine {
            flags.look().await?;
            return Ok(Done::Changed(mine.revision));
        }
    }
    let author = Author {
        by: operation.name.clone(),
        reason: operation.reason.clone(),
        at: services.store().now().await?,
        operation: Some(operation.id.clone()),
    };
    let file = Document::read(&import.file)?;
    match flags
        .change_by(&import.set, |kept| import.over(kept, &file), &author)
        .await
    {
        Ok(change) => Ok(Done::Changed(change.revision)),
        Err(error) => change::told(error),
    }
}

/// Keeps since when new ones are there.
async fn remember(services: &Services, new: &[String]) -> Result<()> {
    let store = services.store().as_ref();
    let now = store.now().await?;
    for key in new {
        facts::change(store, key, &[], |facts| {
            facts.created.get_or_insert(now);
        })
        .await?;
    }
    Ok(())
}

/// Tells those who want to know of one of them, once.
async fn told(services: &Services, operation: &Operation, import: &Import, card: &otus::Card) -> Result<()> {
    let mut channels = BTreeSet::new();
    for key in import.before.keys() {
        let found = tell::channels(services, key).await?;
        channels.extend(found.into_iter().map(|channel| channel.as_str().to_owned()));
    }
    channels.remove(operation.origin.channel.as_str());
    let channels: Vec<_> = channels.into_iter().map(otus::ChannelId::new).collect();
    let card = texts::told_elsewhere(card, operation);
    tell::say(services, &channels, &format!("flag-{}", operation.id), &card).await;
    Ok(())
}
