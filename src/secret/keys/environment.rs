//! The last place keys come from: variables of the environment. They are read elsewhere and handed in.

use std::fmt;

use secrecy::SecretString;

use super::{Kept, KeyError, KeyStore, Place};
use crate::domain::UnixNanos;
use crate::domain::key::KeySlot;

/// Reads the variable of a slot.
type Read = dyn Fn(KeySlot) -> Option<SecretString> + Send + Sync;

/// Keys in the environment.
pub struct Environment {
    read: Box<Read>,
}

impl Environment {
    /// With a reader of variables.
    pub fn new(read: impl Fn(KeySlot) -> Option<SecretString> + Send + Sync + 'static) -> Self {
        Self { read: Box::new(read) }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl KeyStore for Environment {
    fn place(&self) -> Place {
        Place::Environment
    }

    fn usable(&self) -> Result<(), KeyError> {
        Ok(())
    }

    fn takes_keys(&self) -> bool {
        false
    }

    fn get(&self, slot: KeySlot) -> Result<Option<Kept>, KeyError> {
        Ok((self.read)(slot).map(|key| Kept { key, set_at: None }))
    }

    fn set(&self, _: KeySlot, _: &SecretString, _: UnixNanos) -> Result<(), KeyError> {
        Err(KeyError::ReadOnly)
    }

    fn remove(&self, _: KeySlot) -> Result<bool, KeyError> {
        Ok(false)
    }
}
