//! Migrations as a part of a deploy: what only adds, before the rollout. What takes something away never goes with it.

use async_trait::async_trait;
use otus::operations::{Before, Desk, Ended, Part, Release, Run};
use otus::{Result, Services, UserError};
use serde_json::Value;

use crate::Migrate;
use crate::apply;
use crate::files::Origin;
use crate::place::{Spot, section};
use crate::plan::{Planned, see};
use crate::texts;

#[async_trait]
impl Before for Migrate {
    fn name(&self) -> &'static str {
        "migrations"
    }

    async fn plan(&self, services: &Services, release: &Release) -> Result<Option<Part>> {
        let catalog = services.catalog();
        let Some(service) = catalog.service(&release.service) else {
            return Ok(None);
        };
        let wanted = section(&service)?.is_some_and(|section| {
            section.before_deploys && section.databases.contains_key(&release.environment)
        });
        if !wanted {
            return Ok(None);
        }
        let spot = Spot::named(services, &release.service, &release.environment)?;
        let origin = Origin::of_release(services, &spot, release).await?;
        let seen = see(services, &spot, &origin, Vec::new()).await?;
        seen.fits()?;
        let (additive, all) = (seen.additive(), seen.plan.what.files.len());
        let behind = (additive + 1..all).find(|at| seen.destroys(*at).is_empty());
        if let Some(behind) = behind {
            // The release needs it, and it cannot run before what takes something away.
            let files = &seen.plan.what.files;
            return Err(UserError::new(texts::behind_contract(
                &files[additive].file,
                &seen.destroys(additive),
                &files[behind].file,
            ))
            .into());
        }
        let mut notes = texts::now(&seen, &Default::default());
        if additive < all {
            notes.push(texts::left_by_deploy(
                &seen.plan.what.files[additive].file,
                &seen.destroys(additive),
            ));
        }
        if additive == 0 {
            return Ok((additive < all).then(|| Part {
                notes,
                details: Value::Null,
                ..Part::default()
            }));
        }
        let needs = seen.judge(0..additive, &self.settings)?;
        Ok(Some(Part {
            changes: seen.changes(0..additive),
            warnings: seen.warnings(0..additive),
            notes,
            needs,
            details: serde_json::to_value(seen.planned(0..additive))?,
        }))
    }

    async fn run(&self, run: &Run, details: &Value, desk: &dyn Desk) -> Result<Ended> {
        let planned: Planned = serde_json::from_value(details.clone())?;
        let done = apply::go(&self.settings, run, &planned, desk).await?;
        Ok(done.ended(&planned))
    }
}
