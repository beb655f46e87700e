//! The Secret Service: keys are items of the default collection. One connection a question, with an encrypted session.
//!
//! Only `unlock` opens a collection; elsewhere a locked one is an error.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};
use secret_service::blocking::{Collection, SecretService};
use secret_service::{EncryptionType, Error};
use zeroize::Zeroizing;

use super::{LOCKED, SERVICE};
use crate::domain::CleanText;

/// What is kept.
const CONTENT: &str = "text/plain";

/// Does something with the default collection.
fn with<T>(work: impl FnOnce(&Collection<'_>) -> Result<T, Error>) -> Result<T, String> {
    let service = SecretService::connect(EncryptionType::Dh).map_err(told)?;
    let collection = service.get_default_collection().map_err(told)?;
    work(&collection).map_err(told)
}

fn attributes(name: &str) -> HashMap<&'static str, &str> {
    HashMap::from([("application", SERVICE), ("key", name)])
}

/// Whether its owner must open it first.
pub(super) fn is_locked() -> Result<bool, String> {
    with(|keyring| keyring.is_locked())
}

/// Asks its owner.
pub(super) fn unlock() -> Result<(), String> {
    with(|keyring| {
        keyring.unlock()?;
        keyring.ensure_unlocked()
    })
}

/// The text under a name.
pub(super) fn get(name: &str) -> Result<Option<SecretString>, String> {
    let found = with(|keyring| {
        keyring.ensure_unlocked()?;
        let items = keyring.search_items(attributes(name))?;
        items.first().map(|item| item.get_secret()).transpose()
    })?;
    let Some(bytes) = found.map(Zeroizing::new) else { return Ok(None) };
    let text =
        std::str::from_utf8(&bytes).map_err(|_| "it holds something else under that name".to_owned())?;
    Ok(Some(SecretString::from(text.to_owned())))
}

/// Puts a text in place of the one under a name.
pub(super) fn set(name: &str, text: &SecretString) -> Result<(), String> {
    with(|keyring| {
        keyring.ensure_unlocked()?;
        let label = format!("{SERVICE}: {name}");
        keyring
            .create_item(&label, attributes(name), text.expose_secret().as_bytes(), true, CONTENT)
            .map(drop)
    })
}

/// Forgets what is under a name; whether anything was.
pub(super) fn remove(name: &str) -> Result<bool, String> {
    with(|keyring| {
        keyring.ensure_unlocked()?;
        let items = keyring.search_items(attributes(name))?;
        items.iter().try_for_each(|item| item.delete())?;
        Ok(!items.is_empty())
    })
}

/// What is wrong, without anything that was kept there.
fn told(error: Error) -> String {
    match error {
        Error::Locked => LOCKED.to_owned(),
        Error::Prompt => format!("{LOCKED}, and its question was turned down"),
        Error::NoResult => "this session has none with a default collection".to_owned(),
        Error::Unavailable => "this session has none".to_owned(),
        Error::Zbus(why) => format!("this session has none ({})", CleanText::new(&why.to_string())),
        Error::ZbusFdo(why) => format!("this session has none ({})", CleanText::new(&why.to_string())),
        _ => "it gave no usable answer".to_owned(),
    }
}
