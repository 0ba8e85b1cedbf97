//! A lane: one service in one environment to which versions go by themselves.

use otus::operations::Target;
use otus::{Auto, Catalog, Environment, Service};

/// One service in one environment, and where its versions come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) service: Service,
    pub(crate) environment: Environment,
    pub(crate) auto: Auto,
}

impl Lane {
    /// All of them.
    pub(crate) fn all(catalog: &Catalog) -> Vec<Lane> {
        let autos = catalog.autos().into_iter();
        autos
            .map(|(service, environment, auto)| Lane {
                service,
                environment,
                auto,
            })
            .collect()
    }

    /// The one of these names.
    pub(crate) fn of(catalog: &Catalog, service: &Service, environment: &Environment) -> Option<Lane> {
        let auto = catalog.auto(service, environment)?;
        Some(Lane {
            service: service.clone(),
            environment: environment.clone(),
            auto,
        })
    }

    /// Its key in the store. No name has a space in it.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.service.name, self.environment.name)
    }

    /// What its operations are about.
    pub(crate) fn target(&self) -> Target {
        Target::new(&self.service.name, &self.environment.name)
    }
}
