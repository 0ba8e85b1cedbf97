//! Migrations that are in the release's image.

use super::scene::{Scene, quick};
use otus::prelude::*;
use otus_ci::registry::{Images, Registry, RegistryConfig};
use otus_emulators::registry::Registry as Emulated;
use otus_migrations::database::Databases;
use otus_responder_migrations::Migrations;
use std::{collections::BTreeMap, sync::Arc};

/// A robot that finds the migrations of `api` in its images.
fn room(scene: &Scene, emulated: &Emulated) -> Room {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let host = emulated.host();
    let config = RegistryConfig {
        plain_http: true,
        ..RegistryConfig::default()
    };
    let images = Registry::new(&BTreeMap::from([(host.clone(), config)])).unwrap();
    let catalog = format!(
        "[environments.production]\n[services.api]\nimage = \"{host}/team/api\"\nversions = [\"v1\", \"v2\"]\n\
         [services.api.migrations]\nin_image = \"/app/migrations\"\ndatabases = {{ production = \"shop\" }}\n"
    );
    Room::builder()
        .catalog(&catalog)
        .resource(Databases::new(BTreeMap::from([(
            "shop".to_owned(),
            scene.database.clone(),
        )])))
        .resource(Arc::new(images) as Arc<dyn Images>)
        .role("deployer", &["ann"])
        .responder(Migrations::new(quick()))
        .open()
}

const USERS: (&str, &str) = (
    "/app/migrations/0001_users.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY);",
);

#[tokio::test]
async fn they_are_read_out_of_the_image_that_is_meant() {
    let scene = Scene::new().await;
    let emulated = Emulated::start().await.unwrap();
    emulated.push_files("team/api", "v1", &[], &[USERS]).unwrap();
    let second = emulated.push_files(
        "team/api",
        "v2",
        &[],
        &[
            USERS,
            (
                "/app/migrations/0002_name.sql",
                "ALTER TABLE users ADD COLUMN name text;",
            ),
            ("/app/bin/0003_no.sql", "DROP TABLE users;"),
        ],
    );
    let digest = second.unwrap().split("@sha256:").nth(1).unwrap()[..12].to_owned();
    let mut room = room(&scene, &emulated);
    room.say("ann", "@otus migrations pending api").await;
    let pending = room.answer().await.plain();
    assert!(
        pending.contains("waits for 2 migrations") && !pending.contains("0003"),
        "{pending}"
    );
    assert!(
        pending.contains(&format!("`/app/migrations in api@{digest}`")),
        "{pending}"
    );
    room.say("ann", "@otus migrate api in production at v1").await;
    room.expect_shown(|post| post.plain().contains("is migrated"))
        .await;
    assert_eq!(scene.ask("SELECT count(*) FROM _sqlx_migrations").await, "1");
    room.say("ann", "@otus migrate api in production").await;
    room.expect_shown(|post| post.plain().contains("0002_name.sql") && post.plain().contains("is migrated"))
        .await;
    assert_eq!(scene.ask("SELECT count(*) FROM _sqlx_migrations").await, "2");
    while room.chat().take_unexpected().is_some() {}
}

#[tokio::test]
async fn an_image_without_them_says_so() {
    let scene = Scene::new().await;
    let emulated = Emulated::start().await.unwrap();
    emulated.push("team/api", "v2", &[]);
    let mut room = room(&scene, &emulated);
    room.say("ann", "@otus migrate api").await;
    let told = room.answer().await.plain();
    assert!(
        told.starts_with("The migrations in `/app/migrations in api@")
            && told.contains("there is no such folder in the image"),
        "{told}"
    );
    room.say("ann", "@otus migrate api at v9").await;
    let told = room.answer().await.plain();
    assert!(
        told.contains("Which version of `api` that is cannot be found out") && told.contains("v9"),
        "{told}"
    );
}
