//! Which calls are runs: a share of all, or of all keys; off, or stopped, at any moment.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What holds for the whole process: one load on each call.
static EVERYWHERE: AtomicU8 = AtomicU8::new(NORMAL);
const NORMAL: u8 = 0;
const OFF: u8 = 1;
const STRICT: u8 = 2;

/// Turns every experiment of the process off, or lets them go on. While off, only controls run.
pub fn stop_all(stop: bool) {
    EVERYWHERE.store(if stop { OFF } else { NORMAL }, Ordering::Relaxed);
}

/// Makes every experiment of the process strict: each call is a run, candidates are waited for, and one that differs
/// panics with what differed. For tests; see also `Definition::strict`.
pub fn strict_all(strict: bool) {
    EVERYWHERE.store(if strict { STRICT } else { NORMAL }, Ordering::Relaxed);
}

pub(crate) fn strict_everywhere() -> bool {
    EVERYWHERE.load(Ordering::Relaxed) == STRICT
}

/// Shares are counted in 2⁻³².
const WHOLE: u64 = 1 << 32;
/// Beside the share, in the same word: stopped.
const STOPPED: u64 = 1 << 40;

/// A feature flag, as an experiment sees it: whoever has a flag service writes these three lines for it. Asked on each call
/// that the share has picked, so it should look into what it holds in memory.
///
/// ```
/// use otus_experiments::{Experiment, Flag};
///
/// struct Flags;
/// impl Flag for Flags {
///     fn is_on(&self, experiment: &str, key: Option<&str>) -> bool {
///         experiment == "search" && key == Some("ann")
///     }
/// }
/// let search = Experiment::<u32>::define("search").flag(Flags).build();
/// search.for_key("ann").control_sync(|| 1).candidate("new", || 2).run();
/// search.for_key("ben").control_sync(|| 1).candidate("new", || 2).run();
/// assert_eq!(search.samples().len(), 1);
/// ```
pub trait Flag: Send + Sync {
    /// Whether a call of this experiment is a run; for this key, when it was given one (see
    /// [`Experiment::for_key`](crate::Experiment::for_key)). A panic means no.
    fn is_on(&self, experiment: &str, key: Option<&str>) -> bool;
}

impl<F: Fn(&str, Option<&str>) -> bool + Send + Sync> Flag for F {
    fn is_on(&self, experiment: &str, key: Option<&str>) -> bool {
        self(experiment, key)
    }
}

/// How often an experiment runs. Shared: whoever holds it changes it for the next call.
#[derive(Debug)]
pub struct Switch(AtomicU64);

impl Switch {
    pub(crate) fn new(percent: f64) -> Self {
        Self(AtomicU64::new(threshold(percent)))
    }

    /// Runs this share of all calls, in percent: 0 to 100; what is outside counts as the nearer end, what is no number as
    /// 0. A stopped experiment stays stopped.
    pub fn set_percent(&self, percent: f64) {
        let new = threshold(percent);
        // Cannot fail: the closure always gives a value.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
            Some(old & STOPPED | new)
        });
    }

    /// The share of all calls that are runs while it is not stopped, in percent.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^32, which a double holds")]
    pub fn percent(&self) -> f64 {
        (self.0.load(Ordering::Relaxed) & !STOPPED) as f64 * 100.0 / WHOLE as f64
    }

    /// Stops it, or lets it go on with the share it had.
    pub fn stop(&self, stop: bool) {
        if stop {
            self.0.fetch_or(STOPPED, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!STOPPED, Ordering::Relaxed);
        }
    }

    /// Whether it is stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed) & STOPPED != 0
    }

    /// Whether a call is a run, at random.
    #[inline]
    pub(crate) fn draw(&self) -> bool {
        self.decide(|share| u64::from(fastrand::u32(..)) < share)
    }

    /// Whether a call for this key is a run: the same answer for the same key, while the share does not shrink.
    pub(crate) fn draw_for(&self, experiment: &str, key: &str) -> bool {
        self.decide(|share| u64::from(murmur3(experiment, key)) < share)
    }

    #[inline]
    fn decide(&self, within: impl FnOnce(u64) -> bool) -> bool {
        let share = self.0.load(Ordering::Relaxed);
        match EVERYWHERE.load(Ordering::Relaxed) {
            NORMAL => share != 0 && share < STOPPED && within(share),
            everywhere => everywhere == STRICT,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to 0..=2^32 before; no number becomes 0"
)]
fn threshold(percent: f64) -> u64 {
    let share = percent.clamp(0.0, 100.0) / 100.0 * WHOLE as f64;
    // The smallest share that is not nothing stays more than nothing.
    if share > 0.0 { share.ceil() as u64 } else { 0 }
}

