//! Purpose: migrations of databases from the chat: what waits, what is to be said against it, running it where everybody sees, as a part
//! of a deploy; and taking something away in four steps.
//!
//! What decides about SQL, locks and histories stands in `otus-migrations`; here it meets people. Files come from a folder or from the
//! repository at a commit, never from what somebody said.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod apply;
mod before;
mod contract;
mod files;
mod migrate;
mod place;
mod plan;
mod reads;
mod settings;
mod texts;
mod words;

use std::sync::Arc;

use otus::operations::Action;
use otus::prelude::*;
use otus_migrations::database::Databases;

use crate::contract::{desk, last, talk, tighten, watch, withhold};
use crate::files::{Origin, Trust};
pub(crate) use crate::migrate::Migrate;
use crate::place::Spot;
use crate::plan::Wanted;
pub use crate::settings::{Section, Settings};

/// The kind of operation a run of migrations is, as rows have it.
pub(crate) const KIND: &str = "migrations";

/// Migrations of databases.
#[derive(Default)]
pub struct Migrations {
    settings: Settings,
}

impl Migrations {
    /// With these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Migrations { settings }
    }
}

impl Configure for Migrations {
    type Config = Settings;

    fn configure(config: Settings, setup: &Setup<'_>) -> Result<Self> {
        setup.resources.need::<Databases>()?;
        Ok(Migrations::new(config))
    }
}

