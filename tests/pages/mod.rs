//! Pages of the book that are made from the program itself.

use otus::responder::{CommandSpec, Effect, Kind, Registration};
use std::fmt::Write as _;

/// Every command, from the very values that decide what is matched.
pub(crate) fn commands() -> String {
    let mut page = "\
# Every command

<!-- Made from the responders themselves by tests/book.rs: OTUS_BLESS=1 cargo test -p otus --test book -->

Say them after a mention (`@otus …`), its name (`otus …`), in a direct message, or as `/otus …`. What is in `[…]` may be left out, what is in
`<…>` is yours to fill in. `help <words>` tells the same in the chat, for what you may say there.

Behind whatever is an *operation* you can say `--plan` (only show what would change), `--queue` (wait if something is in the way) and
`because <reason>`; [who may do what](permissions.md) holds for it. A *role* is one of `[roles]` in the [configuration](configuration.md#roles).
"
    .to_owned();
    for registration in Registration::all() {
        let spec = registration.spec;
        let mut said: Vec<_> = spec.commands.iter().collect();
        said.sort_by_key(|command| (command.kind == Kind::Hear, command.usage));
        said.retain(|command| command.usage.is_some() || command.kind == Kind::Hear);
        if said.is_empty() {
            continue;
        }
        write!(page, "\n## {}\n\n{}\n", spec.name, spec.about.trim()).unwrap();
        for command in said {
            page.push_str(&described(command));
        }
    }
    page
}

fn described(command: &CommandSpec) -> String {
    let mut text = match command.usage {
        Some(usage) => format!("\n### {}\n\n", code(usage)),
        None => format!("\n### When somebody says {}\n\n", code(command.pattern)),
    };
    text.push_str(&lists_apart(command.about.trim()));
    text.push('\n');
    let mut notes = Vec::new();
    match command.effect {
        Effect::Reads => {}
        Effect::Changes => notes.push("Changes something at once.".to_owned()),
        Effect::Proposes => notes.push("An operation.".to_owned()),
        Effect::Controls => notes.push("Steers what was decided on before.".to_owned()),
    }
    if let Some(role) = command.role {
        notes.push(format!("Needs the role {}.", code(role)));
    }
    if !command.examples.is_empty() {
        let examples: Vec<_> = command.examples.iter().map(|one| code(one)).collect();
        notes.push(format!("For example {}.", examples.join(", ")));
    }
    if !notes.is_empty() {
        write!(text, "\n{}\n", notes.join(" ")).unwrap();
    }
    text
}

/// What is said, as code; what has backticks of its own is put between two of them.
fn code(text: &str) -> String {
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// Outside of code, `<…>` would be taken for HTML.
fn lists_apart(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for one in text.chars() {
        match one {
            '`' => {
                inside = !inside;
                out.push(one);
            }
            '<' if !inside => out.push_str("&lt;"),
            '>' if !inside => out.push_str("&gt;"),
            one => out.push(one),
        }
    }
    out
}

/// Every key, from the file with the defaults.
pub(crate) fn configuration(defaults: &str) -> String {
    let mut page = "\
# Every key of the configuration

<!-- Made from config/default.toml by tests/book.rs: OTUS_BLESS=1 cargo test -p otus --test book -->

What is not in your file has the default that stands here. Write only what differs into `config/local.toml`, or the file of `--config`, or set an
environment variable: `OTUS__ROBOT__NAME`, `OTUS__SLACK__BOT_TOKEN`, `OTUS__RESPONDERS__DEPLOY__STABILITY`; lists are written with commas there:
`OTUS__ROBOT__ALIASES=\"o!,hey\"`. Durations are written as people do: `500ms`, `10s`, `5m`, `1h 30m`. `otus config` shows what came together from
where, `otus check` tries all of it.

"
    .to_owned();
    // The file's own introduction is about the file.
    let defaults = defaults
        .split_once("\n[")
        .map_or(defaults, |(intro, _)| &defaults[intro.len() + 1..]);
    let mut comment: Vec<&str> = Vec::new();
    let mut section = String::new();
    for line in defaults.lines() {
        if line.is_empty() {
            // A comment on its own, between sections.
            if !comment.is_empty() {
                page.push_str(&paragraphs(&std::mem::take(&mut comment)));
                page.push('\n');
            }
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            writeln!(page, "## [{name}]\n").unwrap();
            let about = paragraphs(&std::mem::take(&mut comment));
            if !about.is_empty() {
                page.push_str(&about);
                page.push('\n');
            }
        } else if let Some((key, value, is_default)) = entry(line) {
            writeln!(page, "### `{section}.{key}`\n").unwrap();
            let which = if is_default {
                "Default"
            } else {
                "No default; for example"
            };
            let (value, note) = value.split_once("  #").unwrap_or((value, ""));
            write!(page, "{which}: {}", code(value.trim_end())).unwrap();
            if !note.is_empty() {
                write!(page, " ({})", lists_apart(note.trim())).unwrap();
            }
            page.push_str("\n\n");
            page.push_str(&paragraphs(&std::mem::take(&mut comment)));
            page.push('\n');
        } else if let Some(words) = line.strip_prefix('#') {
            comment.push(words.strip_prefix(' ').unwrap_or(words));
        } else {
            panic!("config/default.toml: {line:?} is neither a comment, a section nor a key");
        }
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// A key with its default, or `#key = example`: nothing between `#` and the key.
fn entry(line: &str) -> Option<(&str, &str, bool)> {
    let (given, is_default) = match line.strip_prefix('#') {
        Some(rest) => (rest, false),
        None => (line, true),
    };
    let (key, value) = given.split_once(" = ")?;
    let is_key = !key.is_empty()
        && key
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || one == '_' || one == '-');
    is_key.then_some((key, value, is_default))
}

/// A comment as paragraphs; those that are TOML as code.
fn paragraphs(lines: &[&str]) -> String {
    let mut page = String::new();
    let mut code_open = false;
    for paragraph in lines.split(|line| line.is_empty()) {
        if paragraph.is_empty() {
            continue;
        }
        if is_toml(paragraph) {
            page.push_str(if code_open { "\n" } else { "```toml\n" });
            code_open = true;
            for line in paragraph {
                writeln!(page, "{line}").unwrap();
            }
            continue;
        }
        if code_open {
            page.push_str("```\n\n");
            code_open = false;
        }
        writeln!(page, "{}\n", lists_apart(&paragraph.join("\n"))).unwrap();
    }
    if code_open {
        page.push_str("```\n\n");
    }
    page.truncate(page.trim_end().len());
    if !page.is_empty() {
        page.push('\n');
    }
    page
}

fn is_toml(paragraph: &[&str]) -> bool {
    let first = paragraph[0];
    first.starts_with('[')
        || first.starts_with("# ")
        || first
            .split_once(" = ")
            .is_some_and(|(key, _)| !key.contains(' ') && !key.contains('`'))
}
