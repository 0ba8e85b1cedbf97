//! Everything this responder says: short answers here, the rest in the files of this folder.

mod list;
mod story;
mod trail;

use crate::words::{inert, stopped};
use otus::{
    markup::{bold, code},
    operations::{Operation, State},
    policy::VerdictKind,
};

pub(crate) use list::operations;
pub(crate) use story::{Story, story};
pub(crate) use trail::{Shown, nothing, said, trail};

/// A duration that is none.
pub(crate) const NOT_A_DURATION: &str = "write for example `24h`, `7d` or `2w`";

/// Somebody agreed.
pub(crate) fn approved(operation: &Operation) -> String {
    match (operation.state, progress(operation)) {
        (State::Approving, Some(progress)) => format!("Approved: {progress}. {}", standing(operation)),
        _ => format!("Approved. {}", standing(operation)),
    }
}

/// Somebody said no.
pub(crate) fn denied(operation: &Operation, reason: Option<&str>) -> String {
    let because = reason.map_or_else(String::new, |reason| format!(" because {}", inert(reason, 300)));
    let dot = if because.ends_with(['.', '!', '?', '…']) {
        ""
    } else {
        "."
    };
    format!(
        "Denied{because}{dot} Nothing was changed; {} can ask again.",
        inert(&operation.name, 60)
    )
}

/// Who asked said yes.
pub(crate) fn confirmed(operation: &Operation) -> String {
    format!("Confirmed. {}", standing(operation))
}

/// What was planned is wanted now.
pub(crate) fn applied(operation: &Operation) -> String {
    format!(
        "The plan {} is taken up. {}",
        code(operation.hash.short()),
        standing(operation)
    )
}

/// It waits for its turn.
pub(crate) fn queued(operation: &Operation) -> String {
    standing(operation)
}

/// It stops, or did not begin.
pub(crate) fn cancelled(operation: &Operation) -> String {
    match operation.state {
        State::Running | State::Paused => "It stops at the next safe point; its card tells when.".into(),
        State::Cancelled if operation.started.is_none() => "Cancelled. Nothing was changed.".into(),
        _ => standing(operation),
    }
}

/// It is held.
pub(crate) fn paused(operation: &Operation) -> String {
    match operation.state {
        State::Running => "It is held at the next safe point; `resume` lets it go on.".into(),
        _ => standing(operation),
    }
}

/// It goes on.
pub(crate) fn resumed(operation: &Operation) -> String {
    match operation.state {
        State::Running | State::Paused => "It goes on.".into(),
        _ => standing(operation),
    }
}

/// Its command is said once more.
pub(crate) fn again(line: &str) -> String {
    format!("Once more: {}", code(line))
}

/// There are no words to say again.
pub(crate) fn no_words(id: &str) -> String {
    format!(
        "The operation {} was not asked in words, so I cannot say them again.",
        code(id)
    )
}

