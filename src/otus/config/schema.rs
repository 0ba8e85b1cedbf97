//! The JSON Schema of the configuration, for editors. It is made of `config/default.toml` alone, which has every key with its
//! meaning: whoever writes a key down there has it completed and explained everywhere.
//!
//! What the file means by its form:
//! - the comment above a key or a header describes it; a key behind `#` without a space has no default;
//! - in a comment, `# [services.api]` begins an example of what stands below the header that follows, where `api` is a name somebody
//!   chose: keys there are `# key = value  # description`, and below them names and keys take turns;
//! - `# [[policy.rules]]` begins an example of a list;
//! - a section without keys takes any names, each with a text.

use super::DEFAULT;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use toml_edit::{DocumentMut, Value};

/// What the schema calls itself.
const TITLE: &str = "Otus";

/// The schema.
#[must_use]
pub fn schema() -> Json {
    let mut root = read(DEFAULT);
    // A role's members are a list, whatever the role is called.
    if let Some(roles) = root.keys.get_mut("roles") {
        let member = roles.keys.get("deployer").cloned();
        roles.any = member.map(Box::new);
    }
    // A service's own gates are written like those of all deploys, which the file explains once.
    let gates = root.at(&keys_of(&["responders", "deploy", "gates"])).any.clone();
    root.at(&[
        Step::Key("services".into()),
        Step::Name,
        Step::Key("gates".into()),
    ])
    .any = gates;
    let mut schema = root.to_json();
    if let Some(responders) = schema["properties"]["responders"].as_object_mut() {
        // Those of other crates read their sections themselves.
        responders.insert("additionalProperties".into(), json!({ "type": "object" }));
        for (_, section) in responders["properties"].as_object_mut().into_iter().flatten() {
            section["properties"]["enabled"] = json!({
                "type": "boolean",
                "default": true,
                "description": "Whether this responder is there at all.",
            });
        }
    }
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = TITLE.into();
    schema
}

/// A key, with what is below it.
#[derive(Debug, Clone, Default)]
struct Node {
    description: String,
    /// What it is set to, or an example.
    value: Option<Value>,
    /// Whether the value is its default.
    default: bool,
    keys: BTreeMap<String, Node>,
    /// What stands below any name.
    any: Option<Box<Node>>,
    /// One of a list of sections.
    item: Option<Box<Node>>,
    /// Whether it has a header of its own in the file.
    section: bool,
}

/// A step from a section to what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Name,
    Item,
}

impl Node {
    fn at(&mut self, path: &[Step]) -> &mut Self {
        path.iter().fold(self, |node, step| match step {
            Step::Key(key) => node.keys.entry(key.clone()).or_default(),
            Step::Name => node.any.get_or_insert_default(),
            Step::Item => node.item.get_or_insert_default(),
        })
    }

    fn to_json(&self) -> Json {
        let mut schema = Map::new();
        if !self.description.is_empty() {
            schema.insert("description".into(), self.description.clone().into());
        }
        if let Some(item) = &self.item {
            schema.insert("type".into(), "array".into());
            schema.insert("items".into(), item.to_json());
            return schema.into();
        }
        if let Some(value) = &self.value {
            let kind = kind(value, self.default);
            schema.extend(kind.as_object().cloned().unwrap_or_default());
            let shown = if self.default { "default" } else { "examples" };
            if let Some(value) = plain(value) {
                let value = if self.default { value } else { json!([value]) };
                schema.insert(shown.into(), value);
            }
            return schema.into();
        }
        schema.insert("type".into(), "object".into());
        let keys: Map<String, Json> = self
            .keys
            .iter()
            .map(|(key, node)| (key.clone(), node.to_json()))
            .collect();
        let others = match &self.any {
            Some(any) => any.to_json(),
            None if self.section && keys.is_empty() => json!({ "type": "string" }),
            None => false.into(),
        };
        schema.insert("properties".into(), keys.into());
        schema.insert("additionalProperties".into(), others);
        schema.into()
    }
}

/// The type of a value. A whole number as a default is one; as an example it may stand for any.
fn kind(value: &Value, default: bool) -> Json {
    match value {
        Value::String(_) | Value::Datetime(_) => json!({ "type": "string" }),
        Value::Integer(_) if default => json!({ "type": "integer" }),
        Value::Integer(_) | Value::Float(_) => json!({ "type": "number" }),
        Value::Boolean(_) => json!({ "type": "boolean" }),
        Value::Array(items) => {
            let item = items
                .iter()
                .next()
                .map_or(json!({ "type": "string" }), |item| kind(item, default));
            json!({ "type": "array", "items": item })
        }
        Value::InlineTable(_) => json!({ "type": "object" }),
    }
}

fn plain(value: &Value) -> Option<Json> {
    Some(match value {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(number) => (*number.value()).into(),
        Value::Float(number) => (*number.value()).into(),
        Value::Boolean(truth) => (*truth.value()).into(),
        Value::Array(items) => items.iter().map(plain).collect::<Option<_>>()?,
        Value::InlineTable(table) => {
            let pairs = table
                .iter()
                .map(|(key, value)| Some((key.to_owned(), plain(value)?)));
            Json::Object(pairs.collect::<Option<_>>()?)
        }
        Value::Datetime(_) => return None,
    })
}

