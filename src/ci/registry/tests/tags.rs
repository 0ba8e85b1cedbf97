//! How lists of tags go on, and end.

use super::{fake::Pages, *};
use crate::registry::Tags;

async fn tags(pages: Pages, count: usize, at_most: usize) -> (Fake, Result<Tags>) {
    let fake = Fake::start().await;
    fake.world().pages = pages;
    fake.world().tags = (0..count).map(|at| format!("v{at:04}")).collect();
    let client = Client::of(&fake, robot());
    let tags = client.registry.tags(&client.repository, at_most).await;
    (fake, tags)
}

#[tokio::test]
async fn pages_are_turned_by_their_links() {
    for count in [0, 1, 2, 3, 7] {
        let (_fake, tags) = tags(Pages::Linked, count, 100).await;
        let tags = tags.unwrap();
        assert!(tags.complete && tags.names.len() == count, "{tags:?}");
        assert!(tags.names.is_sorted());
    }
}

#[tokio::test]
async fn a_full_page_without_a_link_is_asked_to_go_on() {
    let (fake, tags) = tags(Pages::Unlinked, 2500, 5000).await;
    let tags = tags.unwrap();
    assert!(tags.complete && tags.names.len() == 2500, "{}", tags.names.len());
    assert_eq!(
        fake.journal()
            .iter()
            .filter(|request| *request == "GET tags/list")
            .count(),
        3
    );
}

#[tokio::test]
async fn enough_is_enough() {
    let (fake, tags) = tags(Pages::Linked, 50, 3).await;
    let tags = tags.unwrap();
    assert_eq!(tags.names, ["v0000", "v0001", "v0002"]);
    assert!(!tags.complete);
    assert_eq!(
        fake.journal()
            .iter()
            .filter(|request| *request == "GET tags/list")
            .count(),
        2
    );
}

#[tokio::test]
async fn exactly_enough_is_all() {
    let (_fake, tags) = tags(Pages::Linked, 4, 4).await;
    assert!(tags.is_ok_and(|tags| tags.complete && tags.names.len() == 4));
}

#[tokio::test]
async fn the_same_page_for_ever_is_an_end() {
    let (fake, tags) = tags(Pages::Stuck, 5, 100).await;
    let names = ["v0000", "v0001"].map(str::to_owned).to_vec();
    assert_eq!(
        tags.unwrap(),
        Tags {
            names,
            complete: false
        }
    );
    assert_eq!(
        fake.journal()
            .iter()
            .filter(|request| *request == "GET tags/list")
            .count(),
        2
    );
}

#[tokio::test]
async fn our_token_is_not_taken_elsewhere() {
    let (_fake, tags) = tags(Pages::Elsewhere, 5, 100).await;
    assert!(
        matches!(&tags, Err(Error::NotARegistry { why, .. }) if why.contains("another registry")),
        "{tags:?}"
    );
}

#[tokio::test]
async fn a_missing_repository_has_no_tags() {
    let fake = Fake::start().await;
    fake.world()
        .faults
        .push(("GET tags", Fault::Status(404, None), 1));
    let client = Client::of(&fake, robot());
    assert!(matches!(
        client.registry.tags(&client.repository, 5).await,
        Err(Error::NotFound { .. })
    ));
    fake.world().faults.push((
        "GET tags",
        Fault::Body("application/json", r#"{"tags": null}"#),
        1,
    ));
    assert!(
        client
            .registry
            .tags(&client.repository, 5)
            .await
            .is_ok_and(|tags| tags.names.is_empty())
    );
    fake.world()
        .faults
        .push(("GET tags", Fault::Body("application/json", "[]"), 1));
    assert!(matches!(
        client.registry.tags(&client.repository, 5).await,
        Err(Error::NotARegistry { .. })
    ));
}
