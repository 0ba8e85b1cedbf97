//! Purpose: what the operator says about one registry.

use super::name::{is_host, is_loopback};
use secrecy::SecretString;
use serde::Deserialize;
use std::{fmt, path::PathBuf, time::Duration};

/// One registry. Every key has a default: a registry nobody said anything about is asked over HTTPS, without credentials.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistryConfig {
    /// The user. Unset with `docker_config`, which knows it.
    pub user: Option<String>,
    /// The user's password, or what stands for it: a token, a key.
    pub password: Option<SecretString>,
    /// A file with the password, read anew when it is refused or old, so that it can be rotated.
    pub password_file: Option<PathBuf>,
    /// A program and its arguments that print the password, run anew when it is refused or old:
    /// `["aws", "ecr", "get-login-password"]`. No shell is between.
    pub password_command: Option<Vec<String>>,
    /// A Docker `config.json` that has this registry among its `auths`, read anew like a password's file.
    pub docker_config: Option<PathBuf>,
    /// How long a password that was read is used before it is read again, for example `1h`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub password_lifetime: Duration,
    /// How long the command may take, for example `20s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub command_timeout: Duration,
    /// A PEM file with certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Speak HTTP without TLS. On this machine only, unless `allow_plain_http` says otherwise.
    pub plain_http: bool,
    /// Let `plain_http` leave this machine. The password then crosses the network for everybody to read.
    pub allow_plain_http: bool,
    /// How long to wait for a connection, for example `5s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub connect_timeout: Duration,
    /// How long to wait for one answer, for example `10s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub request_timeout: Duration,
    /// How long one question may take with everything: logging in, waiting when asked to, asking again. For example `45s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub patience: Duration,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            user: None,
            password: None,
            password_file: None,
            password_command: None,
            docker_config: None,
            password_lifetime: Duration::from_secs(3600),
            command_timeout: Duration::from_secs(20),
            ca_file: None,
            plain_http: false,
            allow_plain_http: false,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            patience: Duration::from_secs(45),
        }
    }
}

impl fmt::Debug for RegistryConfig {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("RegistryConfig")
            .field("user", &self.user)
            .field("password", &self.password)
            .field("password_file", &self.password_file)
            // Its arguments may hold a key.
            .field(
                "password_command",
                &self.password_command.as_ref().map(|argv| argv.first()),
            )
            .field("docker_config", &self.docker_config)
            .field("plain_http", &self.plain_http)
            .finish_non_exhaustive()
    }
}

/// What is wrong with what was said about a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The key is no host.
    #[error(
        "`{0}` is not a registry's host; write it as in an image's name, for example `registry.example.com`"
    )]
    Host(String),
    /// More than one place for the password.
    #[error("{registry}: {} are both set; keep one", .keys.join(" and "))]
    Several {
        /// The registry's host.
        registry: String,
        /// The keys.
        keys: Vec<&'static str>,
    },
    /// A user without a password.
    #[error("{registry}: there is a user, but no password; set password, password_file or password_command")]
    UserAlone {
        /// The registry's host.
        registry: String,
    },
    /// A password for nobody.
    #[error("{registry}: {key} is set, but user is not")]
    PasswordAlone {
        /// The registry's host.
        registry: String,
        /// The key of the password.
        key: &'static str,
    },
    /// The user is said twice.
    #[error("{registry}: the user comes from docker_config; leave out user")]
    UserTwice {
        /// The registry's host.
        registry: String,
    },
    /// A command without a program.
    #[error("{registry}: password_command names no program")]
    NoProgram {
        /// The registry's host.
        registry: String,
    },
    /// Passwords over plain HTTP.
    #[error(
        "{registry}: plain_http would send credentials and images over the network unprotected; take it out, or add \
         allow_plain_http = true if that is meant"
    )]
    PlainHttp {
        /// The registry's host.
        registry: String,
    },
    /// No time at all.
    #[error("{registry}: {key} is zero, so nothing could ever be answered")]
    NoTime {
        /// The registry's host.
        registry: String,
        /// The key.
        key: &'static str,
    },
    /// The certificates cannot be used.
    #[error("{registry}: ca_file = {path:?} cannot be used: {why}")]
    CaFile {
        /// The registry's host.
        registry: String,
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The HTTP client cannot be built.
    #[error("{registry}: the HTTP client cannot be built: {why}")]
    Client {
        /// The registry's host.
        registry: String,
        /// Why.
        why: String,
    },
}

/// Where user and password come from. Built only by [`RegistryConfig::source`], so never from two places at once.
#[derive(Clone)]
pub(crate) enum Source {
    Nobody,
    Known {
        user: String,
        password: SecretString,
    },
    File {
        user: String,
        path: PathBuf,
    },
    Command {
        user: String,
        program: String,
        arguments: Vec<String>,
    },
    Docker {
        path: PathBuf,
    },
}

