//! Work that keeps a CPU busy, such as drawing, done beside the answers: never on the runtime's own threads, and never on all CPUs at
//! once, so that fifty pictures asked for in the same second hold up nobody who asks for something else.

use crate::error::Result;
use std::{num::NonZero, sync::LazyLock, thread};
use tokio::sync::Semaphore;

/// So many pieces of work are done at once: half as many as there are CPUs, and one at least. With them the memory that they need at
/// once is bounded.
static SEATS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    Semaphore::new((cpus / 2).max(1))
});

/// Does the work on a thread for it, as soon as there is a seat. Who waits for it and gives up before it began costs nothing; what has
/// begun comes to its end.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> otus_core::Result {
/// let sum = otus_core::beside::compute(|| (1..=100).sum::<u32>()).await?;
/// assert_eq!(sum, 5050);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When it panicked, or when the program ends.
pub async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let seat = SEATS.acquire().await?;
    let done = tokio::task::spawn_blocking(move || {
        // Held by who works, and not by who waits, who may have gone.
        let _seat = seat;
        work()
    });
    Ok(done.await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn never_on_all_cpus_at_once_and_a_panic_frees_its_seat() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all = (0..24).map(|nth| {
            let (now, most) = (now.clone(), most.clone());
            tokio::spawn(compute(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..200 {
                    thread::yield_now();
                }
                now.fetch_sub(1, Ordering::SeqCst);
                assert!(nth % 5 != 0, "this one panics");
                nth
            }))
        });
        let all: Vec<_> = all.collect();
        let mut worked = 0;
        for one in all {
            worked += usize::from(one.await.unwrap().is_ok());
        }
        let cpus = thread::available_parallelism().map_or(1, NonZero::get);
        assert!(most.load(Ordering::SeqCst) <= (cpus / 2).max(1));
        assert_eq!(worked, 24 - 5);
    }
}
