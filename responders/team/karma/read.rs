//! Who is given karma, read from what was said.

use super::Score;
use otus::{Segment, UserId, markup};

/// So many at once.
const MOST: usize = 5;
/// The longest name of a thing.
const LONGEST: usize = 40;
/// The longest reason that is kept.
const REASON: usize = 140;

/// Who or what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Somebody.
    Person(UserId),
    /// Something.
    Thing(String),
}

impl Whom {
    /// Under which it is kept.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Person(id) => format!("person:{id}"),
            Self::Thing(name) => format!("thing:{}", name.to_lowercase()),
        }
    }

    /// Writes down who it is.
    pub(crate) fn name(&self, score: &mut Score) {
        match self {
            Self::Person(id) => {
                score.name = id.to_string();
                score.person = Some(id.clone());
            }
            Self::Thing(name) => score.name.clone_from(name),
        }
    }
}

/// One up or down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vote {
    /// For whom.
    pub(crate) whom: Whom,
    /// Up, or down.
    pub(crate) up: bool,
    /// Why.
    pub(crate) reason: Option<String>,
}

/// What is given by these words. People are given by mentioning them anywhere; a thing only when nothing else is said, since `i++` and
/// `c++` are mostly something else.
pub(crate) fn votes(content: &[Segment]) -> Vec<Vote> {
    let mut votes: Vec<Vote> = Vec::new();
    for (at, segment) in content.iter().enumerate() {
        let (Segment::User(id), Some(Segment::Text(text))) = (segment, content.get(at + 1)) else {
            continue;
        };
        let whom = Whom::Person(id.clone());
        // `@ann -- could you look?` is a dash.
        let apart = text.strip_prefix(" ").filter(|text| text.starts_with("++"));
        if let Some((up, rest)) = sign(apart.unwrap_or(text))
            && votes.len() < MOST
            && votes.iter().all(|vote| vote.whom != whom)
        {
            votes.push(Vote {
                whom,
                up,
                reason: reason(rest),
            });
        }
    }
    if let [Segment::Text(text)] = content
        && let Some((name, rest)) = thing(text.trim())
        && let Some((up, rest)) = sign(rest)
    {
        let reason = reason(rest);
        if reason.is_some() || rest.trim_matches(['.', '!', ' ']).is_empty() {
            votes.push(Vote {
                whom: Whom::Thing(name),
                up,
                reason,
            });
        }
    }
    votes
}

/// Who is asked for: who is mentioned behind the first word, or a thing by this name.
pub(crate) fn whom(content: &[Segment], name: &str) -> Whom {
    let person = content.iter().rev().find_map(|segment| match segment {
        Segment::User(id) => Some(id.clone()),
        _ => None,
    });
    match person {
        Some(id) if name.trim() == format!("@{id}") => Whom::Person(id),
        _ => Whom::Thing(name.trim().trim_matches('"').trim_start_matches('@').to_owned()),
    }
}

/// `++` or `--`, with what follows it.
fn sign(text: &str) -> Option<(bool, &str)> {
    let (up, rest) = match (text.strip_prefix("++"), text.strip_prefix("--")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return None,
    };
    let ends = rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || ".,!?".contains(c));
    ends.then_some((up, rest))
}

/// The thing that words begin with, with what follows it: a word of two letters at least, or several in quotes.
fn thing(text: &str) -> Option<(String, &str)> {
    let (name, rest) = match text.strip_prefix(['"', '“']) {
        Some(quoted) => {
            let end = quoted.find(['"', '”'])?;
            let rest = &quoted[end..];
            (&quoted[..end], rest.trim_start_matches(['"', '”']))
        }
        None => {
            let end = text.find("++").or_else(|| text.find("--"))?;
            text.split_at(end)
        }
    };
    let known = |c: char| c.is_alphanumeric() || "_.-#' ".contains(c);
    let count = name.chars().count();
    let good = (2..=LONGEST).contains(&count)
        && name.chars().all(known)
        && name.starts_with(char::is_alphanumeric)
        && name.chars().any(char::is_alphabetic)
        && (text.starts_with(['"', '“']) || !name.contains(' '));
    good.then(|| (name.to_owned(), rest))
}

/// `for the fix`, `because it rained`.
fn reason(rest: &str) -> Option<String> {
    let line = rest.lines().next().unwrap_or_default();
    let line = line.trim_start_matches(['.', ',', '!', '?']).trim();
    let words = ["for ", "because ", "since "]
        .iter()
        .find_map(|word| line.strip_prefix(word))?;
    let text: String = markup::clean(words).trim().chars().take(REASON).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Vec<Vote> {
        votes(&[Segment::Text(text.into())])
    }

    fn vote(whom: Whom, up: bool, reason: Option<&str>) -> Vote {
        Vote {
            whom,
            up,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn a_thing_counts_when_nothing_else_is_said() {
        let thing = |name: &str| Whom::Thing(name.into());
        assert_eq!(text("coffee++"), [vote(thing("coffee"), true, None)]);
        assert_eq!(
            text("coffee-- because it was cold"),
            [vote(thing("coffee"), false, Some("it was cold"))]
        );
        assert_eq!(
            text("\"code review\"++!"),
            [vote(thing("code review"), true, None)]
        );
        for none in [
            "c++",
            "i++",
            "I wrote it in notepad++ yesterday",
            "coffee++ is an operator",
            "a--",
            "--force",
            "42++",
            "we ship --plan and more",
            "x=y++",
            "coffee ++",
            "-----",
        ] {
            assert_eq!(text(none), [], "{none}");
        }
    }

    #[test]
    fn people_count_wherever_they_are_mentioned() {
        let ann = || Segment::User("U1".into());
        let said = [
            Segment::Text("great work ".into()),
            ann(),
            Segment::Text("++ for the fix\nand more".into()),
            Segment::User("U2".into()),
            Segment::Text(" ++".into()),
            ann(),
            Segment::Text("++".into()),
        ];
        assert_eq!(
            votes(&said),
            [
                vote(Whom::Person("U1".into()), true, Some("the fix")),
                vote(Whom::Person("U2".into()), true, None)
            ]
        );
        assert_eq!(votes(&[ann(), Segment::Text(" -- could you look?".into())]), []);
        assert_eq!(votes(&[ann(), Segment::Text("+++".into())]), []);
        assert_eq!(votes(&[Segment::Code("x++".into())]), []);
    }

    proptest! {
        #[test]
        fn anything_is_read(words in "\\PC{0,30}") {
            for vote in text(&words) {
                prop_assert!(matches!(vote.whom, Whom::Thing(name) if name.chars().count() <= LONGEST));
            }
        }
    }
}
