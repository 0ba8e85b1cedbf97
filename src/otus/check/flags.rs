//! Who may ask for flags, and whether what is in the store can be served.

use super::{Mark, Sheet, bounded, counted};
use crate::config::Settings;
use otus_flags::{MemoryFlagStore, unleash::Elsewhere};
use std::sync::Arc;

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

/// Asks the Unleash servers that keep flags whether they answer, know the token, and have the environments.
pub(super) async fn unleash(sheet: &mut Sheet, settings: &Settings) {
    for (name, server) in settings.flags.servers() {
        let url = server.0.url.clone();
        let asked = async {
            let servers = [(name.clone(), server)].into();
            let elsewhere = Elsewhere::new(Arc::new(MemoryFlagStore::new()), &servers);
            let counted = elsewhere.map_err(|error| error.to_string())?.check().await;
            counted.map_err(|error| error.to_string())
        };
        let found = bounded(asked).await;
        let found = found.map(|flags| format!("{url} answers, with {}", counted(flags, "flag")));
        sheet.take(&format!("unleash {name}"), found);
    }
}
