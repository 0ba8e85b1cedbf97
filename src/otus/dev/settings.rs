//! The configuration of the robot that somebody works on: the demo's, and over it what they wrote.

use anyhow::Context as _;
use serde_json::{Map, Value as Json};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

/// Where somebody's own part of it is, below the folder they work in.
pub(super) const OWN: &str = "config/dev.toml";

/// The file that is written for the robot, and what it is made of.
#[derive(Debug)]
pub(super) struct Config {
    /// The emulated world's, lowest first.
    below: Vec<String>,
    own: PathBuf,
    file: PathBuf,
    written: String,
    /// Where the robot serves HTTP.
    pub(super) http: SocketAddr,
}

impl Config {
    /// Writes it.
    pub(super) fn new(
        layers: &[String],
        executables: Option<&Path>,
        own: PathBuf,
        file: PathBuf,
    ) -> anyhow::Result<Self> {
        let mut below = layers.to_vec();
        // A port that nobody has now; the robot takes it in a moment, and again after each build.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        below.push(format!("[http]\nlisten = \"{free}\"\n"));
        if let Some(folder) = executables {
            let folder = toml_edit::Value::from(folder.display().to_string());
            below.push(format!("[responders.executables]\nfolder = {folder}\n"));
        }
        let mut config = Self {
            below,
            own,
            file,
            written: String::new(),
            http: free,
        };
        config.write()?;
        Ok(config)
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Writes it again, if anything changed: whether it did.
    pub(super) fn write(&mut self) -> anyhow::Result<bool> {
        let mut all = Json::Object(Map::new());
        for text in &self.below {
            merge(&mut all, toml_edit::de::from_str(text)?);
        }
        if self.own.exists() {
            let name = self.own.display();
            let text =
                std::fs::read_to_string(&self.own).with_context(|| format!("{name} cannot be read"))?;
            merge(
                &mut all,
                toml_edit::de::from_str(&text).with_context(|| format!("{name} is no TOML"))?,
            );
        }
        if let Some(listen) = all.pointer("/http/listen").and_then(Json::as_str) {
            self.http = listen
                .parse()
                .with_context(|| format!("http.listen: {listen:?} is no address"))?;
        }
        let text = toml_edit::ser::to_string_pretty(&all)?;
        if text == self.written {
            return Ok(false);
        }
        // Whole or not at all: the robot may look at any moment.
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, &text)?;
        std::fs::rename(&beside, &self.file)?;
        self.written = text;
        Ok(true)
    }
}

/// Puts one over the other: tables are merged, all else is replaced.
fn merge(below: &mut Json, over: Json) {
    match (below, over) {
        (Json::Object(below), Json::Object(over)) => {
            for (key, value) in over {
                merge(below.entry(key).or_insert(Json::Null), value);
            }
        }
        (below, over) => *below = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DEMO, Origin, load};

    fn loaded(file: &Path) -> crate::config::Loaded {
        load(&Origin {
            file: Some(file.to_owned()),
            ..Origin::default()
        })
    }

    #[test]
    fn what_somebody_wrote_lies_over_the_demos() {
        let folder = tempfile::tempdir().unwrap();
        let (own, file) = (folder.path().join("dev.toml"), folder.path().join("otus.toml"));
        let layers = [
            DEMO.to_owned(),
            "[slack]\nbot_token = \"xoxb-1\"\napp_token = \"xapp-1\"\n".to_owned(),
        ];
        let commands = Some(folder.path());
        let mut config = Config::new(&layers, commands, own.clone(), file.clone()).unwrap();
        let settings = loaded(&file).runnable().unwrap();
        assert_eq!(settings.http.listen, config.http);
        let of_executables = &settings.responders["executables"]["folder"];
        assert_eq!(of_executables, &folder.path().display().to_string());
        assert!(!config.write().unwrap(), "nothing changed");

        std::fs::write(
            &own,
            "[http]\nlisten = \"127.0.0.1:4\"\n[responders.deploy]\nstability = \"9s\"\n",
        )
        .unwrap();
        assert!(config.write().unwrap());
        let settings = loaded(&file).runnable().unwrap();
        assert_eq!(config.http, "127.0.0.1:4".parse().unwrap());
        assert_eq!(settings.http.listen, config.http);
        // Its other keys stay the demo's.
        assert_eq!(settings.responders["deploy"]["stability"], "9s");
        assert_eq!(settings.responders["deploy"]["grace"], "5s");

        // What is wrong is told, and what was good stays.
        std::fs::write(&own, "[http\n").unwrap();
        let why = format!("{:#}", config.write().unwrap_err());
        assert!(why.contains("dev.toml is no TOML"), "{why}");
        assert_eq!(loaded(&file).runnable().unwrap().http.listen, config.http);
    }
}
