//! `silence`, as an operation: matchers that Alertmanager keeps quiet for a while.
//!
//! The operation's id stands in the silence's comment, so that whoever takes the operation up finds what was made already.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use otus::{
    Context, Result, Services, UserError, UserId,
    operations::{Action, Attempt, Change as PlanChange, Ending, Operation, Outcome, Plan, Run, Target},
};
use otus_monitoring::{
    Labels,
    alertmanager::{Alertmanager, Matcher, NewSilence, Operator, SilenceState, matchers},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    House, find,
    group::{Group, What},
    keep::{self, Change},
    length::Length,
    poll,
    settings::signed,
    texts,
};

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ask {
    source: String,
    matchers: Vec<Matcher>,
    /// In seconds.
    length: i64,
    /// The group it was asked for.
    group: Option<String>,
}

/// What was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    id: String,
    until: Timestamp,
}

/// The action.
pub(crate) struct Silences(pub(crate) House);

/// Reads what was said and proposes it.
pub(crate) async fn propose(
    house: &House,
    cx: &Context,
    what: &str,
    source: Option<&str>,
    length: Length,
) -> Result {
    let longest = signed(house.settings().longest_silence);
    if length.0 > longest {
        return Err(texts::too_long(longest).into());
    }
    cx.answer_in_thread();
    let is_id =
        (4..=32).contains(&what.len()) && what.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let ask = if is_id {
        let group = find::meant(cx, Some(what)).await?;
        Ask {
            matchers: of_group(&group).map_err(UserError::new)?,
            source: group.source.clone(),
            length: length.0.as_secs(),
            group: Some(group.id),
        }
    } else {
        Ask {
            source: the_source(house, source)?,
            matchers: matchers(what).map_err(|why| texts::no_matchers(&why))?,
            length: length.0.as_secs(),
            group: None,
        }
    };
    cx.propose("silence", ask).await
}

/// The matchers of a group: what it is grouped by, and the alert's name; where that is nothing, all that its alerts have in common.
///
/// # Errors
/// There is nothing in common, so that a silence would cover everything.
pub(crate) fn of_group(group: &Group) -> Result<Vec<Matcher>, String> {
    let mut labels: Labels = group.labels.clone();
    if let Some(name) = group.name() {
        labels.insert("alertname".into(), name.to_owned());
    }
    if labels.is_empty() {
        let mut all = group.alerts.values().map(|alert| alert.labels.clone());
        labels = all.next().unwrap_or_default();
        for others in all {
            labels.retain(|name, value| others.get(name) == Some(value));
        }
    }
    if labels.is_empty() {
        return Err(texts::nothing_in_common(group));
    }
    Ok(labels
        .into_iter()
        .map(|(name, value)| Matcher::equal(name, value))
        .collect())
}

fn the_source(house: &House, named: Option<&str>) -> Result<String, UserError> {
    let names: Vec<&String> = house.apis().keys().collect();
    match (named, names.as_slice()) {
        (Some(name), _) if house.api(name).is_some() => Ok(name.to_owned()),
        (Some(name), _) => Err(texts::no_such_source(name, &names)),
        (None, [only]) => Ok((*only).clone()),
        (None, []) => Err(texts::no_api()),
        (None, _) => Err(texts::which_source(&names)),
    }
}

pub(crate) fn api<'a>(house: &'a House, source: &str) -> Result<&'a Alertmanager, UserError> {
    house.api(source).ok_or_else(|| texts::no_api_of(source))
}

/// What policy is asked about: the service and the environment that the matchers fix.
fn target(house: &House, services: &Services, matchers: &[Matcher]) -> Target {
    let fixed = matchers
        .iter()
        .filter(|matcher| matcher.operator == Operator::Equal);
    let labels: Labels = fixed
        .map(|matcher| (matcher.name.clone(), matcher.value.clone()))
        .collect();
    let (service, environment) = house.ready.spot(&labels);
    let catalog = services.catalog();
    Target {
        service: service
            .and_then(|name| catalog.service(name))
            .map(|service| service.name),
        environment: environment
            .and_then(|name| catalog.environment(name))
            .map(|environment| environment.name),
    }
}

