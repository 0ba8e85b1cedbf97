//! What goes out by itself: how the versions of a service come to an environment without anybody asking.

use super::{Catalog, Environment, Service};
use jiff::SignedDuration;

/// How long something has to have run well one environment before, unless somebody says otherwise.
pub const BAKE: SignedDuration = SignedDuration::from_mins(30);

/// How versions of a service come to an environment by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auto {
    /// The newest commit of its branch that CI has passed and that has its image.
    Green,
    /// What has run well in the environment before it.
    After {
        /// That environment.
        environment: Environment,
        /// For how long.
        bake: SignedDuration,
    },
}

impl Catalog {
    /// How versions of a service come to an environment by themselves; nothing where only people deploy: where nobody switched it
    /// on, where the service has no commits to go by, and where it does not run in the environment that its versions would come from.
    pub fn auto(&self, service: &Service, environment: &Environment) -> Option<Auto> {
        let here = service.placements.get(&environment.name);
        let on = here.and_then(|here| here.auto).unwrap_or(environment.auto);
        let all = self.environments_of(service);
        if !on || service.repository.is_none() || !all.contains(environment) {
            return None;
        }
        let Some(before) = &environment.after else {
            return Some(Auto::Green);
        };
        let before = self.environment(before)?;
        all.contains(&before).then(|| Auto::After {
            environment: before,
            bake: here
                .and_then(|here| here.bake)
                .or(environment.bake)
                .unwrap_or(BAKE),
        })
    }

    /// Everything that goes out by itself: by service, in the order of the environments.
    pub fn autos(&self) -> Vec<(Service, Environment, Auto)> {
        let mut autos = Vec::new();
        for service in self.services() {
            for environment in self.environments_of(&service) {
                if let Some(auto) = self.auto(&service, &environment) {
                    autos.push((service.clone(), environment, auto));
                }
            }
        }
        autos
    }

    /// What cannot be right about it, as (key, sentence).
    pub(super) fn auto_faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut bake = |key: String, bake: Option<SignedDuration>, after: bool| {
            match bake {
            Some(_) if !after => faults.push((
                format!("{key}.bake"),
                "it says how long something has to run well in the environment before, and there is none; set after, too"
                    .to_owned(),
            )),
            Some(length) if length.is_negative() => {
                faults.push((format!("{key}.bake"), "this takes a length of time, like \"30m\"".to_owned()));
            }
            _ => {}
        }
        };
        for (name, entry) in &self.environments {
            bake(format!("environments.{name}"), entry.bake, entry.after.is_some());
        }
        for (service, entry) in &self.services {
            for (environment, placed) in &entry.placements {
                let after = self
                    .environments
                    .get(environment)
                    .is_some_and(|entry| entry.after.is_some());
                bake(format!("services.{service}.in.{environment}"), placed.bake, after);
            }
        }
        for (service, entry) in &self.services {
            for (environment, placed) in &entry.placements {
                if placed.auto == Some(true) && entry.repository.is_none() {
                    faults.push((
                        format!("services.{service}.in.{environment}.auto"),
                        "commits go out by themselves, and of this service none are known; set repository, too".to_owned(),
                    ));
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(text: &str) -> Catalog {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn where_what_goes_out_by_itself() {
        let catalog = catalog(
            r#"
            [environments.lab]
            [environments.staging]
            auto = true
            [environments.production]
            after = "staging"
            auto = true
            bake = "1h"
            [services.api]
            repository = "acme/api"
            [services.careful]
            repository = "acme/careful"
            [services.careful.in.production]
            auto = false
            [services.careful.in.lab]
            auto = true
            [services.late]
            repository = "acme/late"
            environments = ["production"]
            [services.slow]
            repository = "acme/slow"
            [services.slow.in.production]
            bake = "24h"
            [services.old]
            "#,
        );
        let told: Vec<_> = catalog
            .autos()
            .into_iter()
            .map(|(service, environment, auto)| match auto {
                Auto::Green => format!("{} {}", service.name, environment.name),
                Auto::After {
                    environment: before,
                    bake,
                } => {
                    format!(
                        "{} {} {bake:#} after {}",
                        service.name, environment.name, before.name
                    )
                }
            })
            .collect();
        assert_eq!(
            told,
            [
                "api staging",
                "api production 1h after staging",
                "careful lab",
                "careful staging",
                "slow staging",
                "slow production 24h after staging",
            ]
        );
        assert_eq!(catalog.faults(), []);
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        let faults = catalog(
            r#"
            [environments.staging]
            bake = "5m"
            [environments.production]
            after = "staging"
            bake = "-5m"
            [services.api]
            [services.api.in.staging]
            auto = true
            bake = "5m"
            "#,
        )
        .faults();
        let keys: Vec<_> = faults.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "environments.production.bake",
                "environments.staging.bake",
                "services.api.in.staging.bake",
                "services.api.in.staging.auto",
            ]
        );
    }
}
