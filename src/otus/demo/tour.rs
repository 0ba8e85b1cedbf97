//! The tour of the demo's page: the story of moving fast without breaking things, step by step.

use super::{
    shop::EXPERIMENT,
    world::{COLLEAGUE, PERSON, VISITOR},
};
use otus_demo_page::{Act, Step, Trouble};

/// The steps. Those whose commands this program does not have are left out.
pub(super) fn tour(troubles: &[Trouble], has: impl Fn(&str) -> bool) -> Vec<Step> {
    let cause = |id: &str, until: &str| {
        let found = troubles.iter().find(|trouble| trouble.id == id);
        found.map(|trouble| Act::cause(trouble, until))
    };
    let steps = [
        ("deploy", small(cause("green", "is live in staging"))),
        ("deploy", bad(cause("crash", "failed in staging"))),
        ("flag ", flag()),
        ("migrate", migration()),
        ("experiment", experiment()),
        (
            "graph",
            graph(cause("slow", "HighLatency").filter(|_| has("alerts"))),
        ),
    ];
    let there = |(command, step): (&str, Step)| has(command).then_some(step);
    steps.into_iter().filter_map(there).collect()
}

fn step(title: &str, about: &str, acts: impl IntoIterator<Item = Act>) -> Step {
    Step {
        title: title.to_owned(),
        about: about.to_owned(),
        acts: acts.into_iter().collect(),
    }
}

fn ann(text: &str, until: &str) -> Act {
    Act::say(PERSON, text, until)
}

fn small(green: Option<Act>) -> Step {
    let by_hand = [
        ann("@otus deploy api to staging", "is live in staging")
            .look("The card is edited as pods come up; the *Cluster* tab shows them."),
        ann("@otus deploy api to production", "Approve")
            .look("A rule asks for an SRE. Ann cannot approve her own deploy."),
        Act::press(COLLEAGUE, "Approve", "is live in production"),
    ];
    let green = green.map(|act| {
        act.look("What is green goes out by itself: checkout is pushed, checked, built, deployed.")
    });
    step(
        "A small deploy",
        "Small changes, often. One message tells what will happen, then what happens; everybody sees it. What customers see needs a \
         second person.",
        by_hand.into_iter().chain(green),
    )
}

fn bad(crash: Option<Act>) -> Step {
    let by_hand = [
        ann("@otus deploy web@crash to staging", "failed in staging")
            .look("The pod, the exit code and the last log lines. The old pods still serve."),
        ann("@otus deploy web to staging", "is live in staging")
            .look("There is no way back; this is the way out."),
        Act::say(VISITOR, "@otus deploy web to production", "I won't do")
            .look("Vera may look at everything, and change nothing."),
    ];
    let crash =
        crash.map(|act| act.look("It was green, and crashes all the same: that is what staging is for."));
    step(
        "A bad deploy, and forward",
        "A version that crashes is stopped before it takes the place of the one that runs, and is explained in seconds.",
        by_hand.into_iter().chain(crash),
    )
}

fn flag() -> Step {
    step(
        "A feature for some",
        "A deploy is not a release. Features are behind flags: off when they go out, then on for staff, then for a quarter of the people.",
        [
            ann(
                "@otus flag create quick-pay: pays with one press",
                "quick-pay is there",
            )
            .look("It is off for everybody: the code behind it can go out, and nobody sees a difference."),
            ann(
                "@otus flag quick-pay on for staff in production",
                "is on for staff",
            )
            .look("Applications and open browsers are told at once."),
            ann("@otus flag quick-pay on for 25% in production", "is on for 25")
                .look("A step at most so large needs nobody else; more is approved by an SRE."),
        ],
    )
}

fn migration() -> Step {
    step(
        "A migration that only adds",
        "What adds something runs while everything goes on. What takes something away is four deploys apart; who still uses a column \
         only PostgreSQL can tell, and the demo's database is SQLite.",
        [
            ann("@otus migrations pending worker in staging", "0002_reserved.sql"),
            ann("@otus migrate worker in staging", "is migrated"),
            ann(
                "@otus contract drop stock.old_pieces because nobody reads it",
                "PostgreSQL",
            )
            .look(
                "With PostgreSQL: first nobody reads it, then nobody writes it, then it waits, then it goes.",
            ),
        ],
    )
}

fn experiment() -> Step {
    step(
        "An experiment",
        "Risky code is replaced by running old and new side by side on real requests, and comparing. An application beside this page \
         does so right now.",
        [
            ann(&format!("@otus experiment {EXPERIMENT}"), "matched")
                .look("Faster, and wrong now and then: where it differs is told."),
            ann(&format!("@otus experiment {EXPERIMENT} set 10%"), "runs on 10 %"),
        ],
    )
}

fn graph(slow: Option<Act>) -> Step {
    let about = "What changed, and when: deploys are marked, and the picture is where the conversation is.";
    let asked = ann("@otus graph latency 1h for api", "Latency").look("Press the picture to see it large.");
    match slow {
        None => step("A graph where one talks", about, [asked]),
        Some(slow) => step(
            "An alert with its graph",
            about,
            [
                asked,
                slow.look("An alert comes to the channel with the graph that shows it. It takes a minute."),
            ],
        ),
    }
}
