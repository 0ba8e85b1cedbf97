//! What people read. Names are shown, never mentions, but for the one the operator may ask for.

use jiff::{SignedDuration, Timestamp};
use otus::phrase::{inert, list, moment};
use otus::{Card, Tone, UserId, markup};
use otus_ci::github::{Pull, Repository};

use crate::facts::{Facts, Light, Notes, Phase, ServiceFacts, Standing};

/// So many names of checks are listed.
const CHECKS: usize = 4;
/// So many characters of a title are shown.
const TITLE: usize = 120;

fn names(of: &[&str]) -> String {
    let mut shown: Vec<String> = of.iter().take(CHECKS).map(|name| inert(name, 60)).collect();
    if of.len() > CHECKS {
        shown.push(format!("{} more", of.len() - CHECKS));
    }
    list(&shown)
}

fn people(of: &[String]) -> String {
    let all: Vec<String> = of.iter().map(|name| inert(name, 40)).collect();
    list(&all)
}

/// `acme/api #42`, to follow.
fn called(repo: &Repository, number: u64, facts: &Facts) -> String {
    let name = format!("{repo} #{number}");
    match &facts.url {
        Some(url) => markup::link(url, &name),
        None => name,
    }
}

/// How far it is, in a word or two.
fn stage(facts: &Facts) -> (Tone, String) {
    let reds = !facts.checks_of(Light::Red).is_empty();
    match &facts.phase {
        Phase::Draft => (Tone::Neutral, "draft".to_owned()),
        Phase::Closed => (Tone::Neutral, "closed".to_owned()),
        Phase::Open if reds => (Tone::Bad, "checks failed".to_owned()),
        Phase::Open if !facts.changes_requested_by.is_empty() => {
            (Tone::Warning, "changes requested".to_owned())
        }
        Phase::Open if !facts.checks_of(Light::Pending).is_empty() => {
            (Tone::Running, "checks are running".to_owned())
        }
        Phase::Open if !facts.approved_by.is_empty() => (Tone::Good, "approved".to_owned()),
        Phase::Open => (Tone::Neutral, "waits for a review".to_owned()),
        Phase::Merged { .. } => merged(facts),
    }
}

fn merged(facts: &Facts) -> (Tone, String) {
    let places = || facts.services.iter().flat_map(|service| &service.places);
    if places().next().is_none() {
        return (Tone::Good, "merged".to_owned());
    }
    if places().any(|place| matches!(place.standing, Standing::TakenOut(_))) {
        return (Tone::Warning, "merged, and taken out again".to_owned());
    }
    let mut live: Vec<String> = Vec::new();
    for place in places().filter(|place| matches!(place.standing, Standing::Live(_))) {
        if !live.contains(&place.environment) {
            live.push(place.environment.clone());
        }
    }
    match (facts.is_over(), live.is_empty()) {
        (true, _) => (Tone::Good, format!("live in {}", list(&live))),
        (false, false) => (Tone::Running, format!("live in {}", list(&live))),
        (false, true) => (Tone::Running, "merged".to_owned()),
    }
}

fn checks(facts: &Facts) -> String {
    let (red, pending, green) = (
        facts.checks_of(Light::Red),
        facts.checks_of(Light::Pending),
        facts.checks_of(Light::Green),
    );
    let mut said = Vec::new();
    if !red.is_empty() {
        said.push(format!("{} failed", names(&red)));
    }
    if !pending.is_empty() {
        let verb = if pending.len() == 1 { "is" } else { "are" };
        said.push(format!("{} {verb} not done", names(&pending)));
    }
    if !green.is_empty() {
        said.push(match (said.is_empty(), green.len()) {
            (true, 1) => "good".to_owned(),
            (true, all) => format!("all good ({all})"),
            (false, _) => format!("{} good", green.len()),
        });
    }
    if said.is_empty() {
        return "none yet".to_owned();
    }
    said.join(" · ")
}

