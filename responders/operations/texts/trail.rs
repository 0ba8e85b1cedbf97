//! The audit trail, read aloud.

use crate::{
    people::People,
    words::{inert, moment, sentence},
};
use otus::{
    audit::Recorded,
    markup::{bold, code},
    operations::Target,
    prelude::*,
};

/// What of the trail is shown.
pub(crate) struct Shown<'a> {
    /// What was asked for, in words: `of api in production, last 7d`.
    pub(crate) about: &'a str,
    /// The newest entries, newest first.
    pub(crate) newest: &'a [Recorded],
    /// How many there are in all, as far as they were read.
    pub(crate) all: usize,
    /// Whether there are still more.
    pub(crate) more: bool,
}

/// The newest entries; more are in a file.
pub(crate) fn trail(shown: &Shown<'_>, people: &People) -> Card {
    let lines: Vec<String> = shown
        .newest
        .iter()
        .map(|recorded| line(recorded, people))
        .collect();
    let card = Card::new(Tone::Neutral, title(shown.about)).text(lines.join("\n"));
    let newest = shown.newest.len();
    if shown.more {
        return card.footer(format!(
            "The {newest} newest; the file has the {} newest. For older ones, ask for less at a time.",
            shown.all
        ));
    }
    if shown.all > newest {
        return card.footer(format!(
            "The {newest} newest of {}; the file has all of them.",
            shown.all
        ));
    }
    match shown.all {
        1 => card.footer("1 entry."),
        all => card.footer(format!("{all} entries, newest first.")),
    }
}

/// What is recorded of something that was said and is no operation, oldest first.
pub(crate) fn said(entries: &[Recorded], people: &People) -> Card {
    const MOST: usize = 20;
    let lines: Vec<String> = entries
        .iter()
        .take(MOST)
        .map(|recorded| line(recorded, people))
        .collect();
    Card::new(Tone::Neutral, bold("What is recorded of it")).text(lines.join("\n"))
}

/// Nothing is recorded about this.
pub(crate) fn nothing(about: &str) -> Card {
    Card::new(Tone::Neutral, title(about)).text("Nothing is recorded about that.")
}

fn title(about: &str) -> String {
    match about {
        "" => bold("Audit trail"),
        about => format!("{} {}", bold("Audit trail"), inert(about, 200)),
    }
}

/// One entry as one line.
fn line(recorded: &Recorded, people: &People) -> String {
    let entry = &recorded.entry;
    let target = match &entry.target {
        Target {
            service: None,
            environment: None,
        } => String::new(),
        target => format!(" {}", inert(&target.to_string(), 120)),
    };
    let id = entry.operation.as_deref().or(entry.request.as_deref());
    let id = id.map_or_else(String::new, |id| format!(" · {}", code(&inert(id, 40))));
    let text = match sentence(&people.told(&entry.text, 250)) {
        text if text.is_empty() => text,
        text => format!(" · {text}"),
    };
    format!(
        "{} · {} · {}{target}{text}{id}",
        moment(entry.at, &people.zone),
        people.actor(entry.actor.as_ref()),
        code(&inert(&entry.event, 40)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::tests::{at, operation, people};
    use otus::{
        audit::{Entry, GENESIS},
        markup::{self, Piece},
        operations::State,
    };
    use proptest::{prelude::*, string::string_regex};

    fn recorded(entry: Entry) -> Recorded {
        Recorded::after(GENESIS, 1, entry)
    }

    #[test]
    fn the_trail_reads_well() {
        let operation = operation(State::Running);
        let entries = [
            recorded(Entry::of(&operation, at(60), "approved", "Bob approved, 1 of 2").by(&"U2".into())),
            recorded(
                Entry::of(&operation, at(0), "asked", "deploy api 1.9.0 to production").by(&"U1".into()),
            ),
            recorded(Entry::new(at(-60), "locked", "")),
        ];
        let shown = |all, more| Shown {
            about: "of api in production, last 7d",
            newest: &entries,
            all,
            more,
        };
        insta::assert_snapshot!(Post::from(trail(&shown(3, false), &people())).plain(), @r"
        *Audit trail* of api in production, last 7d
        2026-09-21 16:14 CEST · Bob · `approved` api in production · Bob approved, 1 of 2. · `3f9c2ab01d`
        2026-09-21 16:13 CEST · Ann · `asked` api in production · Deploy api 1.9.0 to production. · `3f9c2ab01d`
        2026-09-21 16:12 CEST · otus · `locked`
        3 entries, newest first.
        ");
        let footer = |all, more| trail(&shown(all, more), &people()).footer.unwrap();
        assert_eq!(footer(9, false), "The 3 newest of 9; the file has all of them.");
        assert_eq!(
            footer(1000, true),
            "The 3 newest; the file has the 1000 newest. For older ones, ask for less at a time."
        );
        insta::assert_snapshot!(Post::from(nothing("")).plain(), @r"
        *Audit trail*
        Nothing is recorded about that.
        ");
    }

    /// Texts made of what could do harm.
    fn nasty() -> impl Strategy<Value = String> {
        let tokens = prop_oneof![
            Just(markup::user(&"U1".into())),
            Just(markup::channel(&"C1".into())),
            Just(markup::link("https://x.test/", "x")),
            Just(markup::moment(1_790_000_000, "`\n")),
            Just(markup::moment(i64::MAX, "`\n")),
            Just("<!everyone> <!here> <@U1> @here".to_owned()),
            Just("```\n".to_owned()),
            Just("`".to_owned()),
            Just("\u{E000}user\u{E001}".to_owned()),
            any::<String>(),
            string_regex("[*_~` \n\r]{0,9}").unwrap(),
        ];
        proptest::collection::vec(tokens, 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn whatever_an_entry_holds_is_one_line_that_calls_nobody(
            (event, text, service, id, actor) in (nasty(), nasty(), nasty(), nasty(), nasty())
        ) {
            let mut entry = Entry::new(at(0), &event, text).by(&actor.as_str().into());
            entry.target.service = Some(service);
            entry.operation = Some(id);
            let line = line(&recorded(entry), &people());
            prop_assert!(!line.contains('\n') && !line.contains("```"));
            prop_assert!(line.matches('`').count().is_multiple_of(2));
            let calm = markup::pieces(&line).iter().all(|piece| matches!(piece, Piece::Text(_) | Piece::Moment(..) | Piece::Channel(_)));
            prop_assert!(calm, "{line:?}");
        }
    }
}
