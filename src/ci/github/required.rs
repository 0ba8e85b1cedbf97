//! Purpose: which checks a branch's rules demand.

use super::{client::GitHub, error::Result, pages::List, repo::Repository};
use serde::Deserialize;
use std::collections::BTreeSet;

const MOST: usize = 1_000;

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    /// Of any form: only those of one kind are opened.
    parameters: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Parameters {
    required_status_checks: Vec<Required>,
}

#[derive(Deserialize)]
struct Required {
    context: String,
}

impl GitHub {
    /// The names of the checks that the rulesets of a branch demand, each once, in alphabetical order.
    ///
    /// The older branch protection is not in it: GitHub shows that only to administrators.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn required_checks(&self, repo: &Repository, branch: &str) -> Result<Vec<String>> {
        let what = format!("rules of the branch {branch} in {repo}");
        let path = ["repos", repo.owner(), repo.name(), "rules", "branches", branch];
        let open = |answer: &_, all: &mut Vec<String>| {
            let rules: Vec<Rule> = self.parse(answer, &what)?;
            // The rules count against the bound, not the names in them.
            for rule in rules
                .into_iter()
                .filter(|rule| rule.kind == "required_status_checks")
            {
                let parameters = rule.parameters.unwrap_or_default();
                let parameters: Parameters = serde_json::from_value(parameters).map_err(|error| {
                    super::refusals::odd(&what, format!("a rule it does not know ({error})"))
                })?;
                all.extend(
                    parameters
                        .required_status_checks
                        .into_iter()
                        .map(|check| check.context),
                );
            }
            Ok(true)
        };
        let names = self
            .pages(List::new(&path, &[], &what, MOST), open)
            .await?
            .whole(&what)?;
        Ok(names.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
    }
}
