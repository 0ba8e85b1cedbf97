//! The files of the page, built into the program.

use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! script {
    ($name:literal) => {
        (
            concat!("/", $name),
            SCRIPT,
            include_str!(concat!("assets/", $name)),
        )
    };
}

/// Path, type, content.
const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("assets/index.html")),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("assets/style.css"),
    ),
    (
        "/blocks.css",
        "text/css; charset=utf-8",
        include_str!("assets/blocks.css"),
    ),
    ("/owl.svg", "image/svg+xml", include_str!("assets/owl.svg")),
    script!("app.js"),
    script!("bench.js"),
    script!("blocks.js"),
    script!("cluster.js"),
    script!("composer.js"),
    script!("dialogs.js"),
    script!("dom.js"),
    script!("elements.js"),
    script!("emoji.js"),
    script!("log.js"),
    script!("messages.js"),
    script!("mrkdwn.js"),
    script!("server.js"),
    script!("state.js"),
    script!("tour.js"),
];

/// Everything that is no act.
pub(crate) async fn serve(uri: Uri) -> Response {
    match FILES.iter().find(|(path, ..)| *path == uri.path()) {
        Some((_, kind, content)) => {
            ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], *content).into_response()
        }
        None => (StatusCode::NOT_FOUND, "There is nothing here; the page is at /\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::FILES;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let served: BTreeSet<String> = FILES
            .iter()
            .map(|(path, ..)| {
                if *path == "/" {
                    "index.html".into()
                } else {
                    path[1..].to_owned()
                }
            })
            .collect();
        let there: BTreeSet<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".json"))
            .collect();
        assert_eq!(served, there);
    }
}
