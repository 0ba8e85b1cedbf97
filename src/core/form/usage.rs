//! How a command is said, understood: words, `<parameters>`, `[what may be left out]`, `one|another`.

use super::Values;

/// A usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Words(String),
    Parameter(String),
    Optional(Usage),
    /// One of these, within a word.
    Either(Vec<Usage>),
}

impl Usage {
    /// Reads a usage. The macro has made sure that brackets match.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut rest = text;
        let pieces = sequence(&mut rest);
        Self(alternatives(pieces))
    }

    /// The parameters, in their order, each with whether it may be left out.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&str, bool)> {
        let mut found: Vec<(&str, bool)> = Vec::new();
        self.collect(false, &mut found);
        found
    }

    fn collect<'a>(&'a self, optional: bool, found: &mut Vec<(&'a str, bool)>) {
        for piece in &self.0 {
            match piece {
                Piece::Words(_) => {}
                Piece::Parameter(name) if found.iter().any(|(known, _)| known == name) => {}
                Piece::Parameter(name) => found.push((name, optional)),
                Piece::Optional(inner) => inner.collect(true, found),
                Piece::Either(all) => all.iter().for_each(|one| one.collect(true, found)),
            }
        }
    }

    /// Whether a line can be made of it: it shows all there is to say. `in|at|on … <command>` does not.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0.iter().all(|piece| match piece {
            Piece::Words(words) => !words.contains('…'),
            Piece::Parameter(_) => true,
            Piece::Optional(inner) => inner.is_whole(),
            Piece::Either(all) => all.iter().all(Self::is_whole),
        })
    }

    /// The line that these values make.
    ///
    /// # Errors
    /// The parameters that are missing.
    pub fn fill(&self, values: &Values) -> Result<String, Vec<String>> {
        let (mut line, mut missing) = (String::new(), Vec::new());
        self.write(values, &mut line, &mut missing);
        if missing.is_empty() {
            Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
        } else {
            Err(missing)
        }
    }

    fn write(&self, values: &Values, line: &mut String, missing: &mut Vec<String>) {
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => line.push_str(words),
                Piece::Parameter(name) => match values.get(name) {
                    Some(value) => line.push_str(value),
                    None => missing.push(name.clone()),
                },
                Piece::Optional(inner) => {
                    let mut lacking = Vec::new();
                    let mut part = String::new();
                    inner.write(values, &mut part, &mut lacking);
                    // What may be left out is there when all of it is said, and something is.
                    if lacking.is_empty() && inner.says_something(values) {
                        line.push_str(&part);
                    }
                }
                Piece::Either(all) => {
                    let whole = all.iter().find(|one| one.fill(values).is_ok());
                    if let Some(one) = whole.or(all.first()) {
                        one.write(values, line, missing);
                    }
                }
            }
        }
    }

    fn says_something(&self, values: &Values) -> bool {
        self.parameters()
            .iter()
            .any(|(name, _)| values.contains_key(*name))
    }

    /// Reads what was said behind the command's first words as far as the usage names it: `to production`, `api to`. A word alone is
    /// the first parameter, where there is one that has to be said. Nothing, when something does not fit.
    #[must_use]
    pub fn begun(&self, said: &str) -> Option<Values> {
        let mut values = Values::new();
        let mut words = said.split_whitespace().peekable();
        while let Some(word) = words.next() {
            if let Some(name) = self.behind(word) {
                match words.next() {
                    Some(value) => values.insert(name.to_owned(), value.to_owned()),
                    None => break,
                };
            } else if values.is_empty() {
                let (first, _) = self.parameters().into_iter().find(|(_, optional)| !optional)?;
                // The sign before a person is the usage's already.
                let bare = word.strip_prefix('@').filter(|_| self.has_at(first));
                values.insert(first.to_owned(), bare.unwrap_or(word).to_owned());
            } else {
                return None;
            }
        }
        Some(values)
    }

    /// Whether a parameter has an `@` right before it.
    fn has_at(&self, name: &str) -> bool {
        self.0.windows(2).any(|pair| {
            matches!(pair, [Piece::Words(words), Piece::Parameter(one)] if one == name && words.ends_with('@'))
        })
    }

    /// The parameter that a word announces: `environment`, by `to` in `[to <environment>]`.
    fn behind(&self, word: &str) -> Option<&str> {
        let pairs = self.0.windows(2).find_map(|pair| match pair {
            [Piece::Words(words), Piece::Parameter(name)] => {
                let last = words
                    .ends_with(' ')
                    .then(|| words.split_whitespace().last())
                    .flatten();
                (last == Some(word)).then_some(name.as_str())
            }
            _ => None,
        });
        pairs.or_else(|| {
            self.0.iter().find_map(|piece| match piece {
                Piece::Optional(inner) => inner.behind(word),
                _ => None,
            })
        })
    }
}

