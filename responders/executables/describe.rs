//! What executables say of themselves. Each is asked once and again when its file changes; whatever is wrong with one stops the start
//! (or the change of the configuration), as a fault of a compiled responder stops its compiler.

use crate::{
    arguments::{Argument, Kind},
    pattern, process,
    settings::Settings,
    site::{self, Site, Wrong},
    texts,
};
use otus::{
    CommandSpec, Effect, Environment, Known as _, Service,
    form::{Candidates, Parameter, Usage},
};
use regex::Regex;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// How long an executable may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command of an executable.
#[derive(Debug)]
pub(crate) struct Described {
    /// Who is asked.
    pub(crate) source: Source,
    /// The command as the robot knows it.
    pub(crate) spec: &'static CommandSpec,
    /// Its arguments, by their groups.
    pub(crate) arguments: BTreeMap<String, Argument>,
}

/// Where an executable is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A file, which is run.
    File(PathBuf),
    /// An address, which is asked.
    Site(Site),
}

/// The line an executable answers `{"type":"describe"}` with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    #[serde(rename = "type")]
    kind: String,
    commands: Vec<Declared>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    name: String,
    pattern: String,
    usage: String,
    about: String,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    effect: Acts,
    #[serde(default)]
    deadline_seconds: Option<u64>,
    #[serde(default)]
    arguments: BTreeMap<String, Argument>,
}

/// What saying a command does to the world, as compiled ones say it.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Acts {
    #[default]
    Reads,
    Changes,
    Control,
}

/// What tells a description from an earlier one: of a file when it was changed and its length, of a site what it said.
#[derive(Debug, PartialEq)]
enum Stamp {
    File(Option<SystemTime>, u64),
    Site(String),
}

/// By a file's path or a site's name.
type Known = HashMap<PathBuf, (Stamp, Settings, Vec<Arc<Described>>)>;

/// What was said before: a configuration is read several times, and a description is never forgotten by the router.
static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

/// All commands of all executables: of those in the folder, by the files' names, and of those behind addresses. One that is away is left
/// out, until it is there: a robot that begins is not to wait for it.
///
/// # Errors
/// All that is wrong, one fault a line.
pub(crate) fn all(settings: &Settings) -> Result<Vec<Arc<Described>>, String> {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    let files = match &settings.folder {
        Some(folder) => files(folder)?,
        None => Vec::new(),
    };
    for file in &files {
        match described(file, settings) {
            Ok(described) => found.extend(described),
            Err(fault) => faults.push(texts::fault(&file.display().to_string(), &fault)),
        }
    }
    for (name, site) in &settings.urls {
        let taken = files
            .iter()
            .any(|file| file.file_stem().is_some_and(|stem| stem == name.as_str()));
        let told = match taken {
            true => Err("has the name of a file in the folder".to_owned()),
            false => of_site(name, site, settings),
        };
        match told {
            Ok(described) => found.extend(described),
            Err(fault) => faults.push(texts::fault(name, &fault)),
        }
    }
    if faults.is_empty() {
        Ok(found)
    } else {
        Err(faults.join("\n"))
    }
}

/// What sites say of themselves, in one text that is another when any of them says something else; nothing where there are none.
pub(crate) fn said(settings: &Settings) -> Option<String> {
    let all: Vec<String> = settings
        .urls
        .iter()
        .filter(|(_, site)| site.fault().is_none())
        .map(
            |(name, site)| match site::ask(name, site, settings.look.unsigned_abs(), PATIENCE) {
                Ok(line) => format!("{name} {line}"),
                Err(Wrong::Away(_)) => name.clone(),
                Err(Wrong::Faulty(why)) => format!("{name} {why}"),
            },
        )
        .collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let read = std::fs::read_dir(folder)
        .map_err(|error| format!("folder: {} cannot be read: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = read
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_executable(path))
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

fn described(file: &Path, settings: &Settings) -> Result<Vec<Arc<Described>>, String> {
    let meta = file
        .metadata()
        .map_err(|error| format!("cannot be read: {error}"))?;
    let stamp = Stamp::File(meta.modified().ok(), meta.len());
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let source = Source::File(file.to_owned());
    kept(
        file.to_owned(),
        stamp,
        &stem.unwrap_or_default(),
        &source,
        settings,
        || process::ask(file, settings, PATIENCE),
    )
}

fn of_site(name: &str, site: &Site, settings: &Settings) -> Result<Vec<Arc<Described>>, String> {
    if let Some(fault) = site.fault() {
        return Err(fault);
    }
    let line = match site::ask(name, site, settings.look.unsigned_abs(), PATIENCE) {
        Ok(line) => line,
        Err(Wrong::Away(_)) => return Ok(Vec::new()),
        Err(Wrong::Faulty(why)) => return Err(why),
    };
    let (stamp, source) = (Stamp::Site(line.clone()), Source::Site(site.clone()));
    kept(PathBuf::from(name), stamp, name, &source, settings, || Ok(line))
}

/// What was understood before of the same words, else now.
fn kept(
    key: PathBuf,
    stamp: Stamp,
    name: &str,
    source: &Source,
    settings: &Settings,
    line: impl FnOnce() -> Result<String, String>,
) -> Result<Vec<Arc<Described>>, String> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some((was, with, described)) = known.get(&key)
        && *was == stamp
        && with == settings
    {
        return Ok(described.clone());
    }
    let described = understood(&line()?, name, source, settings)?;
    known.insert(key, (stamp, settings.clone(), described.clone()));
    Ok(described)
}

fn understood(
    line: &str,
    name: &str,
    source: &Source,
    settings: &Settings,
) -> Result<Vec<Arc<Described>>, String> {
    let description: Description = serde_json::from_str(line)
        .map_err(|error| format!("does not describe itself as one should: {error}"))?;
    if description.kind != "description" || description.commands.is_empty() {
        return Err(
            "does not describe itself: a line with \"type\": \"description\" and its commands is expected"
                .into(),
        );
    }
    let responder = responder(name)?;
    let commands = description.commands.into_iter();
    commands
        .map(|declared| command(source, responder, declared, settings).map(Arc::new))
        .collect()
}

/// What it is called as a responder: of a file its name without its ending.
fn responder(stem: &str) -> Result<&'static str, String> {
    let fits = stem.starts_with(|c: char| c.is_ascii_lowercase())
        && stem
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
    if !fits {
        return Err(
            "has no name for a responder: lower case letters, digits, `_` and `-`, and of a file then an ending".into(),
        );
    }
    if otus::Registration::all()
        .iter()
        .any(|registration| registration.spec.name == stem)
    {
        return Err(format!(
            "has the name of a responder that is there already: {stem}"
        ));
    }
    Ok(keep(stem.to_owned()))
}

