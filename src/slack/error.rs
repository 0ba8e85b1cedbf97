//! What can go wrong with Slack, said so that a person can act on it. No variant ever carries a token, a ticket or a
//! response's body.

use std::time::Duration;

use serde::Deserialize;

/// Which of the robot's credentials is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// `slack.bot_token`.
    Bot,
    /// `slack.app_token`.
    App,
}

impl std::fmt::Display for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bot => "the bot token (slack.bot_token)",
            Self::App => "the app token (slack.app_token)",
        })
    }
}

/// What Slack does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// A channel.
    Channel,
    /// A message, or the first of a thread.
    Message,
    /// A person.
    Person,
    /// A file.
    File,
}

/// What went wrong with Slack.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SlackError {
    /// A setting is missing or wrong.
    #[error("{key}: {problem}")]
    Config {
        /// The key in the configuration.
        key: &'static str,
        /// What is wrong with it, and how to mend it.
        problem: String,
    },
    /// Slack does not accept a token, now or ever again.
    #[error("{credential} is not accepted: {} ({code})", refusal(code))]
    Token {
        /// Which one.
        credential: Credential,
        /// Slack's code.
        code: String,
    },
    /// The app lacks a permission.
    #[error(
        "{method} needs the scope {needed}: add it under OAuth & Permissions of the Slack app and install the app again"
    )]
    MissingScope {
        /// The Web API method.
        method: &'static str,
        /// The scope, or scopes, that would do.
        needed: String,
    },
    /// Socket Mode was switched off in the app's settings.
    #[error(
        "Socket Mode is switched off for this app: turn it on under Socket Mode of the Slack app, or set slack.events = \"http\""
    )]
    SocketModeOff,
    /// The robot is not a member of the channel.
    #[error("I am not in this channel: invite me with /invite @otus")]
    NotInChannel,
    /// The channel, the message, the user or the file does not exist, or the robot cannot see it.
    #[error("{method}: Slack knows no such thing ({code}); it may be deleted, or private and without me")]
    NotFound {
        /// The Web API method.
        method: &'static str,
        /// What is missing.
        what: Missing,
        /// Slack's code.
        code: String,
    },
    /// The channel is archived.
    #[error("this channel is archived, so nobody can write in it")]
    Archived,
    /// Slack asks to slow down for longer than is worth waiting.
    #[error("Slack is limiting {method}: try again in {} s", retry_after.as_secs())]
    RateLimited {
        /// The Web API method.
        method: &'static str,
        /// How long Slack wants to be left alone.
        retry_after: Duration,
    },
    /// Slack refused the request for another reason.
    #[error("{method} was refused by Slack: {code}{}", brackets(detail))]
    Refused {
        /// The Web API method.
        method: &'static str,
        /// Slack's code.
        code: String,
        /// What Slack says about it, when it says something.
        detail: String,
    },
    /// Slack cannot be reached: nothing was sent.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// Where.
        host: String,
        /// Why.
        reason: String,
    },
    /// Slack, or something before it, is in trouble.
    #[error("{method} failed inside Slack: {reason}")]
    Trouble {
        /// The Web API method.
        method: &'static str,
        /// The status or code.
        reason: String,
    },
    /// The connection broke, or the answer made no sense, after the request was sent: it may have been carried out.
    #[error("{method} was sent, but {reason}; it may have been carried out")]
    Unsure {
        /// The Web API method.
        method: &'static str,
        /// What happened then.
        reason: String,
    },
    /// Too much is waiting to be sent.
    #[error("too many messages are waiting to be sent{}", if *everywhere { "" } else { " to this channel" })]
    QueueFull {
        /// Whether the whole queue is full, not only the channel's.
        everywhere: bool,
    },
    /// What was to be sent cannot be sent as it is.
    #[error("{0}")]
    Unsendable(String),
    /// A request that should come from Slack cannot be trusted.
    #[error("the request is not from Slack: {0}")]
    Untrusted(&'static str),
    /// A socket failed; another takes its place.
    #[error("the socket failed: {0}")]
    Socket(String),
    /// The robot is stopping.
    #[error("the robot is stopping")]
    Stopping,
}

