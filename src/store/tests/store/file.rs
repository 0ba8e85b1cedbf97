//! The file: made, refused, reopened, pruned.

use otus_core::{
    EventKey, Store as _,
    store::{ClaimStage, DeployFilter},
};
use otus_store::{OpenError, SqliteStore, StoreConfig};
use sqlx::{Connection as _, SqliteConnection};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("er").join("otus.sqlite");
    (folder, path)
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(&StoreConfig::at(path)).await.unwrap()
}

async fn refused(path: &Path) -> OpenError {
    SqliteStore::open(&StoreConfig::at(path))
        .await
        .map(drop)
        .unwrap_err()
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(path.to_str().unwrap()).await.unwrap()
}

#[tokio::test]
async fn it_is_made_with_its_folder_and_remembers() {
    let (_folder, path) = place();
    let store = open(&path).await;
    store.remember("r", "k", Some(1.into())).await.unwrap();
    let event = EventKey::new("E1");
    assert!(store.claim(&event).await.unwrap());
    store.advance(&event, ClaimStage::Done).await.unwrap();
    store.close().await.unwrap();
    let store = open(&path).await;
    assert_eq!(store.recall("r", "k").await.unwrap(), Some(1.into()));
    assert!(!store.claim(&event).await.unwrap());
}

#[tokio::test]
async fn what_a_dead_run_only_claimed_is_taken_over_and_the_rest_is_not() {
    let (_folder, path) = place();
    let store = open(&path).await;
    let [claimed, answering, done] = ["claimed", "answering", "done"].map(|id| EventKey {
        id: id.into(),
        also: Some(format!("{id}/2")),
    });
    for event in [&claimed, &answering, &done] {
        assert!(store.claim(event).await.unwrap());
    }
    store.advance(&answering, ClaimStage::Answering).await.unwrap();
    store.advance(&done, ClaimStage::Done).await.unwrap();
    store.close().await.unwrap();
    let store = open(&path).await;
    // A claim of another run is not this one's to move or give back.
    store.release(&answering).await.unwrap();
    store.advance(&claimed, ClaimStage::Done).await.unwrap();
    assert!(!store.claim(&answering).await.unwrap());
    assert!(!store.claim(&done).await.unwrap());
    assert!(
        store.claim(&EventKey::new("claimed/2")).await.unwrap(),
        "by its second name"
    );
    assert!(!store.claim(&claimed).await.unwrap(), "now somebody alive has it");
}

#[tokio::test]
async fn one_process_has_the_file() {
    let (folder, path) = place();
    let store = open(&path).await;
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    #[cfg(unix)]
    {
        let link = folder.path().join("link.sqlite");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(
            matches!(refused(&link).await, OpenError::InUse { .. }),
            "by another name"
        );
    }
    store.close().await.unwrap();
    open(&path).await;
}

#[tokio::test]
async fn a_closed_one_says_so() {
    let (_folder, path) = place();
    let store = open(&path).await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert!(store.claim(&EventKey::new("E1")).await.is_err());
    assert!(
        store
            .remember("r", "k", None)
            .await
            .unwrap_err()
            .to_string()
            .contains("closed")
    );
    assert!(store.recall("r", "k").await.is_err());
    assert!(store.check().await.is_err());
}

#[tokio::test]
async fn a_newer_schema_is_refused_untouched() {
    let (_folder, path) = place();
    open(&path).await.close().await.unwrap();
    let mut connection = raw(&path).await;
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'later', true, x'00', 0)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = refused(&path).await;
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 99,
                known: 6,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_is_no_database_is_refused_untouched() {
    let (_folder, path) = place();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = "this is somebody's diary, not a database\n".repeat(200);
    std::fs::write(&path, &text).unwrap();
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("Nothing was changed"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_file_is_refused_untouched() {
    let (_folder, path) = place();
    let store = open(&path).await;
    for index in 0..2_000 {
        store
            .claim(&EventKey::new(format!("{index:0>100}")))
            .await
            .unwrap();
    }
    store.close().await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() > 100_000);
    let cut = &whole[..whole.len() / 2];
    let mut scribbled = whole.clone();
    scribbled[50_000..90_000].fill(0x55);
    for damaged in [cut, &scribbled] {
        std::fs::write(&path, damaged).unwrap();
        let error = refused(&path).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged);
    }
}

#[tokio::test]
async fn another_programs_database_is_refused_untouched() {
    let (_folder, path) = place();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display()))
        .await
        .unwrap();
    sqlx::query("CREATE TABLE bookmarks (url TEXT)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(refused(&path).await, OpenError::Foreign { .. }));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn an_impossible_place_is_told() {
    let (folder, _) = place();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.join("otus.sqlite"), folder.path().to_owned()] {
        let error = refused(&path).await;
        assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
        assert!(error.to_string().contains("Check store.path"));
    }
    open(&file).await; // An empty file is as good as none.
}

#[tokio::test]
async fn old_claims_are_forgotten_and_young_ones_kept() {
    let (_folder, path) = place();
    let store = open(&path).await;
    for index in 0..1_300 {
        assert!(store.claim(&EventKey::new(format!("old{index}"))).await.unwrap());
    }
    let mut connection = raw(&path).await;
    let aged = sqlx::query("UPDATE claims SET at = at - 86400001")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(aged.rows_affected(), 1_300);
    assert!(store.claim(&EventKey::new("young")).await.unwrap());
    assert_eq!(store.prune().await.unwrap(), 1_300);
    assert_eq!(store.prune().await.unwrap(), 0);
    assert!(!store.claim(&EventKey::new("young")).await.unwrap());
    assert!(store.claim(&EventKey::new("old7")).await.unwrap());
}

/// What an earlier version wrote, with two running deploys that its rule allowed, and a value.
#[tokio::test]
async fn a_file_of_an_earlier_version_is_brought_up_to_date() {
    use sqlx::{
        SqlSafeStr as _,
        migrate::{Migration, MigrationType, Migrator},
    };
    let (_folder, path) = place();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display()))
        .await
        .unwrap();
    let first = include_str!("../../migrations/sqlite/0001_claims_deploys_values.sql").into_sql_str();
    let first = Migration::new(
        1,
        "claims, deploys, memories".into(),
        MigrationType::Simple,
        first,
        false,
    );
    Migrator::with_migrations(vec![first])
        .run(&mut connection)
        .await
        .unwrap();
    for id in ["a", "b"] {
        sqlx::query(
            "INSERT INTO deploys (id, service, environment, version, image, by, began, state, details) \
             VALUES ($1, $1, 'production', 'v1', 'i', 'U1', 1, 'running', '{}')",
        )
        .bind(id)
        .execute(&mut connection)
        .await
        .unwrap();
    }
    sqlx::query("INSERT INTO memories (responder, key, value) VALUES ('r', 'k', '[1]')")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();

    let store = open(&path).await;
    let deploys = store.deploys(&DeployFilter::default()).await.unwrap();
    let found: Vec<_> = deploys
        .iter()
        .map(|deploy| (deploy.id.as_str(), deploy.generation))
        .collect();
    assert_eq!(found, [("b", 0), ("a", 0)]);
    assert_eq!(
        store.recall("r", "k").await.unwrap(),
        Some(serde_json::json!([1]))
    );
    let revision = store.entries("r").await.unwrap()[0].revision;
    assert!(store.swap("r", "k", revision, None, &[]).await.unwrap());
    assert_eq!(store.audit_tip().await.unwrap().number, 0);
    store.close().await.unwrap();
}
