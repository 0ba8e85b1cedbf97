//! Where the demo's `checkout` is made: an emulated GitHub and a container registry. What is pushed there and green goes to staging by
//! itself.

use otus_emulators::{
    github::{Conclusion, GitHub, Refused, Repository},
    kubernetes::{Behaviour, Cluster},
    registry::Registry,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The service that is made here.
pub(super) const SERVICE: &str = "checkout";
const REPOSITORY: &str = "shop/checkout";
const SECRET: &str = "a secret that only the demo knows";
const CHECKS: [&str; 2] = ["build", "test"];
/// What image belongs to which commit (opencontainers/image-spec, annotations).
const REVISION: &str = "org.opencontainers.image.revision";

/// What commits are about, one after the other.
const CHANGES: [&str; 6] = [
    "Answer with the total first",
    "Ask the stock once, not twice",
    "Round cents as the law says",
    "Say which field is wrong",
    "Keep the cart for a week",
    "Show the delivery day",
];

/// GitHub, the registry, and what is in them.
#[derive(Debug)]
pub(super) struct Works {
    github: GitHub,
    repository: Repository,
    registry: Registry,
    /// The commit that runs at first, and its image by digest.
    pub(super) first: (String, String),
    pushed: AtomicUsize,
}

impl Works {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let github = GitHub::start().await?;
        let repository = github.repository(REPOSITORY)?;
        let registry = Registry::start().await?;
        let sha = repository.commit("main", "Take the money")?;
        let image = registry.push(REPOSITORY, &sha, &[(REVISION, &sha)]);
        for check in CHECKS {
            repository.check(&sha, check, Conclusion::Success)?;
        }
        Ok(Self {
            github,
            repository,
            registry,
            first: (sha, image),
            pushed: AtomicUsize::new(0),
        })
    }

    /// What the robot has to know of it; `channel` and `author` are ids in Slack.
    pub(super) fn settings(&self, channel: &str, author: &str) -> String {
        let host = self.registry.host();
        format!(
            "[github]\napi_url = \"{}\"\ntoken = \"{}\"\nretry_pause = \"100ms\"\n\
             [registries.\"{host}\"]\nplain_http = true\n\
             [services.{SERVICE}]\nimage = \"{host}/{REPOSITORY}\"\nrepository = \"{REPOSITORY}\"\nchecks = [\"build\", \"test\"]\n\
             [responders.pipeline]\nreconcile = \"5s\"\n\
             [responders.pipeline.hooks.github]\nscheme = \"github\"\nsecrets = [\"{SECRET}\"]\n\
             [responders.autodeploy]\nchannel = \"{channel}\"\nlook = \"2s\"\n\
             [responders.pulls]\nwait = \"200ms\"\n\
             [responders.pulls.channels]\n\"{REPOSITORY}\" = \"{channel}\"\n\
             [responders.pulls.people]\noctocat = \"{author}\"\n",
            self.github.url(),
            self.github.token(),
        )
    }

    /// Tells the robot, which listens there, of everything from now on.
    pub(super) fn tell(&self, robot: SocketAddr) -> anyhow::Result<()> {
        self.repository
            .hook(&format!("http://{robot}/hooks/github"), SECRET, &[])?;
        Ok(())
    }

    /// A commit on main, its image, and its checks that end well. When it crashes, no check noticed.
    pub(super) fn push(&self, cluster: &Cluster, crashes: bool) -> Result<String, String> {
        let nth = self.pushed.fetch_add(1, Ordering::Relaxed);
        let change = CHANGES[nth % CHANGES.len()];
        let pushed = || -> Result<String, Refused> {
            let sha = self.repository.commit("main", change)?;
            let image = self.registry.push(REPOSITORY, &sha, &[(REVISION, &sha)]);
            if crashes && let Some((_, digest)) = image.split_once('@') {
                let log = "panic: the tax table is empty".to_owned();
                cluster.behave(digest, Behaviour::CrashLoop { exit_code: 101, log });
            }
            for check in CHECKS {
                self.repository.check(&sha, check, Conclusion::Success)?;
            }
            Ok(sha)
        };
        let sha = pushed().map_err(|refused| refused.to_string())?;
        Ok(format!(
            "“{change}” ({}) is on main, built and green. It goes to staging by itself.",
            &sha[..7]
        ))
    }

    /// A branch with a commit, and a pull request of it whose checks are good.
    pub(super) fn pull(&self) -> Result<String, String> {
        let nth = self.pushed.fetch_add(1, Ordering::Relaxed);
        let change = CHANGES[nth % CHANGES.len()];
        let branch = format!("change-{}", nth + 1);
        let opened = || -> Result<u64, Refused> {
            let main = self.repository.sha("main")?;
            self.repository.set_branch(&branch, &main)?;
            let commits = self.repository.push(&branch, "octocat", &[change])?;
            let number = self.repository.open_pull(change, "octocat", &branch, "main")?;
            for check in commits.iter().flat_map(|sha| CHECKS.map(|check| (sha, check))) {
                self.repository.check(check.0, check.1, Conclusion::Success)?;
            }
            Ok(number)
        };
        let number = opened().map_err(|refused| refused.to_string())?;
        Ok(format!(
            "{REPOSITORY} #{number}, “{change}”, is open. Its message is kept up to date."
        ))
    }
}

/// As the page's buttons need it.
pub(super) type Shared = Arc<Works>;
