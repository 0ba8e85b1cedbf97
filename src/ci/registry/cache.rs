//! Purpose: what is remembered, with a bound: the oldest goes when there is no room.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// A map of at most so many entries.
pub(crate) struct Bounded<K, V> {
    most: usize,
    values: HashMap<K, V>,
    /// Every key of `values`, once, the oldest first.
    order: VecDeque<K>,
}

impl<K: Hash + Eq + Clone, V> Bounded<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            values: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.values.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.values.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if self.values.remove(key).is_some() {
            self.order.retain(|other| other != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_the_newest_and_no_more(acts in proptest::collection::vec((0u8..8, any::<bool>()), 0..60)) {
            let mut bounded = Bounded::new(3);
            let mut model: Vec<(u8, usize)> = Vec::new();
            for (at, (key, insert)) in acts.into_iter().enumerate() {
                let known = model.iter().position(|(other, _)| *other == key);
                match (insert, known) {
                    (true, Some(index)) => model[index].1 = at,
                    (true, None) => model.push((key, at)),
                    (false, Some(index)) => drop(model.remove(index)),
                    (false, None) => {}
                }
                if model.len() > 3 {
                    model.remove(0);
                }
                if insert { bounded.insert(key, at) } else { bounded.remove(&key) }
                for key in 0..8 {
                    let wanted = model.iter().find(|(other, _)| *other == key).map(|(_, at)| at);
                    prop_assert_eq!(bounded.get(&key), wanted);
                }
                prop_assert_eq!(bounded.order.len(), bounded.values.len());
            }
        }
    }
}
