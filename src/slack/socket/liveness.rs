//! Whether a socket still lives: own pings must come back, and Slack's pings, once begun, must go on. Pure: told the time,
//! never asking for it.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::config::Liveness;

/// What the watch finds when the time it asked for has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Send a ping with this payload.
    Ping(u64),
    /// A ping was not answered in time: the connection is dead, whatever TCP says.
    Dead,
    /// Slack's own pings stopped.
    ServerSilent,
    /// Nothing yet.
    Fine,
}

#[derive(Debug)]
pub(crate) struct Watch {
    settings: Liveness,
    next_ping: Instant,
    number: u64,
    unanswered: VecDeque<(u64, Instant)>,
    server_pinged: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(settings: Liveness, now: Instant) -> Self {
        Self {
            settings,
            next_ping: now + settings.ping_every,
            number: 0,
            unanswered: VecDeque::new(),
            server_pinged: None,
        }
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Instant {
        let mut due = self.next_ping;
        if let Some((_, sent)) = self.unanswered.front() {
            due = due.min(*sent + self.settings.pong_within);
        }
        if let Some(pinged) = self.server_pinged {
            due = due.min(pinged + self.settings.server_ping_within);
        }
        due
    }

    pub(crate) fn look(&mut self, now: Instant) -> Finding {
        if self
            .unanswered
            .front()
            .is_some_and(|(_, sent)| now >= *sent + self.settings.pong_within)
        {
            return Finding::Dead;
        }
        if self
            .server_pinged
            .is_some_and(|pinged| now >= pinged + self.settings.server_ping_within)
        {
            // Said once; a new ping arms it again.
            self.server_pinged = None;
            return Finding::ServerSilent;
        }
        if now >= self.next_ping {
            self.number += 1;
            self.next_ping = now + self.settings.ping_every;
            self.unanswered.push_back((self.number, now));
            return Finding::Ping(self.number);
        }
        Finding::Fine
    }

    pub(crate) fn server_ping(&mut self, now: Instant) {
        self.server_pinged = Some(now);
    }

    /// A pong answers its ping and all before it. One that answers nothing proves nothing.
    pub(crate) fn pong(&mut self, payload: &[u8], now: Instant) -> Option<Duration> {
        let number = u64::from_be_bytes(payload.try_into().ok()?);
        let at = self.unanswered.iter().position(|(sent, _)| *sent == number)?;
        let (_, sent) = self.unanswered.drain(..=at).next_back()?;
        Some(now - sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unanswered_ping_is_death_an_answered_one_is_not() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(Liveness::default(), start);
        assert_eq!(watch.look(at(1)), Finding::Fine);
        assert_eq!(watch.look(at(2)), Finding::Ping(1));
        assert_eq!(watch.look(at(4)), Finding::Ping(2));
        assert_eq!(watch.pong(b"stranger", at(5)), None);
        assert_eq!(
            watch.pong(&2_u64.to_be_bytes(), at(5)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(watch.look(at(6)), Finding::Ping(3));
        assert_eq!(watch.due(), at(8));
        assert_eq!(watch.look(at(12)), Finding::Dead);
    }

    #[test]
    fn slacks_pings_are_missed_only_once_they_began() {
        let start = Instant::now();
        let minute = start + Duration::from_secs(60);
        let settings = Liveness {
            ping_every: Duration::from_secs(1_000),
            ..Liveness::default()
        };
        let mut watch = Watch::new(settings, start);
        assert_eq!(watch.look(minute), Finding::Fine);
        watch.server_ping(start);
        assert_eq!(watch.due(), minute);
        assert_eq!(watch.look(minute), Finding::ServerSilent);
        assert_eq!(watch.look(minute), Finding::Fine);
    }
}
