//! Everything a responder usually needs: `use otus::prelude::*;`.

pub use crate::{
    Button, Card, Configure, Context, Environment, Error, File, Part, Post, Result, Room, Service, Setup,
    Tone, UserError, responder, user_error,
};
