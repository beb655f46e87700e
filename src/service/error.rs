//! [`ServiceError`]: why the door stayed shut, and [`ErrorKind`], which a script's exit code rests on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::id::IdError;
use crate::domain::{Capability, CleanText, NumberError, Role, UserName};
use crate::execution::EngineError;
use crate::store::StoreError;

/// What kind of failure it is; the command line turns it into its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Something did not work.
    Failed,
    /// What was asked for makes no sense as it stands.
    Usage,
    /// Not logged in, or not allowed.
    Denied,
    /// Refused by risk.
    Refused,
}

/// Why a service call did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine could not go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine's thread is gone.
    #[error("the trading engine has stopped; close and open the home again")]
    EngineStopped,
    /// An earlier event of the same feed failed.
    #[error("not played, because an earlier session failed")]
    FeedStopped,
    /// The journal could not be written: nothing happened.
    #[error("nothing was done, because the journal could not be written: {0}")]
    NotWritten(String),
    /// The disk failed under the journal: the engine stops.
    #[error("not acknowledged, and whether it was kept is not known, because the disk failed: {0}")]
    DiskFailed(String),
    /// A verification found the trades of this home unsound: nothing may add risk on them.
    #[error(
        "no new risk is taken, because the trades of this home were found unsound ({0}): 'restore' a backup, or mend the \
         cause and have 'audit verify' find it sound (a lost anchor: 'audit accept'); orders can be canceled, and scopes \
         halted and flattened"
    )]
    Unsound(CleanText),
    /// Another process owns the trades of this home.
    #[error(
        "this home's trades are held by {0}; it is open read-only here: close the other program, or trade there"
    )]
    ReadOnly(String),
    /// Nobody is named, and nobody can be asked.
    #[error(
        "NOT_AUTHENTICATED: nobody is logged in; name a user with --user or QLIB_PRO_USER, and set QLIB_PRO_PASSWORD"
    )]
    NotAuthenticated,
    /// Wrong name or password, disabled, or throttled: the same text in every case.
    #[error(
        "NOT_AUTHENTICATED: the name or the password is wrong, or there were too many tries; wait a minute and try again"
    )]
    LoginFailed,
    /// The login no longer holds.
    #[error(
        "NOT_AUTHENTICATED: this login no longer holds (role, password or standing changed); log in again"
    )]
    SessionOver,
    /// There is no home, and so nobody who could log in.
    #[error(
        "NOT_AUTHENTICATED: there is no home in {0}: 'qlib-pro user add NAME' makes one, and 'qlib-pro demo' shows \
         one that is thrown away"
    )]
    NoHome(String),
    /// The session is locked.
    #[error("NOT_AUTHENTICATED: this session is locked; unlock it with the password")]
    Locked,
    /// The role does not reach that far.
    #[error("NOT_PERMITTED_ROLE: {user} ({role}) may not {}; it needs role {}", capability.text(), capability.roles())]
    NotPermitted {
        /// Who.
        user: UserName,
        /// Their role.
        role: Role,
        /// What they asked for.
        capability: Capability,
    },
    /// There are users already, or there are none yet.
    #[error("{0}")]
    Founding(&'static str),
    /// A name is not known.
    #[error("{kind} '{name}' is not known; {remedy}")]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// Its name, cleaned.
        name: CleanText,
        /// What to do.
        remedy: &'static str,
    },
    /// What was asked for makes no sense as it stands.
    #[error("{0}")]
    Invalid(String),
    /// What was asked for contradicts itself or lacks something.
    #[error("{0}")]
    Wrong(String),
    /// A control (limit, halt, approval) was refused.
    #[error("{0}")]
    ControlRefused(String),
    /// An order was refused.
    #[error("{code}: {text}")]
    Refused {
        /// Stable code.
        code: crate::domain::RefusalCode,
        /// A plain sentence.
        text: String,
    },
    /// A cancel was refused, or the order does not exist: nothing changed.
    #[error("{code}: {text}")]
    NotDone {
        /// Stable code.
        code: crate::domain::RefusalCode,
        /// A plain sentence.
        text: String,
    },
    /// The program that holds the trades did not do what was passed to it, and said why.
    #[error("{text}")]
    Passed {
        /// What kind of failure it was there.
        kind: ErrorKind,
        /// Its own words.
        text: String,
    },
    /// The program that holds the trades was asked and gave no answer.
    #[error(
        "the program that holds the trades (process {holder}) gave no answer: {why}; what was asked may have been done: {remedy}"
    )]
    Unanswered {
        /// Its process.
        holder: u32,
        /// Why not.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A text is no identifier.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A number cannot be kept exactly.
    #[error("a number {0}")]
    Number(#[from] NumberError),
    /// A file could not be read or written.
    #[error("{}: {doing}: {source}", CleanText::new(&path.display().to_string()))]
    File {
        /// File.
        path: PathBuf,
        /// What was tried and what to do.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// Import refused a file as a whole.
    #[error(transparent)]
    Import(#[from] crate::market::import::ImportError),
    /// A calendar or bundled data file is broken.
    #[error("{0}")]
    Data(String),
    /// A broker could not be used.
    #[error(transparent)]
    Broker(#[from] crate::broker::BrokerError),
    /// Settings are wrong.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// A password could not be checked or hashed.
    #[error(transparent)]
    Secret(#[from] crate::secret::SecretError),
    /// A key could not be read or kept.
    #[error(transparent)]
    Key(#[from] crate::secret::keys::KeyError),
}

impl ServiceError {
    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ServiceError::NotAuthenticated
            | ServiceError::NoHome(_)
            | ServiceError::LoginFailed
            | ServiceError::SessionOver
            | ServiceError::Locked
            | ServiceError::NotPermitted { .. } => ErrorKind::Denied,
            ServiceError::Refused { .. } => ErrorKind::Refused,
            ServiceError::Passed { kind, .. } => *kind,
            ServiceError::Id(_) | ServiceError::Number(_) | ServiceError::Wrong(_) => ErrorKind::Usage,
            ServiceError::Store(_)
            | ServiceError::Engine(_)
            | ServiceError::EngineStopped
            | ServiceError::FeedStopped
            | ServiceError::NotWritten(_)
            | ServiceError::DiskFailed(_)
            | ServiceError::Unsound(_)
            | ServiceError::ReadOnly(_)
            | ServiceError::Founding(_)
            | ServiceError::Unknown { .. }
            | ServiceError::Invalid(_)
            | ServiceError::ControlRefused(_)
            | ServiceError::NotDone { .. }
            | ServiceError::Unanswered { .. }
            | ServiceError::File { .. }
            | ServiceError::Import(_)
            | ServiceError::Data(_)
            | ServiceError::Broker(_)
            | ServiceError::Config(_)
            | ServiceError::Secret(_)
            | ServiceError::Key(_) => ErrorKind::Failed,
        }
    }
}
