//! The demo's page, as a browser sees it.
