//! What somebody probably meant.

use crate::{
    responder::{CommandSpec, Kind},
    router::Router,
};

/// How alike two words must be, from 0 to 1, to be offered for each other.
const ALIKE: f64 = 0.55;

/// The candidates most like a word, best first.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (likeness(&word, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored
        .into_iter()
        .take(most)
        .map(|(_, candidate)| candidate)
        .collect()
}

/// From 0 to 1. What begins with what was typed (three letters or more) is nearly what was meant: `prod`, `production`.
fn likeness(word: &str, candidate: &str) -> f64 {
    let (typed, meant) = (word.chars().count(), candidate.chars().count());
    let begins = typed >= 3 && candidate.starts_with(word);
    // Words so different in length cannot be alike, and comparing costs the product of their lengths.
    let alike = typed.min(meant) as f64 >= ALIKE * typed.max(meant) as f64;
    let edits = if alike {
        strsim::normalized_damerau_levenshtein(word, candidate)
    } else {
        0.0
    };
    if begins { edits.max(0.9) } else { edits }
}

/// Commands like a line nobody understands, best first: the line with its first words put right where that is a
/// command, else the nearest command's example.
pub fn commands(line: &str, router: &Router, may: impl Fn(&CommandSpec) -> bool) -> Vec<String> {
    let line = line.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(f64, String)> = Vec::new();
    if router.respond(line).is_some_and(|(handler, _)| may(handler.spec)) {
        // Only what came after the first line was in the way.
        found.push((1.1, line.to_owned()));
    }
    for spec in router
        .commands()
        .filter(|spec| spec.kind == Kind::Respond && may(spec))
    {
        let leading = spec.leading_words();
        if leading.is_empty() {
            continue;
        }
        let count = leading.split_whitespace().count();
        let (typed, rest) = split_words(line, count);
        let score = likeness(&typed.to_lowercase(), &leading.to_lowercase());
        if score < ALIKE {
            continue;
        }
        let corrected = format!("{leading}{rest}");
        let routed = router
            .respond(&corrected)
            .is_some_and(|(handler, _)| std::ptr::eq(handler.spec, spec));
        if routed {
            found.push((score, corrected));
        } else {
            let example = spec.examples.first().copied().unwrap_or(leading);
            found.push((score - 0.2, example.to_owned()));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut commands: Vec<String> = Vec::new();
    for (_, command) in found {
        if command != line.trim() && !commands.contains(&command) || commands.is_empty() && command == line {
            commands.push(command);
        }
    }
    commands.truncate(3);
    commands
}

/// The first `count` words, and the rest with the blank before it.
fn split_words(line: &str, count: usize) -> (String, &str) {
    let mut rest = line;
    let mut words = Vec::new();
    for _ in 0..count {
        rest = rest.trim_start();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = &rest[end..];
    }
    (words.join(" "), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_best_first() {
        assert_eq!(
            nearest("prodction", ["staging", "production", "preview"], 3),
            ["production"]
        );
        assert_eq!(nearest("prod", ["staging", "production"], 3), ["production"]);
        assert_eq!(nearest("zzz", ["staging", "production"], 3), Vec::<&str>::new());
    }
}
