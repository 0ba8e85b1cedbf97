//! Purpose: flags over HTTP: the protocol word for word, streams, tokens, and the official clients.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

mod clients;
mod house;
mod protocol;
mod streams;
