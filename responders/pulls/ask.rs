//! `pulls` and `pull`: what people ask.

use jiff::SignedDuration;
use otus::{ChannelId, Context, Result, Services, UserError};
use otus_ci::github::{Error, GitHub, Repository};
use otus_ci::version::Versions;

use crate::facts::Notes;
use crate::look::{Eye, is_of};
use crate::{desk, texts, watch};

/// So many are listed.
const LISTED: usize = 30;

/// Lists the open ones of a repository.
pub(crate) async fn pulls(cx: &Context, channels: &[(Repository, ChannelId)], named: Option<&str>) -> Result {
    let repo = meant(cx, channels, named)?;
    let github = github(cx.services())?;
    // One more, to see whether there are more.
    let open = github.open_pulls(&repo, LISTED + 1).await.map_err(told)?;
    let outbox = desk::outbox(cx.services(), &repo, SignedDuration::ZERO);
    let kept: Vec<(u64, Notes)> = outbox.all().await?.into_iter().filter_map(watch::read).collect();
    let now = cx.services().store().now().await?;
    cx.reply(texts::open(&repo, &open, LISTED, &kept, now)).await
}

/// Says how one stands.
pub(crate) async fn pull(
    cx: &Context,
    channels: &[(Repository, ChannelId)],
    named: Option<&str>,
    number: u64,
) -> Result {
    let repo = meant(cx, channels, named)?;
    let eye = Eye {
        services: cx.services().clone(),
        github: github(cx.services())?,
        versions: cx.services().resources().get::<Versions>(),
    };
    let looked = eye.look(&repo, number, None).await;
    let facts = looked.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => told(error).into(),
        Err(error) => error,
    })?;
    let Some(facts) = facts else {
        return Err(UserError::new(texts::unknown(&repo, number)).into());
    };
    cx.reply(texts::whole(&repo, number, &facts)).await
}

fn github(services: &Services) -> Result<std::sync::Arc<GitHub>> {
    let github = services.resources().get::<GitHub>();
    Ok(github.ok_or_else(|| UserError::new(texts::no_github()))?)
}

fn told(error: Error) -> UserError {
    UserError::new(texts::not_asked(&error.to_string()))
}

/// The repository meant: the one named, by itself or by a service; else that of this channel; else the only one there is.
fn meant(
    cx: &Context,
    channels: &[(Repository, ChannelId)],
    named: Option<&str>,
) -> Result<Repository, UserError> {
    let mut known: Vec<Repository> = channels.iter().map(|(repo, _)| repo.clone()).collect();
    for service in cx.services().catalog().services() {
        let written = service
            .repository
            .as_deref()
            .and_then(|written| written.parse().ok());
        if let Some(repo) = written
            && !known.iter().any(|known| is_of(&service, known))
        {
            known.push(repo);
        }
    }
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    if let Some(named) = named {
        let service = cx.services().catalog().service(named);
        let of_service = service.and_then(|service| known.iter().find(|repo| is_of(&service, repo)).cloned());
        let by_name = known.into_iter().find(|repo| {
            let (whole, short) = (repo.to_string(), repo.name());
            whole.eq_ignore_ascii_case(named) || short.eq_ignore_ascii_case(named)
        });
        return by_name
            .or(of_service)
            .ok_or_else(|| UserError::new(texts::no_such_repository(named, &names)));
    }
    let here = channels
        .iter()
        .find(|(_, channel)| *channel == cx.message().channel);
    match (here, known.as_slice()) {
        (Some((repo, _)), _) => Ok(repo.clone()),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(UserError::new(texts::which_repository(&names))),
    }
}
