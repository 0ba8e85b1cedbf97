//! What Prometheus, or the query of a rule of Grafana's own, says of what fires: the values now, and the graph of the alert's expression, its left side with the limit, what
//! fires strong and the rest dim, with the deploys of that time.
//!
//! This is done beside everything else, one item for each group, so that one that is away or hangs costs the graph and
//! nothing else. What came of it is kept with the group; the message is written by who writes messages.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use otus::{
    Picture, Result, Services, beside,
    card::File,
    outbox::{Taken, Worked, Worker},
};
use otus_charts::{Chart, Marker, Threshold, Unit};
use otus_monitoring::{
    Error as Failure, Labels, Point, Prometheus, Series,
    alertmanager::expression,
    grafana::{
        Grafana, GrafanaError,
        dashboards::{AlertRule, Span},
    },
    step::{Range, Rules},
    threshold::{self, Bad},
};

use crate::{
    House,
    deploys::{self, Spot},
    group::{Alert, Group, Reading},
    keep::{self, Change},
    looks, pause,
    settings::signed,
    texts,
};

/// The longest time a graph shows.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// At most so much is shown after an alert's end.
const AFTER: SignedDuration = SignedDuration::from_mins(5);
/// So many curves of one expression are drawn.
const CURVES: usize = 3;

/// Who draws.
pub(crate) struct Studio {
    pub(crate) house: House,
    pub(crate) services: Services,
}

/// What came of asking.
struct Found {
    expression: String,
    range: Range,
    series: Vec<Series>,
    limit: Option<threshold::Limit>,
}

/// What an expression is drawn as.
struct Drawing {
    values: BTreeMap<String, f64>,
    unit: Unit,
    limit: Option<threshold::Limit>,
    chart: Option<Chart>,
}

impl Studio {
    /// Works until the robot stops.
    pub(crate) async fn run(&self) {
        let outbox = keep::pictures(&self.services);
        loop {
            if let Err(error) = outbox.work(self).await {
                tracing::warn!(%error, "graphs of alerts that wait cannot be read; it is tried again");
            }
            if pause(&self.services, &self.house.draw, looks()).await.is_none() {
                return;
            }
        }
    }

    /// The reading of a group as it is now, and its picture; what keeps it from being had is said in it.
    async fn read(&self, group: &Group, now: Timestamp) -> Result<Reading> {
        let mut reading = Reading {
            at: now,
            episode: group.episode,
            of: group.state(),
            values: BTreeMap::new(),
            worst: None,
            limit: None,
            picture: None,
            trouble: None,
        };
        let found = match (asked(group), &self.house.prometheus) {
            (Some(expression), Some(prometheus)) => self
                .prometheus(prometheus, group, &expression, now)
                .await
                .map_err(|failure| (failure.to_string(), texts::trouble(&failure))),
            (Some(_), None) => return Ok(reading),
            (None, _) => match self.rule(group) {
                Some((grafana, uid)) => self
                    .grafana(grafana, group, &uid, now)
                    .await
                    .map_err(|failure| (failure.to_string(), texts::grafana_trouble(&failure))),
                None => return Ok(reading),
            },
        };
        let drawn = match found {
            Ok(found) => self.draw(group, found).await,
            Err((error, trouble)) => {
                tracing::info!(alerts = group.id, error, "an alert has no graph");
                reading.trouble = Some(trouble);
                return Ok(reading);
            }
        };
        reading.limit = drawn
            .limit
            .map(|limit| format!("{} {}", limit.bad.symbol(), drawn.unit.value(limit.value)));
        let low = matches!(drawn.limit.map(|limit| limit.bad), Some(Bad::Below | Bad::AtMost));
        let worst = drawn.values.values().copied().filter(|value| !value.is_nan());
        let worst = worst.reduce(|a, b| if low { a.min(b) } else { a.max(b) });
        reading.worst = worst.map(|value| drawn.unit.value(value));
        let texts = drawn
            .values
            .into_iter()
            .map(|(of, value)| (of, drawn.unit.value(value)));
        reading.values = texts.collect();
        let Some(chart) = drawn.chart else {
            reading.trouble = Some(texts::no_data());
            return Ok(reading);
        };
        // Drawing keeps a CPU busy for tens of milliseconds.
        let picture = beside::compute(move || chart.render()).await??;
        let file = File {
            name: format!("alert-{}-{}.png", group.short(), now.as_second()),
            title: texts::picture_title(group),
            alt: Some(picture.alt.clone()),
            comment: None,
            bytes: picture.png,
        };
        match self.services.chat().keep(file).await {
            Ok(Some(file)) => {
                reading.picture = Some(Picture {
                    file,
                    alt: picture.alt,
                });
            }
            Ok(None) => reading.trouble = Some(texts::no_pictures()),
            // The values are told all the same, and the picture is tried again.
            Err(error) => reading.trouble = Some(texts::not_taken(&error)),
        }
        Ok(reading)
    }

