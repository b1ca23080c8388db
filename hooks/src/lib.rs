//! For the source of a fix that is applied with Suture: hooks that run inside the process around an operation,
//! and shadow variables, fields that an existing structure lacks.
//!
//! ```
//! fn check() -> Result<(), i32> {
//!     Ok(()) // an error stops the operation, and the process stays as it was
//! }
//! suture_hooks::pre_apply!(check);
//! ```
//!
//! A hook runs on a thread of the process that waits in the kernel, while the other threads go on. It must not
//! wait for a lock that another thread may hold for long, and must not panic: a panic ends the process.
//! Linkers drop what nothing refers to; `suture build` tells them to keep the hooks, other builds need
//! `-C link-arg=-Wl,-u,suture_pre_apply`.
#![no_std]

extern crate alloc;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::hint;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

/// Runs a `fn() -> Result<(), i32>` before the new code is switched on; other threads run old code.
#[macro_export]
macro_rules! pre_apply {
    ($hook:path) => {
        $crate::hook!(suture_pre_apply, $hook);
    };
}

/// Runs a `fn() -> Result<(), i32>` when the new code is on.
#[macro_export]
macro_rules! post_apply {
    ($hook:path) => {
        $crate::hook!(suture_post_apply, $hook);
    };
}

/// Runs a `fn() -> Result<(), i32>` before the old code is switched on again.
#[macro_export]
macro_rules! pre_revert {
    ($hook:path) => {
        $crate::hook!(suture_pre_revert, $hook);
    };
}

/// Runs a `fn() -> Result<(), i32>` when the old code is on again.
#[macro_export]
macro_rules! post_revert {
    ($hook:path) => {
        $crate::hook!(suture_post_revert, $hook);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! hook {
    ($name:ident, $hook:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> i32 {
            let run: fn() -> ::core::result::Result<(), i32> = $hook;
            match run() {
                Ok(()) => 0,
                // Zero would say that all is well.
                Err(0) => -1,
                Err(code) => code,
            }
        }
    };
}

/// Shadow variables of one type. Make it a `static` of the fix; each static is a family of its own.
///
/// They live in memory of the patch: a patch that is reverted and applied again begins without them.
#[derive(Debug)]
pub struct Shadows<T> {
    locked: AtomicBool,
    variables: core::cell::UnsafeCell<BTreeMap<usize, Box<T>>>,
}

// SAFETY: the variables are touched only between `enter` and `leave`, which let one thread in at a time; they
// move between threads, hence `T: Send`.
unsafe impl<T: Send> Sync for Shadows<T> {}

impl<T> Shadows<T> {
    /// No object has one.
    pub const fn new() -> Self {
        Self { locked: AtomicBool::new(false), variables: core::cell::UnsafeCell::new(BTreeMap::new()) }
    }

    /// Works on the shadow variable of `object`, which `make` makes if there is none yet.
    ///
    /// `object` is a number: the address of what the variable belongs to. One thread works at a time; `make`
    /// and `work` must not come back here.
    pub fn with<R>(&self, object: usize, make: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let _inside = self.enter();
        // SAFETY: this thread alone is inside.
        let variables = unsafe { &mut *self.variables.get() };
        work(variables.entry(object).or_insert_with(|| Box::new(make())))
    }

    /// Drops the shadow variable of `object`, if there is one: to be called where the object ends.
    pub fn free(&self, object: usize) {
        let gone = {
            let _inside = self.enter();
            // SAFETY: this thread alone is inside.
            unsafe { &mut *self.variables.get() }.remove(&object)
        };
        drop(gone);
    }

    fn enter(&self) -> Inside<'_> {
        while self.locked.swap(true, Ordering::Acquire) {
            hint::spin_loop();
        }
        Inside(&self.locked)
    }
}

impl<T> Default for Shadows<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The number by which [`Shadows`] know an object that is borrowed.
pub fn object_of<T: ?Sized>(object: &T) -> usize {
    NonNull::from(object).addr().get()
}

/// Lets the next one in when dropped, also by a panic.
struct Inside<'a>(&'a AtomicBool);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_has_its_own_until_it_is_freed() {
        static CALLS: Shadows<u32> = Shadows::new();
        let count = |object| CALLS.with(object, || 10, |calls| core::mem::replace(calls, *calls + 1));
        assert_eq!((count(1), count(1), count(2)), (10, 11, 10));
        CALLS.free(1);
        assert_eq!((count(1), count(2)), (10, 11));
        assert_ne!(object_of(&CALLS), 0);
    }
}
