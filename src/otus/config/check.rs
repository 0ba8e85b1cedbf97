//! What the types alone do not tell: what responders want of their sections, and what is missing to run.

use super::{
    Fault, Faults, Loaded, Place, Settings,
    place::{Path, Places},
    read::{Complaint, Reading, no_such, walk},
};
use otus_ci::{
    Feed,
    github::GitHub,
    registry::{Images, Registry},
    version::{Source, Versions},
};
use otus_core::{Registration, Setup, StartError, UserId, services::Resources};
use otus_kubernetes::Clusters;
use otus_migrations::database::{DatabaseError, Databases};
use otus_monitoring::{Prometheus, gate::Gates, grafana::Grafana, step::Rules};
use otus_responder_deploy as deploy;
use otus_responder_executables as executables;
use otus_responder_migrations as migrations;
use otus_slack::{Entrance, SlackError};
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use std::{collections::BTreeMap, sync::Arc};

/// The engines of a configuration. Nothing is connected yet.
///
/// # Errors
/// All of the configuration that they cannot work with.
pub fn resources(settings: &Settings) -> Result<Resources, Vec<Fault>> {
    let (resources, faults) = engines(settings);
    if faults.is_empty() {
        return Ok(resources);
    }
    let fault = |(path, message): (Path, String)| Fault::new(Place::Whole, &path, message);
    Err(faults.into_iter().map(fault).collect())
}

/// The engines that can be made, and what keeps others from it, by section.
fn engines(settings: &Settings) -> (Resources, Vec<(Path, String)>) {
    let mut resources = Resources::default();
    let mut faults: Vec<(Path, String)> = Vec::new();
    resources.insert(Clusters::new(settings.kubernetes.clone()));
    if settings.prometheus.url.is_some() {
        match Prometheus::new(&settings.prometheus) {
            Ok(prometheus) => {
                resources.insert(prometheus);
                resources.insert(Rules::of(&settings.prometheus));
            }
            Err(error) => faults.push((vec!["prometheus".into()], error.to_string())),
        }
    }
    if settings.grafana.url.is_some() {
        match Grafana::new(&settings.grafana) {
            Ok(grafana) => resources.insert(grafana),
            Err(error) => faults.push((vec!["grafana".into()], error.to_string())),
        }
    }
    for (host, config) in &settings.registries {
        let alone = BTreeMap::from([(host.clone(), config.clone())]);
        if let Err(error) = Registry::new(&alone) {
            let message = error.to_string();
            // It begins with the host, which the key says already.
            let message = message.strip_prefix(&format!("{host}: ")).unwrap_or(&message);
            faults.push((vec!["registries".into(), host.clone()], message.to_owned()));
        }
    }
    // What is wrong with a registry is told above.
    let images = Registry::new(&settings.registries).map(|registry| Arc::new(registry) as Arc<dyn Images>);
    if let Ok(images) = &images {
        resources.insert(images.clone());
    }
    if settings.github.is_set() {
        match GitHub::new(&settings.github) {
            Ok(github) => {
                resources.insert(github.clone());
                if let Ok(images) = images {
                    resources.insert(Versions::new(github, images));
                }
            }
            Err(error) => faults.push((vec!["github".into()], error.to_string())),
        }
    }
    resources.insert(Feed::default());
    resources.insert(Databases::new(settings.databases.clone()));
    (resources, faults)
}

