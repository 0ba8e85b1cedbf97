//! Who may ask for flags, and whether what is in the store can be served.

use super::{Mark, Sheet, counted};
use crate::config::Settings;

/// Says where applications ask, and which of them get what.
pub(super) fn flags(sheet: &mut Sheet, settings: &Settings) {
    let config = &settings.flags;
    if config.clients.is_empty() {
        let how = "no client may ask, so flags are served to nobody";
        return sheet.note(Mark::Untried, "flags", how);
    }
    // A wrong evaluation would be served to everybody.
    let tried = otus_flags::self_test().map_err(|error| error.to_string());
    let clients: Vec<String> = config
        .clients
        .iter()
        .map(|(name, client)| format!("{name} ({})", client.set))
        .collect();
    let found = tried.map(|()| {
        format!(
            "{} may ask at http://{}/ofrep/v1: {}",
            counted(clients.len(), "client"),
            settings.http.listen,
            clients.join(", ")
        )
    });
    sheet.take("flags", found);
    let listed = config.origins.iter().any(|origin| origin == "*");
    let open = config.clients.values().any(|client| client.documents);
    if listed && open {
        let how = "flags.origins has a star, and a client may have the rules themselves: give that token to no browser";
        sheet.note(Mark::Untried, "flags", how);
    }
}
