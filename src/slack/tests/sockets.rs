//! The sockets, through all that Slack and the network do to them.

#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod common;

use std::{collections::BTreeSet, time::Duration};

use common::{SOON, Station, options, words};
use otus_emulators::slack::{Fault, SocketFault, What, Workspace};
use otus_slack::{Credential, Slack, SlackError};

#[tokio::test]
async fn connects_by_plain_http_and_hears() {
    let mut station = Station::start().await;
    assert!(station.slack.ready());
    assert_eq!(station.slack.me().name, "otus");
    station.workspace.say("ann", "#general", "hello there").unwrap();
    assert_eq!(words(&station.hear().await), "hello there");
    station.workspace.quiet(SOON).await.unwrap();
    station.end().await.unwrap();
    assert!(!station.slack.ready());
    station.workspace.connected(0, SOON).await.unwrap();
}

#[tokio::test]
async fn a_burst_of_two_thousand_is_acknowledged_and_heard_once() {
    let mut station = Station::start().await;
    for number in 0..2_000 {
        station
            .workspace
            .say("ann", "#general", &format!("word {number}"))
            .unwrap();
    }
    let mut heard = BTreeSet::new();
    for _ in 0..2_000 {
        assert!(heard.insert(words(&station.hear().await)), "heard twice");
    }
    station.workspace.quiet(SOON).await.unwrap();
    let unacked = station
        .workspace
        .journal(0)
        .iter()
        .filter(|entry| matches!(entry.what, What::Unacked { .. }))
        .count();
    assert_eq!(unacked, 0);
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_rotation_under_load_loses_nothing_and_the_successor_comes_first() {
    let mut station = Station::start().await;
    for round in 0..3 {
        for number in 0..100 {
            station
                .workspace
                .say("ann", "#general", &format!("{round}.{number}"))
                .unwrap();
            if number == 50 {
                station.workspace.rotate();
            }
        }
        let mut heard = BTreeSet::new();
        while heard.len() < 100 {
            assert!(heard.insert(words(&station.hear().await)), "heard twice");
        }
        // Both were replaced, and nothing else is open.
        station
            .workspace
            .wait_for_entry(SOON, |what| {
                matches!(what, What::SocketClosed { socket, .. } if *socket == 2 * round + 1).then_some(())
            })
            .await
            .unwrap();
        station.workspace.connected(2, SOON).await.unwrap();
    }
    let journal = station.workspace.journal(0);
    assert!(
        !journal
            .iter()
            .any(|entry| matches!(entry.what, What::Unacked { .. }))
    );
    // At no time fewer than two sockets were open, once they were.
    let mut open: usize = 0;
    for entry in &journal {
        match entry.what {
            What::SocketOpened { .. } => open += 1,
            What::SocketClosed { socket, .. } => {
                open -= 1;
                assert!(open >= 2, "socket {socket} went before its successor came");
            }
            _ => {}
        }
    }
    station.end().await.unwrap();
}

#[tokio::test]
async fn every_reason_to_disconnect_brings_a_new_socket() {
    for reason in [
        "warning",
        "refresh_requested",
        "too_many_websockets",
        "brand_new_reason",
    ] {
        let mut station = Station::with(options(), |config| otus_slack::SlackConfig {
            sockets: 1,
            ..config
        })
        .await;
        station.workspace.disconnect(reason);
        station
            .workspace
            .wait_for_entry(SOON, |what| {
                matches!(what, What::SocketOpened { socket: 2 }).then_some(())
            })
            .await
            .unwrap();
        station
            .workspace
            .wait_for_entry(SOON, |what| {
                matches!(what, What::SocketClosed { socket: 1, .. }).then_some(())
            })
            .await
            .unwrap();
        station.workspace.say("ann", "#general", reason).unwrap();
        assert_eq!(words(&station.hear().await), reason);
        station.end().await.unwrap();
    }
}

#[tokio::test]
async fn socket_mode_switched_off_ends_it_with_the_reason() {
    let mut station = Station::start().await;
    station.workspace.disconnect("link_disabled");
    assert_eq!(station.ended().await, Err(SlackError::SocketModeOff));
    assert!(!station.slack.ready());
    station.workspace.connected(0, SOON).await.unwrap();
}

#[tokio::test]
async fn what_was_missed_by_a_broken_socket_is_heard_when_it_comes_again() {
    type Break = fn(&Workspace);
    let breaks: [(&str, Break); 4] = [
        ("reset", Workspace::cut_sockets),
        ("close frame", Workspace::close_sockets),
        ("no pongs", Workspace::mute_sockets),
        ("frozen", Workspace::freeze_sockets),
    ];
    for (name, act) in breaks {
        let mut station = Station::start().await;
        act(&station.workspace);
        station.workspace.say("ann", "#general", name).unwrap();
        station
            .workspace
            .wait_for_entry(SOON, |what| {
                matches!(what, What::SocketOpened { socket: 4 }).then_some(())
            })
            .await
            .unwrap();
        // It may have come once already over a socket that could not acknowledge; then it comes with the same id.
        let first = station.hear().await;
        assert_eq!(words(&first), name);
        station.workspace.quiet(SOON).await.unwrap();
        station.workspace.say("ann", "#general", "after").unwrap();
        loop {
            let next = station.hear().await;
            if words(&next) == "after" {
                break;
            }
            assert_eq!(next.event, first.event);
        }
        station.end().await.unwrap();
    }
}

#[tokio::test]
async fn whatever_fails_while_opening_is_tried_again() {
    for fault in [
        SocketFault::RefuseUpgrade(503),
        SocketFault::HangUpgrade,
        SocketFault::NoHello,
        SocketFault::Reset,
        SocketFault::FlapAfterHello("refresh_requested".into()),
        SocketFault::FlapAfterHello("too_many_websockets".into()),
    ] {
        let workspace = Workspace::start(options()).await.unwrap();
        workspace.fail_next_socket(fault.clone(), 3);
        let config = otus_slack::SlackConfig {
            sockets: 1,
            ..common::config(&workspace)
        };
        let mut station = Station::on(workspace, config).await;
        station.called("apps.connections.open", 4).await;
        station.workspace.connected(1, SOON).await.unwrap();
        station.workspace.say("ann", "#general", "heard").unwrap();
        assert_eq!(words(&station.hear().await), "heard", "{fault:?}");
        station.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_web_api_in_trouble_is_tried_again() {
    for fault in [
        Fault::Hang,
        Fault::Status(503),
        Fault::Reset,
        Fault::Garbage,
        Fault::Error("internal_error".into()),
    ] {
        let workspace = Workspace::start(options()).await.unwrap();
        workspace.fail_next("apps.connections.open", fault.clone(), 2);
        let config = otus_slack::SlackConfig {
            sockets: 1,
            ..common::config(&workspace)
        };
        let mut station = Station::on(workspace, config).await;
        station.workspace.connected(1, SOON).await.unwrap();
        assert_eq!(station.calls("apps.connections.open"), 3, "{fault:?}");
        station.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_limit_on_opening_is_waited_out() {
    let workspace = Workspace::start(options()).await.unwrap();
    workspace.rate_limit_next("apps.connections.open", 1, 1);
    let config = otus_slack::SlackConfig {
        sockets: 1,
        ..common::config(&workspace)
    };
    let mut station = Station::on(workspace, config).await;
    station.workspace.connected(1, SOON).await.unwrap();
    assert_eq!(station.calls("apps.connections.open"), 2);
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_bad_token_is_said_at_the_start_and_later() {
    let workspace = Workspace::start(options()).await.unwrap();
    workspace.auth_error(Some("invalid_auth"));
    let error = Slack::connect(common::config(&workspace)).await.unwrap_err();
    assert_eq!(
        error,
        SlackError::Token {
            credential: Credential::Bot,
            code: "invalid_auth".into()
        }
    );

    let mut station = Station::start().await;
    station.workspace.auth_error(Some("token_revoked"));
    station.workspace.cut_sockets();
    let error = station.ended().await.unwrap_err();
    assert_eq!(
        error,
        SlackError::Token {
            credential: Credential::App,
            code: "token_revoked".into()
        }
    );
    assert!(error.is_fatal());
}

#[tokio::test]
async fn the_same_event_twice_has_the_same_key() {
    let mut station = Station::start().await;
    station.workspace.say("ann", "#general", "once").unwrap();
    let first = station.hear().await;
    station.workspace.redeliver(&first.event.id).unwrap();
    assert_eq!(station.hear().await.event, first.event);
    station.workspace.quiet(SOON).await.unwrap();
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_stop_in_a_burst_hears_all_that_it_acknowledged() {
    let mut station = Station::start().await;
    for number in 0..500 {
        station
            .workspace
            .say("ann", "#general", &format!("{number}"))
            .unwrap();
    }
    let first = station.hear().await;
    station.end().await.unwrap();
    station.workspace.connected(0, SOON).await.unwrap();
    let rest = station.hear_rest().await;
    let heard: BTreeSet<_> = rest
        .iter()
        .chain([&first])
        .map(|message| message.event.id.clone())
        .collect();
    let journal = station.workspace.journal(0);
    let acked: BTreeSet<_> = journal
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Acked { envelope, .. } => Some(envelope.clone()),
            _ => None,
        })
        .collect();
    let events: BTreeSet<_> = journal
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Sent(sent) if acked.contains(&sent.envelope) => sent.event_id.clone(),
            _ => None,
        })
        .collect();
    assert!(!events.is_empty());
    assert_eq!(
        events.difference(&heard).count(),
        0,
        "acknowledged but never heard"
    );
}

#[tokio::test]
async fn sockets_are_independent() {
    let mut station = Station::with(options(), |config| otus_slack::SlackConfig {
        sockets: 3,
        ..config
    })
    .await;
    station.slack.sockets().unwrap().reach(3).await;
    // One of them has to be opened anew, and cannot for a while; the others go on.
    station
        .workspace
        .fail_next("apps.connections.open", Fault::Status(503), 3);
    station.workspace.disconnect("too_many_websockets");
    station.workspace.say("ann", "#general", "still here").unwrap();
    assert_eq!(words(&station.hear().await), "still here");
    station
        .workspace
        .wait_for_entry(SOON, |what| {
            matches!(what, What::SocketOpened { socket: 6 }).then_some(())
        })
        .await
        .unwrap();
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_up_after_every_hello_makes_no_hot_loop() {
    let workspace = Workspace::start(options()).await.unwrap();
    workspace.fail_next_socket(SocketFault::FlapAfterHello("refresh_requested".into()), 1_000);
    let mut config = otus_slack::SlackConfig {
        sockets: 1,
        ..common::config(&workspace)
    };
    // The second try is immediate, the third after a second or half, the fourth after two or one.
    config.liveness.backoff = Duration::from_secs(1);
    config.liveness.backoff_limit = Duration::from_secs(60);
    let started = std::time::Instant::now();
    let mut station = Station::on(workspace, config).await;
    station.called("apps.connections.open", 4).await;
    assert!(
        started.elapsed() >= Duration::from_millis(1_500),
        "four connections came too soon"
    );
    station.end().await.unwrap();
}
