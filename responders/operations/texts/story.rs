//! How it came to a decision, and what became of it.

use super::list::shown;
use crate::{
    people::People,
    words::{duration, inert, moment, sentence, stopped},
};
use jiff::SignedDuration;
use otus::{
    audit::Recorded,
    markup::{bold, code},
    operations::{Operation, State, Step},
    policy::{Mark, VerdictKind},
    prelude::*,
};

/// Everything that is known about one operation.
pub(crate) struct Story<'a> {
    /// The operation.
    pub(crate) operation: &'a Operation,
    /// Its journal.
    pub(crate) steps: &'a [Step],
    /// What the audit trail has of it, oldest first.
    pub(crate) entries: &'a [Recorded],
}

/// The whole story of an operation.
pub(crate) fn story(story: &Story<'_>, people: &People) -> Card {
    let operation = story.operation;
    let tone = match operation.state {
        State::Succeeded => Tone::Good,
        State::Failed | State::Unknown => Tone::Bad,
        State::Running | State::Paused => Tone::Running,
        State::Refused | State::Denied | State::Void => Tone::Warning,
        _ => Tone::Neutral,
    };
    let (_, state) = shown(operation.state);
    let parts = [
        Some(asked(operation, people)),
        Some(planned(operation)),
        Some(decided(operation, people)),
        agreed(operation, people),
        said(story, people),
        done(story, people),
        Some(stands(operation, people)),
    ];
    let card = Card::new(tone, format!("{} · {state}", inert(&operation.plan.title, 200)));
    let card = parts.into_iter().flatten().fold(card, Card::text);
    card.footer(format!(
        "{} · {}",
        code(&operation.id),
        inert(&operation.command, 80)
    ))
}

fn asked(operation: &Operation, people: &People) -> String {
    let reason = operation
        .reason
        .as_deref()
        .map_or_else(String::new, |reason| format!(", because {}", inert(reason, 300)));
    format!(
        "{} by {}, {}: {}{reason}",
        bold("Asked"),
        inert(&operation.name, 60),
        moment(operation.asked, &people.zone),
        code(&inert(&operation.line, 300)),
    )
}

fn planned(operation: &Operation) -> String {
    const MOST: usize = 10;
    let plan = &operation.plan;
    let value = |value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(|| "nothing".into(), |text| code(&inert(text, 150)))
    };
    let changes = plan.changes.iter().map(|change| {
        format!(
            "• {}: {} → {}",
            inert(&change.what, 100),
            value(&change.from),
            value(&change.to)
        )
    });
    let warnings = plan
        .warnings
        .iter()
        .map(|warning| format!("⚠️ {}", inert(warning, 300)));
    let lines: Vec<String> = changes.chain(warnings).collect();
    let head = format!("{} {}", bold("Plan"), code(operation.hash.short()));
    if lines.is_empty() {
        return format!("{head}: nothing would change");
    }
    let more = lines.len().saturating_sub(MOST);
    let mut text = vec![head];
    text.extend(lines.into_iter().take(MOST));
    if more > 0 {
        text.push(format!("… and {more} more"));
    }
    text.join("\n")
}

fn decided(operation: &Operation, people: &People) -> String {
    const MOST: usize = 25;
    let verdict = &operation.verdict;
    let what = match &verdict.kind {
        VerdictKind::Allow => "allowed".to_owned(),
        VerdictKind::Confirm => "allowed, once who asked has confirmed it".to_owned(),
        VerdictKind::Approve { needs, confirm, .. } => {
            let needs: Vec<String> = needs
                .iter()
                .map(|need| format!("{} of {}", need.count, code(&need.role)))
                .collect();
            let confirm = if *confirm {
                ", and who asked has confirmed it"
            } else {
                ""
            };
            let agree = match needs.as_slice() {
                [one] if one.starts_with("1 ") => "agrees",
                _ => "agree",
            };
            format!("allowed, once {} {agree}{confirm}", needs.join(" and "))
        }
        VerdictKind::Wait { .. } => "not now".to_owned(),
        VerdictKind::Refuse => "refused".to_owned(),
    };
    let glass = if verdict.glass {
        " _Only because the glass is broken._"
    } else {
        ""
    };
    let mut lines = vec![format!(
        "{} {what}: {}{glass}",
        bold("Decision:"),
        stopped(&people.told(&verdict.rule, 600))
    )];
    lines.extend(verdict.trace.iter().take(MOST).map(|line| {
        let mark = match line.mark {
            Mark::Yes => "✓",
            Mark::No => "✗",
            Mark::Needs => "→",
            Mark::Note => "·",
        };
        format!("{mark} {}", people.told(&line.text, 400))
    }));
    if verdict.trace.len() > MOST {
        lines.push(format!("… and {} more", verdict.trace.len() - MOST));
    }
    lines.join("\n")
}

