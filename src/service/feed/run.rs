//! The loop of a feed: read, conflate, give, store, and look at what is wanted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;

use crate::domain::market::MinuteBar;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{
    CleanText, Command, Exchange, Instrument, InstrumentId, MarketEvent, Price, Quantity, UnixNanos,
};
use crate::market::live::{Conflated, Conflator, LiveEvent, Stream};
use crate::store::market::MinuteSide;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::backfill::Backfill;
use super::missed::{self, CatchUp};
use super::{FeedState, STALE_SECONDS};

/// How often conflated ticks are given on.
const GIVE: Duration = Duration::from_millis(100);
/// How often it is looked what is wanted.
const LOOK: Duration = Duration::from_secs(1);
/// How often minutes are stored.
const STORE: Duration = Duration::from_secs(5);
/// How often it is looked for splits and dividends that became known.
const NEWS: Duration = Duration::from_secs(30);
/// Most minutes that wait for being stored; beyond it the oldest are let go.
const MINUTES_MAX: usize = 200_000;
/// Smallest step of a quantity of an instrument that is only known from a recording, at 1e-9.
const RECORDED_LOT_RAW: i64 = 10_000;

/// A feed that runs.
pub(super) struct Running {
    house: Arc<House>,
    stream: Box<dyn Stream>,
    exchange: Exchange,
    stop: Arc<AtomicBool>,
    conflator: Conflator,
    wanted: BTreeSet<InstrumentId>,
    /// What the engine was told of.
    known: BTreeSet<InstrumentId>,
    minutes: Vec<(InstrumentId, MinuteBar)>,
    /// Market time may not go back.
    market_time: UnixNanos,
    /// The exchange's day that market time has come to.
    day: Option<NaiveDate>,
    /// When the connection was lost, by the wall.
    lost: Option<UnixNanos>,
    last_message: UnixNanos,
    last_tick: Option<UnixNanos>,
    backfill: Backfill,
    /// Market time that the home had come to when it was opened, until the stream is there.
    opened_at: Option<UnixNanos>,
    catch_up: Option<CatchUp>,
    /// The state of stored facts that was looked at, and when.
    facts: Option<(i64, Instant)>,
    has_news: bool,
    /// Whether the engine was told that the feed is silent in its session.
    told_silent: Option<bool>,
}

impl Running {
    pub(super) fn new(
        house: Arc<House>,
        stream: Box<dyn Stream>,
        exchange: Exchange,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, ServiceError> {
        let known = house.state()?.market_time(exchange);
        let day = known.map(|time| house.calendars().of(exchange).date_at(time));
        let market_time = known.unwrap_or(UnixNanos::ZERO);
        let now = house.clock().now();
        house.feed_board().change(|status| {
            *status = super::FeedStatus {
                vendor: stream.name().into(),
                exchange: Some(exchange),
                since: now,
                is_stale: true,
                ..Default::default()
            };
        });
        Ok(Self {
            house,
            stream,
            exchange,
            stop,
            conflator: Conflator::default(),
            wanted: BTreeSet::new(),
            known: BTreeSet::new(),
            minutes: Vec::new(),
            market_time,
            day,
            lost: None,
            last_message: now,
            last_tick: None,
            backfill: Backfill::default(),
            opened_at: known,
            catch_up: None,
            facts: None,
            has_news: false,
            told_silent: None,
        })
    }

    /// Runs until it is stopped or a recording is through.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        let (mut given, mut looked, mut stored) = (Instant::now(), None::<Instant>, Instant::now());
        while !self.stop.load(Ordering::Acquire) {
            if looked.is_none_or(|at| at.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                self.look().await;
            }
            let goes_on = self.stream.next(&mut batch).await;
            let wall = self.house.clock().now();
            let time = self.stream.time(wall);
            for event in batch.drain(..) {
                self.hear(&event, wall);
                self.conflator.take(&event, time);
            }
            if given.elapsed() >= GIVE || !goes_on {
                given = Instant::now();
                if let Err(error) = self.give(time, wall) {
                    tracing::error!(%error, "the feed stopped");
                    self.say(wall, &error.to_string());
                    self.turn(FeedState::Over, wall);
                    break;
                }
            }
            if stored.elapsed() >= STORE || !goes_on {
                stored = Instant::now();
                self.store(wall);
            }
            if !goes_on {
                self.turn(FeedState::Over, wall);
                break;
            }
        }
        self.store(self.house.clock().now());
        self.backfill.end();
        self.house.quotes().mark_stale(true);
        // A recording's time ends with it; the wall's goes on.
        let ends = self.is_recording();
        self.house.feed_board().change(|status| {
            (status.is_stale, status.exchange) = (true, None);
            status.clock = status.clock.filter(|_| !ends);
        });
    }

    fn is_recording(&self) -> bool {
        self.stream.name() == "ticks"
    }

    fn turn(&self, state: FeedState, wall: UnixNanos) {
        self.house.feed_board().change(|status| {
            (status.state, status.since) = (state, wall);
        });
    }

