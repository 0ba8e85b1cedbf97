//! Runs what is due. Of all replicas, the one that moves a schedule on to its next time runs it; what it takes is noted before, so
//! that it is heard even if that replica dies. The event's claim sees to it that it is heard once.

use crate::{
    schedule::{self, Kept, Missed, Schedule, Taken},
    texts,
};
use jiff::{SignedDuration, Timestamp};
use otus::{ChatError, EventKey, Message, Post, Result, Segment, Services, Urgency, Via};
use std::time::Duration;
use tokio::task::JoinSet;
use tracing::Instrument;

/// How often it looks, on average.
const EVERY: Duration = Duration::from_secs(1);
/// At each so many looks, it looks after what was taken before.
const AFTER: u32 = 10;
/// After so long nobody is in the middle of taking up what was taken: a robot that heard has begun or turned away by then.
const SURE: SignedDuration = SignedDuration::from_mins(5);
/// For so long a claim is kept for certain. What nobody has claimed any more after it may have run, and does not run again.
const CLAIMED: SignedDuration = SignedDuration::from_hours(12);
/// After so long somebody else tells what was missed.
const TELL_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// What is told of missed runs, each in a task of its own: a chat that does not answer holds up nothing that is due. What is not
/// told when the robot stops is told by another.
type Tellers = JoinSet<()>;

