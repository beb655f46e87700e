//! The vault: one file `vault` in the home, for its owner only, replaced as a whole by a rename.
//!
//! With a passphrase its key comes from argon2id; without one it is random and lies in `vault.key` beside it, which
//! keeps keys out of copies and backups of the home but not from whoever may read the folder, and is always said. A
//! passphrase that is given later takes over at the next write. A vault that is damaged is never written to.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::sealed::{self, Body, Entry, KEY_BYTES, Lock, Parsed, SealingKey};
use super::{Kept, KeyError, KeyStore, Place};
use crate::domain::UnixNanos;
use crate::domain::key::KeySlot;

/// The vault's name in its home.
pub const VAULT_FILE: &str = "vault";
/// Name of the file with its key.
pub const KEY_FILE: &str = "vault.key";
/// Name of the file that one writer at a time holds.
const LOCK_FILE: &str = "vault.lock";
/// Largest vault.
const VAULT_BYTES_MAX: u64 = 64 * 1024;

/// A key that was found, and the lock it opens: argon2id is paid once.
#[derive(Debug)]
struct Opened {
    lock: Lock,
    key: SealingKey,
}

#[derive(Debug, Default)]
struct Held {
    passphrase: Option<SecretString>,
    opened: Option<Opened>,
}

/// What a vault wants to know before it can take a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Nothing.
    Nothing,
    /// Its passphrase.
    Passphrase,
    /// A passphrase for the vault that will be made; none makes a key file.
    NewPassphrase,
}

/// The vault of a home.
#[derive(Debug)]
pub struct Vault {
    home: PathBuf,
    held: Mutex<Held>,
}

impl Vault {
    /// The vault of a home; nothing is read or made yet.
    pub fn new(home: &Path, passphrase: Option<SecretString>) -> Self {
        Self { home: home.to_path_buf(), held: Mutex::new(Held { passphrase, opened: None }) }
    }

    /// Takes the passphrase that somebody typed; one that does not open the vault is not kept.
    pub fn give_passphrase(&self, passphrase: SecretString) -> Result<(), KeyError> {
        *self.held() = Held { passphrase: Some(passphrase), opened: None };
        let opened = self.usable();
        if opened.is_err() {
            *self.held() = Held::default();
        }
        opened
    }

    /// Whether a passphrase is to be asked for: none is known, and the vault has one or is not there yet.
    pub fn asks(&self) -> Result<Asks, KeyError> {
        if self.held().passphrase.is_some() {
            return Ok(Asks::Nothing);
        }
        Ok(match self.read()? {
            None => Asks::NewPassphrase,
            Some(body) if body.lock == Lock::KeyFile => Asks::Nothing,
            Some(_) => Asks::Passphrase,
        })
    }

    fn path(&self) -> PathBuf {
        self.home.join(VAULT_FILE)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self, what: &'static str) -> KeyError {
        KeyError::Damaged { path: self.path(), what }
    }

