//! The simulated exchange of a home: its history, its sessions, and the clock that makes it live.
//!
//! Seed and size are the home's (the journaled venue model's seed, the stored instruments), so every process that opens
//! it generates the same days. A session reaches the engine as ticks or as its bar, never both: a session that the
//! clock has begun is played to its end as ticks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chrono::NaiveDate;

use crate::domain::market::Basis;
use crate::domain::{CleanText, Exchange, MarketEvent, UnixNanos};
use crate::market::simulated::{Cursor, SOURCE, Session, Simulation, Ticks};
use crate::store::market::BarRun;

use super::advance::{AdvanceReport, Feeder, Until};
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{ManageData, Permit};

/// Names of a simulated market unless told otherwise.
pub const SYMBOLS_DEFAULT: usize = 60;
/// Largest speed: simulated seconds in a second.
pub const SPEED_MAX: u32 = 3_600;
/// How often the clock moves.
const BEAT: Duration = Duration::from_millis(50);
/// Rows written to the market store at once.
const PAGE_ROWS: usize = 20_000;

/// A session under way.
struct Running {
    session: Session,
    ticks: std::iter::Peekable<Ticks>,
}

/// The simulated exchange as far as it has come.
pub(super) struct Sim {
    cursor: Cursor,
    running: Option<Running>,
    now: UnixNanos,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SIM at {}", self.now)
    }
}

/// What moves the simulated clock.
#[derive(Debug, Default)]
pub(super) struct Pace {
    speed: AtomicU32,
    live: AtomicBool,
}

/// Keeps the simulated clock going until it is dropped.
#[derive(Debug)]
pub struct ClockGuard {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for ClockGuard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A clock that panicked has told so in the log; there is nothing left to do.
            thread.join().unwrap_or_default();
        }
    }
}

impl House {
    /// Simulated seconds in a second; 0 is paused.
    pub fn speed(&self) -> u32 {
        self.pace().speed.load(Ordering::Acquire)
    }

    /// Whether the simulated clock runs here.
    pub fn is_live(&self) -> bool {
        self.pace().live.load(Ordering::Acquire) && self.speed() > 0
    }

    /// Sets the speed of the simulated clock.
    pub fn set_speed(&self, _: &Permit<ManageData>, speed: u32) -> Result<(), ServiceError> {
        if !self.pace().live.load(Ordering::Acquire) {
            return Err(ServiceError::Invalid(
                "no simulated clock runs here; it runs in a workstation that owns a home with SIM accounts"
                    .into(),
            ));
        }
        self.pace().speed.store(speed.min(SPEED_MAX), Ordering::Release);
        Ok(())
    }

    /// Generates and stores the history of a simulated market. A home has one: a second call changes nothing.
    pub(super) fn found_simulation(&self, seed: u64, symbols: usize) -> Result<(), ServiceError> {
        let mut slot = lock(self.simulated());
        if self.simulated_names()?.is_empty() {
            let sim = Simulation::new(seed, symbols);
            self.store_history(&sim)?;
            *slot = Some(Sim { cursor: sim.cursor(), running: None, now: UnixNanos::ZERO });
        }
        Ok(())
    }

    fn store_history(&self, sim: &Simulation) -> Result<(), ServiceError> {
        let mut market = lock(self.market_store());
        market.store_instruments(sim.instruments())?;
        let mut run = self.simulated_run();
        for page in sim.bars().chunks(PAGE_ROWS) {
            market.store_bars(&mut run, page)?;
        }
        market.store_actions(sim.actions())?;
        market.store_fundamentals(sim.fundamentals())?;
        drop(market);
        self.store_headlines(sim.headlines()).map(drop)
    }

    fn simulated_names(&self) -> Result<Vec<crate::domain::Instrument>, ServiceError> {
        Ok(lock(self.market_store()).read().instruments(Some(Exchange::Sim))?)
    }

    fn simulated_run(&self) -> BarRun {
        BarRun::new(CleanText::new(SOURCE), Basis::Raw, self.clock().now())
    }

