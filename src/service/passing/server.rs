//! The holder's end: takes connections of the same person of the machine, logs each in, and does what it asks.
//!
//! The socket is made beside and moved into its place with its mode set, over what a killed holder left there: only who
//! has the lock of the trades comes here, so there are never two. It is removed before that lock is given back.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, BufReader};
use std::net::Shutdown;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::service::access;
use crate::service::deed::Doer;
use crate::service::engine::lock;
use crate::service::error::ServiceError;
use crate::service::house::House;

use super::wire::{self, Answer, Greeting, Login, Request};
use super::{
    CONNECTIONS_MAX, IDLE_SECONDS_MAX, LOGIN_SECONDS_MAX, PROTOCOL, REQUEST_BYTES_MAX, SOCKET_FILE,
    WRITE_SECONDS_MAX, named,
};

/// Who may read and write the socket: its owner.
const SOCKET_MODE: u32 = 0o600;

/// Pause after a connection that could not be taken.
const PAUSE_MS: u64 = 100;

/// A connection: its stream, to be ended, and the thread that serves it.
#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    thread: JoinHandle<()>,
    /// Set once its login is good.
    is_known: Arc<AtomicBool>,
}

type Connections = Arc<Mutex<BTreeMap<u64, Connection>>>;

/// The holder listens while this lives. Dropping it lets what is being done end, and removes the socket.
#[derive(Debug)]
pub struct Listening {
    socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    accepting: Option<JoinHandle<()>>,
    connections: Connections,
    // The lock of the trades is held at least as long as the socket is there.
    _house: Arc<House>,
}

/// Listens for commands of other processes; nobody listens to a home whose trades are held elsewhere.
pub fn listen(house: &Arc<House>) -> Result<Option<Listening>, ServiceError> {
    if !house.owns_trades() {
        return Ok(None);
    }
    let socket = house.home().join(SOCKET_FILE);
    let failed = |source| ServiceError::File {
        path: house.home().join(SOCKET_FILE),
        doing: "no socket for commands of other processes can be opened there",
        source,
    };
    let listener = bind(&socket).map_err(failed)?;
    let owner = fs::metadata(&socket).map_err(failed)?.uid();
    let connections = Connections::default();
    let (stop, stopped) = oneshot::channel();
    let taking = Taking { house: Arc::clone(house), connections: Arc::clone(&connections), owner };
    let accepting = thread::Builder::new().name("passing".to_string());
    let accepting = accepting.spawn(move || taking.run(listener, stopped)).map_err(failed)?;
    Ok(Some(Listening {
        socket,
        stop: Some(stop),
        accepting: Some(accepting),
        connections,
        _house: Arc::clone(house),
    }))
}

fn bind(socket: &Path) -> io::Result<UnixListener> {
    let beside = socket.with_extension(format!("sock.{}", std::process::id()));
    // What a process of the same number left there.
    fs::remove_file(&beside)
        .or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })?;
    let listener = named(&beside, |short| UnixListener::bind(short))?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(&beside, Permissions::from_mode(SOCKET_MODE))?;
    fs::rename(&beside, socket)?;
    Ok(listener)
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A thread that is gone needs no word.
            stop.send(()).unwrap_or_default();
        }
        join(self.accepting.take());
        if let Err(error) = fs::remove_file(&self.socket) {
            tracing::warn!(%error, "the socket for other processes could not be removed");
        }
        let connections = std::mem::take(&mut *lock(&self.connections));
        for Connection { stream, .. } in connections.values() {
            // No further request; the one being done is answered. The other side may have gone already.
            stream.shutdown(Shutdown::Read).unwrap_or_default();
        }
        connections.into_values().for_each(|connection| join(Some(connection.thread)));
    }
}

fn join(thread: Option<JoinHandle<()>>) {
    if thread.is_some_and(|t| t.join().is_err()) {
        tracing::error!("a thread that serves other processes ended badly");
    }
}

/// Takes connections until told to stop.
struct Taking {
    house: Arc<House>,
    connections: Connections,
    owner: u32,
}

