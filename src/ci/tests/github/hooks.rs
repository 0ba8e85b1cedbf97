//! Webhooks: what arrives, what does not, and asking for it again.

use super::Place;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use otus_ci::{
    github::{DeploymentState, DeploymentUpdate, Error, Hook, NewDeployment},
    hooks::{self, CiEvent, HookConfig, Scheme},
};
use otus_emulators::github::{Conclusion, Merge, StatusState, Verdict, sign};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// Event, id and payload of what arrived with a good signature.
type Got = Arc<Mutex<Vec<(String, String, Value)>>>;

/// A program that takes webhooks, and answers with a status that can be changed.
struct Receiver {
    url: String,
    got: Got,
    answer: Arc<Mutex<StatusCode>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(
    State((got, answer)): State<(Got, Arc<Mutex<StatusCode>>)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("x-hub-signature-256"), sign("secret", &body));
    let payload = serde_json::from_slice(&body).unwrap();
    got.lock()
        .unwrap()
        .push((text("x-github-event"), text("x-github-delivery"), payload));
    *answer.lock().unwrap()
}

impl Receiver {
    async fn start() -> Self {
        let (got, answer) = (Got::default(), Arc::new(Mutex::new(StatusCode::ACCEPTED)));
        let router = Router::new()
            .fallback(take)
            .with_state((Arc::clone(&got), Arc::clone(&answer)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            got,
            answer,
            server,
        }
    }

    /// `event` or `event.action` of all that came, in order.
    fn events(&self) -> Vec<String> {
        let name = |(event, _, payload): &(String, String, Value)| match payload["action"].as_str() {
            Some(action) => format!("{event}.{action}"),
            None => event.clone(),
        };
        self.got.lock().unwrap().iter().map(name).collect()
    }
}

#[tokio::test]
async fn each_thing_that_happens_sends_its_events() {
    let (place, receiver) = (Place::new().await, Receiver::start().await);
    place.api.hook(&receiver.url, "secret", &[]).unwrap();
    let sha = place.api.commit("feature", "A change").unwrap();
    let number = place.api.open_pull("A change", "ann", "feature", "main").unwrap();
    place.api.status(&sha, "lint", StatusState::Success).unwrap();
    place.api.check(&sha, "build", Conclusion::Success).unwrap();
    place.api.commit("feature", "Another").unwrap();
    place.api.review(number, "bob", Verdict::Approved).unwrap();
    place.api.merge(number, "bob", Merge::Squash).unwrap();
    place.api.delete_branch("feature").unwrap();
    place.github.settled().await;
    let wanted = [
        "push",
        "pull_request.opened",
        "status",
        "workflow_run.requested",
        "check_run.created",
        "check_run.completed",
        "check_suite.completed",
        "workflow_run.completed",
        "push",
        "pull_request.synchronize",
        "pull_request_review.submitted",
        "pull_request.closed",
        "push",
        "push",
    ];
    assert_eq!(receiver.events(), wanted);
    let got = receiver.got.lock().unwrap();
    assert_eq!(
        (&got[0].2["created"], &got[0].2["after"]),
        (&true.into(), &sha.as_str().into())
    );
    assert_eq!(got[7].2["workflow_run"]["conclusion"], "success");
    assert_eq!(got[10].2["review"]["state"], "approved");
    assert_eq!(
        (&got[11].2["pull_request"]["merged"], &got[13].2["deleted"]),
        (&true.into(), &true.into())
    );
}

/// What a delivery says, in a word for each event; or why it is of no use.
fn read(sent: &otus_emulators::github::Delivered) -> Vec<String> {
    let secret = "a secret of sixteen bytes or more";
    let config = HookConfig {
        scheme: Scheme::Github,
        secrets: vec![secret.into()],
    };
    let body = sent.payload.to_string().into_bytes();
    let signature = sign(secret, &body);
    let headers = hooks::Headers::from_iter([
        ("X-GitHub-Event", sent.event.as_bytes()),
        ("X-GitHub-Delivery", sent.guid.as_bytes()),
        ("X-Hub-Signature-256", signature.as_bytes()),
    ]);
    let request = hooks::Request {
        headers: &headers,
        body: &body,
        now: jiff::Timestamp::now(),
    };
    let delivery = match hooks::Hook::new("github", &config).unwrap().read(&request) {
        Ok(delivery) => delivery,
        Err(refusal) => panic!("{}: {refusal}", sent.event),
    };
    assert_eq!(delivery.id, format!("github:{}", sent.guid));
    let word = |event: &CiEvent| match event {
        CiEvent::Pushed(pushed) => format!("{} at {:?}", pushed.branch, pushed.after.is_some()),
        CiEvent::Checked(checked) => format!("{} {:?} {:?}", checked.name, checked.kind, checked.state),
        CiEvent::PullChanged(pull) => format!("#{} {:?}", pull.number, pull.action),
        CiEvent::Reviewed(review) => format!("#{} {:?}", review.number, review.state),
        CiEvent::Deployed(deployed) => format!("{} {:?}", deployed.environment, deployed.state),
        other => panic!("{other:?}"),
    };
    delivery.events.iter().map(word).collect()
}

#[tokio::test]
async fn every_kind_of_event_that_is_sent_can_be_read() {
    let place = Place::new().await;
    place.api.hook("http://127.0.0.1:1/", "", &[]).unwrap();
    let sha = place.api.commit("feature", "A change").unwrap();
    let number = place.api.open_pull("A change", "ann", "feature", "main").unwrap();
    place.api.set_draft(number, true).unwrap();
    place.api.set_draft(number, false).unwrap();
    place.api.status(&sha, "lint", StatusState::Pending).unwrap();
    place.api.check(&sha, "build", Conclusion::Failure).unwrap();
    place.api.commit("feature", "Another").unwrap();
    place.api.review(number, "bob", Verdict::Approved).unwrap();
    place.api.merge(number, "bob", Merge::Squash).unwrap();
    place.api.delete_branch("feature").unwrap();
    let new = NewDeployment {
        reference: "main".into(),
        environment: "production".into(),
        description: String::new(),
        production_environment: true,
        transient_environment: false,
        payload: [].into(),
    };
    let deployment = place.client.create_deployment(&place.repo, &new).await.unwrap();
    let update = DeploymentUpdate {
        state: DeploymentState::Success,
        description: String::new(),
        log_url: None,
        environment_url: None,
        auto_inactive: true,
    };
    place
        .client
        .update_deployment(&place.repo, deployment.id, &update)
        .await
        .unwrap();
    place.github.settled().await;
    let sent = place.github.deliveries();
    let words: Vec<_> = sent.iter().flat_map(read).collect();
    for (word, why) in [
        ("feature at true", "pushed"),
        ("feature at false", "deleted"),
        ("main at true", "merged"),
        ("#1 Opened", "opened"),
        ("#1 ConvertedToDraft", "a draft"),
        ("#1 ReadyForReview", "no draft"),
        ("#1 Synchronized", "pushed again"),
        ("#1 Closed", "merged"),
        ("#1 Approved", "reviewed"),
        ("lint Job Pending", "a status"),
        ("build Job Failure", "a check run"),
        ("production Success", "deployed"),
    ] {
        assert!(words.iter().any(|had| had == word), "{why}: {words:#?}");
    }
    let suites = words.iter().filter(|word| word.contains("Suite")).count();
    let workflows = words.iter().filter(|word| word.contains("Workflow")).count();
    assert!(suites > 0 && workflows > 0, "{words:#?}");
}

#[tokio::test]
async fn what_failed_is_listed_and_comes_again_under_the_same_id() {
    let (place, receiver) = (Place::new().await, Receiver::start().await);
    let id = place.api.hook(&receiver.url, "secret", &["push"]).unwrap();
    let hook = Hook::Repository(place.repo.clone(), id);
    *receiver.answer.lock().unwrap() = StatusCode::BAD_GATEWAY;
    place.api.commit("main", "Refused").unwrap();
    place.github.settled().await;
    *receiver.answer.lock().unwrap() = StatusCode::ACCEPTED;
    place.github.lose_webhooks(1);
    place.api.commit("main", "Lost").unwrap();
    place.github.repeat_webhooks(1);
    place.api.commit("main", "Twice").unwrap();
    place.github.settled().await;
    assert_eq!(receiver.events().len(), 3, "refused, and twice");

    let since = jiff::Timestamp::UNIX_EPOCH;
    let all = place.client.deliveries(&hook, since, 10).await.unwrap();
    assert_eq!(
        all.iter()
            .map(|delivery| delivery.status_code)
            .collect::<Vec<_>>(),
        [202, 202, 0, 502]
    );
    assert_eq!(all[0].guid, all[1].guid);
    for failed in all.iter().filter(|delivery| !delivery.arrived()) {
        place.client.redeliver(&hook, failed.id).await.unwrap();
    }
    place.github.settled().await;
    let again = place.client.deliveries(&hook, since, 2).await.unwrap();
    assert!(
        again
            .iter()
            .all(|delivery| delivery.arrived() && delivery.redelivery),
        "{again:?}"
    );
    let guids = |of: &[otus_ci::github::Delivery]| {
        let mut guids: Vec<_> = of.iter().map(|delivery| delivery.guid.clone()).collect();
        guids.sort();
        guids
    };
    assert_eq!(guids(&again), guids(&all[2..]));
    let future = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert!(
        place
            .client
            .deliveries(&hook, future, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(matches!(
        place.client.redeliver(&hook, 1).await,
        Err(Error::NotFound { .. })
    ));
}

#[tokio::test]
async fn deliveries_come_in_pages_by_cursor() {
    let place = Place::new().await;
    let id = place.api.hook("http://127.0.0.1:1/", "", &["push"]).unwrap();
    place.github.lose_webhooks(u32::MAX);
    for _ in 0..250 {
        place.api.commit("main", "A change").unwrap();
    }
    place.github.settled().await;
    let hook = Hook::Repository(place.repo.clone(), id);
    let all = place
        .client
        .deliveries(&hook, jiff::Timestamp::UNIX_EPOCH, 1_000)
        .await
        .unwrap();
    let ids: std::collections::BTreeSet<_> = all.iter().map(|delivery| delivery.id).collect();
    assert_eq!((all.len(), ids.len()), (250, 250));
    assert_eq!(place.statuses("deliveries"), [200, 200, 200]);
}

#[tokio::test]
async fn kept_back_webhooks_come_in_another_order() {
    let (place, receiver) = (Place::new().await, Receiver::start().await);
    place.api.hook(&receiver.url, "secret", &["push"]).unwrap();
    place.github.hold_webhooks(true);
    let first = place.api.commit("main", "First").unwrap();
    let second = place.api.commit("main", "Second").unwrap();
    place.github.reverse_held_webhooks();
    place.github.hold_webhooks(false);
    place.github.settled().await;
    let got = receiver.got.lock().unwrap();
    let after: Vec<_> = got
        .iter()
        .map(|(_, _, payload)| payload["after"].as_str().unwrap())
        .collect();
    assert_eq!(after, [second, first]);
}