fn sequence(rest: &mut &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut words = String::new();
    while let Some(first) = rest.chars().next() {
        *rest = &rest[first.len_utf8()..];
        match first {
            '<' => {
                let (name, behind) = rest.split_once('>').unwrap_or((rest, ""));
                pieces.extend((!words.is_empty()).then(|| Piece::Words(std::mem::take(&mut words))));
                pieces.push(Piece::Parameter(name.to_owned()));
                *rest = behind;
            }
            '[' => {
                pieces.extend((!words.is_empty()).then(|| Piece::Words(std::mem::take(&mut words))));
                pieces.push(Piece::Optional(Usage(alternatives(sequence(rest)))));
            }
            ']' => break,
            other => words.push(other),
        }
    }
    pieces.extend((!words.is_empty()).then_some(Piece::Words(words)));
    pieces
}

/// Puts together what `|` sets apart within a word.
fn alternatives(pieces: Vec<Piece>) -> Vec<Piece> {
    // In pieces that are words, spaces and bars stand alone.
    let mut atoms = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Words(words) => {
                let mut word = String::new();
                for letter in words.chars() {
                    if letter == ' ' || letter == '|' {
                        atoms.extend((!word.is_empty()).then(|| Piece::Words(std::mem::take(&mut word))));
                        atoms.push(Piece::Words(letter.to_string()));
                    } else {
                        word.push(letter);
                    }
                }
                atoms.extend((!word.is_empty()).then_some(Piece::Words(word)));
            }
            other => atoms.push(other),
        }
    }
    let is = |piece: &Piece, sign: &str| matches!(piece, Piece::Words(words) if words == sign);
    let mut whole: Vec<Piece> = Vec::new();
    for word in atoms.split_inclusive(|piece| is(piece, " ")) {
        let (space, word) = match word.split_last() {
            Some((last, word)) if is(last, " ") => (true, word),
            _ => (false, word),
        };
        let mut ways: Vec<Usage> = word
            .split(|piece| is(piece, "|"))
            .map(|way| Usage(way.to_vec()))
            .collect();
        match ways.len() {
            1 => whole.extend(ways.remove(0).0),
            _ => whole.push(Piece::Either(ways)),
        }
        whole.extend(space.then(|| Piece::Words(" ".into())));
    }
    joined(whole)
}

fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut whole: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (whole.last_mut(), piece) {
            (Some(Piece::Words(words)), Piece::Words(more)) => words.push_str(&more),
            (_, piece) => whole.push(piece),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOY: &str = "deploy <service>[@<version>] [to <environment>]";

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn filled(usage: &str, pairs: &[(&str, &str)]) -> Result<String, Vec<String>> {
        super::super::fill(usage, &values(pairs))
    }

    #[test]
    fn what_is_left_out_leaves_its_words_out() {
        let all = [
            ("service", "api"),
            ("version", "1.4"),
            ("environment", "production"),
        ];
        assert_eq!(filled(DEPLOY, &all).unwrap(), "deploy api@1.4 to production");
        assert_eq!(
            filled(DEPLOY, &[all[0], all[2]]).unwrap(),
            "deploy api to production"
        );
        assert_eq!(filled(DEPLOY, &[all[0], ("version", " ")]).unwrap(), "deploy api");
        assert_eq!(filled(DEPLOY, &all[1..]), Err(vec!["service".to_owned()]));
        assert_eq!(filled("ping", &[]).unwrap(), "ping");
        assert_eq!(
            filled("post <text>", &[("text", "one\n two")]).unwrap(),
            "post one two"
        );
    }

    #[test]
    fn one_of_several_is_the_one_that_is_said() {
        let usage = "can @<person>|i <what>";
        assert_eq!(
            filled(usage, &[("person", "ann"), ("what", "deploy api")]).unwrap(),
            "can @ann deploy api"
        );
        assert_eq!(
            filled(usage, &[("what", "deploy api")]).unwrap(),
            "can i deploy api"
        );
        let usage = "graph <name>|`<promql>` [<duration>]";
        assert_eq!(filled(usage, &[("promql", "up")]).unwrap(), "graph `up`");
        assert_eq!(
            filled(usage, &[("name", "errors"), ("duration", "1h")]).unwrap(),
            "graph errors 1h"
        );
        assert!(!Usage::parse("in|at … <command>").is_whole());
        assert!(Usage::parse(DEPLOY).is_whole());
    }

    #[test]
    fn what_was_begun_is_read_as_far_as_it_fits() {
        let usage = Usage::parse(DEPLOY);
        assert_eq!(
            usage.parameters(),
            [("service", false), ("version", true), ("environment", true)]
        );
        assert_eq!(usage.begun(""), Some(Values::new()));
        assert_eq!(
            usage.begun("to production"),
            Some(values(&[("environment", "production")]))
        );
        assert_eq!(usage.begun("api to"), Some(values(&[("service", "api")])));
        assert_eq!(usage.begun("api and more"), None);
        assert_eq!(Usage::parse("graphs").begun("now"), None);
        let usage = Usage::parse("flags know @<person> as <key>");
        let begun = usage.begun("@ann").unwrap();
        assert_eq!(begun, values(&[("person", "ann")]));
        assert_eq!(usage.begun("@ann as 7").unwrap()["key"], "7");
    }
}
