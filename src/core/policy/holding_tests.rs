//! Locks and elevations in a store.
