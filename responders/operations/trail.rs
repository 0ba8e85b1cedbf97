//! Reading the audit trail.

use crate::{
    answers,
    ask::{self, Last},
    file, list,
    people::{self, People},
    texts::{self, Shown},
    words,
};
use otus::{
    Known, args,
    audit::{AuditFilter, Recorded},
    prelude::*,
};

/// So many entries stand in the chat.
const SHOWN: usize = 20;

/// So many more go into the file.
const FILED: u32 = 2_000;

/// What of the trail is meant, for the store and in words.
struct Asked {
    filter: AuditFilter,
    about: Vec<String>,
}

/// Reads the trail.
pub(crate) async fn audit(
    cx: &Context,
    what: Option<String>,
    environment: Option<Environment>,
    person: Option<String>,
    last: Option<Last>,
) -> Result {
    let bare = environment.is_none() && person.is_none() && last.is_none();
    let mut asked = about(cx, what, environment, bare).await?;
    if let Some(person) = person {
        let person = match person.strip_prefix('@') {
            Some(id) => id.into(),
            None => cx.author().clone(),
        };
        let name = People::of(cx, vec![person.clone()]).await.name(&person);
        asked.about.push(format!("by {name}"));
        asked.filter.actor = Some(person);
    }
    let store = cx.services().store();
    if let Some(Last(back)) = last {
        asked.filter.since = Some(store.now().await?.checked_sub(back)?);
        asked.about.push(format!("last {}", words::last(back)));
    }
    asked.filter.limit = FILED + 1;
    let mut found = store.audit(&asked.filter).await?;
    let more = found.len() > FILED as usize;
    found.truncate(FILED as usize);
    tell(cx, &asked.about.join(", "), &found, more).await
}

async fn tell(cx: &Context, about: &str, found: &[Recorded], more: bool) -> Result {
    if found.is_empty() {
        return answers::tell(cx, texts::nothing(about)).await;
    }
    let newest = &found[..found.len().min(SHOWN)];
    let mut ids: Vec<_> = newest
        .iter()
        .flat_map(|recorded| people::mentioned(&recorded.entry.text))
        .collect();
    ids.extend(newest.iter().filter_map(|recorded| recorded.entry.actor.clone()));
    let people = People::of(cx, ids).await;
    let shown = Shown {
        about,
        newest,
        all: found.len(),
        more,
    };
    answers::tell(cx, texts::trail(&shown, &people)).await?;
    if found.len() > newest.len() {
        cx.upload(file::csv(about, found)).await?;
    }
    Ok(())
}

/// What the words are about: an operation by its id or its thread, a service, an environment; also one that is not configured any
/// more, as long as the trail knows it.
async fn about(
    cx: &Context,
    what: Option<String>,
    environment: Option<Environment>,
    bare: bool,
) -> Result<Asked> {
    let environment = environment.map(|environment| environment.name);
    let of = |service: Option<String>, environment: Option<String>| {
        let about = list::about(service.as_deref(), environment.as_deref());
        Asked {
            about: match about.as_str() {
                "" => Vec::new(),
                about => vec![format!("of {about}")],
            },
            filter: AuditFilter {
                service,
                environment,
                ..AuditFilter::default()
            },
        }
    };
    let Some(what) = what else {
        if bare && let Some(operation) = ask::of_the_thread(cx).await? {
            return Ok(one(operation.id));
        }
        return Ok(of(None, environment));
    };
    if let Some(service) = Service::find(&what, cx.services()) {
        return Ok(of(Some(service.name), environment));
    }
    if environment.is_none()
        && let Some(environment) = Environment::find(&what, cx.services())
    {
        return Ok(of(None, Some(environment.name)));
    }
    if bare && ask::may_be_id(&what) {
        return Ok(one(ask::meant(cx, Some(&what)).await?.id));
    }
    let gone = AuditFilter {
        service: Some(what.clone()),
        limit: 1,
        ..AuditFilter::default()
    };
    if !cx.services().store().audit(&gone).await?.is_empty() {
        return Ok(of(Some(what), environment));
    }
    let mut names = Service::candidates(cx.services());
    names.extend(Environment::candidates(cx.services()));
    let corrected = |near: &str| Some(cx.line().replacen(&what, near, 1));
    Err(args::unknown("service or environment", &what, &names, corrected).into())
}

fn one(id: String) -> Asked {
    Asked {
        about: vec![format!("of the operation {id}")],
        filter: AuditFilter {
            operation: Some(id),
            ..AuditFilter::default()
        },
    }
}
