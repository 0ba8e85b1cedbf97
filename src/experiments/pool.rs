//! Threads for candidates that may block. One thread hands out work and watches deadlines; it never runs any itself, so
//! that no candidate can hold it up. Workers come when there is more work than idle ones, and go when there is none.

use crate::guard::{catch, dispose};
use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

pub(crate) type Work = Box<dyn FnOnce() + Send>;

/// Work that is done on some thread, and what is done when its time is over, whether it was done or not.
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) deadline: Option<(Duration, Work)>,
}

/// How many threads candidates may have in a process, and how many more there are to say that they hang.
const THREADS: usize = 64;
const RESERVE: usize = 4;
/// How much may wait to be handed out.
const QUEUE: usize = 1024;
const IDLE: Duration = Duration::from_secs(10);

static DESK: OnceLock<Option<SyncSender<Job>>> = OnceLock::new();

/// Has something done. `false` when there is nobody to do it; the job is gone then.
pub(crate) fn submit(job: Job) -> bool {
    let desk = DESK.get_or_init(|| {
        let (desk, jobs) = sync_channel(QUEUE);
        let run = move || watch(&jobs, &Arc::default());
        thread::Builder::new()
            .name("experiments".to_owned())
            .spawn(run)
            .ok()
            .map(|_| desk)
    });
    match desk.as_ref().map(|desk| desk.try_send(job)) {
        Some(Ok(())) => true,
        Some(Err(TrySendError::Full(job) | TrySendError::Disconnected(job))) => {
            dispose((job.work, job.deadline));
            false
        }
        None => false,
    }
}

/// What is to be done at a moment; the earliest is the greatest.
struct Due {
    at: Instant,
    late: Work,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

fn watch(jobs: &Receiver<Job>, workers: &Arc<Workers>) {
    let mut due = BinaryHeap::<Due>::new();
    loop {
        let wait = due
            .peek()
            .map(|due| due.at.saturating_duration_since(Instant::now()));
        match jobs.recv_timeout(wait.unwrap_or(IDLE)) {
            Ok(Job { work, deadline }) => {
                if let Some((limit, late)) = deadline {
                    let at = Instant::now() + limit;
                    due.push(Due { at, late });
                }
                workers.give(work, false);
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The sender is in a static: never.
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while due.peek().is_some_and(|due| due.at <= now) {
            if let Some(Due { late, .. }) = due.pop() {
                workers.give(late, true);
            }
        }
    }
}

#[derive(Default)]
struct Workers {
    desk: Mutex<Desk>,
    bell: Condvar,
}

#[derive(Default)]
struct Desk {
    work: VecDeque<Work>,
    idle: usize,
    threads: usize,
}

impl Workers {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(self: &Arc<Self>, work: Work, urgent: bool) {
        let mut desk = self.desk();
        if urgent {
            desk.work.push_front(work);
        } else {
            desk.work.push_back(work);
        }
        let most = if urgent { THREADS + RESERVE } else { THREADS };
        if desk.work.len() > desk.idle && desk.threads < most {
            let workers = Arc::clone(self);
            let run = move || workers.work();
            // Without a new thread the work waits for an old one.
            if thread::Builder::new()
                .name("experiment".to_owned())
                .spawn(run)
                .is_ok()
            {
                desk.threads += 1;
            }
        }
        drop(desk);
        self.bell.notify_one();
    }

    fn work(&self) {
        let mut desk = self.desk();
        loop {
            if let Some(work) = desk.work.pop_front() {
                drop(desk);
                if let Err(payload) = catch(work) {
                    dispose(payload);
                }
                desk = self.desk();
                continue;
            }
            desk.idle += 1;
            let (woken, waited) = self
                .bell
                .wait_timeout(desk, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            desk = woken;
            desk.idle -= 1;
            if waited.timed_out() && desk.work.is_empty() {
                desk.threads -= 1;
                return;
            }
        }
    }
}
