//! Where credentials begin, and how far each goes.

use super::{Finding, values};
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Tokens that are told by their own look: what they are called, and their pattern.
const TOKENS: [(&str, &str); 19] = [
    (
        "Slack token",
        r"(?:xox[a-e]|xox[o-s]|xapp|xwfp)-[A-Za-z0-9-]{10,}",
    ),
    (
        "Slack webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{16,}",
    ),
    (
        "GitHub token",
        r"(?:gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    ),
    (
        "GitLab token",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{16,}",
    ),
    ("AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16,}"),
    ("Google API key", r"AIza[A-Za-z0-9_-]{35,}"),
    (
        "Google token",
        r"\b(?:ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
    ),
    (
        "JSON web token",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*",
    ),
    (
        "Stripe key",
        r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{20,}",
    ),
    ("npm token", r"npm_[A-Za-z0-9]{30,}"),
    ("PyPI token", r"pypi-AgE[A-Za-z0-9_-]{20,}"),
    ("Docker token", r"dckr_[op]at_[A-Za-z0-9_-]{20,}"),
    ("DigitalOcean token", r"do[opr]_v1_[A-Za-z0-9]{40,}"),
    ("Vault token", r"\bhv[bsr]\.[A-Za-z0-9_-]{20,}"),
    ("Grafana token", r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{20,}"),
    ("SendGrid key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("Atlassian token", r"\bAT(?:ATT|CTT)3[A-Za-z0-9_=-]{20,}"),
    ("age key", r"AGE-SECRET-KEY-1[A-Za-z0-9]{20,}"),
    // With capitals, small letters and digits; a pod of a service called `sk` has no capitals.
    (API_KEY, r"\bsk-[A-Za-z0-9_-]{20,}"),
];

const API_KEY: &str = "API key";

/// What is told by what stands before it.
const BEFORE: [(&str, &str); 5] = [
    ("key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"),
    ("address", r"://"),
    (
        "header",
        r"(?i:\bauthorization(?:\\?['\x22])?[ \t]{0,4}[:=][ \t]{0,4}(?:\\?['\x22])?(?:(?:basic|token|bearer|digest)[ \t]{1,4})?|\bbearer[ \t]{1,4})",
    ),
    (
        "flag",
        r"(?i:--[a-z0-9-]{0,30}(?:password|passphrase|secret|token|api-?key|secret-key|access-key)[ \t]{1,4})",
    ),
    (
        // The word at the end of a key, then a sign that assigns, with what quotes and terminals put around both.
        "assigned",
        r"(?i:(?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|(?:api|access|secret|private|account|signing|encryption)[_-]?key)(?:\\?['\x22]|\x1b\[[0-9;]{0,8}m|[ \t]){0,6}(?::=|=>|==|[:=])(?:\x1b\[[0-9;]{0,8}m|[ \t]){0,6})",
    ),
];

struct Shapes {
    regex: Regex,
    /// The number of each alternative's group.
    groups: Vec<usize>,
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let alternatives = TOKENS
        .iter()
        .chain(&BEFORE)
        .map(|(_, pattern)| format!("({pattern})"));
    let pattern = format!("(?-u){}", alternatives.collect::<Vec<_>>().join("|"));
    let regex = Regex::new(&pattern).expect("invariant: the patterns are constants that every test compiles");
    Shapes {
        groups: (1..=TOKENS.len() + BEFORE.len()).collect(),
        regex,
    }
});

/// The first credential at or after a place.
pub(super) fn next(text: &str, mut from: usize) -> Option<Finding> {
    let shapes = &*SHAPES;
    // Finding out that there is none costs no captures.
    shapes.regex.find_at(text, from)?;
    while let Some(captures) = shapes.regex.captures_at(text, from) {
        match shapes.finding(text, &captures) {
            Ok(finding) => return Some(finding),
            Err(on) => from = on,
        }
    }
    None
}

impl Shapes {
    /// The credential that begins here, or where to look on.
    fn finding(&self, text: &str, captures: &Captures<'_>) -> Result<Finding, usize> {
        // One of the alternatives matched, or there would be no captures.
        let Some((number, found)) = self
            .groups
            .iter()
            .find_map(|&group| captures.get(group).map(|found| (group - 1, found)))
        else {
            return Err(text.len());
        };
        let after = found.end();
        if let Some((kind, _)) = TOKENS.get(number) {
            if *kind == API_KEY && !values::is_mixed(found.as_str()) {
                return Err(after);
            }
            return Ok(Finding {
                kind,
                at: found.range(),
            });
        }
        let at = match BEFORE.get(number - TOKENS.len()).map(|(name, _)| *name) {
            Some("key") => Some(("private key", found.start()..values::end_of_key(text, after))),
            Some("address") => values::in_address(text, after).map(|at| ("password", at)),
            Some("header") => values::in_header(text, after).map(|at| ("authorization", at)),
            Some("flag") => values::in_flag(text, after).map(|at| (values::kind(found.as_str()), at)),
            _ => values::assigned(text, found.range()).map(|at| (values::kind(found.as_str()), at)),
        };
        at.map(|(kind, at)| Finding { kind, at }).ok_or(after)
    }
}
