//! Passwords: hashing, verifying, and random session ids.
//!
//! argon2id with 19 MiB, two passes, one lane (the floor that OWASP's password storage sheet gives), kept as PHC
//! strings. A [`Password`] never prints itself and is wiped when dropped. Verifying a name that does not exist
//! costs as much as one that does. Nothing here stores, logs or reads a password from anywhere.

pub mod keys;

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};

/// Memory of one hash.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Fewest characters of a new password.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Longest password, in bytes: longer ones only cost time.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Random bytes of a session id.
const SESSION_ID_BYTES: usize = 16;

/// Why a password could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Too short for a new password.
    #[error("the password has fewer than {PASSWORD_CHARS_MIN} characters; choose a longer one")]
    TooShort,
    /// Too long.
    #[error("the password is longer than {PASSWORD_BYTES_MAX} bytes; choose a shorter one")]
    TooLong,
    /// The hash in the store is no PHC string that this program can check.
    #[error("the stored password hash cannot be read; reset the password")]
    BadHash,
    /// Hashing failed.
    #[error("the password cannot be hashed ({0}); free some memory and try again")]
    Hashing(String),
    /// The operating system gave no random bytes.
    #[error("the system gives no random bytes ({0}); try again")]
    Random(String),
}

/// A password as somebody typed it.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Takes a password; the text is wiped when it is dropped.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// The text itself: only for handing it to the process that verifies it.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Whether both are the same text: for asking twice.
impl PartialEq for Password {
    fn eq(&self, other: &Password) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl From<SecretString> for Password {
    fn from(text: SecretString) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// What verifying a password said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password.
    Wrong,
    /// It is.
    Right,
    /// It is, and the stored hash is weaker than new ones: hash it again.
    RightButWeak,
}

fn hasher() -> Result<Argon2<'static>, SecretError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| SecretError::Hashing(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a new password into a PHC string with a random salt.
pub fn hash(password: &Password) -> Result<String, SecretError> {
    let text = password.0.expose_secret();
    if text.chars().count() < PASSWORD_CHARS_MIN {
        return Err(SecretError::TooShort);
    }
    if text.len() > PASSWORD_BYTES_MAX {
        return Err(SecretError::TooLong);
    }
    let hash: PasswordHash =
        hasher()?.hash_password(text.as_bytes()).map_err(|e| SecretError::Hashing(e.to_string()))?;
    Ok(hash.to_string())
}

/// Verifies a password against a stored PHC string.
pub fn verify(password: &Password, stored: &str) -> Result<Verdict, SecretError> {
    let text = password.0.expose_secret();
    let parsed = PasswordHash::new(stored).map_err(|_| SecretError::BadHash)?;
    let params = Params::try_from(&parsed).map_err(|_| SecretError::BadHash)?;
    if text.len() > PASSWORD_BYTES_MAX {
        return Ok(Verdict::Wrong);
    }
    match hasher()?.verify_password(text.as_bytes(), &parsed) {
        Ok(()) if is_weak(&params) => Ok(Verdict::RightButWeak),
        Ok(()) => Ok(Verdict::Right),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(SecretError::Hashing(error.to_string())),
    }
}

fn is_weak(params: &Params) -> bool {
    params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES
}

/// Does the work of a verification for a name that does not exist, so that the answer takes as long.
pub fn verify_nobody(password: &Password) -> Result<(), SecretError> {
    let mut out = [0_u8; 32];
    let text = password.0.expose_secret();
    let bytes = text.as_bytes().get(..PASSWORD_BYTES_MAX).unwrap_or(text.as_bytes());
    let done = hasher()?.hash_password_into(bytes, b"nobody-has-this-salt", &mut out);
    std::hint::black_box(&out);
    done.map_err(|e| SecretError::Hashing(e.to_string()))
}

/// A new session id: 128 random bits in hex.
pub fn session_id() -> Result<String, SecretError> {
    let mut bytes = [0_u8; SESSION_ID_BYTES];
    getrandom::fill(&mut bytes).map_err(|e| SecretError::Random(e.to_string()))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn a_hash_verifies_its_own_password_and_no_other() {
        let stored = hash(&password("correct horse")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(verify(&password("correct horse"), &stored).unwrap(), Verdict::Right);
        assert_eq!(verify(&password("correct h0rse"), &stored).unwrap(), Verdict::Wrong);
        assert_ne!(stored, hash(&password("correct horse")).unwrap(), "salts differ");
    }

    #[test]
    fn a_weaker_hash_asks_for_a_new_one() {
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let stored: PasswordHash = weak.hash_password(b"correct horse").unwrap();
        let verdict = verify(&password("correct horse"), &stored.to_string()).unwrap();
        assert_eq!(verdict, Verdict::RightButWeak);
    }

    #[test]
    fn a_password_never_prints_itself() {
        assert_eq!(format!("{:?}", password("hunter2-canary")), "Password(***)");
    }

    #[test]
    fn unusable_passwords_and_hashes_are_refused() {
        assert!(matches!(hash(&password("short")), Err(SecretError::TooShort)));
        assert!(matches!(hash(&password(&"x".repeat(2_000))), Err(SecretError::TooLong)));
        assert!(matches!(verify(&password("whatever"), "plain text"), Err(SecretError::BadHash)));
        verify_nobody(&password("whatever")).unwrap();
    }

    #[test]
    fn session_ids_are_long_and_differ() {
        let (a, b) = (session_id().unwrap(), session_id().unwrap());
        assert_eq!(a.len(), 32);
        assert_ne!(a, b);
    }
}
