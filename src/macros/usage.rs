//! The usage of a command: words, `<parameters>`, and `[what may be left out]`.

use crate::{
    errors::hint,
    pattern::{Kind, Pattern},
};

/// A parameter in a usage.
#[derive(Debug, PartialEq, Eq)]
struct Placeholder<'a> {
    name: &'a str,
    /// Whether it stands in brackets.
    bracketed: bool,
}

/// Whether the usage is what one types: it has no parameters and no choices.
pub(crate) fn is_literal(usage: &str) -> bool {
    !usage.contains(['<', '[', '|', '('])
}

/// What a usage says that its pattern does not.
pub(crate) fn faults(usage: &str, pattern: &Pattern, kind: Kind) -> Vec<String> {
    let mut faults = Vec::new();
    if usage.trim().is_empty() {
        faults.push("the usage is empty; write what one types: `deploy <service>`".into());
        return faults;
    }
    let placeholders = match placeholders(usage) {
        Ok(placeholders) => placeholders,
        Err(fault) => return vec![fault],
    };
    for Placeholder { name, bracketed } in placeholders {
        let Some(group) = pattern.group(name) else {
            let names = pattern.groups.iter().map(|group| group.name.as_str());
            faults.push(format!(
                "`<{name}>` is no group of the pattern, which has {}{}",
                pattern.names(),
                hint(name, names)
            ));
            continue;
        };
        if bracketed && group.always {
            faults.push(format!(
                "`<{name}>` stands in `[ ]`, as if one could leave it out, but it takes part in every match"
            ));
        }
        if !bracketed && !group.always && !usage.contains('|') {
            faults.push(format!("`<{name}>` can be left out; put it in `[ ]`"));
        }
    }
    if faults.is_empty() && kind == Kind::Respond && is_literal(usage) && !pattern.matches(usage) {
        faults.push(format!(
            "the pattern does not match `{usage}`, so nobody who follows this usage gets an answer"
        ));
    }
    faults
}

fn placeholders(usage: &str) -> Result<Vec<Placeholder<'_>>, String> {
    let mut found = Vec::new();
    let mut open = 0_usize;
    for (at, character) in usage.char_indices() {
        match character {
            '[' => open += 1,
            ']' => open = open.checked_sub(1).ok_or("a `]` closes what no `[` opened")?,
            '<' => {
                let name = usage[at + 1..].split_once('>').map(|(name, _)| name);
                let name = name.filter(|name| !name.is_empty() && !name.contains(['<', ' ', '[', ']']));
                found.push(Placeholder {
                    name: name.ok_or("a `<` begins a parameter: `<name>`")?,
                    bracketed: open > 0,
                });
            }
            _ => {}
        }
    }
    if open > 0 {
        return Err("a `[` is never closed".into());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(usage: &str, pattern: &str) -> Vec<String> {
        faults(
            usage,
            &Pattern::read(pattern, Kind::Respond).unwrap(),
            Kind::Respond,
        )
    }

    #[test]
    fn a_usage_that_tells_the_truth_has_no_faults() {
        let deploy = r"^deploy (?<service>\S+?)(?:@(?<version>\S+))?(?: to (?<environment>\S+))?$";
        assert_eq!(
            of("deploy <service>[@<version>] [to <environment>]", deploy),
            [""; 0]
        );
        assert_eq!(
            of(
                "graph <name>|`<promql>`",
                r"^graph (?:`(?<promql>[^`]+)`|(?<name>\S+))$"
            ),
            [""; 0]
        );
        assert_eq!(of("ping", "^ping$"), [""; 0]);
    }

    #[test]
    fn what_a_usage_gets_wrong_is_said() {
        let echo = r"^echo (?<text>.+?)(?: (?<times>\d+)x)?$";
        assert_eq!(
            of("echo <txet>", echo),
            ["`<txet>` is no group of the pattern, which has `text` and `times`; did you mean `text`?"]
        );
        assert_eq!(
            of("echo <text> <times>x", echo),
            ["`<times>` can be left out; put it in `[ ]`"]
        );
        assert_eq!(of("echo [<text>", echo), ["a `[` is never closed"]);
        assert_eq!(of("echo <text", echo), ["a `<` begins a parameter: `<name>`"]);
        assert_eq!(of("echo <text>]", echo), ["a `]` closes what no `[` opened"]);
        assert_eq!(
            of("echo [<text>]", echo),
            ["`<text>` stands in `[ ]`, as if one could leave it out, but it takes part in every match"]
        );
        assert_eq!(
            of("pong", "^ping$"),
            ["the pattern does not match `pong`, so nobody who follows this usage gets an answer"]
        );
        assert_eq!(
            of(" ", "^ping$"),
            ["the usage is empty; write what one types: `deploy <service>`"]
        );
    }
}
