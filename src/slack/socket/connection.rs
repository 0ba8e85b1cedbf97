//! One socket, from its ticket to its close. It reads, hands on, and acknowledges what is safe; it never waits for what becomes of
//! an envelope, so that pings, pongs and acknowledgements keep their time.

use std::{ops::ControlFlow, time::Instant as Clock};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, Utf8Bytes},
};
use tokio_util::sync::CancellationToken;

use super::{
    Delivery,
    backoff::Reason,
    frame::Head,
    liveness::{Finding, Watch},
    receipts::{Ack, Acks},
    status::{self, Live, Status},
};
use crate::{
    SlackError, Web,
    config::{Liveness, Timeouts},
};

/// How many acknowledgements, when they are there, are flushed together.
const BATCH: usize = 64;
/// How much of a frame that could not be understood is logged.
const LOGGED: usize = 2_000;

/// What every connection works with.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) web: Web,
    pub(crate) liveness: Liveness,
    pub(crate) timeouts: Timeouts,
    pub(crate) intake: mpsc::Sender<Delivery>,
    pub(crate) status: Status,
}

/// A socket that heard Slack's hello.
pub(crate) struct Connection {
    common: Common,
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    watch: Watch,
    live: Live,
    acks: Acks,
    /// Acknowledgements to be written.
    due: mpsc::UnboundedReceiver<Ack>,
    /// How many envelopes found no room.
    refused: u64,
    /// Tells the supervisor, once, that a successor is wanted.
    moving: Option<oneshot::Sender<Reason>>,
}

/// How the supervisor steers a running connection.
pub(crate) struct Steering {
    /// Where the connection says that it wants a successor.
    pub(crate) moving: oneshot::Sender<Reason>,
    /// The successor is up: linger, then close.
    pub(crate) replaced: CancellationToken,
    /// The program stops: close now.
    pub(crate) stop: CancellationToken,
}

impl Connection {
    /// Gets a ticket, connects, and waits for the hello, each with its bound.
    pub(crate) async fn open(common: Common) -> Result<Self, SlackError> {
        let url = common.web.open_connection().await?;
        // Nagle would hold back the second acknowledgement of a burst.
        let connecting = connect_async_with_config(url.as_str(), None, true);
        let mut ws = match timeout(common.timeouts.connect, connecting).await {
            Ok(Ok((ws, _))) => ws,
            Ok(Err(error)) => return Err(SlackError::Socket(describe(&error))),
            Err(_) => return Err(SlackError::Socket("it did not open in time".to_owned())),
        };
        let hello = timeout(common.timeouts.hello, async {
            loop {
                match ws.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Head::read(&text)
                            .ok_or_else(|| SlackError::Socket("its first words made no sense".into()));
                    }
                    Some(Ok(Message::Close(_))) | None => {
                        return Err(SlackError::Socket("Slack closed it before its hello".to_owned()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(SlackError::Socket(describe(&error))),
                }
            }
        });
        let hello = hello
            .await
            .map_err(|_| SlackError::Socket("Slack did not say hello in time".to_owned()))??;
        match hello.kind.as_str() {
            "hello" => status::connections(hello.num_connections),
            "disconnect" if hello.reason == "link_disabled" => return Err(SlackError::SocketModeOff),
            other => {
                return Err(SlackError::Socket(format!(
                    "Slack said `{other}` instead of hello ({})",
                    hello.reason
                )));
            }
        }
        let (acks, due) = Acks::new();
        Ok(Self {
            watch: Watch::new(common.liveness, Instant::now()),
            live: common.status.hello(),
            common,
            ws,
            acks,
            due,
            refused: 0,
            moving: None,
        })
    }

    /// Serves the socket until it ends, and says why it did; nothing when it was let go.
    pub(crate) async fn run(mut self, steering: Steering) -> Option<Reason> {
        let Steering {
            moving,
            replaced,
            stop,
        } = steering;
        self.moving = Some(moving);
        let mut linger: Option<Instant> = None;
        loop {
            let due = linger.unwrap_or_else(|| self.watch.due()).min(self.watch.due());
            let flow = tokio::select! {
                biased;
                () = stop.cancelled() => { self.close().await; return None }
                () = replaced.cancelled(), if linger.is_none() => {
                    linger = Some(Instant::now() + self.common.liveness.linger);
                    ControlFlow::Continue(())
                }
                Some(ack) = self.due.recv() => self.acknowledge(ack).await,
                frame = self.ws.next() => self.take(frame),
                () = sleep_until(due) => {
                    if linger.is_some_and(|until| Instant::now() >= until) {
                        self.close().await;
                        return None;
                    }
                    self.look().await
                }
            };
            match flow {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Some(reason @ (Reason::Lost(_) | Reason::Dead))) => return Some(reason),
                ControlFlow::Break(reason) => {
                    self.close().await;
                    return reason;
                }
            }
        }
    }

