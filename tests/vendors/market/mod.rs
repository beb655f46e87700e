//! A made-up market that speaks like the vendors: every symbol has prices on every session, which follow from its name
//! and the date alone, so that every vendor tells the same and a test can compute what must be stored.

mod facts;
pub mod minutes;
mod quotes;
pub mod speak;
pub mod walk;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use qlib_pro::domain::calendar::{Calendar, Calendars, Session};
use qlib_pro::domain::{Exchange, UnixNanos};

use super::server::{Canned, Seen, Server};
use walk::Walk;

/// How often what happened since is told, in milliseconds.
const TELL_MS: u64 = 5;

/// A split: symbol, ex-date, new shares for one old.
#[derive(Debug, Clone)]
pub struct Split {
    pub symbol: String,
    pub date: NaiveDate,
    pub ratio: u32,
}

/// A dividend: symbol, ex-date, money per share as paid.
#[derive(Debug, Clone)]
pub struct Dividend {
    pub symbol: String,
    pub date: NaiveDate,
    pub amount: f64,
}

/// One made-up day, in the terms asked for.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    pub session: Session,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: u64,
}

#[derive(Debug, Default)]
struct Facts {
    splits: Vec<Split>,
    dividends: Vec<Dividend>,
    unknown: Vec<String>,
    /// Sessions that no vendor has yet.
    late: Vec<NaiveDate>,
    page_rows: usize,
    /// Symbols in a day of the whole market, and in directories.
    listed: Vec<String>,
    /// Symbols that are no longer listed, and since when.
    gone: Vec<(String, NaiveDate)>,
}

/// The market.
#[derive(Debug)]
pub struct Market {
    calendars: Calendars,
    clock: Arc<AtomicI64>,
    /// How far the vendors' clocks are ahead, in nanoseconds.
    ahead: AtomicI64,
    facts: Mutex<Facts>,
    /// Prices as they happen, where somebody started them.
    walk: Mutex<Option<Walk>>,
}

impl Market {
    /// A market at the time of a clock.
    pub fn new(clock: Arc<AtomicI64>) -> Self {
        let calendars = Calendars::bundled().expect("the bundled calendars can be read");
        let facts = Facts { page_rows: 50_000, ..Facts::default() };
        Self { calendars, clock, ahead: AtomicI64::new(0), facts: Mutex::new(facts), walk: Mutex::default() }
    }

