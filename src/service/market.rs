//! Prices for people: last and previous closes, charts, watchlists, news, exports; and what the engine is told of
//! prices after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

use crate::domain::market::{Basis, CorporateAction};
use crate::domain::row::Execution;
use crate::domain::{AccountId, Exchange, InstrumentId, Price, Quantity, Ratio, UnixNanos, UserName, Volume};
use crate::execution::State;
use crate::market::adjust;
pub use crate::market::adjust::Adjust;
use crate::store::market::Series;
use crate::store::trades::{Accounts, Period};

use super::book;
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, ViewMarket};
use super::polled;
use super::view::{Chart, Instrument, NewsRow, PriceRow, WatchRow};

/// Name of the list that the watchlist pane shows.
pub const WATCHLIST: &str = "main";
/// Most instruments one search returns.
pub const FOUND_MAX: u32 = 50;
/// Most headlines shown.
const NEWS_MAX: usize = 100;
/// Most headlines read for that.
const NEWS_READ_MAX: u32 = 5_000;
/// How far back headlines are shown, in days.
const NEWS_DAYS: i64 = 30;
/// How long previous closes are kept before the store is asked again, in nanoseconds.
const CLOSES_KEPT_NANOS: i64 = 2 * crate::domain::time::NANOS_PER_SECOND;

/// One exported price.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct ExportedPrice {
    /// Session.
    pub date: NaiveDate,
    /// Ticker.
    pub symbol: crate::domain::Symbol,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Volume.
    pub volume: Volume,
    /// Where it comes from.
    pub source: String,
    /// Its terms.
    pub basis: std::borrow::Cow<'static, str>,
}

/// The last close of an instrument and the one before it, as seen from a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closes {
    /// Last session at or before the day.
    pub last: (NaiveDate, Price),
    /// Volume of that session.
    pub volume: Volume,
    /// Close of a session before the day.
    pub before: Option<Price>,
}

/// Closes of one exchange as seen from one day.
#[derive(Debug, Clone)]
pub(super) struct ClosesOfDay {
    day: NaiveDate,
    taken: UnixNanos,
    closes: Arc<BTreeMap<InstrumentId, Closes>>,
}

/// Cache of closes by exchange.
pub(super) type ClosesCache = BTreeMap<Exchange, ClosesOfDay>;

impl House {
    /// Closes of every instrument of an exchange, as seen from its market time (else from the newest stored session).
    pub(super) fn closes(
        &self,
        state: &State,
        exchange: Exchange,
    ) -> Result<Arc<BTreeMap<InstrumentId, Closes>>, ServiceError> {
        let now = self.clock().now();
        let market = lock(self.market_store());
        let reader = market.read();
        let day = match state.market_time(exchange) {
            Some(time) => self.calendars().of(exchange).date_at(time),
            None => match reader.last_session(exchange)? {
                Some(day) => day,
                None => return Ok(Arc::default()),
            },
        };
        let mut cache = lock(self.closes_cache());
        if let Some(kept) =
            cache.get(&exchange).filter(|k| k.day == day && now.since(k.taken) < CLOSES_KEPT_NANOS)
        {
            return Ok(Arc::clone(&kept.closes));
        }
        let mut closes: BTreeMap<InstrumentId, Closes> = reader
            .last_bars(exchange, day)?
            .into_iter()
            .map(|b| (b.instrument, Closes { last: (b.session, b.close), volume: b.volume, before: None }))
            .collect();
        let eve = day.pred_opt().unwrap_or(day);
        for bar in reader.last_bars(exchange, eve)? {
            if let Some(entry) = closes.get_mut(&bar.instrument) {
                entry.before = Some(bar.close);
            }
        }
        let closes = Arc::new(closes);
        cache.insert(exchange, ClosesOfDay { day, taken: now, closes: Arc::clone(&closes) });
        Ok(closes)
    }

    /// Tells the engine the last stored closes at market time, and facts of what accounts with open orders trade: what a
    /// restart, or an import, makes it forget or miss.
    pub fn prime(&self) -> Result<(), ServiceError> {
        let state = self.state()?;
        let prices = prices_to_prime(self, &state)?;
        if !prices.is_empty() {
            self.engine()?.prime(prices)?;
        }
        self.tell_facts_of_working()
    }