    /// The exchange at the home's market time; generated from the start when this process has not yet.
    fn simulation(&self) -> Result<Sim, ServiceError> {
        let state = self.state()?;
        let seed = state.venue().seed;
        let known = self.simulated_names()?.len();
        let sim = Simulation::new(seed, if known == 0 { SYMBOLS_DEFAULT } else { known });
        if known == 0 {
            self.store_history(&sim)?;
        }
        let mut cursor = sim.cursor();
        let Some(now) = state.market_time(Exchange::Sim) else {
            return Ok(Sim { cursor, running: None, now: UnixNanos::ZERO });
        };
        let today = self.calendars().of(Exchange::Sim).date_at(now);
        let running = cursor.session(today).filter(|s| s.close() > now).map(|session| {
            let ticks = session.ticks_after(now).peekable();
            Running { session, ticks }
        });
        Ok(Sim { cursor, running, now })
    }

    fn with_simulation<T>(
        &self,
        work: impl FnOnce(&mut Sim) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let mut slot = lock(self.simulated());
        if slot.is_none() {
            *slot = Some(self.simulation()?);
        }
        slot.as_mut().map_or(Err(ServiceError::EngineStopped), work)
    }

    pub(super) fn advance_simulated(
        &self,
        until: Until,
        mut progress: impl FnMut(NaiveDate),
    ) -> Result<AdvanceReport, ServiceError> {
        let exchange = Exchange::Sim;
        let from = self.state()?.market_time(exchange);
        let mut report =
            AdvanceReport { exchange, sessions: 0, bars: 0, minutes: 0, fills: 0, from, to: from };
        self.with_simulation(|sim| {
            let mut feeder = Feeder::new(self);
            loop {
                let next = sim.running.as_ref().map_or_else(|| sim.cursor.next_date(), |r| r.session.date());
                let wanted = match until {
                    Until::Date(date) => next <= date,
                    Until::Sessions(n) => report.sessions < n,
                };
                if !wanted {
                    break;
                }
                report.bars += self.play_session(sim, &mut feeder)?;
                report.sessions += 1;
                progress(next);
            }
            report.fills = feeder.finish()?;
            Ok(())
        })?;
        self.quotes().clear();
        report.to = self.state()?.market_time(exchange);
        Ok(report)
    }

    /// Plays the rest of the running session as ticks, or the next one as its bars.
    fn play_session(&self, sim: &mut Sim, feeder: &mut Feeder<'_>) -> Result<u64, ServiceError> {
        feeder.begin_session()?;
        if let Some(mut running) = sim.running.take() {
            for tick in running.ticks.by_ref() {
                feeder.feed(tick)?;
            }
            let bars = self.store_session(&running.session)?;
            feeder.pass(Exchange::Sim, running.session.close())?;
            sim.now = running.session.close();
            return Ok(bars);
        }
        let session = sim.cursor.advance();
        self.store_facts(&session)?;
        let bars = self.store_session(&session)?;
        let mut events = session.action_events();
        events.push(session.bar_event());
        feeder.feed_together(events)?;
        sim.now = session.close();
        Ok(bars)
    }

    /// What becomes known on a session beside its prices.
    fn store_facts(&self, session: &Session) -> Result<(), ServiceError> {
        let mut market = lock(self.market_store());
        market.store_actions(session.actions())?;
        market.store_fundamentals(session.fundamentals())?;
        drop(market);
        self.store_headlines(session.headlines()).map(drop)
    }

    fn store_session(&self, session: &Session) -> Result<u64, ServiceError> {
        let mut run = self.simulated_run();
        lock(self.market_store()).store_bars(&mut run, session.bars())?;
        Ok(session.bars().len() as u64)
    }