/// Migrations of databases: what waits, judged, run where everybody sees.
#[responder(name = "migrations", config = Settings)]
impl Migrations {
    /// Says which migrations are not applied, what each does and locks, and who is in the way right now.
    ///
    /// Without an environment: the first that has a database. Without a version: the newest commit.
    #[respond(
        r"^migrations pending (?:of |for )?(?<service>\S+)(?: in (?<environment>\S+))?(?: at (?<version>\S+))?$",
        usage = "migrations pending <service> [in <environment>] [at <version>]",
        example = "migrations pending api",
        example = "migrations pending api in production at v1.4.2"
    )]
    async fn pending(
        &self,
        cx: Context,
        service: Service,
        environment: Option<Environment>,
        version: Option<String>,
    ) -> Result {
        reads::pending(&cx, service, environment, version.as_deref()).await
    }

    /// Says what is to be said against the migrations that are not applied, and the safe way.
    #[respond(
        r"^migrations lint (?:of |for )?(?<service>\S+)(?: in (?<environment>\S+))?(?: at (?<version>\S+))?$",
        usage = "migrations lint <service> [in <environment>] [at <version>]",
        example = "migrations lint api",
        example = "migrations lint api in production at 4f2c1a9"
    )]
    async fn lint(
        &self,
        cx: Context,
        service: Service,
        environment: Option<Environment>,
        version: Option<String>,
    ) -> Result {
        reads::lint(&cx, service, environment, version.as_deref()).await
    }

    /// Runs the migrations of a service that are not applied: those that add. What takes something away has its contract.
    ///
    /// Without a version: the newest that CI has passed.
    #[respond(
        r"^migrate (?<service>\S+)(?: in (?<environment>\S+))?(?: at (?<version>\S+))?$",
        usage = "migrate <service> [in <environment>] [at <version>]",
        example = "migrate api in staging",
        example = "migrate api in production at v1.4.2",
        role = "deployer",
        effect = "operation"
    )]
    async fn migrate(
        &self,
        cx: Context,
        service: Service,
        environment: Option<Environment>,
        version: Option<String>,
    ) -> Result {
        let services = cx.services();
        let spot = Spot::find(services, service, environment)?;
        let origin = Origin::find(services, &spot, version.as_deref(), Trust::Green).await?;
        let wanted = Wanted {
            service: spot.service.name,
            environment: spot.environment.name,
            origin,
        };
        cx.propose(KIND, wanted).await
    }

    /// Has a migration that waits for others try at once, and for as long again.
    ///
    /// Without an id it is the one of the thread.
    #[respond(
        r"^migration (?:retry|wait)(?: (?<id>\S+))?$",
        usage = "migration retry [<id>]",
        example = "migration retry",
        example = "migration wait 3f9c2ab01d",
        effect = "control"
    )]
    async fn retry(&self, cx: Context, id: Option<String>) -> Result {
        reads::retry(&cx, id.as_deref()).await
    }

    /// Lists what is to be dropped, and what each waits for.
    #[respond(r"^contracts$", usage = "contracts")]
    async fn contracts(&self, cx: Context) -> Result {
        talk::list(&cx, &self.settings).await
    }

    /// Begins to take a column or a table away: in one message, until everybody agrees that nobody uses it.
    ///
    /// Without a service: the only one that has migrations. Without an environment: the last one, where those are who use it.
    #[respond(
        r"^contract drop (?<what>table \S+|\S+)(?: of (?<service>\S+))?(?: in (?<environment>\S+))?$",
        usage = "contract drop <what> [of <service>] [in <environment>]",
        example = "contract drop users.legacy",
        example = "contract drop table users_old",
        role = "deployer",
        effect = "changes"
    )]
    async fn contract_drop(
        &self,
        cx: Context,
        what: String,
        service: Option<Service>,
        environment: Option<Environment>,
    ) -> Result {
        talk::begin(&cx, &self.settings, (&what, None), service, environment).await
    }

    /// Begins to replace a column by one of another name or type: the old one goes when everything is copied and everybody agrees.
    ///
    /// The new one is added by a migration, written beside the old one and filled by a backfill; then it is read, and the old one dropped.
    #[respond(
        r"^contract (?:replace|rename) (?<column>\S+) (?:by|to|with) (?<new>\S+)(?: of (?<service>\S+))?(?: in (?<environment>\S+))?$",
        usage = "contract replace <column> by <new> [of <service>] [in <environment>]",
        example = "contract replace users.name by full_name",
        example = "contract rename users.name to full_name",
        role = "deployer",
        effect = "changes"
    )]
    async fn contract_replace(
        &self,
        cx: Context,
        column: String,
        new: String,
        service: Option<Service>,
        environment: Option<Environment>,
    ) -> Result {
        talk::begin(&cx, &self.settings, (&column, Some(&new)), service, environment).await
    }

    /// Begins to make a column NOT NULL: when no row holds NULL, everybody agrees that nobody writes it, and refusing it was tried.
    #[respond(
        r"^contract tighten (?<column>\S+)(?: to not null)?(?: of (?<service>\S+))?(?: in (?<environment>\S+))?$",
        usage = "contract tighten <column> [of <service>] [in <environment>]",
        example = "contract tighten users.email",
        role = "deployer",
        effect = "changes"
    )]
    async fn contract_tighten(
        &self,
        cx: Context,
        column: String,
        service: Option<Service>,
        environment: Option<Environment>,
    ) -> Result {
        talk::tighten(&cx, &self.settings, &column, service, environment).await
    }

    /// Agrees, for a consumer that one answers for, that something may go.
    ///
    /// For `withholding`, with a reason: answers for what can be withheld from nobody.
    #[respond(
        r"^contract sign (?<what>table \S+|NULL in \S+|\S+) for (?<consumer>\S+)$",
        usage = "contract sign <what> for <consumer>",
        example = "contract sign users.legacy for warehouse",
        effect = "control"
    )]
    async fn contract_sign(&self, cx: Context, what: String, consumer: String) -> Result {
        talk::sign(&cx, &self.settings, &what, &consumer).await
    }

    /// Withholds what everybody has agreed to drop from all consumers for a while, and gives it back by itself.
    #[respond(
        r"^contract withhold (?<what>table \S+|NULL in \S+|\S+)$",
        usage = "contract withhold <what>",
        example = "contract withhold users.legacy",
        role = "deployer",
        effect = "operation"
    )]
    async fn contract_withhold(&self, cx: Context, what: String) -> Result {
        let row = desk::meant(cx.services(), &what).await?;
        cx.propose(withhold::KIND, withhold::Wanted { key: row.key() })
            .await
    }

    /// Says that somebody misses what is withheld: it is given back at once.
    #[respond(
        r"^contract missed (?<what>`[^`]+`|table \S+|NULL in \S+|\S+)$",
        usage = "contract missed <what>",
        example = "contract missed users.legacy",
        effect = "control"
    )]
    async fn contract_missed(&self, cx: Context, what: String) -> Result {
        talk::missed(&cx, &self.settings, &what).await
    }

    /// Drops what everybody has agreed to, by the file that says exactly that; or makes a column NOT NULL, which needs none.
    ///
    /// Without an environment: the one that was looked at.
    #[respond(
        r"^contract apply (?<what>table \S+|NULL in \S+|\S+)(?: in (?<environment>\S+))?(?: at (?<version>\S+))?$",
        usage = "contract apply <what> [in <environment>] [at <version>]",
        example = "contract apply users.legacy",
        example = "contract apply users.legacy in staging",
        example = "contract apply NULL in users.email",
        role = "deployer",
        effect = "operation"
    )]
    async fn contract_apply(
        &self,
        cx: Context,
        what: String,
        environment: Option<Environment>,
        version: Option<String>,
    ) -> Result {
        let services = cx.services();
        let row = desk::meant(services, &what).await?;
        let environment = environment.map_or_else(|| row.environment.clone(), |environment| environment.name);
        if row.object.tightens().is_some() {
            if version.is_some() {
                return Err(UserError::new(texts::needs_no_file()).into());
            }
            let key = row.key();
            return cx
                .propose(tighten::KIND, tighten::Wanted { key, environment })
                .await;
        }
        let spot = Spot::named(services, &row.service, &environment)?;
        let origin = Origin::find(services, &spot, version.as_deref(), Trust::Green).await?;
        let wanted = last::Wanted {
            key: row.key(),
            environment,
            origin,
        };
        cx.propose(last::KIND, wanted).await
    }

    /// Gives up dropping something.
    #[respond(
        r"^contract abandon (?<what>table \S+|NULL in \S+|\S+)$",
        usage = "contract abandon <what>",
        example = "contract abandon users.legacy",
        role = "deployer",
        effect = "changes"
    )]
    async fn contract_abandon(&self, cx: Context, what: String) -> Result {
        talk::abandon(&cx, &self.settings, &what).await
    }

    /// Asks the database now who uses what is to be dropped.
    #[respond(
        r"^contract look (?<what>table \S+|NULL in \S+|\S+)$",
        usage = "contract look <what>",
        example = "contract look users.legacy",
        effect = "control"
    )]
    async fn contract_look(&self, cx: Context, what: String) -> Result {
        talk::again(&cx, &self.settings, &what).await
    }

    /// What it can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        let settings = || self.settings.clone();
        vec![
            Arc::new(Migrate { settings: settings() }),
            Arc::new(withhold::Withhold { settings: settings() }),
            Arc::new(last::Last { settings: settings() }),
            Arc::new(tighten::Tighten { settings: settings() }),
        ]
    }

    /// Looks who uses what is to be dropped, and reminds who holds it up.
    #[start]
    async fn start(&self, services: Services) -> Result {
        watch::watch(&services, &self.settings).await;
        Ok(())
    }
}
