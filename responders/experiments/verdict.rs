//! What the numbers say about a candidate: a pure function of its sums.

use otus_experiments::{
    Kind,
    stats::{CandidateStats, ControlStats, Share},
};

/// Fewer runs say nothing.
const FEW: u64 = 100;
/// The true share of runs that differ has to be below this, with 95 % certainty, for a candidate to take over.
const RARE: f64 = 0.001;
/// Slower than that by the control, in the median run, is slower.
const SLOWER: f64 = 1.1;

/// What to make of a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing of it ran.
    Nothing,
    /// Its circuit breaker is open.
    Stopped,
    /// Too few runs to say anything.
    Few,
    /// None differed so far, but they are too few to say that hardly any does.
    Unsure,
    /// Hardly any differs, but it is slower.
    Slower(f64),
    /// Hardly any differs, and it is not slower.
    Ready,
    /// It differs.
    Differs,
}

/// A candidate's numbers, as people ask for them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    /// The share of runs that differ.
    pub(crate) differing: Share,
    /// Within which its true value lies, with 95 % certainty.
    pub(crate) interval: (f64, f64),
    /// Its time by the control's in the same run: the median.
    pub(crate) ratio: Option<f64>,
    /// The 95th percentiles of its own time and the control's, in nanoseconds.
    pub(crate) p95: Option<(f64, f64)>,
}

/// Judges.
pub(crate) fn judge(control: &ControlStats, candidate: &CandidateStats) -> Judged {
    let differing = candidate.outcomes.differing();
    let interval = differing.interval(Share::Z95);
    let ratio = candidate
        .ratio
        .quantile(0.5)
        .map(|thousandths| thousandths / 1000.0);
    let p95 = candidate
        .duration
        .quantile(0.95)
        .zip(control.duration.quantile(0.95));
    let verdict = if candidate.stopped.is_some() {
        Verdict::Stopped
    } else if differing.total == 0 {
        Verdict::Nothing
    } else if differing.total < FEW {
        Verdict::Few
    } else if interval.1 <= RARE {
        match ratio {
            Some(ratio) if ratio > SLOWER => Verdict::Slower(ratio),
            _ => Verdict::Ready,
        }
    } else if differing.of == 0 {
        Verdict::Unsure
    } else {
        Verdict::Differs
    };
    Judged {
        verdict,
        differing,
        interval,
        ratio,
        p95,
    }
}

/// How it differed, in the order of weight: `7 mismatches`.
pub(crate) fn differences(candidate: &CandidateStats) -> Vec<(Kind, u64)> {
    Kind::ALL
        .into_iter()
        .filter(|kind| kind.differs())
        .map(|kind| (kind, candidate.outcomes.get(kind)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Where it differed most, and how often; and how often in all.
pub(crate) fn places(candidate: &CandidateStats) -> (Vec<(&str, u64)>, u64) {
    let mut all: Vec<(&str, u64)> = candidate
        .places
        .iter()
        .map(|(place, count)| (place.as_str(), *count))
        .collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let sum = all.iter().map(|(_, count)| *count).sum();
    (all, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(matches: u64, mismatches: u64, ratio: u64) -> CandidateStats {
        let mut stats = CandidateStats::default();
        stats.outcomes.add(Kind::Match, matches);
        stats.outcomes.add(Kind::Mismatch, mismatches);
        stats.ratio.record(ratio);
        stats
    }

    #[test]
    fn numbers_become_verdicts() {
        let of = |stats: &CandidateStats| judge(&ControlStats::default(), stats).verdict;
        assert_eq!(of(&CandidateStats::default()), Verdict::Nothing);
        assert_eq!(of(&candidate(99, 0, 250)), Verdict::Few);
        assert_eq!(of(&candidate(1_000, 0, 250)), Verdict::Unsure);
        assert_eq!(of(&candidate(4_000, 0, 250)), Verdict::Ready);
        assert!(matches!(of(&candidate(4_000, 0, 2_000)), Verdict::Slower(_)));
        assert_eq!(of(&candidate(41_015, 7, 250)), Verdict::Ready);
        assert_eq!(of(&candidate(4_000, 7, 250)), Verdict::Differs);
        let mut stopped = candidate(41_015, 7, 250);
        stopped.stopped = Some("5 panics or timeouts in a row".into());
        assert_eq!(of(&stopped), Verdict::Stopped);
    }
}