/// A text for as long as the program runs: the router's commands are. Descriptions are few, and kept once for each change of a file.
fn keep(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn command(
    source: &Source,
    responder: &'static str,
    declared: Declared,
    settings: &Settings,
) -> Result<Described, String> {
    let name = declared.name;
    let wrong = |what: String| format!("cannot have the command {name}: {what}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(wrong("its name is lower case letters, digits and `_`".into()));
    }
    let regex =
        Regex::new(&format!("(?i:{})", declared.pattern)).map_err(|error| wrong(error.to_string()))?;
    if !declared.pattern.starts_with('^') || !declared.pattern.ends_with('$') {
        return Err(wrong(
            "its pattern has to match the whole of what was said: ^…$".into(),
        ));
    }
    let groups: Vec<&str> = regex.capture_names().flatten().collect();
    for group in declared.arguments.keys() {
        if !groups.contains(&group.as_str()) {
            return Err(wrong(format!("the argument {group} is no group of its pattern")));
        }
    }
    if regex.captures_len() != groups.len() + 1 {
        return Err(wrong(
            "its pattern has a group without a name; write (?:…) for what nobody reads".into(),
        ));
    }
    let usage = Usage::parse(&declared.usage);
    let named = usage.parameters();
    if let Some((unknown, _)) = named.iter().find(|(name, _)| !groups.contains(name)) {
        return Err(wrong(format!(
            "<{unknown}> in its usage is no group of its pattern"
        )));
    }
    if named.is_empty() && !regex.is_match(&declared.usage) && declared.examples.is_empty() {
        return Err(wrong("its pattern does not match its usage".into()));
    }
    if let Some(example) = declared.examples.iter().find(|example| !regex.is_match(example)) {
        return Err(wrong(format!(
            "its pattern does not match its example `{example}`"
        )));
    }
    if !named.is_empty() && declared.examples.is_empty() {
        return Err(wrong("a command with parameters needs an example".into()));
    }
    let longest = settings.deadline.unsigned_abs();
    let deadline = declared.deadline_seconds.map_or(longest, Duration::from_secs);
    if deadline > longest || deadline.is_zero() {
        return Err(wrong(format!(
            "it wants {} s, and responders.executables.deadline allows {} s",
            deadline.as_secs(),
            longest.as_secs()
        )));
    }
    let mut arguments = declared.arguments;
    for group in &groups {
        arguments.entry((*group).to_owned()).or_default();
    }
    let groups: Vec<&'static str> = groups.iter().map(|group| keep((*group).to_owned())).collect();
    let parameters: Vec<Parameter> = groups
        .iter()
        .map(|group| Parameter {
            name: group,
            optional: named.iter().any(|(name, optional)| name == group && *optional),
            candidates: candidates(arguments.get(*group)),
        })
        .collect();
    let mut examples: Vec<&'static str> = declared.examples.into_iter().map(keep).collect();
    if named.is_empty() && examples.is_empty() {
        examples.push(keep(declared.usage.clone()));
    }
    let spec = CommandSpec {
        responder,
        name: keep(name),
        kind: otus::Kind::Respond,
        literals: pattern::literals(&declared.pattern),
        pattern: keep(declared.pattern),
        groups: groups.leak(),
        parameters: parameters.leak(),
        usage: Some(keep(declared.usage)),
        examples: examples.leak(),
        about: keep(declared.about),
        role: declared.role.map(keep),
        effect: match declared.effect {
            Acts::Reads => Effect::Reads,
            Acts::Changes => Effect::Changes,
            Acts::Control => Effect::Controls,
        },
        deadline: Some(deadline),
    };
    Ok(Described {
        source: source.clone(),
        spec: Box::leak(Box::new(spec)),
        arguments,
    })
}

fn candidates(argument: Option<&Argument>) -> Candidates {
    match argument.map(|argument| argument.kind) {
        Some(Kind::Service) => Candidates(|services| Some(Service::candidates(services))),
        Some(Kind::Environment) => Candidates(|services| Some(Environment::candidates(services))),
        _ => Candidates(|_| None),
    }
}
