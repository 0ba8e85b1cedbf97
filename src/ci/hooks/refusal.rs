//! Purpose: why a delivery is not taken, told apart so that an operator sees what to change.
//!
//! The texts go to the sender and to the log: they hold no secret, and nothing that would help to guess one.

/// Why a delivery was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More bytes than anybody has a reason to send.
    #[error("the body has {bytes} bytes; at most {limit} are read")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A header that the scheme needs is not there.
    #[error("the header {name} is missing")]
    HeaderMissing {
        /// The header.
        name: &'static str,
    },
    /// A header is there, but not as the scheme wants it.
    #[error("the header {name} cannot be used: {why}")]
    HeaderUnusable {
        /// The header.
        name: &'static str,
        /// What is wrong with it; never its value.
        why: &'static str,
    },
    /// Only a SHA-1 signature came, which can be forged.
    #[error("the delivery is signed with SHA-1 only, which is not accepted; send X-Hub-Signature-256")]
    Sha1Only,
    /// The signature or token is not by any of the secrets.
    #[error("the signature does not match the body; the sender's secret and the configured one may differ")]
    BadSignature,
    /// Signed properly, but too long ago, or in the future: perhaps somebody sends a recorded request again.
    #[error("the delivery was signed {} s {}; at most {limit} s are allowed, so check both clocks", off.unsigned_abs(), if *off < 0 { "ago" } else { "ahead of now" })]
    Stale {
        /// By how many seconds; negative means in the past.
        off: i64,
        /// How many are allowed.
        limit: i64,
    },
    /// The signature is right, the body is not what the scheme says it is.
    #[error("the body cannot be read: {why}")]
    Unreadable {
        /// The field and what is wrong with it.
        why: String,
    },
    /// Genuine, and of no use here. The right answer is a success, so that the sender does not count it as failed.
    #[error("`{event}` is of no use here: {why}")]
    Ignorable {
        /// The sender's name for it.
        event: String,
        /// Why it is of no use.
        why: &'static str,
    },
}

impl Refusal {
    /// Whether the delivery is genuine but of no use: to be answered as a success.
    #[must_use]
    pub fn is_ignorable(&self) -> bool {
        matches!(self, Self::Ignorable { .. })
    }

    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Ignorable { .. } => 202,
            Self::HeaderMissing { .. } | Self::HeaderUnusable { .. } => 400,
            Self::Sha1Only | Self::BadSignature | Self::Stale { .. } => 401,
            Self::TooLarge { .. } => 413,
            Self::Unreadable { .. } => 422,
        }
    }

    pub(super) fn ignorable(event: impl Into<String>, why: &'static str) -> Self {
        let event: String = event.into();
        // A name is a word or two; what is longer was made up, and ends in a log.
        Self::Ignorable {
            event: event.chars().filter(|c| !c.is_control()).take(80).collect(),
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_which_way() {
        let text = |off| Refusal::Stale { off, limit: 300 }.to_string();
        assert_eq!(
            text(-301),
            "the delivery was signed 301 s ago; at most 300 s are allowed, so check both clocks"
        );
        assert!(text(400).contains("400 s ahead of now"), "{}", text(400));
        assert!(!text(i64::MIN).is_empty());
    }

    #[test]
    fn only_what_is_of_no_use_is_a_success() {
        let ignored = Refusal::ignorable("pi\nng".repeat(100), "a greeting");
        assert!(ignored.is_ignorable() && ignored.status() == 202);
        assert!(ignored.to_string().len() < 150 && !ignored.to_string().contains('\n'));
        assert_eq!(Refusal::BadSignature.status(), 401);
        assert!(!Refusal::BadSignature.is_ignorable());
    }
}
