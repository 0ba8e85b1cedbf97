//! What there is to operate on: the services and environments of the configuration. Plain names and strings; what
//! a namespace or an image *means* is for the engines.

mod auto;

use crate::{args::Known, services::Services};
pub use auto::{Auto, BAKE};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, ops::Deref, sync::Arc};

/// All services and environments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalog {
    /// What runs: `[services.<name>]`.
    pub services: BTreeMap<String, ServiceEntry>,
    /// Where it runs: `[environments.<name>]`.
    pub environments: BTreeMap<String, EnvironmentEntry>,
}

/// A service: `[services.<name>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceEntry {
    /// One line for people.
    pub about: Option<String>,
    /// Other names it goes by.
    pub aliases: Vec<String>,
    /// Its image without a tag: `registry.example.com/shop/api`. Default: the image that runs now.
    pub image: Option<String>,
    /// Its repository on GitHub, `acme/api`: then what is deployed is a commit of it that CI has passed. Default: tags by hand.
    pub repository: Option<String>,
    /// The branch that goes out. Default: `main`.
    pub branch: Option<String>,
    /// Its Deployment's name, or kind and name: `statefulset/db`, `daemonset/agent`. Default: the service's name.
    pub workload: Option<String>,
    /// The container to change. Default: the one named like the service, else the only one.
    pub container: Option<String>,
    /// Where it runs. Default: in every environment.
    pub environments: Option<Vec<String>>,
    /// Its known versions, oldest first. When there are any, no other can be deployed.
    pub versions: Vec<String>,
    /// What is run before its image is changed: `[services.<name>.before]`. What it means is for whoever deploys.
    pub before: Option<Map<String, Value>>,
    /// Its migrations: `[services.<name>.migrations]`. What it means is for whoever migrates.
    pub migrations: Option<Map<String, Value>>,
    /// A few pods of a new version before all get it: `[services.<name>.canary]`. The same.
    pub canary: Option<Map<String, Value>>,
    /// The metrics its deploys must stay within: `[services.<name>.gates.<gate>]`. The same.
    pub gates: Map<String, Value>,
    /// The checks that have to be good. Default: those the branch's rules demand, else all there are.
    pub checks: Vec<String>,
    /// The tag of a commit's image, with `{sha}` or `{short}` in it. Default: `{sha}`.
    pub image_tag: Option<String>,
    /// What differs in one environment: `[services.<name>.in.<environment>]`.
    #[serde(rename = "in")]
    pub placements: BTreeMap<String, PlacementEntry>,
}

/// The branch that goes out when nobody says.
const DEFAULT_BRANCH: &str = "main";

impl ServiceEntry {
    /// The branch that goes out.
    #[must_use]
    pub fn branch(&self) -> &str {
        self.branch.as_deref().unwrap_or(DEFAULT_BRANCH)
    }
}

/// What of a service differs in one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlacementEntry {
    /// The cluster, as named below `[kubernetes.clusters]`.
    pub cluster: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The Deployment's name, or kind and name.
    pub workload: Option<String>,
    /// The container to change.
    pub container: Option<String>,
    /// Whether it goes out here by itself.
    pub auto: Option<bool>,
    /// How long it has to have run well in the environment before.
    pub bake: Option<SignedDuration>,
}

/// An environment: `[environments.<name>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvironmentEntry {
    /// One line for people.
    pub about: Option<String>,
    /// Other names it goes by: `prod`.
    pub aliases: Vec<String>,
    /// The environment before it: `after = "staging"`. The one after none is the default.
    pub after: Option<String>,
    /// The cluster, as named below `[kubernetes.clusters]`. Default: the one of `[kubernetes]`.
    pub cluster: Option<String>,
    /// The namespace. Default: the environment's name.
    pub namespace: Option<String>,
    /// What becomes of a deploy of a commit that does not hold all that runs here.
    pub backwards: Backwards,
    /// Whether versions go out here by themselves: the newest that CI has passed, or, with an environment before this one, what has run
    /// well there.
    pub auto: bool,
    /// How long it has to have run well there. Default: [`BAKE`].
    pub bake: Option<SignedDuration>,
}