/// How many of those who are needed have agreed: `1 of 2 by sre`.
fn progress(operation: &Operation) -> Option<String> {
    let VerdictKind::Approve { needs, .. } = &operation.verdict.kind else {
        return None;
    };
    let parts: Vec<String> = needs
        .iter()
        .map(|need| {
            let have = operation
                .approvals
                .iter()
                .filter(|approval| approval.roles.contains(&need.role))
                .count();
            format!("{have} of {} by {}", need.count, code(&need.role))
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How it stands, in a sentence.
fn standing(operation: &Operation) -> String {
    standing_as(operation, |text| inert(text, 600))
}

/// The same, with what the record says retold.
fn standing_as(operation: &Operation, told: impl Fn(&str) -> String) -> String {
    let name = bold(&inert(&operation.name, 60));
    let note = operation
        .ending
        .as_ref()
        .map(|ending| stopped(&told(&ending.note)))
        .unwrap_or_default();
    let with_note = |text: &str| match note.as_str() {
        "" => format!("{text}."),
        note => format!("{text}: {note}"),
    };
    match operation.state {
        State::Planned => "It is only planned; `apply` takes it up.".into(),
        State::Confirming => format!("It waits for {name} to confirm it."),
        State::Approving => "It waits for who else has to agree.".into(),
        State::Queued => "It waits in the queue, and begins by itself when the way is free.".into(),
        State::Running => "It is under way.".into(),
        State::Paused => "It is held; `resume` lets it go on.".into(),
        State::Succeeded => with_note("It is done"),
        State::Failed => with_note("It failed"),
        State::Cancelled => with_note("It was cancelled"),
        State::Refused => format!("It was refused: {}", stopped(&told(&operation.verdict.rule))),
        State::Denied => with_note("It was denied"),
        State::Expired => with_note("It expired"),
        State::Void => with_note("It is void, because the world moved since it was planned"),
        State::Superseded => with_note("A newer one took its place"),
        State::Unknown => with_note("Nobody can tell how it ended"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::people::People;
    use jiff::Timestamp;
    use otus::{
        Card,
        operations::{Approval, Change, Ending, Lease, Need, Origin, Outcome, Plan, PlanHash, Target, Wish},
        policy::{Line, Mark, Verdict},
    };

    pub(crate) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    pub(crate) fn people() -> People {
        People::known(&[("U1", "Ann"), ("U2", "Bob")], "Europe/Berlin")
    }

    /// Ann's deploy of api to production, approved by Bob.
    pub(crate) fn operation(state: State) -> Operation {
        Operation {
            id: "3f9c2ab01d".into(),
            kind: "deploy".into(),
            command: "deploy.deploy".into(),
            line: "deploy api 1.9.0 to production".into(),
            ask: serde_json::Value::Null,
            plan: Plan {
                target: Target::new("api", "production"),
                title: "Deploy *api* 1.9.0 to *production*".into(),
                changes: vec![Change {
                    what: "image".into(),
                    from: Some("api:1.8.0".into()),
                    to: Some("api:1.9.0".into()),
                }],
                warnings: vec!["the migration 12 is not out yet".into()],
                ..Plan::default()
            },
            hash: PlanHash("0f1e2d3c4b5a".into()),
            by: "U1".into(),
            name: "Ann".into(),
            origin: Origin {
                channel: "C1".into(),
                thread: None,
                message: Some("1.1".into()),
                schedule: None,
            },
            reason: Some("customers wait".into()),
            verdict: Verdict {
                kind: VerdictKind::Approve {
                    needs: vec![Need {
                        count: 2,
                        role: "sre".into(),
                        rule: "production is approved by an SRE".into(),
                    }],
                    confirm: false,
                    expire: 1800,
                },
                rule: "production is approved by an SRE".into(),
                trace: vec![
                    Line {
                        mark: Mark::Yes,
                        text: "you have the role `developer`".into(),
                    },
                    Line {
                        mark: Mark::Needs,
                        text: "production is approved by an SRE: 2 of `sre`".into(),
                    },
                    Line {
                        mark: Mark::Note,
                        text: "no freeze".into(),
                    },
                ],
                glass: false,
            },
            approvals: vec![Approval {
                by: "U2".into(),
                at: at(60),
                hash: PlanHash("0f1e2d3c4b5a".into()),
                roles: vec!["sre".into()],
            }],
            asked: at(0),
            expires: None,
            started: None,
            ended: None,
            state,
            card: None,
            wish: Wish::Go,
            wished_by: None,
            lease: Lease::default(),
            progress: serde_json::Value::Null,
            ending: None,
            told: true,
            revision: 1,
        }
    }

    pub(crate) fn ended(state: State, outcome: Outcome, note: &str) -> Operation {
        Operation {
            started: Some(at(70)),
            ended: Some(at(270)),
            ending: Some(Ending {
                outcome,
                note: note.into(),
                card: Card::default(),
            }),
            ..operation(state)
        }
    }

    #[test]
    fn answers_are_short_and_say_what_comes_next() {
        assert_eq!(
            approved(&operation(State::Approving)),
            "Approved: 1 of 2 by `sre`. It waits for who else has to agree."
        );
        assert_eq!(approved(&operation(State::Running)), "Approved. It is under way.");
        assert_eq!(
            approved(&ended(
                State::Void,
                Outcome::Failed,
                "image was api:1.8.0 and is api:1.8.1 now"
            )),
            "Approved. It is void, because the world moved since it was planned: image was api:1.8.0 and is api:1.8.1 now."
        );
        assert_eq!(
            denied(&operation(State::Denied), Some("the *migration* is not out")),
            "Denied because the *migration* is not out. Nothing was changed; Ann can ask again."
        );
        assert_eq!(
            denied(&operation(State::Denied), None),
            "Denied. Nothing was changed; Ann can ask again."
        );
        assert_eq!(
            confirmed(&operation(State::Approving)),
            "Confirmed. It waits for who else has to agree."
        );
        assert_eq!(
            applied(&operation(State::Running)),
            "The plan `0f1e2d3c` is taken up. It is under way."
        );
        assert_eq!(
            queued(&operation(State::Queued)),
            "It waits in the queue, and begins by itself when the way is free."
        );
        assert_eq!(
            cancelled(&operation(State::Running)),
            "It stops at the next safe point; its card tells when."
        );
        assert_eq!(
            cancelled(&operation(State::Cancelled)),
            "Cancelled. Nothing was changed."
        );
        assert_eq!(
            paused(&operation(State::Running)),
            "It is held at the next safe point; `resume` lets it go on."
        );
        assert_eq!(
            paused(&operation(State::Paused)),
            "It is held; `resume` lets it go on."
        );
        assert_eq!(resumed(&operation(State::Paused)), "It goes on.");
        assert_eq!(again("deploy api"), "Once more: `deploy api`");
        assert_eq!(
            no_words("3f9c"),
            "The operation `3f9c` was not asked in words, so I cannot say them again."
        );
    }

    #[test]
    fn every_state_has_a_sentence() {
        let all: Vec<String> = State::ALL
            .into_iter()
            .map(|state| standing(&operation(state)))
            .collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        It is only planned; `apply` takes it up.
        It waits for *Ann* to confirm it.
        It waits for who else has to agree.
        It waits in the queue, and begins by itself when the way is free.
        It is under way.
        It is held; `resume` lets it go on.
        It is done.
        It failed.
        It was cancelled.
        It was refused: production is approved by an SRE.
        It was denied.
        It expired.
        It is void, because the world moved since it was planned.
        A newer one took its place.
        Nobody can tell how it ended.
        ");
    }
}
