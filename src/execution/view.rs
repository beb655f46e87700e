//! What the engine saw of the market since it started: last prices, standing quotes, market time.
//!
//! Never journaled as such. After a restart the last marked prices are back; quotes come with the next one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::facts::MarketFacts;
use crate::domain::{
    AccountId, ByInstrument, Exchange, InstrumentId, Money, Price, Quantity, Quote, UnixNanos,
};
use crate::risk::{Priced, Seen, Standing};

/// The market as seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct View {
    pub(super) seen: ByInstrument<Seen>,
    /// Where the last bar of an instrument ended: what lies before was played.
    #[serde(default, skip_serializing_if = "ByInstrument::is_empty")]
    pub(super) bars: ByInstrument<UnixNanos>,
    pub(super) clocks: BTreeMap<Exchange, UnixNanos>,
    pub(super) marked: BTreeMap<Exchange, UnixNanos>,
    pub(super) peaks: BTreeMap<AccountId, Money>,
    /// Wall time of the newest step or event.
    #[serde(default)]
    pub(super) wall: UnixNanos,
    /// Facts as they were told last.
    #[serde(skip)]
    pub(super) facts: MarketFacts,
}

impl View {
    /// What is known of every instrument's market.
    pub const fn seen(&self) -> &ByInstrument<Seen> {
        &self.seen
    }

    /// Last price of an instrument: a bar's close or a print.
    pub fn last(&self, instrument: InstrumentId) -> Option<Priced> {
        self.seen.get(&instrument).and_then(|seen| seen.last)
    }

    /// Standing quote of an instrument.
    pub fn quote(&self, instrument: InstrumentId) -> Option<Quote> {
        self.seen.get(&instrument).and_then(|seen| seen.quote).map(|s| s.quote)
    }

    pub(super) fn set_last(&mut self, instrument: InstrumentId, price: Price, time: UnixNanos) {
        self.seen.or_default(instrument).last = Some(Priced { price, time });
    }

    /// A bar of an instrument was played.
    pub(super) fn note_bar(&mut self, instrument: InstrumentId, end: UnixNanos) {
        let last = self.bars.or_default(instrument);
        *last = end.max(*last);
    }

    /// What was seen of an instrument counts under another symbol, unless that one was seen itself; no quote stands.
    pub(super) fn change_symbol(&mut self, from: InstrumentId, to: InstrumentId) {
        if let Some(end) = self.bars.remove(&from) {
            self.note_bar(to, end);
        }
        let Some(Seen { last: Some(last), .. }) = self.seen.remove(&from) else { return };
        self.seen.or_default(to).last.get_or_insert(last);
    }

    /// Takes in a quote. Size we took is gone until that side's price or size changes.
    pub(super) fn set_quote(&mut self, quote: Quote) {
        let seen = self.seen.or_default(quote.instrument);
        let old = seen.quote;
        let left = |same: bool, left: Option<Quantity>, size: Quantity| {
            if same { left.unwrap_or(size) } else { size }
        };
        let same_bid = old.is_some_and(|o| o.quote.bid == quote.bid && o.quote.bid_size == quote.bid_size);
        let same_ask = old.is_some_and(|o| o.quote.ask == quote.ask && o.quote.ask_size == quote.ask_size);
        seen.quote = Some(Standing {
            bid_left: left(same_bid, old.map(|o| o.bid_left), quote.bid_size),
            ask_left: left(same_ask, old.map(|o| o.ask_left), quote.ask_size),
            quote,
        });
    }
}
