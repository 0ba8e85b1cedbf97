//! The decision itself: a pure function of the rules and of what is known.
//!
//! It looks at everything, even when it could stop, so that the trace tells all of it; then the strictest finding decides:
//! a refusal, something to wait for, approvals, a confirmation, and only then leave.

use super::{
    calendar::{Calendar, Window},
    locks::{Elevation, Lock},
    matching,
    rules::{Policy, Rule},
    verdict::{Asked, Facts, Held, Line, Mark, Verdict, VerdictKind},
    words,
};
use crate::{markup, operations::Need, phrase};
use jiff::{SignedDuration, Timestamp};

/// Decides. Pure: the same rules and facts give the same verdict.
///
/// What cannot be found out is a refusal. A broken glass leads past everything but the roles (the command's own and those
/// of rules), a confirmation, and what cannot be found out.
pub fn decide(policy: &Policy, asked: &Asked, facts: &Facts) -> Verdict {
    let mut case = Case {
        policy,
        asked,
        facts,
        glass: glass(policy, asked, facts),
        trace: Vec::new(),
        refused: None,
        passed: Vec::new(),
        broken: false,
        blocked: Vec::new(),
        lock: None,
        needs: Vec::new(),
        confirm: None,
        expire: None,
    };
    case.unknown();
    case.glass();
    case.own_role();
    case.rules();
    case.locks();
    case.freezes();
    case.verdict()
}

/// The elevation, if it is of who asks and holds.
fn glass<'a>(policy: &Policy, asked: &Asked, facts: &'a Facts) -> Option<&'a Elevation> {
    let elevation = facts.elevation.as_ref()?;
    (elevation.by == asked.user && policy.break_glass.holds(elevation, facts.now)).then_some(elevation)
}

struct Case<'a> {
    policy: &'a Policy,
    asked: &'a Asked,
    facts: &'a Facts,
    glass: Option<&'a Elevation>,
    trace: Vec<Line>,
    /// The first thing against it.
    refused: Option<String>,
    /// What was in favour beyond the command's own role.
    passed: Vec<String>,
    /// Whether something was only passed because the glass is broken.
    broken: bool,
    /// What one has to wait for.
    blocked: Vec<String>,
    lock: Option<Lock>,
    needs: Vec<Need>,
    confirm: Option<String>,
    expire: Option<SignedDuration>,
}

