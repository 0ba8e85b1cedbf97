//! What the Slack app has to be allowed and told, and its manifest: made from what the robot is going to do, never by hand.

use serde_json::{Value, json};
use std::fmt::Write as _;

use crate::Entrance;

/// What the robot is going to do, as far as Slack wants a permission for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wants {
    /// It uploads files.
    pub files: bool,
    /// It finds people by their address.
    pub emails: bool,
    /// It begins to talk to one person alone.
    pub direct: bool,
    /// A role names a user group.
    pub groups: bool,
    /// A rule names a channel by its name.
    pub channels: bool,
}

/// A permission of the bot token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// As Slack calls it.
    pub name: &'static str,
    /// What the robot needs it for, behind "to".
    pub purpose: &'static str,
}

/// The scopes of the bot token, by name.
#[must_use]
pub fn scopes(wants: &Wants) -> Vec<Scope> {
    let all = [
        ("app_mentions:read", "hear that it is mentioned", true),
        ("channels:history", "hear what is said in public channels", true),
        (
            "channels:read",
            "know the names of public channels, which rules go by",
            wants.channels,
        ),
        ("chat:write", "answer", true),
        ("commands", "take slash commands", true),
        ("files:write", "show graphs and hand out files", wants.files),
        ("groups:history", "hear what is said in private channels", true),
        (
            "groups:read",
            "know the names of private channels, which rules go by",
            wants.channels,
        ),
        ("im:history", "hear direct messages", true),
        ("im:write", "begin to talk to somebody alone", wants.direct),
        (
            "mpim:history",
            "hear what is said in direct messages of several people",
            true,
        ),
        ("reactions:write", "react", true),
        ("usergroups:read", "know who is in which user group", wants.groups),
        ("users:read", "know names and time zones", true),
        (
            "users:read.email",
            "find people by the address of their commits",
            wants.emails,
        ),
    ];
    let wanted = all.into_iter().filter(|(_, _, wanted)| *wanted);
    wanted.map(|(name, purpose, _)| Scope { name, purpose }).collect()
}

/// The events that the app subscribes to.
pub const EVENTS: [&str; 5] = [
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
];

/// A manifest to be written.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What the robot is called.
    pub name: String,
    /// What it is going to do.
    pub wants: Wants,
    /// How events come in.
    pub entrance: Entrance,
    /// Where Slack reaches it, for events over HTTP: `https://otus.example.com`.
    pub url: Option<String>,
}

impl Manifest {
    /// As JSON, which Slack takes as well.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let at = |path: &str| match (self.entrance, &self.url) {
            (Entrance::Http, Some(url)) => Some(format!("{}{path}", url.trim_end_matches('/'))),
            _ => None,
        };
        let mut command = json!({
            "command": format!("/{}", self.handle()),
            "description": format!("Say something to {}", self.title()),
            "usage_hint": "deploy api to staging",
            "should_escape": true,
        });
        let mut events = json!({ "bot_events": EVENTS });
        let mut interactivity = json!({ "is_enabled": true });
        if let Some(url) = at("/slack/commands") {
            command["url"] = url.into();
        }
        if let Some(url) = at("/slack/events") {
            events["request_url"] = url.into();
        }
        if let Some(url) = at("/slack/interactions") {
            interactivity["request_url"] = url.into();
        }
        let scopes: Vec<&str> = scopes(&self.wants).iter().map(|scope| scope.name).collect();
        json!({
            "display_information": {
                "name": self.title(),
                "description": "Deploys, graphs and flags, in the open",
                "background_color": "#181B1F",
            },
            "features": {
                "app_home": { "messages_tab_enabled": true, "messages_tab_read_only_enabled": false },
                "bot_user": { "display_name": self.name, "always_online": true },
                "slash_commands": [command],
            },
            "oauth_config": { "scopes": { "bot": scopes } },
            "settings": {
                "event_subscriptions": events,
                "interactivity": interactivity,
                "org_deploy_enabled": false,
                "socket_mode_enabled": self.entrance == Entrance::Socket,
                "token_rotation_enabled": false,
            },
        })
    }

    /// As YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        yaml(&mut text, &self.to_json(), 0);
        text
    }

    fn title(&self) -> String {
        let mut letters = self.name.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    }

    /// A slash command has no capitals and no spaces.
    fn handle(&self) -> String {
        self.name.to_lowercase().replace(char::is_whitespace, "-")
    }
}

