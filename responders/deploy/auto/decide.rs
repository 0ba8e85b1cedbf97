//! The decision itself: a pure function of what is known. The first rule that says no decides.

use jiff::{SignedDuration, Timestamp};
use otus::operations::{Operation, State};
use otus::policy::{Verdict, VerdictKind};
use otus::store::DeployState;
use otus_ci::version::Direction;

use super::decision::Decision;
use super::pause::Pause;
use crate::good::Rejected;

/// How often one version is proposed at most: each time something else had come in between.
pub(crate) const MOST_PROPOSED: u32 = 20;
/// How often an attempt that changed nothing is tried once more.
const MOST_TROUBLED: u32 = 1;

/// What is known of a version that could go out.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// What runs, as people say it.
    pub(crate) runs: String,
    /// Whether it runs already.
    pub(crate) here: bool,
    /// When it failed here, if that is the last that is known of it.
    pub(crate) failed: Option<Timestamp>,
    /// How it lies to what runs; nothing when nobody knows what runs.
    pub(crate) way: Option<Direction>,
    /// What was rejected here, and how it lies to that; nothing when nobody knows.
    pub(crate) rejected: Vec<(Rejected, Option<Direction>)>,
    /// The newest that ran here, when that is not what runs, and how it lies to that.
    pub(crate) peak: Option<(String, Direction)>,
    /// What became of it so far.
    pub(crate) tried: Tried,
}

/// What became of a version so far.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tried {
    /// It may be proposed, for the so manieth time.
    Go(u32),
    /// Its operation goes on.
    Under { operation: String, state: State },
    /// It went well, whatever has happened since.
    Done,
    /// It ended otherwise.
    Ended(Decision),
}

impl Facts {
    /// The decision that a rejection makes, if one lies so to the version.
    fn rejected_as(&self, lies: impl Fn(Direction) -> bool) -> Option<Decision> {
        let lies = |direction: &Option<Direction>| direction.is_some_and(&lies);
        let (rejected, _) = self.rejected.iter().find(|(_, direction)| lies(direction))?;
        Some(Decision::Rejected {
            version: rejected.version.clone(),
            by: rejected.by.clone(),
            at: rejected.at,
            why: rejected.why.clone(),
        })
    }
}

/// What is known of a version, apart from what may stand in its way for a while. Nothing: it may go.
pub(crate) fn decide(facts: &Facts) -> Option<Decision> {
    let runs = || facts.runs.clone();
    if let Tried::Under { operation, state } = &facts.tried {
        let (operation, state) = (operation.clone(), *state);
        return Some(Decision::Going { operation, state });
    }
    // Whoever went away from what failed says more than the failure.
    if let Some(rejected) = facts.rejected_as(|direction| direction == Direction::Same) {
        return Some(rejected);
    }
    if let Some(at) = facts.failed {
        return Some(match &facts.tried {
            Tried::Ended(decision @ Decision::Failed { .. }) => decision.clone(),
            _ => Decision::Failed { operation: None, at },
        });
    }
    if facts.here {
        return Some(Decision::Here);
    }
    match facts.way {
        None => return Some(Decision::Unknown { runs: runs() }),
        Some(Direction::Forward) => {}
        // The same commit, built once more: nothing that anybody waits for.
        Some(Direction::Same | Direction::Back) => return Some(Decision::Older { runs: runs() }),
        Some(Direction::Sideways) => return Some(Decision::Aside { runs: runs() }),
    }
    let before = |direction| matches!(direction, Direction::Same | Direction::Back);
    if let Some(rejected) = facts.rejected_as(before) {
        return Some(rejected);
    }
    if let Some((from, direction)) = &facts.peak
        && *direction != Direction::Forward
    {
        return Some(Decision::WentBack { from: from.clone() });
    }
    match &facts.tried {
        Tried::Ended(decision) => Some(decision.clone()),
        // It ran, and something else runs by now: somebody went away from it.
        Tried::Done => Some(Decision::WentBack { from: runs() }),
        Tried::Go(_) | Tried::Under { .. } => None,
    }
}

/// What stands in the way for a while, whichever version it is.
pub(crate) fn blocked(
    pause: Option<&Pause>,
    verdict: &Verdict,
    busy: Option<&Operation>,
    queued: Option<&Operation>,
) -> Option<Decision> {
    if let Some(pause) = pause {
        return Some(pause.into());
    }
    if let Some(decision) = ruled(verdict) {
        return Some(decision);
    }
    if let Some(busy) = busy {
        let (operation, line) = (busy.id.clone(), busy.line.clone());
        return Some(Decision::Busy { operation, line });
    }
    queued.map(|queued| Decision::Queued {
        operation: queued.id.clone(),
        line: queued.line.clone(),
        name: queued.name.clone(),
    })
}

/// What policy says, if that is no yes.
pub(crate) fn ruled(verdict: &Verdict) -> Option<Decision> {
    let why = verdict.rule.clone();
    match &verdict.kind {
        VerdictKind::Allow | VerdictKind::Approve { confirm: false, .. } => None,
        VerdictKind::Confirm | VerdictKind::Approve { confirm: true, .. } => Some(Decision::Personal { why }),
        VerdictKind::Wait { until, .. } => Some(Decision::Held { why, until: *until }),
        VerdictKind::Refuse => Some(Decision::Refused { why }),
    }
}

/// What the operations of one version say, in the order they were proposed, each with how its deploy was recorded.
pub(crate) fn tried(
    operations: &[(Operation, Option<DeployState>)],
    again: SignedDuration,
    now: Timestamp,
) -> Tried {
    let mut troubled = 0;
    for (operation, deploy) in operations {
        let id = || operation.id.clone();
        let note = || {
            operation
                .ending
                .as_ref()
                .map(|ending| ending.note.clone())
                .unwrap_or_default()
        };
        let ended = operation.ended.unwrap_or(operation.asked);
        match operation.state {
            state if !state.is_over() => {
                return Tried::Under {
                    operation: id(),
                    state,
                };
            }
            State::Succeeded => return Tried::Done,
            // Something else came in between: it is looked at anew.
            State::Refused | State::Void | State::Superseded => {}
            State::Failed if *deploy == Some(DeployState::Failed) => {
                let operation = Some(id());
                return Tried::Ended(Decision::Failed { operation, at: ended });
            }
            State::Failed | State::Unknown => {
                troubled += 1;
                let at = ended.checked_add(again).unwrap_or(Timestamp::MAX);
                if troubled > MOST_TROUBLED || now < at {
                    let again = (troubled <= MOST_TROUBLED).then_some(at);
                    // An attempt that came after it counts more.
                    let newer = operations.last().is_some_and(|(last, _)| last.id != operation.id);
                    if !newer {
                        return Tried::Ended(Decision::Troubled {
                            operation: id(),
                            note: note(),
                            again,
                        });
                    }
                }
            }
            state => {
                return Tried::Ended(Decision::Ended {
                    operation: id(),
                    state,
                    note: note(),
                });
            }
        }
    }
    match u32::try_from(operations.len()) {
        Ok(next) if next < MOST_PROPOSED => Tried::Go(next),
        _ => Tried::Ended(Decision::Unplanned {
            why: "it was proposed so often that something must be wrong".to_owned(),
        }),
    }
}