#[async_trait]
impl Action for Silences {
    fn kind(&self) -> &'static str {
        "silence"
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let ask: Ask = Ask::deserialize(ask)?;
        let api = api(&self.0, &ask.source)?;
        if ask.matchers.iter().all(Matcher::holds_for_nothing) {
            return Err(texts::would_silence_everything().into());
        }
        let now = api
            .alerts(&ask.matchers)
            .await
            .map_err(|error| texts::not_asked(&error))?;
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for alert in &now {
            let name = alert
                .labels
                .get("alertname")
                .map(String::as_str)
                .unwrap_or_default();
            *names.entry(name).or_default() += 1;
        }
        let length = SignedDuration::from_secs(ask.length);
        Ok(Plan {
            target: target(&self.0, services, &ask.matchers),
            title: texts::silence_title(&ask.matchers, length),
            changes: vec![PlanChange {
                what: "silence".into(),
                from: None,
                to: Some(texts::silence_for(&ask.matchers, length)),
            }],
            // How many they are changes from moment to moment, and must not void anybody's approval.
            notes: vec![texts::covers(&names)],
            details: serde_json::to_value(&ask)?,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let operation = run.operation();
        let ask = Ask::deserialize(&operation.plan.details)?;
        let services = run.services().clone();
        let house = self.0.clone();
        let made: std::result::Result<Made, String> = run
            .step("silence", |attempt| {
                let (services, operation, ask, house) =
                    (services.clone(), operation.clone(), ask.clone(), house.clone());
                async move { Ok(make(&house, &services, &operation, &ask, attempt).await) }
            })
            .await?;
        let made = match made {
            Ok(made) => made,
            Err(why) => {
                return Ok(Ending {
                    outcome: Outcome::Failed,
                    note: texts::not_silenced_record(&why),
                    card: texts::not_silenced(&ask.matchers, &why),
                });
            }
        };
        tell(&house, &services, &operation, &ask, &made).await?;
        Ok(Ending {
            outcome: Outcome::Succeeded,
            note: texts::silenced_record(&ask.matchers, made.until, &made.id),
            card: texts::silenced(&ask.matchers, made.until, operation.reason.as_deref(), &made.id),
        })
    }
}

/// Makes the silence, unless an earlier process has; or says why it could not.
async fn make(
    house: &House,
    services: &Services,
    operation: &Operation,
    ask: &Ask,
    attempt: Attempt,
) -> std::result::Result<Made, String> {
    let api = api(house, &ask.source).map_err(|error| error.text)?;
    let now = services.store().now().await.map_err(|error| error.to_string())?;
    let comment = texts::comment(operation.reason.as_deref(), &operation.id);
    if attempt == Attempt::Again {
        let all = api.silences().await.map_err(|error| error.to_string())?;
        let mine = |silence: &&otus_monitoring::alertmanager::Silence| {
            silence.comment == comment && silence.state() != SilenceState::Expired
        };
        if let Some(silence) = all.iter().find(mine) {
            return Ok(Made {
                id: silence.id.clone(),
                until: silence.ends_at,
            });
        }
    }
    let until = now
        .checked_add(SignedDuration::from_secs(ask.length))
        .map_err(|error| error.to_string())?;
    let new = NewSilence {
        matchers: ask.matchers.clone(),
        starts_at: now,
        ends_at: until,
        created_by: operation.name.clone(),
        comment,
    };
    let id = api.make_silence(&new).await.map_err(|error| error.to_string())?;
    Ok(Made { id, until })
}

/// Says so in the messages of what it covers.
async fn tell(
    house: &House,
    services: &Services,
    operation: &Operation,
    ask: &Ask,
    made: &Made,
) -> Result<()> {
    let now = services.store().now().await?;
    let covers = |labels: &Labels| ask.matchers.iter().all(|matcher| matcher.holds(labels));
    let what = What::Silenced {
        by: operation.by.clone(),
        until: made.until,
        reason: operation.reason.clone(),
        id: made.id.clone(),
    };
    let comment = texts::comment(operation.reason.as_deref(), &operation.id);
    each_covered(house, services, &ask.source, covers, |group| {
        for alert in group.alerts.values_mut().filter(|alert| covers(&alert.labels)) {
            if !alert.silences.iter().any(|known| known.id == made.id) {
                alert.silences.push(crate::group::Quiet {
                    id: made.id.clone(),
                    until: made.until,
                    by: operation.name.clone(),
                    comment: comment.clone(),
                });
            }
        }
        let told = |logged: &crate::group::Logged| {
            matches!(&logged.what, What::Silenced { id, .. } if *id == made.id)
        };
        if !group.log.iter().any(told) {
            group.note(now, what.clone());
        }
    })
    .await
}

/// Changes all groups that fire and have an alert that is covered, and has them told.
pub(crate) async fn each_covered(
    house: &House,
    services: &Services,
    source: &str,
    covers: impl Fn(&Labels) -> bool,
    mut change: impl FnMut(&mut Group),
) -> Result<()> {
    for group in keep::all(services).await? {
        let covered = group.source == source
            && group.is_firing()
            && group.firing().any(|(_, alert)| covers(&alert.labels));
        if !covered {
            continue;
        }
        let kept = keep::change(services, &group.id, &[], |known| match known {
            Some(mut known) => {
                change(&mut known);
                Change::To(Box::new(known))
            }
            None => Change::None,
        })
        .await?;
        if let Some(kept) = kept {
            keep::tell(house, services, &kept, false).await?;
        }
    }
    Ok(())
}

/// Takes a silence that has ended out of all messages.
pub(crate) async fn ended(
    house: &House,
    services: &Services,
    source: &str,
    ids: &[String],
    by: &UserId,
) -> Result<()> {
    let now = services.store().now().await?;
    each_covered(
        house,
        services,
        source,
        |_| true,
        |group| {
            for id in ids {
                let mut quiet = false;
                for alert in group.alerts.values_mut() {
                    quiet |= alert.silences.iter().any(|known| known.id == *id);
                    alert.silences.retain(|known| known.id != *id);
                }
                if quiet {
                    group.note(
                        now,
                        What::Unsilenced {
                            by: by.clone(),
                            id: id.clone(),
                        },
                    );
                }
            }
        },
    )
    .await
}

/// The silences that keep a group's alerts quiet now, as Alertmanager knows them.
pub(crate) async fn covering(house: &House, group: &Group) -> Result<Vec<crate::group::Quiet>, UserError> {
    let api = api(house, &group.source)?;
    let all = api.silences().await.map_err(|error| texts::not_asked(&error))?;
    let active = all
        .iter()
        .filter(|silence| silence.state() == SilenceState::Active);
    let covering = active.filter(|silence| group.firing().any(|(_, alert)| silence.covers(&alert.labels)));
    Ok(covering.map(poll::quiet).collect())
}