    /// Instruments whose ticker or name fits, best first.
    pub fn find_instruments(
        &self,
        _: &Permit<ViewMarket>,
        text: &str,
    ) -> Result<Vec<Instrument>, ServiceError> {
        let found = lock(self.market_store()).read().find_instruments(text, FOUND_MAX)?;
        Ok(found
            .into_iter()
            .map(|i| Instrument {
                symbol: i.id.symbol,
                instrument: i.id,
                name: i.name.to_string(),
                sector: i.sector.to_string(),
                currency: i.currency,
                tick: i.tick,
                lot: i.lot,
            })
            .collect())
    }

    /// Puts instruments on the person's watchlist; says how many were not on it.
    pub fn watch(
        &self,
        permit: &Permit<ViewMarket>,
        instruments: &[InstrumentId],
    ) -> Result<usize, ServiceError> {
        Ok(lock(self.users()).watch(permit.user(), WATCHLIST, instruments)?)
    }

    /// Takes an instrument off the person's watchlist.
    pub fn unwatch(
        &self,
        permit: &Permit<ViewMarket>,
        instrument: InstrumentId,
    ) -> Result<bool, ServiceError> {
        Ok(lock(self.users()).unwatch(permit.user(), WATCHLIST, instrument)?)
    }

    /// The person's watchlist; while it is empty, the names they hold.
    pub fn watchlist(
        &self,
        permit: &Permit<ViewMarket>,
        account: Option<AccountId>,
    ) -> Result<Vec<WatchRow>, ServiceError> {
        let state = self.state()?;
        let ids = self.watched(permit.user(), &state, account)?;
        let mut by_exchange = BTreeMap::new();
        for exchange in Exchange::ALL {
            if ids.iter().any(|i| i.exchange == exchange) {
                by_exchange.insert(exchange, self.closes(&state, exchange)?);
            }
        }
        let market = lock(self.market_store());
        ids.into_iter()
            .map(|id| {
                let name = market.read().instrument(id)?.map(|i| i.name.to_string()).unwrap_or_default();
                let closes = by_exchange.get(&id.exchange).and_then(|c| c.get(&id)).copied();
                Ok(self.watch_row(&state, id, name, closes, account))
            })
            .collect()
    }

    /// The names on a person's watchlist.
    pub(super) fn own_watchlist(&self, user: UserName) -> Result<Vec<InstrumentId>, ServiceError> {
        let mut lists = lock(self.users()).read().watchlists(user)?;
        Ok(lists.remove(WATCHLIST).unwrap_or_default())
    }

    pub(super) fn watched(
        &self,
        user: UserName,
        state: &State,
        account: Option<AccountId>,
    ) -> Result<Vec<InstrumentId>, ServiceError> {
        let own = self.own_watchlist(user)?;
        if !own.is_empty() {
            return Ok(own);
        }
        let held = account.and_then(|a| state.accounts().get(&a));
        Ok(held.map(|a| a.positions().keys().copied().collect()).unwrap_or_default())
    }

    fn watch_row(
        &self,
        state: &State,
        id: InstrumentId,
        name: String,
        closes: Option<Closes>,
        account: Option<AccountId>,
    ) -> WatchRow {
        let live = self.quotes().get(id);
        let calendar = self.calendars().of(id.exchange);
        let stored = closes.map(|c| (c.last.1, calendar.session_on(c.last.0).map(|s| s.close)));
        let last = live.and_then(|l| l.last).map(|(p, t)| (p, Some(t))).or(stored);
        let market_day = state.market_time(id.exchange).map(|t| calendar.date_at(t));
        let before = closes.and_then(|c| match live {
            // A running session compares with the last stored close, which is yesterday's.
            Some(_) if Some(c.last.0) != market_day => Some(c.last.1),
            Some(_) | None => c.before,
        });
        let change = last.zip(before).and_then(|((now, _), then)| change(now, then));
        let price_time = last.and_then(|(_, t)| t);
        let row = WatchRow {
            symbol: id.symbol,
            instrument: id,
            name,
            last_price: last.map(|(p, _)| p),
            change,
            bid: live.and_then(|l| l.quote).map(|q| (q.bid, q.bid_size)),
            ask: live.and_then(|l| l.quote).map(|q| (q.ask, q.ask_size)),
            volume: live.map(|l| l.bar_volume()).or(closes.map(|c| c.volume)),
            price_time,
            stale: live.is_some_and(|l| self.quotes().is_stale() || l.is_silent(self.clock().now()))
                || closes.is_some_and(|c| {
                    market_day.is_some_and(|day| {
                        live.is_none() && c.last.0 < calendar.previous_session(day).map_or(day, |s| s.date)
                    })
                }),
            source: if live.is_some() { live_word(id.exchange) } else { source_word(id.exchange) },
            asked: None,
            rank: None,
            held: account.map_or(Quantity::ZERO, |a| book::held(state, Some(a), id)),
            currency: id.exchange.currency(),
        };
        self.asked_row(row, closes)
    }

