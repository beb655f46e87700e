//! The vault's file as text and bytes: a versioned header with a digest, JSON below it, each value sealed alone.
//!
//! `QLIB-PRO VAULT 1 <sha256 of what follows>`, a line feed, then one JSON document. The digest tells damage from a
//! wrong passphrase; it is no proof against somebody who may write the file, who can only destroy. Each value is
//! sealed with XChaCha20-Poly1305 under a fresh random nonce; what it is and when it was set is authenticated with it,
//! so that no value can be moved to another name.

use std::collections::BTreeMap;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::KeyError;

/// First words of the file; the version follows.
const MAGIC: &str = "QLIB-PRO VAULT";
/// Version that is written.
const VERSION: &str = "1";
/// Bytes of a sealing key.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
const NONCE_BYTES: usize = 24;
/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// Memory that a new passphrase costs.
const MEMORY_KIB: u32 = 64 * 1024;
/// Passes over it.
const PASSES: u32 = 3;
/// Most memory that a file may ask for.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
/// Most passes that a file may ask for.
const PASSES_MAX: u32 = 16;
/// What the check value says.
const CHECK: &[u8] = b"this is the key";

/// A key that seals.
pub(super) type SealingKey = Zeroizing<[u8; KEY_BYTES]>;

/// What opens the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Lock {
    /// A passphrase, through argon2id with one lane.
    Passphrase {
        /// Memory.
        memory_kib: u32,
        /// Passes.
        passes: u32,
        /// Salt, base64.
        salt: String,
    },
    /// The key in the file beside it.
    KeyFile,
}

/// A sealed value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    nonce: String,
    text: String,
}

/// One key in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Unix nanoseconds.
    pub(super) set_at: i64,
    /// The key.
    pub(super) sealed: Sealed,
}

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    /// What opens it.
    pub(super) lock: Lock,
    /// A known text, to know the right key.
    check: Sealed,
    /// Keys by the name of their slot.
    pub(super) entries: BTreeMap<String, Entry>,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A vault.
    Vault(Box<Body>),
    /// A later version.
    Later,
    /// No vault, or a damaged one.
    Damaged(&'static str),
}

impl Body {
    /// An empty vault.
    pub(super) fn new(lock: Lock, key: &SealingKey) -> Result<Self, KeyError> {
        Ok(Self { lock, check: seal(key, CHECK, "check")?, entries: BTreeMap::new() })
    }

    /// Whether this is the vault's key.
    pub(super) fn is_opened_by(&self, key: &SealingKey) -> bool {
        open(key, &self.check, "check").is_some_and(|text| text.as_slice() == CHECK)
    }

    /// The file's text.
    pub(super) fn to_text(&self) -> Result<String, KeyError> {
        let body = serde_json::to_string(self).map_err(|e| KeyError::Sealing(e.to_string()))?;
        Ok(format!("{MAGIC} {VERSION} {}\n{body}\n", digest(&body)))
    }

    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Parsed {
        let Some((head, body)) = text.split_once('\n') else { return Parsed::Damaged("it has no header") };
        let Some(head) = head.strip_prefix(MAGIC) else {
            return Parsed::Damaged("its header is not a vault's");
        };
        let mut words = head.split_whitespace();
        let (version, told) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if version != VERSION {
            let later = version.parse::<u32>().is_ok_and(|v| v > 1);
            return if later { Parsed::Later } else { Parsed::Damaged("its header has no version") };
        }
        let body = body.strip_suffix('\n').unwrap_or(body);
        if digest(body) != told {
            return Parsed::Damaged("its content is not what was written");
        }
        match serde_json::from_str::<Body>(body) {
            Ok(body) if body.lock.is_bearable() => Parsed::Vault(Box::new(body)),
            Ok(_) => Parsed::Damaged("it asks for more memory than a vault may"),
            Err(_) => Parsed::Damaged("its content cannot be read"),
        }
    }
}

impl Lock {
    /// A lock for a new passphrase.
    pub(super) fn passphrase() -> Result<Self, KeyError> {
        let mut salt = [0; SALT_BYTES];
        random(&mut salt)?;
        Ok(Lock::Passphrase { memory_kib: MEMORY_KIB, passes: PASSES, salt: BASE64.encode(salt) })
    }

    fn is_bearable(&self) -> bool {
        match self {
            Lock::KeyFile => true,
            Lock::Passphrase { memory_kib, passes, .. } => {
                *memory_kib <= MEMORY_KIB_MAX && *passes <= PASSES_MAX
            }
        }
    }

    /// The key that a passphrase makes; `None` when the lock has none.
    pub(super) fn key_of(&self, passphrase: &SecretString) -> Result<Option<SealingKey>, KeyError> {
        let Lock::Passphrase { memory_kib, passes, salt } = self else { return Ok(None) };
        let failed = |e: &dyn std::fmt::Display| KeyError::Sealing(e.to_string());
        let params = Params::new(*memory_kib, *passes, 1, Some(KEY_BYTES)).map_err(|e| failed(&e))?;
        let salt = BASE64.decode(salt).map_err(|e| failed(&e))?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose_secret().as_bytes(), &salt, key.as_mut())
            .map_err(|e| failed(&e))?;
        Ok(Some(key))
    }
}

/// What is authenticated with the key of a slot.
pub(super) fn label(slot: &str, set_at: i64) -> String {
    format!("{slot} {set_at}")
}

/// Seals a value under a name.
pub(super) fn seal(key: &SealingKey, value: &[u8], name: &str) -> Result<Sealed, KeyError> {
    let mut nonce = [0; NONCE_BYTES];
    random(&mut nonce)?;
    let aad = format!("{MAGIC} {VERSION} {name}");
    let text = XChaCha20Poly1305::new((&**key).into())
        .encrypt(&XNonce::from(nonce), Payload { msg: value, aad: aad.as_bytes() })
        .map_err(|e| KeyError::Sealing(e.to_string()))?;
    Ok(Sealed { nonce: BASE64.encode(nonce), text: BASE64.encode(text) })
}

/// Opens a value; `None` when key, name or value are not what they were.
pub(super) fn open(key: &SealingKey, sealed: &Sealed, name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let nonce: [u8; NONCE_BYTES] = BASE64.decode(&sealed.nonce).ok()?.try_into().ok()?;
    let text = BASE64.decode(&sealed.text).ok()?;
    let aad = format!("{MAGIC} {VERSION} {name}");
    let payload = Payload { msg: &text, aad: aad.as_bytes() };
    XChaCha20Poly1305::new((&**key).into()).decrypt(&XNonce::from(nonce), payload).ok().map(Zeroizing::new)
}

/// A random key.
pub(super) fn random_key() -> Result<SealingKey, KeyError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    random(key.as_mut())?;
    Ok(key)
}

fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|e| KeyError::Sealing(e.to_string()))
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