    /// The file, if there is one.
    fn read(&self) -> Result<Option<Body>, KeyError> {
        let path = self.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeyError::io(&path, "open the vault")(error)),
        };
        let mut bytes = Vec::new();
        file.take(VAULT_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(KeyError::io(&path, "read the vault"))?;
        if bytes.len() as u64 > VAULT_BYTES_MAX {
            return Err(self.damaged("it is too large"));
        }
        let text = String::from_utf8(bytes).map_err(|_| self.damaged("it is no text"))?;
        match Body::parse(&text) {
            Parsed::Vault(body) => Ok(Some(*body)),
            Parsed::Later => Err(KeyError::Later { path }),
            Parsed::Damaged(what) => Err(self.damaged(what)),
        }
    }

    /// The key of this vault.
    fn key_for(&self, body: &Body) -> Result<SealingKey, KeyError> {
        let mut held = self.held();
        if let Some(opened) =
            held.opened.as_ref().filter(|o| o.lock == body.lock && body.is_opened_by(&o.key))
        {
            return Ok(opened.key.clone());
        }
        let key = match &body.lock {
            Lock::KeyFile => self
                .key_file()?
                .filter(|key| body.is_opened_by(key))
                .ok_or_else(|| KeyError::NoKeyFile { path: self.home.join(KEY_FILE) })?,
            lock @ Lock::Passphrase { .. } => {
                let locked = || KeyError::Locked { path: self.path() };
                let passphrase = held.passphrase.as_ref().ok_or_else(locked)?;
                let key = lock.key_of(passphrase)?.ok_or_else(locked)?;
                if !body.is_opened_by(&key) {
                    return Err(KeyError::WrongPassphrase { path: self.path() });
                }
                key
            }
        };
        held.opened = Some(Opened { lock: body.lock.clone(), key: key.clone() });
        Ok(key)
    }

    fn key_file(&self) -> Result<Option<SealingKey>, KeyError> {
        let path = self.home.join(KEY_FILE);
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        match File::open(&path).and_then(|mut file| file.read_exact(bytes.as_mut())) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(KeyError::io(&path, "read the vault's key file")(error)),
        }
    }

    /// A new empty vault, under the passphrase if there is one. Its key file is there before the vault is.
    fn found(&self) -> Result<(Body, SealingKey), KeyError> {
        let passphrase = self.held().passphrase.clone();
        let (lock, key) = match passphrase {
            Some(passphrase) => {
                let lock = Lock::passphrase()?;
                let key = lock.key_of(&passphrase)?;
                (lock, key.ok_or_else(|| KeyError::Sealing("no key came of the passphrase".into()))?)
            }
            None => {
                let key = match self.key_file()? {
                    Some(key) => key,
                    None => {
                        let key = sealed::random_key()?;
                        self.replace(KEY_FILE, key.as_ref())?;
                        key
                    }
                };
                (Lock::KeyFile, key)
            }
        };
        Ok((Body::new(lock, &key)?, key))
    }

    /// What the vault is to be changed into: the one there is, under the passphrase if one was given since.
    fn for_writing(&self) -> Result<(Body, SealingKey), KeyError> {
        let Some(old) = self.read()? else { return self.found() };
        let key = self.key_for(&old)?;
        if old.lock != Lock::KeyFile || self.held().passphrase.is_none() {
            return Ok((old, key));
        }
        let (mut new, new_key) = self.found()?;
        for (slot, entry) in old.entries {
            let label = sealed::label(&slot, entry.set_at);
            let value = sealed::open(&key, &entry.sealed, &label)
                .ok_or_else(|| self.damaged("one of its keys cannot be opened"))?;
            let sealed = sealed::seal(&new_key, &value, &label)?;
            new.entries.insert(slot, Entry { set_at: entry.set_at, sealed });
        }
        Ok((new, new_key))
    }

    fn write(&self, body: &Body) -> Result<(), KeyError> {
        self.replace(VAULT_FILE, body.to_text()?.as_bytes())?;
        let key_file = self.home.join(KEY_FILE);
        if body.lock != Lock::KeyFile && key_file.exists() {
            fs::remove_file(&key_file).map_err(KeyError::io(&key_file, "remove the old key file"))?;
        }
        Ok(())
    }

    /// Puts a file in place as a whole, for its owner only (as temporary files are made).
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), KeyError> {
        let path = self.home.join(name);
        let io = || KeyError::io(&path, "write it");
        fs::create_dir_all(&self.home).map_err(io())?;
        let mut file = tempfile::Builder::new().prefix(".vault-").tempfile_in(&self.home).map_err(io())?;
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(io())?;
        file.persist(&path).map_err(|e| io()(e.error))?;
        File::open(&self.home).and_then(|folder| folder.sync_all()).map_err(io())
    }

    /// Waits until no other process writes; the lock ends with the file.
    fn one_writer(&self) -> Result<File, KeyError> {
        let path = self.home.join(LOCK_FILE);
        let io = || KeyError::io(&path, "take turns with other programs");
        fs::create_dir_all(&self.home).map_err(io())?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(&path).map_err(io())?;
        file.lock().map_err(io())?;
        Ok(file)
    }
}

/// Files of keys that others than their owner may open, each with its mode; none where the system has no such modes.
pub fn open_to_others(home: &Path) -> Vec<(PathBuf, u32)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let paths = [VAULT_FILE, KEY_FILE].map(|name| home.join(name)).into_iter();
        let modes = paths.filter_map(|path| {
            let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o777;
            Some((path, mode))
        });
        modes.filter(|(_, mode)| mode & 0o077 != 0).collect()
    }
    #[cfg(not(unix))]
    {
        let _ = home;
        Vec::new()
    }
}

impl KeyStore for Vault {
    fn place(&self) -> Place {
        let by_passphrase = match self.read() {
            Ok(Some(body)) => body.lock != Lock::KeyFile,
            Ok(None) | Err(_) => self.held().passphrase.is_some(),
        };
        if by_passphrase { Place::VaultPassphrase } else { Place::VaultKeyFile }
    }

    fn usable(&self) -> Result<(), KeyError> {
        match self.read()? {
            Some(body) => self.key_for(&body).map(drop),
            None => Ok(()),
        }
    }

    fn takes_keys(&self) -> bool {
        true
    }

    fn get(&self, slot: KeySlot) -> Result<Option<Kept>, KeyError> {
        let Some(body) = self.read()? else { return Ok(None) };
        let Some(entry) = body.entries.get(slot.as_str()) else { return Ok(None) };
        let key = self.key_for(&body)?;
        let bad = || self.damaged("one of its keys cannot be opened");
        let label = sealed::label(slot.as_str(), entry.set_at);
        let value = sealed::open(&key, &entry.sealed, &label).ok_or_else(bad)?;
        let text = std::str::from_utf8(&value).map_err(|_| bad())?;
        Ok(Some(Kept {
            key: SecretString::from(text.to_owned()),
            set_at: Some(UnixNanos::from_nanos(entry.set_at)),
        }))
    }

    fn set(&self, slot: KeySlot, key: &SecretString, now: UnixNanos) -> Result<(), KeyError> {
        let _turn = self.one_writer()?;
        let (mut body, sealing) = self.for_writing()?;
        let set_at = now.nanos();
        let label = sealed::label(slot.as_str(), set_at);
        let sealed = sealed::seal(&sealing, key.expose_secret().as_bytes(), &label)?;
        body.entries.insert(slot.as_str().to_owned(), Entry { set_at, sealed });
        self.write(&body)
    }

    fn remove(&self, slot: KeySlot) -> Result<bool, KeyError> {
        let _turn = self.one_writer()?;
        match self.read()? {
            Some(body) if body.entries.contains_key(slot.as_str()) => {
                let (mut body, _) = self.for_writing()?;
                body.entries.remove(slot.as_str());
                self.write(&body).map(|()| true)
            }
            Some(_) | None => Ok(false),
        }
    }
}
