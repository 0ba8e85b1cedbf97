//! Files: asked for, uploaded, shared.

use serde::Serialize;
use serde_json::{Value, json};

use super::{ts::Ts, world::World};

/// A file.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// `F…`
    pub id: String,
    /// The file's name.
    pub name: String,
    /// The title shown.
    pub title: String,
    /// For those who cannot see it.
    pub alt_txt: Option<String>,
    /// Bytes announced when the upload was asked for.
    pub length: u64,
    /// Id of who uploads.
    pub user: String,
    /// When, in seconds since the epoch.
    pub created: u64,
    /// What was uploaded, once it was.
    #[serde(skip)]
    pub content: Option<Vec<u8>>,
    /// The upload was completed.
    pub completed: bool,
    /// Where it is shared: channel id and message.
    pub shares: Vec<(String, Ts)>,
    /// The secret part of the upload url.
    #[serde(skip)]
    pub(crate) ticket: String,
}

impl File {
    /// The part after the last dot.
    pub fn extension(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Guessed from the name, as Slack does for what it cannot sniff.
    pub fn mimetype(&self) -> &'static str {
        match self.extension().to_ascii_lowercase().as_str() {
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            "svg" => "image/svg+xml",
            "json" => "application/json",
            "pdf" => "application/pdf",
            "zip" => "application/zip",
            "txt" | "log" | "csv" | "md" | "diff" | "sql" | "yaml" | "yml" => "text/plain",
            _ => "application/octet-stream",
        }
    }

    pub(crate) fn to_json(&self, world: &World) -> Value {
        let base = &world.base_url;
        let team = &world.team.id;
        let mut public = serde_json::Map::new();
        for (channel, ts) in &self.shares {
            public.insert(
                channel.clone(),
                json!([{"ts": ts, "channel_name": channel, "team_id": team}]),
            );
        }
        let channels: Vec<&str> = self.shares.iter().map(|(channel, _)| channel.as_str()).collect();
        let mut file = json!({
            "id": self.id, "created": self.created, "timestamp": self.created, "name": self.name,
            "title": self.title, "mimetype": self.mimetype(), "filetype": self.extension(),
            "pretty_type": self.extension().to_uppercase(), "user": self.user, "user_team": team,
            "editable": false, "size": self.length, "mode": "hosted", "is_external": false,
            "external_type": "", "is_public": true, "public_url_shared": false, "display_as_bot": false,
            "username": "", "file_access": "visible", "has_rich_preview": false,
            "url_private": format!("{base}/files-pri/{team}-{}/{}", self.id, self.name),
            "url_private_download": format!("{base}/files-pri/{team}-{}/download/{}", self.id, self.name),
            "permalink": format!("{base}/files/{}/{}/{}", self.user, self.id, self.name),
            "channels": channels, "groups": [], "ims": [], "shares": {"public": public},
        });
        if let Some(alt) = &self.alt_txt {
            file["alt_txt"] = alt.clone().into();
        }
        file
    }
}