    /// The row with the price that a vendor was asked for, where that is of a later day than what is stored.
    fn asked_row(&self, row: WatchRow, closes: Option<Closes>) -> WatchRow {
        let Some(polled) = self.quotes().polled(row.instrument) else { return row };
        let calendar = self.calendars().of(row.instrument.exchange);
        let day = calendar.date_at(polled.told_at);
        if closes.is_some_and(|c| c.last.0 >= day) {
            return row;
        }
        let eve = calendar.previous_session(day).map(|session| session.date);
        let before = closes.filter(|c| Some(c.last.0) == eve).map(|c| c.last.1);
        polled::shown(row, &polled, before, self.clock().now())
    }

    /// Daily bars of one instrument up to market time, restated for splits, with the fills of one account.
    pub(super) fn chart(
        &self,
        _: &Permit<ViewMarket>,
        id: InstrumentId,
        account: Option<AccountId>,
    ) -> Result<Option<Chart>, ServiceError> {
        let state = self.state()?;
        let calendar = self.calendars().of(id.exchange);
        let today = state.market_time(id.exchange).map(|t| calendar.date_at(t));
        let (found, series, actions) = {
            let market = lock(self.market_store());
            let reader = market.read();
            let Some(found) = reader.instrument(id)? else { return Ok(None) };
            let series = reader.bars(id, None, NaiveDate::MIN, today.unwrap_or(NaiveDate::MAX))?;
            (
                found,
                series,
                reader.actions_between(id.exchange, NaiveDate::MIN, today.unwrap_or(NaiveDate::MAX))?,
            )
        };
        let mut chart = Chart {
            symbol: id.symbol,
            instrument: id,
            name: found.name.to_string(),
            sector: found.sector.to_string(),
            short: found.short_told(),
            bars: Vec::new(),
            fills: Vec::new(),
            source: String::new(),
            basis: String::new(),
            currency: found.currency,
        };
        if let Some(series) = series {
            chart.bars = restated(&series, &actions, Adjust::Split)?
                .split_off(series.bars.len().saturating_sub(Chart::BARS_MAX));
            chart.source = series.source.to_string();
            chart.basis = if series.basis == Basis::Total { "total" } else { "split" }.to_string();
        }
        if let Some(bar) =
            self.running_bar(id, today).filter(|b| chart.bars.last().is_none_or(|l| l.date < b.date))
        {
            chart.bars.push(bar);
        }
        chart.fills = self.chart_fills(id, account)?;
        Ok(Some(chart))
    }

