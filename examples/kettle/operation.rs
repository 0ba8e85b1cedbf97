//! An operation: planned, decided on, carried out in steps that survive a crash, and shown in one message.

use async_trait::async_trait;
use otus::{
    operations::{Action, Change, Ending, Outcome, Plan, Run, Target},
    prelude::*,
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The world: how hot the water is.
type Water = Arc<AtomicU64>;

/// A kettle.
#[derive(Default)]
pub struct Kettle {
    water: Water,
}

/// Heating the water.
struct Heat(Water);

#[async_trait]
impl Action for Heat {
    fn kind(&self) -> &'static str {
        "heat"
    }

    // Looks at the world, and changes nothing. It is asked again before it is applied: when the answer differs, nothing is done.
    async fn plan(&self, _: &Services, ask: &Value) -> Result<Plan> {
        let (now, to) = (
            self.0.load(Ordering::SeqCst),
            ask["to"].as_u64().unwrap_or_default(),
        );
        if to > 100 {
            user_error!("Water does not get hotter than 100 °C.");
        }
        Ok(Plan {
            target: Target {
                service: Some("kettle".into()),
                environment: None,
            },
            title: format!("Heat the water to {to} °C"),
            changes: vec![Change {
                what: "temperature".into(),
                from: Some(format!("{now} °C")),
                to: Some(format!("{to} °C")),
            }],
            details: json!({ "to": to }),
            nothing_to_do: now == to,
            ..Plan::default()
        })
    }

    // A step is done once, whatever happens in between: written down before and after.
    async fn apply(&self, run: Run) -> Result<Ending> {
        let to = run.plan().details["to"].as_u64().unwrap_or_default();
        for degrees in (20..to).step_by(40).chain([to]) {
            run.show(Card::new(Tone::Running, format!("{degrees} °C"))).await;
            run.step(&format!("to {degrees}"), |_| async move {
                self.0.store(degrees, Ordering::SeqCst);
                Ok(())
            })
            .await?;
        }
        Ok(Ending {
            outcome: Outcome::Succeeded,
            note: format!("it is at {to} °C"),
            card: Card::new(Tone::Good, format!("The water has {to} °C")),
        })
    }
}

/// Hot water.
#[responder]
impl Kettle {
    /// Heats the water.
    #[respond(
        r"^heat to (?<to>\d+)$",
        usage = "heat to <to>",
        example = "heat to 80",
        effect = "operation"
    )]
    async fn heat(&self, cx: Context, to: u64) -> Result {
        cx.propose("heat", json!({ "to": to })).await
    }

    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Heat(self.water.clone()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_plan_changes_nothing_and_the_operation_does() {
        let kettle = Kettle::default();
        let water = kettle.water.clone();
        let mut room = Room::with(kettle);
        room.say("ann", "@otus heat to 80 --plan").await;
        assert!(room.answer().await.plain().contains("Heat the water to 80 °C"));
        assert_eq!(water.load(Ordering::SeqCst), 0);
        room.say("ann", "@otus heat to 80").await;
        room.expect_shown(|post| post.plain().contains("The water has 80 °C"))
            .await;
        assert_eq!(water.load(Ordering::SeqCst), 80);
        room.answer().await;
    }

    #[tokio::test]
    async fn what_cannot_be_is_said_before_anything_is_done() {
        let mut room = Room::with(Kettle::default());
        room.say("ann", "@otus heat to 101").await;
        room.expect_reply("Water does not get hotter than 100 °C.").await;
    }
}
