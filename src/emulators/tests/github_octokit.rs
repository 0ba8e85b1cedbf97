//! The GitHub emulator, as GitHub's own SDK sees it: a small reader on Octokit runs as a child process.

use otus_emulators::github::{Conclusion, GitHub, Merge, StatusState, Verdict, sign};
use std::{path::PathBuf, process::Stdio};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[tokio::test]
async fn octokit_reads_pages_compares_and_deploys() -> Result {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/octokit_js");
    assert!(
        folder.join("node_modules/@octokit/rest").exists(),
        "GitHub's SDK is not installed: run tests/clients/setup.sh once"
    );
    let github = GitHub::start().await?;
    let api = github.repository("acme/api")?;
    let base = api.sha("main")?;
    let fast = api.commit("feature/fast", "Be fast")?;
    let pull = api.open_pull("Be fast", "ann", "feature/fast", "main")?;
    api.review(pull, "bob", Verdict::Approved)?;
    let mut wanted = api.push("main", "bob", &["A change"; 120])?;
    wanted.push(api.merge(pull, "bob", Merge::Commit)?);
    let head = api.sha("main")?;
    api.status(&head, "lint", StatusState::Pending)?;
    for number in 0..70 {
        api.check(&head, &format!("test {number}"), Conclusion::Success)?;
    }
    api.require("main", &["lint"]);

    let output = tokio::process::Command::new("node")
        .arg(folder.join("reader.js"))
        .args([&base, &head, &pull.to_string()])
        .env("GITHUB_API_URL", github.url())
        .env("GITHUB_TOKEN", github.token())
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout)?;

    let commits = found["commits"].as_array().ok_or("no commits")?;
    assert_eq!(
        commits.len(),
        1 + 120 + 1 + 1,
        "the first, those pushed, the merge, and what it brought in"
    );
    assert_eq!(commits[0], *head);
    assert!(
        wanted
            .iter()
            .all(|sha| commits.iter().any(|commit| commit == sha))
    );
    assert_eq!(found["runs"], 70);
    assert_eq!(found["combined"], "pending");
    assert_eq!(found["compared"], serde_json::json!(["ahead", 122, 0, 122]));
    assert_eq!(found["branch"], *fast);
    assert_eq!(
        found["rules"],
        serde_json::json!(["required_status_checks", "deletion"])
    );
    assert_eq!(found["pull"], "Be fast");
    assert_eq!(found["reviews"], serde_json::json!(["APPROVED"]));
    assert_eq!(found["ofCommit"], serde_json::json!([pull]));
    assert_eq!(
        found["merging"],
        serde_json::json!([202, null]),
        "the default merges, and makes no deployment"
    );
    assert_eq!(found["statuses"], serde_json::json!(["success"]));
    assert_eq!(found["unchanged"], 304);
    assert_eq!(found["remaining"], true);
    assert_eq!(found["unknown"][0], 422);
    assert!(
        found["unknown"][1]
            .as_str()
            .ok_or("no message")?
            .contains("No commit found for SHA: nothing")
    );
    assert_eq!(found["signature"], sign("secret", b"what was sent"));
    Ok(())
}
