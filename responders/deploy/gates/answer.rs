//! People answer for a gate that has no data. The answer waits in the store until whoever works on the deploy, perhaps another
//! replica, takes it.

use jiff::Timestamp;
use otus::audit::Entry;
use otus::prelude::*;
use otus_monitoring::gate::Answer;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::KIND;
use crate::job::{Job, Kept};
use crate::texts;

/// An answer on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Given {
    answer: Answer,
    by: String,
    at: Timestamp,
}

fn place(operation: &str, gate: &str) -> String {
    format!("gate {operation} {gate}")
}

/// Somebody answers.
pub(crate) async fn answer(cx: &Context, answer: Answer, id: Option<&str>, gate: Option<&str>) -> Result {
    let operations = cx.services().operations();
    let id = id.map(|id| id.trim_matches('`'));
    let id = operations.meant(cx, id).await?.id;
    // Who may not say this deploy's command may not answer for it either.
    let operation = operations.steered(cx, &id).await?;
    let kept: Kept = match operation.kind == KIND {
        true => serde_json::from_value(operation.progress.clone()).unwrap_or_default(),
        false => Kept::default(),
    };
    let mut asking = kept
        .gates
        .iter()
        .filter(|(key, watch)| watch.asks().is_some() && gate.is_none_or(|gate| gate == *key));
    let Some((key, watch)) = asking.next() else {
        return Err(UserError::new(texts::no_gate_asks(gate)).into());
    };
    let store = cx.services().store();
    let at = Timestamp::now();
    let by = cx.person().await.name;
    let given = Given {
        answer,
        by: by.clone(),
        at,
    };
    let now = store.now().await?;
    let entry = Entry::of(
        &operation,
        now,
        "gate",
        texts::gate_was_answered(watch.name(), answer),
    )
    .by(cx.author())
    .data(json!({ "gate": key, "answer": answer }));
    cx.services().record(&[entry]).await;
    store
        .remember(
            KIND,
            &place(&operation.id, key),
            Some(serde_json::to_value(given)?),
        )
        .await?;
    cx.reply_in_thread(texts::gate_answered(watch.name(), answer))
        .await
}

impl Job {
    /// Takes the answers that were given meanwhile.
    pub(crate) async fn hear_answers(&mut self) -> Result<()> {
        let operation = self.deploy.id.clone();
        let asking: Vec<(String, Timestamp)> = self
            .kept
            .gates
            .iter()
            .filter_map(|(key, watch)| Some((key.clone(), watch.asks()?.1)))
            .collect();
        let store = self.run.services().store().clone();
        for (key, since) in asking {
            let place = place(&operation, &key);
            let found = match store.recall(KIND, &place).await {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, operation, "the answer for a gate cannot be read yet");
                    continue;
                }
            };
            // An answer to an earlier question is none to this one.
            let given = serde_json::from_value::<Given>(found).ok();
            if let (Some(given), Some(watch)) = (
                given.filter(|given| given.at >= since),
                self.kept.gates.get_mut(&key),
            ) {
                watch.answer(Timestamp::now(), given.answer, given.by);
                self.keep().await?;
            }
            if let Err(error) = store.remember(KIND, &place, None).await {
                tracing::warn!(%error, operation, "the answer for a gate cannot be put away");
            }
        }
        Ok(())
    }
}
