//! Deploys.

use super::AnyStore;
use crate::samples::{at, deploy, full};
use otus_core::store::{Deploy, DeployFilter, DeployState};

pub(crate) async fn a_deploy_comes_back_as_it_was(store: AnyStore) {
    let first = full("D1", 1_700_000_000);
    assert!(store.record_deploy(&first).await.unwrap());
    let plain = deploy("D2", "web", "production", 1_600_000_000);
    assert!(store.record_deploy(&plain).await.unwrap());
    assert_eq!(
        store.deploys(&DeployFilter::default()).await.unwrap(),
        [first, plain]
    );
}

pub(crate) async fn a_deploy_is_written_over_unless_a_higher_generation_was_there(store: AnyStore) {
    let first = deploy("D1", "api", "production", 1_700_000_000);
    let taken_up = Deploy {
        generation: 3,
        note: Some("taken up".into()),
        ..full("D1", 1_700_000_000)
    };
    let late = Deploy {
        generation: 2,
        state: DeployState::Failed,
        ..first.clone()
    };
    let ended = Deploy {
        state: DeployState::Succeeded,
        ended: Some(at(1_700_000_050)),
        ..taken_up.clone()
    };
    for (write, written, then) in [
        (&first, true, &first),
        (&taken_up, true, &taken_up),
        (&late, false, &taken_up),
        (&ended, true, &ended),
        (&late, false, &ended),
    ] {
        assert_eq!(store.record_deploy(write).await.unwrap(), written);
        assert_eq!(
            store.deploys(&DeployFilter::default()).await.unwrap(),
            std::slice::from_ref(then)
        );
    }
}

pub(crate) async fn deploys_are_found(store: AnyStore) {
    let states = [
        DeployState::Succeeded,
        DeployState::Failed,
        DeployState::Superseded,
        DeployState::Stopped,
    ];
    for index in 0..12i64 {
        let service = if index % 2 == 0 { "api" } else { "web" };
        let environment = if index % 3 == 0 { "staging" } else { "production" };
        let mut deploy = deploy(
            &format!("D{index:02}"),
            service,
            environment,
            1_700_000_000 + index / 2,
        );
        if index < 10 {
            deploy.state = states[usize::try_from(index).unwrap() % 4];
            deploy.ended = Some(deploy.began);
        }
        assert!(store.record_deploy(&deploy).await.unwrap());
    }
    let ids = async |filter: DeployFilter| {
        let found = store.deploys(&filter).await.unwrap();
        let ids: Vec<_> = found.iter().map(|deploy| deploy.id.clone()).collect();
        ids.join(" ")
    };
    let all = DeployFilter::default;
    let since = Some(at(1_700_000_004));
    for (filter, found) in [
        (all(), "D11 D10 D09 D08 D07 D06 D05 D04 D03 D02 D01 D00"),
        (DeployFilter { limit: 2, ..all() }, "D11 D10"),
        (
            DeployFilter {
                service: Some("api".into()),
                ..all()
            },
            "D10 D08 D06 D04 D02 D00",
        ),
        (
            DeployFilter {
                environment: Some("staging".into()),
                ..all()
            },
            "D09 D06 D03 D00",
        ),
        (
            DeployFilter {
                state: Some(DeployState::Running),
                ..all()
            },
            "D11 D10",
        ),
        (
            DeployFilter {
                state: Some(DeployState::Failed),
                ..all()
            },
            "D09 D05 D01",
        ),
        (DeployFilter { since, ..all() }, "D11 D10 D09 D08"),
        (
            DeployFilter {
                before: since,
                limit: 3,
                ..all()
            },
            "D07 D06 D05",
        ),
        (
            DeployFilter {
                service: Some("web".into()),
                environment: Some("production".into()),
                since,
                ..all()
            },
            "D11",
        ),
        (
            DeployFilter {
                service: Some("nobody".into()),
                ..all()
            },
            "",
        ),
    ] {
        assert_eq!(ids(filter.clone()).await, found, "{filter:?}");
    }
    for index in 0..101 {
        let id = format!("X{index:03}");
        store
            .record_deploy(&deploy(&id, &id, "production", 1))
            .await
            .unwrap();
    }
    assert_eq!(store.deploys(&all()).await.unwrap().len(), 100, "0 means 100");
}
