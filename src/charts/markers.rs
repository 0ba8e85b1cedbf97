//! Events on the time axis: a dashed line each, and labels in lanes above the plot that never touch each other, nor a
//! line that is not theirs.

use crate::thresholds::Level;

/// Something that happened: a deploy, a migration, a flag's change, an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Marker {
    pub(crate) at: f64,
    pub(crate) until: Option<f64>,
    pub(crate) label: String,
    pub(crate) level: Option<Level>,
}

impl Marker {
    /// An event at some Unix seconds, like `deploy checkout v2.41.0`. Events too close to be told apart become one; of one
    /// kind they keep its word, as `2 deploys`.
    pub fn new(at: f64, label: impl Into<String>) -> Self {
        Self {
            at,
            until: None,
            label: label.into(),
            level: None,
        }
    }

    /// Until when it lasted, as an alert from its beginning to its end: the time between is shaded.
    #[must_use]
    pub fn until(mut self, end: f64) -> Self {
        self.until = Some(end).filter(|end| end.is_finite() && *end > self.at);
        self
    }

    /// How bad it is, which gives it that colour: an alert is not a deploy.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    /// From when to when it is seen in a range, if it is.
    pub(crate) fn seen(&self, start: f64, end: f64) -> Option<(f64, f64)> {
        let until = self.until.unwrap_or(self.at);
        (self.at <= end && until >= start).then(|| (self.at.max(start), until.min(end)))
    }
}

/// An event with its place on the axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) x: f32,
    pub(crate) label: String,
    pub(crate) level: Option<Level>,
}

/// A marker with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    pub(crate) x: f32,
    /// How many events it stands for; their common label, lane (0 is next to the plot) and left end. No label when there
    /// is no room for one: the line says that something happened.
    pub(crate) label: Option<(String, usize, f32)>,
    /// That of the worst of them.
    pub(crate) level: Option<Level>,
}

pub(crate) const LANES: usize = 3;

/// Where labels may be.
pub(crate) struct Room {
    pub(crate) left: f32,
    pub(crate) right: f32,
    /// The least distance between two labels, and between a label and a foreign line.
    pub(crate) apart: f32,
    /// Events nearer than this are one.
    pub(crate) merge: f32,
    /// How many lanes there are, at most `LANES`.
    pub(crate) lanes: usize,
}

/// Places the labels of events; `measure` tells how wide a label is.
pub(crate) fn place(mut events: Vec<Event>, room: &Room, measure: impl Fn(&str) -> f32) -> Vec<Placed> {
    events.sort_by(|a, b| a.x.total_cmp(&b.x));
    let merged = merge(events, room.merge);
    let lines: Vec<f32> = merged.iter().map(|e| e.x).collect();
    let mut taken: [Vec<(f32, f32)>; LANES] = Default::default();
    let mut leaders: Vec<(f32, usize)> = Vec::new();
    let mut placed = Vec::with_capacity(merged.len());
    for Event { x, label, level } in merged {
        let width = measure(&label);
        let label = spot(x, width, room, &lines, &taken, &leaders).map(|(lane, left)| {
            taken[lane].push((left, left + width));
            leaders.push((x, lane));
            (label, lane, left)
        });
        placed.push(Placed { x, label, level });
    }
    placed
}

/// The first free spot: the lowest lane, over the line if possible, else beside it.
fn spot(
    x: f32,
    width: f32,
    room: &Room,
    lines: &[f32],
    taken: &[Vec<(f32, f32)>; LANES],
    leaders: &[(f32, usize)],
) -> Option<(usize, f32)> {
    if width > room.right - room.left || width <= 0.0 {
        return None;
    }
    let apart = room.apart;
    for (lane, labels) in taken.iter().enumerate().take(room.lanes) {
        // The line climbs to its label through the lanes below.
        if taken[..lane]
            .iter()
            .flatten()
            .any(|(l, r)| x > l - apart && x < r + apart)
        {
            continue;
        }
        for left in [x - width / 2.0, x - width + apart, x - apart] {
            let left = left.clamp(room.left, room.right - width);
            let (from, to) = (left - apart, left + width + apart);
            let free = labels.iter().all(|(l, r)| *r <= from || *l >= to)
                && leaders
                    .iter()
                    .all(|(line, up)| *up <= lane || *line <= from || *line >= to);
            // What is still to come must find its way up, too.
            let polite = lane + 1 == room.lanes
                || lines
                    .iter()
                    .all(|line| *line <= x || *line <= from || *line >= to);
            if free && polite {
                return Some((lane, left));
            }
        }
    }
    None
}

