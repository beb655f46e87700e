//! Last prices as vendors tell them: asked for, shown, and kept nowhere.
//!
//! Vendors are asked in the order of the settings, each for what nobody before it gave. A quote says who told it, when it
//! was made where that is told, and how late its vendor says it is. Nothing here reaches an order: who trades by prices
//! has a stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, Price, Quantity, Symbol, UnixNanos, Volume};
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::vendors::{Ask, Payload, VendorQuote};

use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ManageData, Permit};
use super::meter::Meter;
use super::{Control, SyncWish, turn};

/// Most instruments of one wish.
const QUOTES_MAX: usize = 500;
/// Instruments of one ask: no vendor takes fewer in one request, where it takes several at all.
const GROUP: usize = 50;

/// The last prices of one instrument.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuoteRow {
    /// Symbol.
    pub symbol: Symbol,
    /// Exchange.
    pub exchange: Exchange,
    /// Last price.
    pub last: Option<Price>,
    /// Since the close before.
    pub change: Option<Price>,
    /// The same in per cent.
    pub change_percent: Option<f64>,
    /// Best bid.
    pub bid: Option<Price>,
    /// Its size, where it is told.
    pub bid_size: Option<Quantity>,
    /// Best ask.
    pub ask: Option<Price>,
    /// Its size, where it is told.
    pub ask_size: Option<Quantity>,
    /// Shares of the session.
    pub volume: Option<Volume>,
    /// Currency as the vendor writes it.
    pub currency: CleanText,
    /// When the price was made, where the vendor tells it.
    pub time: Option<UnixNanos>,
    /// How late it is: `real time`, `15 min late`, or `not told`.
    pub delay: String,
    /// When the vendor told it, to the second.
    pub told_at: Option<UnixNanos>,
    /// Who told it; nobody when empty.
    pub vendor: Option<VendorId>,
    /// A stable code when nobody told it.
    pub code: String,
    /// Why vendors did not tell it, in plain words.
    pub said: String,
}

/// How late a quote is, in words.
pub(in crate::service) fn delay_words(delayed_minutes: Option<u32>) -> String {
    match delayed_minutes {
        Some(0) => "real time".to_owned(),
        Some(minutes) => format!("{minutes} min late"),
        None => "not told".to_owned(),
    }
}

