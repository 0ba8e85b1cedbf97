//! Entries of the audit trail as a file for a spreadsheet.

use otus::{audit::Recorded, prelude::*};

const HEAD: [&str; 14] = [
    "number",
    "at",
    "event",
    "actor",
    "operation",
    "request",
    "command",
    "service",
    "environment",
    "channel",
    "plan",
    "rule",
    "text",
    "hash",
];

/// The entries as comma-separated values (RFC 4180), in UTF-8, moments in UTC. What else an entry holds for machines is left
/// out: the whole record is exported where the robot runs.
pub(crate) fn csv(about: &str, entries: &[Recorded]) -> File {
    let mut text = HEAD.join(",") + "\r\n";
    for recorded in entries {
        let entry = &recorded.entry;
        let number = recorded.number.to_string();
        let at = entry.at.to_string();
        let cells: [&str; HEAD.len()] = [
            &number,
            &at,
            &entry.event,
            entry.actor.as_ref().map_or("", |actor| actor.as_str()),
            entry.operation.as_deref().unwrap_or_default(),
            entry.request.as_deref().unwrap_or_default(),
            entry.command.as_deref().unwrap_or_default(),
            entry.target.service.as_deref().unwrap_or_default(),
            entry.target.environment.as_deref().unwrap_or_default(),
            entry.channel.as_ref().map_or("", |channel| channel.as_str()),
            entry.plan.as_ref().map_or("", |plan| plan.0.as_str()),
            entry.rule.as_deref().unwrap_or_default(),
            &entry.text,
            &recorded.hash,
        ];
        text.push_str(&cells.map(cell).join(","));
        text.push_str("\r\n");
    }
    File {
        name: name(about),
        title: format!("{} entries of the audit trail", entries.len()),
        alt: None,
        comment: None,
        bytes: text.into_bytes(),
    }
}

/// One cell, as people read it in the chat.
fn cell(text: &str) -> String {
    otus::csv::cell(&otus::markup::clean(&otus::markup::plain(text)))
}

/// `audit-api-in-production-last-7d.csv`.
fn name(about: &str) -> String {
    let words: Vec<String> = about
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && *word != "of")
        .map(str::to_ascii_lowercase)
        .collect();
    let about: String = words.join("-").chars().take(60).collect();
    match about.as_str() {
        "" => "audit.csv".into(),
        about => format!("audit-{about}.csv"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus::audit::{Entry, GENESIS};
    use proptest::prelude::*;

    /// Reads comma-separated values back, as RFC 4180 has them.
    fn read(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
        let mut chars = text.chars().peekable();
        let mut quoted = false;
        while let Some(c) = chars.next() {
            match (quoted, c) {
                (true, '"') if chars.peek() == Some(&'"') => {
                    chars.next();
                    cell.push('"');
                }
                (_, '"') => quoted = !quoted,
                (false, ',') => row.push(std::mem::take(&mut cell)),
                (false, '\r') if chars.peek() == Some(&'\n') => {
                    chars.next();
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                (_, c) => cell.push(c),
            }
        }
        assert!(!quoted && cell.is_empty() && row.is_empty(), "{text:?}");
        rows
    }

    fn recorded(text: &str) -> Recorded {
        let at = jiff::Timestamp::UNIX_EPOCH;
        Recorded::after(GENESIS, 1, Entry::new(at, "asked", text))
    }

    #[test]
    fn the_file_has_a_name_and_a_head() {
        let file = csv("of api in production, last 7d", &[recorded("deploy api, now")]);
        assert_eq!(file.name, "audit-api-in-production-last-7d.csv");
        assert_eq!(name(""), "audit.csv");
        let text = String::from_utf8(file.bytes).unwrap();
        let hash = recorded("deploy api, now").hash;
        assert_eq!(
            text,
            format!(
                "number,at,event,actor,operation,request,command,service,environment,channel,plan,rule,text,hash\r\n\
                 1,1970-01-01T00:00:00Z,asked,,,,,,,,,,\"deploy api, now\",{hash}\r\n"
            )
        );
    }

    proptest! {
        #[test]
        fn whatever_was_recorded_comes_back(texts in proptest::collection::vec("[a-z,\"\r\n=+@;\\- ]{0,12}", 1..5)) {
            let entries: Vec<_> = texts.iter().map(|text| recorded(text)).collect();
            let file = csv("", &entries);
            let rows = read(&String::from_utf8(file.bytes).unwrap());
            prop_assert_eq!(rows.len(), texts.len() + 1);
            for (row, text) in rows[1..].iter().zip(&texts) {
                prop_assert_eq!(row.len(), HEAD.len());
                let cell = &row[12];
                prop_assert!(!cell.starts_with(['=', '+', '-', '@']));
                prop_assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), text);
            }
        }
    }
}