    fn say(&self, wall: UnixNanos, words: &str) {
        let words = CleanText::new(words);
        self.house.feed_board().change(|status| status.last_error = Some((wall, words)));
    }

    /// What is watched, held or ordered is subscribed; the engine is told of what is new.
    async fn look(&mut self) {
        let wanted = match self.house.wanted_live(self.exchange) {
            Ok(wanted) => wanted,
            Err(error) => return self.say(self.house.clock().now(), &error.to_string()),
        };
        // A recording gives all it has.
        let is_recording = self.is_recording();
        if wanted != self.wanted && !is_recording {
            self.stream.subscribe(&wanted).await;
        }
        self.wanted = wanted;
        if let Ok(state) = self.house.state() {
            // Others may move it too.
            self.market_time =
                state.market_time(self.exchange).map_or(self.market_time, |t| t.max(self.market_time));
        }
        self.look_for_news();
        self.backfill.go_on(&self.house, &self.wanted);
        let fetched = self.backfill.fetched();
        let symbols = if is_recording { self.known.len() } else { self.wanted.len() };
        self.house.feed_board().change(|status| {
            (status.symbols, status.fetched_minutes) = (symbols, fetched);
        });
    }

    fn look_for_news(&mut self) {
        if self.facts.is_some_and(|(_, at)| at.elapsed() < NEWS) {
            return;
        }
        let Ok(stored) = lock(self.house.market_store()).read().revisions() else { return };
        let number = stored.facts.number;
        let before = self.facts.replace((number, Instant::now()));
        self.has_news |= before.is_none_or(|(before, _)| before != number);
    }

    /// Asks for what was missed while nothing was heard. Where the home was only just opened, that matters to resting orders
    /// alone.
    fn fetch_missed(&mut self, wall: UnixNanos) {
        if self.is_recording() {
            return;
        }
        let lost = self.lost.take();
        let calendar = self.house.calendars().of(self.exchange);
        let opened = self.opened_at.take().and_then(|known| missed::missed_since(calendar, known, wall));
        let Some(since) = lost.into_iter().chain(opened).min() else { return };
        let first =
            self.house.state().map(|state| missed::resting(&state, self.exchange)).unwrap_or_default();
        self.catch_up = CatchUp::begin(&first, wall);
        let wanted = if lost.is_some() { self.wanted.clone() } else { first.clone() };
        self.backfill.start(&self.house, &wanted, (since, wall), first);
    }

    /// Plays what resting orders missed; `false` while that is waited for.
    fn is_caught_up(&mut self) -> Result<bool, ServiceError> {
        let Some(mut catch_up) = self.catch_up.take() else { return Ok(true) };
        if !catch_up.is_done(&self.backfill) {
            self.catch_up = Some(catch_up);
            return Ok(false);
        }
        let bars = catch_up.bars(self.house.calendars().of(self.exchange), self.market_time);
        let count: usize = bars.values().map(Vec::len).sum();
        for (to, bars) in bars {
            self.market_time = to;
            if !self.begin_day()? {
                return Ok(false);
            }
            self.house.engine()?.feed(MarketEvent::Bars(bars))?;
        }
        if count > 0 {
            tracing::info!(bars = count, "resting orders were shown what they missed");
        }
        Ok(true)
    }

    fn hear(&mut self, event: &LiveEvent, wall: UnixNanos) {
        match event {
            LiveEvent::Connected => {
                self.last_message = wall;
                self.turn(FeedState::Live, wall);
                if self.lost.is_some() {
                    tracing::info!("the live feed is back");
                }
                self.fetch_missed(wall);
                self.lost = None;
            }
            LiveEvent::Gap { reason } => {
                // One line a loss, not one a try.
                if self.lost.is_none() {
                    tracing::warn!(%reason, "the live feed is lost");
                    self.lost = Some(self.last_message.min(wall));
                    self.house.feed_board().change(|status| status.gaps += 1);
                    self.turn(FeedState::Lost, wall);
                }
                self.say(wall, reason.as_str());
            }
            LiveEvent::Denied { reason } => {
                self.say(wall, &format!("the plan does not include a subscription ({reason})"));
            }
            LiveEvent::Quote(..) | LiveEvent::Trade(_) => {
                (self.last_message, self.last_tick) = (wall, Some(wall));
            }
            LiveEvent::Minute(..) | LiveEvent::Skipped { .. } => self.last_message = wall,
        }
    }

    /// Gives on what came since the last time, in order of time.
    fn give(&mut self, time: UnixNanos, wall: UnixNanos) -> Result<(), ServiceError> {
        if !self.is_caught_up()? {
            return self.show(time, wall);
        }
        let Conflated { mut events, minutes } = self.conflator.drain(time);
        events.sort_by_key(MarketEvent::time);
        self.know(&events)?;
        for mut event in events {
            self.put_behind(&mut event);
            if !self.begin_day()? {
                return Ok(());
            }
            self.take_news()?;
            self.house.quotes().hear(&event, wall);
            self.house.engine()?.feed(event)?;
        }
        self.minutes.extend(minutes);
        let over = self.minutes.len().saturating_sub(MINUTES_MAX);
        self.minutes.drain(..over);
        self.show(time, wall)
    }

