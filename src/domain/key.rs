//! Keys of vendors and brokers: what they are called, and how one is named without showing it.
//!
//! A key itself is never a domain value: here are only the slots a key can stand in, and [`KeyId`], a fingerprint that
//! says which key it is. Budgets belong to (vendor, key id).

use std::fmt;

use sha2::{Digest, Sha256};

use super::vendor::VendorId;

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 512;

/// A place for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeySlot {
    /// Alpha Vantage.
    AlphaVantage,
    /// Polygon.
    Polygon,
    /// Alpaca's key.
    Alpaca,
    /// The secret that belongs to Alpaca's key.
    AlpacaSecret,
}

impl KeySlot {
    /// All of them.
    pub const ALL: [KeySlot; 4] =
        [KeySlot::AlphaVantage, KeySlot::Polygon, KeySlot::Alpaca, KeySlot::AlpacaSecret];

    /// The word under which it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeySlot::AlphaVantage => "alpha_vantage",
            KeySlot::Polygon => "polygon",
            KeySlot::Alpaca => "alpaca",
            KeySlot::AlpacaSecret => "alpaca_secret",
        }
    }

    /// The environment variable that is looked at last.
    pub const fn variable(self) -> &'static str {
        match self {
            KeySlot::AlphaVantage => "QLIB_PRO_ALPHA_VANTAGE_KEY",
            KeySlot::Polygon => "QLIB_PRO_POLYGON_KEY",
            KeySlot::Alpaca => "QLIB_PRO_ALPACA_KEY",
            KeySlot::AlpacaSecret => "QLIB_PRO_ALPACA_SECRET",
        }
    }

    /// What it is, to be asked for and listed.
    pub const fn part(self) -> &'static str {
        match self {
            KeySlot::AlphaVantage | KeySlot::Polygon | KeySlot::Alpaca => "key",
            KeySlot::AlpacaSecret => "secret",
        }
    }

    /// The slot of a vendor of market data; `None` for those that need no key.
    pub const fn of(vendor: VendorId) -> Option<KeySlot> {
        match vendor {
            VendorId::AlphaVantage => Some(KeySlot::AlphaVantage),
            VendorId::Polygon => Some(KeySlot::Polygon),
            VendorId::Yahoo | VendorId::Asx => None,
        }
    }
}

impl fmt::Display for KeySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whose keys somebody sets, lists and removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyOwner {
    /// A vendor of market data.
    Vendor(VendorId),
    /// The broker Alpaca: a key and a secret.
    Alpaca,
}

impl KeyOwner {
    /// All of them, as the command line offers them.
    pub const ALL: [KeyOwner; 5] = [
        KeyOwner::Vendor(VendorId::AlphaVantage),
        KeyOwner::Vendor(VendorId::Polygon),
        KeyOwner::Alpaca,
        KeyOwner::Vendor(VendorId::Yahoo),
        KeyOwner::Vendor(VendorId::Asx),
    ];

    /// The word used on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyOwner::Vendor(vendor) => vendor.as_str(),
            KeyOwner::Alpaca => KeySlot::Alpaca.as_str(),
        }
    }

    /// What is to be set; nothing for those that need no key.
    pub const fn slots(self) -> &'static [KeySlot] {
        match self {
            KeyOwner::Vendor(VendorId::AlphaVantage) => &[KeySlot::AlphaVantage],
            KeyOwner::Vendor(VendorId::Polygon) => &[KeySlot::Polygon],
            KeyOwner::Vendor(VendorId::Yahoo | VendorId::Asx) => &[],
            KeyOwner::Alpaca => &[KeySlot::Alpaca, KeySlot::AlpacaSecret],
        }
    }
}

impl fmt::Display for KeyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which key it is: the first 32 bits of its SHA-256. Tells keys apart and gives none away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// The id of a key.
    pub fn of(key: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let [a, b, c, d, ..] = hash;
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_id_is_the_start_of_its_sha_256() {
        assert_eq!(KeyId::of("abc").to_string(), "ba7816bf");
        assert_ne!(KeyId::of("abc"), KeyId::of("abd"));
    }

    #[test]
    fn every_slot_belongs_to_one_owner() {
        let owned: Vec<KeySlot> = KeyOwner::ALL.iter().flat_map(|o| o.slots().iter().copied()).collect();
        let different: BTreeSet<KeySlot> = owned.iter().copied().collect();
        assert_eq!((owned.len(), different.len()), (KeySlot::ALL.len(), KeySlot::ALL.len()));
        for vendor in VendorId::ALL {
            assert_eq!(KeyOwner::Vendor(*vendor).slots().first().copied(), KeySlot::of(*vendor));
        }
    }
}