    fn facts(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on there is a split.
    pub fn split(&self, symbol: &str, date: &str, ratio: u32) {
        let date = date.parse().expect("a date");
        self.facts().splits.push(Split { symbol: symbol.to_owned(), date, ratio });
    }

    /// From now on there is a dividend.
    pub fn dividend(&self, symbol: &str, date: &str, amount: f64) {
        let date = date.parse().expect("a date");
        self.facts().dividends.push(Dividend { symbol: symbol.to_owned(), date, amount });
    }

    /// Nobody knows this symbol.
    pub fn forget(&self, symbol: &str) {
        self.facts().unknown.push(symbol.to_owned());
    }

    /// Vendors are late with a session, or have it after all.
    pub fn late(&self, dates: &[&str]) {
        self.facts().late = dates.iter().map(|date| date.parse().expect("a date")).collect();
    }

    /// How many rows a page has where there are pages.
    pub fn page_rows(&self, rows: usize) {
        self.facts().page_rows = rows;
    }

    /// Who is in a day of the whole market.
    pub fn list(&self, symbols: &[&str]) {
        self.facts().listed = symbols.iter().map(|s| (*s).to_owned()).collect();
    }

    /// A symbol is no longer listed since a day, which directories say that tell such things.
    pub fn delist(&self, symbol: &str, date: &str) {
        self.facts().listed.retain(|listed| listed != symbol);
        self.facts().gone.push((symbol.to_owned(), date.parse().expect("a date")));
    }

    /// From now on the vendors' clocks are ahead by some days.
    pub fn set_ahead(&self, days: i64) {
        self.ahead.store(days * 86_400 * 1_000_000_000, Ordering::SeqCst);
    }

    /// The vendors' present.
    pub fn now(&self) -> UnixNanos {
        UnixNanos::from_nanos(self.clock.load(Ordering::SeqCst) + self.ahead.load(Ordering::SeqCst))
    }

    /// The calendar of a symbol as Yahoo writes it.
    pub fn calendar(&self, symbol: &str) -> &Calendar {
        self.calendars.of(if symbol.ends_with(".AX") { Exchange::Xasx } else { Exchange::Xnys })
    }

    fn is_known(&self, symbol: &str) -> bool {
        !self.facts().unknown.iter().any(|unknown| unknown == symbol)
    }

    /// New shares for one old over the splits after one day, up to another.
    fn ratio(&self, symbol: &str, after: Option<NaiveDate>, upto: NaiveDate) -> f64 {
        let facts = self.facts();
        let inside = |s: &&Split| s.symbol == symbol && after.is_none_or(|a| s.date > a) && s.date <= upto;
        facts.splits.iter().filter(inside).map(|s| f64::from(s.ratio)).product()
    }

    /// The days of a symbol that a vendor tells now; `adjusted` restates them for splits up to today.
    pub fn days(&self, symbol: &str, from: NaiveDate, to: NaiveDate, adjusted: bool) -> Vec<Day> {
        let (now, calendar) = (self.now(), self.calendar(symbol));
        let late = self.facts().late.clone();
        let sessions = calendar.sessions_between(from, to).into_iter();
        let told = sessions.filter(|s| s.open <= now && !late.contains(&s.date));
        told.map(|session| self.day(symbol, session, adjusted)).collect()
    }

    fn day(&self, symbol: &str, session: Session, adjusted: bool) -> Day {
        let place = self.calendar(symbol).position_of(session.date).unwrap_or(0);
        let name: i64 = symbol.bytes().map(i64::from).sum();
        let today = self.calendar(symbol).date_at(self.now());
        let upto = if adjusted { today } else { session.date };
        let terms = self.ratio(symbol, None, upto);
        // Prices have two decimals after every ratio of the tests.
        let base = 40_000 + name % 97 * 400 + (place * 37 + name) % 53 * 80;
        let price = |more: i64| (base + more) as f64 / 100.0 / terms;
        let volume = 1_000_000 + (place * 7_919 + name * 13) % 500_000;
        Day {
            session,
            open: price(40),
            high: price(120),
            low: price(-80),
            close: price(0),
            volume: (volume as f64 * terms) as u64,
        }
    }

    fn walk(&self) -> std::sync::MutexGuard<'_, Option<Walk>> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on prices move: so many ticks a second of all symbols together, told by the server's stream.
    pub fn live(self: &Arc<Self>, server: &Server, seed: u64, ticks_per_second: u32) {
        *self.walk() = Some(Walk::new(seed, ticks_per_second, self.now().nanos()));
        let (market, stream) = (Arc::clone(self), Arc::clone(server.stream()));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(std::time::Duration::from_millis(TELL_MS)).await;
                let (now, wanted) = (market.now().nanos(), stream.wanted());
                let base = |symbol: &str| market.last_cents(symbol);
                let events = market.walk().as_mut().map(|walk| walk.advance(now, &wanted, base));
                stream.publish(&events.unwrap_or_default());
            }
        });
    }

    /// Minutes of a symbol while it lives.
    pub fn minutes(&self, symbol: &str) -> Vec<walk::Minute> {
        self.walk().as_ref().map(|walk| walk.minutes(symbol)).unwrap_or_default()
    }

    /// The last close of a symbol, in cents, as it is dealt in today.
    fn last_cents(&self, symbol: &str) -> i64 {
        let today = self.calendar(symbol).date_at(self.now());
        let before = today.checked_sub_days(chrono::Days::new(10)).unwrap_or(today);
        let last = self.days(symbol, before, today, true).last().map_or(100.0, |day| day.close);
        (last * 100.0).round() as i64
    }

    /// Answers a request as the vendor that it is meant for.
    pub fn answer(&self, seen: &Seen) -> Option<Canned> {
        speak::answer(self, seen)
    }
}
