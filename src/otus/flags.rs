//! Feature flags in the program: the sets from the store, begun from files, and served where somebody may ask.

use crate::run::RunError;
use axum::Router;
use otus_flags::{
    Author, Flags,
    serve::{self, FlagsConfig},
    unleash::Elsewhere,
};
use otus_store::Opened;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Opens the flag sets, and fills those that begin with a file and that nobody has written to.
///
/// # Errors
/// [`RunError::Flags`] when the store does not answer, a file cannot be read, or this build evaluates wrongly.
pub(crate) async fn open(store: Arc<dyn Opened>, config: &FlagsConfig) -> Result<Arc<Flags>, RunError> {
    let failed = |error: String| RunError::Flags(error);
    let elsewhere =
        Elsewhere::new(store.flags(), &config.servers()).map_err(|error| failed(error.to_string()))?;
    let flags = Flags::start(Arc::new(elsewhere))
        .await
        .map_err(|error| failed(error.to_string()))?;
    let seeds = config
        .seeds()
        .map_err(|(keys, what)| failed(format!("flags.{}: {what}", keys.join("."))))?;
    for (set, document) in seeds {
        let author = Author {
            by: "the configuration".into(),
            reason: None,
            at: jiff::Timestamp::now(),
            operation: None,
        };
        let mine = flags
            .seed(&set, &document, &author)
            .await
            .map_err(|error| failed(error.to_string()))?;
        if mine {
            tracing::info!(
                set,
                flags = document.flags.len(),
                "a flag set begins with its file"
            );
        }
    }
    Ok(flags)
}

/// The routes where applications ask, if any may.
pub(crate) fn routes(flags: Arc<Flags>, config: &FlagsConfig, stop: CancellationToken) -> Router {
    if config.clients.is_empty() {
        return Router::new();
    }
    serve::routes(flags, config, stop)
}
