//! Purpose: shares that grow with time, by themselves: a ramp is a rule whose weights are functions of `$flagd.timestamp`.
//!
//! So nobody has to do anything while it runs, no replica can forget it, and any client that evaluates flagd's documents
//! itself ramps along. The total of the weights never changes, so nobody who got the new one is given the old one again.
//!
//! What is served changes with the clock then, and those who listen have to be told. [`Clock`] says when: for ramps a hundred
//! times, but never more often than every ten seconds; and at each moment that a rule compares the time with.

use crate::{bucketing::MOST_WEIGHT, definition::Document};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Listeners are told of a ramp's progress at most so often, in seconds.
const GRID: i64 = 10;

/// A number this large in a rule about the time is a moment: the second of September 2001 at which there were ten digits.
const MOMENT: i64 = 1_000_000_000;

/// Somebody's share of a variant, growing or shrinking evenly from one moment to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Ramp {
    /// What more and more get.
    pub variant: String,
    /// What the others get.
    pub other: String,
    /// The share at the start, in percent.
    pub from: u8,
    /// The share at the end, in percent.
    pub to: u8,
    /// When it starts, in seconds since 1970.
    pub start: i64,
    /// When it ends.
    pub end: i64,
    /// What is bucketed by: nothing for the flag's key and the targeting key.
    pub by: Option<Value>,
}

/// Why there can be no such ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RampFault {
    /// It ends before it starts.
    #[error("a ramp ends after it starts")]
    Backwards,
    /// More than everybody.
    #[error("a share is at most 100 %")]
    Share,
    /// Its weights would be too large.
    #[error("a ramp takes at most 248 days: flagd's weights are not larger")]
    TooLong,
}

impl Ramp {
    /// The rule that does it, for any evaluator of flagd's documents.
    ///
    /// # Errors
    /// [`RampFault`] says why there is none.
    pub fn rule(&self) -> Result<Value, RampFault> {
        let length = self
            .end
            .checked_sub(self.start)
            .filter(|length| *length > 0)
            .ok_or(RampFault::Backwards)?;
        if self.from > 100 || self.to > 100 {
            return Err(RampFault::Share);
        }
        let total = length
            .checked_mul(100)
            .filter(|total| *total <= MOST_WEIGHT)
            .ok_or(RampFault::TooLong)?;
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        // Seconds that have passed, within the ramp.
        let passed = json!({"max": [0, {"min": [length, {"-": [{"var": "$flagd.timestamp"}, self.start]}]}]});
        let weight = json!({"+": [from * length, {"*": [to - from, passed]}]});
        let rest = json!({"-": [total, weight]});
        let mut args = vec![json!([self.variant, weight]), json!([self.other, rest])];
        if let Some(by) = &self.by {
            args.insert(0, by.clone());
        }
        Ok(json!({ "fractional": args }))
    }

    /// The ramp that a rule is, if it is one that [`rule`](Self::rule) wrote.
    #[must_use]
    pub fn read(rule: &Value) -> Option<Self> {
        let args = rule.get("fractional")?.as_array()?;
        let (by, args) = match args.as_slice() {
            [by, args @ ..] if !by.is_array() => (Some(by.clone()), args),
            args => (None, args),
        };
        let [one, other] = args else { return None };
        let weight = &one[1];
        let base = weight["+"][0].as_i64()?;
        let slope = weight["+"][1]["*"][0].as_i64()?;
        let passed = &weight["+"][1]["*"][1]["max"][1]["min"];
        let length = passed[0].as_i64().filter(|length| *length > 0)?;
        let start = passed[1]["-"][1].as_i64()?;
        let from = base / length;
        let ramp = Self {
            variant: one[0].as_str()?.to_owned(),
            other: other[0].as_str()?.to_owned(),
            from: u8::try_from(from).ok()?,
            to: u8::try_from(from + slope).ok()?,
            start,
            end: start.checked_add(length)?,
            by,
        };
        // Whatever else may be in it, it is one if it would be written so.
        (ramp.rule().ok()? == *rule).then_some(ramp)
    }