/// Lets every responder read its section, so that its faults are told with their lines.
pub(super) fn responders(settings: &Settings, tree: &mut Json, reading: &mut Reading<'_>) {
    let (resources, faults) = engines(settings);
    if !faults.is_empty() {
        for (path, message) in faults {
            let fault = Fault::new(reading.places.get(&path), &path, message);
            reading.faults.push(located(reading, fault));
        }
        return;
    }
    let catalog = settings.catalog();
    let all = Registration::all();
    let Some(sections) = tree.get_mut("responders").and_then(Json::as_object_mut) else {
        return;
    };
    let names: Vec<&str> = all.iter().map(|registration| registration.spec.name).collect();
    for unknown in sections.keys().filter(|name| !names.contains(&name.as_str())) {
        let path: Path = vec!["responders".into(), unknown.clone()];
        let message = no_such(unknown, &names, "responder");
        reading
            .faults
            .push(Fault::new(reading.places.get(&path), &path, message));
    }
    sections.retain(|name, _| names.contains(&name.as_str()));
    for registration in all {
        let name = registration.spec.name;
        let root: Path = vec!["responders".into(), name.into()];
        let section = sections.entry(name).or_insert_with(|| json!({}));
        let mut enabled = true;
        reading.until_right(&root, section, |section| {
            let mut section = section.clone();
            match section
                .as_object_mut()
                .and_then(|section| section.remove("enabled"))
            {
                None | Some(Json::Bool(true)) => {}
                Some(Json::Bool(false)) => {
                    enabled = false;
                    return Ok(());
                }
                Some(_) => {
                    return Err(Complaint {
                        path: vec!["enabled".into()],
                        message: "true or false is expected".into(),
                        last: false,
                    });
                }
            }
            let setup = Setup {
                section: section.clone(),
                resources: &resources,
                catalog: &catalog,
            };
            (registration.build)(&setup)
                .map(drop)
                .map_err(|error| complaint(&section, error))
        });
        for command in registration.spec.commands.iter().filter(|_| enabled) {
            if let Some(role) = command.role.filter(|role| !settings.roles.0.contains_key(*role)) {
                let path: Path = vec!["roles".into(), role.into()];
                let message = format!(
                    "the command {} asks for this role, and it is not defined: write {role} = [\"U…\"] below [roles]",
                    command.id()
                );
                reading.faults.push(Fault::new(Place::Whole, &path, message));
            }
        }
    }
}

/// Lets the deploys read what services say about them, so that its faults are told with their lines.
pub(super) fn deploys(settings: &mut Settings, tree: &mut Json, reading: &mut Reading<'_>) {
    let Some(services) = tree.get_mut("services").and_then(Json::as_object_mut) else {
        return;
    };
    for (name, service) in &mut settings.services {
        let Some(written) = services.get_mut(name).and_then(Json::as_object_mut) else {
            continue;
        };
        if let (Some(read), Some(before)) = (&mut service.before, written.get_mut("before")) {
            let root: Path = vec!["services".into(), name.clone(), "before".into()];
            reading.read::<deploy::Before>(&root, before);
            *read = before.as_object().cloned().unwrap_or_default();
        }
        if let (Some(read), Some(canary)) = (&mut service.canary, written.get_mut("canary")) {
            let root: Path = vec!["services".into(), name.clone(), "canary".into()];
            reading.read::<deploy::Canary>(&root, canary);
            *read = canary.as_object().cloned().unwrap_or_default();
        }
        if let Some(gates) = written.get_mut("gates") {
            let root: Path = vec!["services".into(), name.clone(), "gates".into()];
            let right = reading.read::<Gates>(&root, gates);
            service.gates = gates.as_object().cloned().unwrap_or_default();
            if settings.prometheus.url.is_none() && right.is_some_and(|gates| !gates.is_empty()) {
                let message = "gates ask Prometheus, and none is configured: set url below [prometheus], or take the gates out";
                let place = reading.places.get(&root);
                reading.faults.push(Fault::new(place, &root, message));
            }
        }
    }
}

/// Lets whoever migrates read what services and databases say about it, so that its faults are told with their lines.
pub(super) fn migrations(settings: &mut Settings, tree: &mut Json, reading: &mut Reading<'_>) {
    let mut faults: Vec<(Path, String)> = Vec::new();
    for (name, database) in &settings.databases {
        let root: Path = vec!["databases".into(), name.clone()];
        if let Err(DatabaseError::Config { key, why }) = database.check() {
            faults.push(([root.clone(), vec![key.into()]].concat(), why));
        }
        for (consumer, entry) in &database.consumers {
            if !settings.roles.0.contains_key(&entry.owner) {
                let key = ["consumers", consumer, "owner"].map(str::to_owned).to_vec();
                let why = format!(
                    "it names the role {:?}, which is not defined: write {} = [\"U…\"] below [roles]",
                    entry.owner, entry.owner
                );
                faults.push(([root.clone(), key].concat(), why));
            }
        }
    }
    let databases: Vec<&str> = settings.databases.keys().map(String::as_str).collect();
    let environments: Vec<&str> = settings.environments.keys().map(String::as_str).collect();
    if let Some(services) = tree.get_mut("services").and_then(Json::as_object_mut) {
        for (name, service) in &mut settings.services {
            let written = services.get_mut(name).and_then(Json::as_object_mut);
            let written = written.and_then(|written| written.get_mut("migrations"));
            let (Some(read), Some(section)) = (&mut service.migrations, written) else {
                continue;
            };
            let root: Path = vec!["services".into(), name.clone(), "migrations".into()];
            let right = reading.read::<migrations::Section>(&root, section);
            *read = section.as_object().cloned().unwrap_or_default();
            let wrong =
                right.map(|right| right.faults(service.repository.is_some(), &databases, &environments));
            for (key, why) in wrong.into_iter().flatten() {
                let steps = key.split('.').filter(|step| !step.is_empty()).map(str::to_owned);
                faults.push((root.iter().cloned().chain(steps).collect(), why));
            }
        }
    }
    for (path, message) in faults {
        let place = reading.places.get(&path);
        reading.faults.push(Fault::new(place, &path, message));
    }
}