/// What becomes of a deploy that goes back in time, or sideways: to a commit that was not built on the one that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backwards {
    /// Whoever wants it has to say so.
    #[default]
    Ask,
    /// It is refused.
    Refuse,
    /// It is done, with a warning.
    Allow,
}

/// Where exactly one service runs in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The cluster, or nothing for the default one.
    pub cluster: Option<String>,
    /// The namespace.
    pub namespace: String,
    /// The Deployment's name.
    pub workload: String,
    /// The container, where it is told.
    pub container: Option<String>,
}

/// A service that exists. As a parameter of a handler it reads its name or an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    entry: Arc<ServiceEntry>,
}

impl Deref for Service {
    type Target = ServiceEntry;
    fn deref(&self) -> &ServiceEntry {
        &self.entry
    }
}

/// An environment that exists. As a parameter of a handler it reads its name or an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    entry: Arc<EnvironmentEntry>,
}

impl Deref for Environment {
    type Target = EnvironmentEntry;
    fn deref(&self) -> &EnvironmentEntry {
        &self.entry
    }
}

fn named<'a, T>(
    entries: &'a BTreeMap<String, T>,
    aliases: impl Fn(&T) -> &[String],
    raw: &str,
) -> Option<(&'a String, &'a T)> {
    let same = |name: &str| name.eq_ignore_ascii_case(raw);
    entries
        .iter()
        .find(|(name, entry)| same(name) || aliases(entry).iter().any(|alias| same(alias)))
}

impl Catalog {
    /// The service of this name or alias.
    pub fn service(&self, name: &str) -> Option<Service> {
        let (name, entry) = named(&self.services, |entry| &entry.aliases, name)?;
        Some(Service {
            name: name.clone(),
            entry: Arc::new(entry.clone()),
        })
    }

    /// All services, by name.
    pub fn services(&self) -> Vec<Service> {
        self.services
            .keys()
            .filter_map(|name| self.service(name))
            .collect()
    }

    /// The environment of this name or alias.
    pub fn environment(&self, name: &str) -> Option<Environment> {
        let (name, entry) = named(&self.environments, |entry| &entry.aliases, name)?;
        Some(Environment {
            name: name.clone(),
            entry: Arc::new(entry.clone()),
        })
    }

    /// All environments, each behind the one it comes after, then by name.
    pub fn environments(&self) -> Vec<Environment> {
        let mut all: Vec<_> = self
            .environments
            .keys()
            .filter_map(|name| self.environment(name))
            .collect();
        all.sort_by_key(|environment| (self.rank(&environment.name), environment.name.clone()));
        all
    }

    /// How many environments come before this one. Bounded, so that a circle (which [`Catalog::faults`] names)
    /// does no harm.
    fn rank(&self, name: &str) -> usize {
        let mut rank = 0;
        let mut at = self.environments.get(name);
        while let Some(before) = at.and_then(|entry| entry.after.as_ref()) {
            rank += 1;
            if rank > self.environments.len() {
                break;
            }
            at = self.environments.get(before);
        }
        rank
    }

    /// The environments a service runs in, in order.
    pub fn environments_of(&self, service: &Service) -> Vec<Environment> {
        let mut all = self.environments();
        if let Some(only) = &service.environments {
            all.retain(|environment| only.contains(&environment.name));
        }
        all
    }

    /// Where exactly a service runs in an environment.
    pub fn placement(&self, service: &Service, environment: &Environment) -> Placement {
        let here = service
            .placements
            .get(&environment.name)
            .cloned()
            .unwrap_or_default();
        Placement {
            cluster: here.cluster.or_else(|| environment.cluster.clone()),
            namespace: here
                .namespace
                .or_else(|| environment.namespace.clone())
                .unwrap_or_else(|| environment.name.clone()),
            workload: here
                .workload
                .or_else(|| service.workload.clone())
                .unwrap_or_else(|| service.name.clone()),
            container: here.container.or_else(|| service.container.clone()),
        }
    }

