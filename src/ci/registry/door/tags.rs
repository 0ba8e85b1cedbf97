//! Purpose: lists of tags, page by page.

use super::{Authorization, Door, authorized};
use crate::registry::{error::Failure, name::Repository};
use reqwest::{StatusCode, header::LINK};
use serde::Deserialize;
use url::Url;

/// One page of a list of tags.
pub(crate) struct Page {
    pub(crate) names: Vec<String>,
    pub(crate) next: Option<Url>,
}

impl Door {
    /// One page of tags, the first or a following one; `None` when there is no such repository.
    pub(crate) async fn tags(
        &self,
        repository: &Repository,
        page: Option<&Url>,
        at_most: usize,
        authorization: &Authorization,
    ) -> Result<Option<Page>, Failure> {
        let first = || {
            let mut url = self.url(repository, "tags/list");
            url.query_pairs_mut().append_pair("n", &at_most.to_string());
            url
        };
        let url = page.cloned().unwrap_or_else(first);
        let answer = self
            .send(authorized(self.http.get(url.clone()), authorization))
            .await?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.unexpected(&answer)),
        }
        let linked = answer
            .headers()
            .get_all(LINK)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(next_of)
            .and_then(|next| url.join(next).ok());
        // Elsewhere our authorization has no business.
        if linked
            .as_ref()
            .is_some_and(|next| next.origin() != self.base.origin())
        {
            return Err(self.strange("its list of tags goes on at another registry".into()));
        }
        let body = self.body(answer).await?;
        let list: List = serde_json::from_slice(&body)
            .map_err(|error| self.strange(format!("its list of tags cannot be read ({error})")))?;
        let names = list.tags.unwrap_or_default();
        // Some leave the link out; then a page that is full may have another behind it.
        let next = linked.or_else(|| {
            let last = names.last().filter(|_| names.len() == at_most)?;
            let mut url = first();
            url.query_pairs_mut().append_pair("last", last);
            Some(url)
        });
        Ok(Some(Page { names, next }))
    }
}

/// The target of `rel="next"` in a `Link` header (RFC 8288), as registries write it.
fn next_of(link: &str) -> Option<&str> {
    link.split(',').find_map(|one| {
        let (target, parameters) = one.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().to_ascii_lowercase();
            parameter == "rel=next" || parameter == "rel=\"next\""
        });
        next.then_some(target)
    })
}

#[derive(Deserialize)]
struct List {
    // `null` from some when there are none.
    tags: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_next_page_is_found() {
        for (link, next) in [
            (
                "</v2/a/tags/list?last=b&n=2>; rel=\"next\"",
                Some("/v2/a/tags/list?last=b&n=2"),
            ),
            ("</x>; rel=prev, </y>; type=z; rel=next", Some("/y")),
            ("</x>; rel=\"prev\"", None),
            ("/x; rel=next", None),
            ("", None),
        ] {
            assert_eq!(next_of(link), next, "{link}");
        }
    }

    proptest! {
        #[test]
        fn no_link_panics(link in "\\PC{0,40}") {
            let _ = next_of(&link);
        }
    }
}
