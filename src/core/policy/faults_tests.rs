//! Every fault of a policy, with its key and its words.

use super::{Policy, Roles};
use crate::{
    Robot, RobotConfig, StartError,
    catalog::Catalog,
    responder::{CommandSpec, Effect, Kind},
    room::RoomChat,
    store::MemoryStore,
};
use std::sync::Arc;

static DEPLOY: CommandSpec = CommandSpec {
    responder: "deploy",
    name: "deploy",
    kind: Kind::Respond,
    pattern: "^deploy$",
    literals: 6,
    groups: &[],
    parameters: &[],
    usage: Some("deploy"),
    examples: &[],
    about: "",
    role: None,
    effect: Effect::Proposes,
    deadline: None,
};

fn faults(policy: &str) -> Vec<String> {
    let policy: Policy = toml::from_str(policy).unwrap();
    let roles: Roles = toml::from_str("sre = ['U1']\nlead = ['U2']").unwrap();
    let catalog: Catalog = toml::from_str(
        "[environments.production]\naliases = ['prod']\n[environments.staging]\n[services.api]\n[services.web]",
    )
    .unwrap();
    let faults = policy.faults(&roles, &catalog, &[&DEPLOY]);
    faults
        .into_iter()
        .map(|fault| format!("{}: {}", fault.key, fault.message))
        .collect()
}

#[test]
fn a_policy_that_can_be_right_has_none() {
    let right = "
        lock_override = 'lead'
        [break_glass]
        role = 'lead'
        longest = '30m'
        channels = ['#ops', 'C012']
        [[rules]]
        name = 'production is approved'
        commands = ['deploy', 'deploy.deploy', 'DEPLOY']
        services = ['api', 'Web']
        environments = ['production']
        roles = ['sre']
        channels = ['#deploys']
        approvals = 1
        approvers = 'sre'
        expire = '10m'
        [[freezes]]
        name = 'weekend'
        every = 'sat,sun'
        zone = 'Europe/Berlin'
        override = 'lead'
    ";
    assert_eq!(faults(right), Vec::<String>::new());
    assert_eq!(faults(""), Vec::<String>::new());
}

#[test]
fn whatever_cannot_be_right_is_named() {
    let rule = |text: &str| faults(&format!("[[rules]]\nname = 'r'\n{text}"));
    for (text, expected) in [
        (
            "",
            "policy.rules.0: the rule says nothing; give it `deny`, `roles`, `channels`, `approvals` with `approvers`, `confirm` or `reason`",
        ),
        (
            "roles = ['sra']",
            "policy.rules.0.roles: the role \"sra\" is not defined; did you mean \"sre\"?",
        ),
        (
            "roles = ['dba']",
            "policy.rules.0.roles: the role \"dba\" is not defined; add `dba = [\"U…\"]` below [roles]",
        ),
        (
            "approvals = 1",
            "policy.rules.0.approvers: it asks for approvals but does not say whose; add `approvers = \"<role>\"`",
        ),
        (
            "approvers = 'sre'",
            "policy.rules.0.approvals: it says who approves but not how many; add `approvals = 1`",
        ),
        (
            "approvals = 1\napprovers = 'dba'",
            "policy.rules.0.approvers: the role \"dba\" is not defined; add `dba = [\"U…\"]` below [roles]",
        ),
        (
            "deny = true\nexpire = '1h'",
            "policy.rules.0.expire: nothing expires here: the rule asks for no approvals",
        ),
        (
            "approvals = 1\napprovers = 'sre'\nexpire = '0s'",
            "policy.rules.0.expire: this takes a length of time above zero, like \"30m\"",
        ),
        (
            "deny = true\ncommands = ['deplo']",
            "policy.rules.0.commands: there is no command \"deplo\"; did you mean \"deploy\"?",
        ),
        (
            "deny = true\ncommands = ['migrations.run']",
            "policy.rules.0.commands: there is no command \"migrations.run\"; there are: deploy, deploy.deploy",
        ),
        (
            "deny = true\nservices = ['apy']",
            "policy.rules.0.services: there is no service \"apy\"; did you mean \"api\"?",
        ),
        (
            "deny = true\nenvironments = ['prod']",
            "policy.rules.0.environments: \"prod\" is only another name; write \"production\"",
        ),
        (
            "deny = true\nenvironments = ['moon']",
            "policy.rules.0.environments: there is no environment \"moon\"; there are: production, staging",
        ),
        (
            "channels = ['deploys']",
            "policy.rules.0.channels: \"deploys\" is no channel; write its name as \"#deploys\", or its id as \"C…\"",
        ),
    ] {
        assert_eq!(rule(text), [expected], "{text}");
    }
    assert_eq!(
        faults("[[rules]]\nname = ' '\ndeny = true"),
        ["policy.rules.0.name: it has no name; people read it when it decides"]
    );
    assert_eq!(
        faults(
            "[[freezes]]\nname = 'f'\nevery = 'mon'\nzone = 'Mars'\noverride = 'x'\nenvironments = ['prod']"
        ),
        [
            "policy.freezes.0.environments: \"prod\" is only another name; write \"production\"",
            "policy.freezes.0.override: the role \"x\" is not defined; add `x = [\"U…\"]` below [roles]",
            "policy.freezes.0.zone: there is no time zone \"Mars\"; write it as the IANA database does, like \
             \"Europe/Berlin\"",
        ]
    );
    assert_eq!(
        faults(
            "lock_override = 'lea'\nqueue_expires = '-1h'\n[break_glass]\nrole = 'x'\nlongest = '0s'\nchannels = ['#']"
        ),
        [
            "policy.lock_override: the role \"lea\" is not defined; did you mean \"lead\"?",
            "policy.break_glass.role: the role \"x\" is not defined; add `x = [\"U…\"]` below [roles]",
            "policy.break_glass.channels: \"#\" is no channel; write its name as \"#deploys\", or its id as \"C…\"",
            "policy.break_glass.longest: this takes a length of time above zero, like \"30m\"",
            "policy.queue_expires: this takes a length of time above zero, like \"30m\"",
        ]
    );
}

#[tokio::test]
async fn a_robot_with_such_a_policy_does_not_start() {
    let policy: Policy =
        toml::from_str("lock_override = 'x'\n[[rules]]\nname = 'r'\n[[rules]]\nname = 's'\nroles = ['y']")
            .unwrap();
    let faults = Robot::builder(RobotConfig::default())
        .policy(policy)
        .build(Arc::new(RoomChat::default()), Arc::new(MemoryStore::new()))
        .unwrap_err();
    let places: Vec<_> = faults
        .iter()
        .map(|fault| match fault {
            StartError::Config { section, key, .. } => (section.as_str(), key.as_deref()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        places,
        [
            ("policy.rules.0", None),
            ("policy.rules.1", Some("roles")),
            ("policy", Some("lock_override")),
        ]
    );
}