    /// What in it cannot be right, as (key, sentence): names of environments that do not exist, circles, names taken twice.
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let known = || self.environments.keys().cloned().collect::<Vec<_>>().join(", ");
        for (name, entry) in &self.environments {
            if let Some(after) = &entry.after {
                if !self.environments.contains_key(after) {
                    faults.push((
                        format!("environments.{name}.after"),
                        format!("there is no environment {after:?}; there are: {}", known()),
                    ));
                } else if self.rank(name) > self.environments.len() {
                    faults.push((
                        format!("environments.{name}.after"),
                        "the environments come after each other in a circle".into(),
                    ));
                }
            }
        }
        for (name, entry) in &self.services {
            let listed = entry
                .environments
                .iter()
                .flatten()
                .map(|listed| ("environments".to_owned(), listed));
            let placed = entry
                .placements
                .keys()
                .map(|placed| (format!("in.{placed}"), placed));
            for (key, environment) in listed.chain(placed) {
                if !self.environments.contains_key(environment) {
                    faults.push((
                        format!("services.{name}.{key}"),
                        format!("there is no environment {environment:?}; there are: {}", known()),
                    ));
                }
            }
        }
        let service_names = self
            .services
            .iter()
            .map(|(name, entry)| (name, entry.aliases.as_slice()));
        faults.extend(twice("services", service_names));
        let environment_names = self
            .environments
            .iter()
            .map(|(name, entry)| (name, entry.aliases.as_slice()));
        faults.extend(twice("environments", environment_names));
        faults.extend(self.auto_faults());
        faults
    }
}

/// Names and aliases that two of a kind go by.
fn twice<'a>(kind: &str, named: impl Iterator<Item = (&'a String, &'a [String])>) -> Vec<(String, String)> {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, aliases) in named {
        for alias in std::iter::once(name).chain(aliases) {
            if let Some(other) = seen
                .insert(alias.to_lowercase(), name)
                .filter(|other| *other != name)
            {
                faults.push((
                    format!("{kind}.{name}"),
                    format!("{alias:?} is already a name of {other:?}"),
                ));
            }
        }
    }
    faults
}

impl Known for Service {
    const WHAT: &'static str = "service";

    fn find(raw: &str, services: &Services) -> Option<Self> {
        services.catalog().service(raw)
    }

    fn candidates(services: &Services) -> Vec<String> {
        services.catalog().services.keys().cloned().collect()
    }
}

impl Known for Environment {
    const WHAT: &'static str = "environment";

    fn find(raw: &str, services: &Services) -> Option<Self> {
        services.catalog().environment(raw)
    }

    fn candidates(services: &Services) -> Vec<String> {
        services
            .catalog()
            .environments()
            .into_iter()
            .map(|environment| environment.name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(text: &str) -> Catalog {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn environments_stand_in_the_order_of_their_promotion() {
        let catalog = catalog(
            r#"
            [environments.production]
            after = "staging"
            aliases = ["prod"]
            [environments.staging]
            [services.api]
            [services.api.in.production]
            namespace = "live"
            "#,
        );
        let names: Vec<_> = catalog.environments().into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["staging", "production"]);
        let api = catalog.service("API").unwrap();
        let production = catalog.environment("prod").unwrap();
        assert_eq!(catalog.placement(&api, &production).namespace, "live");
        assert_eq!(catalog.placement(&api, &production).workload, "api");
        assert_eq!(catalog.faults(), []);
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        let faults = catalog(
            r#"
            [environments.a]
            after = "b"
            [environments.b]
            after = "a"
            [services.api]
            aliases = ["web"]
            environments = ["c"]
            [services.web]
            "#,
        )
        .faults();
        let keys: Vec<_> = faults.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "environments.a.after",
                "environments.b.after",
                "services.api.environments",
                "services.web"
            ]
        );
    }
}