impl Taking {
    fn run(self, listener: UnixListener, stopped: oneshot::Receiver<()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let ended = runtime.and_then(|runtime| runtime.block_on(self.accept(listener, stopped)));
        if let Err(error) = ended {
            tracing::error!(%error, "commands of other processes are no longer taken");
        }
    }

    async fn accept(&self, listener: UnixListener, mut stopped: oneshot::Receiver<()>) -> io::Result<()> {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        let mut number = 0;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = &mut stopped => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            let taken = accepted.and_then(|(stream, _)| {
                number += 1;
                self.take(number, stream)
            });
            if let Err(error) = taken {
                tracing::warn!(%error, "a connection of another process was not taken");
                // A process without free file handles must not spin.
                tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
            }
        }
    }

    fn take(&self, number: u64, stream: tokio::net::UnixStream) -> io::Result<()> {
        let uid = stream.peer_cred()?.uid();
        if uid != self.owner {
            tracing::warn!(uid, "a connection of another person of the machine was refused");
            return Ok(());
        }
        let mut stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(Duration::from_secs(WRITE_SECONDS_MAX)))?;
        let mut connections = lock(&self.connections);
        connections.retain(|_, connection| !connection.thread.is_finished());
        let is_full = connections.len() >= CONNECTIONS_MAX && !make_room(&mut connections);
        wire::write(&mut stream, &Greeting { protocol: PROTOCOL, pid: std::process::id(), is_full })?;
        if is_full {
            return Ok(());
        }
        let kept = stream.try_clone()?;
        let house = Arc::clone(&self.house);
        let thread = thread::Builder::new().name("passed".to_string());
        let is_known = Arc::new(AtomicBool::new(false));
        let known = Arc::clone(&is_known);
        let thread = thread.spawn(move || {
            if let Err(error) = serve(&house, &stream, &known) {
                tracing::warn!(%error, "a connection of another process ended badly");
            }
            // Also where our own clone of it is still kept.
            stream.shutdown(Shutdown::Both).unwrap_or_default();
        })?;
        connections.insert(number, Connection { stream: kept, thread, is_known });
        Ok(())
    }
}

/// Ends the oldest connection that nobody has logged in on, so that silent ones keep nobody out; whether there was one.
fn make_room(connections: &mut BTreeMap<u64, Connection>) -> bool {
    let is_silent = |connection: &Connection| !connection.is_known.load(Ordering::Acquire);
    let oldest = connections.iter().find(|(_, connection)| is_silent(connection)).map(|(number, _)| *number);
    let Some(silent) = oldest.and_then(|number| connections.remove(&number)) else { return false };
    tracing::warn!("a connection of another process that did not log in gave way to the next");
    // Its thread ends by itself: there is nothing more to read.
    silent.stream.shutdown(Shutdown::Both).unwrap_or_default();
    true
}

/// One connection: a login, then deeds until the other side ends.
fn serve(house: &Arc<House>, stream: &UnixStream, is_known: &AtomicBool) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    stream.set_read_timeout(Some(Duration::from_secs(LOGIN_SECONDS_MAX)))?;
    let Some(mut login) = wire::read::<Login>(&mut reader, REQUEST_BYTES_MAX)? else { return Ok(()) };
    let user = login.user;
    let session = match access::login(house, user, login.password().as_ref()) {
        Ok(session) => session,
        Err(error) => return wire::write(&mut writer, &Answer::from(Err(error))),
    };
    drop(login);
    is_known.store(true, Ordering::Release);
    wire::write(&mut writer, &Answer::Welcome)?;
    stream.set_read_timeout(Some(Duration::from_secs(IDLE_SECONDS_MAX)))?;
    let mut doer = Doer::new(session);
    while let Some(request) = wire::read::<Request>(&mut reader, REQUEST_BYTES_MAX)? {
        tracing::info!(%user, deed = request.deed.name(), "passed by another process");
        let answer = Answer::from(doer.act(request.deed, |_| {}));
        wire::write(&mut writer, &answer)?;
    }
    Ok(())
}
