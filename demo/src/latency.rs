//! One client that asks all the time and times each answer: what a user of the server sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::resp::{Client, Reply, request};

/// One request: when it was sent, and how long its answer took, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Since the clock began.
    pub(crate) at_us: u64,
    pub(crate) took_us: u64,
}

/// A running measurement.
pub(crate) struct Meter {
    stop: Arc<AtomicBool>,
    /// How many requests have been answered.
    timed: Arc<AtomicUsize>,
    thread: JoinHandle<Result<Vec<Sample>, String>>,
}

impl Meter {
    /// Begins to ask for `key`, which has `value`.
    pub(crate) fn begin(port: u16, clock: Instant, key: &str, value: &str) -> Result<Self, Failure> {
        let mut client = Client::connect(port)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (asked, expected) = (request(&["GET", key]), Reply::Text(value.to_owned()));
        let timed = Arc::new(AtomicUsize::new(0));
        let (told, count) = (Arc::clone(&stop), Arc::clone(&timed));
        let thread = std::thread::Builder::new().name("latency".to_owned()).spawn(move || {
            let mut samples = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let sent = Instant::now();
                let answer = client.send(&asked).and_then(|()| client.hear());
                let took_us = sent.elapsed().as_micros() as u64;
                match answer {
                    Ok(answer) if answer == expected => {}
                    Ok(other) => return Err(format!("a client was answered {other:?}")),
                    Err(error) => return Err(format!("a client lost its connection: {error}")),
                }
                samples.push(Sample { at_us: sent.duration_since(clock).as_micros() as u64, took_us });
                count.store(samples.len(), Ordering::Relaxed);
            }
            Ok(samples)
        })?;
        Ok(Self { stop, timed, thread })
    }

    /// Waits until so many more requests have been answered.
    pub(crate) fn wait_for(&self, requests: usize) -> Result<(), Failure> {
        const LOOK: Duration = Duration::from_millis(1);
        let answered = || self.timed.load(Ordering::Relaxed);
        let wanted = answered() + requests;
        while answered() < wanted {
            if self.thread.is_finished() {
                return Err("the client that times its requests got a wrong answer, or none".into());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Ends it; every answer was right, or this is the error.
    pub(crate) fn end(self) -> Result<Vec<Sample>, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(samples) => Ok(samples?),
            Err(_) => Err("the latency client panicked".into()),
        }
    }
}