    /// Opens the next session at `time` of its day, as if the clock had run until then: the engine gets the last quote
    /// and print of every name, the board all of the morning.
    pub(super) fn enter_session(&self, seconds_after_open: i64) -> Result<(), ServiceError> {
        self.with_simulation(|sim| {
            let session = sim.cursor.advance();
            self.store_facts(&session)?;
            let time = session.open().plus_nanos(seconds_after_open * crate::domain::time::NANOS_PER_SECOND);
            let mut feeder = Feeder::new(self);
            for event in session.action_events() {
                feeder.feed(event)?;
            }
            let mut last = std::collections::BTreeMap::new();
            let mut ticks = session.ticks().peekable();
            while let Some(tick) = ticks.next_if(|t| t.time().is_some_and(|at| at <= time)) {
                self.quotes().note(&tick);
                match &tick {
                    MarketEvent::Quote(q) => last.insert((q.instrument, 0), tick),
                    MarketEvent::Trade(t) => last.insert((t.instrument, 1), tick),
                    MarketEvent::Status { instrument, .. } => last.insert((*instrument, 2), tick),
                    MarketEvent::Bars(_)
                    | MarketEvent::Day { .. }
                    | MarketEvent::Split { .. }
                    | MarketEvent::Dividend { .. }
                    | MarketEvent::SymbolChange { .. }
                    | MarketEvent::Session { .. }
                    | MarketEvent::Tick(_) => None,
                };
            }
            let mut newest: Vec<MarketEvent> = last.into_values().collect();
            newest.sort_by_key(MarketEvent::time);
            for tick in newest {
                feeder.feed(tick)?;
            }
            feeder.finish()?;
            sim.now = time;
            sim.running = Some(Running { session, ticks });
            Ok(())
        })
    }

    /// Starts the simulated clock, where this process owns a home that trades on SIM.
    pub fn start_clock(self: &Arc<Self>, speed: u32) -> Result<Option<ClockGuard>, ServiceError> {
        if !self.owns_trades() || self.state()?.market_time(Exchange::Sim).is_none() {
            return Ok(None);
        }
        self.pace().speed.store(speed.min(SPEED_MAX), Ordering::Release);
        self.pace().live.store(true, Ordering::Release);
        let stop = Arc::new(AtomicBool::new(false));
        let (house, stopped) = (Arc::clone(self), Arc::clone(&stop));
        let beat = move || {
            let mut before = Instant::now();
            while !stopped.load(Ordering::Acquire) {
                thread::sleep(BEAT);
                let elapsed = before.elapsed();
                before = Instant::now();
                if let Err(error) = house.beat(elapsed) {
                    tracing::error!(%error, "the simulated clock stopped");
                    break;
                }
            }
            house.pace().live.store(false, Ordering::Release);
        };
        let thread = thread::Builder::new().name("sim-clock".into()).spawn(beat);
        let thread = thread
            .map_err(|e| ServiceError::Invalid(format!("the simulated clock could not be started: {e}")))?;
        Ok(Some(ClockGuard { stop, thread: Some(thread) }))
    }

    /// Moves the simulated clock by a beat of wall time.
    fn beat(&self, elapsed: Duration) -> Result<(), ServiceError> {
        let speed = self.speed();
        if speed == 0 {
            return Ok(());
        }
        self.with_simulation(|sim| {
            let passed = i64::try_from(elapsed.as_nanos()).unwrap_or(0).saturating_mul(i64::from(speed));
            if sim.running.is_none() {
                self.tell_facts_of_working()?;
                let session = sim.cursor.advance();
                self.store_facts(&session)?;
                for event in session.action_events() {
                    self.engine()?.feed(event)?;
                }
                self.quotes().clear();
                sim.now = session.open();
                let ticks = session.ticks().peekable();
                sim.running = Some(Running { session, ticks });
            }
            sim.now = sim.now.plus_nanos(passed);
            let now = sim.now;
            let Some(running) = sim.running.as_mut() else { return Ok(()) };
            while let Some(tick) = running.ticks.next_if(|t| t.time().is_some_and(|at| at <= now)) {
                self.quotes().note(&tick);
                self.engine()?.feed(tick)?;
            }
            if now >= running.session.close() {
                self.store_session(&running.session)?;
                // Nobody waits for the clock: what it cannot write, the next order is told.
                drop(self.engine()?.pass_later(Exchange::Sim, running.session.close())?);
                sim.running = None;
            }
            Ok(())
        })
    }
}
