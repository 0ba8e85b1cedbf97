//! Applying what was agreed to: each set in a step of its own, only while the flag is still what people saw.

use crate::{
    ask::What,
    facts, import, place,
    plan::{self, Details, SetEdit},
    settings::Settings,
    tell, texts,
};
use jiff::Timestamp;
use otus::{
    Result, Services,
    operations::{Attempt, Ending, Operation, Outcome, Run},
};
use otus_flags::{Author, ChangeError, Definition, Edit, EditFault, FlagStoreError};
use serde::{Deserialize, Serialize};

/// So many changes are looked through for one's own.
const RECENT: u32 = 50;

/// What became of one set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Done {
    /// It is of this revision since.
    Changed(u64),
    /// The flag was something else by then.
    Moved,
    /// It cannot be.
    Refused(String),
}

/// Changes the flag.
pub(crate) async fn apply(run: Run, settings: &Settings) -> Result<Ending> {
    let operation = run.operation();
    if import::is(&operation) {
        return import::apply(run).await;
    }
    let details = Details::deserialize(&operation.plan.details)?;
    let services = run.services().clone();
    let mut revisions = Vec::new();
    for edit in &details.edits {
        let done = run
            .step(&format!("change {}", edit.set), |attempt| {
                change(&services, &operation, &details, edit, attempt)
            })
            .await?;
        match done {
            Done::Changed(revision) => revisions.push((edit.set.clone(), revision)),
            Done::Moved => {
                return Ok(Ending {
                    outcome: Outcome::Superseded,
                    note: texts::moved_record(&details.ask.flag, &edit.set),
                    card: texts::moved(&details.ask.flag, &edit.set),
                });
            }
            Done::Refused(why) => {
                return Ok(Ending {
                    outcome: Outcome::Failed,
                    note: why.clone(),
                    card: texts::failed(&details.ask.flag, &edit.set, &why),
                });
            }
        }
    }
    run.step("remember", |_| remember(&services, &operation, &details))
        .await?;
    let now = services.store().now().await?;
    let card = card(&services, settings, &details, now)?;
    run.step("tell", |_| tell::changed(&services, &operation, &details, &card))
        .await?;
    Ok(Ending {
        outcome: Outcome::Succeeded,
        note: texts::done_record(&details.ask),
        card,
    })
}

/// What stands on the card at the end.
fn card(services: &Services, settings: &Settings, details: &Details, now: Timestamp) -> Result<otus::Card> {
    let flags = place::engine(services)?;
    let mut places = Vec::new();
    for set in &details.ask.sets {
        let live = flags.set(set);
        let definition = live.and_then(|live| live.kept().document.flags.get(&details.ask.flag).cloned());
        places.push((set.clone(), definition, flags.listeners(set)));
    }
    Ok(texts::done(&details.ask, &places, settings, now))
}

async fn change(
    services: &Services,
    operation: &Operation,
    details: &Details,
    edit: &SetEdit,
    attempt: Attempt,
) -> Result<Done> {
    let flags = place::engine(services)?;
    let flag = &details.ask.flag;
    if attempt == Attempt::Again {
        let changes = flags.history(&edit.set, Some(flag), RECENT).await?;
        let mine = changes
            .iter()
            .find(|change| change.operation.as_ref() == Some(&operation.id) && change.flag.is_some());
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
    for (name, rule) in &edit.rules {
        let rule = Edit::Rule {
            name: name.clone(),
            rule: rule.clone(),
        };
        match flags.change(&edit.set, &rule, &author).await {
            Ok(_) | Err(ChangeError::Edit(EditFault::Same)) => {}
            Err(error) => return told(error),
        }
    }
    let before = plan::read(&edit.before)?;
    let after = match &details.ask.what {
        What::Grow(growth) => {
            let before = before.clone().unwrap_or_else(|| Definition::switch(false));
            Some(before.grow(growth, author.at.as_second())?)
        }
        _ => plan::read(&edit.after)?,
    };
    if flags.away(&edit.set).is_some() {
        // Made, archived and restored it is in all its environments at once; and there nothing says whose change it was, when this is done
        // again. Either way it is what was agreed to.
        flags.look().await?;
        if flags.is(&edit.set, flag, after.as_ref()) {
            let revision = flags.set(&edit.set).map_or(0, |live| live.kept().revision);
            return Ok(Done::Changed(revision));
        }
    }
    let archived = flags
        .set(&edit.set)
        .is_some_and(|live| live.kept().archived.contains_key(flag));
    let wanted = plan::edit(flag, after.as_ref(), archived);
    match flags
        .change_from(&edit.set, flag, before.as_ref(), &wanted, &author)
        .await
    {
        Ok(change) => Ok(Done::Changed(change.revision)),
        Err(error) => told(error),
    }
}

/// What it means for the operation.
pub(crate) fn told(error: ChangeError) -> Result<Done> {
    match error {
        ChangeError::Moved(_)
        | ChangeError::Newer(_)
        | ChangeError::Edit(EditFault::IsArchived(_) | EditFault::Taken(_)) => Ok(Done::Moved),
        ChangeError::Edit(fault) => Ok(Done::Refused(fault.to_string())),
        ChangeError::Store(FlagStoreError::Refused(why)) => Ok(Done::Refused(why)),
        error @ (ChangeError::Store(_) | ChangeError::Busy(_)) => Err(error.into()),
    }
}

/// Keeps what is known of the flag beside what it gives.
async fn remember(services: &Services, operation: &Operation, details: &Details) -> Result<()> {
    let store = services.store().as_ref();
    let flag = &details.ask.flag;
    match &details.ask.what {
        What::Create { owner, about, .. } => {
            let now = store.now().await?;
            facts::change(store, flag, &[], |facts| {
                facts.owner.get_or_insert_with(|| owner.clone());
                if facts.owner_name.is_empty() {
                    facts.owner_name.clone_from(&operation.name);
                }
                facts.about = facts.about.take().or_else(|| about.clone());
                facts.created.get_or_insert(now);
            })
            .await?;
        }
        What::Guard(guard) => {
            facts::change(store, flag, &[], |facts| {
                for set in &details.ask.sets {
                    match guard {
                        Some(guard) => facts.guards.insert(set.clone(), guard.clone()),
                        None => facts.guards.remove(set),
                    };
                }
            })
            .await?;
        }
        _ => {}
    }
    Ok(())
}