/// Block style, scalars as JSON writes them where plain words would be read otherwise. Every JSON string is a YAML one.
fn yaml(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    // Writing to a string cannot fail.
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                if value.is_object() || value.is_array() {
                    let _ = writeln!(text, "{indent}{key}:");
                    yaml(text, value, depth + 1);
                } else {
                    let _ = writeln!(text, "{indent}{key}: {}", scalar(value));
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if item.is_object() {
                    let mut inner = String::new();
                    yaml(&mut inner, item, depth + 1);
                    // The first key stands beside the dash.
                    let _ = write!(text, "{indent}- {}", inner.trim_start());
                } else {
                    let _ = writeln!(text, "{indent}- {}", scalar(item));
                }
            }
        }
        other => {
            let _ = writeln!(text, "{indent}{}", scalar(other));
        }
    }
}

fn scalar(value: &Value) -> String {
    let plain = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || " .,:/_-".contains(c))
            && !text.contains(": ")
            && !text.ends_with(':')
            && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_lowercase().as_str())
    };
    match value {
        Value::String(text) if plain(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(wants: Wants) -> Manifest {
        Manifest {
            name: "otus".into(),
            wants,
            entrance: Entrance::Socket,
            url: None,
        }
    }

    #[test]
    fn each_want_brings_its_scopes_and_nothing_else() {
        let names = |wants: Wants| -> Vec<&str> { scopes(&wants).iter().map(|scope| scope.name).collect() };
        let least = names(Wants::default());
        let more = |wants: Wants| -> Vec<&str> {
            let mut all = names(wants);
            all.retain(|name| !least.contains(name));
            all
        };
        let none = Wants::default();
        assert_eq!(more(Wants { files: true, ..none }), ["files:write"]);
        assert_eq!(more(Wants { emails: true, ..none }), ["users:read.email"]);
        assert_eq!(more(Wants { direct: true, ..none }), ["im:write"]);
        assert_eq!(more(Wants { groups: true, ..none }), ["usergroups:read"]);
        assert_eq!(
            more(Wants {
                channels: true,
                ..none
            }),
            ["channels:read", "groups:read"]
        );
    }

    #[test]
    fn over_http_it_says_where_slack_reaches_the_robot() {
        let manifest = Manifest {
            entrance: Entrance::Http,
            url: Some("https://otus.example.com/".into()),
            ..manifest(Wants::default())
        };
        let json = manifest.to_json();
        assert_eq!(json["settings"]["socket_mode_enabled"], false);
        assert_eq!(
            json["settings"]["event_subscriptions"]["request_url"],
            "https://otus.example.com/slack/events"
        );
        assert_eq!(
            json["settings"]["interactivity"]["request_url"],
            "https://otus.example.com/slack/interactions"
        );
        assert_eq!(
            json["features"]["slash_commands"][0]["url"],
            "https://otus.example.com/slack/commands"
        );
    }

    #[test]
    fn what_yaml_would_read_otherwise_stands_in_quotes() {
        for (text, written) in [
            ("deploy api to staging", "deploy api to staging"),
            ("#181B1F", "\"#181B1F\""),
            ("no", "\"no\""),
            ("a: b", "\"a: b\""),
            ("1.0", "\"1.0\""),
            ("", "\"\""),
            ("app_mentions:read", "app_mentions:read"),
        ] {
            assert_eq!(scalar(&text.into()), written);
        }
    }
}