fn agreed(operation: &Operation, people: &People) -> Option<String> {
    let lines: Vec<String> = operation
        .approvals
        .iter()
        .map(|approval| {
            let roles: Vec<String> = approval.roles.iter().map(|role| code(role)).collect();
            let roles = if roles.is_empty() {
                String::new()
            } else {
                format!(" as {}", roles.join(", "))
            };
            format!(
                "• {}{roles}, {}, of the plan {}",
                people.name(&approval.by),
                moment(approval.at, &people.zone),
                code(approval.hash.short())
            )
        })
        .collect();
    (!lines.is_empty()).then(|| format!("{}\n{}", bold("Approved by"), lines.join("\n")))
}

/// Told elsewhere in the story.
const TOLD: [&str; 10] = [
    "asked",
    "decided",
    "approved",
    "started",
    "step",
    "ended",
    "refused",
    "expired",
    "void",
    "superseded",
];

/// What else was said and done about it: denied, confirmed, paused, cancelled, taken up.
fn said(story: &Story<'_>, people: &People) -> Option<String> {
    const MOST: usize = 12;
    let lines: Vec<String> = story
        .entries
        .iter()
        .map(|recorded| &recorded.entry)
        .filter(|entry| !TOLD.contains(&entry.event.as_str()))
        .map(|entry| {
            format!(
                "• {} {}, {}: {}",
                people.actor(entry.actor.as_ref()),
                code(&inert(&entry.event, 40)),
                moment(entry.at, &people.zone),
                sentence(&people.told(&entry.text, 400))
            )
        })
        .collect();
    let more = lines.len().saturating_sub(MOST);
    let mut text = vec![bold("Meanwhile")];
    text.extend(lines.into_iter().skip(more));
    (text.len() > 1).then(|| text.join("\n"))
}

fn done(story: &Story<'_>, people: &People) -> Option<String> {
    const MOST: usize = 20;
    let all = story.steps.len();
    if all == 0 {
        return None;
    }
    let mut lines = vec![bold("Steps")];
    if all > MOST {
        lines.push(format!("… the first {} left out", all - MOST));
    }
    lines.extend(story.steps.iter().skip(all.saturating_sub(MOST)).map(|step| {
        let took = match step.ended {
            Some(ended) => duration(ended.duration_since(step.began)),
            None if story.operation.state.is_over() => "nobody knows whether it was done".into(),
            None => "under way".into(),
        };
        format!(
            "{}. {} · {} · {took}",
            step.number,
            inert(&step.name, 150),
            moment(step.began, &people.zone)
        )
    }));
    match story.operation.lease.generation {
        0 | 1 => {}
        2 => lines.push("Another process took it up once.".into()),
        times => lines.push(format!("Other processes took it up {} times.", times - 1)),
    }
    Some(lines.join("\n"))
}

