//! Purpose: hears of what other replicas changed, by LISTEN and NOTIFY.
//!
//! What is heard is only a reason to look. So a lost connection is made anew, and counts as heard: what was said meanwhile is
//! lost, but not what was changed.

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The channel that tells of changed flag sets; the message is the set's name.
pub(super) const FLAGS: &str = "otus_flags";

/// How long is waited before a lost connection is made anew.
const WAIT: Duration = Duration::from_millis(500);

/// Counts up whenever something was heard, until it is stopped. It has a connection of its own, beside the pool's.
pub(super) async fn listen(pool: PgPool, heard: watch::Sender<u64>, stopped: CancellationToken) {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(pool.connect_options().as_ref().clone());
    let listening = async {
        loop {
            if let Err(error) = hear(&own, &heard).await {
                tracing::debug!(%error, "the database's notifications are not heard; trying again");
            }
            tokio::time::sleep(WAIT).await;
        }
    };
    tokio::select! {
        () = stopped.cancelled() => {}
        () = listening => {}
    }
    own.close().await;
}

async fn hear(pool: &PgPool, heard: &watch::Sender<u64>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(FLAGS).await?;
    loop {
        heard.send_modify(|count| *count += 1);
        // Nothing means that the connection was lost and made anew.
        listener.try_recv().await?;
    }
}
