//! Where a word stands in a repository's code.

use super::Place;
use otus_ci::github::Error;

#[tokio::test]
async fn a_word_is_found_where_it_stands() {
    let place = Place::new().await;
    let commit = |files: &[(&str, Option<&str>)]| {
        place.api.commit_files("main", "bob", "More", files).unwrap();
    };
    commit(&[
        ("src/search.js", Some("if (flags.get('new-search')) {}")),
        ("src/old.js", Some("newsearch")),
        ("docs/flags.md", Some("`new-search` is for staff")),
    ]);
    let found = place.client.mentions(&place.repo, "new-search").await.unwrap();
    let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["docs/flags.md", "src/search.js"]);
    assert_eq!((found.total, found.whole), (2, true));
    assert!(found.files[0].url.ends_with("/docs/flags.md"), "{found:?}");

    commit(&[("src/search.js", None), ("docs/flags.md", Some("nothing"))]);
    let found = place.client.mentions(&place.repo, "new-search").await.unwrap();
    assert_eq!((found.files.len(), found.total), (0, 0));
    let elsewhere = "acme/none".parse().unwrap();
    let error = place.client.mentions(&elsewhere, "new-search").await.unwrap_err();
    assert!(
        matches!(error, Error::NotFound { .. } | Error::Refused { .. }),
        "{error:?}"
    );
}
