//! A token bucket: so many at once, then so many a second. Told the time, never asking for it.

use std::time::Duration;

use tokio::time::Instant;

/// Rounding must not make a token that is due look missing.
const NEARLY: f64 = 1e-6;

#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    per_second: f64,
    size: f64,
    tokens: f64,
    counted: Instant,
}

impl Bucket {
    pub(crate) fn full(per_second: f64, size: u32, now: Instant) -> Self {
        let size = f64::from(size);
        Self {
            per_second,
            size,
            tokens: size,
            counted: now,
        }
    }

    /// When a token can be taken so that `reserve` others remain: now, or later.
    pub(crate) fn ready_at(&mut self, reserve: f64, now: Instant) -> Instant {
        self.count(now);
        // A reserve may not make a small bucket unusable.
        let needed = (1.0 + reserve).min(self.size);
        let missing = needed - self.tokens;
        if missing <= NEARLY {
            now
        } else {
            now + Duration::from_secs_f64(missing / self.per_second)
        }
    }

    pub(crate) fn take(&mut self, now: Instant) {
        self.count(now);
        self.tokens = (self.tokens - 1.0).max(0.0);
    }

    /// Somebody who knows better says that nothing is left.
    pub(crate) fn drain(&mut self, now: Instant) {
        self.count(now);
        self.tokens = 0.0;
    }

    pub(crate) fn is_full(&mut self, now: Instant) -> bool {
        self.count(now);
        self.size - self.tokens <= NEARLY
    }

    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.size);
        self.counted = self.counted.max(now);
    }
}
