//! What is known of a deploy: its operation, and its row in the history.

use otus::operations::{Operation, State};
use otus::store::{Deploy, DeployFilter};
use otus::{Catalog, Result, Services};

/// The kind of operation a deploy is, as rows have it.
pub(crate) const DEPLOY: &str = "deploy";
/// How far back the row of an operation is looked for.
const HISTORY: u32 = 100;

/// Whether an operation is a deploy that began.
pub(crate) fn is_deploy(operation: &Operation) -> bool {
    operation.kind == DEPLOY && operation.started.is_some()
}

/// The kind of operation a change of a flag is, as rows have it.
const FLAG: &str = "flag";

/// Whether an operation is a change of a flag that began.
pub(crate) fn is_flag(operation: &Operation) -> bool {
    operation.kind == FLAG && operation.started.is_some()
}

/// The row of a deploy's operation; none before the action has begun its work.
pub(crate) async fn row(services: &Services, operation: &Operation) -> Result<Option<Deploy>> {
    let target = &operation.plan.target;
    let filter = DeployFilter {
        service: target.service.clone(),
        environment: target.environment.clone(),
        limit: HISTORY,
        ..DeployFilter::default()
    };
    let rows = services.store().deploys(&filter).await?;
    Ok(rows.into_iter().find(|row| row.id == operation.id))
}

/// The full sha of the commit that went out, where it is known.
pub(crate) fn sha(row: &Deploy) -> Option<&str> {
    let sha = row.details.get("sha")?.as_str()?;
    (sha.len() >= 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(sha)
}

/// The pull requests that came with it.
pub(crate) fn pulls(row: &Deploy) -> Vec<u64> {
    let pulls = row.details.get("pulls").and_then(|pulls| pulls.as_array());
    pulls
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_u64)
        .collect()
}

/// The digest of the image that went out.
pub(crate) fn digest(row: &Deploy) -> Option<String> {
    let digest = row.details.get("digest")?.as_str()?;
    Some(digest.to_owned())
}

/// Whether nothing comes after this environment: it is what people outside use.
pub(crate) fn is_last(catalog: &Catalog, environment: &str) -> bool {
    !catalog
        .environments
        .values()
        .any(|other| other.after.as_deref() == Some(environment))
}

/// What GitHub calls the environment: services that share a repository must not take each other's place there.
pub(crate) fn place(catalog: &Catalog, service: &str, environment: &str) -> String {
    let repository = |name: &str| {
        let entry = catalog.services.get(name)?;
        Some(entry.repository.as_ref()?.to_lowercase())
    };
    let its = repository(service);
    let shared = catalog
        .services
        .keys()
        .any(|other| other != service && repository(other) == its);
    if shared {
        format!("{environment}/{service}")
    } else {
        environment.to_owned()
    }
}

/// How an operation ended, or that it has not, in one word.
pub(crate) fn outcome(state: State) -> &'static str {
    if state.is_active() {
        "running"
    } else {
        state.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_one_repository_have_places_of_their_own() {
        let service = |repository: Option<&str>| otus::catalog::ServiceEntry {
            repository: repository.map(str::to_owned),
            ..Default::default()
        };
        let mut catalog = Catalog::default();
        for (name, repository) in [
            ("api", Some("Shop/app")),
            ("jobs", Some("shop/app")),
            ("web", Some("shop/web")),
        ] {
            catalog.services.insert(name.into(), service(repository));
        }
        assert_eq!(place(&catalog, "api", "production"), "production/api");
        assert_eq!(place(&catalog, "web", "production"), "production");
    }
}
