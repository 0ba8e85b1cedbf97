use super::*;
use proptest::prelude::*;

fn respond(pattern: &str) -> Pattern {
    Pattern::read(pattern, Kind::Respond).unwrap()
}

fn hear(pattern: &str) -> Pattern {
    Pattern::read(pattern, Kind::Hear).unwrap()
}

fn fault(pattern: &str) -> String {
    Pattern::read(pattern, Kind::Respond).unwrap_err().join("\n")
}

#[test]
fn classes_and_boundaries_mean_ascii() {
    for (written, rewritten) in [
        (r"\w+", "[0-9A-Za-z_]+"),
        (r"[\w.-]+", "[[0-9A-Za-z_].-]+"),
        (r"[^\w\s]", r"[^[0-9A-Za-z_][\t\n\x0B\x0C\r\x20]]"),
        (r"[a\D]", "[a[^0-9]]"),
        (r"\S{2}", r"[^\t\n\x0B\x0C\r\x20]{2}"),
        (r"\bship ?it\b", r"(?-u:\b)ship ?it(?-u:\b)"),
        (r"\Ba\b{start-half}", r"(?-u:\B)a(?-u:\b{start-half})"),
        (r"\\w \\\d [\\\w]", r"\\w \\[0-9] [\\[0-9A-Za-z_]]"),
        (r"[\w--\d]", "[[0-9A-Za-z_]--[0-9]]"),
        (r"ä\p{Alphabetic}.", r"ä\p{Alphabetic}."),
        ("(?x) \\w # \\w\n", "(?x) [0-9A-Za-z_] # \\w\n"),
    ] {
        assert_eq!(hear(written).rewritten, rewritten);
    }
    assert!(!hear(r"^\d$").matches("٣"));
    assert!(!hear(r"^\w$").matches("ä"));
    assert!(hear(r"^\W$").matches("ä"));
    assert!(hear(r"\bowl\b").matches("äowlä"));
}

#[test]
fn commands_are_understood_however_they_are_capitalised() {
    assert!(respond("^ping$").matches("PiNg"));
    assert!(!hear("^ping$").matches("PiNg"));
}

#[test]
fn what_is_fixed_is_counted() {
    for (pattern, literals) in [
        ("^ping$", 4),
        ("^(?i)ping$", 4),
        (r"^deploy (?<service>\S+)(?: to (?<environment>\S+))?$", 7),
        ("^(?:flags?|toggle) x{3}$", 8),
        ("^ü[!]$", 2),
        ("^[ab]?$", 0),
        ("^(?:a{1000}){4}$", 4000),
    ] {
        assert_eq!(respond(pattern).literals, literals, "{pattern}");
    }
}

#[test]
fn a_group_takes_part_always_or_perhaps() {
    let always =
        |pattern: &str| -> Vec<bool> { respond(pattern).groups.iter().map(|group| group.always).collect() };
    assert_eq!(always("^(?<a>x)(?<b>y)?$"), [true, false]);
    assert_eq!(always("^(?:(?<a>x)|(?<b>y))$"), [false, false]);
    assert_eq!(always("^(?:(?<a>x) ?)+(?<b>(?<c>.)*)$"), [true, true, false]);
    assert_eq!(always("^(?:(?<a>x)){0,3}(?<b>y){0,1}$"), [false, false]);
    assert_eq!(always("^(?:abc(?<a>x)|abd)$"), [false]);
    assert_eq!(always("^(?<a>a|b)$"), [true]);
}

#[test]
fn a_command_is_all_that_was_said() {
    for whole in [
        "^ping$",
        "^(?:ping|pong)$",
        r"\Aping\z",
        "(?i)^ping$",
        "^ping$|^pong$",
        "(?:^ping)$",
    ] {
        assert!(Pattern::read(whole, Kind::Respond).is_ok(), "{whole}");
    }
    assert!(fault("ping").starts_with("the pattern needs `^` at its beginning and `$` at its end: "));
    assert!(fault("^ping").starts_with("the pattern needs `$` at its end: "));
    assert!(fault("ping$").starts_with("the pattern needs `^` at its beginning: "));
    assert!(fault("^ping|pong$").ends_with("put the choice in a group: `^(?:a|b)$`"));
    assert!(fault("(?m)^ping$").contains("needs `^`"));
    assert!(Pattern::read("ping", Kind::Hear).is_ok());
}

#[test]
fn a_group_has_a_name_or_does_not_capture() {
    assert_eq!(
        fault("^a (b|c)$"),
        "the group `(b|c)` at column 4 captures, but has no name; write `(?:b|c)` if nobody reads it, \
         or `(?<name>b|c)` for a parameter `name`"
    );
}

#[test]
fn a_bad_pattern_is_told_with_its_place() {
    assert_eq!(
        fault("^ping ($"),
        "regex parse error:\n    ^ping ($\n          ^\nerror: unclosed group"
    );
    assert!(fault(r"^\p{Owl}$").contains("Unicode property not found"));
    assert!(fault(r"^(?:\pL{500}){50}$").contains("exceeds size limit"));
    assert!(fault("^(?<a>x)(?<a>y)$").contains("duplicate capture group name"));
}

/// Pieces of patterns, put together without regard for sense; what is no pattern is left out.
fn patterns() -> impl Strategy<Value = String> {
    let pieces = [
        r"\w",
        r"\W",
        r"\d",
        r"\D",
        r"\s",
        r"\S",
        r"\b",
        r"\B",
        "[",
        "]",
        "[^",
        "(?:",
        "(?i:",
        ")",
        "|",
        "*",
        "+",
        "?",
        "{2}",
        "&&",
        "--",
        "~~",
        "-",
        "^",
        "$",
        ".",
        "a",
        "Z",
        "5",
        "_",
        " ",
        r"\\",
        r"\[",
        "(?x)",
        "k",
        "s",
        r"\b{start}",
        r"\b{end-half}",
        "[:alpha:]",
        "(?s)",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 1..12)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn on_ascii_nothing_changes(
        pattern in patterns(),
        texts in proptest::collection::vec("[ -~\n\t]{0,12}", 1..8),
    ) {
        // Unicode's word boundaries and classes are what the author wrote; on ASCII texts both say the same.
        let Ok(original) = Regex::new(&pattern) else { return Ok(()) };
        let tree = ast::parse::Parser::new().parse(&pattern).unwrap();
        let rewritten = Regex::new(&ascii::rewrite(&pattern, &tree)).unwrap();
        for text in &texts {
            prop_assert_eq!(original.find(text).map(|found| found.range()), rewritten.find(text).map(|found| found.range()), "{}", text);
        }
    }

    #[test]
    fn nothing_an_author_writes_breaks_the_macro(source in "\\PC{0,40}", joined in patterns()) {
        for source in [source, joined] {
            for kind in [Kind::Respond, Kind::Hear] {
                if let Ok(pattern) = Pattern::read(&source, kind) {
                    let regex = Regex::new(&pattern.rewritten).unwrap();
                    for line in ["", "a 5", "ping"] {
                        if let Some(found) = regex.captures(line) {
                            for group in pattern.groups.iter().filter(|group| group.always) {
                                prop_assert!(found.name(&group.name).is_some());
                            }
                        }
                    }
                }
            }
        }
    }
}
