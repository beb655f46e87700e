//! The keychain of macOS and the credentials of Windows. Both belong to the login: they are there and open while its
//! owner is logged in, and ask by themselves when they must.

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use secrecy::{ExposeSecret, SecretString};

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
#[cfg(target_os = "windows")]
use windows_native_keyring_store::Store;

use super::{LOCKED, SERVICE};

fn entry(name: &str) -> Result<Entry, String> {
    Store::new().and_then(|store| store.build(SERVICE, name, None)).map_err(told)
}

/// Whether its owner must open it first.
pub(super) fn is_locked() -> Result<bool, String> {
    Store::new().map(|_| false).map_err(told)
}

/// Nothing is to be asked for.
pub(super) fn unlock() -> Result<(), String> {
    is_locked().map(drop)
}

/// The text under a name.
pub(super) fn get(name: &str) -> Result<Option<SecretString>, String> {
    match entry(name)?.get_password() {
        Ok(text) => Ok(Some(SecretString::from(text))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(told(error)),
    }
}

/// Puts a text in place of the one under a name.
pub(super) fn set(name: &str, text: &SecretString) -> Result<(), String> {
    entry(name)?.set_password(text.expose_secret()).map_err(told)
}

/// Forgets what is under a name; whether anything was.
pub(super) fn remove(name: &str) -> Result<bool, String> {
    match entry(name)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(told(error)),
    }
}

/// What is wrong, without anything that was kept there.
fn told(error: Error) -> String {
    match error {
        Error::NoStorageAccess(_) => LOCKED.to_owned(),
        Error::Ambiguous(_) => "it has the key more than once; remove all but one of them there".to_owned(),
        _ => "it gave no usable answer".to_owned(),
    }
}
