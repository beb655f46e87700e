//! Keys of vendors and brokers: set, listed and removed by who runs the home, read by what fetches and trades.
//!
//! A key goes in and is used; it never comes out of this room as text, and the audit trail tells its id only.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::config;
use crate::domain::UnixNanos;
use crate::domain::key::{KeyId, KeyOwner, KeySlot};
use crate::domain::vendor::VendorId;
use crate::secret::Password;
pub use crate::secret::keys::Asks;
use crate::secret::keys::{Environment, KeyChain, KeyStore, Keyring, Place, Vault};

use super::access::record;
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Administer, Permit};
use super::view::KeyRow;

/// How a slot without a key is shown.
pub(super) const NOT_SET: &str = "not set";
/// How a vendor that needs no key is shown.
const NONE_NEEDED: &str = "none needed";

/// How a place of keys that cannot be read begins to be shown.
pub(super) const TROUBLE: &str = "cannot be read: ";
/// For how long what is known of a key's place is good, in nanoseconds: asking may go over a bus.
const KNOWN_NANOS: i64 = 10_000_000_000;

/// Where a key is and which it is, and since when this is known.
type Known = (UnixNanos, String, Option<String>);

/// The places where a home's keys are.
#[derive(Debug)]
pub(super) struct Keys {
    chain: KeyChain,
    keyring: Option<Arc<Keyring>>,
    vault: Arc<Vault>,
    known: Mutex<BTreeMap<KeySlot, Known>>,
    /// What waited to be opened, and since when this is known.
    shut: Mutex<Option<(UnixNanos, Option<Sealed>)>>,
}

impl Keys {
    /// The system's keyring where it may be asked, the vault in the home, the environment.
    pub(super) fn of_home(home: &Path, may_ask_keyring: bool) -> Self {
        let keyring = may_ask_keyring.then(|| Arc::new(Keyring::new(home)));
        let vault = Arc::new(Vault::new(home, config::vendors::vault_password()));
        let mut stores: Vec<Arc<dyn KeyStore>> = Vec::new();
        if let Some(keyring) = &keyring {
            stores.push(Arc::clone(keyring) as Arc<dyn KeyStore>);
        }
        stores.push(Arc::clone(&vault) as Arc<dyn KeyStore>);
        stores.push(Arc::new(Environment::new(config::vendors::key)));
        Self { chain: KeyChain::new(stores), keyring, vault, known: Mutex::default(), shut: Mutex::default() }
    }

    /// What is known of places is looked up again.
    fn forget(&self) {
        lock(&self.known).clear();
        *lock(&self.shut) = None;
    }
}

/// A place of keys that a person must open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sealed {
    /// The system's keyring is locked.
    Keyring,
    /// The vault waits for its passphrase.
    Vault,
}

/// All keys of a home as they may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyList {
    /// One row a key, and one for each vendor that needs none.
    pub rows: Vec<KeyRow>,
    /// Where the next key goes; empty when nothing takes one.
    pub next: String,
    /// Places that cannot be used, and why.
    pub troubles: Vec<String>,
}

impl House {
    /// The key of a vendor, from the first place that has it; `None` where it is not set or none is needed.
    pub fn vendor_key(&self, vendor: VendorId) -> Result<Option<SecretString>, ServiceError> {
        KeySlot::of(vendor).map_or(Ok(None), |slot| self.key(slot))
    }

    /// The key in a slot.
    pub(super) fn key(&self, slot: KeySlot) -> Result<Option<SecretString>, ServiceError> {
        Ok(self.keys().chain.get(slot)?.map(|found| found.kept.key))
    }

    /// What is to be asked before a key can be kept: nothing where the keyring takes it.
    pub fn vault_asks(&self, _: &Permit<Administer>) -> Result<Asks, ServiceError> {
        let keys = self.keys();
        if keys.chain.takes() == Some(Place::Keyring) {
            return Ok(Asks::Nothing);
        }
        Ok(keys.vault.asks()?)
    }

    /// What waits to be opened by a person.
    pub fn sealed(&self) -> Option<Sealed> {
        let keys = self.keys();
        if keys.vault.asks().is_ok_and(|asks| asks == Asks::Passphrase) {
            return Some(Sealed::Vault);
        }
        keys.keyring.as_ref().filter(|keyring| keyring.is_locked()).map(|_| Sealed::Keyring)
    }

    /// The same, at most some seconds old.
    pub(super) fn sealed_lately(&self) -> Option<Sealed> {
        let now = self.clock().now();
        let known = *lock(&self.keys().shut);
        if let Some((_, sealed)) = known.filter(|(at, _)| (0..KNOWN_NANOS).contains(&now.since(*at))) {
            return sealed;
        }
        let sealed = self.sealed();
        *lock(&self.keys().shut) = Some((now, sealed));
        sealed
    }