    /// Writes an acknowledgement and those already waiting behind it.
    async fn acknowledge(&mut self, first: Ack) -> ControlFlow<Option<Reason>> {
        let mut next = Some(first);
        let mut written = Vec::new();
        while let Some(Ack { text, received }) = next {
            self.acks.settle();
            let fed = timeout(self.common.timeouts.write, self.ws.feed(Message::text(text))).await;
            match fed {
                Ok(Ok(())) => written.push(received),
                Ok(Err(error)) => return lost(describe(&error)),
                Err(_) => return lost("an acknowledgement could not be written in time".to_owned()),
            }
            next = if written.len() < BATCH {
                self.due.try_recv().ok()
            } else {
                None
            };
        }
        match self.flush().await {
            Ok(()) => {
                for received in written {
                    status::acknowledged(received.elapsed());
                }
                ControlFlow::Continue(())
            }
            // What was not acknowledged comes again, and is claimed once.
            Err(reason) => ControlFlow::Break(Some(reason)),
        }
    }

    fn take(&mut self, frame: Option<Result<Message, tungstenite::Error>>) -> ControlFlow<Option<Reason>> {
        let received = Clock::now();
        match frame {
            Some(Ok(Message::Text(text))) => self.take_text(text, received),
            Some(Ok(Message::Ping(_))) => {
                // tungstenite answers it with the next flush, which the next read brings.
                self.watch.server_ping(Instant::now());
                ControlFlow::Continue(())
            }
            Some(Ok(Message::Pong(payload))) => {
                if let Some(took) = self.watch.pong(&payload, Instant::now()) {
                    status::round_trip(took);
                }
                ControlFlow::Continue(())
            }
            Some(Ok(Message::Close(frame))) => {
                let why = frame
                    .map(|frame| format!(" ({} {})", frame.code, frame.reason))
                    .unwrap_or_default();
                lost(format!("Slack closed it{why}"))
            }
            Some(Ok(Message::Binary(_) | Message::Frame(_))) => {
                status::unread("binary");
                ControlFlow::Continue(())
            }
            Some(Err(error)) => lost(describe(&error)),
            None => lost("the stream ended".to_owned()),
        }
    }

    fn take_text(&mut self, text: Utf8Bytes, received: Clock) -> ControlFlow<Option<Reason>> {
        let Some(head) = Head::read(&text) else {
            status::unread("not an object");
            tracing::warn!(frame = cut(&text), "a frame that is not a JSON object came in");
            return ControlFlow::Continue(());
        };
        if !head.envelope_id.is_empty() {
            self.take_envelope(head, text, received);
            return ControlFlow::Continue(());
        }
        match head.kind.as_str() {
            "hello" => status::connections(head.num_connections),
            "disconnect" => return self.disconnect(&head.reason),
            _ => {
                status::unread("unknown kind");
                tracing::warn!(frame = cut(&text), "a frame of an unknown kind came in");
            }
        }
        ControlFlow::Continue(())
    }