/// Reads the tokens of who asks for flags from their files, and tells what cannot work, with its line.
pub(super) fn flags(settings: &mut Settings, reading: &mut Reading<'_>) {
    let environments: Vec<&str> = settings.environments.keys().map(String::as_str).collect();
    let faults = match settings.flags.ready(&environments) {
        Ok(ready) => {
            settings.flags = ready;
            settings.flags.seeds().err().into_iter().collect()
        }
        Err(faults) => faults,
    };
    for (keys, message) in faults {
        let path: Path = std::iter::once("flags".to_owned()).chain(keys).collect();
        let place = reading.places.get(&path);
        reading.faults.push(Fault::new(place, &path, message));
    }
}

/// Finds workloads of kinds that are not deployed.
pub(super) fn workloads(settings: &Settings, tree: &Json, places: &Places, faults: &mut Vec<Fault>) {
    for (name, service) in &settings.services {
        let own = (format!("services.{name}.workload"), &service.workload);
        let elsewhere = service.placements.iter().map(|(environment, entry)| {
            (
                format!("services.{name}.in.{environment}.workload"),
                &entry.workload,
            )
        });
        for (key, workload) in std::iter::once(own).chain(elsewhere) {
            if let Some(Err(error)) = workload.as_deref().map(otus_kubernetes::Kind::split) {
                let path = walk(tree, &key);
                faults.push(Fault::new(places.get(&path), &path, error.to_string()));
            }
        }
    }
}

/// Finds what cannot be right about where versions come from.
pub(super) fn versions(settings: &Settings, tree: &Json, places: &Places, faults: &mut Vec<Fault>) {
    for (name, service) in &settings.services {
        let mut fault = |key: &str, message: String| {
            let path = walk(tree, &format!("services.{name}.{key}"));
            faults.push(Fault::new(places.get(&path), &path, message));
        };
        let Some(repository) = &service.repository else {
            let alone = [
                ("branch", service.branch.is_some()),
                ("checks", !service.checks.is_empty()),
                ("image_tag", service.image_tag.is_some()),
            ];
            for (key, _) in alone.into_iter().filter(|(_, set)| *set) {
                fault(
                    key,
                    "it means nothing without repository; set that, too: repository = \"owner/name\"".into(),
                );
            }
            continue;
        };
        if !settings.github.is_set() {
            let message =
                "[github] says nothing about who to be there; set github.token_file, or take repository out";
            fault("repository", message.into());
        }
        if !service.versions.is_empty() {
            let message =
                "with a repository the versions are its commits; keep one of versions and repository";
            fault("versions", message.into());
        }
        // Without an image the repository of the one that runs is asked, which is known only then.
        let image = service.image.as_deref().unwrap_or("registry.example.com/unknown");
        let (branch, tag) = (service.branch(), service.image_tag.as_deref());
        for wrong in Source::read(repository, branch, &service.checks, image, tag)
            .err()
            .into_iter()
            .flatten()
        {
            fault(wrong.key, wrong.message);
        }
    }
}

