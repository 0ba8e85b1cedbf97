//! Runs as values, through a bounded channel.

use super::Sink;
use crate::report::{Context, Control, Ran, Report};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
    mpsc::{Receiver, SyncSender, sync_channel},
};

/// A [`Report`] that can be kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Observation {
    /// The experiment's name.
    pub experiment: Arc<str>,
    /// The run's context.
    pub context: Context,
    /// The control.
    pub control: Control,
    /// The candidates, in the order in which they began.
    pub candidates: Vec<Ran>,
}

/// Sends every run into a channel. What finds it full is dropped, and counted.
///
/// ```
/// use otus_experiments::{ChannelSink, Experiment, Kind};
/// let (sink, runs) = ChannelSink::new(100);
/// let adding = Experiment::<u32>::define("adding").sink(sink).build();
/// adding.control_sync(|| 2).candidate("new", || 3).run();
/// assert_eq!(runs.recv()?.candidates[0].outcome.kind(), Kind::Mismatch);
/// # Ok::<(), std::sync::mpsc::RecvError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChannelSink {
    sender: SyncSender<Observation>,
    dropped: Arc<AtomicU64>,
}

impl ChannelSink {
    /// A sink, and where its runs come out. The channel holds this many.
    pub fn new(capacity: usize) -> (Self, Receiver<Observation>) {
        let (sender, receiver) = sync_channel(capacity);
        let dropped = Arc::default();
        (Self { sender, dropped }, receiver)
    }

    /// How many were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Sink for ChannelSink {
    fn publish(&self, report: &Report<'_>) {
        let observation = Observation {
            experiment: Arc::clone(report.experiment),
            context: report.context.clone(),
            control: report.control.clone(),
            candidates: report.candidates.to_vec(),
        };
        if self.sender.try_send(observation).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
