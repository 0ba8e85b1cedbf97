//! Deployments.

use super::Place;
use otus_ci::github::{DeploymentState, DeploymentUpdate, Error, NewDeployment};
use otus_emulators::github::{Fault, StatusState};

fn deploy(sha: &str) -> NewDeployment {
    NewDeployment {
        reference: sha.into(),
        environment: "production".into(),
        description: "Ann deploys api. ".repeat(20),
        production_environment: true,
        transient_environment: false,
        payload: [("deploy_id".to_owned(), "42".to_owned())].into(),
    }
}

#[tokio::test]
async fn a_deployment_is_made_told_and_found_again() {
    let place = Place::new().await;
    let old = place.api.commit("main", "Before").unwrap();
    place.api.commit("main", "After").unwrap();
    // Behind main and red: GitHub's defaults would make no deployment of it.
    place.api.status(&old, "ci", StatusState::Failure).unwrap();
    let made = place
        .client
        .create_deployment(&place.repo, &deploy(&old))
        .await
        .unwrap();
    assert_eq!(
        (made.sha.as_str(), made.environment.as_str()),
        (old.as_str(), "production")
    );
    let hook = place
        .api
        .hook("http://127.0.0.1:1/", "", &["deployment_status"])
        .unwrap();
    for state in [
        DeploymentState::Queued,
        DeploymentState::InProgress,
        DeploymentState::Success,
    ] {
        let update = DeploymentUpdate {
            state,
            description: "ü".repeat(200),
            log_url: Some("https://chat.example.com/p1".into()),
            environment_url: None,
            auto_inactive: true,
        };
        place
            .client
            .update_deployment(&place.repo, made.id, &update)
            .await
            .unwrap();
    }
    place.github.settled().await;
    let states: Vec<_> = place
        .github
        .deliveries()
        .iter()
        .map(|sent| sent.payload["deployment_status"].clone())
        .collect();
    assert_eq!(states.len(), 3, "hook {hook}");
    assert_eq!(states[1]["state"], "in_progress");
    assert_eq!(states[2]["log_url"], "https://chat.example.com/p1");
    assert_eq!(states[2]["description"].as_str().unwrap().chars().count(), 140);
    let found = place
        .client
        .deployments(&place.repo, &old, "production")
        .await
        .unwrap();
    assert_eq!(found, [made]);
    assert_eq!(found[0].payload["deploy_id"], "42");
    assert!(
        place
            .client
            .deployments(&place.repo, &old, "staging")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn it_is_sent_once() {
    let place = Place::new().await;
    let sha = place.api.sha("main").unwrap();
    place.github.fault("POST", Fault::LoseAnswer, 1);
    let error = place
        .client
        .create_deployment(&place.repo, &deploy(&sha))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(
        place
            .client
            .deployments(&place.repo, &sha, "production")
            .await
            .unwrap()
            .len(),
        1
    );
    place.github.fault("POST", Fault::Status(502), 1);
    assert!(
        place
            .client
            .create_deployment(&place.repo, &deploy(&sha))
            .await
            .is_err()
    );
    assert_eq!(place.statuses("POST"), [0, 502]);
}

#[tokio::test]
async fn what_github_refuses_is_told_in_its_words() {
    let place = Place::new().await;
    let error = place
        .client
        .create_deployment(&place.repo, &deploy("nowhere"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { status: 422, .. }), "{error}");
    assert!(error.to_string().contains("No ref found for: nowhere"), "{error}");
    place.github.fault("POST", Fault::Status(409), 1);
    let error = place
        .client
        .create_deployment(&place.repo, &deploy("main"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { status: 409, .. }), "{error}");
    place.github.fault("POST", Fault::Status(202), 1);
    let error = place
        .client
        .create_deployment(&place.repo, &deploy("main"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no deployment"), "{error}");
}
