//! Market time moves: stored bars (on SIM: generated ones) reach the engine in order, once each.
//!
//! Sessions are fed ahead of the answers, so that many share one write to disk; the last answer is waited for.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;

use chrono::NaiveDate;
use crossbeam_channel::Receiver;
use serde::{Deserialize, Serialize};

use crate::domain::event::EventBody;
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar};
use crate::domain::{Bar, Event, Exchange, InstrumentId, MarketEvent, Price, UnixNanos};
use crate::store::MarketReader;

use super::engine::Feed;
use super::error::ServiceError;
use super::finer::Finer;
use super::house::House;
use super::permit::{ManageData, Permit};
use super::renamed::{Due, named_on};

/// Most sessions that wait for the engine at once.
const AHEAD_MAX: usize = 128;

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Until {
    /// Up to and including this session.
    Date(NaiveDate),
    /// This many sessions.
    Sessions(u32),
}

/// What happened on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvanceReport {
    /// Exchange.
    pub exchange: Exchange,
    /// Sessions played.
    pub sessions: u32,
    /// Bars fed.
    pub bars: u64,
    /// Minutes that were played in the place of bars of theirs.
    #[serde(default)]
    pub minutes: u64,
    /// Fills that came of it.
    pub fills: u64,
    /// Market time before.
    pub from: Option<UnixNanos>,
    /// Market time now.
    pub to: Option<UnixNanos>,
}

/// An answer of the engine on its way.
type Waiting = Receiver<Result<Vec<Event>, ServiceError>>;

/// Feeds the engine ahead of its answers and counts what comes back.
pub(super) struct Feeder<'a> {
    house: &'a House,
    waiting: VecDeque<Waiting>,
    fills: u64,
    feed: Feed,
    /// Whether limits ask for facts; looked up at the first session.
    asks_for_facts: Option<bool>,
}

impl<'a> Feeder<'a> {
    pub(super) fn new(house: &'a House) -> Self {
        let (waiting, feed) = (VecDeque::new(), Feed::default());
        Self { house, waiting, fills: 0, feed, asks_for_facts: None }
    }

    pub(super) fn feed(&mut self, event: MarketEvent) -> Result<(), ServiceError> {
        self.feed_together(vec![event])
    }

    /// Feeds a session whole: a split must not move market time into a day whose bars a crash then keeps away.
    pub(super) fn feed_together(&mut self, events: Vec<MarketEvent>) -> Result<(), ServiceError> {
        self.wait_for(self.house.engine()?.market_later(events, &self.feed)?)
    }

    /// Before a session: what limits look at is told as of the last one that is over, however many are played at once.
    pub(super) fn begin_session(&mut self) -> Result<(), ServiceError> {
        let asks = match self.asks_for_facts {
            Some(asks) => asks,
            None => *self.asks_for_facts.insert(self.house.asks_for_facts()?),
        };
        if !asks {
            return Ok(());
        }
        // Market time is known once the answers are.
        self.take_all()?;
        self.house.tell_facts_of_working()
    }

    /// Lets time pass on one exchange.
    pub(super) fn pass(&mut self, exchange: Exchange, time: UnixNanos) -> Result<(), ServiceError> {
        self.wait_for(self.house.engine()?.pass_later(exchange, time)?)
    }

    fn wait_for(&mut self, answer: Waiting) -> Result<(), ServiceError> {
        self.waiting.push_back(answer);
        if self.waiting.len() > AHEAD_MAX { self.take_one() } else { Ok(()) }
    }

    fn take_one(&mut self) -> Result<(), ServiceError> {
        let Some(answer) = self.waiting.pop_front() else { return Ok(()) };
        let events = answer.recv().map_err(|_| ServiceError::EngineStopped)??;
        self.fills += events.iter().filter(|e| matches!(e.body, EventBody::Fill(_))).count() as u64;
        Ok(())
    }

    /// Waits for every answer; returns the number of fills.
    pub(super) fn finish(mut self) -> Result<u64, ServiceError> {
        self.take_all()?;
        Ok(self.fills)
    }

    fn take_all(&mut self) -> Result<(), ServiceError> {
        while !self.waiting.is_empty() {
            self.take_one()?;
        }
        Ok(())
    }
}

