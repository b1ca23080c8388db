//! Load: threads that ask all the time and verify each answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Asks once; the error says what was wrong with the answer.
pub(crate) type Ask = Box<dyn FnMut() -> Result<(), String> + Send>;

/// Running load.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    /// How many answers each has got.
    answered: Vec<Arc<AtomicU64>>,
    threads: Vec<JoinHandle<Result<(), String>>>,
}

impl Load {
    /// One thread for each that asks.
    pub(crate) fn begin(askers: Vec<Ask>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered: Vec<_> = askers.iter().map(|_| Arc::new(AtomicU64::new(0))).collect();
        let threads = askers.into_iter().zip(&answered).map(|(mut ask, answered)| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(answered));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    ask()?;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        });
        let threads = threads.collect();
        Self { stop, answered, threads }
    }

    /// Waits until each has got some more answers: the whole program works, whatever is done to it.
    pub(crate) fn goes_on(&self) {
        const MORE: u64 = 25;
        let count = || self.answered.iter().map(|answered| answered.load(Ordering::Relaxed));
        let (begun, before) = (Instant::now(), count().collect::<Vec<_>>());
        while count().zip(&before).any(|(now, before)| now < before + MORE) {
            assert!(!self.threads.iter().any(JoinHandle::is_finished), "the load has failed");
            assert!(begun.elapsed() < Duration::from_mins(1), "the program answers no more");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it: no answer was wrong.
    pub(crate) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap().unwrap();
        }
    }
}
