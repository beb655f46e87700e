//! From a session's [`Day`]s to what the rest of the house stores: bars, actions, fundamentals, headlines.
//!
//! Nothing here draws prices; it only says in domain types what the process decided. Fundamentals carry the day
//! on which they became known; per-share figures are restated on the day of a split. Bars are raw.

use crate::domain::market::{ActionKind, CorporateAction, DailyBar, Fundamental, Headline, SplitRatio};
use crate::domain::{CleanText, InstrumentId, Price, Quantity, Volume};
use chrono::NaiveDate;

use super::calendar::date_of;
use super::news;
use super::process::{Day, Figures, first_figures, first_known};
use super::universe::Universe;

/// Raw units of a price per cent.
pub const CENT_RAW: i64 = Price::ONE_RAW / 100;
/// Sessions from a dividend's ex-date to its payment.
const PAY_SESSIONS: u32 = 15;

/// What became known, oldest first.
#[derive(Debug, Default)]
pub struct Facts {
    /// Daily bars by session, then instrument.
    pub bars: Vec<DailyBar>,
    /// Splits and dividends by ex-date, then instrument.
    pub actions: Vec<CorporateAction>,
    /// Figures by day known, then instrument (those known before history come first).
    pub fundamentals: Vec<Fundamental>,
    /// Headlines by time.
    pub headlines: Vec<Headline>,
}

impl Facts {
    /// What was known before the first session: one report a name.
    pub fn before_history(universe: &Universe) -> Self {
        let mut facts = Self::default();
        let figures = first_figures(universe);
        for ((instrument, traits), figures) in universe.instruments.iter().zip(&universe.traits).zip(&figures)
        {
            let (period_end, known_at) = first_known(traits);
            facts.add_figures(instrument.id, known_at, period_end, figures);
        }
        facts
    }

    /// Adds what session number `index` made known.
    pub fn add_session(&mut self, universe: &Universe, index: u32, days: &[Day]) {
        let session = date_of(index);
        let first_headline = self.headlines.len();
        for (number, (instrument, day)) in universe.instruments.iter().zip(days).enumerate() {
            let id = instrument.id;
            self.bars.push(bar(id, session, day));
            self.add_actions(id, index, day);
            if let Some(report) = &day.report {
                self.add_figures(id, session, report.period_end, &report.figures);
            }
            if let Some((period_end, figures)) = &day.restated {
                self.add_figures(id, session, *period_end, figures);
            }
            let desk = news::Desk {
                seed: universe.seed,
                index,
                number: number as u64,
                instrument,
                templates: &universe.templates,
            };
            desk.write(day, &mut self.headlines);
        }
        if let Some(added) = self.headlines.get_mut(first_headline..) {
            added.sort_by_key(|h| (h.time, h.instrument));
        }
    }

    fn add_actions(&mut self, instrument: InstrumentId, index: u32, day: &Day) {
        let date = date_of(index);
        if let Some((new, old)) = day.split {
            self.actions.push(CorporateAction { instrument, date, kind: ActionKind::Split(ratio(new, old)) });
        }
        if day.dividend > 0 {
            let amount = price(day.dividend);
            let pay_date = date_of(index + PAY_SESSIONS);
            self.actions.push(CorporateAction {
                instrument,
                date,
                kind: ActionKind::Dividend { amount, pay_date },
            });
        }
    }

    fn add_figures(&mut self, id: InstrumentId, known_at: NaiveDate, period_end: NaiveDate, f: &Figures) {
        let fields = [
            ("eps", f.eps, 4),
            ("book_value", f.book_value, 4),
            ("sales", f.sales, 4),
            ("cash_flow", f.cash_flow, 4),
            ("dividend", f.dividend, 4),
            ("shares", f.shares, 0),
        ];
        self.fundamentals.extend(fields.map(|(field, value, places)| Fundamental {
            instrument: id,
            known_at,
            period_end,
            field: CleanText::new(field),
            value: rounded(value, places),
        }));
    }
}

fn rounded(value: f64, places: u32) -> f64 {
    let unit = f64::from(10_u32.pow(places));
    libm::floor(value * unit + 0.5) / unit
}

/// A price of whole cents.
pub fn price(cents: i64) -> Price {
    Price::from_raw(cents * CENT_RAW)
}

/// A quantity of whole shares.
pub fn shares(count: i64) -> Quantity {
    Quantity::from_raw(count * Quantity::ONE_RAW)
}

fn ratio(new: i64, old: i64) -> SplitRatio {
    SplitRatio { new: shares(new), old: shares(old) }
}

/// The daily bar of a day. `vwap` is the mean of open, high, low and close: the process has no finer truth.
fn bar(instrument: InstrumentId, session: NaiveDate, day: &Day) -> DailyBar {
    let [open, high, low, close] = day.ohlc;
    DailyBar {
        instrument,
        session,
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(close),
        volume: Volume::from_raw(day.volume * Volume::ONE_RAW),
        vwap: Some(Price::from_raw((open + high + low + close) * (CENT_RAW / 4))),
    }
}
