//! Alertmanager: the webhook it sends, the matchers it reads, and its API for alerts and silences.
//!
//! The shapes are those of the webhook payload (version 4), which Grafana's own alerting sends too, with fields of its own, and of
//! the API v2. [`Alertmanager`] asks; [`Notification`] is what comes in; [`Matcher`] is what silences and routes are made of.
//!
//! ```
//! use otus_monitoring::alertmanager::{Matcher, matchers};
//! let all = matchers(r#"CheckoutP95High service=~"check.*""#).unwrap();
//! assert_eq!(all[0], Matcher::equal("alertname", "CheckoutP95High"));
//! assert!(all[1].holds(&[("service".to_owned(), "checkout".to_owned())].into()));
//! ```

mod client;
mod config;
mod error;
mod matcher;
mod notification;

pub use client::{Alertmanager, Current, NewSilence, Silence, SilenceState, Status};
pub use config::AlertmanagerConfig;
pub use error::AlertmanagerError;
pub use matcher::{Matcher, Operator, matchers};
pub use notification::{Alert, AlertState, Notification, expression};
