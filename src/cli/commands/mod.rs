//! One file a command, and what they share: [`Env`].

pub mod account;
pub mod advance;
pub mod audit;
pub mod backup;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod export;
pub mod factor;
pub mod halt;
pub mod history;
pub mod import;
pub mod key;
pub mod limits;
pub mod man;
pub mod order;
mod order_stream;
mod order_submit;
pub mod paths;
pub mod portfolio;
pub mod quote;
pub mod rebalance;
pub mod reconcile;
pub mod replay;
pub mod risk;
pub mod signal;
pub mod sync;
pub mod user;

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;

use super::args::Globals;
use super::context::{Context, HomeWish, Launch, OpenMode};
use super::credentials;
use super::errors::Failure;
use super::output::{Format, Out};
use crate::domain::{CleanText, UnixNanos, UserName};
use crate::service::access::{self, Password, Session};
use crate::service::as_of::Past;
use crate::service::deed::Doer;
use crate::service::keys::Sealed;
use crate::service::passing::{self, Hand, Reach};
use crate::service::trading::Period;
use crate::service::{House, ServiceError};

/// How often a command looks for a holder of the trades that neither listens nor leaves.
const REACHES_MAX: u32 = 20;
/// Pause between two looks.
const REACH_PAUSE_MS: u64 = 100;

/// What a command works with.
#[derive(Debug)]
pub struct Env<'a> {
    /// What the composition root lends.
    pub context: &'a Context<'a>,
    /// Flags that every command has.
    pub globals: Globals,
    /// Where results go.
    pub out: Out,
}

impl<'a> Env<'a> {
    /// From the global flags.
    pub fn new(context: &'a Context<'a>, globals: Globals) -> Self {
        let out = Out::new(globals.format, globals.quiet);
        Self { context, globals, out }
    }

    /// Opens the home, and makes it where there is none.
    pub fn house(&self, mode: OpenMode) -> Result<Arc<House>, Failure> {
        self.open(mode, true)
    }

    fn open(&self, mode: OpenMode, may_make: bool) -> Result<Arc<House>, Failure> {
        Ok((self.context.open)(&self.wish(mode, may_make))?)
    }

    /// The home that is meant, and how to open it.
    fn wish(&self, mode: OpenMode, may_make: bool) -> HomeWish<'_> {
        let (home, log_level) = (self.globals.home.as_deref(), self.globals.log_level);
        HomeWish { home, mode, may_make, log_level }
    }

    /// Opens a home in which somebody lives.
    fn lived_in(&self, mode: OpenMode) -> Result<Arc<House>, Failure> {
        let house = self.open(mode, false)?;
        if house.has_users()? {
            return Ok(house);
        }
        Err(Failure::Denied(
            "NOT_AUTHENTICATED: this home has no users yet; make the first with 'qlib-pro user add NAME'"
                .into(),
        ))
    }

    /// Opens the home and logs in who acts: one command is one login.
    pub fn session(&self, mode: OpenMode) -> Result<Session, Failure> {
        self.log_in(&self.lived_in(mode)?)
    }

    /// Who does this command's deeds: this process, or the one that holds the trades, with the login of who acts.
    pub fn hand(&self) -> Result<Hand, Failure> {
        let mut house = self.lived_in(OpenMode::Own)?;
        let (name, password) = self.who()?;
        for _ in 0..REACHES_MAX {
            if house.owns_trades() {
                break;
            }
            if let Reach::Reached(mut passage) = passing::reach(house.home())? {
                passage.log_in(name, password.as_ref())?;
                return Ok(Hand::Passed(passage));
            }
            // A holder that just opens the home or leaves it.
            std::thread::sleep(Duration::from_millis(REACH_PAUSE_MS));
            house = self.house(OpenMode::Own)?;
        }
        Ok(Hand::Own(Box::new(Doer::new(access::login(&house, name, password.as_ref())?))))
    }

    /// Whether somebody is named who acts.
    pub fn is_named(&self) -> bool {
        self.globals.user.as_deref().is_some_and(|name| !name.is_empty())
    }

    /// Logs in who acts.
    pub fn log_in(&self, house: &Arc<House>) -> Result<Session, Failure> {
        let (name, password) = self.who()?;
        Ok(access::login(house, name, password.as_ref())?)
    }

    /// Name and password of who acts.
    fn who(&self) -> Result<(UserName, Option<Password>), Failure> {
        let name = credentials::user_name(self.globals.user.as_deref())?;
        let name = name.ok_or(ServiceError::NotAuthenticated)?;
        Ok((name, credentials::password(name)?))
    }

    /// How to open the workstation from here.
    pub fn launch(&self) -> Launch {
        Launch {
            home: self.globals.home.clone(),
            user: self.globals.user.clone(),
            color: self.globals.color,
            log_level: self.globals.log_level,
            demo: None,
        }
    }

    /// Something to know, on standard error; not with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.globals.quiet {
            eprintln!("note: {}", CleanText::new(text));
        }
    }

    /// On a terminal, has whoever is there open the places of keys that are shut; what stays shut is passed over and
    /// says so where its key is missed.
    pub fn open_keys(&self, house: &House) -> Result<(), Failure> {
        if !credentials::may_ask() {
            return Ok(());
        }
        if house.sealed() == Some(Sealed::Vault)
            && let Some(passphrase) = credentials::vault_passphrase()?
        {
            house.open_vault(&passphrase)?;
        }
        if house.sealed() == Some(Sealed::Keyring) {
            self.note(
                "the system's keyring is locked; the system now asks for it, for half a minute at most",
            );
            if let Err(error) = house.open_keyring() {
                self.note(&error.to_string());
            }
        }
        Ok(())
    }

    /// A line of progress on standard error, over the one before: only for people who watch.
    pub fn progress(&self) -> impl FnMut(std::fmt::Arguments<'_>) + use<> {
        let watched = !self.globals.quiet && stderr().is_terminal();
        move |text| {
            if watched {
                eprint!("\r\u{1b}[K{text}");
            }
        }
    }
}

/// Market time from the start of one day to the end of another, in UTC.
pub fn period(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Period {
    let start = |day: NaiveDate| {
        let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
        midnight.timestamp_nanos_opt().map(UnixNanos::from_nanos)
    };
    Period {
        from: from.and_then(start).unwrap_or(Period::ALL.from),
        to: to.and_then(|d| d.succ_opt()).and_then(start).unwrap_or(Period::ALL.to),
    }
}

/// Says below a table which past instants it shows, and what is left out of them.
pub fn told_of(env: &mut Env<'_>, house: &House, past: Option<&Past>) -> Result<(), Failure> {
    // Only tables have remarks, and the answer costs a look at the journal.
    match past.filter(|_| env.out.format() == Format::Table) {
        Some(past) => env.out.remark(&house.told_of(past)?),
        None => Ok(()),
    }
}
