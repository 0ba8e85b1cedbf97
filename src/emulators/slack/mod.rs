//! A stateful Slack on loopback: Web API, Socket Mode, Events API, files, modals, rate limits, faults.
//!
//! It speaks plain HTTP and `ws://`, and enforces what Slack enforces, so that an app which works here was
//! tested against the real protocol. Start one in a test, point the app at [`Workspace::api_url`], let people
//! talk, and wait for what should happen:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use otus_emulators::slack::{Options, Workspace};
//!
//! let slack = Workspace::start(Options::default()).await?;
//! println!("api {} bot token {}", slack.api_url(), slack.bot_token());
//! // … start the app …
//! let asked = slack.say("ann", "#deploys", "@otus ping")?;
//! let answer = slack.wait_for(Duration::from_secs(5), |world| {
//!     world.replies(asked).find(|m| m.from_app).map(|m| m.text.clone())
//! }).await?;
//! assert_eq!(answer, "pong");
//! # Ok(()) }
//! ```
//!
//! # From another process
//!
//! The same verbs are under `/emulator/`: JSON in, JSON out. What cannot be done is answered 422 with `{"error": "…"}`.
//!
//! | request | does |
//! |---|---|
//! | `GET /emulator/info` | urls, tokens, signing secret, team, users, channels |
//! | `POST /emulator/say` `{user, channel, text, thread?}` | says it; `{ts}` |
//! | `POST /emulator/dm` `{user, text}` | says it to the bot alone; `{ts}` |
//! | `POST /emulator/edit` `{ts, text}`, `/delete` `{ts}` | changes or deletes a message |
//! | `POST /emulator/react` `{user, ts, name, remove?}` | reacts |
//! | `POST /emulator/slash` `{user, channel, command, text}` | `{interaction}` |
//! | `POST /emulator/click` `{user, ts, button, choice?}` | clicks, or chooses in a menu; `{interaction}` |
//! | `POST /emulator/submit` `{user, values}` | submits the open modal; `{interaction}` |
//! | `POST /emulator/click_in_view` `{user, button, choice?}`, `/close_view` `{user}` | in the open modal |
//! | `GET /emulator/interaction/<id>` | who, what, and how the app took it |
//! | `GET /emulator/messages?channel=` | every message, with its earlier texts |
//! | `GET /emulator/view?user=` | the modal the person sees |
//! | `GET /emulator/files`, `/emulator/files/<id>` | what was uploaded; the bytes |
//! | `GET /emulator/events?after=N&wait=ms&limit=` | the journal after entry N, waiting until there is one; each message entry with the message as it is now |
//! | `GET /emulator/stats`, `/emulator/sockets` | counts and ack latencies; open sockets |
//! | `POST /emulator/rotate`, `/cut`, `/close`, `/mute`, `/freeze` | to all sockets |
//! | `POST /emulator/disconnect` `{reason}` | sends that `disconnect` on all sockets, and closes them |
//! | `POST /emulator/redeliver` `{event_id}`, `/duplicates` `{on}` | delivers again; delivers all twice |
//! | `POST /emulator/rate_limit` `{method, retry_after?, times?}` | the next calls are answered 429 |
//! | `POST /emulator/fault` `{method, fault, times?}`, `/socket_fault` `{fault, times?}`, `/clear_faults` | orders failures; see [`Fault`], [`SocketFault`] |
//! | `POST /emulator/auth_error` `{code?}` | every call fails with this code, until `null` |
//! | `POST /emulator/strict` `{on}` | Slack's rate limits on or off |
//! | `POST /emulator/request_url` `{url}` | verifies it, and from then on delivers over HTTP |
//! | `POST /emulator/user` `{name}`, `/channel` `{name, private?}`, `/group` `{handle, users}`, `/join`, `/leave` `{user, channel}` | makes them |
//! | `POST /emulator/event` `{…}` | delivers any event; `{event_id}` |

mod args;
mod block_elements;
mod blocks;
mod channel;
mod control;
mod delivery;
mod elements;
mod envelope;
mod error;
mod faults;
mod file;
mod files_http;
mod http_events;
mod ids;
mod interact;
mod journal;
mod limits;
mod message;
mod methods;
mod modal;
mod multipart;
mod options;
mod people;
mod response_url;
mod server;
mod socket;
mod state;
mod text;
mod trouble;
mod ts;
mod view;
mod watch;
pub(crate) mod wire;
mod workspace;
mod world;

pub use channel::{Channel, Kind};
pub use delivery::SocketView;
pub use error::Refused;
pub use faults::{Fault, SocketFault};
pub use file::File;
pub use interact::{Action, Interaction, InteractionId, Outcome};
pub use journal::{Call, Entry, Sent, Stats, What};
pub use message::{Edited, Message, Reaction, Revision};
pub use options::Options;
pub use ts::{NotATimestamp, Ts};
pub use watch::Waited;
pub use workspace::Workspace;
pub use world::{App, Group, Team, User, World};
