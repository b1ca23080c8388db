//! Busy threads that run: led out of what they are in, while all others stand.
//!
//! In a program whose threads never sleep there is no moment at which all of them are elsewhere; this makes one.
//! All that are busy run on together, each to a breakpoint behind the function that it is in. Where the kernel grants
//! no breakpoints each alone is let run for a moment and stopped again, until it happens to stand elsewhere.

use std::time::{Duration, Instant};

use suture_surgery::outcome::Refusal;

use super::{Chase, Hand, Look, Queue, lock, refused};
use crate::look::Obstacle;
use crate::sys::{self, Breakpoint};
use crate::tracee::{Stop, Tracee};

/// How long a thread that is followed is let run at a time, at first and at most: to stop it costs ten times as much. It
/// may be more if it then has not moved.
const FOLLOWED_RUN: Duration = Duration::from_micros(4);
const FOLLOWED_RUN_MAX: Duration = Duration::from_micros(32);
/// How often a hand that waits for threads to come to their breakpoints looks at the clock.
const LED_TICK: Duration = Duration::from_millis(1);

/// A thread that is in the way, and of what it is in.
pub(super) struct Busy {
    /// Its place in the list of the hand.
    pub(super) thread: usize,
    pub(super) obstacle: Obstacle,
}

/// One that is being led.
struct Led {
    busy: Busy,
    breakpoint: Breakpoint,
    /// Whether it has come to the breakpoint.
    has_come: bool,
}

impl Led {
    /// Sees whether it is the breakpoint that the thread has stopped for, and takes its signal away if so.
    fn see_stop(&mut self, thread: &mut Tracee) {
        if let Some(Stop::Signal(_)) = thread.stop
            && self.breakpoint.has_stopped(thread.tid).unwrap_or(false)
        {
            self.has_come = true;
            thread.keep_signal();
        }
    }
}