/// What a line of the file says.
enum Line<'a> {
    Blank,
    Header(Vec<String>),
    Key(Entry, bool),
    /// `# [a.b]`, or `# [[a.b]]`.
    Example(Vec<String>, bool),
    /// `# key = value  # description`
    ExampleKey(Entry),
    /// `#          # more of the description`
    More(&'a str),
    /// `# words`, or `# # words` in an example.
    Words(&'a str),
}

struct Entry {
    key: String,
    value: Value,
    comment: String,
}

fn line(text: &str) -> Line<'_> {
    if text.trim().is_empty() {
        return Line::Blank;
    }
    let Some(comment) = text.strip_prefix('#') else {
        return match header(text) {
            Some((path, _)) => Line::Header(path),
            None => entry(text).map_or(Line::Blank, |entry| Line::Key(entry, true)),
        };
    };
    let Some(words) = comment.strip_prefix(' ') else {
        return entry(comment).map_or(Line::Words(""), |entry| Line::Key(entry, false));
    };
    if let Some((path, list)) = header(words) {
        return Line::Example(path, list);
    }
    if words.starts_with("  ") && words.trim_start().starts_with('#') {
        return Line::More(words.trim().trim_start_matches('#').trim());
    }
    let looks = words.starts_with(|c: char| c.is_ascii_lowercase()) && words.contains(" = ");
    match entry(words).filter(|_| looks) {
        Some(entry) => Line::ExampleKey(entry),
        None => Line::Words(words.trim_start_matches('#').trim()),
    }
}

fn header(text: &str) -> Option<(Vec<String>, bool)> {
    let text = text.split('#').next().unwrap_or_default().trim();
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let (inner, list) = match inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let path = toml_edit::Key::parse(inner).ok()?;
    Some((path.iter().map(|key| key.get().to_owned()).collect(), list))
}

fn entry(text: &str) -> Option<Entry> {
    let document: DocumentMut = text.parse().ok()?;
    let (key, item) = document.iter().next()?;
    let value = item.as_value()?;
    let comment = value
        .decor()
        .suffix()
        .and_then(|suffix| suffix.as_str())
        .unwrap_or_default();
    // The end of a document holds what stands behind its last line.
    let comment = if comment.trim().is_empty() {
        document.trailing().as_str().unwrap_or_default()
    } else {
        comment
    };
    let comment = comment.trim().trim_start_matches('#').trim().to_owned();
    let mut value = value.clone();
    value.decor_mut().clear();
    Some(Entry {
        key: key.to_owned(),
        value,
        comment,
    })
}

#[derive(Default)]
struct Reader {
    root: Node,
    section: Vec<Step>,
    /// What was said since the last key or header.
    words: Vec<String>,
    /// The example one is in, and what it has: kept until its section's header comes.
    example: Option<(Vec<String>, bool)>,
    examples: Vec<(Vec<String>, bool, Entry)>,
    /// What was said inside of an example since its last key.
    aside: Vec<String>,
}

fn read(text: &str) -> Node {
    let mut reader = Reader::default();
    for text in text.lines() {
        reader.take(line(text));
    }
    reader.root.section = true;
    reader.root
}

fn keys_of(path: &[&str]) -> Vec<Step> {
    path.iter().map(|key| Step::Key((*key).to_owned())).collect()
}

fn keys(path: &[String]) -> Vec<Step> {
    path.iter().cloned().map(Step::Key).collect()
}

impl Reader {
    fn take(&mut self, line: Line<'_>) {
        match line {
            Line::Blank => {
                self.words.clear();
                self.example = None;
            }
            Line::Header(path) => {
                let about = self.said();
                self.section = keys(&path);
                let node = self.root.at(&self.section);
                node.section = true;
                node.description = about;
                self.place_examples(&path);
            }
            Line::Key(entry, default) => {
                // A list's example stands above it, in its own section.
                self.place_lists();
                let description = self.said();
                let path = [self.section.clone(), vec![Step::Key(entry.key)]].concat();
                let node = self.root.at(&path);
                node.description = description;
                node.value = Some(entry.value);
                node.default = default;
            }
            Line::Example(path, list) => {
                self.example = Some((path, list));
                self.aside.clear();
            }
            Line::ExampleKey(mut entry) => {
                let Some((path, list)) = self.example.clone() else {
                    return;
                };
                if entry.comment.is_empty() {
                    entry.comment = self.aside.join(" ");
                }
                self.aside.clear();
                self.examples.push((path, list, entry));
            }
            Line::More(words) => {
                if let Some((_, _, entry)) = self.examples.last_mut() {
                    entry.comment = format!("{} {words}", entry.comment);
                }
            }
            Line::Words(words) if self.example.is_some() => self.aside.push(words.to_owned()),
            Line::Words(words) => self.words.push(words.to_owned()),
        }
    }

    fn said(&mut self) -> String {
        self.example = None;
        let words = std::mem::take(&mut self.words).join(" ");
        words.trim().to_owned()
    }

    /// Puts examples below the section they are about, where names and keys take turns.
    fn place_examples(&mut self, section: &[String]) {
        for (path, _, entry) in std::mem::take(&mut self.examples) {
            let Some(below) = path.strip_prefix(section) else {
                continue;
            };
            let steps = below.iter().enumerate().map(|(nth, step)| match nth % 2 {
                0 => Step::Name,
                _ => Step::Key(step.clone()),
            });
            let path = [keys(section), steps.collect(), vec![Step::Key(entry.key)]].concat();
            let node = self.root.at(&path);
            node.description = entry.comment;
            node.value = Some(entry.value);
        }
    }

    fn place_lists(&mut self) {
        let (lists, others) = std::mem::take(&mut self.examples)
            .into_iter()
            .partition(|(_, list, _)| *list);
        self.examples = others;
        let lists: Vec<(Vec<String>, bool, Entry)> = lists;
        for (path, _, entry) in lists {
            let path = [keys(&path), vec![Step::Item, Step::Key(entry.key)]].concat();
            let node = self.root.at(&path);
            node.description = entry.comment;
            node.value = Some(entry.value);
        }
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
