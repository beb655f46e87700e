//! Tests of the one door, on a home in a temporary folder with a clock that moves only when told.

mod as_of;
mod data;
mod data_health;
mod demo;
mod factors;
mod facts;
mod feed;
mod finer;
mod nightly;
mod panel;
mod people;
mod qlib;
mod quality;
mod renamed;
mod research;
mod rights;
mod trading;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;

use crate::config::Settings;
use crate::domain::role::Role;
use crate::domain::{Clock, Exchange, InstrumentId, Price, Quantity, Side, UnixNanos, UserName};
use crate::observe::LogRing;

use super::access::{self, Session};
use super::house::{self, House, Parts};
use super::screens::{self, Focus};
use super::trading::OrderWish;
use super::view::Screen;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that stands somewhere in 2026.
    pub fn standing() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_780_000_000_000_000_000)))
    }

    /// Moves the clock.
    pub fn pass_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixNanos {
        UnixNanos::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// An open home with its engine on a thread of its own.
pub struct Home {
    pub house: Arc<House>,
    pub clock: Arc<TestClock>,
    engine: Option<JoinHandle<()>>,
}

impl Home {
    /// Opens a folder.
    pub fn open(folder: &Path) -> Home {
        Self::at(folder, TestClock::standing())
    }

    /// Opens a folder at some time.
    pub fn at(folder: &Path, clock: Arc<TestClock>) -> Home {
        Self::with(parts(folder, &clock), clock)
    }

    /// Opens with settings of its own.
    pub fn with(parts: Parts, clock: Arc<TestClock>) -> Home {
        let (house, engine) = house::open(parts).unwrap();
        let engine = engine.map(|e| std::thread::spawn(move || e.run()));
        Home { house, clock, engine }
    }

    /// A small demo.
    pub fn demo(folder: &Path, seed: u64) -> Home {
        let home = Self::open(folder);
        super::demo::found(&home.house, seed, 24).unwrap();
        home
    }

    /// Closes it and waits until the engine has ended.
    pub fn close(self) -> Arc<TestClock> {
        let Home { house, engine, clock } = self;
        assert_eq!(Arc::strong_count(&house), 1, "somebody still holds the house");
        drop(house);
        if let Some(engine) = engine {
            engine.join().unwrap();
        }
        clock
    }

    /// A login without a password.
    pub fn login(&self, role: Role) -> Arc<Session> {
        Arc::new(access::login(&self.house, name(role.demo_name()), None).unwrap())
    }

    /// Four people without passwords on an exchange.
    pub fn people(&self, exchange: Exchange) {
        let admin = access::found(&self.house, name("root"), None, exchange).unwrap();
        for role in [Role::Customer, Role::Trader, Role::Risk] {
            let permit = admin.permit::<super::permit::Administer>().unwrap();
            self.house.add_user(&permit, name(role.demo_name()), role, None).unwrap();
        }
    }

    /// The first screen of a role.
    pub fn screen(&self, role: Role) -> Screen {
        let session = self.login(role);
        let focus = Focus::first(&session).unwrap();
        screens::build(&session, &focus, None, 1).unwrap()
    }
}

/// What a home is opened with.
pub fn parts(folder: &Path, clock: &Arc<TestClock>) -> Parts {
    Parts {
        home: folder.to_path_buf(),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        settings: Settings::default(),
        log: LogRing::default(),
        process: "test".into(),
        runs_as: "tester".into(),
        own: true,
        keyring: false,
    }
}

/// A user's name.
pub fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

/// A market order, or a limit order when there is a price.
pub fn wish(id: &str, side: Side, on: InstrumentId, shares: i64, limit: Option<Price>) -> OrderWish {
    let shares = Quantity::from_whole(shares).unwrap();
    OrderWish { id: Some(id.parse().unwrap()), ..OrderWish::plain(on.symbol, side, shares, limit) }
}
