//! A trading command beside an open workstation is passed to it: a socket in the home, between processes of one person
//! of the machine.
//!
//! Whoever holds the trades listens (`server`); another process connects (`client`), says who acts, and asks. The
//! holder verifies the login itself, through the same door as anybody: throttle, audit and permits are those of a
//! login at home. The socket is in the home's own folder, for its owner only (0600), and each side looks who the other
//! is (peer credentials). Messages are lines of JSON with a bound. A connection is one login; it ends with the command.
//!
//! Nothing here decides anything: what is asked is a [`Deed`](super::deed::Deed), done by a `Doer`.

mod client;
mod server;
#[cfg(test)]
mod tests;
mod wire;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

pub use client::{Hand, Passage, Reach, reach};
pub use server::{Listening, listen};

/// Name of the socket in a home.
pub(super) const SOCKET_FILE: &str = "trades.sock";
/// Longest name of a socket, in bytes, that every system takes.
const NAME_BYTES_MAX: usize = 100;
/// What both sides must speak.
const PROTOCOL: u32 = 2;
/// Longest request, in bytes: a strategy file and its quotes.
const REQUEST_BYTES_MAX: u64 = 1024 * 1024;
/// Longest answer, in bytes: all the orders of a large cancel.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most connections at once.
const CONNECTIONS_MAX: usize = 16;
/// How long the holder waits for a login, in seconds.
const LOGIN_SECONDS_MAX: u64 = 10;
/// How long a connection may be silent after its login, in seconds (a day): a stream of orders may wait for its writer.
const IDLE_SECONDS_MAX: u64 = 86_400;
/// How long either side tries to write, in seconds.
const WRITE_SECONDS_MAX: u64 = 30;
/// How long the holder's first words may take, in seconds.
const GREETING_SECONDS_MAX: u64 = 2;
/// How long an answer may take, in seconds: playing years of sessions takes minutes.
const ANSWER_SECONDS_MAX: u64 = 3_600;

/// Does something with the socket of a home, or a file beside it, under a name that the system takes: where the home's own
/// path is too long for one, the folder is named by its open handle.
fn named<T>(socket: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else { return act(socket) };
    if socket.as_os_str().len() <= NAME_BYTES_MAX || !cfg!(target_os = "linux") {
        return act(socket);
    }
    let folder = File::open(folder)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}
