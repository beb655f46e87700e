//! The system's keyring: the Secret Service of a Linux desktop over D-Bus, the keychain of macOS, the credentials of
//! Windows.
//!
//! It may hang (a bus that starts a service, a keyring that asks its owner something), so every question is put on a
//! thread of its own and given up after a while; the thread then ends by itself. What has once said that it is not
//! there, or did not answer, is not asked again by this process until somebody wants it unlocked. A locked keyring
//! cannot be used; only [`Keyring::unlock`] has the system ask its owner, nothing else ever opens a window. A key
//! stands under the home it belongs to, with the time it was set in a second line.

#[cfg(any(target_os = "macos", target_os = "windows"))]
mod native;
#[cfg(all(unix, not(target_os = "macos")))]
mod secret_service;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

#[cfg(any(target_os = "macos", target_os = "windows"))]
use native as system;
#[cfg(all(unix, not(target_os = "macos")))]
use secret_service as system;

use super::{Kept, KeyError, KeyStore, Place};
use crate::domain::UnixNanos;
use crate::domain::key::KeySlot;

/// Under which name the keyring shows the keys.
const SERVICE: &str = "qlib-pro";
/// How long a look may take.
const LOOK_MS_MAX: u64 = 1_500;
/// How long a question about one key may take.
const ANSWER_MS_MAX: u64 = 5_000;
/// How long its owner has for unlocking it.
const UNLOCK_MS_MAX: u64 = 30_000;
/// What is said of one that does not answer.
const SILENT: &str = "it does not answer";
/// What is said of a locked one.
const LOCKED: &str = "it is locked";

/// The keyring as far as one home uses it.
pub struct Keyring {
    home: String,
    /// Why it is not asked any more.
    gone: Mutex<Option<String>>,
}

impl Keyring {
    /// The keyring of who runs this program; it is not asked anything yet.
    pub fn new(home: &Path) -> Self {
        let home = home.canonicalize().unwrap_or_else(|_| home.to_path_buf());
        Self { home: home.display().to_string(), gone: Mutex::default() }
    }

    /// Whether it is there and waits for its owner.
    pub fn is_locked(&self) -> bool {
        self.look().is_ok_and(|locked| locked)
    }

    /// Has the system ask its owner for it, and waits for the answer; also for one that was given up before.
    pub fn unlock(&self) -> Result<(), KeyError> {
        *self.gone() = None;
        if !self.look()? {
            return Ok(());
        }
        match within(UNLOCK_MS_MAX, system::unlock) {
            Some(done) => done.map_err(KeyError::Keyring),
            None => Err(KeyError::Keyring(format!("{LOCKED}, and nobody answered its question"))),
        }
    }

    fn gone(&self) -> MutexGuard<'_, Option<String>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self, why: String) -> KeyError {
        *self.gone() = Some(why.clone());
        KeyError::Keyring(why)
    }

    /// Whether it is locked; an error when it is not there.
    fn look(&self) -> Result<bool, KeyError> {
        if let Some(why) = self.gone().clone() {
            return Err(KeyError::Keyring(why));
        }
        let looked = within(LOOK_MS_MAX, system::is_locked).unwrap_or_else(|| Err(SILENT.to_owned()));
        looked.map_err(|why| self.give_up(why))
    }

    fn ask<T: Send + 'static>(
        &self,
        slot: KeySlot,
        work: impl FnOnce(&str) -> Result<T, String> + Send + 'static,
    ) -> Result<T, KeyError> {
        let name = format!("{slot} {}", self.home);
        match within(ANSWER_MS_MAX, move || work(&name)) {
            Some(done) => done.map_err(KeyError::Keyring),
            None => Err(self.give_up(SILENT.to_owned())),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

/// Does something on a thread of its own; `None` when it is not done in time.
fn within<T: Send + 'static>(ms_max: u64, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    let started = thread::Builder::new().name("keyring".into()).spawn(move || {
        // Nobody may be waiting any more.
        answer.send(work()).unwrap_or_default();
    });
    started.ok()?;
    answered.recv_timeout(Duration::from_millis(ms_max)).ok()
}

impl KeyStore for Keyring {
    fn place(&self) -> Place {
        Place::Keyring
    }

    fn usable(&self) -> Result<(), KeyError> {
        if self.look()? { Err(KeyError::Keyring(LOCKED.to_owned())) } else { Ok(()) }
    }

    fn takes_keys(&self) -> bool {
        true
    }

    fn get(&self, slot: KeySlot) -> Result<Option<Kept>, KeyError> {
        let found = self.ask(slot, system::get)?;
        Ok(found.map(|text| {
            let (key, time) = match text.expose_secret().split_once('\n') {
                Some((key, time)) => (SecretString::from(key.to_owned()), time.parse().ok()),
                None => (text.clone(), None),
            };
            Kept { key, set_at: time.map(UnixNanos::from_nanos) }
        }))
    }

    fn set(&self, slot: KeySlot, key: &SecretString, now: UnixNanos) -> Result<(), KeyError> {
        let text = SecretString::from(format!("{}\n{}", key.expose_secret(), now.nanos()));
        self.ask(slot, move |name| system::set(name, &text))
    }

    fn remove(&self, slot: KeySlot) -> Result<bool, KeyError> {
        self.ask(slot, system::remove)
    }
}
