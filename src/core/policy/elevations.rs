//! Breaking the glass and sealing it, and finding what is over, as with [locks](super::opened).

use super::{
    holding::{Next, all, change, is_at_it, take},
    locks::{ELEVATIONS, Elevation},
};
use crate::{audit::Entry, ids::UserId, services::Services, store::StoreError};
use jiff::Timestamp;

/// Breaks the glass for somebody; an earlier elevation of theirs is replaced.
///
/// # Errors
/// When the store cannot be used; then nothing is broken that was not.
pub async fn break_glass(
    services: &Services,
    elevation: &Elevation,
    entry: &Entry,
) -> Result<(), StoreError> {
    let store = services.store().as_ref();
    change(
        store,
        ELEVATIONS,
        elevation.by.as_str(),
        |_: Option<Elevation>, _| Next::Put(Some(elevation.clone()), vec![entry.clone()], ()),
    )
    .await
}

/// Seals somebody's glass before its time. Answers what was sealed, if it was broken.
///
/// # Errors
/// When the store cannot be used; then it is broken as before.
pub async fn seal(
    services: &Services,
    user: &UserId,
    entry: &Entry,
) -> Result<Option<Elevation>, StoreError> {
    let store = services.store().as_ref();
    change(
        store,
        ELEVATIONS,
        user.as_str(),
        |held: Option<Elevation>, now| match held {
            Some(held) if held.holds(now) => Next::Put(None, vec![entry.clone()], Some(held)),
            _ => Next::Stay(None),
        },
    )
    .await
}

/// The elevations that hold, the oldest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn broken(services: &Services) -> Result<Vec<Elevation>, StoreError> {
    let store = services.store().as_ref();
    let now = store.now().await?;
    let mut broken: Vec<_> = all::<Elevation>(store, ELEVATIONS)
        .await?
        .into_iter()
        .map(|found| found.value)
        .filter(|elevation| elevation.holds(now))
        .collect();
    broken.sort_by(|a, b| (a.since, &a.by).cmp(&(b.since, &b.by)));
    Ok(broken)
}

/// Finds the elevations whose time is over. Of all replicas that look, one finds each of them, and says with [`told_whole`] when
/// it is told; whoever does not within a minute has died, and another one finds it.
///
/// # Errors
/// When the store cannot be used. What is not answered is found the next time.
pub async fn whole_again(
    services: &Services,
    entry: impl Fn(&Elevation, Timestamp) -> Entry,
) -> Result<Vec<Whole>, StoreError> {
    let store = services.store().as_ref();
    let now = store.now().await?;
    let mut over = Vec::new();
    for found in all::<Elevation>(store, ELEVATIONS).await? {
        let elevation = &found.value;
        if elevation.holds(now) || is_at_it(elevation.telling, now) {
            continue;
        }
        let left = Elevation {
            telling: Some(now),
            ..elevation.clone()
        };
        let again = elevation.telling.is_some();
        let entries: Vec<_> = (!again).then(|| entry(elevation, now)).into_iter().collect();
        match take(store, ELEVATIONS, &found, Some(&left), &entries).await {
            Ok(true) => over.push(Whole {
                elevation: left,
                again,
            }),
            Ok(false) => {}
            Err(error) if !over.is_empty() => {
                tracing::warn!(%error, key = found.key, "an elevation whose time is over could not be taken out");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(over)
}

/// An elevation that is over and has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// What it was.
    pub elevation: Elevation,
    /// Whether somebody else began to tell and did not come to an end.
    pub again: bool,
}

/// It was told that an elevation is over.
///
/// # Errors
/// When the store cannot be used; then it is told again by whoever finds it.
pub async fn told_whole(services: &Services, whole: &Whole) -> Result<(), StoreError> {
    let (store, elevation) = (services.store().as_ref(), &whole.elevation);
    let key = elevation.by.as_str();
    change(store, ELEVATIONS, key, |held: Option<Elevation>, _| match held {
        Some(held) if held.telling.is_some() && held.telling == elevation.telling => {
            Next::Put(None, Vec::new(), ())
        }
        _ => Next::Stay(()),
    })
    .await
}
