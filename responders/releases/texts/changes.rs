//! What is said about what lies between two releases.

use std::collections::BTreeMap;

use otus::markup::{bold, code, link};
use otus::{Card, Tone};
use otus_ci::github::{Commit, Pull};

use crate::between::Side;
use crate::words::{count, cut, inert, list, short};

/// What one side has that the other has not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Half {
    pub(crate) has: Side,
    pub(crate) lacks: Side,
    /// How many commits it is; perhaps more than are listed.
    pub(crate) number: usize,
    /// The oldest first, each with its merged pull request.
    pub(crate) commits: Vec<(Commit, Option<Pull>)>,
    /// The migrations among what changed, where the service has any.
    pub(crate) migrations: Option<Migrations>,
    /// Where a person can look.
    pub(crate) url: Option<String>,
}

/// Migrations between two releases, by the names of their files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Migrations {
    /// Those that are new.
    pub(crate) new: Vec<String>,
    /// Those that were there before and are not as they were: what was applied will not be what stands there.
    pub(crate) touched: Vec<String>,
    /// Whether that is all: of very many files not every one is told.
    pub(crate) all: bool,
}

/// So many commits are listed.
const LISTED: usize = 15;
/// So many migrations are named.
const MIGRATIONS: usize = 8;

/// One side, with its version.
pub(crate) fn side(side: &Side) -> String {
    match &side.environment {
        Some(environment) => format!("{} ({})", bold(environment), code(&short(&side.version))),
        None => code(&short(&side.version)),
    }
}

/// One side, in one word.
fn name(side: &Side) -> String {
    match &side.environment {
        Some(environment) => bold(environment),
        None => code(&short(&side.version)),
    }
}

/// What was released last stands for what runs.
fn unsure(from: &Side, to: &Side) -> Vec<String> {
    let of = |side: &Side| {
        let why = side.unsure.as_ref()?;
        Some(format!(
            "⚠️ What runs in {} cannot be told, so this is what was released last: {}.",
            name(side),
            why.trim_end_matches('.')
        ))
    };
    [of(from), of(to)].into_iter().flatten().collect()
}

fn with_doubts(card: Card, from: &Side, to: &Side) -> Card {
    unsure(from, to).into_iter().fold(card, Card::text)
}

/// There is no difference.
pub(crate) fn same(service: &str, from: &Side, to: &Side) -> Card {
    let card = Card::new(
        Tone::Good,
        format!("{}: {} and {} are the same", bold(service), side(from), side(to)),
    );
    with_doubts(card, from, to)
}

/// There is one, and more is not known.
pub(crate) fn unknown_difference(service: &str, from: &Side, to: &Side, why: &str) -> Card {
    let card = Card::new(
        Tone::Warning,
        format!("{}: {} and {} differ", bold(service), side(from), side(to)),
    );
    let words = format!(
        "What lies between them cannot be told: {}.",
        why.trim_end_matches('.')
    );
    with_doubts(card.text(words), from, to)
}

/// What lies between.
pub(crate) fn difference(service: &str, from: &Side, to: &Side, halves: &[Half]) -> Card {
    let title = format!("{}: from {} to {}", bold(service), side(from), side(to));
    let card = halves.iter().fold(Card::new(Tone::Neutral, title), |card, half| {
        half_texts(half).into_iter().fold(card, Card::text)
    });
    with_doubts(card, from, to)
}

fn half_texts(half: &Half) -> Vec<String> {
    let all = count(half.number, "commit");
    let all = half
        .url
        .as_deref()
        .map_or_else(|| all.clone(), |url| link(url, &all));
    let mut texts = vec![format!(
        "{} has {all} that {} has not:",
        name(&half.has),
        name(&half.lacks)
    )];
    let newest = half.commits.iter().rev().take(LISTED);
    let mut lines: Vec<String> = newest.map(|(commit, pull)| line(commit, pull.as_ref())).collect();
    let listed = lines.len();
    if half.number > listed {
        lines.push(format!("… and {} more", half.number - listed));
    }
    texts.push(lines.join("\n"));
    texts.push(authors(half));
    texts.extend(half.migrations.as_ref().and_then(migrations));
    texts
}

/// The migrations, if there are any or may be.
fn migrations(migrations: &Migrations) -> Option<String> {
    let named = |files: &[String]| {
        let mut names: Vec<String> = files
            .iter()
            .take(MIGRATIONS)
            .map(|name| code(&cut(name, 60)))
            .collect();
        if files.len() > MIGRATIONS {
            names.push(format!("{} more", files.len() - MIGRATIONS));
        }
        list(&names)
    };
    let mut sentences = Vec::new();
    if !migrations.new.is_empty() {
        let all = count(migrations.new.len(), "migration");
        sentences.push(format!("With {all}: {}.", named(&migrations.new)));
    }
    if !migrations.touched.is_empty() {
        sentences.push(format!(
            "⚠️ Not as they were when they may have been applied: {}.",
            named(&migrations.touched)
        ));
    }
    if !migrations.all {
        sentences.push(
            "There may be more migrations: so many files changed that GitHub does not list them all."
                .to_owned(),
        );
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn line(commit: &Commit, pull: Option<&Pull>) -> String {
    let sha = match &commit.url {
        Some(url) => link(url, commit.short()),
        None => code(commit.short()),
    };
    let Some(pull) = pull else {
        return format!("• {sha} {} · {}", inert(commit.subject(), 90), author(commit));
    };
    // A squashed commit's subject ends with the number already.
    let end = format!("(#{})", pull.number);
    let subject = commit.subject().trim_end().trim_end_matches(end.as_str());
    let subject = inert(subject, 90);
    format!("• {sha} {subject} ({}) · {}", numbered(pull), author(commit))
}

/// A pull request by its number.
pub(crate) fn numbered(pull: &Pull) -> String {
    let number = format!("#{}", pull.number);
    pull.url
        .as_deref()
        .map_or_else(|| number.clone(), |url| link(url, &number))
}

fn author(commit: &Commit) -> String {
    inert(commit.login.as_deref().unwrap_or(&commit.author), 40)
}

fn authors(half: &Half) -> String {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for (commit, _) in &half.commits {
        *numbers.entry(author(commit)).or_default() += 1;
    }
    let mut numbers: Vec<(String, usize)> = numbers.into_iter().collect();
    numbers.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let names: Vec<String> = numbers
        .into_iter()
        .map(|(name, number)| format!("{name} ({number})"))
        .collect();
    let of = match half.number > half.commits.len() {
        true => format!(" (of the first {})", half.commits.len()),
        false => String::new(),
    };
    format!("By {}{of}.", list(&names))
}
