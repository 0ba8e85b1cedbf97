//! From what was said to what is asked: nothing is looked at here but which flag, where and whom.

use crate::{
    place::{self, FlagName, Place},
    settings::Settings,
    texts,
    whom::{Said, Variants},
};
use otus::{Context, Result, UserError, UserId};
use otus_flags::{Definition, Growth, State, Whom};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The kind of operation, as rows have it.
pub(crate) const KIND: &str = "flag";
/// So many changes are looked through for those of the last minutes.
pub(crate) const RECENT: u32 = 100;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ask {
    pub(crate) flag: String,
    /// The flag sets, in order.
    pub(crate) sets: Vec<String>,
    pub(crate) what: What,
    /// The revision that a jump is counted from: what was changed after it was changed just now.
    pub(crate) since: Option<u64>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Create {
        definition: Definition,
        owner: UserId,
        about: Option<String>,
    },
    Give {
        variant: String,
        whom: Whom,
    },
    Reset(Whom),
    /// Whether it is in use.
    Use(bool),
    Grow(Growth),
    Promote {
        from: String,
    },
    Archive,
    Restore,
    Undo,
    Guard(Option<String>),
    /// All that is in the set's file; of no flag alone.
    Import,
}

/// Proposes it.
async fn propose(
    cx: &Context,
    settings: Option<&Settings>,
    flag: &str,
    sets: Vec<String>,
    what: What,
) -> Result {
    let since = match (settings, sets.as_slice()) {
        (Some(settings), [set]) => Some(since(cx, settings, flag, set).await?),
        _ => None,
    };
    let ask = Ask {
        flag: flag.to_owned(),
        sets,
        what,
        since,
    };
    cx.propose(KIND, ask).await
}

/// The revision before what was changed just now.
async fn since(cx: &Context, settings: &Settings, flag: &str, set: &str) -> Result<u64> {
    let flags = place::engine(cx.services())?;
    let now = cx.services().store().now().await?;
    let recent = place::history(&flags, set, flag, RECENT).await?;
    let revision = flags.set(set).map_or(0, |live| live.kept().revision);
    let just_now = recent
        .iter()
        .filter(|change| now.duration_since(change.at) < settings.step_within);
    Ok(just_now
        .map(|change| change.revision.saturating_sub(1))
        .min()
        .unwrap_or(revision))
}

/// The flag as it is there.
fn there(cx: &Context, flag: &str, set: &str) -> Result<Definition> {
    let live = place::engine(cx.services())?.set(set);
    let kept = live.as_ref().map(|live| live.kept());
    if let Some(definition) = kept.and_then(|kept| kept.document.flags.get(flag)) {
        return Ok(definition.clone());
    }
    let archived = kept.is_some_and(|kept| kept.archived.contains_key(flag));
    Err(texts::not_there(flag, set, archived, &place::with(cx.services(), flag)?).into())
}

/// `flag x on …`.
pub(crate) async fn turn(
    cx: &Context,
    settings: &Settings,
    FlagName(flag): &FlagName,
    on: bool,
    whom: Option<Said>,
    place: Option<Place>,
) -> Result {
    let set = place::meant(cx, flag, place)?;
    let definition = there(cx, flag, &set)?;
    let what = match (definition.sides(), whom) {
        (Some((yes, no)), whom) => What::Give {
            variant: if on { yes } else { no }.to_owned(),
            whom: whom.unwrap_or(Said::Everybody).meant(cx, settings, &set).await?,
        },
        (None, None | Some(Said::Everybody)) => What::Use(on),
        (None, Some(_)) => return Err(texts::not_on_or_off(flag, &definition).into()),
    };
    propose(cx, Some(settings), flag, vec![set], what).await
}

/// `flag x give blue …`.
pub(crate) async fn give(
    cx: &Context,
    settings: &Settings,
    FlagName(flag): &FlagName,
    variant: &str,
    whom: Option<Said>,
    place: Option<Place>,
) -> Result {
    let set = place::meant(cx, flag, place)?;
    let definition = there(cx, flag, &set)?;
    if !definition.variants.contains_key(variant) {
        return Err(texts::no_variant(flag, variant, &definition, cx.line()).into());
    }
    let what = What::Give {
        variant: variant.to_owned(),
        whom: whom.unwrap_or(Said::Everybody).meant(cx, settings, &set).await?,
    };
    propose(cx, Some(settings), flag, vec![set], what).await
}

/// `flag x reset for …`.
pub(crate) async fn reset(
    cx: &Context,
    settings: &Settings,
    FlagName(flag): &FlagName,
    whom: Said,
    place: Option<Place>,
) -> Result {
    let set = place::meant(cx, flag, place)?;
    there(cx, flag, &set)?;
    let whom = whom.meant(cx, settings, &set).await?;
    if matches!(whom, Whom::Everybody | Whom::Percent(_)) {
        return Err(texts::reset_whom(flag).into());
    }
    propose(cx, Some(settings), flag, vec![set], What::Reset(whom)).await
}

