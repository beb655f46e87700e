//! The loop of a feed: read, conflate, give, store, and look at what is wanted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;

use crate::domain::market::MinuteBar;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{CleanText, Exchange, Instrument, InstrumentId, MarketEvent, Price, Quantity, UnixNanos};
use crate::market::live::{Conflated, Conflator, LiveEvent, Stream};
use crate::store::market::MinuteSide;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::backfill::Backfill;
use super::{FeedState, STALE_SECONDS};

/// How often conflated ticks are given on.
const GIVE: Duration = Duration::from_millis(100);
/// How often it is looked what is wanted.
const LOOK: Duration = Duration::from_secs(1);
/// How often minutes are stored.
const STORE: Duration = Duration::from_secs(5);
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
    backfill: Backfill,
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
            backfill: Backfill::default(),
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
        self.house.feed_board().change(|status| (status.is_stale, status.exchange) = (true, None));
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
        let is_recording = self.stream.name() == "ticks";
        if wanted != self.wanted && !is_recording {
            self.stream.subscribe(&wanted).await;
        }
        self.wanted = wanted;
        if let Ok(state) = self.house.state() {
            // Others may move it too.
            self.market_time =
                state.market_time(self.exchange).map_or(self.market_time, |t| t.max(self.market_time));
        }
        self.backfill.go_on(&self.house, &self.wanted);
        let fetched = self.backfill.fetched();
        let symbols = if is_recording { self.known.len() } else { self.wanted.len() };
        self.house.feed_board().change(|status| {
            (status.symbols, status.fetched_minutes) = (symbols, fetched);
        });
    }

    fn hear(&mut self, event: &LiveEvent, wall: UnixNanos) {
        match event {
            LiveEvent::Connected => {
                self.last_message = wall;
                self.turn(FeedState::Live, wall);
                if let Some(lost) = self.lost.take() {
                    tracing::info!("the live feed is back");
                    self.backfill.start(&self.house, &self.wanted, lost, wall);
                }
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
            LiveEvent::Quote(..)
            | LiveEvent::Trade(_)
            | LiveEvent::Minute(..)
            | LiveEvent::Skipped { .. } => {
                self.last_message = wall;
            }
        }
    }

    /// Gives on what came since the last time, in order of time.
    fn give(&mut self, time: UnixNanos, wall: UnixNanos) -> Result<(), ServiceError> {
        let Conflated { mut events, minutes } = self.conflator.drain(time);
        events.sort_by_key(MarketEvent::time);
        self.know(&events)?;
        for mut event in events {
            self.put_behind(&mut event);
            if !self.begin_day()? {
                return Ok(());
            }
            self.house.quotes().note(&event);
            self.house.engine()?.feed(event)?;
        }
        self.minutes.extend(minutes);
        let over = self.minutes.len().saturating_sub(MINUTES_MAX);
        self.minutes.drain(..over);
        let counts = *self.conflator.counts();
        let last = self.last_message;
        let is_silent = wall.since(last) > STALE_SECONDS * NANOS_PER_SECOND;
        let is_stale = is_silent || self.lost.is_some();
        self.house.quotes().mark_stale(is_stale);
        self.house.feed_board().change(|status| {
            (status.counts, status.is_stale) = (counts, is_stale || status.state != FeedState::Live);
            status.last_message = Some(last);
        });
        Ok(())
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
    fn wanted_live(&self, exchange: Exchange) -> Result<BTreeSet<InstrumentId>, ServiceError> {
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
