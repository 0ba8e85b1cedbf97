//! Whether alerts can come in, and silences go out.

use super::{Mark, Sheet, bounded, counted};
use crate::config::Settings;
use otus_monitoring::alertmanager::Alertmanager;
use otus_responder_alerts as alerts;
use std::collections::BTreeSet;

/// Tries the tokens and the Alertmanagers of all sources.
pub(super) async fn alerts(sheet: &mut Sheet, settings: &Settings) {
    let mut section = settings.responders.get("alerts").cloned().unwrap_or_default();
    if let Some(section) = section.as_object_mut() {
        // The robot's own key, in every responder's section.
        section.remove("enabled");
    }
    // A section that cannot be read is a fault of the configuration, told before.
    let Ok(wanted) = serde_json::from_value::<alerts::Settings>(section) else {
        return;
    };
    if wanted.sources.is_empty() {
        return;
    }
    let routed = wanted.routes.iter().map(|route| &route.channel);
    let channels: BTreeSet<&str> = wanted
        .channel
        .iter()
        .chain(routed)
        .map(|id| id.as_str())
        .collect();
    for channel in channels {
        let found = bounded(otus_slack::check_channel(&settings.slack, channel)).await;
        sheet.take(
            &format!("channel {channel} for alerts"),
            found.map(|name| format!("{name}, and the robot is in it")),
        );
    }
    for (name, source) in &wanted.sources {
        let what = format!("alerts from {name}");
        let token = bounded(source.check_token()).await;
        sheet.take(
            &what,
            token.map(|()| format!("listened to at /hooks/alerts/{name}, with a token")),
        );
        let what = format!("Alertmanager {name}");
        if source.url.is_empty() {
            let how = "url is not set, so alerts from there cannot be silenced";
            sheet.note(Mark::Untried, &what, how);
            continue;
        }
        let tried = bounded(async {
            let api = Alertmanager::new(&source.api()).map_err(|error| error.to_string())?;
            let status = api.status().await.map_err(|error| error.to_string())?;
            let silences = api.silences().await.map_err(|error| error.to_string())?;
            let cluster = match status.peers {
                0 => String::new(),
                peers => format!(", a cluster of {peers} ({})", status.cluster),
            };
            Ok(format!(
                "{} is version {}{cluster}, with {}",
                api.url(),
                status.version,
                counted(silences.len(), "silence")
            ))
        });
        sheet.take(&what, tried.await);
    }
}
