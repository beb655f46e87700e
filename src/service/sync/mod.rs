//! Sync: what is missing of prices, splits and dividends, or of minutes, from the vendors, into the market store.
//!
//! One page is one transaction together with the record of what was answered for, so a run that is killed leaves whole
//! pages, and the next run asks for the rest: no gap, no double row. Vendors are asked in the order of the settings; an
//! instrument that one cannot give goes to the next. Runs of several processes take turns at a vendor and share its
//! budget. A run belongs on a thread of its own: it blocks while it waits.

mod actions;
mod beside;
mod board;
mod directory;
mod ended;
mod market_day;
mod meter;
mod minutes;
mod notes;
mod one;
mod page;
mod plan;
mod quotes;
mod report;
mod run;
mod schedule;
mod search;
mod site;
mod turn;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::market::is_watchlist;
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId};
pub use crate::market::fetch::{Pace, Stop, Stopper, stopper};
pub use crate::market::http::Limits;
use crate::market::import::parse_symbol;

pub use board::{ListingFault, SyncBoard, SyncView};
pub use ended::Ended;
pub use quotes::QuoteRow;
pub use report::{BesideReport, BesideRow, Progress, SyncOutcome, SyncReport, SyncRow, VendorLine};
pub use schedule::Schedule;
pub use search::FoundRow;

pub(super) use minutes::MinutesPage;
pub(super) use page::stored_quarantine;
pub(super) use quotes::{Asked, delay_words};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{ManageData, Permit};
use super::vendors::WallPace;

/// The code of a vendor that was not asked for want of a key.
pub const NO_KEY: &str = "NO_KEY";
/// The code of a vendor whose clock is far from ours; it was asked all the same.
pub const CLOCK_OFF: &str = "CLOCK_OFF";

/// Most instruments of one run.
const INSTRUMENTS_MAX: usize = 20_000;
/// What follows the last point of a symbol and is so long names an exchange.
const EXCHANGE_CHARS_MIN: usize = 3;

/// What a run fetches of each instrument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bars {
    /// Daily bars with splits and dividends.
    #[default]
    Daily,
    /// Bars of minutes.
    Minutes,
}

impl Bars {
    /// What a kind of data is a run of; `None` for what is beside bars.
    pub const fn of(kind: DataKind) -> Option<Self> {
        match kind {
            DataKind::Daily => Some(Bars::Daily),
            DataKind::Minutes => Some(Bars::Minutes),
            _ => None,
        }
    }

    /// The kind of data.
    pub(super) const fn kind(self) -> DataKind {
        match self {
            Bars::Daily => DataKind::Daily,
            Bars::Minutes => DataKind::Minutes,
        }
    }

    /// The kinds that are asked for together.
    const fn kinds(self) -> &'static [DataKind] {
        match self {
            Bars::Daily => &[DataKind::Daily, DataKind::Actions],
            Bars::Minutes => &[DataKind::Minutes],
        }
    }

    /// For people.
    const fn words(self) -> &'static str {
        match self {
            Bars::Daily => "prices",
            Bars::Minutes => "minutes",
        }
    }
}

/// What to sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncWish {
    /// What of each instrument.
    pub bars: Bars,
    /// From this vendor only.
    pub vendor: Option<VendorId>,
    /// These instruments.
    pub instruments: Vec<InstrumentId>,
    /// The members of a universe, on any of the days; `watchlist` is the person's own.
    pub universe: Option<String>,
    /// First day; where the source begins, or five years back; of minutes what the source lacks, or five sessions back.
    pub from: Option<NaiveDate>,
    /// Last day; the newest whose bars are final.
    pub to: Option<NaiveDate>,
    /// Ask for all of it again, whatever was answered for before.
    pub again: bool,
}

/// How a run is watched, ended and timed.
pub struct Control<'c> {
    /// Ends it after the present page.
    pub stop: Stop,
    /// Told what it does.
    pub progress: &'c (dyn Fn(&Progress) + Send + Sync),
    /// Time and chance.
    pub pace: Arc<dyn Pace>,
    /// Bounds of one exchange.
    pub limits: Limits,
}