    /// Tells everybody how the feed stands.
    fn show(&mut self, time: UnixNanos, wall: UnixNanos) -> Result<(), ServiceError> {
        let counts = *self.conflator.counts();
        let (last, tick) = (self.last_message, self.last_tick);
        let is_silent = wall.since(last) > STALE_SECONDS * NANOS_PER_SECOND;
        let is_stale = is_silent || self.lost.is_some() || self.catch_up.is_some();
        self.house.quotes().mark_stale(is_stale);
        self.house.feed_board().change(|status| {
            (status.counts, status.is_stale) = (counts, is_stale || status.state != FeedState::Live);
            (status.last_message, status.last_tick) = (Some(last), tick);
            status.clock = Some((self.exchange, time, wall));
        });
        self.alarm(
            (is_silent || self.lost.is_some())
                && self.house.calendars().of(self.exchange).session_at(time).is_some(),
        )
    }

    /// A feed that falls silent in its session is a risk event of whoever holds something there, until it is back.
    fn alarm(&mut self, silent: bool) -> Result<(), ServiceError> {
        if self.told_silent == Some(silent) {
            return Ok(());
        }
        self.told_silent = Some(silent);
        self.house.give_as_house(vec![Command::FeedSilent { exchange: self.exchange, silent }]).map(drop)
    }

    /// Splits and dividends that became known since the day began.
    fn take_news(&mut self) -> Result<(), ServiceError> {
        let Some(day) = self.day.filter(|_| self.has_news && self.exchange != Exchange::Sim) else {
            return Ok(());
        };
        self.has_news = false;
        self.house.apply_due(self.exchange, day, (day, self.market_time), &[])
    }

    /// What the board has of an earlier day says nothing of the one that market time has come to, and what is stored
    /// of the days between comes first; `false` when it was stopped on the way.
    fn begin_day(&mut self) -> Result<bool, ServiceError> {
        let day = self.house.calendars().of(self.exchange).date_at(self.market_time);
        let before = self.day.replace(day);
        if before == Some(day) {
            return Ok(true);
        }
        self.house.quotes().forget(self.exchange);
        self.house.begin_live_day(self.exchange, before, (day, self.market_time), &self.stop)
    }

    /// An event that is older than market time was seen now: a late print, or another symbol's.
    fn put_behind(&mut self, event: &mut MarketEvent) {
        let time = match event {
            MarketEvent::Quote(quote) => &mut quote.time,
            MarketEvent::Trade(trade) => &mut trade.time,
            _ => return,
        };
        *time = (*time).max(self.market_time);
        self.market_time = *time;
    }

    /// Tells the engine of instruments it has not heard of; those of a recording are made where nobody knows them.
    fn know(&mut self, events: &[MarketEvent]) -> Result<(), ServiceError> {
        let of = |event: &MarketEvent| match event {
            MarketEvent::Quote(quote) => Some(quote.instrument),
            MarketEvent::Trade(trade) => Some(trade.instrument),
            _ => None,
        };
        let new: BTreeSet<InstrumentId> =
            events.iter().filter_map(of).filter(|id| !self.known.contains(id)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut market = lock(self.house.market_store());
        for id in &new {
            if market.read().instrument(*id)?.is_none() {
                let lot = Quantity::from_raw(RECORDED_LOT_RAW);
                let tick = Price::from_raw(Price::ONE_RAW / 100);
                let made = Instrument { lot, tick, ..Instrument::with_defaults(*id) };
                market.store_instruments(&[made])?;
            }
        }
        drop(market);
        self.house.know_instruments(new.iter().copied())?;
        self.known.extend(new);
        Ok(())
    }

    fn store(&mut self, wall: UnixNanos) {
        if self.minutes.is_empty() {
            return;
        }
        let source = self.stream.name();
        let done =
            lock(self.house.market_store()).store_minutes(source, MinuteSide::Trade, &self.minutes, wall);
        match done {
            Ok(outcome) => {
                self.minutes.clear();
                let new = outcome.stored + outcome.revised;
                self.house.feed_board().change(|status| status.stored_minutes += new);
            }
            Err(error) => self.say(wall, &error.to_string()),
        }
    }
}

impl House {
    /// Instruments of an exchange that anybody watches, holds or has ordered.
    pub(in crate::service) fn wanted_live(
        &self,
        exchange: Exchange,
    ) -> Result<BTreeSet<InstrumentId>, ServiceError> {
        let state = self.state()?;
        let held = state.accounts().values().flat_map(|account| account.positions().keys().copied());
        let ordered = state.orders().open().values().map(|order| order.spec.instrument);
        let mut wanted: BTreeSet<InstrumentId> = held.chain(ordered).collect();
        let users = lock(self.users());
        for person in users.read().users()? {
            wanted.extend(users.read().watchlists(person.user.name)?.into_values().flatten());
        }
        wanted.retain(|id| id.exchange == exchange);
        Ok(wanted)
    }
}
