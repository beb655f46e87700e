//! The panel of a home's stored data: one for each exchange, shared by signals, rebalance and research.
//!
//! It holds what was known at market time: sessions that were over, one source per instrument, prices restated for
//! splits and dividends, figures, headlines and sectors as known on each day. It is kept until the prices, the facts
//! or the market day change; prices come from the columnar cache beside the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::market::{CorporateAction, is_watchlist};
use crate::domain::{CleanText, Exchange, InstrumentId, UnixNanos, UserName};
use crate::factor::panel::{BAR_FIELDS, Bars, Group, InstrumentRows, Panel, PanelBuilder, PanelError, Terms};
use crate::market::adjust::{self, Adjust, Step};
use crate::model::composite::Universe;
use crate::store::market::{HistoryReader, Origin, PriceHistory, PriceLists, Revisions};
use crate::store::{MarketReader, StoreError};

use super::engine::lock;
use super::error::ServiceError;
use super::files::sheet::Sheet;
use super::house::House;
use super::permit::{Permit, ViewSignals};
use super::research::no_market_time;

/// Sessions of the shared panel: four years, more than any look-back and its confidence need.
pub const PANEL_SESSIONS: usize = 1_024;
/// Sessions within which an instrument must have a bar to be in the default universe.
const FRESH_SESSIONS: usize = 5;

/// Which part of the stored data a panel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Exchange.
    pub exchange: Exchange,
    /// Last day.
    pub last: NaiveDate,
    /// Most sessions up to then.
    pub sessions: usize,
    /// Whether names without a bar in the last five sessions are left out.
    pub fresh: bool,
}

/// The panels that are kept, with what they were made from.
pub(super) type PanelCache = BTreeMap<Exchange, (Cut, Revisions, Arc<Panel>)>;

/// Periods of membership of a universe, by instrument and first day.
pub(super) struct Members {
    rows: BTreeMap<InstrumentId, Vec<std::ops::Range<usize>>>,
}

impl Universe for Members {
    fn contains(&self, instrument: InstrumentId, row: usize) -> bool {
        self.rows.get(&instrument).is_some_and(|ranges| ranges.iter().any(|range| range.contains(&row)))
    }
}

impl From<PanelError> for ServiceError {
    fn from(error: PanelError) -> Self {
        ServiceError::Invalid(error.to_string())
    }
}

impl House {
    /// The panel that signals, rebalance and research share, as of market time.
    pub(super) fn research_panel(&self, exchange: Exchange) -> Result<Arc<Panel>, ServiceError> {
        self.panel_reaching(exchange, 0)
    }

    /// The shared panel, or one of its own when it must reach farther back than that one does.
    pub(super) fn panel_reaching(
        &self,
        exchange: Exchange,
        sessions: usize,
    ) -> Result<Arc<Panel>, ServiceError> {
        let time = self.state()?.market_time(exchange).ok_or_else(|| no_market_time(exchange))?;
        let last = self.last_day_over(exchange, time);
        let cut = Cut { exchange, last, sessions: sessions.max(PANEL_SESSIONS), fresh: true };
        let revisions = MarketReader::open(self.home())?.revisions()?;
        let kept = lock(self.panels()).get(&exchange).cloned();
        if let Some((_, _, panel)) = kept.filter(|(c, r, _)| *c == cut && *r == revisions) {
            return Ok(panel);
        }
        let panel = Arc::new(self.load_panel(cut)?);
        if cut.sessions == PANEL_SESSIONS {
            lock(self.panels()).insert(exchange, (cut, revisions, Arc::clone(&panel)));
        }
        Ok(panel)
    }

    /// The stored data of an exchange up to market time (all of it while there is none), to compute factors on; of the
    /// members of a universe, on the days on which they are, when one is named.
    pub fn factor_sheet(
        &self,
        permit: &Permit<ViewSignals>,
        exchange: Option<Exchange>,
        universe: Option<&str>,
    ) -> Result<Sheet, ServiceError> {
        let exchange = exchange.map_or_else(|| self.main_exchange(), Ok)?;
        let time = self.state()?.market_time(exchange);
        let last = time.map_or(NaiveDate::MAX, |time| self.last_day_over(exchange, time));
        let panel = self.load_panel(Cut { exchange, last, sessions: usize::MAX, fresh: false })?;
        let Some(name) = universe else { return Ok(Sheet { panel }) };
        let members = self.members(permit.user(), &panel, name, 0..panel.sessions().len())?;
        let rows = |id: &InstrumentId| members.rows.get(id).cloned().unwrap_or_default();
        let rows = panel.symbols().iter().map(rows).collect();
        Ok(Sheet { panel: panel.seen_by(rows) })
    }

