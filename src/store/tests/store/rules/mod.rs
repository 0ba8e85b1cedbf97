//! What every store must do, written against the trait alone. Each function wants an empty store.

pub(crate) mod audit;
pub(crate) mod claims;
pub(crate) mod deploys;
pub(crate) mod flags;
pub(crate) mod inbox;
pub(crate) mod operations;
pub(crate) mod outbox;
pub(crate) mod values;

pub(crate) type AnyStore = std::sync::Arc<dyn otus_core::Store>;
