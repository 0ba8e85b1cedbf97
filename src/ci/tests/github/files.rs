//! Files of a folder at a commit, and who changed one last.

use super::Place;
use otus_ci::github::Error;

fn sql(name: &str) -> bool {
    name.ends_with(".sql")
}

#[tokio::test]
async fn a_folder_is_read_as_it_was_at_a_commit() {
    let place = Place::new().await;
    let long = "-- ä\n".repeat(100);
    let first = place
        .api
        .commit_files(
            "main",
            "bob",
            "Users",
            &[
                ("db/1_users.sql", Some("CREATE TABLE users ();")),
                ("db/more/2_long.sql", Some(&long)),
                ("db/.hidden/3.sql", Some("")),
                ("db/README.md", Some("no SQL")),
                ("other/9.sql", Some("")),
            ],
        )
        .unwrap();
    let second = place
        .api
        .commit_files(
            "main",
            "ann",
            "Changed",
            &[
                ("db/1_users.sql", Some("-- changed")),
                ("db/more/2_long.sql", None),
            ],
        )
        .unwrap();
    let files = |sha: String| {
        let (client, repo) = (place.client.clone(), place.repo.clone());
        async move {
            let files = client.files(&repo, &sha, "/db/", sql).await.unwrap();
            let texts = files
                .into_iter()
                .map(|file| (file.path, String::from_utf8(file.bytes).unwrap()));
            texts.collect::<Vec<_>>()
        }
    };
    let expected = [
        ("1_users.sql".to_owned(), "CREATE TABLE users ();".to_owned()),
        ("more/2_long.sql".to_owned(), long),
    ];
    assert_eq!(files(first.clone()).await, expected);
    assert_eq!(
        files(second.clone()).await,
        [("1_users.sql".to_owned(), "-- changed".to_owned())]
    );
    let last = |sha: String| {
        let (client, repo) = (place.client.clone(), place.repo.clone());
        async move { client.last_change(&repo, &sha, "db/1_users.sql").await.unwrap() }
    };
    assert_eq!(last(second.clone()).await.unwrap().sha, second);
    assert_eq!(last(first.clone()).await.unwrap().author, "bob");
    let nobody = place
        .client
        .last_change(&place.repo, &second, "db/never.sql")
        .await
        .unwrap();
    assert_eq!(nobody, None);
}

#[tokio::test]
async fn what_is_no_folder_is_told() {
    let place = Place::new().await;
    let sha = place
        .api
        .commit_files("main", "ann", "One", &[("db/1.sql", Some(""))])
        .unwrap();
    let missing = place.client.files(&place.repo, &sha, "migrations", sql).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    let file = place.client.files(&place.repo, &sha, "db/1.sql", sql).await;
    assert!(matches!(file, Err(Error::Odd { .. })), "{file:?}");
}
