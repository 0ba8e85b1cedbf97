//! Purpose: how far each branch that goes out is known: its head, and which checks of it were told.

use otus::{Catalog, Result, Store};
use otus_ci::{
    github::Repository,
    hooks::{CheckKind, CiEvent},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// Where it is kept, by `owner/name@branch`.
pub(crate) const SPACE: &str = "pipeline.heads";

/// How often a note is tried again when somebody else noted something in between.
const TRIES: usize = 5;

/// A branch that some service goes out from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) repo: Repository,
    pub(crate) branch: String,
}

impl Watched {
    /// Under which it is kept: repositories have no case, branches do.
    pub(crate) fn key(&self) -> String {
        format!("{}@{}", self.repo.to_string().to_lowercase(), self.branch)
    }

    fn is_of(&self, repo: &str) -> bool {
        self.repo.to_string().eq_ignore_ascii_case(repo)
    }
}

/// All of a catalog, each once; what is no repository is told by name.
pub(crate) fn watched(catalog: &Catalog) -> (Vec<Watched>, Vec<String>) {
    let (mut all, mut faults): (Vec<Watched>, Vec<String>) = (Vec::new(), Vec::new());
    for (name, service) in &catalog.services {
        let Some(repository) = &service.repository else {
            continue;
        };
        match repository.parse() {
            Ok(repo) => {
                let branch = service.branch().to_owned();
                let watched = Watched { repo, branch };
                if !all.contains(&watched) {
                    all.push(watched);
                }
            }
            Err(error) => faults.push(format!("services.{name}.repository: {error}")),
        }
    }
    (all, faults)
}

/// A branch as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Its newest commit.
    pub(crate) sha: String,
    /// The checks of that commit that ended, and whether they are good.
    pub(crate) checks: BTreeMap<String, bool>,
}

impl Head {
    /// As it is after an event; nothing when the event changes nothing about it.
    fn after(seen: Option<&Self>, watched: &Watched, event: &CiEvent) -> Option<Self> {
        match event {
            CiEvent::Pushed(pushed) if watched.is_of(&pushed.repo) && pushed.branch == watched.branch => {
                let sha = pushed.after.clone()?;
                let known = seen.is_some_and(|seen| seen.sha == sha);
                (!known).then(|| Self {
                    sha,
                    checks: BTreeMap::new(),
                })
            }
            CiEvent::Checked(checked) if watched.is_of(&checked.repo) => {
                let seen = seen.filter(|seen| seen.sha == checked.sha)?;
                if checked.kind != CheckKind::Job || !checked.state.is_final() {
                    return None;
                }
                let mut head = seen.clone();
                let told = head.checks.insert(checked.name.clone(), checked.state.is_good());
                (told != Some(checked.state.is_good())).then_some(head)
            }
            _ => None,
        }
    }
}

/// All that is known, by key, each with its revision.
pub(crate) async fn known(store: &Arc<dyn Store>) -> Result<BTreeMap<String, (Option<Head>, u64)>> {
    let mut known = BTreeMap::new();
    for value in store.entries(SPACE).await? {
        // What another version wrote otherwise is as good as nothing.
        let head = serde_json::from_value(value.value).ok();
        known.insert(value.key, (head, value.revision));
    }
    Ok(known)
}

/// Notes what an event says about the branches that are watched.
pub(crate) async fn note(store: &Arc<dyn Store>, watched: &[Watched], event: &CiEvent) -> Result {
    if watched.is_empty() {
        return Ok(());
    }
    for _ in 0..TRIES {
        let known = known(store).await?;
        let mut missed = false;
        for watched in watched {
            let key = watched.key();
            let seen = known.get(&key);
            let Some(next) = Head::after(seen.and_then(|(head, _)| head.as_ref()), watched, event) else {
                continue;
            };
            let revision = seen.map_or(0, |(_, revision)| *revision);
            let next = serde_json::to_value(next)?;
            missed |= !store.swap(SPACE, &key, revision, Some(&next), &[]).await?;
        }
        if !missed {
            return Ok(());
        }
    }
    // What is not noted is found again, and told twice.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus_ci::hooks::{CheckState, Checked, Pushed};

    fn watched_main() -> Watched {
        Watched {
            repo: "Acme/api".parse().unwrap(),
            branch: "main".into(),
        }
    }

    fn pushed(repo: &str, branch: &str, after: Option<&str>) -> CiEvent {
        CiEvent::Pushed(Pushed {
            repo: repo.into(),
            branch: branch.into(),
            before: None,
            after: after.map(str::to_owned),
            deleted: after.is_none(),
            forced: None,
            by: None,
        })
    }

    fn checked(sha: &str, kind: CheckKind, state: CheckState) -> CiEvent {
        CiEvent::Checked(Checked {
            repo: "acme/api".into(),
            sha: sha.into(),
            branch: None,
            fork: false,
            kind,
            name: "build".into(),
            state,
            url: None,
            image: None,
            digest: None,
        })
    }

    fn head(sha: &str, checks: &[(&str, bool)]) -> Head {
        Head {
            sha: sha.into(),
            checks: checks
                .iter()
                .map(|(name, good)| ((*name).to_owned(), *good))
                .collect(),
        }
    }

    #[test]
    fn only_what_concerns_the_branch_changes_what_is_known_of_it() {
        use CheckKind::{Job, Workflow};
        use CheckState::{Failure, Pending, Success};
        let seen = head("a", &[("build", false)]);
        for (event, known) in [
            (pushed("acme/API", "main", Some("b")), Some(head("b", &[]))),
            (pushed("acme/api", "main", Some("a")), None),
            (pushed("acme/api", "main", None), None),
            (pushed("acme/api", "Main", Some("b")), None),
            (pushed("acme/web", "main", Some("b")), None),
            (checked("a", Job, Success), Some(head("a", &[("build", true)]))),
            (checked("a", Job, Failure), None),
            (checked("a", Job, Pending), None),
            (checked("a", Workflow, Success), None),
            (checked("b", Job, Success), None),
        ] {
            assert_eq!(
                Head::after(Some(&seen), &watched_main(), &event),
                known,
                "{event:?}"
            );
        }
        assert_eq!(
            Head::after(None, &watched_main(), &checked("a", Job, Success)),
            None
        );
        let first = Head::after(None, &watched_main(), &pushed("acme/api", "main", Some("a")));
        assert_eq!(first, Some(head("a", &[])));
    }

    #[test]
    fn two_services_of_one_branch_are_one_and_a_wrong_name_is_told() {
        let service = |repository: &str, branch: Option<&str>| otus::catalog::ServiceEntry {
            repository: Some(repository.into()),
            branch: branch.map(str::to_owned),
            ..Default::default()
        };
        let catalog = Catalog {
            services: [
                ("api".to_owned(), service("Acme/api", None)),
                ("jobs".to_owned(), service("acme/api", Some("main"))),
                ("old".to_owned(), service("acme/api", Some("v1"))),
                ("odd".to_owned(), service("acme", None)),
                ("plain".to_owned(), otus::catalog::ServiceEntry::default()),
            ]
            .into(),
            ..Catalog::default()
        };
        let (all, faults) = watched(&catalog);
        let keys: Vec<_> = all.iter().map(Watched::key).collect();
        assert_eq!(keys, ["acme/api@main", "acme/api@v1"]);
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].starts_with("services.odd.repository: `acme` is not a repository"),
            "{faults:?}"
        );
    }
}
