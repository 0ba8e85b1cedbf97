//! What one can add to every command that changes something: `--plan`, `--queue`, `because <reason>`.
//!
//! They are taken off the end of a line before it is matched, and never out of the middle of it or out of quotes:
//! whatever a line says elsewhere is the command's own.

use serde::{Deserialize, Serialize};

/// What was added to a command, taken off its line before the line is matched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// `--plan`: show what would change, and stop.
    pub plan: bool,
    /// `--queue`: if something is in the way, wait for it.
    pub queue: bool,
    /// `because <reason>`: why.
    pub reason: Option<String>,
}

const PLAN: &str = "--plan";
const QUEUE: &str = "--queue";
/// What the button of a confirmation adds to its command: which confirmation it is.
const CONFIRMED: &str = "--confirmed=";
const BECAUSE: &str = "because";

impl Options {
    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A command with these options, as one would say it: for a button, for saying it again. A reason that the command
    /// ends in already is not said twice.
    pub fn on(&self, command: &str) -> String {
        let mut line = command.to_owned();
        for (given, flag) in [(self.plan, PLAN), (self.queue, QUEUE)] {
            if given {
                line.push(' ');
                line.push_str(flag);
            }
        }
        if let Some(reason) = &self.reason {
            let because = format!(" {BECAUSE} {reason}");
            if !command.ends_with(&because) {
                line.push_str(&because);
            }
        }
        line
    }

    /// Adds what was found elsewhere on the same line.
    pub(crate) fn join(&mut self, other: Self) {
        self.plan |= other.plan;
        self.queue |= other.queue;
        self.reason = self.reason.take().or(other.reason);
    }
}

/// A line without the flags at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bare<'a> {
    /// The rest of it.
    pub(crate) line: &'a str,
    /// The flags.
    pub(crate) options: Options,
    /// The confirmation that this is, if its button added one.
    pub(crate) confirmed: Option<&'a str>,
}

/// Takes the flags off the end of a line.
pub(crate) fn without_flags(line: &str) -> Bare<'_> {
    let mut bare = Bare {
        line: line.trim_end(),
        ..Bare::default()
    };
    while let Some(at) = bare.line.rfind(char::is_whitespace) {
        // `at` is where a whitespace character begins, and a flag holds none, so the last word is all that follows it.
        let word = bare.line[at..].trim_start();
        if let Some(id) = word.strip_prefix(CONFIRMED) {
            // No person types this, so a quote that was never closed does not hide it.
            bare.confirmed = Some(id);
        } else if !word.starts_with("--") || in_quotes(&bare.line[..at]) {
            break;
        } else if word.eq_ignore_ascii_case(PLAN) {
            bare.options.plan = true;
        } else if word.eq_ignore_ascii_case(QUEUE) {
            bare.options.queue = true;
        } else {
            break;
        }
        bare.line = bare.line[..at].trim_end();
    }
    bare
}

/// A command as the button of its confirmation carries it.
pub(crate) fn confirmed(command: &str, options: &Options, id: &str) -> String {
    let whole = options.on(command);
    let own = Options {
        reason: None,
        ..options.clone()
    };
    if whole == own.on(command) {
        format!("{whole} {CONFIRMED}{id}")
    } else {
        // Before the reason, which is whatever comes after it.
        options.on(&format!("{command} {CONFIRMED}{id}"))
    }
}

/// How many times a line may say "because" and still be looked at.
const MOST: usize = 8;

/// The ways to take a reason off the end of a line, the longest reason first: the command before it, and the reason.
pub(crate) fn reasons(line: &str) -> Vec<(&str, &str)> {
    // Lower case in ASCII alone keeps every character where it is.
    let lower = line.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in lower.match_indices(BECAUSE).take(MOST) {
        let (before, after) = (&line[..at], &line[at + BECAUSE.len()..]);
        let alone = before.ends_with(char::is_whitespace) && after.starts_with(char::is_whitespace);
        let command = before.trim_end();
        let command = command.strip_suffix(',').unwrap_or(command).trim_end();
        let reason = after.trim();
        if alone && !command.is_empty() && !reason.is_empty() && !in_quotes(before) {
            found.push((command, reason));
        }
    }
    found
}

