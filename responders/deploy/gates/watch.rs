//! One gate of one deploy: what was seen, in the words of the engine, and in which half of the deploy. Pure, and kept with the
//! operation, so that it goes on after a crash.

use jiff::{SignedDuration, Timestamp};
use otus_monitoring::gate::{Answer, Failure, Gate, GateConfig, Outcome, Unclear, Verdict};
use serde::{Deserialize, Serialize};

/// A gate while its deploy goes on.
///
/// While pods are being replaced only a value that is bad counts: it stops a deploy before everybody has it. Passing begins when
/// all pods are new; what was measured before was about the old ones, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    gate: Gate,
    before: Option<f64>,
    baking: bool,
    last: Option<Outcome>,
    sampled: Option<Timestamp>,
    answered: Option<String>,
}

impl Watch {
    /// For a change that was made then, with the value from before it.
    pub(crate) fn new(config: GateConfig, made: Timestamp, before: Option<f64>) -> Self {
        Watch {
            gate: Gate::new(config, made).with_before(before),
            before,
            baking: false,
            last: None,
            sampled: None,
            answered: None,
        }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.gate.config().name
    }

    /// The engine's gate.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What the last sample said.
    pub(crate) fn last(&self) -> Option<&Outcome> {
        self.last.as_ref()
    }

    /// Who answered for it last.
    pub(crate) fn answered(&self) -> Option<&str> {
        self.answered.as_deref()
    }

    /// All pods are new since then. Answers whether that is news.
    pub(crate) fn bake(&mut self, at: Timestamp) -> bool {
        if self.baking || self.gate.verdict().is_final() {
            return false;
        }
        self.baking = true;
        self.renew(at);
        true
    }

    /// When it is to be asked; never again when it is over.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        if self.gate.verdict().is_final() {
            return None;
        }
        let interval = SignedDuration::try_from(self.gate.config().interval).unwrap_or(SignedDuration::MAX);
        let rested = self
            .sampled
            .and_then(|sampled| sampled.checked_add(interval).ok());
        Some(rested.map_or(self.gate.next_at(), |rested| rested.max(self.gate.next_at())))
    }

    /// Takes in a sample.
    pub(crate) fn feed(&mut self, at: Timestamp, outcome: Outcome) {
        let verdict = self.gate.feed(at, &outcome);
        self.sampled = Some(at);
        self.last = Some(outcome);
        if !self.baking && verdict.is_final() && self.failure().is_none() {
            self.renew(at);
        }
    }

    /// Takes in what somebody says who was asked.
    pub(crate) fn answer(&mut self, at: Timestamp, answer: Answer, by: String) {
        if self.asks().is_some() {
            self.gate.answer(at, answer);
            self.answered = Some(by);
        }
    }

    /// What decided against the deploy.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self.gate.verdict() {
            Verdict::Failed { why, .. } if self.baking || matches!(why, Failure::Value { .. }) => Some(why),
            _ => None,
        }
    }

    /// Whether it is passed.
    pub(crate) fn is_passed(&self) -> bool {
        self.baking && matches!(self.gate.verdict(), Verdict::Passed { .. })
    }

    /// What somebody has to answer for, and since when.
    pub(crate) fn asks(&self) -> Option<(Unclear, Timestamp)> {
        match self.gate.verdict() {
            Verdict::Asking { why, since, .. } if self.baking => Some((why, since)),
            _ => None,
        }
    }

    fn renew(&mut self, at: Timestamp) {
        self.gate = Gate::new(self.gate.config().clone(), at).with_before(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus_monitoring::gate::{Bound, NoData, OnNoData};
    use proptest::prelude::*;

    fn config(on_no_data: OnNoData) -> GateConfig {
        let mut config = GateConfig::new("errors", "up", "< 1".parse().unwrap());
        config.count = 2;
        config.on_no_data = on_no_data;
        config
    }

    fn bad() -> Outcome {
        let bound: Bound = "< 1".parse().unwrap();
        Outcome::Fail { value: 2.0, bound }
    }

    fn none() -> Outcome {
        Outcome::NoData { why: NoData::Empty }
    }

    fn fed(watch: &mut Watch, outcome: Outcome) {
        watch.feed(watch.due().unwrap(), outcome);
    }

    #[test]
    fn while_pods_are_replaced_only_what_is_bad_counts() {
        let made = Timestamp::UNIX_EPOCH;
        for on_no_data in [OnNoData::Fail, OnNoData::Ask, OnNoData::Pass, OnNoData::Wait] {
            let mut watch = Watch::new(config(on_no_data), made, None);
            for outcome in [
                none(),
                Outcome::Pass { value: 0.0 },
                Outcome::Pass { value: 0.0 },
                none(),
                none(),
            ] {
                fed(&mut watch, outcome);
                assert_eq!(
                    (watch.failure(), watch.is_passed(), watch.asks()),
                    (None, false, None)
                );
            }
            fed(&mut watch, bad());
            assert!(matches!(watch.failure(), Some(Failure::Value { .. })));
            assert_eq!(watch.due(), None);
            // That stays so when the rollout goes through meanwhile.
            assert!(!watch.bake(made));
            assert!(watch.failure().is_some());
        }
    }

    #[test]
    fn passing_begins_when_all_pods_are_new() {
        let mut watch = Watch::new(config(OnNoData::Ask), Timestamp::UNIX_EPOCH, None);
        fed(&mut watch, Outcome::Pass { value: 0.0 });
        assert!(watch.bake(watch.due().unwrap()));
        assert!(!watch.bake(watch.due().unwrap()), "only once");
        fed(&mut watch, Outcome::Pass { value: 0.0 });
        assert!(!watch.is_passed(), "one of two");
        fed(&mut watch, none());
        assert!(watch.asks().is_some());
        let kept = serde_json::to_value(&watch).unwrap();
        let mut watch: Watch = serde_json::from_value(kept).unwrap();
        watch.answer(watch.due().unwrap(), Answer::Pass, "bob".into());
        assert!(watch.is_passed() && watch.answered() == Some("bob"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_never_asks_faster_than_its_interval(outcomes in proptest::collection::vec(0u8..3, 1..30), bake in 0usize..30) {
            let mut watch = Watch::new(config(OnNoData::Wait), Timestamp::UNIX_EPOCH, None);
            let mut last = None;
            for (nth, outcome) in outcomes.into_iter().enumerate() {
                if nth == bake {
                    watch.bake(last.unwrap_or(Timestamp::UNIX_EPOCH));
                }
                let Some(due) = watch.due() else { break };
                if let Some(last) = last {
                    prop_assert!(due.duration_since(last) >= SignedDuration::from_secs(30));
                }
                watch.feed(due, match outcome { 0 => none(), 1 => bad(), _ => Outcome::Pass { value: 0.0 } });
                prop_assert!(!(watch.is_passed() && nth < bake));
                last = Some(due);
            }
        }
    }
}
