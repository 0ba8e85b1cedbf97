//! When to open the next connection: a pure decision from why the last one ended and how long it lived.

use std::time::Duration;

use rand::RngExt;

use crate::{SlackError, config::Liveness};

/// Why a connection is no longer used, or could not be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reason {
    /// Slack announced that it will close the connection.
    Warning,
    /// Slack asked for a new connection.
    Refresh,
    /// Slack has more connections of this app than it allows.
    TooManySockets,
    /// Slack named a reason not known here.
    Asked(String),
    /// Slack's pings stopped.
    ServerSilent,
    /// A ping was not answered.
    Dead,
    /// The connection was closed or broke.
    Lost(String),
    /// It could not be opened.
    Failed(SlackError),
}

impl Reason {
    /// What a `disconnect` frame says; nothing for a reason that no new connection can heal.
    pub(crate) fn asked(reason: &str) -> Option<Self> {
        Some(match reason {
            "warning" => Self::Warning,
            "refresh_requested" => Self::Refresh,
            "too_many_websockets" => Self::TooManySockets,
            "link_disabled" => return None,
            other => Self::Asked(other.chars().take(60).collect()),
        })
    }

    /// A name for metrics: few and fixed.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Refresh => "refresh_requested",
            Self::TooManySockets => "too_many_websockets",
            Self::Asked(_) => "other",
            Self::ServerSilent => "server_silent",
            Self::Dead => "no_pong",
            Self::Lost(_) => "lost",
            Self::Failed(SlackError::RateLimited { .. }) => "rate_limited",
            Self::Failed(_) => "open_failed",
        }
    }

    /// Whether the old connection still works, so that its successor should be up before it goes.
    pub(crate) fn overlaps(&self) -> bool {
        matches!(
            self,
            Self::Warning | Self::Refresh | Self::Asked(_) | Self::ServerSilent
        )
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Warning => f.write_str("Slack will close it soon"),
            Self::Refresh => f.write_str("Slack asked for a new one"),
            Self::TooManySockets => f.write_str(
                "Slack has too many sockets of this app; another robot may use the same app token",
            ),
            Self::Asked(reason) => write!(f, "Slack asked to disconnect ({reason})"),
            Self::ServerSilent => f.write_str("Slack's pings stopped"),
            Self::Dead => f.write_str("a ping was not answered"),
            Self::Lost(how) => write!(f, "it was lost: {how}"),
            Self::Failed(error) => write!(f, "it could not be opened: {error}"),
        }
    }
}

/// The memory of one socket's reconnects. It is forgotten only after a connection was stable, never on hello alone, so
/// that a server which hangs up after every hello cannot make a hot loop.
#[derive(Debug)]
pub(crate) struct Backoff {
    settings: Liveness,
    troubles: u32,
}

impl Backoff {
    pub(crate) fn new(settings: Liveness) -> Self {
        Self {
            settings,
            troubles: 0,
        }
    }

    /// How long to wait before the next connection. `lived` is how long the last one was open after its hello.
    pub(crate) fn after(&mut self, reason: &Reason, lived: Option<Duration>) -> Duration {
        self.delay(reason, lived, rand::rng().random_range(0.5..=1.0))
    }

    fn delay(&mut self, reason: &Reason, lived: Option<Duration>, jitter: f64) -> Duration {
        if lived.is_some_and(|lived| lived >= self.settings.stable_after) {
            self.troubles = 0;
        }
        self.troubles = self.troubles.saturating_add(1);
        let nth = match reason {
            // What lived well, or was told to move, starts anew at once; only repetition waits.
            Reason::Warning
            | Reason::Refresh
            | Reason::Asked(_)
            | Reason::ServerSilent
            | Reason::Dead
            | Reason::Lost(_) => self.troubles - 1,
            Reason::TooManySockets => self.troubles + 2,
            Reason::Failed(_) => self.troubles,
        };
        let grown = match nth {
            0 => Duration::ZERO,
            nth => self
                .settings
                .backoff
                .saturating_mul(2_u32.saturating_pow(nth - 1))
                .min(self.settings.backoff_limit)
                .mul_f64(jitter),
        };
        match reason {
            // A moment more than asked, differently for each: all sockets were limited together.
            Reason::Failed(SlackError::RateLimited { retry_after, .. }) => retry_after
                .saturating_add(self.settings.backoff.mul_f64(jitter))
                .max(grown),
            _ => grown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BRIEF: Option<Duration> = Some(Duration::from_millis(1));
    const LONG: Option<Duration> = Some(Duration::from_secs(3_600));

    fn delays(reason: &Reason, lived: Option<Duration>, times: usize) -> Vec<u64> {
        let mut backoff = Backoff::new(Liveness::default());
        (0..times)
            .map(|_| backoff.delay(reason, lived, 1.0).as_millis() as u64)
            .collect()
    }

    #[test]
    fn a_planned_refresh_is_immediate_every_time() {
        assert_eq!(delays(&Reason::Refresh, LONG, 4), [0, 0, 0, 0]);
    }

    #[test]
    fn a_disconnect_after_every_hello_grows() {
        assert_eq!(delays(&Reason::Refresh, BRIEF, 5), [0, 500, 1_000, 2_000, 4_000]);
        assert_eq!(
            delays(&Reason::TooManySockets, BRIEF, 4),
            [2_000, 4_000, 8_000, 16_000]
        );
    }

    #[test]
    fn failures_grow_to_the_limit() {
        let failed = Reason::Failed(SlackError::Socket("x".into()));
        assert_eq!(
            delays(&failed, None, 8),
            [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
        );
    }

    proptest! {
        #[test]
        fn never_sooner_than_slack_allows_and_never_hot(
            seconds in 0_u64..4_000, times in 1_usize..60, jitter in 0.5_f64..=1.0,
        ) {
            let retry_after = Duration::from_secs(seconds);
            let limited = Reason::Failed(SlackError::RateLimited { method: "apps.connections.open", retry_after });
            let mut backoff = Backoff::new(Liveness::default());
            for _ in 0..times {
                prop_assert!(backoff.delay(&limited, None, jitter) > retry_after);
            }
            // Whatever happened, an hour of connections that die at once opens few of them.
            let mut passed = Duration::ZERO;
            let mut opened = 0;
            while passed < Duration::from_secs(3_600) {
                passed += backoff.delay(&Reason::Lost("x".into()), BRIEF, jitter) + Duration::from_millis(1);
                opened += 1;
            }
            prop_assert!(opened < 300, "{opened}");
        }
    }
}
