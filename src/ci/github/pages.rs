//! Purpose: lists that come in pages, read by their `Link`, up to a bound.

use super::{
    call::{Answer, Body, Who},
    client::GitHub,
    error::{Error, Result},
    refusals::odd,
};
use reqwest::Method;
use url::Url;

/// So many pages are read at most, however little is on them.
const MOST_PAGES: usize = 100;

/// What was read of a list.
#[derive(Debug)]
pub(super) struct Pages<T> {
    pub(super) items: Vec<T>,
    /// Whether the list ends here.
    pub(super) complete: bool,
}

impl<T> Pages<T> {
    /// The items, if they are all.
    pub(super) fn whole(self, what: &str) -> Result<Vec<T>> {
        if self.complete {
            return Ok(self.items);
        }
        Err(Error::TooMany {
            what: what.to_owned(),
            limit: self.items.len(),
        })
    }
}

/// How a list is asked for.
pub(super) struct List<'a> {
    pub(super) who: Who,
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    /// In words, for errors.
    pub(super) what: &'a str,
    /// So many items are enough.
    pub(super) most: usize,
}

impl<'a> List<'a> {
    pub(super) fn new(
        path: &'a [&'a str],
        query: &'a [(&'a str, &'a str)],
        what: &'a str,
        most: usize,
    ) -> Self {
        Self {
            who: Who::Installation,
            path,
            query,
            what,
            most,
        }
    }
}

impl GitHub {
    /// Reads page after page. `take` opens a page and says whether to go on.
    pub(super) async fn pages<T>(
        &self,
        list: List<'_>,
        mut take: impl FnMut(&Answer, &mut Vec<T>) -> Result<bool>,
    ) -> Result<Pages<T>> {
        let List {
            who,
            path,
            query,
            what,
            most,
        } = list;
        let per_page = most.clamp(1, 100).to_string();
        let query: Vec<_> = query
            .iter()
            .copied()
            .chain([("per_page", per_page.as_str())])
            .collect();
        let mut url = self.address(path, &query)?;
        let (mut items, mut pages) = (Vec::new(), 0);
        loop {
            let answer = self
                .call(who, Method::GET, url.clone(), Body::Nothing, what)
                .await?;
            let more = take(&answer, &mut items)?;
            let Some(next) = answer.next.filter(|_| more) else {
                let complete = items.len() <= most;
                items.truncate(most);
                return Ok(Pages { items, complete });
            };
            pages += 1;
            if items.len() >= most || pages >= MOST_PAGES {
                items.truncate(most);
                return Ok(Pages {
                    items,
                    complete: false,
                });
            }
            let next = Url::parse(&next)
                .ok()
                .filter(|next| next.origin() == url.origin() && *next != url);
            url = next.ok_or_else(|| odd(what, "its next page is on another server".into()))?;
        }
    }
}
