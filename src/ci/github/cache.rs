//! Purpose: answers kept with their `ETag`: asked again with it, GitHub answers 304, which does not count.

use std::{collections::HashMap, sync::Arc};

/// Answers of more bytes are not kept.
const LARGEST: usize = 512 * 1024;
/// How many bytes are kept in all.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// How many answers are kept.
const MOST: usize = 1_024;

/// An answer that may still be right.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) etag: String,
    pub(super) body: Arc<[u8]>,
    /// Where the next page was.
    pub(super) next: Option<String>,
}

/// Bounded in number and size; what was not used for longest goes first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    kept: HashMap<String, (Kept, u64)>,
    bytes: usize,
    uses: u64,
}

impl Cache {
    pub(super) fn get(&mut self, address: &str) -> Option<Kept> {
        self.uses += 1;
        let (kept, used) = self.kept.get_mut(address)?;
        *used = self.uses;
        Some(kept.clone())
    }

    pub(super) fn put(&mut self, address: &str, kept: Kept) {
        self.remove(address);
        if kept.body.len() > LARGEST {
            return;
        }
        self.uses += 1;
        self.bytes += kept.body.len();
        self.kept.insert(address.to_owned(), (kept, self.uses));
        while self.kept.len() > MOST || self.bytes > MOST_BYTES {
            let oldest = self
                .kept
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(address, _)| address.clone());
            let Some(oldest) = oldest else { break };
            self.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, address: &str) {
        if let Some((old, _)) = self.kept.remove(address) {
            self.bytes -= old.body.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes: usize) -> Kept {
        Kept {
            etag: "e".into(),
            body: vec![0; bytes].into(),
            next: None,
        }
    }

    #[test]
    fn what_was_not_used_goes_first_and_the_bounds_hold() {
        let mut cache = Cache::default();
        cache.put("used", kept(10));
        for number in 0..2 * MOST {
            cache.put(&number.to_string(), kept(10));
            assert!(cache.get("used").is_some());
        }
        assert_eq!((cache.kept.len(), cache.bytes), (MOST, 10 * MOST));
        assert!(cache.get("0").is_none() && cache.get(&(2 * MOST - 1).to_string()).is_some());
        for number in 0..100 {
            cache.put(&format!("large {number}"), kept(LARGEST));
        }
        assert!(cache.bytes <= MOST_BYTES, "{}", cache.bytes);
        cache.put("too large", kept(LARGEST + 1));
        assert!(cache.get("too large").is_none());
        cache.put("large 99", kept(1));
        let sum: usize = cache.kept.values().map(|(kept, _)| kept.body.len()).sum();
        assert_eq!(cache.bytes, sum);
    }
}