/// Finds who deploys by itself and may not. Everything else about it is found with the catalog and by its responder.
pub(super) fn autos(settings: &Settings, tree: &Json, places: &Places, faults: &mut Vec<Fault>) {
    let robot = UserId::robot(deploy::ACTOR);
    let deployers = settings.roles.0.get("deployer");
    let named = deployers.is_some_and(|members| members.iter().any(|member| member == robot.as_str()));
    // Once, however much of it there is.
    let Some((service, environment, _)) = settings.catalog().autos().into_iter().next() else {
        return;
    };
    if named {
        return;
    }
    let own = format!("services.{}.in.{}.auto", service.name, environment.name);
    let on_its_own = service
        .placements
        .get(&environment.name)
        .is_some_and(|here| here.auto.is_some());
    let key = match on_its_own {
        true => own,
        false => format!("environments.{}.auto", environment.name),
    };
    let message = format!(
        "who deploys by itself has to be named in the role deployer, which * does not do: deployer = [\"{robot}\", …] below [roles]"
    );
    let path = walk(tree, &key);
    faults.push(Fault::new(places.get(&path), &path, message));
}

/// Finds what cannot be right about the policy: names that nobody has, times nobody can read.
pub(super) fn policy(settings: &Settings, tree: &Json, places: &Places, faults: &mut Vec<Fault>) {
    let commands: Vec<_> = Registration::all()
        .into_iter()
        .flat_map(|registration| registration.spec.commands)
        .chain(executables::commands(&tree["responders"]["executables"]))
        .collect();
    let catalog = settings.catalog();
    for fault in settings.policy.faults(&settings.roles, &catalog, &commands) {
        let path = walk(tree, &fault.key);
        faults.push(Fault::new(places.get(&path), &path, fault.message));
    }
}

/// What a responder said about its section. Its own words begin with the key, where one is to blame.
fn complaint(section: &Json, error: StartError) -> Complaint {
    match error {
        StartError::Config { key, message, .. } => Complaint {
            path: key.map(|key| walk(section, &key)).unwrap_or_default(),
            message,
            last: false,
        },
        StartError::Missing { message, .. } => Complaint {
            path: walk(section, message.split([' ', ':']).next().unwrap_or_default()),
            message,
            last: true,
        },
        other => Complaint {
            message: other.to_string(),
            last: true,
            ..Complaint::default()
        },
    }
}

/// An engine names the key at the beginning of its sentence; so the line can be found.
fn located(reading: &Reading<'_>, fault: Fault) -> Fault {
    let key = fault.message.split([' ', ':']).next().unwrap_or_default();
    let path: Path = key.split('.').map(str::to_owned).collect();
    match reading.places.get_exact(&path) {
        Some(place) => Fault {
            place: place.clone(),
            key: String::new(),
            message: fault.message,
        },
        None => fault,
    }
}

/// What is missing, or cannot work, to run against Slack: beyond what the types tell.
#[must_use]
pub fn demands(loaded: &Loaded) -> Vec<Fault> {
    let mut slack = loaded.settings.slack.clone();
    let mut faults = Vec::new();
    let mut need = |token: &mut Option<SecretString>, key: &str, what: &str, stand_in: &str| {
        if token.is_none() {
            let path: Path = vec!["slack".into(), key.into()];
            let message = format!(
                "is not set: {what}. Set {key} or {key}_file below [slack] in config/local.toml, or the environment variable OTUS__SLACK__{}; README.md says where to get it",
                key.to_uppercase()
            );
            faults.push(Fault::new(Place::Whole, &path, message));
            *token = Some(stand_in.into());
        }
    };
    need(
        &mut slack.bot_token,
        "bot_token",
        "the bot token, xoxb-…",
        "xoxb-",
    );
    match slack.events {
        Entrance::Socket => need(
            &mut slack.app_token,
            "app_token",
            "the app-level token, xapp-…, with the scope connections:write",
            "xapp-",
        ),
        Entrance::Http => need(
            &mut slack.signing_secret,
            "signing_secret",
            "the signing secret, with which events over HTTP are verified",
            "-",
        ),
    }
    match slack.validate() {
        Ok(()) => {}
        Err(SlackError::Config { key, problem }) => {
            let path: Path = key.split('.').map(str::to_owned).collect();
            faults.push(Fault::new(loaded.places.get(&path), &path, problem));
        }
        Err(other) => faults.push(Fault::whole(other.to_string())),
    }
    faults
}

impl Loaded {
    /// The settings to run with, or everything that is wrong or missing.
    ///
    /// # Errors
    /// All faults, those of [`demands`] among them.
    pub fn runnable(mut self) -> Result<Settings, Faults> {
        if self.whole {
            let missing = demands(&self);
            self.faults.0.extend(missing);
        }
        self.settled()
    }
}
