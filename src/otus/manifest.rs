//! `otus manifest`: the Slack app's manifest, for exactly what the configured robot does.

use crate::config::Settings;
use otus_core::{ChatNeed, Registration};
use otus_slack::{Entrance, manifest::Manifest, manifest::Wants};
use serde_json::Value as Json;

/// What the robot of this configuration is going to ask of Slack.
pub(crate) fn wants(settings: &Settings) -> Wants {
    let enabled = |name: &str| {
        let section = settings.responders.get(name);
        section.and_then(|section| section.get("enabled")) != Some(&Json::Bool(false))
    };
    let all = Registration::all();
    let enabled: Vec<_> = all
        .iter()
        .filter(|registration| enabled(registration.spec.name))
        .collect();
    let need = |need: ChatNeed| {
        enabled
            .iter()
            .any(|registration| registration.spec.needs.contains(&need))
    };
    let mut members = settings.roles.0.values().flatten();
    let mut channels = settings.policy.rules.iter().flat_map(|rule| &rule.channels);
    Wants {
        files: need(ChatNeed::Files),
        emails: need(ChatNeed::Emails),
        direct: need(ChatNeed::Direct),
        groups: members.any(|member| member.starts_with(['@', 'S'])),
        channels: channels.any(|channel| channel.starts_with('#')),
    }
}

/// The manifest, or why there is none.
pub(crate) fn manifest(settings: &Settings, url: Option<String>) -> Result<Manifest, String> {
    let entrance = settings.slack.events;
    match (entrance, url.as_deref()) {
        (Entrance::Http, None) => Err(
            "slack.events is \"http\", so the manifest names the address where Slack reaches Otus: say it with --url \
             https://otus.example.com"
                .to_owned(),
        ),
        (Entrance::Http, Some(url)) if !url.starts_with("https://") => {
            Err(format!("Slack only calls addresses that begin with https://, and {url} does not"))
        }
        (Entrance::Socket, Some(_)) => Err(
            "slack.events is \"socket\", so Slack needs no address of Otus: leave --url out, or set slack.events = \"http\""
                .to_owned(),
        ),
        _ => Ok(Manifest {
            name: settings.robot.name.clone(),
            wants: wants(settings),
            entrance,
            url,
        }),
    }
}

/// What stands above a manifest: where to paste it.
pub(crate) const ABOVE: &str = "\
# A Slack app for Otus, for what this configuration does; made by `otus manifest`.
# api.slack.com/apps → Create New App → From a manifest → paste this. Of an app that is there already: App Manifest → paste
# this over it, and install the app again when Slack asks for it.
";
