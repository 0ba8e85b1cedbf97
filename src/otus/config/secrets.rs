//! What nobody may see, and secrets that lie in files.

use super::{
    Fault,
    place::{Path, Places},
};
use serde_json::Value as Json;

/// Keys whose value can also be in a file named by the key with `_file` behind it. Prometheus' own are read by its client,
/// anew for every query.
const FROM_FILES: [[&str; 2]; 4] = [
    ["slack", "bot_token"],
    ["slack", "app_token"],
    ["slack", "signing_secret"],
    ["store", "url"],
];

/// What stands in place of a secret: nothing of it, not even its length.
pub(super) const HIDDEN: &str = "••••";

/// Whether a key's value is secret. Rather one too many: responders of others have keys nobody here knows.
pub(super) fn is_secret(path: &[String]) -> bool {
    let within = |section: [&str; 2]| path.len() > 2 && path[0] == section[0] && path[1] == section[1];
    if within(["prometheus", "headers"]) || (within(["log", "otlp"]) && path[2] == "headers") {
        return true;
    }
    path.last().is_some_and(|key| {
        let key = key.to_lowercase();
        !key.ends_with("_file")
            && !key.ends_with("_lifetime")
            && [
                "token",
                "secret",
                "password",
                "passphrase",
                "api_key",
                "private_key",
                "credential",
            ]
            .iter()
            .any(|word| key.contains(word))
    }) && path
        .first()
        .is_some_and(|section| section != "roles" && section != "services" && section != "environments")
}

/// A value as it may be shown: without the name and password in an address.
pub(super) fn discreet(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}@{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

/// Puts in what lies in files.
pub(super) fn read_files(tree: &mut Json, places: &mut Places, faults: &mut Vec<Fault>) {
    for [section, key] in FROM_FILES {
        let Some(table) = tree.get_mut(section).and_then(Json::as_object_mut) else {
            continue;
        };
        let file_key = format!("{key}_file");
        let Some(file) = table.remove(&file_key) else {
            continue;
        };
        let path: Path = vec![section.into(), key.into()];
        let file_path: Path = vec![section.into(), file_key.clone()];
        let place = places.get(&file_path);
        let mut fault = |message: String| faults.push(Fault::new(place.clone(), &file_path, message));
        let Json::String(file) = file else {
            fault("a text is expected: the name of a file".into());
            continue;
        };
        if table.contains_key(key) {
            let other = places.get(&path);
            fault(format!(
                "{section}.{key} is given, too ({other}); keep one of them"
            ));
            continue;
        }
        match std::fs::read_to_string(&file) {
            Ok(text) if text.trim().is_empty() => fault(format!("the file {file} is empty")),
            Ok(text) => {
                table.insert(key.into(), Json::String(text.trim().to_owned()));
                places.replace(path, place);
            }
            Err(error) => fault(format!("the file {file} cannot be read: {error}")),
        }
    }
}

/// Keys with `_file` that a section takes besides its own.
pub(super) fn file_keys(section: &str) -> Vec<String> {
    FROM_FILES
        .iter()
        .filter(|[owner, _]| *owner == section)
        .map(|[_, key]| format!("{key}_file"))
        .collect()
}