impl House {
    /// Plays sessions of an exchange (the desk's by default).
    pub fn advance(
        &self,
        _: &Permit<ManageData>,
        exchange: Option<Exchange>,
        until: Until,
        progress: impl FnMut(NaiveDate),
    ) -> Result<AdvanceReport, ServiceError> {
        let exchange = match exchange {
            Some(exchange) => exchange,
            None => self.main_exchange()?,
        };
        self.engine()?;
        if self.feed_status().is_some_and(|feed| feed.exchange == Some(exchange)) {
            return Err(ServiceError::Invalid(format!(
                "market time of {exchange} is moved by the live feed, so it cannot be advanced by hand; set live.vendor \
                 to none and open the workstation again, then advance"
            )));
        }
        self.know_held(exchange)?;
        let report = match exchange {
            Exchange::Sim => self.advance_simulated(until, progress),
            Exchange::Xnys | Exchange::Xasx => self.advance_stored(exchange, until, progress),
        }?;
        tracing::info!(%exchange, sessions = report.sessions, fills = report.fills, "market time advanced");
        Ok(report)
    }

    /// Tells the engine what has become known of names that are held: what borrowing them costs by the night, above all.
    pub(in crate::service) fn know_held(&self, exchange: Exchange) -> Result<(), ServiceError> {
        let state = self.state()?;
        let held = state.accounts().values().flat_map(|account| account.positions().keys().copied());
        let held: BTreeSet<InstrumentId> = held.filter(|id| id.exchange == exchange).collect();
        self.know_instruments(held)
    }

