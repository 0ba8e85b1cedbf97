use super::*;
use proptest::prelude::*;

const MINUTE: i64 = 60;
const REOPEN: SignedDuration = SignedDuration::from_mins(30);

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

/// A notification: for each alert its name, when it began, and when it ended.
pub(crate) fn told(alerts: &[(&str, i64, Option<i64>)]) -> Notification {
    let one = |(name, starts, ends): &(&str, i64, Option<i64>)| {
        serde_json::json!({
            "status": if ends.is_some() { "resolved" } else { "firing" },
            "labels": { "alertname": "Slow", "instance": name },
            "startsAt": at(*starts).to_string(),
            "endsAt": ends.map_or("0001-01-01T00:00:00Z".to_owned(), |ends| at(ends).to_string()),
            "fingerprint": name,
        })
    };
    let firing = alerts.iter().any(|(.., ends)| ends.is_none());
    let body = serde_json::json!({
        "receiver": "bot",
        "status": if firing { "firing" } else { "resolved" },
        "alerts": alerts.iter().map(one).collect::<Vec<_>>(),
        "groupLabels": { "alertname": "Slow" },
        "groupKey": "{}:{alertname=\"Slow\"}",
    });
    Notification::read(body.to_string().as_bytes()).unwrap()
}

fn firing(group: &Group) -> Vec<&str> {
    group
        .firing()
        .map(|(fingerprint, _)| fingerprint.as_str())
        .collect()
}

#[test]
fn from_firing_to_resolved_and_twice_is_once() {
    assert!(
        Group::first("main", &told(&[("a", 0, Some(5))]), at(9)).is_none(),
        "nobody was told of it"
    );
    let mut group = Group::first("main", &told(&[("a", 0, None)]), at(2)).unwrap();
    assert_eq!((group.episode, group.began, group.resolved), (1, at(0), None));
    assert_eq!(group.fold(&told(&[("a", 0, None)]), at(3), REOPEN), Folded::Same);
    assert_eq!(
        group.fold(&told(&[("a", 0, None), ("b", 4, None)]), at(5), REOPEN),
        Folded::Changed
    );
    assert_eq!(firing(&group), ["a", "b"]);
    group.fold(&told(&[("a", 0, Some(60)), ("b", 4, None)]), at(61), REOPEN);
    assert_eq!((firing(&group), group.resolved), (vec!["b"], None));
    group.fold(&told(&[("b", 4, Some(90))]), at(91), REOPEN);
    assert_eq!(group.resolved, Some(at(90)));
    assert_eq!(
        group.fold(&told(&[("b", 4, Some(90))]), at(92), REOPEN),
        Folded::Same
    );
    // From the other member of a cluster, with a later end.
    assert_eq!(
        group.fold(&told(&[("b", 4, Some(95))]), at(96), REOPEN),
        Folded::Same
    );
    assert_eq!(group.log.len(), 1);
}

#[test]
fn what_comes_late_does_not_bring_back_what_ended() {
    let mut group = Group::first("main", &told(&[("a", 0, None)]), at(2)).unwrap();
    group.fold(&told(&[("a", 0, Some(60))]), at(60), REOPEN);
    group.fold(&told(&[("a", 0, None)]), at(61), REOPEN);
    assert!(!group.is_firing(), "sent before, came later");
    // Much later it is no straggler: Alertmanager lost sight of it, and Prometheus told it anew.
    group.fold(&told(&[("a", 0, None)]), at(60 + 5 * MINUTE), REOPEN);
    assert!(group.is_firing());
    // And an older firing says nothing of a newer one.
    group.fold(&told(&[("a", 400, None)]), at(402), REOPEN);
    group.fold(&told(&[("a", 0, Some(60))]), at(403), REOPEN);
    assert!(group.is_firing());
}

