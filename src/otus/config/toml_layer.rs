//! A TOML file as a layer: its values for the `config` crate, and the line of each.

use super::{
    Fault, Place,
    place::{Path, Places},
    settings::SECTIONS,
};
use config::{ConfigError, Map, Source, Value, ValueKind};
use std::ops::Range;
use toml_edit::{Document, Item, TableLike};

/// What a layer's lines are called.
#[derive(Debug, Clone)]
pub(super) enum Name {
    Default,
    File(String),
    Program(&'static str),
}

/// A layer, read.
#[derive(Debug, Clone, Default)]
pub(super) struct TomlLayer {
    sections: Map<String, Value>,
    pub(super) places: Places,
    pub(super) faults: Vec<Fault>,
    /// It is no TOML.
    pub(super) unreadable: bool,
}

impl TomlLayer {
    pub(super) fn read(name: &Name, text: &str) -> Self {
        let mut reader = Reader {
            name,
            text,
            layer: Self::default(),
        };
        match Document::parse(text) {
            Ok(document) => reader.sections(document.as_table()),
            Err(error) => {
                let place = reader.place(error.span());
                reader.layer.unreadable = true;
                let message = error.message().trim().replace('\n', ", ");
                reader
                    .layer
                    .faults
                    .push(Fault::new(place, &[], format!("this is not TOML: {message}")));
            }
        }
        reader.layer
    }
}

struct Reader<'a> {
    name: &'a Name,
    text: &'a str,
    layer: TomlLayer,
}

impl Reader<'_> {
    fn place(&self, span: Option<Range<usize>>) -> Place {
        match self.name {
            Name::Default => Place::Default,
            Name::Program(what) => Place::Program(what),
            Name::File(name) => {
                let before = span.map_or(0, |span| span.start.min(self.text.len()));
                let line = 1 + self.text.as_bytes()[..before]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                Place::File {
                    name: name.clone(),
                    line,
                }
            }
        }
    }

    /// Only the sections there are go on: the `config` crate reads names at the top as paths (`a[9]`), and what is no
    /// section is a fault anyway.
    fn sections(&mut self, root: &toml_edit::Table) {
        for (name, item) in root.iter() {
            let path = vec![name.to_owned()];
            let place = self.place(root.key(name).and_then(toml_edit::Key::span));
            if !SECTIONS.contains(&name) {
                let message = super::read::no_such(name, SECTIONS, "section");
                self.layer.faults.push(Fault::new(place, &path, message));
            } else if item.is_table_like() {
                let value = self.item(item, path.clone());
                self.layer.places.set(path, place);
                self.layer.sections.insert(name.to_owned(), value);
            } else {
                let message = format!("this is a section: write [{name}], and its keys below");
                self.layer.faults.push(Fault::new(place, &path, message));
            }
        }
    }

    fn item(&mut self, item: &Item, path: Path) -> Value {
        if let Some(table) = item.as_table_like() {
            return self.table(table, &path);
        }
        if let Some(tables) = item.as_array_of_tables() {
            let items = tables.iter().map(|table| self.table(table, &path)).collect();
            return Value::new(None, ValueKind::Array(items));
        }
        match item.as_value() {
            Some(value) => self.value(value, &path),
            None => Value::new(None, ValueKind::Nil),
        }
    }

    fn table(&mut self, table: &dyn TableLike, path: &Path) -> Value {
        let mut map = Map::new();
        for (name, item) in table.iter() {
            let mut path = path.clone();
            path.push(name.to_owned());
            let span = table
                .key(name)
                .and_then(toml_edit::Key::span)
                .or_else(|| item.span());
            let place = self.place(span);
            let value = self.item(item, path.clone());
            self.layer.places.set(path, place);
            map.insert(name.to_owned(), value);
        }
        Value::new(None, ValueKind::Table(map))
    }

    fn value(&mut self, value: &toml_edit::Value, path: &Path) -> Value {
        let kind = match value {
            toml_edit::Value::String(text) => ValueKind::String(text.value().clone()),
            toml_edit::Value::Integer(number) => ValueKind::I64(*number.value()),
            toml_edit::Value::Float(number) => ValueKind::Float(*number.value()),
            toml_edit::Value::Boolean(truth) => ValueKind::Boolean(*truth.value()),
            toml_edit::Value::Datetime(moment) => ValueKind::String(moment.value().to_string()),
            toml_edit::Value::Array(items) => {
                ValueKind::Array(items.iter().map(|item| self.value(item, path)).collect())
            }
            toml_edit::Value::InlineTable(table) => return self.table(table, path),
        };
        Value::new(None, kind)
    }
}

impl Source for TomlLayer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.sections.clone())
    }
}
