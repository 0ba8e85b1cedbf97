//! Everything a responder usually needs: `use otus::prelude::*;`.

pub use crate::{
    Button, Card, Configure, Context, Environment, Error, File, Known, Part, Post, Result, Room, Service,
    Services, Setup, Tone, UserError, responder, user_error,
};
