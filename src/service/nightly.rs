//! The nightly verification: what `audit verify` does, by itself, while a workstation holds the trades.
//!
//! It runs after a session of the desk's exchange is over, and at least once in twenty-four hours of wall time, on a
//! thread and a connection of its own, so that neither the engine nor the terminal waits for it. How it ended is a
//! line of the access log, where the health of the system reads it; when something is wrong, everybody who may audit
//! is told. It changes nothing of what it verifies.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::NaiveDate;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::domain::role::Reach;
use crate::domain::{Capability, UnixNanos};
use crate::store::UsersReader;
use crate::store::trades::{Interrupter, TradesReader};

use super::access::record;
use super::audit::VERIFY;
use super::engine::lock;
use super::error::ServiceError;
use super::house::{HOUSE_ACTOR, House};
use super::view::HealthRow;

/// How a verification ends that finds nothing.
pub(super) const SOUND: &str = "sound";
/// The same when it finds something.
pub(super) const UNSOUND: &str = "unsound";
/// The same when it could not be done.
const FAILED: &str = "failed";

/// How often it is looked whether one is due, in seconds of wall time.
const BEAT_SECONDS: u64 = 5;
/// Least time between two, in seconds: a simulated session may take seconds.
const PAUSE_SECONDS_MIN: i64 = 600;
/// Longest time between two, in seconds.
const PAUSE_SECONDS_MAX: i64 = 24 * 3_600;

/// Verifies from time to time until it is dropped; one that is under way ends then.
#[derive(Debug)]
pub struct Nightly {
    stop: Arc<Stop>,
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Nightly {
    fn drop(&mut self) {
        self.stop.now();
        drop(self.wake.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the nightly verification ended by a defect; see the log before this line");
        }
    }
}

/// Ends a verification that is under way.
#[derive(Debug, Default)]
pub(super) struct Stop {
    is_over: AtomicBool,
    running: Mutex<Option<Interrupter>>,
}

impl Stop {
    /// What this reader does may be ended from now on.
    pub(super) fn may_end(&self, reader: &TradesReader) -> Result<(), ServiceError> {
        *lock(&self.running) = Some(reader.interrupter());
        if self.is_over.load(Ordering::Acquire) { Err(ServiceError::EngineStopped) } else { Ok(()) }
    }

    fn now(&self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(running) = lock(&self.running).as_ref() {
            running.interrupt();
        }
    }
}

/// When the next one is due.
#[derive(Debug)]
pub(super) struct Rounds {
    /// Market day of the desk's exchange when it was last looked at.
    day: Option<NaiveDate>,
    /// A session is over since the last verification.
    is_wanted: bool,
    last: UnixNanos,
}

impl Rounds {
    /// Goes on from the last verification of the home, whoever asked for it.
    pub(super) fn new(house: &House) -> Result<Self, ServiceError> {
        let last = lock(house.users()).read().last_act(VERIFY)?;
        let last = last.map_or(house.opened(), |line| line.wall);
        Ok(Self { day: house.market_day()?, is_wanted: false, last })
    }

    /// Verifies when it is time; whether the home was sound.
    pub(super) fn look(&mut self, house: &House, stop: &Stop) -> Result<Option<bool>, ServiceError> {
        let (now, day) = (house.clock().now(), house.market_day()?);
        self.is_wanted |= day != self.day;
        self.day = day;
        let passed = now.since(self.last) / crate::domain::time::NANOS_PER_SECOND;
        let is_due = passed >= PAUSE_SECONDS_MAX || self.is_wanted && passed >= PAUSE_SECONDS_MIN;
        if !is_due {
            return Ok(None);
        }
        (self.last, self.is_wanted) = (now, false);
        house.verify_and_tell(stop)
    }
}

impl House {
    /// Starts the nightly verification, where this process holds the trades.
    pub fn start_nightly(self: &Arc<Self>) -> Result<Option<Nightly>, ServiceError> {
        if !self.owns_trades() {
            return Ok(None);
        }
        let rounds = Rounds::new(self)?;
        let stop = Arc::new(Stop::default());
        let (wake, woken) = bounded(0);
        let (house, stopped) = (Arc::clone(self), Arc::clone(&stop));
        let thread = thread::Builder::new().name("nightly".to_string());
        let thread = thread.spawn(move || keep_on(&house, rounds, &stopped, &woken));
        let thread = thread.map_err(|source| ServiceError::File {
            path: self.home().to_path_buf(),
            doing: "the thread of the nightly verification could not be started; close other programs",
            source,
        })?;
        Ok(Some(Nightly { stop, wake: Some(wake), thread: Some(thread) }))
    }

