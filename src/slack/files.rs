//! Files, by Slack's external upload: ask for an address, send the bytes there, complete.

use otus_core::card::File;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    SlackError, Web,
    text::{outbound, split},
};

/// Slack takes at most so much alternative text.
const ALT: usize = 1_000;
const TITLE: usize = 250;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Completes an upload: makes the file visible in a channel.
#[derive(Debug, Serialize)]
pub(crate) struct Complete {
    files: Vec<Uploaded>,
    /// None for a file that only a block shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_comment: Option<String>,
}

#[derive(Debug, Serialize)]
struct Uploaded {
    id: String,
    title: String,
}

/// Takes the file's bytes to Slack. Nobody sees it until the returned request is sent.
pub(crate) async fn stage(
    web: &Web,
    file: &File,
    channel: Option<&str>,
    thread: Option<&str>,
) -> Result<Complete, SlackError> {
    #[derive(Deserialize)]
    struct Place {
        upload_url: Url,
        file_id: String,
    }
    let content_type = inspect(file)?;
    let length = file.bytes.len().to_string();
    let alt = file.alt.as_deref().map(|alt| split::label(alt, ALT));
    let mut params = vec![("filename", file.name.as_str()), ("length", length.as_str())];
    params.extend(
        alt.as_deref()
            .filter(|alt| !alt.is_empty())
            .map(|alt| ("alt_txt", alt)),
    );
    let place: Place = web.get("files.getUploadURLExternal", &params).await?;
    web.upload(&place.upload_url, content_type, &file.bytes).await?;
    let title = if file.title.trim().is_empty() {
        &file.name
    } else {
        &file.title
    };
    Ok(Complete {
        files: vec![Uploaded {
            id: place.file_id,
            title: split::label(title, TITLE),
        }],
        channel_id: channel.map(str::to_owned),
        thread_ts: thread.map(str::to_owned),
        initial_comment: file
            .comment
            .as_deref()
            .map(|comment| split::shorten(&outbound::render(comment), split::MESSAGE))
            .filter(|comment| !comment.trim().is_empty()),
    })
}

impl Complete {
    /// The id of the file.
    pub(crate) fn file(&self) -> String {
        self.files.first().map(|file| file.id.clone()).unwrap_or_default()
    }
}

/// What the file is, refusing one that is not what its name says: an error page must not go out as a picture.
fn inspect(file: &File) -> Result<&'static str, SlackError> {
    let refuse = |why: &str| {
        Err(SlackError::Unsendable(format!(
            "the file {} was not sent: {why}",
            file.name
        )))
    };
    if file.bytes.is_empty() {
        return refuse("it is empty");
    }
    let ending = file
        .name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase())
        .unwrap_or_default();
    match ending.as_str() {
        "png" if file.bytes.starts_with(PNG) => Ok("image/png"),
        "png" => refuse("it is named a PNG picture and is none"),
        "txt" | "log" | "md" | "csv" | "sql" | "diff" | "json" | "yaml" | "yml" | "toml" => {
            if std::str::from_utf8(&file.bytes).is_ok() {
                Ok("text/plain; charset=utf-8")
            } else {
                refuse("it is named a text and is none")
            }
        }
        _ => Ok("application/octet-stream"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> File {
        File {
            name: name.into(),
            title: String::new(),
            alt: None,
            comment: None,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_page_is_no_picture() {
        let error = inspect(&file("graph.png", b"<html>502</html>")).unwrap_err();
        insta::assert_snapshot!(error, @"the file graph.png was not sent: it is named a PNG picture and is none");
        assert_eq!(
            inspect(&file("graph.PNG", b"\x89PNG\r\n\x1a\nrest")).unwrap(),
            "image/png"
        );
        assert!(inspect(&file("a.txt", b"\xff\xfe")).is_err());
        assert!(inspect(&file("a.bin", b"")).is_err());
    }
}
