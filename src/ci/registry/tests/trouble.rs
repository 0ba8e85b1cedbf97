//! What happens when a registry is slow, busy, broken, or none.

use super::*;

const FIVE: [&str; 5] = [
    "GET /v2/",
    "GET /token",
    "HEAD manifests/",
    "GET manifests/",
    "GET blobs/",
];

#[tokio::test]
async fn an_error_of_the_servers_is_asked_away() {
    for request in FIVE {
        for status in [429, 500, 502, 503] {
            let fake = Fake::start().await;
            fake.world()
                .faults
                .push((request, Fault::Status(status, None), 2));
            let client = Client::of(&fake, robot());
            assert!(client.image("latest").await.is_ok(), "{status} for {request}");
            assert_eq!(client.waits().len(), 2, "{status} for {request}");
        }
    }
}

#[tokio::test]
async fn a_server_that_stays_broken_is_given_up() {
    for (request, status) in FIVE.into_iter().zip([500, 502, 503, 504, 599]) {
        let fake = Fake::start().await;
        fake.world()
            .faults
            .push((request, Fault::Status(status, None), 99));
        let client = Client::of(&fake, robot());
        let error = client.image("latest").await.unwrap_err();
        let Error::Unreachable { why, .. } = &error else {
            panic!("{request}: {error:?}")
        };
        assert_eq!(*why, format!("it answers HTTP {status}"));
        assert_eq!(client.waits().len(), 4);
    }
}

