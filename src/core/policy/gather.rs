//! Finding out what the decision depends on.

use super::{
    decide::{Asked, Facts, Verdict},
    rules::Policy,
};
use crate::services::Services;

/// Finds out everything [`decide`](super::decide) wants to know. What cannot be found out is said in the facts, never guessed.
pub async fn gather(services: &Services, policy: &Policy, asked: &Asked) -> Facts {
    let _ = (services, policy, asked);
    Facts {
        now: jiff::Timestamp::now(),
        roles: Default::default(),
        channel_name: None,
        locks: Vec::new(),
        elevation: None,
        unknown: vec!["policy is not gathered yet".into()],
    }
}

/// Gathers and decides.
pub async fn verdict(services: &Services, asked: &Asked) -> Verdict {
    let policy = services.policy();
    let facts = gather(services, policy, asked).await;
    super::decide(policy, asked, &facts)
}