    pub(super) fn advance_stored(
        &self,
        exchange: Exchange,
        until: Until,
        mut progress: impl FnMut(NaiveDate),
    ) -> Result<AdvanceReport, ServiceError> {
        let reader = MarketReader::open(self.home())?;
        let calendar = self.calendars().of(exchange);
        let from = self.state()?.market_time(exchange);
        let start = match from {
            Some(time) => calendar.date_at(time).succ_opt().unwrap_or(NaiveDate::MAX),
            None => NaiveDate::MIN,
        };
        let (end, most) = match until {
            Until::Date(date) => (date, u32::MAX),
            Until::Sessions(n) => (NaiveDate::MAX, n),
        };
        let first = reader.next_session(exchange, start.pred_opt().unwrap_or(NaiveDate::MIN))?;
        // What a home without market time could have missed is not asked.
        let start = if from.is_some() { start } else { first.unwrap_or(start) };
        let symbols = self.due_symbols(&reader, exchange, end)?;
        let named = |instrument| named_on(&symbols, first.unwrap_or(start), instrument);
        let mut ahead = Ahead {
            restated: self.restated_splits(&reader, exchange, named)?,
            late: self.late_on_the_way(&reader, exchange, from, first)?,
            actions: self.event_actions(&reader, exchange, start, end)?,
            symbols: symbols.clone(),
            finer: self.finer(&reader, exchange, named)?,
        };
        let mut feeder = Feeder::new(self);
        let mut report =
            AdvanceReport { exchange, sessions: 0, bars: 0, minutes: 0, fills: 0, from, to: from };
        let mut failed = None;
        let mut each = |date: NaiveDate, bars: &[DailyBar]| {
            if report.sessions >= most {
                return ControlFlow::Break(());
            }
            match self.feed_session((&mut feeder, &reader), exchange, (date, bars), &mut ahead) {
                Ok(minutes) => {
                    report.sessions += 1;
                    report.minutes += minutes;
                    report.bars += bars.len() as u64;
                    progress(date);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        if let Some(first) = first.filter(|_| most > 0) {
            reader.daily_bars_between(exchange, first, end, &mut each)?;
        }
        failed.map_or(Ok(()), Err)?;
        report.fills = feeder.finish()?;
        self.tell_symbols(exchange, &symbols)?;
        self.prime()?;
        report.to = self.state()?.market_time(exchange);
        Ok(report)
    }

    /// Feeds a session; returns the number of minutes that stand for bars of it.
    fn feed_session(
        &self,
        (feeder, reader): (&mut Feeder<'_>, &MarketReader),
        exchange: Exchange,
        (date, bars): (NaiveDate, &[DailyBar]),
        ahead: &mut Ahead,
    ) -> Result<u64, ServiceError> {
        let Some(session) = self.calendars().of(exchange).session_on(date) else { return Ok(0) };
        let bars: Vec<Bar> = bars.iter().map(|b| bar_of(b, session.open, session.close)).collect();
        let finer = ahead.finer.of(reader, &session, &bars)?;
        let minutes = finer.len() as u64;
        feeder.begin_session()?;
        let mut events = ahead.take(date, session.open);
        events.push(if finer.is_empty() {
            MarketEvent::Bars(bars)
        } else {
            MarketEvent::Day { bars, finer }
        });
        feeder.feed_together(events)?;
        Ok(minutes)
    }

    /// What was missed up to the day that market time stands on, as events of the next session.
    fn late_on_the_way(
        &self,
        reader: &MarketReader,
        exchange: Exchange,
        from: Option<UnixNanos>,
        first: Option<NaiveDate>,
    ) -> Result<Vec<MarketEvent>, ServiceError> {
        let calendar = self.calendars().of(exchange);
        let Some((day, session)) = from.map(|time| calendar.date_at(time)).zip(first) else {
            return Ok(Vec::new());
        };
        let Some(session) = calendar.session_on(session) else { return Ok(Vec::new()) };
        self.late_actions(reader, &*self.state()?, exchange, (day, session.open))
    }

    /// Splits that are in the stored prices and that the book has not had.
    pub(super) fn restated_splits(
        &self,
        reader: &MarketReader,
        exchange: Exchange,
        named: impl Fn(InstrumentId) -> InstrumentId,
    ) -> Result<Vec<CorporateAction>, ServiceError> {
        let state = self.state()?;
        let mut due = super::restated::due_splits(self, reader, &state, exchange, named)?;
        due.retain(|split| !state.has_applied(split));
        Ok(due)
    }

    /// Splits and dividends in the terms of the stored prices of the source that stands for a name: a split-adjusted series has no splits left to apply, and
    /// its dividends are stated per share of today; a total-return series has neither.
    pub(super) fn event_actions(
        &self,
        reader: &MarketReader,
        exchange: Exchange,
        start: NaiveDate,
        end: NaiveDate,
    ) -> Result<Vec<CorporateAction>, ServiceError> {
        let all = reader.actions_between(exchange, start, NaiveDate::MAX)?;
        if all.is_empty() {
            return Ok(all);
        }
        let standing = reader.standing(exchange)?;
        let in_terms = |a: &CorporateAction| match standing.get(&a.instrument) {
            None | Some((Basis::Raw, _)) => Some(a.clone()),
            Some((Basis::Total, _)) => None,
            Some((Basis::Split, last)) => per_share_of_today(a, &all, *last),
        };
        Ok(all.iter().filter(|a| a.date <= end).filter_map(in_terms).collect())
    }
}

/// What comes with the bars of sessions. Before them: changes of symbol first, as everything else is told of the new ones, then what
/// the book has missed, then what lies since the session before.
struct Ahead {
    symbols: Vec<Due>,
    restated: Vec<CorporateAction>,
    late: Vec<MarketEvent>,
    actions: Vec<CorporateAction>,
    finer: Finer,
}

impl Ahead {
    /// What has become due by a day; an action may be dated on a day without a session.
    fn take(&mut self, day: NaiveDate, time: UnixNanos) -> Vec<MarketEvent> {
        let symbols = self.symbols.extract_if(.., |due| due.is_before(day));
        let mut events: Vec<MarketEvent> = symbols.map(|due| due.event(time)).collect();
        events.append(&mut self.late);
        let due = self.actions.partition_point(|action| action.date <= day);
        let actions = self.restated.drain(..).chain(self.actions.drain(..due));
        events.extend(actions.map(|action| action_event(&action, time)));
        events
    }
}

/// A dividend divided by all later splits of its instrument that are in the prices, which end on a day; `None` for a
/// split.
pub(super) fn per_share_of_today(
    action: &CorporateAction,
    all: &[CorporateAction],
    last: NaiveDate,
) -> Option<CorporateAction> {
    let ActionKind::Dividend { amount, pay_date } = action.kind else { return None };
    let is_later =
        |o: &&CorporateAction| o.instrument == action.instrument && o.date > action.date && o.date <= last;
    let mut later = all.iter().filter(is_later);
    let raw = later.try_fold(i128::from(amount.raw()), |raw, other| match other.kind {
        ActionKind::Split(ratio) => crate::domain::fixed::divide_half_even(
            raw.checked_mul(i128::from(ratio.old.raw()))?,
            i128::from(ratio.new.raw()),
        ),
        ActionKind::Dividend { .. } => Some(raw),
    })?;
    let amount = Price::from_raw_wide(raw).ok()?;
    Some(CorporateAction { kind: ActionKind::Dividend { amount, pay_date }, ..action.clone() })
}

/// An action as an event of a day that need not be its own.
pub(super) fn action_event(action: &CorporateAction, time: UnixNanos) -> MarketEvent {
    match MarketEvent::of_action(action, time) {
        MarketEvent::Split { instrument, time, ratio, is_late, .. } => {
            MarketEvent::Split { instrument, time, ratio, ex_date: Some(action.date), is_late }
        }
        other => other,
    }
}

/// A daily row as the bar of its session.
pub(super) fn bar_of(row: &DailyBar, from: UnixNanos, to: UnixNanos) -> Bar {
    Bar {
        instrument: row.instrument,
        from,
        to,
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        volume: row.volume,
    }
}
