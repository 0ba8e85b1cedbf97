//! Purpose: repeatable noise: a function of seed, name and time, never of what was asked before.

use std::f64::consts::TAU;

/// Whole day in milliseconds.
const DAY_MS: f64 = 86_400_000.0;

/// The share of the day's load at a time: 0.45 in the small hours (UTC), 1.55 in the afternoon.
#[expect(clippy::cast_precision_loss, reason = "times fit a float's 53 bits")]
pub(super) fn day(at_ms: i64) -> f64 {
    1.0 + 0.55 * (TAU * (at_ms as f64 / DAY_MS - 0.4)).sin()
}

/// The waves' periods in minutes, and their strengths.
const WAVES: [(f64, f64); 3] = [(7.3, 0.25), (31.0, 0.35), (173.0, 0.4)];

/// One thing's noise. What depends on its name alone is computed once: a story asks it millions of times.
#[derive(Debug)]
pub(super) struct Noise {
    hash: u64,
    phases: [f64; 3],
}

impl Noise {
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let hash = hash(seed, name);
        Self {
            hash,
            phases: [1, 2, 3].map(|index| unit(mix(hash.wrapping_add(index)))),
        }
    }

    /// About between -1 and 1, drifting over minutes and hours, and a little different at every time.
    #[expect(clippy::cast_precision_loss, reason = "times fit a float's 53 bits")]
    pub(super) fn at(&self, at_ms: i64) -> f64 {
        let minutes = at_ms as f64 / 60_000.0;
        let waves = WAVES.iter().zip(self.phases);
        let drift: f64 = waves
            .map(|((period, strength), phase)| strength * (TAU * (minutes / period + phase)).sin())
            .sum();
        let rough = unit(mix(self.hash ^ at_ms.unsigned_abs())) * 2.0 - 1.0;
        drift + 0.2 * rough
    }
}

/// Between 0 and 1, fixed for a name: how services differ.
pub(super) fn trait_of(seed: u64, name: &str) -> f64 {
    unit(mix(hash(seed, name)))
}

/// FNV-1a.
fn hash(seed: u64, name: &str) -> u64 {
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// SplitMix64's finish: near inputs, unrelated outputs.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the upper 53 bits are exactly a float's"
)]
fn unit(value: u64) -> f64 {
    (value >> 11) as f64 / (1u64 << 53) as f64
}
