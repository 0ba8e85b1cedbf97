//! Purpose: the `[flags]` section of the configuration.

use crate::{
    definition::Document,
    fault::perhaps,
    unleash::{UnleashConfig, UnleashSet},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// A token that is shorter can be guessed.
const SHORTEST: usize = 16;

/// What flag sets there are, who may ask for them, and how often.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlagsConfig {
    /// The origins of pages that may ask from a browser, such as `https://shop.example.com`. A star means all: what a browser's
    /// token lets it see is no secret then.
    pub origins: Vec<String>,
    /// How many requests a second each address may make with one token, on the average; twice that at once. 0 means any number.
    pub requests_per_second: u32,
    /// How many may listen at the same time.
    pub streams: u32,
    /// How often something is sent to who listens, so that nothing between takes the connection for a dead one.
    pub heartbeat_seconds: u32,
    /// Flag sets, by name. Every environment has one of its name, without being listed here.
    pub sets: BTreeMap<String, SetConfig>,
    /// Unleash servers, by a name of your choice, for sets whose flags are there.
    pub unleash: BTreeMap<String, UnleashConfig>,
    /// Who asks, by a name of your choice. Without any, nobody is answered.
    pub clients: BTreeMap<String, ClientConfig>,
}

/// A flag set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SetConfig {
    /// A file in flagd's format that the set begins with, when nobody has written to it yet.
    pub seed_file: Option<PathBuf>,
    /// A repository on GitHub with such a file, instead: `owner/name`. The newest commit of its default branch is taken.
    pub seed_repository: Option<String>,
    /// Where the file is in the repository. Without it: `flags.json`.
    pub seed_path: Option<String>,
    /// The Unleash server where its flags are, by its name below `[flags.unleash]`. Without one they are kept here.
    pub unleash: Option<String>,
    /// What the environment is called there. Without it, as the set.
    pub unleash_environment: Option<String>,
}

/// Who asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// The flag set it gets: an environment's, as a rule.
    pub set: String,
    /// What it sends as a bearer token or as `X-API-Key`.
    #[serde(default)]
    pub token: SecretString,
    /// A file with the token, instead. Read when the robot starts.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Whether it may have the rules themselves, for flagd. Not for what is sent to browsers.
    #[serde(default)]
    pub documents: bool,
}

impl Default for FlagsConfig {
    fn default() -> Self {
        Self {
            origins: vec!["*".to_owned()],
            requests_per_second: 200,
            streams: 20_000,
            heartbeat_seconds: 25,
            sets: BTreeMap::new(),
            unleash: BTreeMap::new(),
            clients: BTreeMap::new(),
        }
    }
}

/// What is wrong with the section: the keys that lead there, and a sentence.
pub type ConfigFault = (Vec<String>, String);