impl Case<'_> {
    fn line(&mut self, mark: Mark, text: impl Into<String>) {
        let text = text.into();
        self.trace.push(Line { mark, text });
    }

    fn refuse(&mut self, text: String) {
        self.refused.get_or_insert_with(|| text.clone());
        self.line(Mark::No, text);
    }

    /// Against it, unless the glass is broken.
    fn refuse_unless_glass(&mut self, text: String) {
        if !self.through_glass(&text) {
            self.refuse(text);
        }
    }

    fn through_glass(&mut self, text: &str) -> bool {
        if self.glass.is_some() {
            self.broken = true;
            self.line(
                Mark::Note,
                format!("{text} (passed, because the glass is broken)"),
            );
        }
        self.glass.is_some()
    }

    fn held(&self, role: &str) -> Held {
        let known = self.facts.roles.get(role).cloned();
        known.unwrap_or_else(|| Held::Unknown("nobody looked".into()))
    }

    /// Why who asked gave, if they did.
    fn reason(&self) -> Option<&str> {
        let reason = self.asked.reason.as_deref().map(str::trim);
        reason.filter(|reason| !reason.is_empty())
    }

    fn unknown(&mut self) {
        for unknown in &self.facts.unknown {
            self.refuse(unknown.clone());
        }
    }

    fn glass(&mut self) {
        if let Some(elevation) = self.glass {
            self.line(Mark::Note, words::broken(elevation, self.facts.now));
        }
    }

    fn own_role(&mut self) {
        let Some(role) = &self.asked.role else {
            return self.line(Mark::Yes, "anybody may say it");
        };
        let shown = markup::code(role);
        match self.held(role) {
            Held::Yes(by) => self.line(
                Mark::Yes,
                format!("it asks for the role {shown}, which who asked has: {by}"),
            ),
            Held::No => self.refuse(format!(
                "it asks for the role {shown}, which who asked does not have"
            )),
            Held::Unknown(why) => self.refuse(format!(
                "it asks for the role {shown}, and whether who asked has it cannot be told: {why}"
            )),
        }
    }

    fn rules(&mut self) {
        let rules = matching::rules(self.policy, self.asked, self.facts.changes);
        if rules.is_empty() {
            self.line(Mark::Note, "no rule is about this");
        }
        for rule in rules {
            self.rule(rule);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        let name = markup::clean(&rule.name);
        if rule.deny {
            self.refuse_unless_glass(format!("{name}: nobody may"));
        }
        if !rule.roles.is_empty() {
            self.rule_roles(&name, rule);
        }
        if !rule.channels.is_empty() {
            self.rule_channels(&name, rule);
        }
        if rule.reason {
            match self.reason() {
                Some(_) => self.line(Mark::Yes, format!("{name}: a reason is given")),
                None => self.refuse_unless_glass(format!(
                    "{name}: it wants a reason; say it again with `because <reason>` at the end"
                )),
            }
        }
        if rule.approvals > 0 || rule.approvers.is_some() {
            self.rule_approvals(&name, rule);
        }
        if rule.confirm {
            self.confirm.get_or_insert_with(|| name.clone());
            self.line(Mark::Needs, format!("{name}: who asked has to confirm it"));
        }
    }

    fn rule_roles(&mut self, name: &str, rule: &Rule) {
        let only = phrase::either(
            &rule
                .roles
                .iter()
                .map(|role| markup::code(role))
                .collect::<Vec<_>>(),
        );
        let mut unknown = None;
        for role in &rule.roles {
            match self.held(role) {
                Held::Yes(by) => {
                    return self.line(
                        Mark::Yes,
                        format!(
                            "{name}: the role {} may, which who asked has: {by}",
                            markup::code(role)
                        ),
                    );
                }
                Held::No => {}
                Held::Unknown(why) => {
                    unknown.get_or_insert(why);
                }
            }
        }
        self.refuse(match unknown {
            None => format!("{name}: only the role {only} may, which who asked does not have"),
            Some(why) => {
                format!(
                    "{name}: only the role {only} may, and whether who asked has it cannot be told: {why}"
                )
            }
        });
    }

    fn rule_channels(&mut self, name: &str, rule: &Rule) {
        let here = |channel: &String| match channel.strip_prefix('#') {
            Some(named) => self
                .facts
                .channel_name
                .as_ref()
                .is_some_and(|name| matching::same(name, named)),
            None => channel == self.asked.channel.as_str(),
        };
        if rule.channels.iter().any(here) {
            return self.line(Mark::Yes, format!("{name}: it may be said in this channel"));
        }
        let named = rule.channels.iter().any(|channel| channel.starts_with('#'));
        let nameless = if named && self.facts.channel_name.is_none() {
            ", and what this channel is called cannot be found out"
        } else {
            ""
        };
        let shown: Vec<_> = rule
            .channels
            .iter()
            .map(|channel| match channel.strip_prefix('#') {
                Some(_) => markup::clean(channel),
                None => markup::channel(&channel.as_str().into()),
            })
            .collect();
        self.refuse_unless_glass(format!("{name}: only in {}{nameless}", phrase::either(&shown)));
    }

    fn rule_approvals(&mut self, name: &str, rule: &Rule) {
        let Some(role) = rule.approvers.as_ref().filter(|_| rule.approvals > 0) else {
            return self.refuse_unless_glass(format!(
                "{name}: it asks for approvals, but not for both how many and by whom"
            ));
        };
        let text = format!(
            "{name}: {} of the role {} to approve it",
            match rule.approvals {
                1 => "somebody else".to_owned(),
                many => format!("{many} other people"),
            },
            markup::code(role)
        );
        if self.through_glass(&text) {
            return;
        }
        self.line(Mark::Needs, text);
        let expire = rule.expire.unwrap_or(self.policy.approvals_expire);
        self.expire = Some(self.expire.map_or(expire, |so_far| so_far.min(expire)));
        let need = Need {
            count: rule.approvals,
            role: role.clone(),
            rule: name.to_owned(),
        };
        match self.needs.iter_mut().find(|held| held.role == need.role) {
            Some(held) if held.count < need.count => *held = need,
            Some(_) => {}
            None => self.needs.push(need),
        }
    }

    fn locks(&mut self) {
        // What changes nothing, or only steers what does, is nobody's to hold up.
        if !self.facts.changes || matching::is_safeguard(self.asked) {
            return;
        }
        for lock in locks(self.asked, self.facts) {
            let text = words::locked(lock, self.facts.now);
            if lock.by == self.asked.user {
                self.line(Mark::Note, format!("{text} (their own lock)"));
            } else if !self.overrides(self.policy.lock_override.as_deref(), &text) {
                self.lock.get_or_insert_with(|| lock.clone());
            }
        }
    }

    fn freezes(&mut self) {
        let now = self.facts.now;
        for freeze in matching::freezes(self.policy, self.asked, self.facts.changes) {
            match freeze.calendar() {
                Err(fault) => self.refuse_unless_glass(format!(
                    "{}: when it is frozen cannot be read: {}",
                    markup::clean(&freeze.name),
                    fault.message
                )),
                Ok(calendar) => {
                    if let Some(window) = calendar.open_at(now) {
                        let text = words::frozen(freeze, &window, now);
                        self.overrides(freeze.override_role.as_deref(), &text);
                    }
                }
            }
        }
    }

    /// Whether who asked may go through what is in the way, by a role with a reason or because the glass is broken.
    fn overrides(&mut self, role: Option<&str>, text: &str) -> bool {
        let shown = role.map(markup::code).unwrap_or_default();
        let mut hint = String::new();
        match role.map(|role| self.held(role)) {
            Some(Held::Yes(_)) => match self.reason().map(markup::clean) {
                Some(reason) => {
                    self.line(
                        Mark::Yes,
                        format!("{text} (passed by the role {shown}, because {reason})"),
                    );
                    self.passed.push(format!(
                        "the role {shown} may go through it with a reason: {text}"
                    ));
                    return true;
                }
                None => {
                    hint = format!(
                        "; the role {shown} may go through it with a reason: `because <reason>` at the end"
                    );
                }
            },
            Some(Held::Unknown(why)) => {
                hint = format!(
                    "; the role {shown} could go through it, but whether who asked has it cannot be told: {why}"
                );
            }
            Some(Held::No) | None => {}
        }
        if self.through_glass(text) {
            return true;
        }
        let text = format!("{text}{hint}");
        self.line(Mark::No, text.clone());
        self.blocked.push(text);
        false
    }

    fn verdict(self) -> Verdict {
        let (kind, rule) = if let Some(refused) = self.refused {
            (VerdictKind::Refuse, refused)
        } else if !self.blocked.is_empty() {
            let kind = VerdictKind::Wait {
                lock: self.lock.map(Box::new),
                until: opening(self.policy, self.asked, self.facts),
            };
            (kind, self.blocked.join("; "))
        } else if !self.needs.is_empty() {
            let mut rules: Vec<_> = self.needs.iter().map(|need| need.rule.clone()).collect();
            rules.dedup();
            let kind = VerdictKind::Approve {
                needs: self.needs,
                confirm: self.confirm.is_some(),
                expire: self.expire.unwrap_or(self.policy.approvals_expire).as_secs(),
            };
            (kind, rules.join("; "))
        } else if let Some(rule) = self.confirm {
            (VerdictKind::Confirm, rule)
        } else if let Some(elevation) = self.glass.filter(|_| self.broken) {
            (VerdictKind::Allow, words::broken(elevation, self.facts.now))
        } else if !self.passed.is_empty() {
            (VerdictKind::Allow, self.passed.join("; "))
        } else {
            let by = self.asked.role.as_ref().map(|role| markup::code(role));
            let rule = by.map_or("anybody may".into(), |role| format!("the role {role} may"));
            (VerdictKind::Allow, rule)
        };
        Verdict {
            glass: self.broken && kind != VerdictKind::Refuse,
            kind,
            rule,
            trace: self.trace,
        }
    }
}