    /// Closes of some sessions, oldest first, restated for splits.
    pub(super) fn closes_between(
        &self,
        id: InstrumentId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<f64>, ServiceError> {
        let (series, actions) = {
            let market = lock(self.market_store());
            let reader = market.read();
            (reader.bars(id, None, from, to)?, reader.actions_between(id.exchange, from, to)?)
        };
        let rows = series.map(|s| restated(&s, &actions, Adjust::Split)).transpose()?.unwrap_or_default();
        Ok(rows.iter().map(|r| r.close.to_f64()).collect())
    }

    fn running_bar(&self, id: InstrumentId, today: Option<NaiveDate>) -> Option<PriceRow> {
        let live = self.quotes().get(id)?;
        Some(PriceRow {
            date: today?,
            open: live.open?,
            high: live.high?,
            low: live.low?,
            close: live.last?.0,
            volume: live.bar_volume(),
            provisional: true,
        })
    }

    /// Fills of one account, newest first.
    pub(super) fn fills_of(&self, account: AccountId) -> Result<Vec<Execution>, ServiceError> {
        let most = super::trading::LISTING_MAX;
        Ok(lock(self.ledger()).executions(Accounts::Only(&[account]), Period::ALL, most)?)
    }

    fn chart_fills(
        &self,
        id: InstrumentId,
        account: Option<AccountId>,
    ) -> Result<Vec<(NaiveDate, bool, Price)>, ServiceError> {
        let Some(account) = account else { return Ok(Vec::new()) };
        let fills = self.fills_of(account)?;
        let calendar = self.calendars().of(id.exchange);
        let own = fills.iter().rev().filter(|f| f.instrument == id);
        Ok(own.map(|f| (calendar.date_at(f.time), f.side == crate::domain::Side::Buy, f.price)).collect())
    }

    /// Prices of instruments of one exchange as a table, in the terms asked for.
    pub fn export_prices(
        &self,
        _: &Permit<ViewMarket>,
        ids: &[InstrumentId],
        source: Option<&str>,
        period: (NaiveDate, NaiveDate),
        target: Adjust,
    ) -> Result<Vec<ExportedPrice>, ServiceError> {
        let other = ids.first().and_then(|first| ids.iter().find(|id| id.exchange != first.exchange));
        if let (Some(first), Some(other)) = (ids.first(), other) {
            // A row names its symbol alone, and an import has one exchange.
            return Err(ServiceError::Wrong(format!(
                "{first} and {other} are of two exchanges, and a table of prices is of one; export those of each exchange \
                 by themselves"
            )));
        }
        let market = lock(self.market_store());
        let reader = market.read();
        let mut rows = Vec::new();
        for id in ids {
            // Factors depend on all later actions, so all bars are read and the period is cut out at the end.
            let Some(series) = reader.bars(*id, source, NaiveDate::MIN, NaiveDate::MAX)? else {
                return Err(ServiceError::Unknown {
                    kind: "price series",
                    name: id.to_string().into(),
                    remedy: "import or sync it first; see 'qlib-pro import bars --help'",
                });
            };
            let last = series.bars.last().map_or(NaiveDate::MAX, |bar| bar.session);
            let actions = reader.actions_between(id.exchange, NaiveDate::MIN, last)?;
            let basis = match target {
                Adjust::Stored => series.basis,
                Adjust::Split => Basis::Split,
                Adjust::Total => Basis::Total,
            };
            let inside = |r: &PriceRow| r.date >= period.0 && r.date <= period.1;
            rows.extend(restated(&series, &actions, target)?.into_iter().filter(inside).map(|r| {
                ExportedPrice {
                    date: r.date,
                    symbol: id.symbol,
                    open: r.open,
                    high: r.high,
                    low: r.low,
                    close: r.close,
                    volume: r.volume,
                    source: series.source.to_string(),
                    basis: basis.as_str().into(),
                }
            }));
        }
        rows.sort_by_key(|r| (r.date, r.symbol));
        Ok(rows)
    }

    /// Headlines up to market time on these instruments (on all of the exchange when there are none), newest first.
    pub(super) fn headlines(
        &self,
        state: &State,
        exchange: Exchange,
        of: &[InstrumentId],
    ) -> Result<Vec<NewsRow>, ServiceError> {
        let Some(now) = state.market_time(exchange) else { return Ok(Vec::new()) };
        let since = now.plus_nanos(-NEWS_DAYS * 86_400 * crate::domain::time::NANOS_PER_SECOND);
        let news = lock(self.market_store()).read().news_between(since, now.plus_nanos(1), NEWS_READ_MAX)?;
        let here = news.into_iter().filter(|n| n.headline.instrument.exchange == exchange);
        let wanted = here.filter(|n| of.is_empty() || of.contains(&n.headline.instrument));
        Ok(wanted
            .take(NEWS_MAX)
            .map(|n| {
                let (told_by, told_tone) = n.told.unzip();
                NewsRow {
                    time: n.headline.time,
                    symbol: n.headline.instrument.symbol,
                    headline: n.headline.headline.to_string(),
                    source: n.headline.source.to_string(),
                    tone: n.tone,
                    told_by: told_by.map(|by| by.to_string()).unwrap_or_default(),
                    told_tone,
                }
            })
            .collect())
    }

    /// Headlines on what a person watches and holds.
    pub fn news(
        &self,
        permit: &Permit<ViewMarket>,
        account: Option<AccountId>,
    ) -> Result<Vec<NewsRow>, ServiceError> {
        let state = self.state()?;
        let exchange = account.and_then(|a| state.accounts().get(&a)).and_then(|a| a.spec().exchange);
        let exchange = exchange.map_or_else(|| self.main_exchange(), Ok)?;
        let mut of = self.watched(permit.user(), &state, account)?;
        of.extend(
            account
                .and_then(|a| state.accounts().get(&a))
                .into_iter()
                .flat_map(|a| a.positions().keys().copied()),
        );
        self.headlines(&state, exchange, &of)
    }
}

/// Where an exchange's prices come from, in the word the screen shows.
pub(super) fn source_word(exchange: Exchange) -> String {
    match exchange {
        Exchange::Sim => crate::market::simulated::SOURCE.to_string(),
        Exchange::Xnys | Exchange::Xasx => "stored".to_string(),
    }
}

/// The same for a price of the running session.
fn live_word(exchange: Exchange) -> String {
    match exchange {
        Exchange::Sim => source_word(exchange),
        Exchange::Xnys | Exchange::Xasx => "live".to_string(),
    }
}

pub(super) fn change(now: Price, then: Price) -> Option<Ratio> {
    let difference = i128::from(now.raw()) - i128::from(then.raw());
    let raw = crate::domain::fixed::divide_half_even(
        difference * i128::from(Ratio::ONE_RAW),
        i128::from(then.raw()),
    )?;
    Ratio::from_raw_wide(raw).ok()
}

/// A series in other terms.
fn restated(
    series: &Series,
    actions: &[CorporateAction],
    target: Adjust,
) -> Result<Vec<PriceRow>, ServiceError> {
    let own: Vec<CorporateAction> =
        actions.iter().filter(|a| a.instrument == series.instrument).cloned().collect();
    let target = if series.basis == Basis::Total { Adjust::Total } else { target };
    let factors = adjust::factors(&series.bars, &own, series.basis, target)
        .map_err(|e| ServiceError::Invalid(e.to_string()))?;
    let scaled = |p: Price, f: f64| if f == 1.0 { p } else { Price::from_f64(p.to_f64() * f).unwrap_or(p) };
    Ok(series
        .bars
        .iter()
        .zip(factors)
        .map(|(b, f)| PriceRow {
            date: b.session,
            open: scaled(b.open, f.price),
            high: scaled(b.high, f.price),
            low: scaled(b.low, f.price),
            close: scaled(b.close, f.price),
            volume: if f.volume == 1.0 {
                b.volume
            } else {
                Volume::from_f64(b.volume.to_f64() * f.volume).unwrap_or(b.volume)
            },
            provisional: false,
        })
        .collect())
}

/// Last stored closes at market time that the engine does not know, or knows an older price of.
pub(super) fn prices_to_prime(
    house: &House,
    state: &State,
) -> Result<Vec<(InstrumentId, Price, UnixNanos)>, ServiceError> {
    let mut prices = Vec::new();
    for exchange in Exchange::ALL {
        let Some(now) = state.market_time(exchange) else { continue };
        let calendar = house.calendars().of(exchange);
        let today = calendar.date_at(now);
        // A bar is known once its session is over.
        let known = match calendar.session_on(today) {
            Some(session) if session.close > now => today.pred_opt().unwrap_or(today),
            Some(_) | None => today,
        };
        for (instrument, session, close) in lock(house.market_store()).read().last_closes(exchange, known)? {
            let Some(time) = calendar.session_on(session).map(|s| s.close) else { continue };
            if book::price(state, instrument).is_none_or(|(_, seen)| seen < time) {
                prices.push((instrument, close, time));
            }
        }
    }
    Ok(prices)
}