    /// The last day whose session, if it had one, was over.
    pub(super) fn last_day_over(&self, exchange: Exchange, time: UnixNanos) -> NaiveDate {
        let calendar = self.calendars().of(exchange);
        let today = calendar.date_at(time);
        match calendar.session_on(today) {
            Some(session) if session.close > time => today.pred_opt().unwrap_or(today),
            Some(_) | None => today,
        }
    }

    /// Makes a panel of the stored data.
    pub(super) fn load_panel(&self, cut: Cut) -> Result<Panel, ServiceError> {
        let history = PriceHistory::load(self.home(), cut.exchange)?;
        log(cut.exchange, history.origin());
        match self.build_panel(&history, cut) {
            Err(ServiceError::Store(StoreError::DamagedCache { path })) => {
                tracing::warn!(file = %CleanText::new(&path.display().to_string()), "the cache of prices is damaged and made again");
                let history = PriceHistory::reload(self.home(), cut.exchange)?;
                self.build_panel(&history, cut)
            }
            other => other,
        }
    }

    fn build_panel(&self, history: &PriceHistory, cut: Cut) -> Result<Panel, ServiceError> {
        if history.sessions().is_empty() {
            let text = format!("no prices of {} are stored; import bars or sync first", cut.exchange);
            return Err(ServiceError::Invalid(text));
        }
        let end = history.sessions().partition_point(|s| *s <= cut.last);
        let start = end.saturating_sub(cut.sessions);
        let sessions = history.sessions().get(start..end).unwrap_or(&[]);
        let (Some(first), Some(last)) = (sessions.first().copied(), sessions.last().copied()) else {
            return Err(no_market_time(cut.exchange));
        };
        let oldest = if cut.fresh { start.max(end.saturating_sub(FRESH_SESSIONS)) } else { start };
        let newest_bar = |at: &usize| history.series().get(*at).and_then(|s| s.last_at_or_before(end - 1));
        let chosen: Vec<usize> =
            (0..history.series().len()).filter(|at| newest_bar(at).is_some_and(|s| s >= oldest)).collect();
        let ids: Vec<InstrumentId> =
            chosen.iter().filter_map(|at| history.series().get(*at)).map(|s| s.instrument).collect();
        let reader = MarketReader::open(self.home())?;
        let mut builder = PanelBuilder::new(sessions.to_vec());
        self.add_facts(&mut builder, &reader, cut.exchange, sessions)?;
        let actions = reader.actions_between(cut.exchange, first, last)?;
        let mut by_instrument: BTreeMap<InstrumentId, Vec<&CorporateAction>> = BTreeMap::new();
        actions.iter().for_each(|a| by_instrument.entry(a.instrument).or_default().push(a));
        let mut factors: BTreeMap<(InstrumentId, CleanText), Vec<(NaiveDate, f64)>> = BTreeMap::new();
        for given in reader.source_factors(cut.exchange)? {
            let key = (given.instrument, given.source);
            factors.entry(key).or_default().push((given.from, given.factor));
        }
        let filler = Filler { history, window: start..end, sessions, actions: by_instrument, factors };
        let scratch = || (history.reader(), PriceLists::default());
        builder.build_from(&ids, &BAR_FIELDS, scratch, |(reader, lists), at, rows| {
            chosen.get(at).map_or(Ok(()), |series| filler.fill(reader, lists, *series, rows))
        })
    }

    /// Adds what was known beside prices.
    fn add_facts(
        &self,
        builder: &mut PanelBuilder,
        reader: &MarketReader,
        exchange: Exchange,
        sessions: &[NaiveDate],
    ) -> Result<(), ServiceError> {
        let Some(last) = sessions.last().copied() else { return Ok(()) };
        builder.fundamentals(&reader.fundamentals_known_by(exchange, last)?);
        let calendar = self.calendars().of(exchange);
        let close = |day: &NaiveDate| calendar.session_on(*day).map_or(UnixNanos::ZERO, |s| s.close);
        let closes: Vec<UnixNanos> = sessions.iter().map(close).collect();
        let since = closes.first().copied().unwrap_or(UnixNanos::ZERO);
        let until = closes.last().copied().unwrap_or(UnixNanos::ZERO).plus_nanos(1);
        let tones = reader.tones_between(exchange, since, until)?;
        if !tones.is_empty() {
            builder.toned_headlines(tones, &closes)?;
        }
        let history = reader.group_history(exchange)?;
        let has_industries = history.iter().any(|g| !g.industry.is_empty());
        for change in &history {
            builder.member(Group::Sector, change.instrument, change.from, change.sector.as_str());
            if has_industries {
                builder.member(Group::Industry, change.instrument, change.from, change.industry.as_str());
            }
        }
        Ok(())
    }

