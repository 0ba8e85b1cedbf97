//! What a thread is about: said in an operation's thread, a graph needs neither the service nor the time.

use std::time::Duration;

use jiff::Timestamp;
use otus::{operations::Operation, prelude::*};

/// What is taken from the thread where nothing else was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) service: Option<String>,
    pub(crate) environment: Option<String>,
    /// So far back goes a graph that covers the operation.
    pub(crate) covering: Option<Duration>,
}

/// What the thread is about; nothing, where it is not an operation's. A memory that cannot be read costs the memory, not the
/// graph.
pub(crate) async fn memory(cx: &Context) -> Memory {
    match cx.services().operations().meant(cx, None).await {
        Ok(operation) => of(&operation, Timestamp::now()),
        Err(error) => {
            if !error.is::<UserError>() {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "what the thread is about cannot be read"
                );
            }
            Memory::default()
        }
    }
}

fn of(operation: &Operation, now: Timestamp) -> Memory {
    let began = operation.started.unwrap_or(operation.asked);
    let elapsed = Duration::try_from(now.duration_since(began)).unwrap_or_default();
    Memory {
        service: operation.plan.target.service.clone(),
        environment: operation.plan.target.environment.clone(),
        covering: Some(covering(elapsed)),
    }
}

/// From a while before it began until now, as a time that one would say.
fn covering(elapsed: Duration) -> Duration {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let before = (elapsed / 4).max(Duration::from_secs(20 * MINUTE));
    let seconds = (elapsed + before).as_secs();
    let steps = if seconds <= HOUR {
        10 * MINUTE
    } else if seconds <= DAY {
        HOUR
    } else {
        DAY
    };
    Duration::from_secs(seconds.div_ceil(steps) * steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_begins_a_while_before_the_operation() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        assert_eq!(covering(minutes(0)), minutes(20));
        assert_eq!(covering(minutes(5)), minutes(30));
        assert_eq!(covering(minutes(40)), minutes(60));
        assert_eq!(covering(minutes(50)), minutes(120));
        assert_eq!(covering(minutes(60 * 30)), minutes(60 * 48));
    }
}