/// Looks until the robot stops.
pub(crate) async fn watch(services: &Services, late: SignedDuration) {
    let (mut troubled, mut looks, mut tellers) = (false, 0_u32, Tellers::new());
    loop {
        match look(services, late, looks.is_multiple_of(AFTER), &mut tellers).await {
            Ok(()) => troubled = false,
            // Once, not every second.
            Err(error) if !troubled => {
                tracing::error!(error = format!("{error:#}"), "what is due could not be looked at");
                troubled = true;
            }
            Err(_) => {}
        }
        while tellers.try_join_next().is_some() {}
        looks = looks.wrapping_add(1);
        // Not all replicas at the same moment.
        let pause = EVERY.mul_f64(rand::random_range(0.75..1.25));
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Looks once, at all of them: what is wrong with one keeps none of the others from running.
async fn look(services: &Services, late: SignedDuration, after: bool, tellers: &mut Tellers) -> Result {
    let all = schedule::all(services).await?;
    if all.is_empty() {
        return Ok(());
    }
    let now = services.store().now().await?;
    let mut looked = Ok(());
    for kept in all {
        if services.stopping().is_cancelled() {
            break;
        }
        let one = if kept.schedule.next.is_some_and(|next| next <= now) {
            take(services, kept, now, late, tellers).await
        } else if let Some(missed) = kept.schedule.missed
            && now.duration_since(missed.since) > TELL_AGAIN
        {
            tell_again(services, kept, missed, now, tellers).await
        } else if after && !kept.schedule.running.is_empty() {
            look_after(services, kept, now, late, tellers).await
        } else {
            Ok(())
        };
        looked = looked.and(one);
    }
    looked
}

/// Moves a schedule on whose time has come, and runs it, or tells that it was missed.
async fn take(
    services: &Services,
    kept: Kept,
    now: Timestamp,
    late: SignedDuration,
    tellers: &mut Tellers,
) -> Result {
    let Kept { schedule, revision } = kept;
    let Some(due) = schedule.next else { return Ok(()) };
    if !schedule.when.is_known() {
        // Another replica may know it; at another hour it must not run.
        anyhow::bail!(
            "schedule {} is in the time zone {}, which this machine's database does not have",
            schedule.id,
            schedule.when.zone
        );
    }
    // After a long absence only the last of all runs counts.
    let last = schedule.when.last_until(now).map_or(due, |last| last.max(due));
    let missed = now.duration_since(last) > late;
    let mut moved = Schedule {
        next: schedule.when.next_after(now),
        ..schedule
    };
    let entry = if missed {
        moved.missed = Some(Missed { at: last, since: now });
        moved.entry(now, "schedule missed", texts::missed_record(&moved, last))
    } else {
        moved.running.push(Taken { at: last, since: now });
        moved.last = Some(last);
        moved.entry(now, "schedule due", texts::due_record(&moved, last))
    };
    if !schedule::write(services, &moved, revision, &[entry]).await? {
        // Another replica was faster, or somebody unscheduled it.
        return Ok(());
    }
    if missed {
        tell(services, moved, last, false, tellers);
    } else {
        hear(services, &moved, last, false);
    }
    Ok(())
}

/// What the robot hears, perhaps after a process that died over it.
fn hear(services: &Services, schedule: &Schedule, at: Timestamp, again: bool) {
    tracing::info!(schedule = schedule.id, %at, "running what was scheduled");
    services.hear(Message {
        event: key(schedule, at),
        channel: schedule.origin.channel.clone(),
        kind: schedule.origin.kind.into(),
        thread: schedule.origin.thread.clone(),
        id: None,
        author: schedule.by.clone(),
        from_robot: false,
        content: vec![Segment::Text(schedule.line.clone())],
        via: Via::Schedule {
            id: schedule.id.clone(),
        },
        edited_from: None,
        hook: None,
        again,
    });
}

fn key(schedule: &Schedule, at: Timestamp) -> EventKey {
    EventKey::new(format!("schedule:{}:{at}", schedule.id))
}

/// Looks after runs that were taken: what nobody has claimed, or whose process died before its first word, is heard again; what has
/// been claimed for long enough is done with.
async fn look_after(
    services: &Services,
    kept: Kept,
    now: Timestamp,
    late: SignedDuration,
    tellers: &mut Tellers,
) -> Result {
    let Kept { schedule, revision } = kept;
    let mut sure = schedule.clone();
    for taken in &schedule.running {
        let key = key(&schedule, taken.at);
        if !services.store().claim(&key).await? {
            if now.duration_since(taken.since) > SURE {
                sure.running.retain(|other| other != taken);
            }
        } else if now.duration_since(taken.at) > late.min(CLAIMED).max(SURE) {
            // Claimed now, so that nobody else runs it.
            sure.running.retain(|other| other != taken);
            sure.missed = Some(Missed {
                at: taken.at,
                since: now,
            });
        } else {
            services.store().release(&key).await?;
            hear(services, &schedule, taken.at, true);
        }
    }
    if sure == schedule {
        return Ok(());
    }
    let newly = sure.missed.filter(|_| sure.missed != schedule.missed);
    let entries: Vec<_> = newly
        .map(|missed| sure.entry(now, "schedule missed", texts::missed_record(&sure, missed.at)))
        .into_iter()
        .collect();
    let written = schedule::write(services, &sure, revision, &entries).await?;
    if written && let Some(missed) = newly {
        tell(services, sure, missed.at, false, tellers);
    }
    Ok(())
}

/// Tells what another process set out to tell and did not come to.
async fn tell_again(
    services: &Services,
    kept: Kept,
    missed: Missed,
    now: Timestamp,
    tellers: &mut Tellers,
) -> Result {
    let mine = Schedule {
        missed: Some(Missed { since: now, ..missed }),
        ..kept.schedule
    };
    if schedule::write(services, &mine, kept.revision, &[]).await? {
        tell(services, mine, missed.at, true, tellers);
    }
    Ok(())
}

/// Begins to tell that a run was missed.
fn tell(services: &Services, schedule: Schedule, at: Timestamp, again: bool, tellers: &mut Tellers) {
    let services = services.clone();
    let telling = async move {
        if let Err(error) = told(&services, &schedule, at, again).await {
            let error = format!("{error:#}");
            tracing::warn!(
                error,
                schedule = schedule.id,
                "that a run was missed is told again later"
            );
        }
    };
    tellers.spawn(telling.in_current_span());
}

/// Tells in the channel that a run was missed, unless it stands there already, and notes that it is told.
async fn told(services: &Services, schedule: &Schedule, at: Timestamp, again: bool) -> Result {
    let (chat, place) = (services.chat(), schedule.origin.place());
    let key = format!("missed {} {at}", schedule.id);
    let stands = again && matches!(chat.find(&place, &key).await, Ok(Some(_)));
    if !stands {
        let post = Post::from(texts::missed(schedule, at)).keyed(key);
        match chat.post(&place, &post, Urgency::Answer).await {
            Ok(_) => {}
            // Where it is not taken, it never will be; it is in the audit trail.
            Err(error @ (ChatError::Refused(_) | ChatError::Missing(_))) => {
                tracing::error!(%error, schedule = schedule.id, "that a run was missed cannot be told");
            }
            Err(error) => return Err(error.into()),
        }
    }
    // It may have moved on in between.
    while let Some(kept) = schedule::find(services, &schedule.id).await? {
        if kept.schedule.missed.is_none_or(|missed| missed.at != at) {
            break;
        }
        let told = Schedule {
            missed: None,
            ..kept.schedule
        };
        if schedule::write(services, &told, kept.revision, &[]).await? {
            break;
        }
    }
    Ok(())
}
