//! The demo's page in the browser: who speaks there, its tour, and its troubles.

use super::world::{CHANNEL, COLLEAGUE, ENVIRONMENTS, PERSON, VISITOR, World};
use anyhow::Context as _;
use otus_demo_page::{Act, Page, Person, Served, Step, Trouble};
use otus_emulators::prometheus::Effect;
use std::{net::Ipv4Addr, sync::Arc};
use tokio::net::TcpListener;

/// Serves the page on a port of this machine; 0 for a free one.
pub(super) async fn serve(world: &World, port: u16) -> anyhow::Result<Served> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("port {port} cannot be listened on; choose another with --page, or none with --no-page"))?;
    let commands = world.robot.robot().services().commands();
    let has = |word: &str| commands.iter().any(|command| command.usage.is_some_and(|usage| usage.starts_with(word)));
    let troubles = troubles(world);
    let page = Page {
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
        tour: tour(&troubles, has),
        troubles,
    };
    Ok(otus_demo_page::serve(page, listener)?)
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
        trouble("green", "Push a green build", "A commit of checkout, built and tested, goes to staging by itself", push(false)),
        trouble("crash", "Push a build that crashes", "Its checks are good, and its pods crash all the same", push(true)),
        trouble("pull", "Open a pull request", "One message tells of it, from opened to live", move || works.pull()),
        trouble("slow", "Make api slow", "Its requests take longer and longer; the next deploy cures it", move || {
            story.deploy("api", "production", "1.8.0", Effect::Slow);
            Ok("Requests to api in production take longer and longer. A deploy of another version cures it.".to_owned())
        }),
        trouble("socket", "Lose the socket", "The connection to Slack breaks; nothing that is said is lost", move || {
            slack.cut_sockets();
            Ok("The robot's connection to Slack is broken. It connects again; watch the log.".to_owned())
        }),
        trouble("limit", "Slow Slack down", "Slack refuses the next three edits for a second each", move || {
            limited.rate_limit_next("chat.update", 1, 3);
            Ok("Slack answers the next three edits with “rate limited”. The card catches up.".to_owned())
        }),
    ]
}

/// The talk's story. Steps whose commands are not there are left out.
fn tour(troubles: &[Trouble], has: impl Fn(&str) -> bool) -> Vec<Step> {
    let ann = |text: &str, until: &str| Act::say(PERSON, text, until);
    let bob = |text: &str, until: &str| Act::say(COLLEAGUE, text, until);
    let cause = |id: &str, until: &str| {
        troubles.iter().find(|trouble| trouble.id == id).map(|trouble| Act::cause(trouble, until))
    };
    let step = |title: &str, about: &str, acts: Vec<Act>| Step {
        title: title.to_owned(),
        about: about.to_owned(),
        acts,
    };
    let mut steps = vec![
        step(
            "A small deploy",
            "Small changes, often. One message tells what will happen, then what happens; everybody in the channel sees it. \
             What customers see needs a second person.",
            vec![
                ann("@otus deploy api to staging", "is live in staging").look("The card is edited as pods come up; the *Cluster* tab shows them."),
                ann("@otus deploy api to production", "Approve").look("A rule asks for an SRE. Ann cannot approve her own deploy."),
                Act::press(COLLEAGUE, "Approve", "is live in production"),
                ann("@otus status api", "1.9.0"),
            ],
        ),
        step(
            "A bad deploy, and forward",
            "A version that crashes is stopped before it takes the place of the one that runs, and is explained in seconds. There is no \
             way back: the way out is the next deploy.",
            vec![
                ann("@otus deploy web@crash to staging", "failed in staging").look("The pod, the exit code and the last log lines; the old pods still serve."),
                ann("@otus deploy web to staging", "is live in staging"),
                Act::say(VISITOR, "@otus deploy web to production", "may not").look("Vera may look, and not deploy. `why` says which rule it was."),
            ],
        ),
    ];
    if let Some(green) = cause("green", "is live in staging") {
        steps[0].acts.push(green.look("What is green goes out by itself: here checkout, from GitHub, checked."));
    }
    if let Some(crash) = cause("crash", "failed in staging") {
        steps[1].acts.push(crash.look("It was green, and crashes: staging is where that is found."));
    }
    if has("flag ") {
        steps.push(step(
            "A feature for some",
            "A deploy is not a release. Features are behind flags: for staff first, then for a quarter of the people.",
            vec![
                ann("@otus flag new-search", "new-search"),
                ann("@otus flag new-search on for 25% in production", "25"),
            ],
        ));
    }
    let _ = bob;
    if has("graph ") {
        steps.push(step(
            "A graph where one talks",
            "What changed, and when: deploys are marked, and the picture is where the conversation is.",
            vec![ann("@otus graph latency 1h for api", "Latency").look("Press the picture to see it large.")],
        ));
    }
    steps
}
