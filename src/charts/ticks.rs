//! Where an axis has its ticks, and what they say.

mod log;
mod time;
mod value;

pub(crate) use log::{Warp, log_axis};
pub(crate) use time::{TimeTick, day_label, moment, month, time_ticks};
pub(crate) use value::{ValueAxis, value_axis};
