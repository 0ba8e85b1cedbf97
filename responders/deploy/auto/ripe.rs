//! What may go on from one environment to the next: a pure function of the deploys there.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use otus::store::{Deploy, DeployState};

use crate::commits::commit_of;

/// How many that have run well for long enough are looked at, the newest first.
const MOST: usize = 3;

/// What may go on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ripe<'a> {
    /// What has run well for long enough, the newest first, each image once.
    pub(crate) ready: Vec<&'a Deploy>,
    /// The newest that has not, and when it will have.
    pub(crate) baking: Option<(&'a Deploy, Timestamp)>,
    /// The newest that would have, had not this failed meanwhile.
    pub(crate) broken: Option<(&'a Deploy, &'a Deploy)>,
}

/// Sorts the deploys of one environment, the newest first. `rejected` are the images that somebody went away from.
pub(crate) fn ripe<'a>(
    deploys: &'a [Deploy],
    rejected: &BTreeSet<String>,
    bake: SignedDuration,
    now: Timestamp,
) -> Ripe<'a> {
    let mut ripe = Ripe::default();
    let mut trouble: Option<&Deploy> = None;
    let mut seen = BTreeSet::new();
    for deploy in deploys {
        match deploy.state {
            DeployState::Failed => {
                trouble.get_or_insert(deploy);
                continue;
            }
            // These changed nothing, or nobody knows yet.
            DeployState::Running | DeployState::Superseded | DeployState::Stopped => continue,
            DeployState::Succeeded => {}
        }
        if commit_of(deploy).is_none() {
            continue;
        }
        if rejected.contains(&deploy.image) {
            trouble.get_or_insert(deploy);
            continue;
        }
        let until = deploy
            .ended
            .unwrap_or(deploy.began)
            .checked_add(bake)
            .unwrap_or(Timestamp::MAX);
        if until > now {
            if ripe.baking.is_none() && trouble.is_none() {
                ripe.baking = Some((deploy, until));
            }
            continue;
        }
        if let Some(trouble) = trouble {
            ripe.broken.get_or_insert((deploy, trouble));
            break;
        }
        if seen.insert(deploy.image.clone()) {
            ripe.ready.push(deploy);
        }
        if ripe.ready.len() == MOST {
            break;
        }
    }
    ripe
}