/// MurmurHash3, x86, 32 bit, seed 0 (public domain, Austin Appleby), of the experiment's name and the key, so that two
/// experiments at 5 % do not pick the same users.
fn murmur3(experiment: &str, key: &str) -> u32 {
    let mut bytes = experiment.bytes().chain([0]).chain(key.bytes());
    let (mut hash, mut length) = (0u32, 0u32);
    loop {
        let (mut block, mut count) = (0u32, 0);
        for byte in bytes.by_ref().take(4) {
            block |= u32::from(byte) << (8 * count);
            count += 1;
        }
        length = length.wrapping_add(count);
        if count > 0 {
            hash ^= block
                .wrapping_mul(0xcc9e_2d51)
                .rotate_left(15)
                .wrapping_mul(0x1b87_3593);
        }
        if count < 4 {
            break;
        }
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= length;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_murmur3() {
        // Of "a\0b", "test\0" and "hello\0world", by the reference implementation's algorithm; the first two have a tail.
        assert_eq!(reference(b"hello, world"), 0x149b_bb7f);
        for (name, key) in [
            ("a", "b"),
            ("test", ""),
            ("hello", "world"),
            ("", ""),
            ("abc", "defg"),
        ] {
            assert_eq!(murmur3(name, key), reference(format!("{name}\0{key}").as_bytes()));
        }
    }

    /// Written along the published description, over a slice.
    fn reference(data: &[u8]) -> u32 {
        let mix = |k: u32| {
            k.wrapping_mul(0xcc9e_2d51)
                .rotate_left(15)
                .wrapping_mul(0x1b87_3593)
        };
        let chunks = data.chunks_exact(4);
        let tail = chunks
            .remainder()
            .iter()
            .rev()
            .fold(0u32, |k, byte| k << 8 | u32::from(*byte));
        let mut h = chunks.fold(0u32, |h, chunk| {
            let k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
            (h ^ mix(k))
                .rotate_left(13)
                .wrapping_mul(5)
                .wrapping_add(0xe654_6b64)
        });
        h ^= mix(tail);
        h ^= u32::try_from(data.len()).unwrap();
        h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
        h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
        h ^ (h >> 16)
    }

    #[test]
    fn the_ends_are_exact() {
        let never = Switch::new(0.0);
        let always = Switch::new(100.0);
        assert!((0..10_000).all(|_| !never.draw() && always.draw()));
        for odd in [f64::NAN, -1.0, f64::NEG_INFINITY] {
            assert_eq!(Switch::new(odd).percent(), 0.0);
        }
        assert_eq!(Switch::new(f64::INFINITY).percent(), 100.0);
    }

    #[test]
    fn stopping_keeps_the_share() {
        let switch = Switch::new(100.0);
        switch.stop(true);
        assert!(!switch.draw() && switch.is_stopped());
        switch.set_percent(25.0);
        assert!(!switch.draw());
        switch.stop(false);
        assert_eq!(switch.percent(), 25.0);
    }

    #[test]
    fn a_share_of_keys_is_that_share_and_grows_by_adding() {
        let (small, large) = (Switch::new(10.0), Switch::new(30.0));
        let keys: Vec<String> = (0..20_000).map(|n| format!("user-{n}")).collect();
        let mut counts = [0u32; 2];
        for key in &keys {
            let (a, b) = (small.draw_for("x", key), large.draw_for("x", key));
            assert!(b || !a, "a key that was in stays in");
            counts[0] += u32::from(a);
            counts[1] += u32::from(b);
        }
        // Expected 2,000 and 6,000 with deviations of 42 and 65: six of them.
        assert!(
            counts[0].abs_diff(2_000) < 260 && counts[1].abs_diff(6_000) < 400,
            "{counts:?}"
        );
    }
}
