//! Every text people read.

mod card;
mod list;
mod samples;
mod steer;

pub(crate) use card::{Shown, card};
pub(crate) use list::{finished, list, stopped};
pub(crate) use samples::mismatches;
pub(crate) use steer::{
    SHARE, STOPPED, as_programmed, done, done_record, of_calls, over_all, set_record, set_title, stop_title,
    who_hears,
};

use otus::UserError;

pub(crate) const CONTROL: &str = "control";
pub(crate) const AGAINST_CONTROL: &str = "  against control";
pub(crate) const NO_SPAN: &str = "write for example `90m`, `6h` or `7d`, and at least a minute";
pub(crate) const NONE_YET: &str = "No application has told of an experiment yet. docs/experiments.md says how one does: it needs a token \
                                   below `[responders.experiments.applications]`, and an `HttpSink` in its code.";

/// Further back than anything is kept.
pub(crate) fn too_long(days: i64) -> UserError {
    UserError::new(format!(
        "What experiments showed is kept for {days} days (`keep_days` below `[responders.experiments]`)."
    ))
}

/// A picture's title.
pub(crate) fn picture_title(name: &str) -> String {
    format!("{name}: how long control and candidates take")
}
