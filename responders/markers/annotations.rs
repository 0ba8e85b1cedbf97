//! Grafana's annotations: one for each deploy, from when it began to when it ended, and one for each change of a flag, at its moment.

use std::sync::Arc;

use async_trait::async_trait;
use otus::operations::{Follower, Operation, State};
use otus::outbox::{Taken, Worked};
use otus::{Result, Services};
use otus_monitoring::grafana::{Grafana, GrafanaError, NewAnnotation};
use serde::{Deserialize, Serialize};

use crate::{facts, texts};

/// Its name in the store, and for people.
pub(crate) const NAME: &str = "grafana-annotations";

/// Tells Grafana.
pub(crate) struct Annotations {
    pub(crate) grafana: Arc<Grafana>,
}

/// What is kept of a deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Notes {
    /// It was about to be made, so that it may be there.
    meant: bool,
    /// Grafana's number for it.
    id: Option<u64>,
}

#[async_trait]
impl Follower for Annotations {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, operation: &Operation) -> bool {
        facts::is_deploy(operation) || facts::is_flag(operation)
    }

    async fn tell(&self, services: &Services, operation: &Operation, item: &mut Taken) -> Result<Worked> {
        let over = operation.state.is_over();
        let done = if over { Worked::Over } else { Worked::Done };
        if facts::is_flag(operation) && operation.state != State::Succeeded {
            // It takes a moment, and what was not changed leaves no mark.
            return Ok(done);
        }
        let wanted = self.annotation(services, operation).await?;
        let mut notes: Notes = item.notes()?;
        if notes.id.is_none() && notes.meant {
            let found = self.grafana.tagged(&mark(operation), wanted.time).await?;
            notes.id = found.first().map(|found| found.id);
        }
        let Some(id) = notes.id else {
            notes.meant = true;
            item.keep(&notes).await?;
            notes.id = Some(self.grafana.annotate(&wanted).await?);
            item.keep(&notes).await?;
            return Ok(done);
        };
        item.keep(&notes).await?;
        match self.grafana.change(id, &wanted).await {
            // Somebody deleted it, and meant to.
            Ok(()) | Err(GrafanaError::NotFound) => Ok(done),
            Err(error) => Err(error.into()),
        }
    }
}

impl Annotations {
    async fn annotation(&self, services: &Services, operation: &Operation) -> Result<NewAnnotation> {
        let row = facts::row(services, operation).await?;
        let began = operation.started.unwrap_or(operation.asked);
        let link = match &operation.card {
            Some(card) => services.chat().link(card).await.ok().flatten(),
            None => None,
        };
        let target = &operation.plan.target;
        let mut tags = self.grafana.tags().to_vec();
        tags.extend(target.service.clone());
        tags.extend(target.environment.clone());
        tags.push(if facts::is_flag(operation) {
            "flag".to_owned()
        } else {
            facts::outcome(operation.state).to_owned()
        });
        tags.push(mark(operation));
        let ended = operation.ended.map(|ended| ended.as_millisecond());
        let began = began.as_millisecond();
        let (time, time_end) = if facts::is_flag(operation) {
            (ended.unwrap_or(began), None)
        } else {
            (began, ended)
        };
        Ok(NewAnnotation {
            time,
            time_end,
            tags,
            text: texts::annotation(operation, row.as_ref(), link.as_deref()),
        })
    }
}

/// The tag that no other operation's annotation has.
fn mark(operation: &Operation) -> String {
    format!("otus:{}", operation.id)
}
