//! Requests for responders: `/hooks/…` on the HTTP server, handed to the robot.

use crate::seat::Seat;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::any,
};
use otus_core::{Robot, web};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// So many requests are read at once: what the bodies of strangers may take of the memory is 16 times 25 MB.
const AT_ONCE: usize = 16;

/// How long a body may take to arrive, and how long a request waits for its turn. Who sends gives up by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// The routes, for as long as the program runs; they answer 503 until there is a robot, and nothing is read of what no responder
/// listens to.
pub(crate) fn routes(seat: Arc<Seat>) -> Router {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let answer = move |request: Request| {
        let (robot, turns) = (seat.robot(), Arc::clone(&turns));
        async move {
            let busy = StatusCode::SERVICE_UNAVAILABLE;
            let Some(robot) = robot else {
                return busy.into_response();
            };
            if !robot.listens() {
                return StatusCode::NOT_FOUND.into_response();
            }
            match timeout(PATIENCE, turns.acquire()).await {
                Ok(Ok(_turn)) => serve(&robot, request).await,
                Ok(Err(_)) | Err(_) => busy.into_response(),
            }
        }
    };
    Router::new().route(&format!("{}{{*rest}}", web::PLACE), any(answer))
}

async fn serve(robot: &Robot, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = match timeout(PATIENCE, axum::body::to_bytes(body, web::MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let headers = head.headers.iter();
    let request = web::Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.into(),
    };
    let web::Answer { status, body } = robot.serve(request).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Body::from(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus_core::{
        MemoryStore, RobotConfig,
        responder::{Built, Handler, ResponderSpec},
        room::RoomChat,
        web::{Answer, Route},
    };
    use otus_http::Server;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    struct Echo;

    impl otus_core::Responder for Echo {
        const SPEC: ResponderSpec = ResponderSpec {
            name: "echo",
            about: "Says it back.",
            commands: &[],
            needs: &[],
        };

        fn handlers(self: Arc<Self>) -> Vec<Handler> {
            Vec::new()
        }

        fn routes(self: Arc<Self>) -> Vec<Route> {
            vec![Route::new("POST", "/hooks/echo", |_, request| async move {
                let header = request.headers.iter().find(|(name, _)| name == "x-word");
                let word = header.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
                let bytes = request.body.len();
                Ok(Answer::new(202, format!("{} {word:?} {bytes}", request.path)))
            })]
        }
    }

    /// Status and body.
    async fn post(url: &str, bytes: usize) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(url).header("X-Word", "hi").body(vec![7; bytes]);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn requests_reach_responders_over_http_up_to_the_limit() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seat, stop) = (Arc::new(Seat::default()), CancellationToken::new());
        let server = Server::new(listener).routes_up_to(routes(Arc::clone(&seat)), web::MAX_BODY);
        let serving = tokio::spawn(server.run(stop.clone()));
        let echo = format!("{url}/hooks/echo/deep?x=1");
        assert_eq!(post(&echo, 1).await.0, 503, "there is no robot yet");
        let made = Robot::builder(RobotConfig::default())
            .responder(Built::new(Echo))
            .build(Arc::new(RoomChat::default()), Arc::new(MemoryStore::new()));
        seat.take(made.map_err(|faults| format!("{faults:?}")).unwrap());
        assert_eq!(
            post(&echo, 1).await,
            (202, r#"/hooks/echo/deep Some("hi") 1"#.into())
        );
        let large = 2 * 1024 * 1024;
        assert_eq!(post(&echo, large).await.0, 202);
        assert_eq!(
            post(&format!("{url}/healthz"), large).await.0,
            413,
            "hooks alone may be large"
        );
        assert_eq!(post(&format!("{url}/hooks/else"), 1).await.0, 404);
        assert_eq!(reqwest::get(&echo).await.unwrap().status().as_u16(), 405);
        let listening = url.trim_start_matches("http://").to_owned();
        assert!(
            too_large(&listening).await.starts_with("HTTP/1.1 413"),
            "refused before it is sent"
        );
        stop.cancel();
        serving.await.unwrap().unwrap();
    }

    /// What is answered to a request that only announces a body that is too large.
    async fn too_large(address: &str) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /hooks/echo HTTP/1.1\r\nHost: otus\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            web::MAX_BODY + 1
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 64];
        let read = socket.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }
}
