//! The demo's page in the browser: who speaks there, its tour, and its troubles.

use super::{
    tour::tour,
    world::{CHANNEL, COLLEAGUE, ENVIRONMENTS, PERSON, VISITOR, World},
};
use crate::run::Instance;
use anyhow::Context as _;
use otus_demo_page::{Page, Person, Served, Trouble};
use otus_emulators::prometheus::Effect;
use std::{net::Ipv4Addr, sync::Arc};
use tokio::net::TcpListener;

/// Serves the demo's page on a port of this machine; 0 for a free one.
pub(super) async fn serve(world: &World, robot: &Instance, port: u16) -> anyhow::Result<Served> {
    let listener = listener(port, "choose another with --page, or none with --no-page").await?;
    let robot = robot.robot();
    let commands = robot.services().commands();
    let has = |word: &str| {
        commands
            .iter()
            .any(|command| command.usage.is_some_and(|usage| usage.starts_with(word)))
    };
    let mut page = page(world);
    page.tour = tour(&page.troubles, has);
    Ok(otus_demo_page::serve(page, listener)?)
}

/// A port of this machine for a page.
pub(crate) async fn listener(port: u16, else_what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("port {port} cannot be listened on; {else_what}"))
}

/// The world as a page, with neither a tour nor a bench.
pub(crate) fn page(world: &World) -> Page {
    Page {
        slack: world.slack.clone(),
        cluster: Arc::clone(&world.cluster),
        namespaces: ENVIRONMENTS.iter().rev().map(|name| (*name).to_owned()).collect(),
        channel: CHANNEL.to_owned(),
        people: [(PERSON, "developer"), (COLLEAGUE, "SRE"), (VISITOR, "visitor")]
            .map(|(name, role)| Person {
                name: name.to_owned(),
                role: role.to_owned(),
            })
            .to_vec(),
        tour: Vec::new(),
        troubles: troubles(world),
        bench: None,
    }
}

fn trouble(
    id: &'static str,
    label: &'static str,
    about: &'static str,
    cause: impl Fn() -> Result<String, String> + Send + Sync + 'static,
) -> Trouble {
    Trouble {
        id,
        label,
        about,
        cause: Arc::new(cause),
    }
}

fn troubles(world: &World) -> Vec<Trouble> {
    let (story, slack, limited) = (world.story.clone(), world.slack.clone(), world.slack.clone());
    let push = |crashes: bool| {
        let (works, cluster) = (Arc::clone(&world.works), Arc::clone(&world.cluster));
        move || works.push(&cluster, crashes)
    };
    let works = Arc::clone(&world.works);
    vec![
        trouble(
            "green",
            "Push a green build",
            "A commit of checkout, built and tested, goes to staging by itself",
            push(false),
        ),
        trouble(
            "crash",
            "Push a build that crashes",
            "Its checks are good, and its pods crash all the same",
            push(true),
        ),
        trouble(
            "pull",
            "Open a pull request",
            "One message tells of it, from opened to live",
            move || works.pull(),
        ),
        trouble(
            "slow",
            "Make api slow",
            "Its requests take longer and longer; the next deploy cures it",
            move || {
                story.deploy("api", "production", "1.8.0", Effect::Slow);
                Ok("Requests to api in production take longer and longer. A deploy of another version cures it.".to_owned())
            },
        ),
        trouble(
            "socket",
            "Lose the socket",
            "The connection to Slack breaks; nothing that is said is lost",
            move || {
                slack.cut_sockets();
                Ok("The robot's connection to Slack is broken. It connects again; watch the log.".to_owned())
            },
        ),
        trouble(
            "limit",
            "Slow Slack down",
            "Slack refuses the next three edits for a second each",
            move || {
                limited.rate_limit_next("chat.update", 1, 3);
                Ok("Slack answers the next three edits with “rate limited”. The card catches up.".to_owned())
            },
        ),
    ]
}
