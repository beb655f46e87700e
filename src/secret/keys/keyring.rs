//! The system's keyring: the Secret Service of a Linux desktop, over D-Bus. Built in with the feature `keychain`.
//!
//! It may hang (a bus that starts a service, a keyring that asks its owner to be unlocked), so every question is put on
//! a thread of its own and given up after a while; the thread then ends by itself. What has once said that it is not
//! there is not asked again by this process. A key stands under the home it belongs to, with the time it was set in a
//! second line.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{Kept, KeyError, KeyStore, Place};
use crate::domain::UnixNanos;
use crate::domain::key::KeySlot;

/// How long the first look may take.
const PROBE_MS_MAX: u64 = 1_500;
/// How long a question may take; its owner may have to unlock the keyring.
const ANSWER_MS_MAX: u64 = 20_000;

/// The keyring as far as one home uses it.
pub struct Keyring {
    home: String,
    probed: OnceLock<Result<(), String>>,
}

impl Keyring {
    /// The keyring of who runs this program; it is not asked anything yet.
    pub fn new(home: &Path) -> Self {
        let home = home.canonicalize().unwrap_or_else(|_| home.to_path_buf());
        Self { home: home.display().to_string(), probed: OnceLock::new() }
    }

    fn ask<T: Send + 'static>(
        &self,
        slot: KeySlot,
        work: impl FnOnce(&system::Item) -> Result<T, String> + Send + 'static,
    ) -> Result<T, KeyError> {
        let name = format!("{slot} {}", self.home);
        within(ANSWER_MS_MAX, move || work(&system::item(&name)?)).map_err(KeyError::Keyring)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

/// Does something on a thread of its own, and waits for it no longer than this.
fn within<T: Send + 'static>(
    ms_max: u64,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (answer, answered) = mpsc::sync_channel(1);
    let started = thread::Builder::new().name("keyring".into()).spawn(move || {
        // Nobody may be waiting any more.
        answer.send(work()).unwrap_or_default();
    });
    started.map_err(|e| e.to_string())?;
    match answered.recv_timeout(Duration::from_millis(ms_max)) {
        Ok(done) => done,
        Err(mpsc::RecvTimeoutError::Timeout) => Err("it does not answer".into()),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("it ended badly".into()),
    }
}

impl KeyStore for Keyring {
    fn place(&self) -> Place {
        Place::Keyring
    }

    fn usable(&self) -> Result<(), KeyError> {
        let probed = self.probed.get_or_init(|| within(PROBE_MS_MAX, system::probe));
        probed.clone().map_err(KeyError::Keyring)
    }

    fn takes_keys(&self) -> bool {
        true
    }

    fn get(&self, slot: KeySlot) -> Result<Option<Kept>, KeyError> {
        let found = self.ask(slot, system::Item::get)?;
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
        self.ask(slot, move |item| item.set(&text))
    }

    fn remove(&self, slot: KeySlot) -> Result<bool, KeyError> {
        self.ask(slot, system::Item::remove)
    }
}

#[cfg(all(feature = "keychain", target_os = "linux"))]
mod system {
    //! The Secret Service.

    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Error};
    use secrecy::{ExposeSecret, SecretString};
    use zbus_secret_service_keyring_store::Store;

    /// Under which name the keyring shows them.
    const SERVICE: &str = "qlib-pro";

    /// One entry.
    pub(super) struct Item(Entry);

    /// Whether it answers.
    pub(super) fn probe() -> Result<(), String> {
        Store::new().map(drop).map_err(told)
    }

    /// The entry of a name.
    pub(super) fn item(name: &str) -> Result<Item, String> {
        Store::new().and_then(|store| store.build(SERVICE, name, None)).map(Item).map_err(told)
    }

    impl Item {
        pub(super) fn get(&self) -> Result<Option<SecretString>, String> {
            match self.0.get_password() {
                Ok(text) => Ok(Some(SecretString::from(text))),
                Err(Error::NoEntry) => Ok(None),
                Err(error) => Err(told(error)),
            }
        }

        pub(super) fn set(&self, text: &SecretString) -> Result<(), String> {
            self.0.set_password(text.expose_secret()).map_err(told)
        }

        pub(super) fn remove(&self) -> Result<bool, String> {
            match self.0.delete_credential() {
                Ok(()) => Ok(true),
                Err(Error::NoEntry) => Ok(false),
                Err(error) => Err(told(error)),
            }
        }
    }

    /// What is wrong, without anything that was kept there.
    fn told(error: Error) -> String {
        match error {
            Error::PlatformFailure(why) => format!("this session has none ({why})"),
            Error::NoStorageAccess(_) => "it is locked".into(),
            Error::Ambiguous(_) => "it has the key more than once; remove all but one of them there".into(),
            _ => "it gave no usable answer".into(),
        }
    }
}

#[cfg(not(all(feature = "keychain", target_os = "linux")))]
mod system {
    //! No keyring is built in.

    use secrecy::SecretString;

    /// One entry; there is none.
    pub(super) enum Item {}

    /// Whether it answers.
    pub(super) fn probe() -> Result<(), String> {
        Err("none is built into this program (feature keychain)".into())
    }

    /// The entry of a name.
    pub(super) fn item(_: &str) -> Result<Item, String> {
        probe().and(Err(String::new()))
    }

    impl Item {
        pub(super) fn get(&self) -> Result<Option<SecretString>, String> {
            match *self {}
        }

        pub(super) fn set(&self, _: &SecretString) -> Result<(), String> {
            match *self {}
        }

        pub(super) fn remove(&self) -> Result<bool, String> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_does_not_answer_is_given_up() {
        let started = Instant::now();
        let (_keep, never) = mpsc::channel::<()>();
        let hung = within(50, move || never.recv().map_err(|e| e.to_string()));
        assert_eq!(hung, Err("it does not answer".to_string()));
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_eq!(within(1_000, || Ok(7)), Ok(7));
    }

    #[test]
    fn without_a_desktop_the_keyring_says_so_at_once() {
        let started = Instant::now();
        let keyring = Keyring::new(Path::new("/nowhere"));
        let usable = keyring.usable();
        assert!(matches!(usable, Ok(()) | Err(KeyError::Keyring(_))));
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}
