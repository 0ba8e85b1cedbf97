//! The client of Grafana's annotations against the emulated Grafana.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus_emulators::grafana::{self as emulated, Fault};
use otus_monitoring::grafana::{Grafana, GrafanaConfig, GrafanaError, NewAnnotation};
use std::io::Write as _;

fn config(grafana: &emulated::Grafana) -> GrafanaConfig {
    GrafanaConfig {
        url: Some(grafana.url().into()),
        token: Some(grafana.token().to_owned().into()),
        dashboard_uid: Some("shop".into()),
        ..GrafanaConfig::default()
    }
}

fn mark(end: Option<i64>) -> NewAnnotation {
    NewAnnotation {
        time: 1_000,
        time_end: end,
        tags: vec!["deploy".into(), "otus:1".into()],
        text: "api v2 to production".into(),
    }
}

#[tokio::test]
async fn a_mark_is_made_found_and_ended() {
    let grafana = emulated::Grafana::start().await.unwrap();
    let client = Grafana::new(&config(&grafana)).unwrap();
    let id = client.annotate(&mark(None)).await.unwrap();
    let other = NewAnnotation {
        tags: vec!["deploy".into()],
        ..mark(None)
    };
    client.annotate(&other).await.unwrap();
    let found = client.tagged("otus:1", 1_000).await.unwrap();
    assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
    assert_eq!(
        client.tagged("otus:1", 1_001).await.unwrap(),
        [],
        "it ended before"
    );
    for _ in 0..2 {
        client.change(id, &mark(Some(5_000))).await.unwrap();
    }
    let all = grafana.annotations();
    assert_eq!((all.len(), all[0].time, all[0].time_end), (2, 1_000, 5_000));
    assert_eq!(all[0].dashboard.as_deref(), Some("shop"));
    grafana.delete(id);
    let gone = client.change(id, &mark(Some(5_000))).await.unwrap_err();
    assert!(matches!(gone, GrafanaError::NotFound), "{gone}");
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let grafana = emulated::Grafana::start().await.unwrap();
    let client = Grafana::new(&config(&grafana)).unwrap();
    grafana.fault(Fault::Lost);
    let lost = client.annotate(&mark(None)).await.unwrap_err();
    assert!(matches!(lost, GrafanaError::Unreachable { .. }), "{lost}");
    assert_eq!(
        client.tagged("otus:1", 0).await.unwrap().len(),
        1,
        "made all the same"
    );
    grafana.fault(Fault::Status(500));
    let refused = client.annotate(&mark(None)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "Grafana at {} did not do it (making an annotation): HTTP 500, an ordered fault",
            grafana.url()
        )
    );
    let viewer = GrafanaConfig {
        token: Some(grafana.viewer_token().to_owned().into()),
        ..config(&grafana)
    };
    let viewer = Grafana::new(&viewer).unwrap();
    let not_allowed = viewer.annotate(&mark(None)).await.unwrap_err();
    assert!(
        matches!(not_allowed, GrafanaError::NotAllowed { status: 403, .. }),
        "{not_allowed}"
    );
    let elsewhere = GrafanaConfig {
        annotations: "/elsewhere".into(),
        ..config(&grafana)
    };
    let odd = Grafana::new(&elsewhere).unwrap().check().await.unwrap_err();
    assert!(matches!(odd, GrafanaError::Refused { .. }), "{odd}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let from_file = GrafanaConfig {
        token: None,
        token_file: Some(file.path().to_owned()),
        ..config(&grafana)
    };
    let from_file = Grafana::new(&from_file).unwrap();
    let empty = from_file.check().await.unwrap_err().to_string();
    assert_eq!(empty, "grafana.token_file: it cannot be used: it is empty");
    writeln!(file, "{}", grafana.token()).unwrap();
    from_file.check().await.unwrap();
    drop(grafana);
    let away = client.check().await.unwrap_err();
    assert!(matches!(away, GrafanaError::Unreachable { .. }), "{away}");
}

#[test]
fn what_cannot_work_is_refused_by_its_key() {
    let url = |url: &str| GrafanaConfig {
        url: Some(url.into()),
        token: Some("t".to_owned().into()),
        ..GrafanaConfig::default()
    };
    let wrong = |config: GrafanaConfig| Grafana::new(&config).unwrap_err().to_string();
    for (config, told) in [
        (GrafanaConfig::default(), "grafana.url: it is not set"),
        (
            url("grafana:3000"),
            "grafana.url: it must begin with http:// or https://",
        ),
        (url("http://u:p@grafana"), "grafana.url: it holds a user name"),
        (url("http://grafana/?orgId=1"), "grafana.url: it must end before"),
        (
            GrafanaConfig {
                token: None,
                ..url("http://grafana")
            },
            "grafana.token: it is missing",
        ),
        (
            GrafanaConfig {
                token_file: Some("f".into()),
                ..url("http://grafana")
            },
            "grafana.token: token_file is set, too",
        ),
        (
            GrafanaConfig {
                ca_file: Some("/nowhere".into()),
                ..url("http://grafana")
            },
            "grafana.ca_file: /nowhere cannot be used",
        ),
    ] {
        let error = wrong(config);
        assert!(error.starts_with(told), "{error}");
    }
}