impl RegistryConfig {
    /// Checks everything that can be checked without touching the world, and says where the password is.
    pub(crate) fn source(&self, host: &str) -> Result<Source, ConfigError> {
        let registry = || host.to_owned();
        if !is_host(host) {
            return Err(ConfigError::Host(registry()));
        }
        if self.plain_http && !self.allow_plain_http && !is_loopback(host) {
            return Err(ConfigError::PlainHttp { registry: registry() });
        }
        for (key, time) in [
            ("command_timeout", self.command_timeout),
            ("connect_timeout", self.connect_timeout),
            ("request_timeout", self.request_timeout),
            ("patience", self.patience),
        ] {
            if time.is_zero() {
                return Err(ConfigError::NoTime {
                    registry: registry(),
                    key,
                });
            }
        }
        let keys: Vec<&'static str> = [
            ("password", self.password.is_some()),
            ("password_file", self.password_file.is_some()),
            ("password_command", self.password_command.is_some()),
            ("docker_config", self.docker_config.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, set)| set.then_some(key))
        .collect();
        let key = match keys[..] {
            [] if self.user.is_some() => return Err(ConfigError::UserAlone { registry: registry() }),
            [] => return Ok(Source::Nobody),
            [key] => key,
            _ => {
                return Err(ConfigError::Several {
                    registry: registry(),
                    keys,
                });
            }
        };
        if let Some(path) = &self.docker_config {
            return match self.user {
                Some(_) => Err(ConfigError::UserTwice { registry: registry() }),
                None => Ok(Source::Docker { path: path.clone() }),
            };
        }
        let Some(user) = self.user.clone() else {
            return Err(ConfigError::PasswordAlone {
                registry: registry(),
                key,
            });
        };
        if let Some(password) = &self.password {
            return Ok(Source::Known {
                user,
                password: password.clone(),
            });
        }
        if let Some(path) = &self.password_file {
            return Ok(Source::File {
                user,
                path: path.clone(),
            });
        }
        match self.password_command.as_deref() {
            Some([program, arguments @ ..]) if !program.is_empty() => Ok(Source::Command {
                user,
                program: program.clone(),
                arguments: arguments.to_vec(),
            }),
            _ => Err(ConfigError::NoProgram { registry: registry() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "registry.example.com";

    fn read(text: &str) -> RegistryConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn exactly_one_place_has_the_password() {
        let error = |text| read(text).source(HOST).err();
        let registry = || HOST.to_owned();
        assert!(matches!(read("{}").source(HOST), Ok(Source::Nobody)));
        assert!(matches!(
            read(r#"{"user": "robot", "password": "x"}"#).source(HOST),
            Ok(Source::Known { .. })
        ));
        assert!(matches!(
            read(r#"{"user": "robot", "password_file": "/x"}"#).source(HOST),
            Ok(Source::File { .. })
        ));
        assert!(matches!(
            read(r#"{"user": "AWS", "password_command": ["aws", "ecr", "get-login-password"]}"#).source(HOST),
            Ok(Source::Command { .. })
        ));
        assert!(matches!(
            read(r#"{"docker_config": "/x"}"#).source(HOST),
            Ok(Source::Docker { .. })
        ));
        assert_eq!(
            error(r#"{"user": "robot", "password": "x", "password_file": "/x"}"#),
            Some(ConfigError::Several {
                registry: registry(),
                keys: vec!["password", "password_file"]
            })
        );
        assert_eq!(
            error(r#"{"user": "robot"}"#),
            Some(ConfigError::UserAlone { registry: registry() })
        );
        assert_eq!(
            error(r#"{"password_file": "/x"}"#),
            Some(ConfigError::PasswordAlone {
                registry: registry(),
                key: "password_file"
            })
        );
        assert_eq!(
            error(r#"{"user": "robot", "docker_config": "/x"}"#),
            Some(ConfigError::UserTwice { registry: registry() })
        );
        assert_eq!(
            error(r#"{"user": "robot", "password_command": []}"#),
            Some(ConfigError::NoProgram { registry: registry() })
        );
    }

    #[test]
    fn plain_http_stays_at_home_unless_it_is_meant() {
        let plain = read(r#"{"plain_http": true}"#);
        assert!(plain.source("127.0.0.1:5000").is_ok());
        assert_eq!(
            plain.source(HOST).err(),
            Some(ConfigError::PlainHttp {
                registry: HOST.into()
            })
        );
        assert!(
            read(r#"{"plain_http": true, "allow_plain_http": true}"#)
                .source(HOST)
                .is_ok()
        );
    }

    #[test]
    fn hosts_times_and_keys_are_checked() {
        for host in [
            "",
            "registry",
            "https://registry.example.com",
            "registry.example.com/team",
        ] {
            assert_eq!(
                read("{}").source(host).err(),
                Some(ConfigError::Host(host.into())),
                "{host}"
            );
        }
        assert_eq!(
            read(r#"{"patience": "0s"}"#).source(HOST).err(),
            Some(ConfigError::NoTime {
                registry: HOST.into(),
                key: "patience"
            })
        );
        assert_eq!(read(r#"{"patience": "2m"}"#).patience, Duration::from_secs(120));
        assert!(serde_json::from_str::<RegistryConfig>(r#"{"pasword": "x"}"#).is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = read(
            r#"{"user": "robot", "password": "hunter2", "password_command": ["sh", "-c", "echo hunter2"]}"#,
        );
        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    }
}
