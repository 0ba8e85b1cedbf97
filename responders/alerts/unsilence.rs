//! `unsilence`, as an operation: silences that end before their time.

use async_trait::async_trait;
use otus::{
    Context, Result, Services, UserError,
    operations::{Action, Change as PlanChange, Ending, Outcome, Plan, Run},
};
use otus_monitoring::alertmanager::{AlertmanagerError, SilenceState};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    House, find,
    silence::{self, api, covering},
    texts,
};

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ask {
    source: String,
    /// Whole ids.
    ids: Vec<String>,
}

/// The action.
pub(crate) struct Unsilences(pub(crate) House);

/// Finds what is meant and proposes it.
pub(crate) async fn propose(house: &House, cx: &Context, id: &str) -> Result {
    cx.answer_in_thread();
    let ask = match of_silence(house, id).await? {
        Some(ask) => ask,
        None => of_group(house, cx, id).await?,
    };
    cx.propose("unsilence", ask).await
}

/// The silence whose id begins so.
async fn of_silence(house: &House, id: &str) -> Result<Option<Ask>> {
    let mut found: Vec<Ask> = Vec::new();
    let mut unasked = None;
    for (source, api) in house.apis() {
        match api.silences().await {
            Ok(all) => {
                let open = all
                    .into_iter()
                    .filter(|silence| silence.state() != SilenceState::Expired);
                found.extend(
                    open.filter(|silence| silence.id.starts_with(id))
                        .map(|silence| Ask {
                            source: source.clone(),
                            ids: vec![silence.id],
                        }),
                );
            }
            Err(error) => unasked = Some(error),
        }
    }
    match (found.len(), unasked) {
        (1, _) => Ok(found.pop()),
        (0, Some(error)) => Err(texts::not_asked(&error).into()),
        (0, None) => Ok(None),
        _ => Err(texts::several_silences(id).into()),
    }
}

/// All that keep the alerts of a group quiet.
async fn of_group(house: &House, cx: &Context, id: &str) -> Result<Ask> {
    let group = match find::meant(cx, Some(id)).await {
        Ok(group) => group,
        Err(error) if error.is::<UserError>() => return Err(texts::no_such_silence(id).into()),
        Err(error) => return Err(error),
    };
    let ids: Vec<String> = covering(house, &group)
        .await?
        .into_iter()
        .map(|quiet| quiet.id)
        .collect();
    if ids.is_empty() {
        return Err(texts::not_silenced_at_all(&group).into());
    }
    Ok(Ask {
        source: group.source,
        ids,
    })
}

#[async_trait]
impl Action for Unsilences {
    fn kind(&self) -> &'static str {
        "unsilence"
    }

    async fn plan(&self, _: &Services, ask: &Value) -> Result<Plan> {
        let ask: Ask = Ask::deserialize(ask)?;
        let api = api(&self.0, &ask.source)?;
        let mut changes = Vec::new();
        let mut over = true;
        for id in &ask.ids {
            let silence = api.silence(id).await.map_err(|error| texts::not_asked(&error))?;
            over &= silence.state() == SilenceState::Expired;
            changes.push(PlanChange {
                what: format!("silence {}", texts::short(id)),
                from: Some(texts::silence_until(&silence)),
                to: None,
            });
        }
        Ok(Plan {
            title: texts::unsilence_title(&ask.ids),
            changes,
            details: serde_json::to_value(&ask)?,
            nothing_to_do: over,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let operation = run.operation();
        let ask = Ask::deserialize(&operation.plan.details)?;
        let services = run.services().clone();
        let house = self.0.clone();
        let done: std::result::Result<(), String> = run
            .step("unsilence", |_| {
                let (ask, house) = (ask.clone(), house.clone());
                async move {
                    let api = match api(&house, &ask.source) {
                        Ok(api) => api,
                        Err(error) => return Ok(Err(error.text)),
                    };
                    for id in &ask.ids {
                        match api.end_silence(id).await {
                            // Gone is ended, too.
                            Ok(()) | Err(AlertmanagerError::NoSilence { .. }) => {}
                            Err(error) => return Ok(Err(error.to_string())),
                        }
                    }
                    Ok(Ok(()))
                }
            })
            .await?;
        if let Err(why) = done {
            return Ok(Ending {
                outcome: Outcome::Failed,
                note: texts::not_unsilenced_record(&why),
                card: texts::not_unsilenced(&ask.ids, &why),
            });
        }
        silence::ended(&house, &services, &ask.source, &ask.ids, &operation.by).await?;
        Ok(Ending {
            outcome: Outcome::Succeeded,
            note: texts::unsilenced_record(&ask.ids),
            card: texts::unsilenced(&ask.ids),
        })
    }
}
