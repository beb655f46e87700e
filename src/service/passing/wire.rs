//! What goes over the socket: lines of JSON, each side's greeting, requests and answers; and who is on the other end.

use std::io::{self, BufRead, Read, Write};
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::domain::{RefusalCode, UserName};
use crate::secret::Password;
use crate::service::deed::{Deed, Done};
use crate::service::error::{ErrorKind, ServiceError};

/// The holder's first words.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Greeting {
    /// What it speaks.
    pub protocol: u32,
    /// Its process.
    pub pid: u32,
    /// Set when it has no place for one more.
    pub is_full: bool,
}

/// Who acts; the text is wiped when it is dropped.
#[derive(Serialize, Deserialize)]
pub(super) struct Login {
    pub user: UserName,
    password: Option<String>,
}

impl Login {
    pub fn new(user: UserName, password: Option<&Password>) -> Self {
        Self { user, password: password.map(|p| p.expose().to_string()) }
    }

    /// The password, taken out.
    pub fn password(&mut self) -> Option<Password> {
        self.password.take().map(Password::new)
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

/// What the holder answers to a login or a deed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The login holds.
    Welcome,
    /// The deed is done.
    Done(Done),
    /// It is not.
    Failed {
        /// What kind of failure, for the exit code.
        kind: ErrorKind,
        /// A refusal's stable code.
        code: Option<RefusalCode>,
        /// In words.
        text: String,
    },
}

impl From<Result<Done, ServiceError>> for Answer {
    fn from(result: Result<Done, ServiceError>) -> Self {
        let error = match result {
            Ok(done) => return Answer::Done(done),
            Err(error) => error,
        };
        let kind = error.kind();
        match error {
            ServiceError::Refused { code, text } | ServiceError::NotDone { code, text } => {
                Answer::Failed { kind, code: Some(code), text }
            }
            error => Answer::Failed { kind, code: None, text: error.to_string() },
        }
    }
}

impl Answer {
    /// The failure it tells of, as it would have been at home.
    pub fn failure(kind: ErrorKind, code: Option<RefusalCode>, text: String) -> ServiceError {
        match (kind, code) {
            (ErrorKind::Refused, Some(code)) => ServiceError::Refused { code, text },
            (_, Some(code)) => ServiceError::NotDone { code, text },
            (kind, None) => ServiceError::Passed { kind, text },
        }
    }
}

/// A request: one deed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub deed: Deed,
}

/// Writes one line.
pub(super) fn write<T: Serialize>(stream: &mut impl Write, message: &T) -> io::Result<()> {
    let mut line = Zeroizing::new(serde_json::to_vec(message)?);
    line.push(b'\n');
    stream.write_all(&line)?;
    stream.flush()
}

/// Reads one line; `None` when the other side has gone before it began. A line that is cut, longer than the bound, or
/// not what was expected is an error.
pub(super) fn read<T: DeserializeOwned>(stream: &mut impl BufRead, bytes_max: u64) -> io::Result<Option<T>> {
    let mut line = Zeroizing::new(Vec::new());
    let count = stream.take(bytes_max).read_until(b'\n', &mut line)?;
    if count == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        let what = if count as u64 == bytes_max { "a message is too long" } else { "a message is cut" };
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    serde_json::from_slice(&line).map(Some).map_err(io::Error::from)
}

/// The person of the machine on the other end.
pub(super) fn peer(stream: &UnixStream) -> io::Result<u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    let copy = stream.try_clone()?;
    copy.set_nonblocking(true)?;
    let uid = tokio::net::UnixStream::from_std(copy)?.peer_cred()?.uid();
    // Both handles share one open file, and with it this mode.
    stream.set_nonblocking(false)?;
    Ok(uid)
}