fn review(facts: &Facts) -> String {
    let mut said = Vec::new();
    if !facts.changes_requested_by.is_empty() {
        said.push(format!(
            "{} asked for changes",
            people(&facts.changes_requested_by)
        ));
    }
    if !facts.approved_by.is_empty() {
        said.push(format!("approved by {}", people(&facts.approved_by)));
    }
    if said.is_empty() {
        return "none yet".to_owned();
    }
    said.join(" · ")
}

/// Where it is with one service; the service is named where there are several.
fn way(service: &ServiceFacts, several: bool) -> Vec<String> {
    let of = if several {
        format!("{}: ", markup::bold(&service.name))
    } else {
        String::new()
    };
    let mut lines = Vec::new();
    match service.built {
        Some(true) => lines.push(format!("{of}image built")),
        Some(false) => lines.push(format!("{of}waits for its image")),
        None => {}
    }
    for place in &service.places {
        let environment = &place.environment;
        lines.push(match place.standing {
            Standing::NotYet => format!("{of}not in {environment} yet"),
            Standing::Coming => format!("{of}on its way to {environment}"),
            Standing::Live(since) => {
                format!(
                    "{} {of}live in {environment} since {}",
                    Tone::Good.symbol(),
                    moment(since)
                )
            }
            Standing::TakenOut(since) => format!(
                "{} {of}no longer in {environment} since {}",
                Tone::Warning.symbol(),
                moment(since)
            ),
        });
    }
    lines
}

/// The one message of a pull request.
pub(crate) fn message(repo: &Repository, number: u64, facts: &Facts) -> Card {
    let (tone, stage) = stage(facts);
    let title = format!("{}: {}", called(repo, number, facts), inert(&facts.title, TITLE));
    let mut card = Card::new(tone, title);
    let by = facts.author.as_deref().unwrap_or("somebody who is gone");
    card = card.text(format!(
        "{} · {} → {} · by {}",
        markup::bold(&stage),
        markup::code(&facts.head),
        markup::code(&facts.base),
        inert(by, 40)
    ));
    if facts.phase != Phase::Closed {
        card = card.field("Checks", checks(facts)).field("Review", review(facts));
    }
    if let Phase::Merged { at, sha } = &facts.phase {
        let into = markup::code(&facts.base);
        let what = match sha {
            Some(sha) => format!(
                "Merged into {into} as {}",
                markup::code(sha.get(..7).unwrap_or(sha))
            ),
            None => format!("Merged into {into}"),
        };
        let mut lines = vec![format!("{what}, {}", moment(*at))];
        let several = facts.services.len() > 1;
        lines.extend(facts.services.iter().flat_map(|service| way(service, several)));
        card = card.text(lines.join("\n"));
    }
    card
}

/// What stands in its thread, if anything: links to what failed, who asked for changes, how much was commented. Once it is there it
/// stays, and says that all is well now.
pub(crate) fn detail(facts: &Facts, mention: Option<&UserId>, there: bool) -> Option<String> {
    let mut lines = Vec::new();
    for (name, check) in facts.checks.iter().filter(|(_, check)| check.state == Light::Red) {
        let name = inert(name, 80);
        let name = match &check.url {
            Some(url) => markup::link(url, &name),
            None => name,
        };
        lines.push(format!(
            "{} {name}: {}",
            Tone::Bad.symbol(),
            inert(&check.said.replace('_', " "), 40)
        ));
    }
    if !facts.changes_requested_by.is_empty() {
        lines.push(format!(
            "{} asked for changes",
            people(&facts.changes_requested_by)
        ));
    }
    match facts.comments {
        0 => {}
        1 => lines.push("1 comment in the reviews".to_owned()),
        many => lines.push(format!("{many} comments in the reviews")),
    }
    if lines.is_empty() {
        return there.then(|| format!("{} Nothing is in its way any more.", Tone::Good.symbol()));
    }
    lines.insert(
        0,
        format!(
            "At {}:",
            markup::code(facts.head_sha.get(..7).unwrap_or_default())
        ),
    );
    if let Some(user) = mention {
        lines.insert(0, markup::user(user));
    }
    Some(lines.join("\n"))
}