#[tokio::test]
async fn retry_after_is_kept() {
    for request in &FIVE[..3] {
        for status in [429, 503] {
            let fake = Fake::start().await;
            fake.world()
                .faults
                .push((request, Fault::Status(status, Some("7")), 1));
            let client = Client::of(&fake, robot());
            client.image("latest").await.unwrap();
            let waits = client.waits();
            assert!(
                waits.len() == 1 && waits[0] >= Duration::from_secs(7),
                "{status} for {request}: {waits:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_retry_after_that_is_too_long_is_told_at_once() {
    let fake = Fake::start().await;
    fake.world()
        .faults
        .push(("HEAD", Fault::Status(429, Some("3600")), 99));
    let client = Client::of(&fake, robot());
    let error = client.image("latest").await.unwrap_err();
    let Error::TooManyRequests { retry_after, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*retry_after, Some(Duration::from_secs(3600)));
    assert!(client.waits().is_empty());
    assert!(error.to_string().ends_with("asked again in 1h"), "{error}");
}

#[tokio::test]
async fn too_many_requests_stay_so() {
    for request in FIVE {
        let fake = Fake::start().await;
        fake.world().faults.push((request, Fault::Status(429, None), 99));
        let client = Client::of(&fake, robot());
        let error = client.image("latest").await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::TooManyRequests {
                    retry_after: None,
                    ..
                }
            ),
            "{request}: {error:?}"
        );
    }
}

#[tokio::test]
async fn silence_ends_by_a_timeout() {
    for request in FIVE {
        let fake = Fake::start().await;
        // The others are given the time to be answered.
        let quick = Duration::from_millis(if request == FIVE[0] { 50 } else { 300 });
        fake.world().faults.push((request, Fault::Hang, 1));
        let client = Client::of(
            &fake,
            RegistryConfig {
                request_timeout: quick,
                ..robot()
            },
        );
        // It hangs once and is asked again, so the answer comes in the end.
        if request != FIVE[0] {
            assert!(client.image("latest").await.is_ok(), "{request}");
            continue;
        }
        fake.world().faults.push((request, Fault::Hang, 98));
        let error = client.image("latest").await.unwrap_err();
        assert!(
            matches!(&error, Error::Unreachable { why, .. } if why == "no answer within 50ms"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn patience_ends_everything() {
    let fake = Fake::start().await;
    fake.world().faults.push(("GET", Fault::Hang, 99));
    let client = Client::of(
        &fake,
        RegistryConfig {
            patience: Duration::from_millis(50),
            ..robot()
        },
    );
    let error = client.image("latest").await.unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { why, .. } if why == "no answer within 50ms"),
        "{error:?}"
    );
    assert!(client.waits().is_empty());
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    // Bound and given back: nobody listens there, most probably, and nobody speaks like a registry.
    let host = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let client = Client::at(&host, robot());
    let error = client.image("latest").await.unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { why, .. } if why.contains("refused")),
        "{error:?}"
    );
    assert_eq!(client.waits().len(), 4);
}

#[tokio::test]
async fn what_is_no_registry_is_said_so() {
    let page = Fault::Body("text/html", "<html>");
    for (request, fault) in [
        ("GET /v2/", Fault::Status(404, None)),
        ("GET /v2/", Fault::Status(401, None)),
        ("GET /token", Fault::Status(404, None)),
        ("HEAD", page.clone()),
        ("HEAD", Fault::Status(418, None)),
        ("GET manifests", Fault::Status(418, None)),
    ] {
        let fake = Fake::start().await;
        fake.world().faults.push((request, fault, 1));
        let error = Client::of(&fake, robot()).image("latest").await.unwrap_err();
        assert!(
            matches!(error, Error::NotARegistry { .. }),
            "{request}: {error:?}"
        );
    }
}

#[tokio::test]
async fn bytes_that_are_not_what_their_digest_says_are_not_believed() {
    for request in ["GET manifests", "GET blobs"] {
        let fake = Fake::start().await;
        fake.world()
            .faults
            .push((request, Fault::Body("application/json", "{}"), 1));
        let client = Client::of(&fake, robot());
        client.image("latest").await.unwrap();
        assert_eq!(
            client.waits().len(),
            1,
            "{request}: a cut connection is tried again"
        );
        fake.world()
            .faults
            .push((request, Fault::Body("application/json", "{}"), 99));
        assert!(
            matches!(client.image("latest").await, Err(Error::Unreachable { .. })),
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_registry_need_not_tell_the_digest() {
    let fake = Fake::start().await;
    fake.world().tells_digest = false;
    let image = Client::of(&fake, robot()).image("latest").await.unwrap();
    assert_eq!(image.digest, fake::digest(&fake::manifest()));
}

#[tokio::test]
async fn what_is_gone_between_two_requests_is_not_found_or_lost() {
    let fake = Fake::start().await;
    fake.world()
        .faults
        .push(("GET manifests", Fault::Status(404, None), 1));
    assert!(matches!(
        Client::of(&fake, robot()).image("latest").await,
        Err(Error::NotFound { .. })
    ));
    fake.world()
        .faults
        .push(("GET blobs", Fault::Status(404, None), 1));
    let error = Client::of(&fake, robot()).image("latest").await.unwrap_err();
    assert!(
        matches!(&error, Error::NoImage { why, .. } if why.contains("push it again")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_right_that_ends_between_two_requests_is_asked_for_anew() {
    for (request, status) in [("GET manifests", 401), ("GET blobs", 403)] {
        let fake = Fake::start().await;
        let client = Client::of(&fake, robot());
        client.image("latest").await.unwrap();
        fake.world()
            .faults
            .push((request, Fault::Status(status, None), 1));
        fake.journal();
        client.image("latest").await.unwrap();
        assert_eq!(
            fake.journal()
                .iter()
                .filter(|request| *request == "GET /token")
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn names_that_are_none_ask_nobody() {
    let fake = Fake::start().await;
    let client = Client::of(&fake, robot());
    for (repository, reference) in [
        ("team/api", "latest"),
        (&*client.repository, "../x"),
        (&*client.repository, ""),
    ] {
        assert!(matches!(
            client.registry.image(repository, reference).await,
            Err(Error::Name(_))
        ));
        assert!(matches!(
            client.registry.exists(repository, reference).await,
            Err(Error::Name(_))
        ));
    }
    assert!(fake.journal().is_empty());
}

#[tokio::test]
async fn what_is_too_large_is_not_read() {
    let large: &str = "x".repeat(5 << 20).leak();
    for (request, kind) in [
        ("GET blobs", "no image"),
        ("GET /token", "no registry"),
        ("GET tags", "no registry"),
    ] {
        let fake = Fake::start().await;
        fake.world()
            .faults
            .push((request, Fault::Body("application/json", large), 99));
        let client = Client::of(&fake, robot());
        let error = match request {
            "GET tags" => client.registry.tags(&client.repository, 5).await.unwrap_err(),
            _ => client.image("latest").await.unwrap_err(),
        };
        let told = match &error {
            Error::NoImage { .. } => "no image",
            Error::NotARegistry { .. } => "no registry",
            _ => "",
        };
        assert!(
            told == kind && error.to_string().contains("4 MiB"),
            "{request}: {error:?}"
        );
    }
    let fake = Fake::start().await;
    fake.world()
        .faults
        .push(("HEAD", Fault::Body("application/json", large), 1));
    let error = Client::of(&fake, robot()).image("latest").await.unwrap_err();
    assert!(
        matches!(&error, Error::NoImage { why, .. } if why.contains("larger")),
        "{error:?}"
    );
}