/// `flag x ramp …`.
pub(crate) async fn ramp(
    cx: &Context,
    settings: &Settings,
    FlagName(flag): &FlagName,
    growth: impl FnOnce(String) -> What,
    place: Option<Place>,
) -> Result {
    let set = place::meant(cx, flag, place)?;
    let definition = there(cx, flag, &set)?;
    let Some((on, _)) = definition.sides() else {
        return Err(texts::not_on_or_off(flag, &definition).into());
    };
    let what = growth(on.to_owned());
    propose(cx, Some(settings), flag, vec![set], what).await
}

/// `flag create x …`.
pub(crate) async fn create(
    cx: &Context,
    flag: &str,
    variants: Option<Variants>,
    place: Option<Place>,
    about: Option<String>,
) -> Result {
    let flag = flag.trim_end_matches(':');
    if !is_name(flag) {
        return Err(texts::no_name(flag).into());
    }
    let sets = match place {
        Some(Place(set)) => vec![set],
        None => place::all(cx.services()),
    };
    if sets.is_empty() {
        // The error that says what to configure.
        place::meant(cx, flag, None)?;
    }
    let definition = match variants {
        None => Definition::switch(false),
        Some(Variants(names)) => Definition {
            state: State::Enabled,
            default_variant: names.first().cloned(),
            variants: names
                .into_iter()
                .map(|name| (name.clone(), json!(name)))
                .collect(),
            targeting: None,
            metadata: otus_flags::Metadata::new(),
        },
    };
    let what = What::Create {
        definition,
        owner: cx.author().clone(),
        about,
    };
    propose(cx, None, flag, sets, what).await
}

/// `flags promote x to production`.
pub(crate) async fn promote(
    cx: &Context,
    FlagName(flag): &FlagName,
    Place(to): Place,
    from: Option<Place>,
) -> Result {
    let from = match from {
        Some(Place(from)) => from,
        None => {
            let environment = cx.services().catalog().environment(&to);
            let before = environment.and_then(|environment| environment.after.clone());
            before.ok_or_else(|| texts::promote_from(flag, &to))?
        }
    };
    there(cx, flag, &from)?;
    if from == to {
        return Err(texts::promote_from(flag, &to).into());
    }
    propose(cx, None, flag, vec![to], What::Promote { from }).await
}

/// `flag archive x`.
pub(crate) async fn archive(cx: &Context, FlagName(flag): &FlagName, place: Option<Place>) -> Result {
    let sets = match place {
        Some(Place(set)) => {
            there(cx, flag, &set)?;
            vec![set]
        }
        None => place::with(cx.services(), flag)?,
    };
    propose(cx, None, flag, sets, What::Archive).await
}

/// `flag restore x`.
pub(crate) async fn restore(cx: &Context, flag: &str, place: Option<Place>) -> Result {
    let flags = place::engine(cx.services())?;
    let put_away = |set: &String| {
        flags
            .set(set)
            .is_some_and(|live| live.kept().archived.contains_key(flag))
    };
    let sets: Vec<String> = match place {
        Some(Place(set)) => vec![set],
        None => place::all(cx.services()),
    };
    let sets: Vec<String> = sets.into_iter().filter(put_away).collect();
    if sets.is_empty() {
        return Err(UserError::new(texts::not_archived(flag)).into());
    }
    propose(cx, None, flag, sets, What::Restore).await
}

/// `flag undo x`.
pub(crate) async fn undo(cx: &Context, flag: &str, place: Option<Place>) -> Result {
    let set = match place {
        Some(Place(set)) => set,
        None => latest(cx, flag).await?,
    };
    propose(cx, None, flag, vec![set], What::Undo).await
}

/// Where a flag was changed last.
async fn latest(cx: &Context, flag: &str) -> Result<String> {
    let flags = place::engine(cx.services())?;
    let mut last = None;
    for set in place::all(cx.services()) {
        let found = place::history(&flags, &set, flag, RECENT).await?;
        let own = found.into_iter().find(|change| change.flag.is_some());
        if let Some(change) = own
            && last.as_ref().is_none_or(|(at, _)| *at < change.at)
        {
            last = Some((change.at, set));
        }
    }
    match last {
        Some((_, set)) => Ok(set),
        None => Err(UserError::new(texts::never_changed(flag)).into()),
    }
}

/// `flag x guard errors`.
pub(crate) async fn guard(
    cx: &Context,
    settings: &Settings,
    FlagName(flag): &FlagName,
    guard: &str,
    place: Option<Place>,
) -> Result {
    let set = place::meant(cx, flag, place)?;
    there(cx, flag, &set)?;
    let guard = if guard.eq_ignore_ascii_case("none") {
        None
    } else {
        let known: Vec<String> = settings.guards.keys().cloned().collect();
        if !known.iter().any(|name| name == guard) {
            return Err(texts::no_guard(guard, &known, cx.line()).into());
        }
        Some(guard.to_owned())
    };
    propose(cx, None, flag, vec![set], What::Guard(guard)).await
}

/// `flags import production`.
pub(crate) async fn import(cx: &Context, Place(set): Place) -> Result {
    propose(cx, None, "", vec![set], What::Import).await
}

/// Whether it can be a flag's name: it is typed, and stands in addresses.
fn is_name(name: &str) -> bool {
    const WORDS: [&str; 6] = ["create", "explain", "archive", "restore", "history", "undo"];
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    (1..=100).contains(&name.len())
        && name.bytes().all(fits)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && !WORDS.contains(&name)
}
