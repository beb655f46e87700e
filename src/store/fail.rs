//! Named points at which a test ends the process, as a power cut would: between two writes, between a write and its
//! answer, between sending and noting that it was sent; and named acts that a test makes fail once.
//!
//! A build for use has none of this: the points are compiled in with debug assertions only. The composition root arms
//! one from the environment of a test; unarmed, a point is one look at an empty cell.

/// Every point, for those who try them all.
pub const POINTS: &[&str] = &[
    "trades.before_write",
    "trades.before_commit",
    "trades.after_commit",
    "users.before_write",
    "users.before_commit",
    "users.after_commit",
    "market.before_write",
    "market.before_commit",
    "market.after_commit",
    "engine.before_answer",
    "engine.after_answer",
    "outbox.before_send",
    "outbox.after_send",
    "outbox.after_acknowledge",
    "broker.before_send",
    "broker.after_send",
    "snapshot.before_write",
    "snapshot.before_rename",
    "snapshot.after_rename",
];

/// Acts that fail when they are armed: the disk does not take a commit of the trades store.
pub const FAILURES: &[&str] = &["trades.commit"];

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: OnceLock<(String, AtomicU64)> = OnceLock::new();

    /// Ends the process when `name` is passed for the `count`th time.
    pub fn arm(name: &str, count: u64) {
        // Armed once; a second arming changes nothing.
        ARMED.set((name.to_owned(), AtomicU64::new(count))).unwrap_or_default();
    }

    /// A point that is passed: `room` and `place` together are its name.
    pub fn point_of(room: &str, place: &str) {
        if fails_of(room, place) {
            std::process::abort();
        }
    }

    /// Whether an act fails this time.
    pub fn fails_of(room: &str, act: &str) -> bool {
        let Some((name, left)) = ARMED.get() else { return false };
        let here = name.strip_prefix(room).and_then(|rest| rest.strip_prefix('.')) == Some(act);
        here && left.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

#[cfg(not(debug_assertions))]
mod armed {
    /// Does nothing in a build for use.
    pub fn arm(_name: &str, _count: u64) {}

    /// Nothing.
    #[inline(always)]
    pub fn point_of(_room: &str, _place: &str) {}

    /// Never.
    #[inline(always)]
    pub fn fails_of(_room: &str, _act: &str) -> bool {
        false
    }
}

pub use armed::{arm, fails_of, point_of};

/// A point that is passed.
#[inline]
pub fn point(name: &str) {
    if let Some((room, place)) = name.split_once('.') {
        point_of(room, place);
    }
}
