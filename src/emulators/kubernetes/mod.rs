//! A stateful Kubernetes on loopback: the API server, the controllers behind it, and kubelets that make pods fare as
//! their images ask.
//!
//! It speaks plain HTTP, so that kube-rs and `kubectl` work with it unchanged. Objects merge, conflict, count up
//! generations and roll out as on a real cluster; only time passes faster, as [`Timing`] says. Start one in a test:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use otus_emulators::kubernetes::{Behaviour, Cluster, Options};
//!
//! let cluster = Cluster::start(Options::default()).await?;
//! cluster.deployment("shop", "api", "registry.test/shop/api:1.0", 3).await?;
//! cluster.behave("shop/api:2.0", Behaviour::CrashLoop { exit_code: 1, log: "no database".into() });
//! cluster.write_kubeconfig("kubeconfig")?;
//! # Ok(()) }
//! ```
//!
//! # Behaviours without code
//!
//! A word of an image's tag chooses its behaviour too, so that the demo and other processes need no call: `slow`,
//! `crash`, `crashlater`, `oom`, `missing`, `badconfig`, `unschedulable`, `hang`, `quota`, `evicted`, as in
//! `shop/api:2.0-crash`. Where an image is given by its digest alone, the words of the pod's label
//! `app.kubernetes.io/version` count.
//!
//! # From another process
//!
//! JSON in, JSON out; what cannot be done is answered 422 with `{"error": "…"}`.
//!
//! | request | does |
//! |---|---|
//! | `GET /emulator/objects?kind=&namespace=` | all objects of a kind |
//! | `GET /emulator/requests` | the last requests: `{method, path, status}` |
//! | `GET /emulator/behaviours` | what was said about images |
//! | `POST /emulator/behave` `{image, behaviour}` | as [`Cluster::behave`]; `{"kind": "crash_loop", "exit_code": 1, "log": "…"}`; see [`Behaviour`] |
//! | `POST /emulator/fault` `{fault, times?, method?, path?}` | as [`Cluster::fault_on`]; `{"kind": "status", "code": 503}`; see [`Fault`] |
//! | `POST /emulator/release` | lets go on what the fault `hold` holds |
//! | `POST /emulator/clear_faults` | no more faults |
//! | `POST /emulator/deny` `{verb?, resource?, namespace?}`, `/allow_all` | denies something; allows everything again |
//! | `POST /emulator/account` `{namespace, name}` | as [`Cluster::account_token`]; `{token}` |
//! | `POST /emulator/cut_watches` | breaks open watches |
//! | `POST /emulator/compact` | forgets history: older watches are 410 Gone |
//! | `POST /emulator/seed` (a manifest, JSON or YAML) | creates its objects; `{created}` |
//!
//! # Who may do what
//!
//! Everything is allowed, until a test [denies](Cluster::deny) it. A service account that asks with a
//! [token of its own](Cluster::account_token) may do what Roles, ClusterRoles and their bindings in the cluster allow it, as may
//! whoever is impersonated (`kubectl --as`); access reviews say the same. [`Cluster::uses`] tells what of it was needed.
//!
//! # What it is not
//!
//! There are no schemas: unknown fields are kept as they are, and of known ones only what rollouts depend on is
//! checked. There are the kinds a rollout needs, and those a program is installed with, as `kubectl api-resources` lists them, and of custom ones the Rollout of Argo Rollouts, with steps of weights and pauses. Exec, attach and port-forward are not
//! served, nor bodies in protobuf but the smallest.

mod access;
mod acts;
mod answers;
mod behaviour;
mod cluster;
mod control;
mod controllers;
mod defaults;
mod delete;
mod discovery;
mod events;
mod faults;
mod fields;
mod logs;
mod managed;
mod patch;
mod paths;
mod protobuf;
mod rbac;
mod resources;
mod rest;
mod routes;
mod schema;
mod seed;
mod selectors;
mod server;
mod shape;
mod status;
mod store;
mod tables;
mod timing;
mod validate;
mod value;
mod watch;
mod write;

pub use access::Denial;
pub use behaviour::Behaviour;
pub use cluster::{Cluster, Error, Options, View, Waited};
pub use faults::Fault;
pub use rbac::Use;
pub use server::Asked;
pub use timing::Timing;