    /// What Prometheus says of an expression: the curves on its left side.
    async fn prometheus(
        &self,
        prometheus: &Prometheus,
        group: &Group,
        expression: &str,
        now: Timestamp,
    ) -> Result<Found, Failure> {
        let (start, end) = window(self.house.settings().range, group, now);
        let range = self.rules(now).plan(start, end)?;
        let mut series = Vec::new();
        let mut limit = None;
        for curve in threshold::split(expression).into_iter().take(CURVES) {
            let answer = prometheus.query_range(curve.query, &range).await?;
            series.extend(answer.data.series().to_vec());
            limit = limit.or(curve.limit);
        }
        Ok(Found {
            expression: expression.to_owned(),
            range,
            series,
            limit,
        })
    }

    /// The rule of Grafana's own that most of the alerts come from.
    fn rule(&self, group: &Group) -> Option<(&Grafana, String)> {
        let grafana = self.house.grafana.as_deref()?;
        let uid = most(group, |alert| {
            AlertRule::uid_in(grafana.base(), &alert.generator_url)
        })?;
        Some((grafana, uid))
    }

    /// What Grafana says of the query of such a rule.
    async fn grafana(
        &self,
        grafana: &Grafana,
        group: &Group,
        uid: &str,
        now: Timestamp,
    ) -> Result<Found, GrafanaError> {
        let (start, end) = window(self.house.settings().range, group, now);
        let rule = grafana.alert_rule(uid).await?;
        let span = Span {
            start,
            end,
            rules: self.rules(now),
        };
        let results = grafana.alert_courses(&rule, &span).await?;
        let series = results.courses.into_iter().map(|course| Series {
            labels: course.labels,
            points: course
                .points
                .into_iter()
                .map(|(at, value)| Point {
                    at_ms: (at * 1e3).round() as i64,
                    value,
                })
                .collect(),
        });
        Ok(Found {
            expression: results.queries.into_iter().next().unwrap_or(rule.query),
            range: results.range,
            series: series.collect(),
            limit: rule.limit,
        })
    }

    /// How steps are chosen, in the zone of the channel.
    fn rules(&self, now: Timestamp) -> Rules {
        let mut rules = self.house.rules.clone();
        rules.utc_offset_seconds = self.house.ready.zone.to_offset(now).seconds();
        rules
    }

    async fn draw(&self, group: &Group, found: Found) -> Drawing {
        let Found {
            expression,
            range,
            series,
            limit,
        } = found;
        let unit = Unit::guess(&expression);
        let series: Vec<(Series, bool)> = series
            .into_iter()
            .map(|series| {
                let is_ours = group
                    .alerts
                    .values()
                    .any(|alert| is_of(&series.labels, &alert.labels));
                (series, is_ours)
            })
            .collect();
        let newest = range.end_ms() - 3 * i64::try_from(range.step().as_millis()).unwrap_or(i64::MAX / 8);
        let mut values = BTreeMap::new();
        for (fingerprint, alert) in &group.alerts {
            let own = series
                .iter()
                .find(|(series, _)| is_of(&series.labels, &alert.labels));
            let last = own.and_then(|(series, _)| series.points.last());
            if let Some(last) = last.filter(|point| point.at_ms >= newest) {
                values.insert(fingerprint.clone(), last.value);
            }
        }
        let chart = if series.is_empty() {
            None
        } else {
            Some(self.chart(group, &expression, &range, series, unit, limit).await)
        };
        Drawing {
            values,
            unit,
            limit,
            chart,
        }
    }

