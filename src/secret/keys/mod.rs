//! Keys of vendors and brokers at rest: the system's keyring, else a sealed vault file in the home, else the
//! environment. Which one answers is always told ([`Place`]), and nothing moves from one to the other by itself.
//!
//! A key is read by the first store that has it and written into the first that takes it; what lower stores still
//! have of it is removed then, so that an old key never comes back. A store that cannot be used is passed over and
//! says why. Keys are wiped from memory when dropped and never print themselves; nothing here logs.

mod chain;
mod environment;
mod keyring;
mod sealed;
mod vault;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

pub use chain::{Found, KeyChain};
pub use environment::Environment;
pub use keyring::Keyring;
pub use vault::{Asks, Vault, open_to_others};

use crate::domain::key::{KEY_BYTES_MAX, KeySlot};
use crate::domain::{CleanText, UnixNanos};

/// Where a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The keyring of the operating system.
    Keyring,
    /// The vault file, under a passphrase.
    VaultPassphrase,
    /// The vault file, under a random key in a file beside it.
    VaultKeyFile,
    /// An environment variable.
    Environment,
}

impl Place {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Place::Keyring => "keyring",
            Place::VaultPassphrase => "vault (passphrase)",
            Place::VaultKeyFile => "vault (key file)",
            Place::Environment => "environment",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A key and when it was set, where that is known.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The key.
    pub key: SecretString,
    /// When it was set.
    pub set_at: Option<UnixNanos>,
}

/// One place that keeps keys.
pub trait KeyStore: fmt::Debug + Send + Sync {
    /// Where.
    fn place(&self) -> Place;

    /// Whether it can be used now; else why not. Answers within seconds.
    fn usable(&self) -> Result<(), KeyError>;

    /// Whether keys can be put here.
    fn takes_keys(&self) -> bool;

    /// A key.
    fn get(&self, slot: KeySlot) -> Result<Option<Kept>, KeyError>;

    /// Keeps a key in place of the one before.
    fn set(&self, slot: KeySlot, key: &SecretString, now: UnixNanos) -> Result<(), KeyError>;

    /// Forgets a key; whether there was one.
    fn remove(&self, slot: KeySlot) -> Result<bool, KeyError>;
}

/// Why a key could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be a key.
    #[error("this is no key: {0}")]
    NotAKey(&'static str),
    /// The system's keyring cannot be used.
    #[error("the system's keyring cannot be used: {0}")]
    Keyring(String),
    /// The vault is not what was written.
    #[error("{}: the vault is damaged ({what}) and was left as it is; put a good copy back, or move it away and set the keys again", shown(.path))]
    Damaged {
        /// The vault.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A later program wrote it.
    #[error("{}: the vault was written by a later version of this program; use that one", shown(.path))]
    Later {
        /// The vault.
        path: PathBuf,
    },
    /// The vault needs its passphrase.
    #[error("{}: the vault is locked; set QLIB_PRO_VAULT_PASSWORD to its passphrase", shown(.path))]
    Locked {
        /// The vault.
        path: PathBuf,
    },
    /// It is not its passphrase.
    #[error("{}: the passphrase does not open the vault; check QLIB_PRO_VAULT_PASSWORD", shown(.path))]
    WrongPassphrase {
        /// The vault.
        path: PathBuf,
    },
    /// The key file does not belong to the vault, or is gone.
    #[error("{}: the vault's key file is missing or is not its own; put it back, or move the vault away and set the keys again", shown(.path))]
    NoKeyFile {
        /// The key file.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{}: cannot {doing}: {source}; check that the home is yours and the disk is not full", shown(.path))]
    Io {
        /// File.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The environment is not this program's to write.
    #[error("a key in the environment is set and removed outside of this program, by its variable")]
    ReadOnly,
    /// Nothing takes a key.
    #[error("no place takes keys; see 'qlib-pro key list'")]
    Nowhere,
    /// The system did not do what sealing needs.
    #[error("the key cannot be sealed ({0}); free some memory and try again")]
    Sealing(String),
}

impl KeyError {
    fn io(path: &std::path::Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| KeyError::Io { path, doing, source }
    }
}

fn shown(path: &std::path::Path) -> CleanText {
    CleanText::new(&path.display().to_string())
}

/// Whether a text may be a key: not empty, not too long, no blanks and no control characters.
pub fn check_key(key: &SecretString) -> Result<(), KeyError> {
    let text = key.expose_secret();
    if text.is_empty() {
        return Err(KeyError::NotAKey("it is empty"));
    }
    if text.len() > KEY_BYTES_MAX {
        return Err(KeyError::NotAKey("it is too long"));
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(KeyError::NotAKey("it holds blanks or characters that no key has"));
    }
    Ok(())
}
