//! How pods of an image behave.

use serde::{Deserialize, Serialize};

/// How the containers of an image behave once a pod runs them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Behaviour {
    /// Becomes ready, and stays so.
    #[default]
    Good,
    /// Becomes ready after ten times the usual.
    Slow,
    /// Crashes soon after each start, and never becomes ready.
    CrashLoop {
        /// The exit code.
        #[serde(default = "one")]
        exit_code: i32,
        /// What it logs before it crashes.
        #[serde(default = "crash_log")]
        log: String,
    },
    /// Becomes ready, then crashes; again and again.
    CrashAfterReady {
        /// The exit code.
        #[serde(default = "one")]
        exit_code: i32,
        /// What it logs before it crashes.
        #[serde(default = "crash_log")]
        log: String,
    },
    /// Is killed for its memory soon after each start.
    OutOfMemory,
    /// The registry does not have the image.
    BadImage,
    /// A configuration it names does not exist.
    BadConfig {
        /// What the kubelet says about it.
        #[serde(default = "config_message")]
        message: String,
    },
    /// No node can take it.
    Unschedulable {
        /// What the scheduler says about it.
        #[serde(default = "schedule_message")]
        message: String,
    },
    /// Runs, but its readiness probe never succeeds.
    HangingProbe,
    /// The quota of the namespace is used up: no pod can be created.
    Quota {
        /// What the quota's admission says about it.
        #[serde(default = "quota_message")]
        message: String,
    },
    /// Its first pod is evicted soon after it became ready; those that replace it are good.
    Evicted,
}

fn one() -> i32 {
    1
}

fn crash_log() -> String {
    "panic: connection to the database refused".into()
}

fn config_message() -> String {
    "secret \"api-credentials\" not found".into()
}

fn schedule_message() -> String {
    "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.".into()
}

fn quota_message() -> String {
    "exceeded quota: pods, requested: pods=1, used: pods=10, limited: pods=10".into()
}

impl Behaviour {
    /// What a word in an image's tag asks for.
    pub(crate) fn by_word(word: &str) -> Option<Self> {
        Some(match word {
            "slow" => Self::Slow,
            "crash" | "crashloop" => Self::CrashLoop {
                exit_code: one(),
                log: crash_log(),
            },
            "crashlater" | "flaky" => Self::CrashAfterReady {
                exit_code: one(),
                log: crash_log(),
            },
            "oom" => Self::OutOfMemory,
            "missing" | "badimage" => Self::BadImage,
            "badconfig" => Self::BadConfig {
                message: config_message(),
            },
            "unschedulable" => Self::Unschedulable {
                message: schedule_message(),
            },
            "hang" => Self::HangingProbe,
            "quota" => Self::Quota {
                message: quota_message(),
            },
            "evicted" => Self::Evicted,
            _ => return None,
        })
    }

    /// What the words of a tag such as `2.0-crash` ask for.
    pub(crate) fn by_tag(tag: &str) -> Option<Self> {
        tag.split(|c: char| !c.is_ascii_alphanumeric())
            .find_map(Self::by_word)
    }
}

/// What was said about images.
#[derive(Debug, Default)]
pub(crate) struct Behaviours(Vec<(String, Behaviour)>);

impl Behaviours {
    pub(crate) fn set(&mut self, image: &str, behaviour: Behaviour) {
        self.0.retain(|(known, _)| known != image);
        self.0.push((image.to_owned(), behaviour));
    }

    pub(crate) fn all(&self) -> &[(String, Behaviour)] {
        &self.0
    }

    /// What a container of this image does; `version` is the pod's version label, which tells the tag where the
    /// image is given by its digest alone.
    pub(crate) fn of(&self, image: &str, version: &str) -> Behaviour {
        let (tagged, digest) = image
            .split_once('@')
            .map_or((image, ""), |(name, digest)| (name, digest));
        let said = self.0.iter().rev().find(|(known, _)| {
            known == image || known == tagged || (!digest.is_empty() && known == digest) || ends(image, known)
        });
        if let Some((_, behaviour)) = said {
            return behaviour.clone();
        }
        let last = tagged.rsplit('/').next().unwrap_or_default();
        let tag = last.split_once(':').map_or(version, |(_, tag)| tag);
        Behaviour::by_tag(tag).unwrap_or_default()
    }
}

/// `shop/api:2.0` is said of `registry.test/shop/api:2.0` too.
fn ends(image: &str, known: &str) -> bool {
    image.strip_suffix(known).is_some_and(|head| head.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn said_by_image_digest_tag_or_label() {
        let mut said = Behaviours::default();
        said.set("shop/api:2.0", Behaviour::BadImage);
        said.set("sha256:abc", Behaviour::HangingProbe);
        for (image, version, expected) in [
            ("registry.test/shop/api:2.0", "", Behaviour::BadImage),
            ("registry.test/myshop/api:2.0", "", Behaviour::Good),
            ("r.test:5000/x@sha256:abc", "", Behaviour::HangingProbe),
            ("r.test:5000/x", "1.0", Behaviour::Good),
            ("r.test:5000/oom", "", Behaviour::Good),
            ("r/web:1.2.3-oom", "", Behaviour::OutOfMemory),
            ("r/web@sha256:def", "7-slow", Behaviour::Slow),
            ("r/web:oomph", "", Behaviour::Good),
        ] {
            assert_eq!(said.of(image, version), expected, "{image}");
        }
    }
}
