//! How often an experiment runs, as an operation. Applications learn of it with the answer to what they send next.

use crate::{
    known::{self, Known, Wanted},
    show, texts,
};
use otus::{
    Context, Result, Services,
    audit::Entry,
    operations::{Change, Ending, Outcome, Plan, Run, Target},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind of operation, as rows have it.
pub(crate) const KIND: &str = "experiment";

/// What is asked, and what is planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ask {
    name: String,
    /// The share of calls in percent; nothing stops it.
    percent: Option<f64>,
}

/// Reads what was said and proposes it.
pub(crate) async fn propose_share(cx: &Context, name: &str, percent: f64) -> Result {
    let corrected = |near: &str| Some(format!("experiment {near} set {}", crate::words::number(percent)));
    let known = show::find(cx.services().store().as_ref(), name, corrected).await?;
    if percent > 100.0 {
        return Err(texts::over_all(&known.name).into());
    }
    let ask = Ask {
        name: known.name,
        percent: Some(percent),
    };
    cx.propose(KIND, ask).await
}

/// The same for stopping.
pub(crate) async fn propose_stop(cx: &Context, name: &str) -> Result {
    let corrected = |near: &str| Some(format!("experiment {near} stop"));
    let known = show::find(cx.services().store().as_ref(), name, corrected).await?;
    let ask = Ask {
        name: known.name,
        percent: None,
    };
    cx.propose(KIND, ask).await
}

/// How it is now, for people.
fn now(known: &Known, wanted: Option<&Wanted>) -> String {
    match wanted {
        Some(wanted) if wanted.stopped => texts::STOPPED.into(),
        Some(Wanted {
            percent: Some(percent),
            ..
        }) => texts::of_calls(*percent),
        _ => texts::as_programmed(known),
    }
}

/// What would change.
pub(crate) async fn plan(services: &Services, ask: &Value) -> Result<Plan> {
    let ask: Ask = Ask::deserialize(ask)?;
    let store = services.store().as_ref();
    let known = show::find(store, &ask.name, |_| None).await?;
    let wanted = known::wanted(store).await?.remove(&ask.name);
    let same = wanted.as_ref().is_some_and(|wanted| match ask.percent {
        Some(percent) => !wanted.stopped && wanted.percent == Some(percent),
        None => wanted.stopped,
    });
    // Where one service alone runs it, what holds for that service holds for this.
    let mut applications = known.applications.keys();
    let service = applications
        .next()
        .filter(|_| applications.next().is_none())
        .and_then(|application| services.catalog().service(application));
    Ok(Plan {
        target: Target {
            service: service.map(|service| service.name),
            environment: None,
        },
        title: match ask.percent {
            Some(percent) => texts::set_title(&ask.name, percent),
            None => texts::stop_title(&ask.name),
        },
        changes: vec![Change {
            what: texts::SHARE.into(),
            from: Some(now(&known, wanted.as_ref())),
            to: Some(ask.percent.map_or_else(|| texts::STOPPED.into(), texts::of_calls)),
        }],
        notes: texts::who_hears(&known, store.now().await?),
        nothing_to_do: same,
        details: serde_json::to_value(&ask)?,
        ..Plan::default()
    })
}

/// Writes it down.
pub(crate) async fn apply(run: Run) -> Result<Ending> {
    let operation = run.operation();
    let ask = Ask::deserialize(&operation.plan.details)?;
    let services = run.services().clone();
    // Written anew by whoever goes on: it is the same.
    run.step("set", |_| {
        let (services, operation, ask) = (services.clone(), operation.clone(), &ask);
        async move {
            let store = services.store().as_ref();
            let now = store.now().await?;
            let before = known::wanted(store).await?.remove(&ask.name);
            if before
                .as_ref()
                .is_some_and(|before| before.operation == operation.id)
            {
                return Ok(());
            }
            let wanted = Wanted {
                name: ask.name.clone(),
                // What it was before it was stopped is where it would go on.
                percent: ask.percent.or(before.and_then(|before| before.percent)),
                stopped: ask.percent.is_none(),
                by: operation.name.clone(),
                at: now,
                operation: operation.id.clone(),
            };
            let entry =
                Entry::of(&operation, now, "experiment set", texts::set_record(&wanted)).by(&operation.by);
            known::want(store, &wanted, entry).await
        }
    })
    .await?;
    let known = show::find(services.store().as_ref(), &ask.name, |_| None).await?;
    Ok(Ending {
        outcome: Outcome::Succeeded,
        note: texts::done_record(&ask.name, ask.percent),
        card: texts::done(&known, ask.percent),
    })
}
