//! The client against a real Alertmanager.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::{SignedDuration, Timestamp};
use otus_emulators::real::RealAlertmanager;
use otus_monitoring::alertmanager::{
    Alertmanager, AlertmanagerConfig, AlertmanagerError, Matcher, NewSilence, SilenceState, matchers,
};
use std::time::{Duration, Instant};

const CONFIG: &str = "route: { receiver: nobody }\nreceivers: [ { name: nobody } ]\n";

fn client(urls: Vec<String>) -> Alertmanager {
    let config = AlertmanagerConfig {
        urls,
        ..AlertmanagerConfig::default()
    };
    Alertmanager::new(&config).unwrap()
}

fn silence(text: &str) -> NewSilence {
    let now = Timestamp::now();
    NewSilence {
        matchers: matchers(text).unwrap(),
        starts_at: now,
        ends_at: now + SignedDuration::from_hours(1),
        created_by: "ann".into(),
        comment: "a \"reason\"".into(),
    }
}

async fn server() -> RealAlertmanager {
    let _ = rustls::crypto::ring::default_provider().install_default();
    RealAlertmanager::start(CONFIG).await.unwrap()
}

/// Lets an alert fire.
async fn fire(server: &RealAlertmanager, name: &str, service: &str) {
    let body = serde_json::json!([{ "labels": { "alertname": name, "service": service } }]);
    let url = format!("{}/api/v2/alerts", server.url());
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success());
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn alerts_and_silences_from_made_to_ended() {
    let mut server = server().await;
    // The first address is nobody's: the next member of the cluster is asked.
    let api = client(vec!["http://127.0.0.1:1".into(), server.url()]);
    let status = api.status().await.unwrap();
    assert!(status.version.starts_with("0."), "{status:?}");
    assert_eq!(status.peers, 0);

    fire(&server, "Slow", "api").await;
    fire(&server, "Slow", "web").await;
    let all = until(async || {
        api.alerts(&matchers("Slow").unwrap())
            .await
            .ok()
            .filter(|all| all.len() == 2)
    })
    .await;
    assert!(
        all.iter()
            .all(|alert| alert.fingerprint.len() == 16 && alert.silenced_by().is_empty())
    );
    let one = matchers("Slow service=~\"a.i\" service!=\"x\"").unwrap();
    assert_eq!(api.alerts(&one).await.unwrap().len(), 1);

    let new = silence("Slow service=~\"a.i\" env!=\"dev\"");
    let id = api.make_silence(&new).await.unwrap();
    let made = api.silence(&id).await.unwrap();
    assert_eq!(
        (&made.matchers, made.state()),
        (&new.matchers, SilenceState::Active)
    );
    assert_eq!(
        (made.created_by.as_str(), made.comment.as_str()),
        ("ann", "a \"reason\"")
    );
    let silenced = until(async || {
        let all = api.alerts(&one).await.ok()?;
        (all[0].silenced_by() == [id.clone()]).then(|| all[0].clone())
    })
    .await;
    assert!(made.covers(&silenced.labels) && !silenced.is_inhibited());

    server.restart().await.unwrap();
    assert_eq!(api.silences().await.unwrap()[0].id, id, "it remembers");
    api.end_silence(&id).await.unwrap();
    assert_eq!(api.silence(&id).await.unwrap().state(), SilenceState::Expired);
    api.end_silence(&id).await.unwrap();
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let server = server().await;
    let api = client(vec![server.url()]);
    let unknown = "00000000-0000-0000-0000-000000000000";
    assert!(matches!(
        api.silence(unknown).await,
        Err(AlertmanagerError::NoSilence { .. })
    ));
    assert!(matches!(
        api.silence("../status").await,
        Err(AlertmanagerError::NoSilence { .. })
    ));
    let everything = NewSilence {
        matchers: vec![Matcher::equal("a", "")],
        ..silence("a=b")
    };
    let refused = api.make_silence(&everything).await.unwrap_err();
    assert!(
        matches!(&refused, AlertmanagerError::Refused { message } if message.contains("matcher")),
        "{refused}"
    );
    let away = client(vec!["http://127.0.0.1:1".into()])
        .status()
        .await
        .unwrap_err();
    assert!(matches!(&away, AlertmanagerError::Unreachable { .. }), "{away}");
    let elsewhere = client(vec![format!("{}/prefix", server.url())])
        .status()
        .await
        .unwrap_err();
    assert!(
        matches!(&elsewhere, AlertmanagerError::NotAlertmanager { .. }),
        "{elsewhere}"
    );
}
