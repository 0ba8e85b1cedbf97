//! Purpose: what was released, what lies between two releases, where a change is, what runs that nobody released, and how
//! well all that goes.
//!
//! Reads only, but for `adopt`, which records what runs as a release and touches no cluster. What counts in the statistics
//! is a pure function in `dora`; what a comparison of commits says comes from the service's repository, and where there is
//! none, the answer says so.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod adopt;
mod between;
mod dora;
mod draw;
mod drift;
mod find;
mod history;
mod people;
mod place;
mod source;
mod stats;
mod texts;
mod when;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use otus::Services;
use otus::operations::{Action, Ending, Plan, Run};
use otus::prelude::*;
use serde_json::Value;

/// The kind of operation an adoption is, as rows have it.
pub(crate) const ADOPT: &str = "adopt";

/// Releases: their history, their differences, their statistics.
#[derive(Debug, Default)]
pub struct Releases;

/// Recording what runs as a release.
struct Adopt;

#[async_trait]
impl Action for Adopt {
    fn kind(&self) -> &'static str {
        ADOPT
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        adopt::plan(services, ask).await
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        adopt::apply(run).await
    }
}

/// Tells what was released, and how well that goes.
#[responder(name = "releases", needs = "files")]
impl Releases {
    /// Lists releases, the newest first.
    ///
    /// Without anything else: the last one of every service in every environment. `since` takes `yesterday`, `3d`, `2 weeks`
    /// or a date.
    #[respond(
        r"^releases(?: (?:of |for )?(?<service>\S+))??(?: (?:in|to) (?<environment>\S+))?(?: last (?<n>\d{1,4}))?(?: since (?<when>\S.*?))?(?: before (?<before>\S.*?))?$",
        usage = "releases [<service>] [in <environment>] [last <n>] [since <when>]",
        example = "releases",
        example = "releases api in production",
        example = "releases api last 20",
        example = "releases in production since yesterday"
    )]
    async fn releases(
        &self,
        cx: Context,
        service: Option<Service>,
        environment: Option<Environment>,
        n: Option<u32>,
        when: Option<String>,
        before: Option<String>,
    ) -> Result {
        let ask = history::Ask {
            service,
            environment,
            last: n,
            since: when,
            before,
        };
        history::releases(&cx, ask).await
    }

    /// Says what lies between two environments, or two versions: commits, authors, pull requests, migrations.
    #[respond(
        r"^diff (?<service>\S+) (?<from>\S+?)(?:\.\.\.?| to | )(?<to>[^\s.]\S*)$",
        usage = "diff <service> <from>..<to>",
        example = "diff api staging..production",
        example = "diff api staging production",
        example = "diff api v1.4.1..v1.4.2"
    )]
    async fn diff(&self, cx: Context, service: Service, from: String, to: String) -> Result {
        between::diff(&cx, service, [&from, &to]).await
    }

    /// Says which environments have a commit, a pull request or a version, and why the others have not.
    #[respond(
        r"^where(?: is|'s|s) (?<what>#?[\w][\w.:@+/-]*)(?: (?:of|from) (?<service>\S+))?$",
        usage = "where is <what> [of <service>]",
        example = "where is #42",
        example = "where is 4f2a91c of api",
        example = "where is v1.4.2"
    )]
    async fn find(&self, cx: Context, what: String, service: Option<Service>) -> Result {
        find::find(&cx, &what, service).await
    }

    /// Says where something else runs than what I deployed last, and who set it.
    #[respond(
        r"^drift(?: (?:of )?(?<service>\S+))?$",
        usage = "drift [<service>]",
        example = "drift",
        example = "drift api"
    )]
    async fn drift(&self, cx: Context, service: Option<Service>) -> Result {
        drift::drift(&cx, service).await
    }

    /// Records what runs as a release, when somebody else set it.
    ///
    /// Changes nothing in the cluster: from then on it is what I take for released.
    #[respond(
        r"^adopt (?<service>\S+) in (?<environment>\S+)$",
        usage = "adopt <service> in <environment>",
        example = "adopt api in production",
        role = "deployer",
        effect = "operation"
    )]
    async fn adopt(&self, cx: Context, service: Service, environment: Environment) -> Result {
        let ask = adopt::Wanted {
            service: service.name,
            environment: environment.name,
        };
        cx.propose(ADOPT, ask).await
    }

    /// Tells how often, how fast and how well things go out, and draws it.
    ///
    /// Deploys a day, the time from commit to live, the share of changes that failed, the time to recover. Without an
    /// environment: of the last ones, production mostly.
    #[respond(
        r"^stats(?: (?:of |for )?(?<service>\S+))??(?: in (?<environment>\S+))?(?: (?:last |over )?(?<span>\d+ ?(?:d|w|days?|weeks?)))?$",
        usage = "stats [<service>] [in <environment>] [last <span>]",
        example = "stats",
        example = "stats api last 90d",
        example = "stats in staging last 2 weeks"
    )]
    async fn stats(
        &self,
        cx: Context,
        service: Option<Service>,
        environment: Option<Environment>,
        span: Option<String>,
    ) -> Result {
        stats::stats(&cx, service, environment, span.as_deref()).await
    }

    /// What it can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Adopt)]
    }
}