/// What the author is told, once.
pub(crate) fn live(repo: &Repository, number: u64, facts: &Facts, places: &[(&str, &str)]) -> String {
    let places: Vec<String> = places
        .iter()
        .map(|(service, environment)| format!("{} with {service}", markup::bold(environment)))
        .collect();
    format!(
        "Your change {} ({}) is live in {}. If you do not want to be told, say {}.",
        called(repo, number, facts),
        inert(&facts.title, TITLE),
        list(&places),
        markup::code("pulls mute")
    )
}

/// All about one.
pub(crate) fn whole(repo: &Repository, number: u64, facts: &Facts) -> Card {
    let mut card = message(repo, number, facts);
    if let Some(detail) = detail(facts, None, false) {
        card = card.text(detail);
    }
    card.footer(format!(
        "opened {}, last changed {}",
        moment(facts.created),
        moment(facts.updated)
    ))
}

fn age(since: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(since).max(SignedDuration::ZERO).as_mins();
    match minutes {
        0..60 => format!("{minutes} min"),
        60..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1_440),
    }
}

fn counted(number: usize, most: usize) -> String {
    match number {
        1 => "1 open pull request".to_owned(),
        many if many > most => format!("The newest {most} open pull requests"),
        many => format!("{many} open pull requests"),
    }
}

/// The open ones of a repository, each with how it stands, as far as that is kept.
pub(crate) fn open(
    repo: &Repository,
    open: &[Pull],
    most: usize,
    kept: &[(u64, Notes)],
    now: Timestamp,
) -> Card {
    if open.is_empty() {
        return Card::new(Tone::Good, format!("{repo} has no open pull requests"));
    }
    let lines: Vec<String> = open
        .iter()
        .take(most)
        .map(|pull| {
            let number = format!("#{}", pull.number);
            let number = match &pull.url {
                Some(url) => markup::link(url, &number),
                None => number,
            };
            let facts = kept.iter().find(|(known, _)| *known == pull.number);
            let stage = match facts.and_then(|(_, notes)| notes.facts.as_ref()) {
                Some(facts) => stage(facts).1,
                None if pull.draft => "draft".to_owned(),
                None => "open".to_owned(),
            };
            let by = pull.author.as_deref().unwrap_or("somebody who is gone");
            format!(
                "{number} {} · {stage} · {} · {}",
                inert(&pull.title, 80),
                inert(by, 40),
                age(pull.created_at, now)
            )
        })
        .collect();
    Card::new(Tone::Neutral, format!("{} in {repo}", counted(open.len(), most))).text(lines.join("\n"))
}

/// Who asked is not told of their changes any more.
pub(crate) fn muted() -> String {
    format!(
        "I do not tell you any more when your changes are live. {} takes that back.",
        markup::code("pulls unmute")
    )
}

/// They are again.
pub(crate) fn unmuted() -> String {
    "I tell you when your changes are live.".to_owned()
}

/// There is no GitHub.
pub(crate) fn no_github() -> String {
    format!(
        "I do not know GitHub: whoever runs me can set {}.",
        markup::code("[github]")
    )
}

/// GitHub does not tell.
pub(crate) fn not_asked(why: &str) -> String {
    format!("I cannot tell: {}.", markup::clean(why).trim_end_matches('.'))
}

/// There is none of this number.
pub(crate) fn unknown(repo: &Repository, number: u64) -> String {
    format!("{repo} has no pull request #{number}, or I may not see it.")
}

/// There is no such repository.
pub(crate) fn no_such_repository(named: &str, known: &[String]) -> String {
    let named = markup::code(named);
    if known.is_empty() {
        return format!("I know no repository {named}: no service has one.");
    }
    format!("I know no repository {named}. I know {}.", list(known))
}

/// Which one is meant?
pub(crate) fn which_repository(known: &[String]) -> String {
    if known.is_empty() {
        return format!(
            "I know no repository: whoever runs me can set {} below {}.",
            markup::code("repository"),
            markup::code("[services.…]")
        );
    }
    format!("Which repository? I know {}.", list(known))
}
