//! Purpose: Grafana's dashboards: found, read in every schema, filled, asked; what draws them is elsewhere.
//!
//! ```no_run
//! # async fn example(grafana: otus_monitoring::grafana::Grafana) -> Result<(), Box<dyn std::error::Error>> {
//! use otus_monitoring::{grafana::dashboards::{Boards, Span, expand}, step::Rules};
//!
//! let boards = Boards::new(grafana);
//! let open = boards.open("node-exporter").await?;
//! let now = jiff::Timestamp::now();
//! let span = Span { start: now - jiff::SignedDuration::from_hours(1), end: now, rules: Rules::default() };
//! let (meanings, _) = open.meanings(&[], None, &span).await?;
//! for shown in expand(&open.dashboard, &meanings).0 {
//!     println!("{}: {} series", shown.title, open.fetch(&shown, &span).await?.courses.len());
//! }
//! # Ok(()) }
//! ```
//!
//! | step | where |
//! |---|---|
//! | One reader of panels: what is older is brought to today's form (`old.rs`), what is of schema v2 to classic JSON (`v2.rs`) | `classic.rs`, `panel.rs`, `look.rs` |
//! | What variables stand for, in the order they need each other | `variables.rs`, `values.rs`, `choices.rs`, `lookup.rs` |
//! | Texts with variables | `interpolate.rs` |
//! | Rows and panels repeated | `expand.rs` |
//! | Whether we draw a panel, as what, or why not | `means.rs` |
//! | Queries asked by Grafana's query API, else by its proxy; frames in the answer | `board.rs`, `asking.rs`, `api.rs`, `frames.rs` |
//! | Series with their names and looks; tables with their transformations | `course.rs`, `table.rs` |

mod api;
mod asking;
mod board;
mod choices;
mod classic;
mod course;
mod expand;
mod files;
mod frames;
mod interpolate;
mod json;
mod link;
mod look;
mod lookup;
mod means;
mod model;
mod old;
mod panel;
mod rule;
mod table;
mod v2;
mod values;
mod variables;
mod when;

pub use api::{Found, Source, Sources};
pub use board::{BoardError, Boards, Open, Results, Span};
pub use course::Course;
pub use expand::{MOST_PANELS, Shown, expand};
pub use interpolate::{Destination, Meaning, Meanings, fill};
pub use link::{Leads, Link};
pub use look::{Draw, Field, Mapping, Matcher, Mood, Override, Scale, Stacking, Step, Steps};
pub use means::{Form, Means, Why};
pub use model::{Dashboard, Panel, Place, Row, SourceRef, Target, Transformation};
pub use rule::AlertRule;
pub use table::{Item, Sheet};
pub use values::{VariableError, Wanted};
pub use variables::{Choice, Filter, Kind, Variable};
pub use when::when;
