//! Purpose: pipelines.
//!
//! A pipeline of a merge request can run here for a fork's commits, with the fork's branch as its `ref`. So a branch is
//! believed only where no merge request is involved, or one whose source is this very project.

use super::Project;
use crate::hooks::{
    CheckKind, CheckState, Checked, CiEvent, Refusal,
    fields::{Link, Sha, is_branch, json},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Pipeline {
    object_attributes: Attributes,
    merge_request: Option<MergeRequest>,
    project: Project,
}

#[derive(Deserialize)]
struct Attributes {
    id: u64,
    name: Option<String>,
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    tag: bool,
    sha: Sha,
    source: Option<String>,
    status: String,
    #[serde(default)]
    url: Link,
}

#[derive(Deserialize)]
struct MergeRequest {
    source_project_id: Option<u64>,
}

pub(super) fn pipeline(body: &[u8]) -> Result<CiEvent, Refusal> {
    let Pipeline {
        object_attributes: pipeline,
        merge_request,
        project,
    } = json(body)?;
    let for_merge = pipeline
        .source
        .as_deref()
        .is_some_and(|source| source.ends_with("_request_event"));
    let fork = merge_request
        .as_ref()
        .is_some_and(|merge| merge.source_project_id != Some(project.id));
    let own = !pipeline.tag && !fork && (merge_request.is_some() || !for_merge);
    let branch = Some(pipeline.reference).filter(|name| own && is_branch(name) && !name.starts_with("refs/"));
    let url = pipeline.url.0.or_else(|| {
        let project = project.web_url?;
        Link::parse(&format!("{project}/-/pipelines/{}", pipeline.id)).0
    });
    Ok(CiEvent::Checked(Checked {
        repo: project.path_with_namespace.0,
        sha: pipeline.sha.real().ok_or_else(|| Refusal::Unreadable {
            why: "object_attributes.sha: zeros are no commit".into(),
        })?,
        branch,
        fork,
        kind: CheckKind::Workflow,
        name: pipeline
            .name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "pipeline".into()),
        state: state(&pipeline.status),
        url,
        image: None,
        digest: None,
    }))
}

fn state(status: &str) -> CheckState {
    match status {
        "created"
        | "waiting_for_resource"
        | "waiting_for_callback"
        | "preparing"
        | "pending"
        | "running"
        | "canceling"
        | "manual"
        | "scheduled" => CheckState::Pending,
        "success" => CheckState::Success,
        "failed" => CheckState::Failure,
        // A whole pipeline that was skipped, by a word in the commit's message perhaps, has checked nothing.
        "canceled" | "skipped" => CheckState::Cancelled,
        _ => CheckState::Unknown,
    }
}