    /// The share at a moment, from 0 to 1.
    #[must_use]
    pub fn share(&self, now: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "seconds of at most 248 days")]
        let passed = (now.clamp(self.start, self.end) - self.start) as f64 / (self.end - self.start) as f64;
        (f64::from(self.from) + (f64::from(self.to) - f64::from(self.from)) * passed) / 100.0
    }
}

/// When time alone changes what a flag set gives. All replicas that hold the same set count the same ticks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clock {
    moments: Vec<i64>,
    /// Start, end, and the step between.
    ramps: Vec<(i64, i64, i64)>,
}

impl Clock {
    /// That of a document.
    #[must_use]
    pub(crate) fn of(document: &Document) -> Self {
        let mut clock = Self::default();
        let mut moments = BTreeSet::new();
        let rules = document.flags.values().filter_map(|flag| flag.targeting.as_ref());
        for rule in rules.chain(document.evaluators.values()) {
            if rule.to_string().contains("$flagd.timestamp") {
                clock.look(rule, &mut moments);
            }
        }
        clock.moments = moments.into_iter().collect();
        clock
    }

    fn look(&mut self, rule: &Value, moments: &mut BTreeSet<i64>) {
        if let Some(ramp) = Ramp::read(rule) {
            let step = (0..)
                .map(|doublings| GRID << doublings)
                .find(|step| step * 100 >= ramp.end - ramp.start);
            self.ramps.push((ramp.start, ramp.end, step.unwrap_or(GRID)));
            moments.extend([ramp.start, ramp.end]);
            return;
        }
        match rule {
            Value::Number(number) => moments.extend(number.as_i64().filter(|number| *number >= MOMENT)),
            Value::Array(items) => items.iter().for_each(|item| self.look(item, moments)),
            Value::Object(object) => object.values().for_each(|value| self.look(value, moments)),
            _ => {}
        }
    }

    /// How many ticks there were up to a moment.
    #[must_use]
    pub fn ticks(&self, now: i64) -> u64 {
        let moments = self.moments.partition_point(|moment| *moment <= now);
        // Steps are multiples of one grid of absolute time, so that ramps that run together tick together.
        let ramps = self.ramps.iter().map(|(start, end, step)| {
            let at = now.clamp(*start, *end);
            at.div_euclid(*step) - start.div_euclid(*step)
        });
        moments as u64 + ramps.sum::<i64>().unsigned_abs()
    }

    /// When the next one is.
    #[must_use]
    pub fn next(&self, now: i64) -> Option<i64> {
        let moment = self.moments.iter().copied().find(|moment| *moment > now);
        let ramps = self.ramps.iter().filter_map(|(start, end, step)| {
            let next = (now.max(*start).div_euclid(*step) + 1) * step;
            (next <= *end && now < *end).then_some(next)
        });
        ramps.chain(moment).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Definition, Evaluator, FlagSet};
    use proptest::prelude::*;

    fn ramp() -> impl Strategy<Value = Ramp> {
        (
            0..=100_u8,
            0..=100_u8,
            1_700_000_000..1_800_000_000_i64,
            1..20_000_000_i64,
            any::<bool>(),
        )
            .prop_map(|(from, to, start, length, by)| Ramp {
                variant: "on".into(),
                other: "off".into(),
                from,
                to,
                start,
                end: start + length,
                by: by.then(|| json!({"var": "email"})),
            })
    }

    fn set(ramp: &Ramp) -> FlagSet {
        let mut definition = Definition::switch(false);
        definition.targeting = Some(ramp.rule().unwrap());
        let document = Document {
            flags: [("nav".to_owned(), definition)].into(),
            ..Document::default()
        };
        assert_eq!(crate::check(&document), []);
        FlagSet::compile("production", 1, &document)
    }

    fn on(set: &FlagSet, who: &str, now: i64) -> bool {
        let context = Context::from_value(&json!({"targetingKey": who, "email": who})).unwrap();
        let outcome = Evaluator::new()
            .evaluate(set, set.flag("nav").unwrap(), &context, now)
            .variant()
            .map(str::to_owned);
        outcome.unwrap() == "on"
    }

