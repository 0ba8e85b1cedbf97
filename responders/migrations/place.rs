//! Where a service's migrations are run: which database, and what the configuration says of it.

use otus::{Environment, Result, Service, Services, UserError};
use otus_migrations::database::{Databases, Server};

use crate::settings::Section;
use crate::texts;

/// A service's database in an environment.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) service: Service,
    pub(crate) environment: Environment,
    pub(crate) section: Section,
    /// Its name below `[databases]`.
    pub(crate) database: String,
}

/// What the configuration says of a service's migrations; none when it has none.
pub(crate) fn section(service: &Service) -> Result<Option<Section>> {
    let Some(section) = service.migrations.clone() else {
        return Ok(None);
    };
    // What cannot be read is found when the configuration is; this is for whoever made the catalog otherwise.
    let read = serde_json::from_value(section.into());
    Ok(Some(read.map_err(|error| {
        UserError::new(texts::bad_section(&service.name, &error.to_string()))
    })?))
}

impl Spot {
    /// The one meant: the environment that was named, else the first that has a database.
    pub(crate) fn find(services: &Services, service: Service, named: Option<Environment>) -> Result<Self> {
        let Some(section) = section(&service)? else {
            return Err(UserError::new(texts::no_migrations(&service)).into());
        };
        let environments = services.catalog().environments_of(&service);
        let environment = match named {
            Some(named) => named,
            None => environments
                .into_iter()
                .find(|environment| section.databases.contains_key(&environment.name))
                .ok_or_else(|| UserError::new(texts::no_database(&service.name, None)))?,
        };
        let Some(database) = section.databases.get(&environment.name).cloned() else {
            return Err(UserError::new(texts::no_database(&service.name, Some(&environment.name))).into());
        };
        Ok(Spot {
            service,
            environment,
            section,
            database,
        })
    }

    /// The same by names, as they were kept.
    pub(crate) fn named(services: &Services, service: &str, environment: &str) -> Result<Self> {
        let catalog = services.catalog();
        match (catalog.service(service), catalog.environment(environment)) {
            (Some(service), Some(environment)) => Self::find(services, service, Some(environment)),
            _ => Err(UserError::new(texts::not_configured(service, environment)).into()),
        }
    }

    /// Where the database is.
    pub(crate) fn server(&self, services: &Services) -> Result<Server> {
        let databases = services.resource::<Databases>()?;
        let server = databases.server(&self.database);
        Ok(
            server
                .map_err(|error| UserError::new(texts::bad_database(&self.database, &error.to_string())))?,
        )
    }
}