    /// Takes the vault's passphrase for this process, if it opens the vault.
    pub fn open_vault(&self, passphrase: &Password) -> Result<(), ServiceError> {
        let keys = self.keys();
        keys.vault.give_passphrase(SecretString::from(passphrase.expose().to_owned()))?;
        keys.forget();
        Ok(())
    }

    /// Has the system ask for its keyring, and waits until somebody answered or clearly nobody does.
    pub fn open_keyring(&self) -> Result<(), ServiceError> {
        let keys = self.keys();
        keys.keyring.as_ref().map_or(Ok(()), |keyring| keyring.unlock())?;
        keys.forget();
        Ok(())
    }

    /// Where a vendor's key is, and its id; at most some seconds old.
    pub(super) fn key_place(&self, vendor: VendorId) -> (String, Option<String>) {
        KeySlot::of(vendor).map_or_else(|| (NONE_NEEDED.to_owned(), None), |slot| self.slot_place(slot))
    }

    /// Where the key of a slot is, and its id.
    pub(super) fn slot_place(&self, slot: KeySlot) -> (String, Option<String>) {
        let now = self.clock().now();
        let known = lock(&self.keys().known).get(&slot).cloned();
        if let Some((_, place, id)) = known.filter(|(at, ..)| (0..KNOWN_NANOS).contains(&now.since(*at))) {
            return (place, id);
        }
        let (place, id) = match self.keys().chain.get(slot) {
            Ok(Some(found)) => {
                (found.place.to_string(), Some(KeyId::of(found.kept.key.expose_secret()).to_string()))
            }
            Ok(None) => (NOT_SET.to_owned(), None),
            Err(error) => (format!("{TROUBLE}{error}"), None),
        };
        lock(&self.keys().known).insert(slot, (now, place.clone(), id.clone()));
        (place, id)
    }

    /// Keeps a key in place of the one before; says where. Only its id is recorded.
    pub fn set_key(
        &self,
        permit: &Permit<Administer>,
        slot: KeySlot,
        key: &Password,
    ) -> Result<Place, ServiceError> {
        let id = KeyId::of(key.expose());
        let key = SecretString::from(key.expose().to_owned());
        let place = self.keys().chain.set(slot, &key, self.clock().now())?;
        self.keys().forget();
        let detail = format!("key {id} in the {place}");
        record(
            self,
            permit.user().as_str(),
            &format!("set the {} of {slot}", slot.part()),
            "allowed",
            &detail,
        )?;
        Ok(place)
    }

    /// Has every place forget a vendor's keys; says which had one.
    pub fn remove_keys(
        &self,
        permit: &Permit<Administer>,
        owner: KeyOwner,
    ) -> Result<Vec<Place>, ServiceError> {
        let mut had = Vec::new();
        for slot in owner.slots() {
            had.extend(self.keys().chain.remove(*slot)?);
        }
        self.keys().forget();
        record(self, permit.user().as_str(), &format!("remove the keys of {owner}"), "allowed", "")?;
        had.dedup();
        Ok(had)
    }

    /// Every key there could be, where it is kept and which it is.
    pub fn key_list(&self, _: &Permit<Administer>) -> KeyList {
        let chain = &self.keys().chain;
        KeyList {
            rows: KeyOwner::ALL.iter().flat_map(|owner| self.rows_of(*owner)).collect(),
            next: chain.takes().map(|place| place.to_string()).unwrap_or_default(),
            troubles: chain.troubles().iter().map(ToString::to_string).collect(),
        }
    }

    fn rows_of(&self, owner: KeyOwner) -> Vec<KeyRow> {
        let row = |part: &str, kept: String| KeyRow {
            vendor: owner.to_string(),
            part: part.to_owned(),
            kept,
            key_id: None,
            set_at: None,
        };
        if owner.slots().is_empty() {
            return vec![row("", NONE_NEEDED.to_owned())];
        }
        let shown = |slot: &KeySlot| match self.keys().chain.get(*slot) {
            Ok(Some(found)) => KeyRow {
                key_id: Some(KeyId::of(found.kept.key.expose_secret()).to_string()),
                set_at: found.kept.set_at,
                ..row(slot.part(), found.place.to_string())
            },
            Ok(None) => row(slot.part(), NOT_SET.to_owned()),
            Err(error) => row(slot.part(), format!("{TROUBLE}{error}")),
        };
        owner.slots().iter().map(shown).collect()
    }
}
