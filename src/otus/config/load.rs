//! All layers, merged and read.

use super::{
    DEFAULT, Fault, Faults, Place, Settings,
    env_layer::EnvLayer,
    place::{Places, printable},
    read::Reading,
    secrets,
    settings::SECTIONS,
    toml_layer::{Name, TomlLayer},
};
use config::{Config, Source, ValueKind};
use serde_json::{Map, Value as Json};
use std::{ffi::OsString, path::PathBuf};

/// What is read when nobody names a file.
const LOCAL: &str = "config/local.toml";

/// Where the layers above the built-in one come from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The file of `--config`. It must be there.
    pub file: Option<PathBuf>,
    /// Whether `config/local.toml` is read when no file is named, and it is there.
    pub local: bool,
    /// The environment variables.
    pub env: Vec<(OsString, OsString)>,
    /// Layers of the program itself above the built-in one, lowest first: what to call each, and its text.
    pub program: Vec<(&'static str, String)>,
}

impl Origin {
    /// As the process was started.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        Self {
            file,
            local: true,
            env: std::env::vars_os().collect(),
            program: Vec::new(),
        }
    }
}

/// What came together.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// As types. What was at fault has its default in it.
    pub settings: Settings,
    pub(super) tree: Json,
    pub(super) places: Places,
    /// Everything that is wrong.
    pub faults: Faults,
    /// Whether every layer could be read: else what is missing may stand in the one that could not.
    pub(super) whole: bool,
}

/// Reads and merges everything. Whatever is wrong is in the answer.
#[must_use]
pub fn load(origin: &Origin) -> Loaded {
    let mut faults = Vec::new();
    let mut layers = vec![TomlLayer::read(&Name::Default, DEFAULT)];
    for (name, text) in &origin.program {
        layers.push(TomlLayer::read(&Name::Program(name), text));
    }
    layers.extend(file(origin, &mut faults));
    let whole = faults.is_empty() && layers.iter().all(|layer| !layer.unreadable);

    let below = merged(layers.iter().map(boxed), &mut faults);
    let env = EnvLayer::read(origin.env.iter().cloned(), &below);
    let mut tree = merged(layers.iter().map(boxed).chain([boxed(&env)]), &mut faults);

    let mut places = Places::default();
    for layer in &mut layers {
        faults.append(&mut layer.faults);
        places.extend(std::mem::take(&mut layer.places), |path| {
            at(&tree, path).is_some_and(Json::is_object)
        });
    }
    let EnvLayer {
        mut variables,
        faults: mut wrong,
        ..
    } = env;
    faults.append(&mut wrong);
    for (path, variable) in &variables {
        let place = Place::Variable(variable.name.clone());
        for length in 1..path.len() {
            let around = &path[..length];
            if !at(&below, around).is_some_and(Json::is_object) {
                places.set(around.to_vec(), place.clone());
            }
        }
        places.replace(path.clone(), place);
    }
    secrets::read_files(&mut tree, &mut places, &mut faults);

    let mut reading = Reading {
        places: &places,
        variables: &mut variables,
        faults: &mut faults,
    };
    let mut settings = settings(&mut tree, &mut reading);
    super::check::deploys(&mut settings, &mut tree, &mut reading);
    super::check::migrations(&mut settings, &mut tree, &mut reading);
    super::check::flags(&mut settings, &mut reading);
    super::check::responders(&settings, &mut tree, &mut reading);
    settings.responders = tree["responders"].as_object().cloned().unwrap_or_default();
    for (key, message) in settings.catalog().faults() {
        let path = super::read::walk(&tree, &key);
        faults.push(Fault::new(places.get(&path), &path, message));
    }
    super::check::workloads(&settings, &tree, &places, &mut faults);
    super::check::versions(&settings, &tree, &places, &mut faults);
    super::check::autos(&settings, &tree, &places, &mut faults);
    super::check::policy(&settings, &tree, &places, &mut faults);
    faults.sort_by(|one, other| one.place.cmp(&other.place));
    Loaded {
        settings,
        tree,
        places,
        faults: Faults(faults),
        whole,
    }
}

