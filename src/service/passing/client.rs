//! The other end: a command that finds the trades held reaches for the holder, and asks it to do its deeds.

use std::io::{self, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;

use crate::domain::UserName;
use crate::secret::Password;
use crate::service::deed::{Deed, Doer, Done};
use crate::service::error::ServiceError;
use crate::service::ordering::made_up_id;

use super::wire::{self, Answer, Greeting, Login, Request};
use super::{
    ANSWER_BYTES_MAX, ANSWER_SECONDS_MAX, GREETING_SECONDS_MAX, PROTOCOL, SOCKET_FILE, WRITE_SECONDS_MAX,
};

/// Whether the holder of a home's trades can be reached.
#[derive(Debug)]
pub enum Reach {
    /// It listens; nobody is logged in yet.
    Reached(Passage),
    /// Nobody listens: the holder just starts or ends, or it is a program that takes no commands.
    Nobody,
}

/// A connection to the holder of the trades.
#[derive(Debug)]
pub struct Passage {
    reader: BufReader<UnixStream>,
    holder: u32,
}

/// Does deeds: at home, or by asking who holds the trades.
#[derive(Debug)]
pub enum Hand {
    /// This process holds the trades.
    Own(Box<Doer>),
    /// Another one does.
    Passed(Passage),
}

impl Hand {
    /// Does one deed. A deed passed on has no progress to tell.
    pub fn act(&mut self, deed: Deed, progress: impl FnMut(NaiveDate)) -> Result<Done, ServiceError> {
        match self {
            Hand::Own(doer) => doer.act(deed, progress),
            Hand::Passed(passage) => passage.ask(named(deed)?),
        }
    }
}

/// An order without an id gets one here: should its answer be lost, giving it again under that id trades once.
fn named(mut deed: Deed) -> Result<Deed, ServiceError> {
    if let Deed::Submit { order, .. } = &mut deed
        && order.id.is_none()
    {
        order.id = Some(made_up_id()?);
    }
    Ok(deed)
}

/// What to do when the answer to a deed is lost.
fn remedy(deed: &Deed) -> String {
    let given = if let Deed::Submit { order, .. } = deed { order.id } else { None };
    given.map_or(
        "look with 'qlib-pro order list' or 'qlib-pro limits show' before asking again".into(),
        |id| format!("the same order given again with --id {id} trades once at most"),
    )
}

/// Reaches for whoever holds the trades of a home.
pub fn reach(home: &Path) -> Result<Reach, ServiceError> {
    let stream = match super::named(&home.join(SOCKET_FILE), |short| UnixStream::connect(short)) {
        Ok(stream) => stream,
        // No socket, one that a killed holder left, or one whose name is longer than the system allows.
        Err(_) => return Ok(Reach::Nobody),
    };
    let failed = |source| ServiceError::File {
        path: home.join(SOCKET_FILE),
        doing: "the program that holds the trades cannot be asked there",
        source,
    };
    let owner = std::fs::metadata(home).map_err(failed)?.uid();
    let peer = wire::peer(&stream).map_err(failed)?;
    if peer != owner {
        let other = format!("user {peer} of the machine listens, and the home belongs to user {owner}");
        return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, other)));
    }
    stream.set_write_timeout(Some(Duration::from_secs(WRITE_SECONDS_MAX))).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(GREETING_SECONDS_MAX))).map_err(failed)?;
    let mut reader = BufReader::new(stream);
    let Ok(Some(greeting)) = wire::read::<Greeting>(&mut reader, ANSWER_BYTES_MAX) else {
        return Ok(Reach::Nobody);
    };
    if greeting.protocol != PROTOCOL {
        let other = "it is another version of this program; close it, or use the same version";
        return Err(failed(io::Error::new(io::ErrorKind::Unsupported, other)));
    }
    if greeting.is_full {
        let many = "it serves as many commands as it can; try again when one has ended";
        return Err(failed(io::Error::new(io::ErrorKind::WouldBlock, many)));
    }
    reader.get_ref().set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX))).map_err(failed)?;
    Ok(Reach::Reached(Passage { reader, holder: greeting.pid }))
}

impl Passage {
    /// Logs in there.
    pub fn log_in(&mut self, user: UserName, password: Option<&Password>) -> Result<(), ServiceError> {
        let remedy = || "nothing was asked yet; try again".to_string();
        match self.exchange(&Login::new(user, password), remedy)? {
            Answer::Failed { kind, code, text } => Err(Answer::failure(kind, code, text)),
            Answer::Welcome | Answer::Done(_) => Ok(()),
        }
    }

    fn ask(&mut self, deed: Deed) -> Result<Done, ServiceError> {
        let remedy = remedy(&deed);
        match self.exchange(&Request { deed }, || remedy)? {
            Answer::Done(done) => Ok(done),
            Answer::Welcome => Ok(Done::Well),
            Answer::Failed { kind, code, text } => Err(Answer::failure(kind, code, text)),
        }
    }

    /// One message there and one back. When none comes back, what was asked may have been done all the same.
    fn exchange<T: serde::Serialize>(
        &mut self,
        message: &T,
        remedy: impl FnOnce() -> String,
    ) -> Result<Answer, ServiceError> {
        let sent = wire::write(self.reader.get_mut(), message);
        let answer = sent.and_then(|()| wire::read(&mut self.reader, ANSWER_BYTES_MAX));
        let why = match answer {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => "it ended first".to_string(),
            Err(error) => error.to_string(),
        };
        Err(ServiceError::Unanswered { holder: self.holder, why, remedy: remedy() })
    }
}
