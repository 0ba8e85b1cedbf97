//! The experiments of this process by name, and the sinks that all of them share.

use crate::{experiment::Experiment, sampling::Switch, sinks::Sink};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, Weak},
};

type Switches = HashMap<Arc<str>, Vec<Weak<Switch>>>;
static SWITCHES: LazyLock<Mutex<Switches>> = LazyLock::new(Mutex::default);

/// What was set from afar, by experiment, for those that are not made yet: what is stopped stays so, also in a process that has
/// just begun. Taken after [`SWITCHES`], never before.
#[cfg(feature = "wire")]
static SET: LazyLock<Mutex<HashMap<String, crate::wire::Setting>>> = LazyLock::new(Mutex::default);

type Sinks = Arc<[Arc<dyn Sink>]>;
static SINKS: RwLock<Option<Sinks>> = RwLock::new(None);

type Named = HashMap<(TypeId, &'static str), Arc<dyn Any + Send + Sync>>;
static NAMED: LazyLock<RwLock<Named>> = LazyLock::new(RwLock::default);

/// Adds a sink for all experiments that name none of their own.
pub fn install(sink: impl Sink + 'static) {
    let mut sinks = SINKS.write().unwrap_or_else(PoisonError::into_inner);
    let old = sinks.iter().flat_map(|sinks| sinks.iter().cloned());
    let all: Vec<Arc<dyn Sink>> = old.chain([Arc::new(sink) as Arc<dyn Sink>]).collect();
    *sinks = Some(all.into());
}

pub(crate) fn sinks() -> Sinks {
    let sinks = SINKS.read().unwrap_or_else(PoisonError::into_inner);
    sinks.clone().unwrap_or_default()
}

pub(crate) fn register(name: &Arc<str>, switch: &Arc<Switch>) {
    let mut switches = SWITCHES.lock().unwrap_or_else(PoisonError::into_inner);
    let same = switches.entry(Arc::clone(name)).or_default();
    same.retain(|switch| switch.strong_count() > 0);
    same.push(Arc::downgrade(switch));
    #[cfg(feature = "wire")]
    if let Some(set) = SET.lock().unwrap_or_else(PoisonError::into_inner).get(&**name) {
        set.hold(switch);
    }
}

/// The names of this process' experiments, each with its share in percent, and whether it is stopped.
#[cfg(feature = "http")]
pub(crate) fn registered() -> Vec<(Arc<str>, f64, bool)> {
    let switches = SWITCHES.lock().unwrap_or_else(PoisonError::into_inner);
    let state = |(name, same): (&Arc<str>, &Vec<Weak<Switch>>)| {
        let switch = same.iter().rev().find_map(Weak::upgrade)?;
        Some((Arc::clone(name), switch.percent(), switch.is_stopped()))
    };
    switches.iter().filter_map(state).collect()
}

/// Changes the switch of every experiment of this name in this process. How many there are.
///
/// ```
/// let experiment = otus_experiments::Experiment::<u32>::define("registered").build();
/// assert_eq!(otus_experiments::steer("registered", |switch| switch.set_percent(5.0)), 1);
/// assert_eq!(experiment.switch().percent().round(), 5.0);
/// ```
pub fn steer(name: &str, change: impl Fn(&Switch)) -> usize {
    let same: Vec<Arc<Switch>> = {
        let switches = SWITCHES.lock().unwrap_or_else(PoisonError::into_inner);
        switches
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(Weak::upgrade)
            .collect()
    };
    same.iter().for_each(|switch| change(switch));
    same.len()
}

/// Sets something from afar: now for the experiments of this name that there are, and for those that will be made. How many there
/// are.
#[cfg(feature = "wire")]
pub(crate) fn set(name: &str, setting: crate::wire::Setting) -> usize {
    let switches = SWITCHES.lock().unwrap_or_else(PoisonError::into_inner);
    let same = switches.get(name).into_iter().flatten().filter_map(Weak::upgrade);
    let count = same.map(|switch| setting.hold(&switch)).count();
    SET.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(name.to_owned(), setting);
    count
}

/// The experiment of this name, made with all defaults when it is first asked for; it publishes to the installed sinks.
/// One look into a table for each call; what is called very often keeps its [`Experiment`] in a `static` instead.
pub fn experiment<O: PartialEq + 'static>(name: &'static str) -> Experiment<O> {
    let key = (TypeId::of::<O>(), name);
    let known = |named: &Named| {
        let found = named.get(&key)?.downcast_ref::<Experiment<O>>();
        found.cloned()
    };
    if let Some(found) = known(&NAMED.read().unwrap_or_else(PoisonError::into_inner)) {
        return found;
    }
    let mut named = NAMED.write().unwrap_or_else(PoisonError::into_inner);
    known(&named).unwrap_or_else(|| {
        let fresh = Experiment::define(name).build();
        named.insert(key, Arc::new(fresh.clone()));
        fresh
    })
}
