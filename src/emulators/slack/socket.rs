//! Socket Mode: one task for each WebSocket.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{
        ConnectInfo, Query, State as FromState, WebSocketUpgrade,
        ws::{Message as Frame, WebSocket},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    delivery::Out, envelope::disconnect_frame, faults::SocketFault, journal::What, server::Shared, wire::Line,
};

/// Slack leaves the TCP connection open after a client's close handshake; clients must not wait for its end.
const CLOSE_LINGER: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    ticket: String,
    #[serde(default)]
    debug_reconnects: bool,
}

/// `GET /link/?ticket=…`
pub(crate) async fn upgrade(
    FromState(shared): FromState<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Query(link): Query<Link>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let (known, fault) = shared.with(|st| (st.delivery.use_ticket(&link.ticket), st.faults.take_socket()));
    match fault {
        Some(SocketFault::HangUpgrade) => {
            shared.stop.cancelled().await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Some(SocketFault::RefuseUpgrade(status)) => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::BAD_GATEWAY)
            .into_response(),
        _ if !known => (
            StatusCode::UNAUTHORIZED,
            "this ticket is unknown, or was used before",
        )
            .into_response(),
        fault => upgrade.on_upgrade(move |socket| serve(shared, socket, line, fault, link.debug_reconnects)),
    }
}

async fn serve(
    shared: Arc<Shared>,
    mut socket: WebSocket,
    line: Line,
    fault: Option<SocketFault>,
    short: bool,
) {
    let (out, mut orders) = mpsc::unbounded_channel();
    let host = shared.host();
    // The hello is queued in the same step that makes the socket eligible, so nothing can precede it.
    let (id, connections) = shared.with(|st| {
        let id = st.delivery.open(out.clone(), Arc::clone(&line.0));
        let connections = st.delivery.count();
        if let Some(id) = id {
            if fault != Some(SocketFault::NoHello) {
                let seconds = if short { 360 } else { 18_060 };
                let _ = out.send(Out::Text(hello(&st.world.app.id, connections, &host, seconds)));
            }
            if let Some(SocketFault::FlapAfterHello(reason)) = &fault {
                st.delivery.disconnect(Some(id), reason, &host, None);
                let _ = out.send(Out::Close);
            }
            st.journal.add(What::SocketOpened { socket: id });
        }
        (id, connections)
    });
    let Some(id) = id else {
        let _ = socket
            .send(Frame::text(disconnect_frame(
                "too_many_websockets",
                connections,
                &host,
            )))
            .await;
        let _ = socket.send(Frame::Close(None)).await;
        return;
    };
    let why = tokio::select! {
        why = talk(&shared, &mut socket, &mut orders, &line, fault) => why,
        () = shared.stop.cancelled() => "the emulator stopped",
    };
    shared.with(|st| {
        st.delivery.close(id);
        st.journal.add(What::SocketClosed {
            socket: id,
            why: why.to_owned(),
        });
    });
    if why == CLOSED_BY_CLIENT {
        // Still read, so that a client which does close TCP is noticed.
        let _ = tokio::time::timeout(CLOSE_LINGER, async { while socket.recv().await.is_some() {} }).await;
    }
}

const CLOSED_BY_CLIENT: &str = "the client closed it";

async fn talk(
    shared: &Arc<Shared>,
    socket: &mut WebSocket,
    orders: &mut mpsc::UnboundedReceiver<Out>,
    line: &Line,
    fault: Option<SocketFault>,
) -> &'static str {
    use futures_util::{FutureExt as _, SinkExt as _};
    let mut ping = tokio::time::interval(shared.ping_every);
    let mut greeted = false;
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            _ = orders.recv_many(&mut batch, 64) => {
                for order in batch.drain(..) {
                    let failed = match order {
                        Out::Text(text) => socket.feed(Frame::text(text)).await.is_err(),
                        Out::Close => {
                            let _ = socket.feed(Frame::Close(None)).await;
                            let _ = socket.flush().await;
                            return "the emulator closed it";
                        }
                    };
                    if failed {
                        return "writing failed";
                    }
                }
                if socket.flush().await.is_err() {
                    return "writing failed";
                }
                if !std::mem::replace(&mut greeted, true) {
                    match fault {
                        Some(SocketFault::NoPongs) => line.0.deafen(),
                        Some(SocketFault::Freeze) => line.0.freeze(),
                        Some(SocketFault::Reset) => line.0.reset(),
                        _ => {}
                    }
                }
            }
            frame = socket.recv() => {
                // All that is there is read at once: acks must not wait behind the next batch of events.
                let mut next = Some(frame);
                while let Some(frame) = next {
                    match frame {
                        Some(Ok(Frame::Text(text))) => hear(shared, &text),
                        Some(Ok(Frame::Close(_))) => return CLOSED_BY_CLIENT,
                        Some(Ok(_)) => {}
                        Some(Err(_)) => return "the connection broke",
                        None => return "the client went away",
                    }
                    next = socket.recv().now_or_never();
                }
            }
            _ = ping.tick() => {
                let now = jiff::Timestamp::now().to_string();
                if socket.send(Frame::Ping(Bytes::from(format!("Ping from {}: {now}", shared.host())))).await.is_err() {
                    return "writing failed";
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Ack {
    envelope_id: String,
    #[serde(default)]
    payload: Option<Value>,
}

fn hear(shared: &Arc<Shared>, text: &str) {
    match serde_json::from_str::<Ack>(text) {
        Ok(ack) => shared.with(|st| st.acked(&ack.envelope_id, ack.payload.unwrap_or(Value::Null))),
        Err(error) => tracing::warn!(%error, "a client sent what is no acknowledgement"),
    }
}

fn hello(app: &str, connections: usize, host: &str, seconds: u32) -> String {
    json!({
        "type": "hello",
        "num_connections": connections,
        "debug_info": {
            "host": host, "started": jiff::Timestamp::now().to_string(), "build_number": 54,
            "approximate_connection_time": seconds,
        },
        "connection_info": {"app_id": app},
    })
    .to_string()
}