impl FlagsConfig {
    /// The section with tokens read from their files, for sets of these names beside its own.
    ///
    /// # Errors
    /// All that is wrong with it. No token is in it.
    pub fn ready(&self, environments: &[&str]) -> Result<Self, Vec<ConfigFault>> {
        let mut ready = self.clone();
        let mut faults: Vec<ConfigFault> = Vec::new();
        let mut fault = |keys: &[&str], what: String| {
            faults.push((keys.iter().map(|key| (*key).to_owned()).collect(), what));
        };
        let sets: BTreeSet<&str> = environments
            .iter()
            .copied()
            .chain(self.sets.keys().map(String::as_str))
            .collect();
        for name in self.sets.keys().filter(|name| !is_name(name)) {
            let what = "a flag set's name has letters, digits, - and _, at most 60".to_owned();
            fault(&["sets", name], what);
        }
        if self.heartbeat_seconds == 0 {
            fault(&["heartbeat_seconds"], "has to be 1 or more".into());
        }
        for (name, server) in &mut ready.unleash {
            for (key, what) in server.ready() {
                fault(&["unleash", name, key], what);
            }
        }
        for (name, set) in &self.sets {
            match &set.unleash {
                None if set.unleash_environment.is_some() => {
                    let what = "is of no use without unleash, which says on which server".to_owned();
                    fault(&["sets", name, "unleash_environment"], what);
                }
                None => {}
                Some(server) if !self.unleash.contains_key(server) => {
                    let near = perhaps(server, self.unleash.keys().map(String::as_str));
                    let what = format!("there is no server {server:?} below [flags.unleash]{near}");
                    fault(&["sets", name, "unleash"], what);
                }
                Some(_) if set.seed_file.is_some() || set.seed_repository.is_some() => {
                    let what = "the set is in Unleash, which is not begun from a file".to_owned();
                    fault(&["sets", name, "seed_file"], what);
                }
                Some(_) => {}
            }
        }
        for (name, set) in &self.sets {
            let Some(repository) = &set.seed_repository else {
                if set.seed_path.is_some() {
                    let what = "is of no use without seed_repository".to_owned();
                    fault(&["sets", name, "seed_path"], what);
                }
                continue;
            };
            let parts: Vec<&str> = repository.split('/').collect();
            if parts.len() != 2 || parts.iter().any(|part| part.is_empty()) {
                let what = "is a repository on GitHub, written owner/name".to_owned();
                fault(&["sets", name, "seed_repository"], what);
            } else if set.seed_file.is_some() {
                fault(
                    &["sets", name, "seed_repository"],
                    "seed_file is given, too; keep one of both".into(),
                );
            }
        }
        let away = |set: &str| self.sets.get(set).is_some_and(|set| set.unleash.is_some());
        let mut tokens: BTreeMap<String, &str> = BTreeMap::new();
        for (name, client) in &mut ready.clients {
            if !sets.contains(client.set.as_str()) {
                let near = perhaps(&client.set, sets.iter().copied());
                let what = format!(
                    "there is no environment {:?}, and no such set below [flags.sets]{near}",
                    client.set
                );
                fault(&["clients", name, "set"], what);
            } else if away(&client.set) {
                // Unleash divides people otherwise: the same person would have a flag here and not there.
                let what = "its flags are in Unleash: applications ask Unleash for them, with its own SDKs"
                    .to_owned();
                fault(&["clients", name, "set"], what);
            }
            if let Some(file) = &client.token_file {
                if !client.token.expose_secret().is_empty() {
                    let what = "the token is given, too; keep one of both".into();
                    fault(&["clients", name, "token_file"], what);
                    continue;
                }
                match std::fs::read_to_string(file) {
                    Ok(text) => client.token = text.trim().into(),
                    Err(error) => {
                        let what = format!("{} cannot be read: {error}", file.display());
                        fault(&["clients", name, "token_file"], what);
                        continue;
                    }
                }
            }
            let token = client.token.expose_secret();
            if token.is_empty() {
                let what = "it has no token, so anybody could ask; set token or token_file".into();
                fault(&["clients", name], what);
            } else if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                let what = format!("a token has {SHORTEST} letters, digits or signs or more, and no blanks");
                fault(&["clients", name, "token"], what);
            } else if let Some(other) = tokens.insert(token.to_owned(), name) {
                let what = format!("{other} has the same token; nobody could tell them apart");
                fault(&["clients", name, "token"], what);
            }
        }
        drop(tokens);
        if faults.is_empty() { Ok(ready) } else { Err(faults) }
    }

    /// The sets that begin with a file of a repository: the set, `owner/name`, and the path.
    #[must_use]
    pub fn repository_seeds(&self) -> Vec<(String, String, String)> {
        let seeds = self.sets.iter().filter_map(|(name, set)| {
            let path = set.seed_path.clone().unwrap_or_else(|| "flags.json".to_owned());
            Some((name.clone(), set.seed_repository.clone()?, path))
        });
        seeds.collect()
    }

    /// The Unleash servers that some set is on, with their sets.
    #[must_use]
    pub fn servers(&self) -> BTreeMap<String, (UnleashConfig, Vec<UnleashSet>)> {
        let mut servers: BTreeMap<String, (UnleashConfig, Vec<UnleashSet>)> = BTreeMap::new();
        for (name, set) in &self.sets {
            let Some((server, config)) = set
                .unleash
                .as_ref()
                .and_then(|server| self.unleash.get_key_value(server))
            else {
                continue;
            };
            let entry = servers
                .entry(server.clone())
                .or_insert_with(|| (config.clone(), Vec::new()));
            entry.1.push(UnleashSet {
                set: name.clone(),
                environment: set.unleash_environment.clone().unwrap_or_else(|| name.clone()),
            });
        }
        servers
    }

    /// The sets that begin with a file, as far as it can be read.
    ///
    /// # Errors
    /// Which file cannot be, and why.
    pub fn seeds(&self) -> Result<Vec<(String, Document)>, ConfigFault> {
        let mut seeds = Vec::new();
        for (name, set) in &self.sets {
            let Some(file) = &set.seed_file else { continue };
            let document = read_seed(file).map_err(|what| {
                let keys = ["sets", name, "seed_file"].map(str::to_owned).to_vec();
                (keys, what)
            })?;
            seeds.push((name.clone(), document));
        }
        Ok(seeds)
    }
}