impl SlackError {
    /// Whether trying again can never help, so that the program should stop and say so.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Config { .. } | Self::Token { .. } | Self::MissingScope { .. } | Self::SocketModeOff
        )
    }

    /// Whether the robot may not speak in a place, though a one-off address may still let it.
    pub(crate) fn is_no_entry(&self) -> bool {
        match self {
            Self::NotInChannel
            | Self::NotFound {
                what: Missing::Channel,
                ..
            } => true,
            Self::Refused { code, .. } => {
                code == "user_not_in_channel" || code.starts_with("restricted_action")
            }
            _ => false,
        }
    }

    /// Reads a refusal of the Web API.
    pub(crate) fn refused(
        method: &'static str,
        credential: Credential,
        code: &str,
        errors: &[String],
        body: Option<&str>,
    ) -> Self {
        let more = Refusal::read(body);
        match code {
            "missing_scope" => Self::MissingScope {
                method,
                needed: more
                    .needed
                    .unwrap_or_else(|| "that its documentation names".to_owned()),
            },
            "not_authed"
            | "invalid_auth"
            | "account_inactive"
            | "user_removed_from_team"
            | "team_disabled"
            | "token_revoked"
            | "token_expired"
            | "not_allowed_token_type" => Self::Token {
                credential,
                code: code.to_owned(),
            },
            "not_in_channel" => Self::NotInChannel,
            "is_archived" => Self::Archived,
            "channel_not_found" => Self::NotFound {
                method,
                what: Missing::Channel,
                code: code.to_owned(),
            },
            "message_not_found" | "thread_not_found" => Self::NotFound {
                method,
                what: Missing::Message,
                code: code.to_owned(),
            },
            "user_not_found" | "users_not_found" | "user_not_visible" => Self::NotFound {
                method,
                what: Missing::Person,
                code: code.to_owned(),
            },
            "file_not_found" => Self::NotFound {
                method,
                what: Missing::File,
                code: code.to_owned(),
            },
            "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => Self::Trouble {
                method,
                reason: code.to_owned(),
            },
            _ => {
                let mut detail: Vec<String> = errors.to_vec();
                for message in more.response_metadata.messages {
                    if !detail.contains(&message) {
                        detail.push(message);
                    }
                }
                Self::Refused {
                    method,
                    code: code.to_owned(),
                    detail: detail.join("; "),
                }
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    needed: Option<String>,
    response_metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    messages: Vec<String>,
}

impl Refusal {
    fn read(body: Option<&str>) -> Self {
        body.and_then(|body| serde_json::from_str(body).ok())
            .unwrap_or_default()
    }
}

fn refusal(code: &str) -> &'static str {
    match code {
        "not_authed" => "none was sent",
        "invalid_auth" => "it is wrong, or of another workspace; copy it again from the Slack app's settings",
        "account_inactive" => {
            "its user or workspace was deactivated, or the app was uninstalled; install it again"
        }
        "user_removed_from_team" => "the robot was removed from the workspace; install the app again",
        "team_disabled" => "the workspace is disabled",
        "token_revoked" => "it was revoked; install the app again and copy the new token",
        "token_expired" => "it has expired; create a new one in the Slack app's settings",
        "not_allowed_token_type" => {
            "it is of the wrong kind; the bot token starts with xoxb-, the app token with xapp-"
        }
        _ => "Slack refuses it",
    }
}

fn brackets(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: &str, body: &str) -> SlackError {
        SlackError::refused("chat.postMessage", Credential::Bot, code, &[], Some(body))
    }

    #[test]
    fn a_bad_token_is_fatal_and_says_what_to_do() {
        let error = read("invalid_auth", "{}");
        assert!(error.is_fatal());
        insta::assert_snapshot!(error, @"the bot token (slack.bot_token) is not accepted: it is wrong, or of another workspace; copy it again from the Slack app's settings (invalid_auth)");
    }

    #[test]
    fn a_missing_scope_is_named() {
        let error = read(
            "missing_scope",
            r#"{"ok":false,"needed":"chat:write","provided":"users:read"}"#,
        );
        insta::assert_snapshot!(error, @"chat.postMessage needs the scope chat:write: add it under OAuth & Permissions of the Slack app and install the app again");
    }

    #[test]
    fn blocks_are_explained() {
        let error = read(
            "invalid_blocks",
            r#"{"response_metadata":{"messages":["[ERROR] must be less than 3001 characters"]}}"#,
        );
        insta::assert_snapshot!(error, @"chat.postMessage was refused by Slack: invalid_blocks ([ERROR] must be less than 3001 characters)");
        insta::assert_snapshot!(read("not_in_channel", ""), @"I am not in this channel: invite me with /invite @otus");
    }
}
