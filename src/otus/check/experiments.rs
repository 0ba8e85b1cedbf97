//! Who may send what experiments showed.

use super::{Mark, Sheet};
use crate::config::Settings;
use otus_responder_experiments as experiments;

/// Says where applications send to, and which of them may.
pub(super) fn experiments(sheet: &mut Sheet, settings: &Settings) {
    let mut section = settings
        .responders
        .get("experiments")
        .cloned()
        .unwrap_or_default();
    if let Some(section) = section.as_object_mut() {
        // The robot's own key, in every responder's section.
        section.remove("enabled");
    }
    // A section that cannot be read is a fault of the configuration, told before.
    let wanted: experiments::Settings = serde_json::from_value(section).unwrap_or_default();
    let names: Vec<&str> = wanted.applications.keys().map(String::as_str).collect();
    if names.is_empty() {
        let how = "no application may send, so none is listened to";
        return sheet.note(Mark::Untried, "experiments", how);
    }
    let found = experiments::Experiments::new(wanted.clone())
        .map(|_| {
            format!(
                "{} may send to http://{}/hooks/experiments",
                names.join(", "),
                settings.http.listen
            )
        })
        .map_err(|error| error.to_string());
    sheet.take("experiments", found);
}
