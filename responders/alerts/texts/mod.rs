//! Everything this responder says, in one place.

mod lists;
mod message;
mod silencing;

pub(crate) use lists::{alerts, silences};
pub(crate) use message::{View, closed, message, picture};
pub(crate) use silencing::*;

use otus::{
    UserError, UserId,
    markup::{bold, code, user},
    phrase::{inert, list, moment},
    store::{Deploy, DeployState},
};
use otus_monitoring::{Error as Failure, grafana::GrafanaError};

use crate::{
    deploys,
    group::{Acked, Group},
};

/// A webhook without the right token. It goes to the outside.
pub(crate) const WRONG_TOKEN: &str = "the token is missing or wrong\n";

/// On a graph: it began to fire.
pub(crate) const MARK_FIRES: &str = "fires";

/// On a graph: it ended.
pub(crate) const MARK_RESOLVED: &str = "resolved";

/// On a graph: a deploy.
pub(crate) fn mark(deploy: &Deploy) -> String {
    let end = match deploy.state {
        DeployState::Failed => " (failed)",
        DeployState::Running => " (running)",
        DeployState::Succeeded | DeployState::Superseded | DeployState::Stopped => "",
    };
    format!(
        "deploy {} {}{end}",
        deploy.service,
        deploys::short(&deploy.version)
    )
}

/// What a group is called.
pub(crate) fn name(group: &Group) -> String {
    if let Some(name) = group.name() {
        return inert(name, 80);
    }
    let labels: Vec<String> = group
        .labels
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    if labels.is_empty() {
        "Several alerts".to_owned()
    } else {
        inert(&labels.join(", "), 80)
    }
}

/// Above a group's graph.
pub(crate) fn picture_title(group: &Group) -> String {
    name(group)
}

/// Why there is no graph.
pub(crate) fn trouble(failure: &Failure) -> String {
    match failure {
        Failure::Timeout { .. } => "the query took too long".to_owned(),
        Failure::Unreachable { .. } => "Prometheus cannot be reached".to_owned(),
        Failure::BadQuery { .. } => "Prometheus does not understand the alert's expression".to_owned(),
        Failure::TooLarge { .. } => "it would be too much data".to_owned(),
        other => inert(&other.to_string(), 160),
    }
}

/// Why a rule of Grafana's own has no graph.
pub(crate) fn grafana_trouble(failure: &GrafanaError) -> String {
    match failure {
        GrafanaError::Unreachable { .. } => "Grafana cannot be reached".to_owned(),
        GrafanaError::NotAllowed { needs, .. } => {
            format!(
                "Grafana does not let me read the rule or ask for it: {}",
                inert(needs, 160)
            )
        }
        GrafanaError::Missing { .. } => "Grafana does not know the rule, or it asks nothing".to_owned(),
        GrafanaError::Query { .. } => "Grafana could not answer the rule's query".to_owned(),
        other => inert(&other.to_string(), 160),
    }
}

/// Why there is no graph: there is nothing to draw.
pub(crate) fn no_data() -> String {
    "there is no data for the alert's expression".to_owned()
}

/// Why there is no graph: the chat shows none.
pub(crate) fn no_pictures() -> String {
    "this chat shows no pictures in messages".to_owned()
}

/// Why there is no graph: the chat did not take it.
pub(crate) fn not_taken(error: &otus::ChatError) -> String {
    format!("the chat did not take it ({})", inert(&error.to_string(), 120))
}

/// There is none of this id.
pub(crate) fn unknown(id: &str) -> UserError {
    let mut error = UserError::new(format!("I know no alert whose id begins with {}.", code(id)));
    error.instead = vec!["alerts".into()];
    error
}

/// There are several.
pub(crate) fn ambiguous(id: &str, found: &[Group]) -> String {
    let ids: Vec<String> = found.iter().take(5).map(|group| code(&group.id[..12])).collect();
    format!("{} is the beginning of several ids: {}.", code(id), list(&ids))
}

/// Which one is meant?
pub(crate) fn which() -> UserError {
    let mut error = UserError::new(format!(
        "Which alert? Say {}, or {} in the alert's thread.",
        code("ack <id>"),
        code("ack")
    ));
    error.instead = vec!["alerts".into()];
    error
}

/// The thread's alert is over for so long that nobody knows it any more.
pub(crate) fn forgotten() -> UserError {
    UserError::new("I do not remember the alert of this thread any more.")
}

/// It does not fire any more.
pub(crate) fn over_already(group: &Group) -> UserError {
    let since = group.resolved.map(|at| format!(" since {}", moment(at)));
    UserError::new(format!(
        "{} is resolved{}.",
        bold(&name(group)),
        since.unwrap_or_default()
    ))
}

/// It is acknowledged.
pub(crate) fn acked(group: &Group, by: &UserId) -> String {
    format!("{} acknowledged {}.", user(by), bold(&name(group)))
}

/// They had done so already.
pub(crate) fn acked_before(group: &Group, acked: &Acked) -> String {
    format!(
        "You acknowledged {} {} already.",
        bold(&name(group)),
        moment(acked.at)
    )
}

/// For the record.
pub(crate) fn acked_record(group: &Group) -> String {
    format!("acknowledged the alert {} ({})", name(group), group.short())
}
