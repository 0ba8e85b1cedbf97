//! Failures a test orders: of Web API calls, and of sockets to come.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// How a Web API call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No answer, ever.
    Hang,
    /// An HTTP status with a text body, such as 503.
    Status(u16),
    /// The connection is reset before anything happens.
    Reset,
    /// It happens, and then the connection is reset: the caller cannot know.
    LoseAnswer,
    /// The answer takes this long (in milliseconds).
    Slow(u64),
    /// `ok: false` with this code.
    Error(String),
    /// It happens, and the answer is `ok: false` with this code, as `internal_error` may be.
    ErrorAfterwards(String),
    /// A 200 whose body is no JSON.
    Garbage,
}

/// How the next socket goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketFault {
    /// The upgrade is answered with this HTTP status.
    RefuseUpgrade(u16),
    /// The upgrade is never answered.
    HangUpgrade,
    /// The socket opens, and says nothing.
    NoHello,
    /// A `disconnect` with this reason follows the hello at once.
    FlapAfterHello(String),
    /// After the hello no ping is answered and no ack heard, while events still come.
    NoPongs,
    /// After the hello nothing passes in either direction.
    Freeze,
    /// Reset right after the hello.
    Reset,
}

/// What is ordered and not yet used.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    calls: HashMap<String, VecDeque<(Fault, u32)>>,
    sockets: VecDeque<(SocketFault, u32)>,
    /// Every call with a token fails with this code: a revoked token, a removed app.
    pub(crate) auth: Option<String>,
}

impl Faults {
    /// `method` may be `*`.
    pub(crate) fn order(&mut self, method: &str, fault: Fault, times: u32) {
        self.calls
            .entry(method.to_owned())
            .or_default()
            .push_back((fault, times));
    }

    pub(crate) fn order_socket(&mut self, fault: SocketFault, times: u32) {
        self.sockets.push_back((fault, times));
    }

    pub(crate) fn take(&mut self, method: &str) -> Option<Fault> {
        if self.calls.is_empty() {
            return None;
        }
        let key = if self.calls.contains_key(method) {
            method
        } else {
            "*"
        };
        let queue = self.calls.get_mut(key)?;
        let fault = take(queue);
        if queue.is_empty() {
            self.calls.remove(key);
        }
        fault
    }

    pub(crate) fn take_socket(&mut self) -> Option<SocketFault> {
        take(&mut self.sockets)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn take<T: Clone>(queue: &mut VecDeque<(T, u32)>) -> Option<T> {
    let (fault, left) = queue.front_mut()?;
    let fault = fault.clone();
    *left = left.saturating_sub(1);
    if *left == 0 {
        queue.pop_front();
    }
    Some(fault)
}

impl Fault {
    pub(crate) fn delay(&self) -> Option<Duration> {
        match self {
            Fault::Slow(millis) => Some(Duration::from_millis(*millis)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_order_and_run_out() {
        let mut faults = Faults::default();
        faults.order("chat.update", Fault::Status(503), 2);
        faults.order("chat.update", Fault::Hang, 1);
        faults.order("*", Fault::Reset, 1);
        let taken: Vec<_> = (0..4).map(|_| faults.take("chat.update")).collect();
        assert_eq!(
            taken,
            [
                Some(Fault::Status(503)),
                Some(Fault::Status(503)),
                Some(Fault::Hang),
                Some(Fault::Reset)
            ]
        );
        assert_eq!(faults.take("chat.update"), None);
    }
}