impl Hand<'_> {
    /// Leads busy threads out, as long as there is no reason against it all.
    pub(super) fn follow_all(&mut self, busy: Vec<Busy>, chase: Chase, look: &mut dyn Look) {
        if busy.is_empty() || self.table.reason.is_there() {
            return;
        }
        let threads = lock(&self.table.claimed).len() as u32;
        let end = Instant::now() + chase.all.min(chase.per_thread * threads);
        // Led together, they share what each alone could have.
        let time = chase.each.max(chase.per_thread * busy.len() as u32);
        let mut busy = self.lead_all(busy, end.min(Instant::now() + time), look);
        // The one that would not leave the last time comes first: then nobody else waits for it.
        busy.sort_by_key(|busy| Some(self.threads[busy.thread].tid) == chase.stubborn);
        while let (false, Some(busy)) = (self.table.reason.is_there(), busy.pop()) {
            let until = end.min(Instant::now() + chase.each);
            if let Err(why) = self.follow(busy, until, look) {
                self.table.reason.give(why);
            }
        }
    }

    /// Leads threads to breakpoints, all together. Gives those for which the kernel grants none.
    fn lead_all(&mut self, busy: Vec<Busy>, until: Instant, look: &mut dyn Look) -> Vec<Busy> {
        if let Some(alarm) = &self.alarm {
            // Without it the clock is looked at less often; nothing else depends on it.
            let _ = alarm.ring_every(LED_TICK);
        }
        let mut without = Vec::new();
        let mut busy = busy;
        let mut has_any_come = false;
        while !busy.is_empty() && !self.table.reason.is_there() {
            // What a thread has used up would be one of its few.
            self.spent.clear();
            let mut led = Vec::new();
            for busy in busy {
                match self.breakpoint(&busy) {
                    Some(breakpoint) => led.push(Led { busy, breakpoint, has_come: false }),
                    None => without.push(busy),
                }
            }
            let known = self.threads.len();
            self.lead(&mut led, until);
            if let Err(why) = self.look_at_born(known, look) {
                self.table.reason.give(why);
            }
            has_any_come |= led.iter().any(|led| led.has_come);
            busy = self.still_busy(led, look);
            if Instant::now() >= until {
                break;
            }
        }
        if has_any_come && let Some(late) = busy.pop() {
            self.table.reason.give(look.refusal(&self.threads[late.thread], late.obstacle));
        }
        // Where none came breakpoints may not work at all.
        without.append(&mut busy);
        without
    }

    /// The breakpoint for a busy thread; `None` if it has to do without.
    fn breakpoint(&self, busy: &Busy) -> Option<Breakpoint> {
        let tid = self.threads[busy.thread].tid;
        let signal = sys::harmless_signal(self.table.caught_signals, sys::signal_mask(tid).ok()?)?;
        let set = Breakpoint::set(tid, busy.obstacle.way_out?, signal);
        set.inspect_err(|error| tracing::debug!(tid, %error, "no breakpoint")).ok()
    }

    /// Lets threads run to their breakpoints, and stops those that have not come there in time. All stand afterwards, whatever
    /// happens: one that was let go unseen could take home that it was interrupted.
    fn lead(&mut self, led: &mut [Led], until: Instant) {
        let queue = Queue::new(self.table.pid, led.len(), led.len());
        led.sort_by_cached_key(|led| queue.place(&self.threads[led.busy.thread]));
        for led in &*led {
            if let Err(error) = self.threads[led.busy.thread].resume() {
                self.give(&error);
            }
        }
        let mut late = Vec::new();
        // The last first, as when all are stopped.
        for led in led.iter_mut().rev() {
            let index = led.busy.thread;
            match self.threads[index].wait_stopped_until(until) {
                Ok(Some(stop)) => {
                    self.take_born(stop);
                    led.see_stop(&mut self.threads[index]);
                }
                Ok(None) => late.push(index),
                Err(why) => self.table.reason.give(why),
            }
        }
        for index in &late {
            if let Err(error) = self.threads[*index].interrupt() {
                self.give(&error);
            }
        }
        for index in late {
            self.wait(index);
        }
        // One that has not come to its breakpoint would yet, when all run again.
        for led in led.iter_mut().filter(|led| !led.has_come) {
            if let Err(error) = led.breakpoint.disarm() {
                self.give(&error);
            }
            if let Err(why) = self.take_signal(led) {
                self.table.reason.give(why);
            }
        }
    }

    /// Takes the breakpoint's signal from a thread that has come to it just when it stopped for something else: the program
    /// may have a handler for it by the time the thread runs again.
    fn take_signal(&mut self, led: &mut Led) -> Result<(), Refusal> {
        let index = led.busy.thread;
        while !led.has_come && self.threads[index].is_about_to_get(led.breakpoint.signal) {
            // It stops for the next signal that waits before it executes anything.
            self.threads[index].resume().map_err(|error| refused(self.table.pid, &error))?;
            self.wait_stopped(index)?;
            led.see_stop(&mut self.threads[index]);
        }
        Ok(())
    }

    /// Those of the led that are busy still, wherever they stand now. Gives the reason for one that waits in the kernel.
    fn still_busy(&mut self, led: Vec<Led>, look: &mut dyn Look) -> Vec<Busy> {
        let (threads, spent): (Vec<_>, Vec<_>) =
            led.into_iter().map(|led| (led.busy.thread, led.breakpoint)).unzip();
        self.spent.extend(spent);
        self.look_at(threads, look)
    }

    /// Lets a busy thread run, and looks again and again until it is clear or time is up; then the last
    /// obstacle counts. Threads that it starts meanwhile are stopped and looked at too.
    fn follow(&mut self, busy: Busy, until: Instant, look: &mut dyn Look) -> Result<(), Refusal> {
        let Busy { thread: index, mut obstacle } = busy;
        let mut run = FOLLOWED_RUN;
        while Instant::now() < until {
            let before = self.threads[index].registers;
            let known = self.threads.len();
            self.threads[index].let_run(run).map_err(|error| refused(self.table.pid, &error))?;
            self.wait_stopped(index)?;
            // If it stands where it stood, it was asked to stop before it had a processor.
            let has_moved = self.threads[index].registers != before;
            run *= if has_moved && run >= FOLLOWED_RUN_MAX { 1 } else { 2 };
            self.look_at_born(known, look)?;
            if self.threads[index].stop == Some(Stop::Gone) {
                return Ok(());
            }
            match look.look(&[&self.threads[index]]).pop().flatten() {
                None => return Ok(()),
                Some(again) if self.threads[index].is_running() => obstacle = again,
                Some(other) => return Err(look.refusal(&self.threads[index], other)),
            }
        }
        Err(look.refusal(&self.threads[index], obstacle))
    }

    /// Waits for the threads from `known` on, which others have started, and for what these start. None may be in the way.
    fn look_at_born(&mut self, known: usize, look: &mut dyn Look) -> Result<(), Refusal> {
        let mut born = known;
        while born < self.threads.len() {
            self.wait_stopped(born)?;
            born += 1;
        }
        let standing: Vec<&Tracee> =
            self.threads.iter().skip(known).filter(|thread| thread.stands()).collect();
        let looked = look.look(&standing);
        match standing.into_iter().zip(looked).find_map(|(thread, found)| Some((thread, found?))) {
            Some((thread, obstacle)) => Err(look.refusal(thread, obstacle)),
            None => Ok(()),
        }
    }
}