/// Reads a file of flags, and checks it whole.
///
/// # Errors
/// What is wrong with it, in a sentence that begins with its name.
pub fn read_seed(file: &Path) -> Result<Document, String> {
    let wrong = |what: String| format!("{}: {what}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    let document = Document::from_json(&text).map_err(|faults| wrong(faults.to_string()))?;
    let faults = crate::check(&document);
    if faults.is_empty() {
        Ok(document)
    } else {
        Err(wrong(crate::Faults(faults).to_string()))
    }
}

/// Whether it can be a set's name: it is a part of an address.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=60).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let config: FlagsConfig = toml::from_str(text).unwrap();
        let faults = config.ready(&["production"]).err().unwrap_or_default();
        faults
            .into_iter()
            .map(|(keys, what)| format!("{}: {what}", keys.join(".")))
            .collect()
    }

    #[test]
    fn it_is_read_and_keeps_its_secret() {
        let text = "[clients.web]\nset = \"production\"\ntoken = \"hush-hush-hush-hush\"\n";
        let config: FlagsConfig = toml::from_str(text).unwrap();
        assert_eq!(config.clients["web"].set, "production");
        assert!(!config.clients["web"].documents);
        assert_eq!((config.requests_per_second, config.streams), (200, 20_000));
        assert!(!format!("{:?}", config.ready(&["production"])).contains("hush"));
    }

    #[test]
    fn a_token_may_be_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        let text = format!("[clients.web]\nset = \"production\"\ntoken_file = {file:?}\n");
        let config: FlagsConfig = toml::from_str(&text).unwrap();
        let ready = config.ready(&["production"]).unwrap();
        assert_eq!(ready.clients["web"].token.expose_secret(), "0123456789abcdef");
    }

    #[test]
    fn what_cannot_work_is_told() {
        assert!(
            toml::from_str::<FlagsConfig>("stream = 1")
                .unwrap_err()
                .to_string()
                .contains("`streams`")
        );
        assert_eq!(
            faults(
                "heartbeat_seconds = 0\n[sets.\"a b\"]\n[clients.a]\nset = \"prodution\"\ntoken = \"0123456789abcdef\"\n\
                 [clients.b]\nset = \"production\"\n[clients.c]\nset = \"production\"\ntoken = \"short\"\n\
                 [clients.d]\nset = \"production\"\ntoken = \"0123456789abcdef\"\n\
                 [clients.e]\nset = \"production\"\ntoken = \"0123456789abcdeg\"\ntoken_file = \"/none\"\n\
                 [clients.f]\nset = \"production\"\ntoken_file = \"/no/such/file\"\n"
            ),
            [
                "sets.a b: a flag set's name has letters, digits, - and _, at most 60",
                "heartbeat_seconds: has to be 1 or more",
                "clients.a.set: there is no environment \"prodution\", and no such set below [flags.sets]; did you mean `production`?",
                "clients.b: it has no token, so anybody could ask; set token or token_file",
                "clients.c.token: a token has 16 letters, digits or signs or more, and no blanks",
                "clients.d.token: a has the same token; nobody could tell them apart",
                "clients.e.token_file: the token is given, too; keep one of both",
                "clients.f.token_file: /no/such/file cannot be read: No such file or directory (os error 2)",
            ]
        );
    }

    #[test]
    fn sets_in_unleash_are_read_and_their_faults_are_told() {
        let text = "[unleash.main]\nurl = \"https://unleash.example.com\"\ntoken = \"*:*.hush\"\n\
                    [sets.production]\nunleash = \"main\"\n[sets.mobile]\nunleash = \"main\"\nunleash_environment = \"prod\"\n";
        let config: FlagsConfig = toml::from_str(text).unwrap();
        let ready = config.ready(&["production"]).unwrap();
        assert!(!format!("{ready:?}").contains("hush"));
        let (server, sets) = &ready.servers()["main"];
        assert_eq!(server.project, "default");
        let names: Vec<_> = sets
            .iter()
            .map(|set| (set.set.as_str(), set.environment.as_str()))
            .collect();
        assert_eq!(names, [("mobile", "prod"), ("production", "production")]);
        assert_eq!(
            faults(
                "[unleash.main]\nurl = \"unleash.example.com\"\nproject = \"\"\n\
                 [unleash.user]\nurl = \"https://me:word@unleash.example.com\"\ntoken = \"a\"\ntoken_file = \"/none\"\n\
                 [sets.production]\nunleash = \"mian\"\n[sets.mobile]\nunleash = \"main\"\nseed_file = \"/none\"\n\
                 [sets.web]\nunleash_environment = \"x\"\nseed_path = \"x\"\n\
                 [sets.tv]\nseed_repository = \"acme\"\n\
                 [clients.a]\nset = \"mobile\"\ntoken = \"0123456789abcdef\"\n"
            ),
            [
                "unleash.main.url: is no address: relative URL without a base",
                "unleash.main.project: is the id of a project, such as \"default\"",
                "unleash.main.token: is empty; Unleash makes one under Admin settings, Service accounts",
                "unleash.user.url: has only a host and a path: the token is a setting of its own",
                "unleash.user.token_file: the token is given, too; keep one of both",
                "sets.mobile.seed_file: the set is in Unleash, which is not begun from a file",
                "sets.production.unleash: there is no server \"mian\" below [flags.unleash]; did you mean `main`?",
                "sets.web.unleash_environment: is of no use without unleash, which says on which server",
                "sets.tv.seed_repository: is a repository on GitHub, written owner/name",
                "sets.web.seed_path: is of no use without seed_repository",
                "clients.a.set: its flags are in Unleash: applications ask Unleash for them, with its own SDKs",
            ]
        );
    }

    #[test]
    fn a_seed_is_checked_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flags.json");
        let text = format!("[sets.production]\nseed_file = {file:?}\n");
        let config: FlagsConfig = toml::from_str(&text).unwrap();
        assert!(config.seeds().unwrap_err().1.contains("cannot be read"));
        let flag = |default: &str| {
            format!(
                r#"{{"flags":{{"nav":{{"state":"ENABLED","variants":{{"on":true,"off":false}},"defaultVariant":"{default}"}}}}}}"#
            )
        };
        std::fs::write(&file, flag("of")).unwrap();
        assert!(config.seeds().unwrap_err().1.contains("did you mean `off`?"));
        std::fs::write(&file, flag("off")).unwrap();
        assert_eq!(config.seeds().unwrap()[0].1.flags.len(), 1);
    }
}
