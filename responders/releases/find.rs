//! Where a commit, a pull request or a version is.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use otus::operations::{Operation, OperationFilter};
use otus::store::{Deploy, DeployState};
use otus::{Context, Result, Service, Services, UserError};
use otus_ci::github::{Error, Pull, Relation};

use crate::place::{self, AT_ONCE, Seen, Spot};
use crate::source::{Source, source};
use crate::texts;

/// How a change stands in one environment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Standing {
    /// It is what runs.
    Runs(Option<Timestamp>),
    /// What runs was built on it.
    Within(String),
    /// It was there, and something else runs now.
    Was {
        at: Timestamp,
        state: DeployState,
        now: Option<String>,
    },
    /// It is not there yet.
    NotYet { now: Option<String>, latest: Latest },
    /// It cannot be told, and why.
    Unknown(String),
}

/// What was decided last about an environment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Latest {
    /// Nothing that is on record.
    Nothing,
    /// An operation was asked for.
    Asked(Box<Operation>),
    /// The operation is not on record any more, and its deploy is.
    Deployed(Box<Deploy>),
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) standing: Standing,
}

/// What is looked for in one service.
struct Wanted {
    /// As it was said, and what the repository knows it by.
    names: Vec<String>,
    /// The commit, where the repository has it.
    sha: Option<String>,
    source: Result<Source, String>,
}

/// Answers where something is.
pub(crate) async fn find(cx: &Context, what: &str, service: Option<Service>) -> Result {
    let services = cx.services();
    let named = service.is_some();
    let asked = service.map_or_else(|| services.catalog().services(), |service| vec![service]);
    let mut places = Vec::new();
    let mut pulls = Vec::new();
    let mut troubles = Vec::new();
    // Whether some services could not be asked at all is news only when nothing is found elsewhere.
    let mut without = Vec::new();
    for service in asked {
        let source = source(services, &service);
        let wanted = match wanted(source, what, &mut pulls).await {
            Ok(Some(wanted)) => wanted,
            Ok(None) => continue,
            Err(why) if service.repository.is_none() && !named => {
                without.push((service.name.clone(), why));
                continue;
            }
            Err(why) => {
                troubles.push((service.name.clone(), why));
                continue;
            }
        };
        let spots = place::spots(services, Some(service));
        let found: Vec<Place> = stream::iter(spots)
            .map(|spot| look(services, spot, &wanted))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        // A service that never had a commit or a release of this name has nothing to do with it.
        let known = wanted.sha.is_some()
            || found
                .iter()
                .any(|place| matches!(place.standing, Standing::Runs(_) | Standing::Was { .. }));
        if known || named {
            places.extend(found);
        }
    }
    let open: Option<&Pull> = pulls.iter().find(|pull| pull.merged_at.is_none());
    if places.is_empty() && open.is_none() {
        troubles.extend(without);
        return Err(UserError::new(texts::nowhere(what, &troubles)).into());
    }
    cx.reply(texts::whereabouts(what, &pulls, &places, &troubles))
        .await
}