    /// The members of a universe, or of the person's watchlist, on the rows of a panel; an error when nobody is one on any
    /// of the `needed` rows.
    pub(super) fn members(
        &self,
        user: UserName,
        panel: &Panel,
        universe: &str,
        needed: std::ops::Range<usize>,
    ) -> Result<Members, ServiceError> {
        let spans = if is_watchlist(universe) {
            let own = self.own_watchlist(user)?.into_iter();
            own.map(|id| (id, NaiveDate::MIN, None)).collect()
        } else {
            lock(self.market_store()).read().universe_spans(universe)?
        };
        let sessions = panel.sessions();
        let mut rows: BTreeMap<InstrumentId, Vec<std::ops::Range<usize>>> = BTreeMap::new();
        for (instrument, from, to) in spans {
            let start = sessions.partition_point(|s| *s < from);
            let end = to.map_or(sessions.len(), |to| sessions.partition_point(|s| *s <= to));
            rows.entry(instrument).or_default().push(start..end);
        }
        let members = Members { rows };
        let meets = |rows: &std::ops::Range<usize>| rows.start < needed.end && needed.start < rows.end;
        if !members.rows.values().flatten().any(meets) {
            return Err(ServiceError::Unknown {
                kind: "universe",
                name: CleanText::new(universe),
                remedy: "nobody with prices is a member then; import one with 'qlib-pro import universe FILE'; 'watchlist' \
                         is what you watch",
            });
        }
        Ok(members)
    }
}

/// Hands the bars of stored series to a panel.
struct Filler<'h> {
    history: &'h PriceHistory,
    /// Sessions of the panel, by their places in the history.
    window: std::ops::Range<usize>,
    sessions: &'h [NaiveDate],
    actions: BTreeMap<InstrumentId, Vec<&'h CorporateAction>>,
    /// Factors that sources give for their own adjusted prices, by the session they changed.
    factors: BTreeMap<(InstrumentId, CleanText), Vec<(NaiveDate, f64)>>,
}

impl Filler<'_> {
    fn fill(
        &self,
        reader: &mut HistoryReader<'_>,
        lists: &mut PriceLists,
        series: usize,
        rows: &mut InstrumentRows<'_, '_>,
    ) -> Result<(), ServiceError> {
        let Some(about) = self.history.series().get(series) else { return Ok(()) };
        reader.read(series, &self.window, lists)?;
        let place = |day: NaiveDate| {
            let session = self.sessions.partition_point(|s| *s < day);
            lists.sessions.partition_point(|s| *s < session)
        };
        let close = |bar: usize| lists.close.get(bar).map_or(f64::NAN, |p| p.to_f64());
        let actions = self.actions.get(&about.instrument).map_or(&[][..], Vec::as_slice);
        let bars = lists.sessions.len();
        let steps = adjust::steps(bars, place, close, actions, about.basis, Adjust::Total)
            .map_err(|e| ServiceError::Invalid(e.to_string()))?;
        let given = self.factors.get(&(about.instrument, about.source.clone()));
        let given: Vec<(usize, f64)> =
            given.into_iter().flatten().map(|(from, factor)| (place(*from), *factor)).collect();
        let terms = terms(&steps, &given);
        let bars = Bars {
            open: &lists.open,
            high: &lists.high,
            low: &lists.low,
            close: &lists.close,
            volume: &lists.volume,
            vwap: &lists.vwap,
        };
        Ok(rows.bars(&lists.sessions, &bars, &terms)?)
    }
}

/// The terms of bars from the steps of their adjustment and the factors that their source gives, both by bar.
fn terms(steps: &[Step], given: &[(usize, f64)]) -> Vec<Terms> {
    let begins: BTreeSet<usize> =
        steps.iter().map(|s| s.from).chain(given.iter().map(|(at, _)| *at)).collect();
    let in_force = |from: &usize| {
        let step = steps.iter().rev().find(|s| s.from <= *from)?;
        let own = given.iter().rev().find(|(at, _)| at <= from).map_or(1.0, |(_, factor)| *factor);
        let price = step.factor.price;
        Some(Terms { from: *from, price, factor: price * own, shares: step.shares })
    };
    begins.iter().filter_map(in_force).collect()
}

fn log(exchange: Exchange, origin: &Origin) {
    let Origin::Store { bars, damaged, unwritten } = origin else { return };
    tracing::info!(%exchange, bars, "prices read from the store");
    if let Some(why) = damaged {
        tracing::warn!(%exchange, why, "the cache of prices was not used");
    }
    if let Some(why) = unwritten {
        tracing::warn!(%exchange, why = %CleanText::new(why), "the cache of prices was not written");
    }
}
