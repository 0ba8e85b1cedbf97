//! Rows of deploys whose operation is over, or was never one: a process that died between the two leaves one.

use otus::operations::State;
use otus::store::{DeployFilter, DeployState};
use otus::{Result, Services};

/// Ends the rows of deploys that nobody works on any more.
pub(crate) async fn put_to_rest(services: &Services) -> Result {
    let store = services.store();
    let running = DeployFilter {
        state: Some(DeployState::Running),
        ..DeployFilter::default()
    };
    for mut deploy in store.deploys(&running).await? {
        let operation = store.operation(&deploy.id).await?;
        let state = match operation.as_ref().map(|operation| operation.state) {
            Some(state) if !state.is_over() => continue,
            Some(State::Succeeded) => DeployState::Succeeded,
            Some(State::Failed) => DeployState::Failed,
            Some(State::Superseded) => DeployState::Superseded,
            _ => DeployState::Stopped,
        };
        let ended = operation.as_ref().and_then(|operation| operation.ended);
        deploy.state = state;
        deploy.ended = Some(ended.unwrap_or_else(jiff::Timestamp::now));
        deploy.note = operation
            .and_then(|operation| operation.ending)
            .map(|ending| ending.note)
            .or(deploy.note);
        tracing::info!(
            deploy = deploy.id,
            ?state,
            "a deploy that nobody works on is put to rest"
        );
        store.record_deploy(&deploy).await?;
    }
    Ok(())
}