fn stands(operation: &Operation, people: &People) -> String {
    let Some(ended) = operation.ended else {
        let until = operation.expires.filter(|_| operation.state.is_waiting());
        let until = until.map_or_else(String::new, |until| {
            format!(" It waits until {}.", moment(until, &people.zone))
        });
        let now = if operation.state.is_over() {
            "Ended:"
        } else {
            "Now:"
        };
        return format!(
            "{} {}{until}",
            bold(now),
            super::standing_as(operation, |text| people.told(text, 600))
        );
    };
    let after = operation.started.map_or_else(String::new, |started| {
        format!(
            ", after {}",
            duration(ended.duration_since(started).max(SignedDuration::ZERO))
        )
    });
    format!(
        "{} {}{after}. {}",
        bold("Ended"),
        moment(ended, &people.zone),
        super::standing_as(operation, |text| people.told(text, 600))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::tests::{at, ended, operation, people};
    use otus::{
        audit::{Entry, GENESIS},
        operations::Outcome,
    };

    fn told(operation: &Operation, steps: &[Step], entries: &[Entry]) -> String {
        let entries: Vec<Recorded> = entries
            .iter()
            .map(|entry| Recorded::after(GENESIS, 1, entry.clone()))
            .collect();
        let story = Story {
            operation,
            steps,
            entries: &entries,
        };
        Post::from(super::story(&story, &people())).plain()
    }

    #[test]
    fn a_failure_is_told_from_the_beginning() {
        let mut failed = ended(State::Failed, Outcome::Failed, "a pod crashed");
        failed.lease.generation = 2;
        let step = |number, name: &str, began, ended: Option<i64>| Step {
            operation: failed.id.clone(),
            number,
            name: name.into(),
            generation: 1,
            began: at(began),
            ended: ended.map(at),
            result: None,
        };
        let steps = [step(1, "set the image", 70, Some(72)), step(2, "watch", 72, None)];
        let entries = [
            Entry::of(&failed, at(0), "asked", "left out").by(&"U1".into()),
            Entry::of(&failed, at(90), "paused", "held, wanted by Bob").by(&"U2".into()),
            Entry::of(&failed, at(120), "taken", "taken up with generation 2"),
        ];
        insta::assert_snapshot!(told(&failed, &steps, &entries), @r"
        ❌ Deploy *api* 1.9.0 to *production* · failed
        *Asked* by Ann, 2026-09-21 16:13 CEST: `deploy api 1.9.0 to production`, because customers wait
        *Plan* `0f1e2d3c`
        • image: `api:1.8.0` → `api:1.9.0`
        ⚠️ the migration 12 is not out yet
        *Decision:* allowed, once 2 of `sre` agree: production is approved by an SRE.
        ✓ you have the role `developer`
        → production is approved by an SRE: 2 of `sre`
        · no freeze
        *Approved by*
        • Bob as `sre`, 2026-09-21 16:14 CEST, of the plan `0f1e2d3c`
        *Meanwhile*
        • Bob `paused`, 2026-09-21 16:14 CEST: Held, wanted by Bob.
        • otus `taken`, 2026-09-21 16:15 CEST: Taken up with generation 2.
        *Steps*
        1. set the image · 2026-09-21 16:14 CEST · 2 s
        2. watch · 2026-09-21 16:14 CEST · nobody knows whether it was done
        Another process took it up once.
        *Ended* 2026-09-21 16:17 CEST, after 3 min 20 s. It failed: a pod crashed.
        `3f9c2ab01d` · deploy.deploy
        ");
    }

    #[test]
    fn a_refusal_shows_its_rule() {
        let mut refused = operation(State::Refused);
        refused.approvals.clear();
        refused.reason = None;
        refused.plan.changes.clear();
        refused.plan.warnings.clear();
        refused.verdict = otus::policy::Verdict::refuse("the role `sre` could not be looked up");
        refused.verdict.glass = true;
        insta::assert_snapshot!(told(&refused, &[], &[]), @r"
        ⚠️ Deploy *api* 1.9.0 to *production* · refused
        *Asked* by Ann, 2026-09-21 16:13 CEST: `deploy api 1.9.0 to production`
        *Plan* `0f1e2d3c`: nothing would change
        *Decision:* refused: the role `sre` could not be looked up. _Only because the glass is broken._
        ✗ the role `sre` could not be looked up
        *Ended:* It was refused: the role `sre` could not be looked up.
        `3f9c2ab01d` · deploy.deploy
        ");
    }
}