    async fn chart(
        &self,
        group: &Group,
        expression: &str,
        range: &Range,
        series: Vec<(Series, bool)>,
        unit: Unit,
        limit: Option<threshold::Limit>,
    ) -> Chart {
        let seconds = |ms: i64| ms as f64 / 1e3;
        let any_ours = series.iter().any(|(_, ours)| *ours);
        let lines = series.into_iter().map(|(line, ours)| {
            let points = line
                .points
                .iter()
                .map(|point| (seconds(point.at_ms), point.value))
                .collect();
            let drawn = otus_charts::Series::labelled(line.labels, points);
            if ours || !any_ours { drawn } else { drawn.dimmed() }
        });
        let chart = Chart::new(texts::picture_title(group))
            .query(expression)
            .unit(unit)
            .range(
                seconds(range.start_ms()),
                seconds(range.end_ms()),
                range.step().as_secs_f64(),
            )
            .zone(self.house.ready.zone.clone())
            .theme(self.house.settings().theme.into())
            .all_series(lines);
        let chart = match limit.and_then(drawn_limit) {
            Some(limit) => chart.threshold(limit),
            None => chart,
        };
        let spot = Spot::of(
            &self.house,
            &self.services,
            group.alerts.values().map(|alert| &alert.labels),
        );
        let since = Timestamp::from_millisecond(range.start_ms()).unwrap_or(group.began);
        let deploys = deploys::since(&self.services, &spot, since).await;
        let marker = |at: Timestamp, label: String| Marker::new(at.as_millisecond() as f64 / 1e3, label);
        let chart = deploys.iter().fold(chart, |chart, deploy| {
            chart.marker(marker(deploy.began, texts::mark(deploy)))
        });
        let chart = chart.marker(marker(group.began, texts::MARK_FIRES.to_owned()));
        match group.resolved {
            // The range ends at a whole step, which may be a moment before.
            Some(resolved) => {
                let end = Timestamp::from_millisecond(range.end_ms()).unwrap_or(resolved);
                chart.marker(marker(resolved.min(end), texts::MARK_RESOLVED.to_owned()))
            }
            None => chart,
        }
    }
}

/// The expression that most of the alerts come from; those that fire first.
fn asked(group: &Group) -> Option<String> {
    most(group, |alert| expression(&alert.generator_url))
}

/// What most of the alerts have; those that fire first.
fn most(group: &Group, of: impl Fn(&Alert) -> Option<String>) -> Option<String> {
    let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for alert in group.alerts.values() {
        if let Some(own) = of(alert) {
            let counted = found.entry(own).or_default();
            counted.0 += usize::from(alert.ended.is_none());
            counted.1 += 1;
        }
    }
    let most = found.into_iter().max_by_key(|(_, counted)| *counted);
    most.map(|(own, _)| own)
}

/// Whether a series is what an alert fires for: an alert has all labels of its series, and more.
fn is_of(series: &Labels, alert: &Labels) -> bool {
    series
        .iter()
        .filter(|(name, _)| *name != "__name__")
        .all(|(name, value)| alert.get(name) == Some(value))
}

/// How long after an alert's end its last graph is drawn, so that it shows that all is well.
pub(crate) fn after(least: Duration) -> SignedDuration {
    AFTER.min(signed(least / 12))
}

/// What is shown: three times as long as it fires, and an hour at least; a while beyond its end.
fn window(least: Duration, group: &Group, now: Timestamp) -> (Timestamp, Timestamp) {
    let end = match group.resolved {
        Some(resolved) => now.min(resolved.checked_add(after(least)).unwrap_or(now)),
        None => now,
    };
    let fired = end.duration_since(group.began).max(SignedDuration::ZERO);
    let back = fired.saturating_mul(3).max(signed(least)).min(LONGEST);
    (end.checked_sub(back).unwrap_or(end), end)
}

/// A limit that has a side; a picture has no word for being equal to something.
fn drawn_limit(limit: threshold::Limit) -> Option<Threshold> {
    match limit.bad {
        Bad::Above | Bad::AtLeast => Some(Threshold::above(limit.value)),
        Bad::Below | Bad::AtMost => Some(Threshold::below(limit.value)),
        Bad::Equal | Bad::NotEqual => None,
    }
}

#[async_trait]
impl Worker for Studio {
    async fn work(&self, item: &mut Taken) -> Result<Worked> {
        let mut parts = item.key().split(' ');
        let (Some(id), Some(episode)) = (
            parts.next(),
            parts.next().and_then(|text| text.parse::<u64>().ok()),
        ) else {
            return Ok(Worked::Over);
        };
        let Some(group) = keep::one(&self.services, id).await? else {
            return Ok(Worked::Over);
        };
        if group.episode != episode {
            return Ok(Worked::Over);
        }
        let now = self.services.store().now().await?;
        let reading = self.read(&group, now).await?;
        let kept = keep::change(&self.services, id, &[], |known| match known {
            Some(mut known) if known.episode == episode => {
                let mut reading = reading.clone();
                // An older picture says more than none.
                if reading.picture.is_none()
                    && let Some(earlier) = known.reading.take().filter(|earlier| earlier.episode == episode)
                {
                    reading.picture = earlier.picture;
                }
                known.reading = Some(reading);
                Change::To(Box::new(known))
            }
            _ => Change::None,
        })
        .await?;
        if let Some(kept) = &kept {
            keep::tell(&self.house, &self.services, kept, false).await?;
        }
        Ok(match kept {
            Some(group) if group.is_firing() => Worked::Done,
            _ => Worked::Over,
        })
    }
}