/// The locks in the way that hold, the oldest first.
fn locks<'a>(asked: &Asked, facts: &'a Facts) -> Vec<&'a Lock> {
    let mut locks: Vec<_> = facts
        .locks
        .iter()
        .filter(|lock| lock.holds(facts.now) && lock.target.covers(&asked.target))
        .collect();
    locks.sort_by(|a, b| (a.since, &a.target).cmp(&(b.since, &b.target)));
    locks
}

/// When nothing is in the way any more, as far as anybody knows: through locks and freezes that follow each other.
fn opening(policy: &Policy, asked: &Asked, facts: &Facts) -> Option<Timestamp> {
    let locks: Vec<_> = locks(asked, facts)
        .into_iter()
        .filter(|lock| lock.by != asked.user)
        .collect();
    let calendars: Option<Vec<Calendar>> = matching::freezes(policy, asked, facts.changes)
        .into_iter()
        .map(|freeze| freeze.calendar().ok())
        .collect();
    let calendars = calendars?;
    let mut at = facts.now;
    // Each turn ends at least one window; so many of different freezes in a row are as good as for ever.
    for _ in 0..100 {
        let locked = locks.iter().filter(|lock| lock.holds(at)).map(|lock| lock.until);
        let frozen = calendars
            .iter()
            .filter_map(|calendar| calendar.open_at(at))
            .map(|Window { until, .. }| until);
        let mut ends: Vec<Option<Timestamp>> = locked.chain(frozen).collect();
        if ends.is_empty() {
            return (at > facts.now).then_some(at);
        }
        if ends.contains(&None) {
            return None;
        }
        ends.sort();
        at = ends.pop().flatten()?;
    }
    None
}