#[test]
fn what_is_left_out_ended_unless_it_was_heard_of_just_now() {
    let mut group = Group::first("main", &told(&[("a", 0, None)]), at(0)).unwrap();
    group.fold(&told(&[("b", 5, None)]), at(6), REOPEN);
    assert_eq!(firing(&group), ["a", "b"]);
    group.fold(&told(&[("b", 5, None)]), at(40), REOPEN);
    assert_eq!(firing(&group), ["b"]);
    let mut cut = told(&[("c", 50, None)]);
    cut.truncated_alerts = 3;
    group.fold(&cut, at(90), REOPEN);
    assert_eq!((firing(&group), group.truncated), (vec!["b", "c"], 3));
}

#[test]
fn what_returns_soon_goes_on_and_later_is_another_episode() {
    let mut group = Group::first("main", &told(&[("a", 0, None)]), at(0)).unwrap();
    group.acked = Some(Acked {
        by: "U1".into(),
        at: at(1),
    });
    group.fold(&told(&[("a", 0, Some(60))]), at(60), REOPEN);
    group.fold(&told(&[("a", 120, None)]), at(121), REOPEN);
    assert_eq!((group.episode, group.returned, group.began), (1, 1, at(0)));
    assert!(group.acked.is_some());
    group.fold(&told(&[("a", 120, Some(200))]), at(200), REOPEN);
    group.fold(
        &told(&[("a", 200 + 31 * MINUTE, None)]),
        at(200 + 31 * MINUTE),
        REOPEN,
    );
    assert_eq!((group.episode, group.returned), (2, 0));
    assert_eq!(group.began, at(200 + 31 * MINUTE));
    assert!(group.acked.is_none() && group.log.is_empty());
}

#[test]
fn a_flood_is_bounded() {
    let names: Vec<String> = (0..500).map(|number| format!("{number:03}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), 0, None)).collect();
    let group = Group::first("main", &told(&many), at(0)).unwrap();
    assert_eq!((group.alerts.len(), group.truncated), (MOST_ALERTS, 300));
}

#[test]
fn ids_tell_sources_and_receivers_apart() {
    let ids = [
        id("a", "b", "c"),
        id("a", "b", "d"),
        id("a", "x", "c"),
        id("x", "b", "c"),
        id("ab", "", "c"),
    ];
    let apart: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(apart.len(), ids.len());
    assert!(ids.iter().all(|id| id.len() == 32));
}

/// A history of one alert: firings that follow each other, each with a length.
fn history() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((1_i64..600, 1_i64..600), 1..5).prop_map(|steps| {
        let mut now = 0;
        let firing = |(pause, long): (i64, i64)| {
            let starts = now + pause;
            now = starts + long;
            (starts, now)
        };
        steps.into_iter().map(firing).collect()
    })
}

proptest! {
    /// Each notification comes once or more, from one sender or two, up to some seconds late: the end is what the last one says.
    #[test]
    fn however_it_comes_the_end_is_the_same(
        history in history(),
        late in prop::collection::vec((0_i64..5, 1_usize..4), 20),
        open: bool,
    ) {
        let mut sent: Vec<(i64, Notification)> = Vec::new();
        let mut lags = late.into_iter().cycle();
        for (nth, (starts, ends)) in history.iter().enumerate() {
            let stays = open && nth + 1 == history.len();
            for (when, ended) in [(*starts, None), (*ends, Some(*ends))] {
                if stays && ended.is_some() {
                    continue;
                }
                let (lag, times) = lags.next().unwrap();
                for copy in 0..times {
                    sent.push((when + lag + i64::try_from(copy).unwrap(), told(&[("a", *starts, ended)])));
                }
            }
        }
        sent.sort_by_key(|(when, _)| *when);
        let mut group: Option<Group> = None;
        for (when, notification) in &sent {
            match &mut group {
                None => group = Group::first("main", notification, at(*when)),
                Some(group) => { group.fold(notification, at(*when), REOPEN); }
            }
        }
        // One that ended before it was heard of is none at all.
        if let Some(group) = group {
            let last = history.last().unwrap();
            prop_assert_eq!(group.is_firing(), open, "{:?}", history);
            prop_assert_eq!(group.alerts["a"].starts, at(last.0));
            if !open {
                prop_assert_eq!(group.alerts["a"].ended, Some(at(last.1)));
            }
            prop_assert!(group.episode >= 1);
        } else {
            prop_assert!(!open);
        }
    }
}