    /// Market day of the desk's exchange.
    fn market_day(&self) -> Result<Option<NaiveDate>, ServiceError> {
        let exchange = self.main_exchange()?;
        let time = self.state()?.market_time(exchange);
        Ok(time.map(|time| self.calendars().of(exchange).date_at(time)))
    }

    /// Verifies, notes how it ended, and tells those who may audit when something is wrong. `None` when it was stopped.
    fn verify_and_tell(&self, stop: &Stop) -> Result<Option<bool>, ServiceError> {
        let proved = self.prove(None, Some(stop));
        if stop.is_over.load(Ordering::Acquire) {
            return Ok(None);
        }
        let (outcome, detail) = match &proved {
            Ok(report) => (report.outcome(), report.summary()),
            Err(error) => (FAILED, error.to_string()),
        };
        record(self, HOUSE_ACTOR, VERIFY, outcome, &detail)?;
        let is_sound = outcome == SOUND;
        if is_sound {
            tracing::info!(%detail, "the nightly verification found the home sound");
        } else {
            tracing::error!(outcome, %detail, "the nightly verification");
            let title = if proved.is_ok() {
                "The audit trail is not sound"
            } else {
                "The audit trail was not verified"
            };
            let text = format!(
                "{detail}. See 'audit verify'. A home found unsound takes no new risk until it is found sound, mended or restored."
            );
            self.tell_all(|role| role.reach(Capability::Audit) == Reach::Desk, title, &text)?;
        }
        Ok(Some(is_sound))
    }

    /// The last verification, as a line of the system's health.
    pub(super) fn last_verify(&self) -> Result<HealthRow, ServiceError> {
        let last = lock(self.users()).read().last_act(VERIFY)?;
        let name = "last verify".to_string();
        Ok(match last {
            None => HealthRow { name, value: "not yet".to_string(), ok: true },
            Some(line) => {
                let value = format!("{} at {}: {}", line.outcome, line.wall, line.detail);
                HealthRow { name, value, ok: line.outcome.as_str() == SOUND }
            }
        })
    }
}

/// What was found wrong with the trades of a home, while it takes no new risk for that.
pub fn unsound_row(home: &Path) -> Option<HealthRow> {
    let said = crate::store::unsound(home)?;
    let value = format!("no new risk is taken: {said}; restore a backup, or verify again");
    Some(HealthRow { name: "unsound".to_string(), value, ok: false })
}

/// How the last verification of a home ended, and when, for who has not entered it; `None` before the first.
pub fn last_of(home: &Path) -> Option<(String, bool)> {
    let line = UsersReader::open(home).ok()?.last_act(VERIFY).ok()??;
    Some((format!("{} at {}", line.outcome, line.wall), line.outcome.as_str() == SOUND))
}

/// Looks from time to time until nobody holds the other end.
fn keep_on(house: &House, mut rounds: Rounds, stop: &Stop, woken: &Receiver<()>) {
    loop {
        if let Err(error) = rounds.look(house, stop) {
            tracing::warn!(%error, "the nightly verification waits");
        }
        match woken.recv_timeout(Duration::from_secs(BEAT_SECONDS)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
