//! What cannot be right about a policy, found when the robot starts: a rule that never holds as somebody meant it is worse
//! than none.

use super::{
    matching,
    roles::Roles,
    rules::{Policy, PolicyFault, Rule},
};
use crate::{catalog::Catalog, responder::CommandSpec, suggest};

impl Policy {
    /// What cannot be right: names of things that do not exist, times nobody can read, rules that say nothing or half of
    /// something.
    pub fn faults(
        &self,
        roles: &Roles,
        catalog: &Catalog,
        commands: &[&'static CommandSpec],
    ) -> Vec<PolicyFault> {
        let mut look = Look {
            roles,
            catalog,
            commands,
            faults: Vec::new(),
        };
        for (at, rule) in self.rules.iter().enumerate() {
            look.rule(&format!("policy.rules.{at}"), rule);
        }
        for (at, freeze) in self.freezes.iter().enumerate() {
            let key = format!("policy.freezes.{at}");
            look.name(&key, &freeze.name);
            look.about(&key, &freeze.commands, &freeze.services, &freeze.environments);
            if let Some(role) = &freeze.override_role {
                look.role(&format!("{key}.override"), role);
            }
            if let Err(fault) = freeze.calendar() {
                look.fault(format!("{key}.{}", fault.key), fault.message);
            }
        }
        if let Some(role) = &self.lock_override {
            look.role("policy.lock_override", role);
        }
        if let Some(role) = &self.break_glass.role {
            look.role("policy.break_glass.role", role);
        }
        for channel in &self.break_glass.channels {
            look.channel("policy.break_glass.channels", channel);
        }
        for (key, length) in [
            ("policy.break_glass.longest", self.break_glass.longest),
            ("policy.approvals_expire", self.approvals_expire),
            ("policy.confirm_expires", self.confirm_expires),
            ("policy.queue_expires", self.queue_expires),
        ] {
            if !length.is_positive() {
                look.fault(key, "this takes a length of time above zero, like \"30m\"");
            }
        }
        look.faults
    }
}

struct Look<'a> {
    roles: &'a Roles,
    catalog: &'a Catalog,
    commands: &'a [&'static CommandSpec],
    faults: Vec<PolicyFault>,
}

impl Look<'_> {
    fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.faults.push(PolicyFault {
            key: key.into(),
            message: message.into(),
        });
    }

    fn rule(&mut self, key: &str, rule: &Rule) {
        self.name(key, &rule.name);
        self.about(key, &rule.commands, &rule.services, &rule.environments);
        for role in &rule.roles {
            self.role(&format!("{key}.roles"), role);
        }
        for channel in &rule.channels {
            self.channel(&format!("{key}.channels"), channel);
        }
        match (&rule.approvers, rule.approvals) {
            (Some(role), 1..) => self.role(&format!("{key}.approvers"), role),
            (Some(role), 0) => {
                self.role(&format!("{key}.approvers"), role);
                self.fault(
                    format!("{key}.approvals"),
                    "it says who approves but not how many; add `approvals = 1`",
                );
            }
            (None, 1..) => self.fault(
                format!("{key}.approvers"),
                "it asks for approvals but does not say whose; add `approvers = \"<role>\"`",
            ),
            (None, 0) => {}
        }
        if let Some(expire) = rule.expire {
            if !expire.is_positive() {
                self.fault(
                    format!("{key}.expire"),
                    "this takes a length of time above zero, like \"30m\"",
                );
            } else if rule.approvals == 0 {
                self.fault(
                    format!("{key}.expire"),
                    "nothing expires here: the rule asks for no approvals",
                );
            }
        }
        let says = rule.deny
            || rule.confirm
            || rule.reason
            || rule.approvals > 0
            || rule.approvers.is_some()
            || !rule.roles.is_empty()
            || !rule.channels.is_empty();
        if !says {
            self.fault(
                key,
                "the rule says nothing; give it `deny`, `roles`, `channels`, `approvals` with `approvers`, `confirm` or \
                 `reason`",
            );
        }
    }

    fn name(&mut self, key: &str, name: &str) {
        if name.trim().is_empty() {
            self.fault(
                format!("{key}.name"),
                "it has no name; people read it when it decides",
            );
        }
    }

    fn about(&mut self, key: &str, commands: &[String], services: &[String], environments: &[String]) {
        for command in commands {
            if !self
                .commands
                .iter()
                .any(|spec| matching::names(command, &spec.id()))
            {
                let known = self
                    .commands
                    .iter()
                    .flat_map(|spec| [spec.name.to_owned(), spec.responder.to_owned(), spec.id()]);
                let message = unknown("command", command, known.collect());
                self.fault(format!("{key}.commands"), message);
            }
        }
        for service in services {
            let known: Vec<_> = self.catalog.services.keys().cloned().collect();
            let alias = self.catalog.service(service).map(|service| service.name);
            self.listed(&format!("{key}.services"), "service", service, known, alias);
        }
        for environment in environments {
            let known: Vec<_> = self.catalog.environments.keys().cloned().collect();
            let alias = self
                .catalog
                .environment(environment)
                .map(|environment| environment.name);
            self.listed(
                &format!("{key}.environments"),
                "environment",
                environment,
                known,
                alias,
            );
        }
    }

    /// A name has to be the thing's own: what is asked comes with that one.
    fn listed(&mut self, key: &str, what: &str, name: &str, known: Vec<String>, is: Option<String>) {
        match is {
            Some(own) if matching::same(&own, name) => {}
            Some(own) => self.fault(key, format!("{name:?} is only another name; write {own:?}")),
            None => self.fault(key, unknown(what, name, known)),
        }
    }

    fn role(&mut self, key: &str, role: &str) {
        if !self.roles.0.contains_key(role) {
            let known: Vec<_> = self.roles.0.keys().cloned().collect();
            let near = suggest::nearest(role, known.iter().map(String::as_str), 1);
            let hint = match near.first() {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("add `{role} = [\"U…\"]` below [roles]"),
            };
            self.fault(key, format!("the role {role:?} is not defined; {hint}"));
        }
    }

    fn channel(&mut self, key: &str, channel: &str) {
        let named = channel.strip_prefix('#').is_some_and(|name| !name.is_empty());
        let id = channel.len() >= 2
            && channel.starts_with(|c: char| c.is_ascii_uppercase())
            && channel
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if !named && !id {
            self.fault(
                key,
                format!("{channel:?} is no channel; write its name as \"#deploys\", or its id as \"C…\""),
            );
        }
    }
}

fn unknown(what: &str, name: &str, mut known: Vec<String>) -> String {
    known.sort();
    known.dedup();
    let near = suggest::nearest(name, known.iter().map(String::as_str), 1);
    match near.first() {
        Some(near) => format!("there is no {what} {name:?}; did you mean {near:?}?"),
        None if known.is_empty() => format!("there is no {what} {name:?}; there are none at all"),
        None => {
            known.truncate(20);
            format!("there is no {what} {name:?}; there are: {}", known.join(", "))
        }
    }
}