/// What is to be looked for in a service, none when it has no such pull request.
async fn wanted(
    source: Result<Source, String>,
    what: &str,
    pulls: &mut Vec<Pull>,
) -> Result<Option<Wanted>, String> {
    let number = what.strip_prefix('#').map(str::parse::<u64>);
    let Some(number) = number else {
        let sha = match &source {
            Ok(source) => source.commit(what).await.map_err(|error| error.to_string())?,
            Err(_) => None,
        };
        let sha = sha.map(|commit| commit.sha);
        let names = std::iter::once(what.to_owned()).chain(sha.clone()).collect();
        return Ok(Some(Wanted { names, sha, source }));
    };
    let number = number.map_err(|_| texts::no_number(what))?;
    let source = source?;
    let pull = match source.pull(number).await {
        Ok(pull) => pull,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let sha = pull.merge_sha.clone().filter(|_| pull.merged_at.is_some());
    if !pulls.contains(&pull) {
        pulls.push(pull);
    }
    Ok(sha.map(|sha| Wanted {
        names: vec![sha.clone()],
        sha: Some(sha),
        source: Ok(source),
    }))
}

async fn look(services: &Services, spot: Spot, wanted: &Wanted) -> Result<Place> {
    let seen = place::see(services, &spot).await?;
    let standing = standing(services, &spot, &seen, wanted).await?;
    Ok(Place {
        service: spot.service.name,
        environment: spot.environment.name,
        standing,
    })
}

async fn standing(services: &Services, spot: &Spot, seen: &Seen, wanted: &Wanted) -> Result<Standing> {
    let now = seen.version();
    let runs = now
        .iter()
        .chain(seen.reference().iter())
        .any(|name| is_named(name, &wanted.names));
    let since = || {
        let since = seen.running.as_ref().ok().and_then(|running| running.since);
        since.or_else(|| seen.release()?.ended)
    };
    if runs {
        return Ok(Standing::Runs(since()));
    }
    let mut why = None;
    if let (Some(sha), Ok(source)) = (&wanted.sha, &wanted.source) {
        match seen.reference() {
            None => why = Some(texts::no_commit(now.as_deref().unwrap_or("?"))),
            Some(running) => match source.compare(sha, &running).await {
                Ok(comparison) => {
                    if comparison.relation == Relation::Identical {
                        return Ok(Standing::Runs(since()));
                    }
                    if comparison.relation == Relation::Ahead {
                        return Ok(Standing::Within(now.unwrap_or(running)));
                    }
                }
                Err(error) => why = Some(error.to_string()),
            },
        }
    }
    let was = seen.deploys.iter().find(|deploy| was(deploy, wanted));
    if let Some(deploy) = was {
        return Ok(Standing::Was {
            at: deploy.ended.unwrap_or(deploy.began),
            state: deploy.state,
            now,
        });
    }
    if let Some(why) = why {
        return Ok(Standing::Unknown(why));
    }
    if let (None, Err(why)) = (&now, &seen.running) {
        return Ok(Standing::Unknown(why.clone()));
    }
    let filter = OperationFilter {
        service: Some(spot.service.name.clone()),
        environment: Some(spot.environment.name.clone()),
        kind: Some("deploy".into()),
        limit: 1,
        ..OperationFilter::default()
    };
    let latest = services.store().operations(&filter).await?.into_iter().next();
    let latest = match (latest, seen.deploys.first()) {
        (Some(operation), _) => Latest::Asked(Box::new(operation)),
        (None, Some(deploy)) => Latest::Deployed(Box::new(deploy.clone())),
        (None, None) => Latest::Nothing,
    };
    Ok(Standing::NotYet { now, latest })
}

fn was(deploy: &Deploy, wanted: &Wanted) -> bool {
    is_named(&deploy.version, &wanted.names)
        || place::reference(deploy).is_some_and(|reference| is_named(&reference, &wanted.names))
}

/// Whether a version or reference is meant by one of these names: it is one, or one is the beginning of the other and both are
/// hexadecimal and long enough to be commits.
fn is_named(name: &str, names: &[String]) -> bool {
    let commit = |text: &str| text.len() >= 7 && text.chars().all(|c| c.is_ascii_hexdigit());
    names.iter().any(|wanted| {
        let begins = || {
            let (name, wanted) = (name.to_lowercase(), wanted.to_lowercase());
            name.starts_with(&wanted) || wanted.starts_with(&name)
        };
        name == wanted || (commit(name) && commit(wanted) && begins())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_known_by_its_beginning_and_a_version_by_all_of_it() {
        let names = |name: &str| vec![name.to_owned()];
        assert!(is_named("4f2a91c", &names("4F2A91C0d")));
        assert!(is_named("4f2a91c0d", &names("4f2a91c")));
        assert!(is_named("v1", &names("v1")));
        assert!(!is_named("v1.2", &names("v1")));
        assert!(!is_named("4f2a", &names("4f2a91c")));
    }
}