impl std::fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control")
            .field("stop", &self.stop)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl House {
    /// How a run is timed for real.
    pub fn sync_control<'c>(
        &self,
        stop: Stop,
        progress: &'c (dyn Fn(&Progress) + Send + Sync),
    ) -> Control<'c> {
        Control { stop, progress, pace: Arc::new(WallPace::new(self.clock_arc())), limits: Limits::default() }
    }

    /// Fetches what is missing. Returns when all is done, nothing more can be had, or it is stopped.
    pub fn sync(
        &self,
        permit: &Permit<ManageData>,
        wish: &SyncWish,
        control: &Control<'_>,
    ) -> Result<SyncReport, ServiceError> {
        self.sync_now(&self.with_watchlist(permit, wish)?, control)
    }

    pub(super) fn sync_now(
        &self,
        wish: &SyncWish,
        control: &Control<'_>,
    ) -> Result<SyncReport, ServiceError> {
        let instruments = self.wished(wish)?;
        let runtime = self.network()?;
        let report = runtime.block_on(run::Run::new(self, wish, control).all(instruments));
        // A name that is still being looked up must not hold the caller.
        runtime.shutdown_background();
        report
    }

    /// Runs what waits for vendors, on the thread that calls.
    pub(super) fn network(&self) -> Result<tokio::runtime::Runtime, ServiceError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|source| ServiceError::File {
            path: self.home().to_path_buf(),
            doing: "the network cannot be used; close other programs",
            source,
        })
    }

    /// An instrument as people write it: `AAPL`, `AAPL.XNYS`, `BHP.AX`, `BRK-B`. Without an exchange the desk's is meant.
    pub fn instrument_named(&self, text: &str) -> Result<InstrumentId, ServiceError> {
        self.instrument_named_on(text, None)
    }

    /// The same of several, on `exchange` where they name none.
    pub fn instruments_named(
        &self,
        texts: &[String],
        exchange: Option<Exchange>,
    ) -> Result<Vec<InstrumentId>, ServiceError> {
        texts.iter().map(|text| self.instrument_named_on(text, exchange)).collect()
    }

    /// The same; without an exchange of its own `exchange` is meant, else the desk's.
    pub fn instrument_named_on(
        &self,
        text: &str,
        exchange: Option<Exchange>,
    ) -> Result<InstrumentId, ServiceError> {
        let unnamed = || exchange.map_or_else(|| self.main_exchange(), Ok);
        let (stem, exchange) = match text.rsplit_once('.') {
            Some((code, suffix)) => match Exchange::of_suffix(suffix) {
                Ok(exchange) => (code, exchange),
                // A class of shares has one or two letters.
                Err(error) if suffix.len() >= EXCHANGE_CHARS_MIN => {
                    return Err(ServiceError::Wrong(format!("{}: {error}", CleanText::new(text))));
                }
                Err(_) => (text, unnamed()?),
            },
            None => (text, unnamed()?),
        };
        let read = parse_symbol(stem, exchange);
        // Who is stored as it is written here is meant, even where it would be read otherwise.
        let spelled = stem.parse().ok().filter(|spelled| read != Ok(*spelled));
        if let Some(id) = spelled.map(|symbol| InstrumentId::new(symbol, exchange))
            && lock(self.market_store()).read().instrument(id)?.is_some()
        {
            return Ok(id);
        }
        let symbol = read.map_err(|reason| {
            ServiceError::Wrong(format!(
                "'{}' is no symbol: {}; they begin with a letter, a digit or ^",
                CleanText::new(text),
                reason.remedy()
            ))
        })?;
        Ok(InstrumentId::new(symbol, exchange))
    }

    /// What people name in one line: a universe, or instruments. A name that is a universe's to the letter is meant as one;
    /// an instrument of that symbol can be named with its exchange.
    pub fn wish_named(&self, names: &[String]) -> Result<SyncWish, ServiceError> {
        if let [name] = names {
            let is_universe =
                is_watchlist(name) || !lock(self.market_store()).read().universe_spans(name)?.is_empty();
            if is_universe {
                return Ok(SyncWish { universe: Some(name.clone()), ..SyncWish::default() });
            }
        }
        Ok(SyncWish { instruments: self.instruments_named(names, None)?, ..SyncWish::default() })
    }

    /// A wish for the universe of that name, with the instruments of the person's own watchlist in its place. What is on
    /// the simulated exchange is left out, as no vendor has it.
    fn with_watchlist(&self, permit: &Permit<ManageData>, wish: &SyncWish) -> Result<SyncWish, ServiceError> {
        let mut wish = wish.clone();
        if wish.universe.take_if(|name| is_watchlist(name)).is_none() {
            return Ok(wish);
        }
        let own = self.own_watchlist(permit.user())?.into_iter();
        wish.instruments.extend(own.filter(|id| id.exchange != Exchange::Sim));
        if wish.instruments.is_empty() {
            return Err(ServiceError::Wrong(
                "your watchlist has no name that a vendor could have; watch some in the workstation, as in ':watch AAPL'"
                    .into(),
            ));
        }
        Ok(wish)
    }

    /// The instruments of a wish, in order; none named: those that were synced before.
    fn wished(&self, wish: &SyncWish) -> Result<Vec<InstrumentId>, ServiceError> {
        let market = lock(self.market_store());
        let reader = market.read();
        let mut wanted: BTreeSet<InstrumentId> = wish.instruments.iter().copied().collect();
        if let Some(name) = &wish.universe {
            let spans = reader.universe_spans(name)?;
            if spans.is_empty() {
                return Err(ServiceError::Unknown {
                    kind: "universe",
                    name: CleanText::new(name),
                    remedy: "import one with 'qlib-pro import universe FILE'",
                });
            }
            let from = wish.from.unwrap_or(NaiveDate::MIN);
            let to = wish.to.unwrap_or(NaiveDate::MAX);
            let inside =
                spans.iter().filter(|(_, first, last)| *first <= to && last.is_none_or(|l| l >= from));
            wanted.extend(inside.map(|(id, _, _)| *id));
        }
        if wish.instruments.is_empty() && wish.universe.is_none() {
            for vendor in VendorId::ALL {
                wanted.extend(reader.coverage(vendor.as_str(), wish.bars.kind())?.into_keys());
            }
            if wanted.is_empty() {
                return Err(ServiceError::Wrong(format!(
                    "no {} were synced before: name symbols, as in 'qlib-pro sync AAPL BHP.AX', or --universe",
                    wish.bars.words()
                )));
            }
        }
        if let Some(sim) = wanted.iter().find(|id| id.exchange == Exchange::Sim) {
            return Err(ServiceError::Wrong(format!(
                "{sim} is on the simulated exchange, whose prices no vendor has; name symbols of XNYS or XASX"
            )));
        }
        if wanted.len() > INSTRUMENTS_MAX {
            return Err(ServiceError::Wrong(format!(
                "{} instruments are more than one run takes ({INSTRUMENTS_MAX}); name a smaller universe",
                wanted.len()
            )));
        }
        Ok(wanted.into_iter().collect())
    }
}
