//! Looking again and again whether somebody uses what is to go, and reminding who holds it up.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use otus::{Place, Result, Services, Urgency};

use super::desk;
use super::look::look;
use super::record::Row;
use crate::settings::Settings;
use crate::texts;

/// The robot looks at least this seldom whether a look is due.
const LONGEST: Duration = Duration::from_secs(60);
/// And no more often than this.
const SHORTEST: Duration = Duration::from_millis(10);

/// Looks until the robot stops. Any number of replicas: what is written is written once.
pub(crate) async fn watch(services: &Services, settings: &Settings) {
    let usual = settings.look.clamp(SHORTEST, LONGEST);
    let mut pause = usual;
    loop {
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = usual;
        if let Err(error) = once(services, settings).await {
            tracing::warn!(%error, "contracts cannot be looked at");
            pause = LONGEST;
        }
    }
}

/// Looks at each that is due.
async fn once(services: &Services, settings: &Settings) -> Result<()> {
    let now = services.store().now().await?;
    for (row, _) in desk::all(services).await? {
        // Whoever has just begun it posts its message.
        let young = row.card.is_none() && !passed(row.contract.opened, LONGEST, now);
        if row.is_over() || young {
            continue;
        }
        let due = row.looked.is_none_or(|looked| passed(looked, settings.look, now));
        let row = match due {
            true => look(services, settings, &row.key()).await?,
            false => row,
        };
        let span = Duration::from_secs(u64::from(settings.nag_days) * 24 * 3600);
        if passed(row.nagged, span, now) {
            nag(services, settings, &row).await?;
        }
    }
    Ok(())
}

fn passed(since: Timestamp, span: Duration, now: Timestamp) -> bool {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.duration_since(since) >= span
}

/// Reminds who holds it up, in the thread of its message. Written down first: whoever dies in between reminds nobody, which is better than
/// twice.
async fn nag(services: &Services, settings: &Settings, row: &Row) -> Result<()> {
    let before = row.nagged;
    let noted = desk::change(services, settings, &row.key(), |row, _, now| {
        if row.nagged != before {
            anyhow::bail!("another replica reminds");
        }
        row.nagged = now;
        Ok(Vec::new())
    })
    .await;
    let Ok(row) = noted else { return Ok(()) };
    let signers = desk::asked(services, settings, &row)?;
    let Some((kept, _)) = desk::one(services, &row.key()).await? else {
        return Ok(());
    };
    let Some(card) = kept.card else { return Ok(()) };
    let place = Place {
        thread: Some(card.id),
        ..Place::channel(card.channel)
    };
    let text = texts::nag(&row, &signers, services.roles());
    let chat = services.chat();
    chat.post(&place, &text.into(), Urgency::More).await?;
    Ok(())
}
