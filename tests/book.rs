//! The book in `docs/`: what is made from the program is current, every page is in it, and no link in it leads nowhere.
//!
//! `OTUS_BLESS=1 cargo test -p otus --test book` writes the pages that are made.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pages;

use regex::Regex;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn is_current(path: &str, made: &str) {
    if std::env::var_os("OTUS_BLESS").is_some() {
        std::fs::write(root().join(path), made).unwrap();
    }
    let stands = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    if stands != made {
        let line = stands.lines().zip(made.lines()).position(|(old, new)| old != new);
        panic!(
            "{path} is not current, from line {}: OTUS_BLESS=1 cargo test -p otus --test book writes it anew",
            line.unwrap_or_default() + 1
        );
    }
}

#[test]
fn the_page_of_commands_is_current() {
    is_current("docs/commands.md", &pages::commands());
}

#[test]
fn the_page_of_the_configuration_is_current() {
    let defaults = read("config/default.toml");
    let made = pages::configuration(&defaults);
    // Nothing was lost on the way: each key of the file, whether it has a default or not, has its heading.
    let table: toml::Table = toml::from_str(&defaults).unwrap();
    let mut keys = Vec::new();
    flat(&table, "", &mut keys);
    assert!(keys.len() > 100, "{keys:?}");
    for key in keys {
        assert!(made.contains(&format!("### `{key}`\n")), "{key}");
    }
    is_current("docs/configuration.md", &made);
}

fn flat(table: &toml::Table, at: &str, keys: &mut Vec<String>) {
    for (key, value) in table {
        let path = if at.is_empty() {
            key.clone()
        } else {
            format!("{at}.{key}")
        };
        match value {
            toml::Value::Table(table) => flat(table, &path, keys),
            _ => keys.push(path),
        }
    }
}

/// The pages of the book's folder, relative to it.
fn book() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("docs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".md")).collect()
}

/// What is linked, with the line it is in. Code is left out.
fn links(text: &str) -> Vec<(usize, String)> {
    let link = Regex::new(r#"\]\(([^)\s]+)(?:\s+"[^"]*")?\)"#).unwrap();
    let spans = Regex::new(r"``[^`](?:.*?[^`])?``|`[^`]*`").unwrap();
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let bare = spans.replace_all(line, |code: &regex::Captures<'_>| "x".repeat(code[0].len()));
        found.extend(
            link.captures_iter(&bare)
                .map(|found| (number + 1, found[1].to_owned())),
        );
    }
    found
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) else {
            continue;
        };
        let anchor: String = heading
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'))
            .map(|one| if one == ' ' { '-' } else { one })
            .collect();
        let times = seen.entry(anchor.clone()).or_default();
        found.insert(if *times == 0 {
            anchor
        } else {
            format!("{anchor}-{times}")
        });
        *times += 1;
    }
    found
}

/// A path without `.` and `..`, as long as it stays within the workspace.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            _ => return None,
        }
    }
    Some(plain)
}

#[test]
fn every_page_is_in_the_book() {
    let summary = read("docs/SUMMARY.md");
    let listed: Vec<String> = links(&summary).into_iter().map(|(_, target)| target).collect();
    let set: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), set.len(), "a page is in it twice: {listed:?}");
    let mut pages = book();
    assert!(pages.remove("SUMMARY.md"));
    assert_eq!(set, pages);
    let settings: toml::Table = toml::from_str(&read("book.toml")).unwrap();
    assert_eq!(settings["book"]["src"].as_str(), Some("docs"));
}

#[test]
fn no_link_leads_nowhere() {
    let mut files: Vec<PathBuf> = book()
        .into_iter()
        .map(|name| Path::new("docs").join(name))
        .collect();
    files.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(PathBuf::from));
    let mut dead = Vec::new();
    let mut count = 0;
    for file in files {
        let text = read(file.to_str().unwrap());
        for (line, target) in links(&text) {
            if target.starts_with("https://")
                || target.starts_with("http://")
                || target.starts_with("mailto:")
            {
                continue;
            }
            count += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let to = if path.is_empty() {
                Some(file.clone())
            } else {
                plain(&file.parent().unwrap().join(path))
            };
            let why = match to {
                Some(to) if root().join(&to).exists() => {
                    // The book is only what is below docs/: from its pages nothing else can be reached.
                    if file.starts_with("docs") && !to.starts_with("docs") {
                        Some("is outside of the book")
                    } else if !anchor.is_empty() && !anchors(&read(to.to_str().unwrap())).contains(anchor) {
                        Some("has no such heading")
                    } else {
                        None
                    }
                }
                _ => Some("is not there"),
            };
            if let Some(why) = why {
                dead.push(format!("{}:{line}: {target} {why}", file.display()));
            }
        }
    }
    assert!(count > 40, "links are not found any more");
    assert!(dead.is_empty(), "{dead:#?}");
}

/// What a text claims a test proves is a test there is: `tests/file.rs: name_of_the_test`.
#[test]
fn the_tests_that_back_a_claim_are_there() {
    let page = read("SECURITY.md");
    let claim = Regex::new(r"`((?:[a-z_]+/)*[a-z_]+\.rs): ([a-z0-9_]+)`").unwrap();
    let mut count = 0;
    for found in claim.captures_iter(&page) {
        count += 1;
        let (path, name) = (&found[1], &found[2]);
        let text = read(path);
        assert!(text.contains(&format!("fn {name}(")), "{path} has no test {name}");
    }
    assert!(count > 15, "the claims are not found any more");
}