    proptest! {
        #[test]
        fn a_ramp_is_read_as_it_was_written(ramp in ramp()) {
            prop_assert_eq!(Ramp::read(&ramp.rule().unwrap()), Some(ramp));
        }

        #[test]
        fn nobody_goes_back(ramp in ramp(), who in "[a-z]{1,8}", mut times in prop::collection::vec(-0.2..1.2_f64, 8)) {
            let set = set(&ramp);
            times.sort_by(f64::total_cmp);
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a test's moments")]
            let seen: Vec<_> = times
                .iter()
                .map(|time| on(&set, &who, ramp.start + ((ramp.end - ramp.start) as f64 * time) as i64))
                .collect();
            let mut sorted = seen.clone();
            sorted.sort_unstable();
            if ramp.to < ramp.from {
                sorted.reverse();
            }
            prop_assert_eq!(seen, sorted);
        }

        #[test]
        fn the_ends_are_exact(ramp in ramp(), who in "[a-z]{1,8}") {
            let set = set(&ramp);
            let fits = |share: u8, on: bool| share != 0 && share != 100 || on == (share == 100);
            prop_assert!(fits(ramp.from, on(&set, &who, ramp.start - 1_000_000)));
            prop_assert!(fits(ramp.to, on(&set, &who, ramp.end + 1_000_000)));
        }

        #[test]
        fn ticks_are_counted_when_they_are_said_to_be(ramp in ramp()) {
            let clock = set(&ramp).clock().clone();
            let mut now = ramp.start - 100;
            let (mut ticks, mut last) = (clock.ticks(now), None::<i64>);
            let mut count = 0;
            while let Some(next) = clock.next(now) {
                prop_assert_eq!(clock.ticks(next - 1), ticks, "nothing in between");
                prop_assert!(clock.ticks(next) > ticks);
                if let Some(last) = last && next != ramp.end && last != ramp.start {
                    prop_assert!(next - last >= GRID);
                }
                (now, ticks, last) = (next, clock.ticks(next), Some(next));
                count += 1;
            }
            prop_assert_eq!(now, ramp.end);
            prop_assert!(count <= 104);
        }
    }

    #[test]
    fn about_as_many_as_it_says() {
        let ramp = Ramp {
            variant: "on".into(),
            other: "off".into(),
            from: 0,
            to: 100,
            start: 1_700_000_000,
            end: 1_700_007_200,
            by: None,
        };
        let set = set(&ramp);
        for share in [10, 50, 90] {
            let now = ramp.start + 72 * share;
            let count = (0..2000)
                .filter(|who| on(&set, &format!("user-{who}"), now))
                .count();
            let wanted = usize::try_from(share).unwrap() * 20;
            assert!(count.abs_diff(wanted) < 100, "{share} %: {count} of 2000");
            #[expect(clippy::cast_precision_loss, reason = "a percentage")]
            let exact = share as f64 / 100.0;
            assert!((ramp.share(now) - exact).abs() < 1e-9);
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        let ramp = Ramp {
            variant: "on".into(),
            other: "off".into(),
            from: 0,
            to: 100,
            start: 10,
            end: 10,
            by: None,
        };
        assert_eq!(ramp.rule(), Err(RampFault::Backwards));
        assert_eq!(
            Ramp {
                to: 101,
                end: 20,
                ..ramp.clone()
            }
            .rule(),
            Err(RampFault::Share)
        );
        assert_eq!(
            Ramp {
                end: 30_000_000,
                ..ramp
            }
            .rule(),
            Err(RampFault::TooLong)
        );
    }

    #[test]
    fn moments_of_rules_are_ticks() {
        let mut definition = Definition::switch(false);
        definition.targeting =
            Some(json!({"if": [{">=": [{"var": "$flagd.timestamp"}, 1_750_000_000]}, "on", "off"]}));
        let document = Document {
            flags: [("nav".to_owned(), definition)].into(),
            ..Document::default()
        };
        let clock = Clock::of(&document);
        assert_eq!(clock.next(0), Some(1_750_000_000));
        assert_eq!((clock.ticks(1_749_999_999), clock.ticks(1_750_000_000)), (0, 1));
        assert_eq!(clock.next(1_750_000_000), None);
    }
}