impl Origin {
    /// The file that is read, or would be, if it were there.
    pub(crate) fn watched(&self) -> Option<PathBuf> {
        self.file
            .clone()
            .or_else(|| self.local.then(|| PathBuf::from(LOCAL)))
    }
}

impl Loaded {
    /// Everything, merged; secrets, too.
    pub(crate) fn tree(&self) -> &Json {
        &self.tree
    }

    /// Everything that was read, or everything that is wrong.
    ///
    /// # Errors
    /// All faults.
    pub fn settled(self) -> Result<Settings, Faults> {
        if self.faults.0.is_empty() {
            Ok(self.settings)
        } else {
            Err(self.faults)
        }
    }
}

fn settings(tree: &mut Json, reading: &mut Reading<'_>) -> Settings {
    let mut nothing = Json::Object(Map::new());
    macro_rules! section {
        ($name:literal) => {
            reading.section($name, tree.get_mut($name).unwrap_or(&mut nothing))
        };
    }
    Settings {
        robot: section!("robot"),
        roles: section!("roles"),
        policy: section!("policy"),
        environments: section!("environments"),
        services: section!("services"),
        slack: section!("slack"),
        kubernetes: section!("kubernetes"),
        github: section!("github"),
        registries: section!("registries"),
        databases: section!("databases"),
        prometheus: section!("prometheus"),
        grafana: section!("grafana"),
        flags: section!("flags"),
        store: section!("store"),
        http: section!("http"),
        log: section!("log"),
        responders: Map::new(),
    }
}

/// The file that was named, or the usual one if it is there.
fn file(origin: &Origin, faults: &mut Vec<Fault>) -> Option<TomlLayer> {
    let local = PathBuf::from(LOCAL);
    let path = match &origin.file {
        Some(path) => path,
        None if origin.local && local.exists() => &local,
        None => return None,
    };
    let name = printable(&path.display().to_string());
    match std::fs::read_to_string(path) {
        Ok(text) => Some(TomlLayer::read(&Name::File(name), &text)),
        Err(error) => {
            faults.push(Fault::whole(format!("the file {name} cannot be read: {error}")));
            None
        }
    }
}

fn boxed<S: Source + Clone + Send + Sync + 'static>(source: &S) -> Box<dyn Source + Send + Sync> {
    source.clone_into_box()
}

/// The layers, the later over the earlier.
fn merged(layers: impl Iterator<Item = Box<dyn Source + Send + Sync>>, faults: &mut Vec<Fault>) -> Json {
    let builder = Config::builder().add_source(layers.collect::<Vec<_>>());
    match builder.build() {
        Ok(merged) => json(merged.cache.kind),
        Err(error) => {
            faults.push(Fault::whole(format!("the layers cannot be merged: {error}")));
            Json::Object(
                SECTIONS
                    .iter()
                    .map(|name| ((*name).to_owned(), Json::Null))
                    .collect(),
            )
        }
    }
}

fn json(kind: ValueKind) -> Json {
    match kind {
        ValueKind::Nil => Json::Null,
        ValueKind::Boolean(truth) => truth.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::U64(number) => number.into(),
        // Larger than TOML has them.
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        // What is no number in JSON (inf, nan) is a text, which no key for numbers takes.
        ValueKind::Float(number) => {
            serde_json::Number::from_f64(number).map_or_else(|| number.to_string().into(), Json::Number)
        }
        ValueKind::String(text) => text.into(),
        ValueKind::Table(table) => Json::Object(
            table
                .into_iter()
                .map(|(key, value)| (key, json(value.kind)))
                .collect(),
        ),
        ValueKind::Array(items) => items.into_iter().map(|item| json(item.kind)).collect(),
    }
}

fn at<'a>(tree: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(tree, |here, key| here.get(key))
}
