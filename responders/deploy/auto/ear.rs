//! What continuous integrations say, noted durably before it counts as heard. What they say is only a hint that there is something to
//! look at: what is so is asked, so that a word that is late, twice or out of order does no harm.

use otus::{Auto, Result};
use otus_ci::Subscription;
use otus_ci::hooks::CiEvent;

use super::kept;
use super::lane::Lane;
use super::look::Hand;

/// Listens until the robot stops. Whoever was not heard by then is heard by the next.
pub(crate) async fn listen(hand: &Hand, lanes: &[Lane], mut subscription: Subscription) {
    loop {
        let heard = tokio::select! {
            () = hand.services.stopping().cancelled() => return,
            heard = subscription.next() => heard,
        };
        let Some(heard) = heard else {
            return;
        };
        match note(hand, lanes, heard.event()).await {
            Ok(()) => heard.done(),
            Err(error) => heard.failed(format!("{error:#}")),
        }
    }
}

async fn note(hand: &Hand, lanes: &[Lane], event: &CiEvent) -> Result {
    let mut any = false;
    for lane in lanes.iter().filter(|lane| is_about(lane, event)) {
        kept::hear(&hand.services, lane).await?;
        any = true;
    }
    if any {
        hand.bell.notify_one();
    }
    Ok(())
}

/// Whether an event may let something go out in a lane.
fn is_about(lane: &Lane, event: &CiEvent) -> bool {
    let of = |repo: &str| {
        let own = lane.service.repository.as_deref();
        lane.auto == Auto::Green && own.is_some_and(|own| own.eq_ignore_ascii_case(repo))
    };
    let branch = lane.service.branch();
    match event {
        CiEvent::Pushed(pushed) => of(&pushed.repo) && pushed.branch == branch,
        // Not every sender says for which branch it was.
        CiEvent::Checked(checked) => {
            let there = checked.branch.as_deref().is_none_or(|of| of == branch);
            of(&checked.repo) && there && !checked.fork && checked.state.is_final()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus_ci::hooks::{CheckKind, CheckState, Checked, Pushed};

    #[test]
    fn what_is_worth_a_look() {
        let catalog: otus::Catalog = toml_catalog();
        let lanes = Lane::all(&catalog);
        let staging = &lanes[0];
        let pushed = |repo: &str, branch: &str| {
            CiEvent::Pushed(Pushed {
                repo: repo.into(),
                branch: branch.into(),
                before: None,
                after: None,
                deleted: false,
                forced: None,
                by: None,
            })
        };
        let checked = |branch: Option<&str>, fork: bool, state: CheckState| {
            CiEvent::Checked(Checked {
                repo: "acme/api".into(),
                sha: "a".repeat(40),
                branch: branch.map(Into::into),
                fork,
                kind: CheckKind::Job,
                name: "build".into(),
                state,
                url: None,
                image: None,
                digest: None,
            })
        };
        for (event, worth) in [
            (pushed("Acme/API", "main"), true),
            (pushed("acme/api", "other"), false),
            (pushed("acme/web", "main"), false),
            (checked(Some("main"), false, CheckState::Success), true),
            (checked(None, false, CheckState::Failure), true),
            (checked(Some("main"), false, CheckState::Pending), false),
            (checked(Some("feature"), false, CheckState::Success), false),
            (checked(None, true, CheckState::Success), false),
        ] {
            assert_eq!(is_about(staging, &event), worth, "{event:?}");
            assert!(
                !is_about(&lanes[1], &event),
                "what comes after waits for no build"
            );
        }
    }

    fn toml_catalog() -> otus::Catalog {
        serde_json::from_value(serde_json::json!({
            "environments": { "staging": { "auto": true }, "production": { "after": "staging", "auto": true } },
            "services": { "api": { "repository": "acme/api" } },
        }))
        .unwrap()
    }
}