fn words(errors: &[FetchError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl QuoteRow {
    fn of((vendor, quote, at): &Told, errors: &[FetchError]) -> Self {
        let change = quote.last.zip(quote.previous_close);
        let size = |side: Option<(Price, Quantity)>| side.map(|(_, size)| size).filter(|s| s.is_positive());
        let percent = |(last, before): (Price, Price)| {
            ((last.to_f64() / before.to_f64() - 1.0) * 10_000.0).round() / 100.0
        };
        Self {
            last: quote.last,
            change: change.and_then(|(last, before)| last.checked_sub(before)),
            change_percent: change.map(percent),
            bid: quote.bid.map(|(price, _)| price),
            bid_size: size(quote.bid),
            ask: quote.ask.map(|(price, _)| price),
            ask_size: size(quote.ask),
            volume: quote.volume,
            currency: quote.currency.clone().unwrap_or_default(),
            time: quote.time,
            delay: delay_words(quote.delayed_minutes),
            told_at: Some(UnixNanos::from_seconds(at.nanos() / NANOS_PER_SECOND)),
            vendor: Some(*vendor),
            code: String::new(),
            said: words(errors),
            ..Self::of_nobody(quote.instrument, &[])
        }
    }

    fn of_nobody(instrument: InstrumentId, errors: &[FetchError]) -> Self {
        let nobody =
            format!("no vendor that is switched on and has a key has quotes of {}", instrument.exchange);
        Self {
            symbol: instrument.symbol,
            exchange: instrument.exchange,
            last: None,
            change: None,
            change_percent: None,
            bid: None,
            bid_size: None,
            ask: None,
            ask_size: None,
            volume: None,
            currency: CleanText::default(),
            time: None,
            delay: String::new(),
            told_at: None,
            vendor: None,
            code: errors.first().map_or(Why::HasNoSuchData.code(), |error| error.why.code()).to_owned(),
            said: if errors.is_empty() { nobody } else { words(errors) },
        }
    }
}

/// Who told a quote, the quote, and when it came.
pub(in crate::service) type Told = (VendorId, VendorQuote, UnixNanos);

/// What is known and what went wrong so far.
#[derive(Debug, Default)]
pub(in crate::service) struct Asked {
    /// What was told, by whom.
    pub told: BTreeMap<InstrumentId, Told>,
    /// What was not told, and why.
    pub failed: BTreeMap<InstrumentId, Vec<FetchError>>,
}

impl Asked {
    fn fail(&mut self, instruments: &[InstrumentId], error: &FetchError) {
        for instrument in instruments.iter().filter(|id| !self.told.contains_key(id)) {
            self.failed.entry(*instrument).or_default().push(error.clone());
        }
    }
}

impl House {
    /// The last prices of the instruments of a wish, from the first vendor that tells them, in the order of the wish.
    pub fn vendor_quotes(
        &self,
        _: &Permit<ManageData>,
        wish: &SyncWish,
        control: &Control<'_>,
    ) -> Result<Vec<QuoteRow>, ServiceError> {
        if wish.instruments.len() > QUOTES_MAX {
            return Err(ServiceError::Wrong(format!(
                "{} names are more than one command asks for ({QUOTES_MAX}); name fewer",
                wish.instruments.len()
            )));
        }
        let vendors = wish.vendor.map_or_else(|| self.vendor_order(DataKind::Quotes), |vendor| vec![vendor]);
        let runtime = self.network()?;
        let asked = runtime.block_on(self.quotes_in_turn(&vendors, wish, control));
        runtime.shutdown_background();
        let asked = asked?;
        let row = |id: &InstrumentId| {
            let errors = asked.failed.get(id).map(Vec::as_slice).unwrap_or_default();
            asked
                .told
                .get(id)
                .map_or_else(|| QuoteRow::of_nobody(*id, errors), |told| QuoteRow::of(told, errors))
        };
        Ok(wish.instruments.iter().map(row).collect())
    }

    async fn quotes_in_turn(
        &self,
        vendors: &[VendorId],
        wish: &SyncWish,
        control: &Control<'_>,
    ) -> Result<Asked, ServiceError> {
        let mut asked = Asked::default();
        for vendor in vendors {
            let fetcher = match self.fetcher(*vendor, Arc::clone(&control.pace), control.limits) {
                Ok(fetcher) => fetcher,
                Err(error) if wish.vendor.is_none() => {
                    tracing::warn!(%vendor, %error, "a vendor cannot be asked for quotes");
                    continue;
                }
                Err(error) => return Err(error),
            };
            for exchange in Exchange::ALL {
                let is_open = |id: &InstrumentId| id.exchange == exchange && !asked.told.contains_key(id);
                let mut open: Vec<InstrumentId> = wish.instruments.iter().copied().filter(is_open).collect();
                open.sort();
                open.dedup();
                let has = fetcher.vendor().has(DataKind::Quotes, exchange);
                // Who has no key is passed over, unless it was named.
                let is_asked = has && (wish.vendor.is_some() || !fetcher.lacks_key());
                if open.is_empty() || !is_asked {
                    continue;
                }
                self.quotes_of(&fetcher, &open, &mut asked, control).await?;
            }
        }
        Ok(asked)
    }

    /// What one vendor tells of instruments of one exchange.
    pub(in crate::service) async fn quotes_of(
        &self,
        fetcher: &Fetcher,
        open: &[InstrumentId],
        asked: &mut Asked,
        control: &Control<'_>,
    ) -> Result<(), ServiceError> {
        let (vendor, mut left) = (fetcher.id(), open);
        while !left.is_empty() {
            let (group, rest) = left.split_at(GROUP.min(left.len()));
            let Some(_turn) = turn::take(self, vendor, &control.stop).await? else {
                asked.fail(left, &FetchError { vendor, why: Why::Canceled });
                return Ok(());
            };
            let (told, error) = ask(fetcher, group, control).await;
            asked.told.extend(told);
            match error {
                Some(error) if error.why.is_vendor_wide() => {
                    asked.fail(left, &error);
                    return Ok(());
                }
                Some(error) => asked.fail(group, &error),
                None => asked.fail(group, &FetchError { vendor, why: Why::NotFound }),
            }
            left = rest;
        }
        Ok(())
    }
}

/// The quotes of a group, its pages laid over each other, and why it ended before its end.
async fn ask(
    fetcher: &Fetcher,
    group: &[InstrumentId],
    control: &Control<'_>,
) -> (BTreeMap<InstrumentId, Told>, Option<FetchError>) {
    let meter = Meter::new(control);
    meter.begin(fetcher, "quotes".to_owned(), (0, 1), 1);
    let mut told: BTreeMap<InstrumentId, Told> = BTreeMap::new();
    let mut pages = match fetcher.pages(Ask::Quotes(group.to_vec())) {
        Ok(pages) => pages,
        Err(error) => return (told, Some(error)),
    };
    let error = loop {
        match meter.next(fetcher, &mut pages).await {
            Ok(Some(page)) => {
                let Payload::Quotes(quotes) = page.payload else { continue };
                for quote in quotes {
                    let (vendor, at) = (fetcher.id(), fetcher.now());
                    let known = told.remove(&quote.instrument).map(|(_, known, _)| known);
                    let quote = known.map_or_else(|| quote.clone(), |known| laid_over(known, &quote));
                    told.insert(quote.instrument, (vendor, quote, at));
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    told.retain(|_, (_, quote, _)| quote.last.is_some() || quote.bid.is_some() || quote.ask.is_some());
    (told, error)
}

/// One quote of two parts: what the first does not have, the second gives.
fn laid_over(first: VendorQuote, second: &VendorQuote) -> VendorQuote {
    VendorQuote {
        instrument: first.instrument,
        last: first.last.or(second.last),
        bid: first.bid.or(second.bid),
        ask: first.ask.or(second.ask),
        volume: first.volume.or(second.volume),
        previous_close: first.previous_close.or(second.previous_close),
        time: first.time.or(second.time),
        delayed_minutes: first.delayed_minutes.or(second.delayed_minutes),
        currency: first.currency.or_else(|| second.currency.clone()),
    }
}
