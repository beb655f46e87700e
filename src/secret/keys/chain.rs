//! The places in their order: who is asked first, who takes a new key, and who is told to forget an old one.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Kept, KeyError, KeyStore, Place, check_key};
use crate::domain::UnixNanos;
use crate::domain::key::KeySlot;

/// A key and the place that had it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The key.
    pub kept: Kept,
    /// Where it was.
    pub place: Place,
}

/// All places that keep keys, the first one to be asked first.
#[derive(Debug)]
pub struct KeyChain {
    stores: Vec<Arc<dyn KeyStore>>,
}

impl KeyChain {
    /// In this order.
    pub fn new(stores: Vec<Arc<dyn KeyStore>>) -> Self {
        Self { stores }
    }

    /// The key in the first place that has it. A place that fails is passed over; its error is the answer only when
    /// no later place has the key.
    pub fn get(&self, slot: KeySlot) -> Result<Option<Found>, KeyError> {
        let mut failed = None;
        for store in &self.stores {
            if store.usable().is_err_and(|e| matches!(e, KeyError::Keyring(_))) {
                continue;
            }
            match store.get(slot) {
                Ok(Some(kept)) => return Ok(Some(Found { kept, place: store.place() })),
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Keeps a key in the first place that takes it, and has the other places forget theirs; says where it is. Only a
    /// keyring may be passed over: a vault that is damaged or locked is an error, not a reason to look further.
    pub fn set(&self, slot: KeySlot, key: &SecretString, now: UnixNanos) -> Result<Place, KeyError> {
        check_key(key)?;
        let mut kept: Option<Place> = None;
        for store in self.stores.iter().filter(|s| s.takes_keys()) {
            match (kept, store.usable()) {
                (_, Err(KeyError::Keyring(_))) => {}
                (None, usable) => {
                    usable?;
                    store.set(slot, key, now)?;
                    kept = Some(store.place());
                }
                (Some(_), usable) => {
                    usable?;
                    store.remove(slot)?;
                }
            }
        }
        kept.ok_or(KeyError::Nowhere)
    }

    /// Has every place forget a key; says which had it.
    pub fn remove(&self, slot: KeySlot) -> Result<Vec<Place>, KeyError> {
        let mut had = Vec::new();
        for store in self.stores.iter().filter(|s| s.takes_keys()) {
            match store.usable() {
                Err(KeyError::Keyring(_)) => {}
                usable => {
                    usable?;
                    if store.remove(slot)? {
                        had.push(store.place());
                    }
                }
            }
        }
        Ok(had)
    }

    /// Where the next key goes.
    pub fn takes(&self) -> Option<Place> {
        let mut open = self.stores.iter().filter(|s| s.takes_keys() && s.usable().is_ok());
        open.next().map(|s| s.place())
    }

    /// Why places cannot be used, in their order.
    pub fn troubles(&self) -> Vec<KeyError> {
        self.stores.iter().filter_map(|s| s.usable().err()).collect()
    }
}
