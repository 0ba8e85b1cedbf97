//! The robot itself: messages, routing, responders, who may do what, and running handlers so that none can
//! hurt another. It knows no network, no database and no Slack: a chat system comes in as [`Chat`], a memory as
//! [`Store`], and everything else as responders.
//!
//! The life of a message is told in [`robot`]; what an author of responders needs is in [`prelude`].

// So that what `#[responder]` writes, which names `::otus`, also compiles in here.
extern crate self as otus;

pub mod address;
pub mod args;
pub mod audit;
pub mod beside;
pub mod card;
pub mod catalog;
pub mod chat;
pub mod context;
pub mod csv;
pub mod error;
pub mod form;
pub mod health;
pub mod help;
pub mod ids;
pub mod in_place;
mod isolation;
pub mod live;
pub mod markup;
pub mod message;
pub mod operations;
pub mod options;
pub mod outbox;
pub mod phrase;
pub mod policy;
pub mod prelude;
mod receipt;
pub mod responder;
pub mod robot;
pub mod room;
pub mod router;
pub mod secrets;
pub mod services;
pub mod store;
pub mod suggest;
pub mod web;
pub mod words;

pub use args::Known;
pub use card::{Button, Card, File, Part, Picture, Post, Tone};
pub use catalog::{Auto, Backwards, Catalog, Environment, Service};
pub use chat::{Chat, ChatError, MessageRef, Person, Place, Urgency};
pub use context::Context;
pub use error::{Error, Result, StartError, UserError};
pub use ids::{ChannelId, MessageId, UserId};
pub use live::Live;
pub use message::{ChannelKind, EventKey, Message, Segment, Via};
pub use otus_macros::responder;
pub use receipt::Receipt;
pub use responder::{
    Captures, ChatNeed, CommandSpec, Configure, Effect, Handler, Kind, Registration, Responder,
    ResponderSpec, Setup,
};
pub use robot::{Robot, RobotConfig};
pub use room::Room;
pub use services::Services;
pub use store::{MemoryStore, Store, StoreError};

#[doc(hidden)]
pub mod __private {
    //! What the macros' output names. Not for people.
    pub use crate::args::{FromText, FromWords, Parse, optional, required};
    pub use crate::form::{Candidates, Parameter, Wanted};
    pub use futures_util::future::BoxFuture;
    pub use inventory;
    pub use std::sync::Arc;
}
