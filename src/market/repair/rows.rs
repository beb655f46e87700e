//! A series in one shape for judging: prices restated for splits, with what went ex on each row.

use chrono::NaiveDate;

use super::{Rule, Suspect};
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar};
use crate::domain::{Price, Volume};

/// Least daily noise that is assumed, as a log return.
const NOISE_MIN: f64 = 0.005;
/// Turns a median of magnitudes into a standard deviation of normal noise.
const NORMAL_OF_MEDIAN: f64 = 1.482_6;

/// One session.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub session: NaiveDate,
    /// Open, high, low and close restated for splits.
    pub ohlc: [f64; 4],
    /// Vendor's adjusted close as a share of its close.
    pub adjusted: Option<f64>,
    /// Product of new shares for one old over the splits that take effect on it.
    pub split: f64,
    /// The same over all later splits.
    pub later: f64,
    /// Dividends that go ex on it, in the terms of `ohlc`.
    pub dividend: f64,
    /// Capital gains in them.
    pub gain: f64,
}

impl Row {
    pub const fn close(&self) -> f64 {
        self.ohlc[3]
    }

    /// The middle of the row's prices.
    pub fn level(&self) -> f64 {
        self.ohlc.iter().sum::<f64>() / 4.0
    }

    pub fn scale(&mut self, scale: Scale) {
        self.ohlc = self.ohlc.map(|price| price * scale.price);
    }
}

/// What a wrong row is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub rule: Rule,
    pub price: f64,
    pub volume: f64,
}

/// `raw × factor`, rounded; `raw` where that is out of range.
fn scaled(raw: i64, factor: f64) -> i64 {
    let value = (raw as f64 * factor).round();
    if value.abs() < i64::MAX as f64 { value as i64 } else { raw }
}

impl Scale {
    pub fn of(self, bar: &DailyBar) -> DailyBar {
        let price = |price: Price| Price::from_raw(scaled(price.raw(), self.price));
        DailyBar {
            open: price(bar.open),
            high: price(bar.high),
            low: price(bar.low),
            close: price(bar.close),
            volume: Volume::from_raw(scaled(bar.volume.raw(), self.volume)),
            vwap: bar.vwap.map(price),
            ..*bar
        }
    }
}

/// The rows of a series whose dates are right.
pub(super) fn rows_of(bars: &[DailyBar], suspect: &Suspect<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = bars
        .iter()
        .enumerate()
        .map(|(index, bar)| Row {
            session: bar.session,
            ohlc: [bar.open, bar.high, bar.low, bar.close].map(Price::to_f64),
            adjusted: suspect.adjusted.get(index).copied().flatten().map(|a| a / bar.close.to_f64()),
            split: 1.0,
            later: 1.0,
            dividend: 0.0,
            gain: 0.0,
        })
        .collect();
    for action in suspect.actions {
        if let (ActionKind::Split(ratio), Some(row)) = (action.kind, row_on(&mut rows, action.date)) {
            row.split *= ratio.new.to_f64() / ratio.old.to_f64();
        }
    }
    let mut later = 1.0;
    for row in rows.iter_mut().rev() {
        row.later = later;
        later *= row.split;
        if suspect.basis == Basis::Raw {
            row.ohlc = row.ohlc.map(|price| price / row.later);
        }
    }
    for action in suspect.actions {
        if let (ActionKind::Dividend { amount, .. }, Some(row)) =
            (action.kind, row_on(&mut rows, action.date))
        {
            row.dividend += amount.to_f64() / row.later;
        }
    }
    for (date, gain) in suspect.gains {
        if let Some(row) = row_on(&mut rows, *date) {
            row.gain += gain;
        }
    }
    rows
}

/// The first row on or after a day, when there is a row before it.
fn row_on(rows: &mut [Row], date: NaiveDate) -> Option<&mut Row> {
    let at = rows.partition_point(|row| row.session < date);
    if at == 0 { None } else { rows.get_mut(at) }
}

/// Standard deviation of the log change from row to row, by the median of magnitudes: wrong rows do not move it.
pub(super) fn noise(rows: &[Row]) -> f64 {
    noise_of(rows.iter().map(Row::close))
}

/// The same of closes.
pub(super) fn noise_of(closes: impl Iterator<Item = f64> + Clone) -> f64 {
    let pairs = closes.clone().zip(closes.skip(1));
    let mut moves: Vec<f64> = pairs.map(|(a, b)| libm::log(b / a).abs()).collect();
    let middle = moves.len() / 2;
    let median = if moves.is_empty() { 0.0 } else { *moves.select_nth_unstable_by(middle, f64::total_cmp).1 };
    (median * NORMAL_OF_MEDIAN).max(NOISE_MIN)
}

/// A dividend while it is judged.
#[derive(Debug, Clone)]
pub(super) struct Dividend {
    /// Its place among the actions.
    pub action: usize,
    /// Row on which it goes ex.
    pub row: usize,
    /// Ex-date.
    pub date: NaiveDate,
    /// What the money was multiplied by so far.
    pub times: f64,
    /// Whether it is taken out.
    pub gone: bool,
}

impl Dividend {
    /// The action it has become; `None` when it is taken out.
    pub fn action(&self, served: &CorporateAction) -> Option<CorporateAction> {
        let ActionKind::Dividend { amount, pay_date } = served.kind else { return None };
        let pay_date = if pay_date == served.date { self.date } else { pay_date };
        let amount = Price::from_raw(scaled(amount.raw(), self.times));
        let kind = ActionKind::Dividend { amount, pay_date };
        (!self.gone).then_some(CorporateAction { date: self.date, kind, ..served.clone() })
    }
}

/// The actions with the dividends as they have become.
pub(super) fn back(dividends: Vec<Dividend>, suspect: &Suspect<'_>) -> Vec<CorporateAction> {
    let judged = |index: usize| dividends.iter().find(|d| d.action == index);
    let all = suspect.actions.iter().enumerate();
    all.filter_map(|(index, served)| judged(index).map_or_else(|| Some(served.clone()), |d| d.action(served)))
        .collect()
}
