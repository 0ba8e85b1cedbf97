//! How the work stands, told on the terminal and on the page.

use super::process::Ear;
use otus_demo_page::{Bench, Stage};
use std::{io::Write as _, sync::Arc};
use tokio::sync::watch;

/// So many lines of the robot's log are shown.
const LOG: usize = 300;
/// So many bytes of what a build says are shown: the end.
const OUTPUT: usize = 64 * 1024;

/// What both show.
#[derive(Debug, Clone)]
pub(super) struct Board(Arc<watch::Sender<Bench>>);

impl Board {
    pub(super) fn new(what: String) -> Self {
        Self(Arc::new(watch::Sender::new(Bench {
            what,
            stage: Stage::Building,
            told: String::new(),
            output: String::new(),
            log: Vec::new(),
        })))
    }

    /// For the page.
    pub(super) fn watch(&self) -> watch::Receiver<Bench> {
        self.0.subscribe()
    }

    /// Says how it stands.
    pub(super) fn tell(&self, stage: Stage, told: String) {
        print(&format!("otus dev: {told}"));
        self.0.send_modify(|bench| {
            bench.stage = stage;
            bench.told = told;
        });
    }

    /// Says something by the way.
    pub(super) fn note(&self, told: String) {
        print(&format!("otus dev: {told}"));
        self.0.send_modify(|bench| bench.told = told);
    }

    /// A build begins: what the one before said is over.
    pub(super) fn clear(&self) {
        self.0.send_modify(|bench| bench.output.clear());
    }

    /// Hears a build.
    pub(super) fn build(&self) -> Ear {
        let sender = Arc::clone(&self.0);
        Arc::new(move |line| {
            print(&line);
            sender.send_modify(|bench| {
                bench.output.push_str(&line);
                bench.output.push('\n');
                if let Some(over) = bench.output.len().checked_sub(OUTPUT) {
                    // Whole lines: a line's end is no half of a letter.
                    let all = bench.output.len();
                    let end = bench.output.as_bytes()[over..]
                        .iter()
                        .position(|byte| *byte == b'\n');
                    bench.output.drain(..end.map_or(all, |end| over + end + 1));
                }
            });
        })
    }

    /// Hears the robot.
    pub(super) fn robot(&self) -> Ear {
        let sender = Arc::clone(&self.0);
        Arc::new(move |line| {
            print(&line);
            sender.send_modify(|bench| {
                bench.log.push(line);
                let over = bench.log.len().saturating_sub(LOG);
                bench.log.drain(..over);
            });
        })
    }
}

/// A terminal that is gone hears nothing.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