/// Events too near each other to be told apart become one: "2 deploys".
fn merge(events: Vec<Event>, near: f32) -> Vec<Event> {
    let mut groups: Vec<Vec<Event>> = Vec::new();
    for event in events {
        match groups.last_mut() {
            Some(group) if event.x - group[0].x < near => group.push(event),
            _ => groups.push(vec![event]),
        }
    }
    groups
        .into_iter()
        .map(|group| match group.as_slice() {
            [only] => only.clone(),
            many => Event {
                x: many.iter().map(|e| e.x).sum::<f32>() / many.len() as f32,
                label: together(many),
                level: many.iter().filter_map(|e| e.level).max(),
            },
        })
        .collect()
}

fn together(many: &[Event]) -> String {
    let first = |label: &str| label.split_whitespace().next().unwrap_or_default().to_owned();
    let word = first(&many[0].label);
    let same = !word.is_empty() && many.iter().all(|e| first(&e.label) == word);
    let word = if same && word.chars().all(char::is_alphabetic) {
        word
    } else {
        "event".to_owned()
    };
    format!(
        "{} {word}{}",
        many.len(),
        if word.ends_with('s') { "" } else { "s" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROOM: Room = Room {
        left: 20.0,
        right: 1580.0,
        apart: 10.0,
        merge: 16.0,
        lanes: LANES,
    };

    fn measure(text: &str) -> f32 {
        text.chars().count() as f32 * 10.0
    }

    fn events_at(all: Vec<(f32, String)>) -> Vec<Event> {
        all.into_iter()
            .map(|(x, label)| Event {
                x,
                label,
                level: None,
            })
            .collect()
    }

    #[test]
    fn an_event_that_lasts_is_seen_where_it_overlaps() {
        let alert = Marker::new(10.0, "alert").until(30.0);
        assert_eq!(alert.seen(20.0, 100.0), Some((20.0, 30.0)));
        assert_eq!(alert.seen(31.0, 100.0), None);
        assert_eq!(
            Marker::new(10.0, "x").until(5.0).seen(0.0, 20.0),
            Some((10.0, 10.0))
        );
        assert_eq!(Marker::new(f64::NAN, "x").seen(0.0, 20.0), None);
    }

    #[test]
    fn close_events_are_staggered_and_very_close_ones_merged() {
        let events = vec![
            (900.0, "deploy checkout v2.41.0".to_owned()),
            (700.0, "deploy checkout v2.40.0".to_owned()),
            (905.0, "deploy search v7".to_owned()),
            (780.0, "alert HighLatency".to_owned()),
        ];
        let placed = place(events_at(events), &ROOM, measure);
        let labels: Vec<_> = placed
            .iter()
            .filter_map(|p| p.label.as_ref().map(|(l, lane, _)| (l.as_str(), *lane)))
            .collect();
        assert_eq!(placed.len(), 3);
        assert!(labels.iter().any(|(l, _)| *l == "2 deploys"), "{labels:?}");
        assert_eq!(labels.len(), 3, "{labels:?}");
    }

    proptest! {
        #[test]
        fn labels_never_touch(events in prop::collection::vec((0.0_f32..1600.0, "[a-z]{1,40}"), 0..40)) {
            let placed = place(events_at(events), &ROOM, measure);
            let all: Vec<(f32, usize, f32, f32)> = placed
                .iter()
                .filter_map(|p| p.label.as_ref().map(|(l, lane, left)| (p.x, *lane, *left, left + measure(l))))
                .collect();
            for (i, (x, lane, left, right)) in all.iter().enumerate() {
                prop_assert!(*left >= ROOM.left && *right <= ROOM.right);
                for (other, (line, up, l, r)) in all.iter().enumerate() {
                    if i == other { continue; }
                    prop_assert!(lane != up || right <= l || r <= left, "two labels overlap");
                    // A line passes the lanes below its label.
                    prop_assert!(up <= lane || line <= left || line >= right, "a line crosses a label: {x} {line}");
                }
            }
        }
    }
}