/// Whether what comes after this text stands in quotes, or in code, that it opens.
fn in_quotes(text: &str) -> bool {
    let mut open = None;
    for c in text.chars().filter(|c| matches!(c, '"' | '`')) {
        open = match open {
            None => Some(c),
            Some(quote) if quote == c => None,
            other => other,
        };
    }
    open.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn options(plan: bool, queue: bool, reason: Option<&str>) -> Options {
        Options {
            plan,
            queue,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn flags_come_off_the_end_and_from_nowhere_else() {
        let bare = without_flags("deploy api --plan --QUEUE");
        assert_eq!(
            (bare.line, bare.options),
            ("deploy api", options(true, true, None))
        );
        for line in [
            "deploy --plan api",
            "echo \"deploy api --plan\"",
            "echo \"deploy api --plan",
            "echo `a --plan`",
            "deploy api --plans",
            "--plan",
            "deploy api--plan",
        ] {
            assert_eq!(
                without_flags(line),
                Bare {
                    line,
                    ..Bare::default()
                }
            );
        }
        let bare = without_flags("echo \"--plan\" --plan");
        assert_eq!((bare.line, bare.options.plan), ("echo \"--plan\"", true));
    }

    #[test]
    fn a_confirmation_stands_where_it_comes_off_again() {
        let because = options(false, true, Some("`x"));
        assert_eq!(
            confirmed("deploy api", &because, "0a1b"),
            "deploy api --confirmed=0a1b --queue because `x"
        );
        let line = confirmed("lock api because `x", &because, "0a1b");
        assert_eq!(line, "lock api because `x --queue --confirmed=0a1b");
        assert_eq!(without_flags(&line).confirmed, Some("0a1b"));
        let line = confirmed("pause", &Options::default(), "0a1b");
        let bare = without_flags(&line);
        assert_eq!((bare.line, bare.confirmed), ("pause", Some("0a1b")));
    }

    #[test]
    fn a_reason_comes_off_the_end_the_longest_first() {
        assert_eq!(
            reasons("deploy api, Because it broke because of me"),
            [
                ("deploy api", "it broke because of me"),
                ("deploy api, Because it broke", "of me")
            ]
        );
        for line in [
            "because of you",
            "deploy api because",
            "deploy api because ",
            "echo \"this because that\"",
            "echo notbecause x",
        ] {
            assert_eq!(reasons(line), []);
        }
    }

    #[test]
    fn a_reason_is_not_said_twice() {
        let given = options(true, false, Some("x"));
        assert_eq!(given.on("lock api because x"), "lock api because x --plan");
        assert_eq!(given.on("lock api"), "lock api --plan because x");
    }

    proptest! {
        #[test]
        fn options_come_off_as_they_were_put_on(
            command in "[a-z]{1,8}( [a-z0-9=:/.-]{1,12}){0,4}",
            plan: bool,
            queue: bool,
            reason in proptest::option::of("[a-zäß,.;'-]{1,12}( [a-zäß0-9,.;']{1,12}){0,4}"),
        ) {
            prop_assume!(without_flags(&command).options.is_empty() && !command.contains("because"));
            let given = options(plan, queue, reason.as_deref());
            let line = given.on(&command);
            let outer = without_flags(&line);
            let mut found = outer.options;
            let mut rest = outer.line;
            if reason.is_some() {
                let (head, why) = reasons(rest)[0];
                let inner = without_flags(head);
                (rest, found.reason) = (inner.line, Some(why.to_owned()));
                found.join(inner.options);
            }
            prop_assert_eq!(rest, command.as_str());
            prop_assert_eq!(found, given);
        }

        #[test]
        fn what_is_quoted_is_the_commands_own(inside in "[a-z ]{0,10}", after in "[a-z ]{0,10}") {
            let line = format!("echo \"{inside} --plan because {after} --plan\"");
            prop_assert_eq!(without_flags(&line), Bare { line: &line, ..Bare::default() });
            prop_assert_eq!(reasons(&line), []);
        }

        #[test]
        fn a_line_is_never_changed_otherwise(line in "\\PC{0,60}") {
            let bare = without_flags(&line);
            prop_assert!(line.starts_with(bare.line));
            if bare.options.is_empty() && bare.confirmed.is_none() {
                prop_assert_eq!(bare.line, line.trim_end());
            }
            for (command, reason) in reasons(&line) {
                prop_assert!(line.starts_with(command) && line.trim_end().ends_with(reason));
            }
        }
    }
}
