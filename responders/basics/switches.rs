//! How the responders are doing, and switching them off and on.

use crate::texts;
use otus::{Known, health::Health, prelude::*};

/// A responder, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named(pub(crate) String);

impl Known for Named {
    const WHAT: &'static str = "responder";

    fn find(raw: &str, services: &Services) -> Option<Self> {
        let found = |name: &String| name.eq_ignore_ascii_case(raw);
        Self::candidates(services).into_iter().find(found).map(Self)
    }

    fn candidates(services: &Services) -> Vec<String> {
        let mut names: Vec<_> = services
            .commands()
            .iter()
            .map(|spec| spec.responder.to_owned())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Lists all.
pub(crate) async fn list(cx: &Context) -> Result {
    let reports = Health::report(cx.services()).await?;
    let now = cx.services().store().now().await?;
    cx.reply(texts::responders(&reports, now)).await
}

/// Switches one off.
pub(crate) async fn disable(cx: &Context, responder: &str, reason: Option<String>) -> Result {
    let Some(reason) = reason.or_else(|| cx.options().reason.clone()) else {
        user_error!("{}", texts::why_off(responder));
    };
    let off = Health::switch_off(
        cx.services(),
        responder,
        Some(cx.author()),
        &reason,
        Some(cx.id()),
    );
    match off.await? {
        true => cx.reply(texts::disabled(responder, &reason)).await,
        false => user_error!("{}", texts::off_already(responder)),
    }
}

/// Switches one on again.
pub(crate) async fn enable(cx: &Context, responder: &str) -> Result {
    match Health::switch_on(cx.services(), responder, cx.author(), cx.id()).await? {
        Some(off) => cx.reply(texts::enabled(responder, &off)).await,
        None => user_error!("{}", texts::on_already(responder)),
    }
}