    fn take_envelope(&mut self, head: Head, text: Utf8Bytes, received: Clock) {
        let Ok(permit) = self.common.intake.try_reserve() else {
            // Unacknowledged, an event comes again when there may be room, and a command tells its user that it failed.
            status::unread("backlog full");
            if self.refused.is_multiple_of(1_000) {
                tracing::error!(
                    kind = head.kind,
                    refused = self.refused + 1,
                    "too much is waiting to be handled: envelopes are left unacknowledged"
                );
            }
            self.refused += 1;
            return;
        };
        status::envelope(&head.kind);
        self.acks.hand_on();
        permit.send(Delivery {
            head,
            text,
            received,
            acks: self.acks.clone(),
        });
    }

    fn disconnect(&mut self, reason: &str) -> ControlFlow<Option<Reason>> {
        let Some(reason) = Reason::asked(reason) else {
            self.common.status.fail(SlackError::SocketModeOff);
            return ControlFlow::Break(None);
        };
        if reason.overlaps() {
            self.want_successor(reason);
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(Some(reason))
        }
    }

    fn want_successor(&mut self, reason: Reason) {
        if let Some(moving) = self.moving.take() {
            // A supervisor that no longer listens is stopping.
            let _ = moving.send(reason);
        }
    }

    async fn look(&mut self) -> ControlFlow<Option<Reason>> {
        match self.watch.look(Instant::now()) {
            Finding::Fine => ControlFlow::Continue(()),
            Finding::Dead => ControlFlow::Break(Some(Reason::Dead)),
            Finding::ServerSilent => {
                self.want_successor(Reason::ServerSilent);
                ControlFlow::Continue(())
            }
            Finding::Ping(number) => {
                let ping = self.ws.send(Message::Ping(number.to_be_bytes().to_vec().into()));
                match timeout(self.common.timeouts.write, ping).await {
                    Ok(Ok(())) => ControlFlow::Continue(()),
                    Ok(Err(error)) => lost(describe(&error)),
                    Err(_) => ControlFlow::Break(Some(Reason::Dead)),
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Reason> {
        match timeout(self.common.timeouts.write, self.ws.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Reason::Lost(describe(&error))),
            Err(_) => Err(Reason::Lost(
                "acknowledgements could not be written in time".to_owned(),
            )),
        }
    }

    /// Says goodbye, once what is safe by now is acknowledged; what still comes in is not ours any more and comes again elsewhere.
    pub(crate) async fn close(mut self) {
        let patience = self.common.timeouts.close;
        let settled = async {
            while self.acks.open() > 0
                && let Some(ack) = self.due.recv().await
            {
                if self.acknowledge(ack).await.is_break() {
                    return;
                }
            }
        };
        if timeout(patience, settled).await.is_err() {
            tracing::debug!("a socket closes before all it brought is acknowledged; the rest comes again");
        }
        let Self {
            common, mut ws, live, ..
        } = self;
        drop(live);
        let _ = timeout(common.timeouts.write, ws.close(None)).await;
        let _ = timeout(common.timeouts.close, async {
            while let Some(Ok(_)) = ws.next().await {}
        })
        .await;
    }
}

fn lost(how: String) -> ControlFlow<Option<Reason>> {
    ControlFlow::Break(Some(Reason::Lost(how)))
}

/// Says what is wrong without the address, which carries the ticket.
fn describe(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Http(response) => {
            format!("Slack answered the upgrade with {}", response.status())
        }
        tungstenite::Error::Io(error) => error.to_string(),
        tungstenite::Error::Tls(error) => format!("TLS: {error}"),
        tungstenite::Error::Protocol(error) => error.to_string(),
        tungstenite::Error::Capacity(error) => error.to_string(),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => "it is closed".to_owned(),
        tungstenite::Error::Url(_) => "its address is not usable".to_owned(),
        _ => "it broke".to_owned(),
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LOGGED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
