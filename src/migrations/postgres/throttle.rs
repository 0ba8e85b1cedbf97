//! Purpose: whether a backfill is to leave the server alone for a moment: replicas are behind, or it has enough to do.

use super::session::{Fault, Session, fault};
use crate::run::{Settings, Throttle};
use sqlx::Row as _;
use std::time::Duration;

/// What is replayed late, and who is at work. Who waits for a lock or for its own client keeps no processor and no disk busy. Without the
/// rights of `pg_read_all_stats` the server hides what other roles do, and nothing is counted.
/// Who only receives, as `pg_receivewal` and a backup do, never replays, and is not waited for.
const ASK: &str = "SELECT (SELECT coalesce(max(extract(epoch FROM replay_lag)), 0)::float8 FROM pg_stat_replication WHERE replay_lsn IS NOT \
                   NULL), \
                   (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'active' AND pid <> \
                   pg_backend_pid() AND application_name NOT LIKE 'otus:%' AND coalesce(wait_event_type, '') NOT IN ('Lock', 'Client'))";

/// Why the next batch has to wait, if it has to.
pub(super) async fn throttle(session: &mut Session, settings: &Settings) -> Result<Option<Throttle>, Fault> {
    let wrong = |error: sqlx::Error| fault(&error, false);
    let rows = session.rows(ASK, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let behind: f64 = row.try_get(0).map_err(wrong)?;
    let active: i64 = row.try_get(1).map_err(wrong)?;
    Ok(judge(settings, behind, u32::try_from(active).unwrap_or(u32::MAX)))
}

/// The same, of what was counted: how far the farthest replica is behind, in seconds, and how many statements are at work.
fn judge(settings: &Settings, behind: f64, active: u32) -> Option<Throttle> {
    let behind = Duration::try_from_secs_f64(behind.max(0.0)).unwrap_or_default();
    let behind = u64::try_from(behind.as_millis()).unwrap_or(u64::MAX);
    if behind > settings.replica_lag_ms {
        return Some(Throttle::Replica(behind));
    }
    let most = settings.busy_statements;
    (most > 0 && active >= most).then_some(Throttle::Busy(active))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_replicas_first_and_for_a_busy_server_where_that_is_wanted() {
        let settings = |busy_statements| Settings {
            replica_lag_ms: 5_000,
            busy_statements,
            ..Settings::default()
        };
        for (most, behind, active, why) in [
            (4, 0.0, 3, None),
            (4, 0.0, 4, Some(Throttle::Busy(4))),
            (4, 5.0, 0, None),
            (4, 5.5, 9, Some(Throttle::Replica(5_500))),
            (0, 0.0, 9_000, None),
            // A clock that went back.
            (4, -1.0, 0, None),
        ] {
            assert_eq!(
                judge(&settings(most), behind, active),
                why,
                "{most} {behind} {active}"
            );
        }
    }
}
