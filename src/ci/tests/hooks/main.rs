//! Webhooks as their senders send them: what each says, what a forged one gets, and the contract as it is documented.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

mod bytes;
mod contract;
mod forged;
mod github;
mod gitlab;
mod others;
mod sender;
