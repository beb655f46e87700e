//! Whether stored prices allow a split or dividend that somebody tells.
//!
//! A split divides raw prices on its day, and a dividend is less than the price before it and lowers it. Prices that say
//! otherwise refute it; where there are none around the day, nothing is said either way. Pure, and careful: a small split
//! or dividend is lost in a day's noise and is never refuted, and a large one only when the price plainly did not move by
//! it.

use chrono::{Days, NaiveDate};

use super::repair::told_twice;
use crate::domain::QuarantineReason as Reason;
use crate::domain::calendar::Calendar;
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar, SplitRatio};

/// Least size of a split, as a logarithm, that can be told from the market.
const SPLIT_LOG_MIN: f64 = 0.25;
/// A split is refuted when the price is farther from its step than this share of it, and that near to no step at all; a
/// dividend when the price fell by less than this share of it.
const REFUTED_SHARE: f64 = 0.5;
/// Least dividend, as a share of the price before it, that can be told from the market: regular ones never reach it.
const DIVIDEND_SHARE_MIN: f64 = 0.1;
/// Prices farther from the day than this say nothing of it.
pub const AROUND_DAYS: u64 = 15;

/// What prices say of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    Plausible,
    /// There are no prices around its day.
    Unknown,
    /// It cannot be.
    Refuted(Reason),
}

/// Prices to judge by, as they were served.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// One instrument's bars, oldest first.
    pub bars: &'a [DailyBar],
    /// In what terms.
    pub basis: Basis,
    /// In a series restated for splits: the newest session whose price has just been confirmed. Splits that come after
    /// it cannot be in the prices yet, so they must show as in raw ones.
    pub confirmed: Option<NaiveDate>,
}

/// Judges an action beside all that is told of its instrument.
pub fn judge(
    action: &CorporateAction,
    evidence: Evidence<'_>,
    all: &[CorporateAction],
    calendar: &Calendar,
) -> Verdict {
    if calendar.covers(action.date) && calendar.position_of(action.date).is_none() {
        return Verdict::Refuted(Reason::NotASession);
    }
    let at = evidence.bars.partition_point(|bar| bar.session < action.date);
    let near = |bar: &&DailyBar| {
        bar.session.signed_duration_since(action.date).num_days().unsigned_abs() <= AROUND_DAYS
    };
    let before = at.checked_sub(1).and_then(|last| evidence.bars.get(last)).filter(near);
    let after = evidence.bars.get(at).filter(near);
    let Some(before) = before else { return Verdict::Unknown };
    match action.kind {
        ActionKind::Dividend { amount, .. } => {
            judge_dividend(amount.to_f64(), before, after, evidence.basis, all)
        }
        ActionKind::Split(ratio) => {
            let Some(after) = after else { return Verdict::Unknown };
            let is_new = evidence.confirmed.is_some_and(|newest| action.date > newest);
            if evidence.basis != Basis::Raw && !is_new {
                return Verdict::Plausible;
            }
            let size = size_of(ratio);
            let step = libm::log(after.close.to_f64() / before.close.to_f64());
            let shows = (step + size).abs() <= REFUTED_SHARE * size.abs();
            let is_still = step.abs() < REFUTED_SHARE * size.abs();
            // The one of two equal splits that shows is kept by the rule for those.
            let is_twice = || told_twice(evidence.bars, all).contains(&action);
            if size.abs() >= SPLIT_LOG_MIN && !shows && is_still && !is_twice() {
                Verdict::Refuted(Reason::SplitNotSeen)
            } else {
                Verdict::Plausible
            }
        }
    }
}

/// Judges a dividend of a share by the bar before its day and the first one since.
fn judge_dividend(
    amount: f64,
    before: &DailyBar,
    after: Option<&DailyBar>,
    basis: Basis,
    all: &[CorporateAction],
) -> Verdict {
    let since = |bar: &DailyBar| splits_after(all, bar.session);
    // How many shares one became: since `before` where prices are restated for it, until `after` where they are not.
    let (restated, split) = match basis {
        Basis::Raw => (1.0, after.map_or(1.0, |after| since(before) / since(after))),
        Basis::Split => (since(before), 1.0),
        Basis::Total => return Verdict::Unknown,
    };
    let close = before.close.to_f64() * restated;
    if amount >= close {
        return Verdict::Refuted(Reason::DividendTooLarge);
    }
    // A dividend on the day of a consolidation is told per share after it.
    let share = amount * split.min(1.0) / close;
    if share < DIVIDEND_SHARE_MIN {
        return Verdict::Plausible;
    }
    let Some(after) = after else { return Verdict::Unknown };
    let price = after.open.min(after.close).to_f64() * split;
    let fell = 1.0 - price / before.close.to_f64();
    if fell < REFUTED_SHARE * share { Verdict::Refuted(Reason::DividendNotSeen) } else { Verdict::Plausible }
}

/// The days whose prices are needed to judge actions of some days.
pub fn around(actions: &[CorporateAction]) -> Option<(NaiveDate, NaiveDate)> {
    let dates = || actions.iter().map(|action| action.date);
    let (first, last) = (dates().min()?, dates().max()?);
    let days = Days::new(AROUND_DAYS);
    Some((first.checked_sub_days(days).unwrap_or(first), last.checked_add_days(days).unwrap_or(last)))
}

fn size_of(ratio: SplitRatio) -> f64 {
    libm::log(ratio.new.to_f64() / ratio.old.to_f64())
}

/// New shares for one old over the splits after a day.
fn splits_after(all: &[CorporateAction], day: NaiveDate) -> f64 {
    let later = all.iter().filter(|action| action.date > day);
    let ratio = |action: &CorporateAction| match action.kind {
        ActionKind::Split(ratio) => ratio.new.to_f64() / ratio.old.to_f64(),
        ActionKind::Dividend { .. } => 1.0,
    };
    later.map(ratio).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Exchange;
    use crate::domain::calendar::Calendars;
    use crate::market::import::{BarFile, BarRun};
    use crate::market::testing::shared;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn bar(date: &str, close: &str) -> DailyBar {
        DailyBar {
            instrument: "QAAA.XNYS".parse().unwrap(),
            session: day(date),
            open: close.parse().unwrap(),
            high: close.parse().unwrap(),
            low: close.parse().unwrap(),
            close: close.parse().unwrap(),
            volume: "1".parse().unwrap(),
            vwap: None,
        }
    }

    fn split(date: &str, new: &str, old: &str) -> CorporateAction {
        let kind = ActionKind::Split(SplitRatio { new: new.parse().unwrap(), old: old.parse().unwrap() });
        CorporateAction { instrument: "QAAA.XNYS".parse().unwrap(), date: day(date), kind }
    }

    fn paid(date: &str, amount: &str) -> CorporateAction {
        let kind = ActionKind::Dividend { amount: amount.parse().unwrap(), pay_date: day(date) };
        CorporateAction { instrument: "QAAA.XNYS".parse().unwrap(), date: day(date), kind }
    }

    /// What it is, the prices, their basis, the pay date, the action, and what is said of it.
    type Case<'a> = (&'a str, &'a [DailyBar], Basis, Option<&'a str>, CorporateAction, Verdict);

    #[test]
    fn prices_refute_what_they_plainly_do_not_show() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let flat = [bar("2024-06-05", "100"), bar("2024-06-06", "101"), bar("2024-06-07", "99")];
        let fell = [bar("2024-06-05", "100"), bar("2024-06-06", "101"), bar("2024-06-07", "0.102")];
        let half = [bar("2024-06-05", "100"), bar("2024-06-06", "101"), bar("2024-06-07", "62")];
        let (not_seen, too_large) =
            (Verdict::Refuted(Reason::SplitNotSeen), Verdict::Refuted(Reason::DividendTooLarge));
        let unseen = Verdict::Refuted(Reason::DividendNotSeen);
        let good = [bar("2024-06-06", "101"), bar("2024-06-07", "83")];
        let not_a_session = Verdict::Refuted(Reason::NotASession);
        let (ok, unknown) = (Verdict::Plausible, Verdict::Unknown);
        let cases: &[Case<'_>] = &[
            ("1000:1 in still prices", &flat, Basis::Raw, None, split("2024-06-07", "1000", "1"), not_seen),
            ("a true 1000:1", &fell, Basis::Raw, None, split("2024-06-07", "1000", "1"), ok),
            (
                "a reverse split nobody sees",
                &flat,
                Basis::Raw,
                None,
                split("2024-06-07", "1", "10"),
                not_seen,
            ),
            ("news on the day of a 2:1", &half, Basis::Raw, None, split("2024-06-07", "2", "1"), ok),
            ("a tenth more shares", &flat, Basis::Raw, None, split("2024-06-07", "11", "10"), ok),
            ("worked into the prices", &flat, Basis::Split, None, split("2024-06-07", "4", "1"), ok),
            (
                "not worked in and not seen",
                &flat,
                Basis::Split,
                Some("2024-06-06"),
                split("2024-06-07", "4", "1"),
                not_seen,
            ),
            (
                "not worked in yet",
                &fell,
                Basis::Split,
                Some("2024-06-06"),
                split("2024-06-07", "1000", "1"),
                ok,
            ),
            ("announced", &flat, Basis::Raw, None, split("2024-06-12", "4", "1"), unknown),
            ("long before", &flat, Basis::Raw, None, split("2020-06-12", "4", "1"), unknown),
            ("more than the price", &flat, Basis::Raw, None, paid("2024-06-07", "101"), too_large),
            ("nearly the price", &flat, Basis::Raw, None, paid("2024-06-07", "100"), unseen),
            ("a tenth of a price that stands", &flat, Basis::Raw, None, paid("2024-06-07", "10.2"), unseen),
            ("less than a tenth", &flat, Basis::Raw, None, paid("2024-06-07", "10"), ok),
            ("a third, and the price fell", &half, Basis::Raw, None, paid("2024-06-07", "33"), ok),
            ("a third on a day of good news", &good, Basis::Raw, None, paid("2024-06-07", "33"), ok),
            ("a large one in restated prices", &flat, Basis::Split, None, paid("2024-06-07", "40"), unseen),
            ("a large one announced", &flat, Basis::Raw, None, paid("2024-06-10", "40"), unknown),
            ("no price before", &flat, Basis::Raw, None, paid("2024-06-05", "1"), unknown),
            ("a Saturday", &flat, Basis::Raw, None, paid("2024-06-08", "1"), not_a_session),
        ];
        for (name, bars, basis, confirmed, action, verdict) in cases {
            let evidence = Evidence { bars, basis: *basis, confirmed: confirmed.map(day) };
            assert_eq!(judge(action, evidence, std::slice::from_ref(action), calendar), *verdict, "{name}");
        }
    }

    #[test]
    fn a_dividend_is_held_against_the_price_as_it_was_then() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        // Restated for a later 10:1 split: 10 was 100 then.
        let bars = [bar("2024-06-05", "10"), bar("2024-06-06", "5.1"), bar("2024-06-07", "5")];
        let evidence = Evidence { bars: &bars, basis: Basis::Split, confirmed: None };
        let all = [paid("2024-06-06", "50"), split("2024-07-08", "10", "1")];
        assert_eq!(judge(&all[0], evidence, &all, calendar), Verdict::Plausible);
        assert_eq!(judge(&all[0], evidence, &all[..1], calendar), Verdict::Refuted(Reason::DividendTooLarge));
        // On the day of a split, raw prices are compared as if it had not been. Nothing was paid here.
        for (amount, new, old, after, verdict) in [
            ("40", "10", "1", "10", Verdict::Refuted(Reason::DividendNotSeen)),
            ("40", "1", "10", "1000", Verdict::Plausible),
        ] {
            let bars = [bar("2024-06-06", "100"), bar("2024-06-07", after)];
            let evidence = Evidence { bars: &bars, basis: Basis::Raw, confirmed: None };
            let all = [paid("2024-06-07", amount), split("2024-06-07", new, old)];
            assert_eq!(judge(&all[0], evidence, &all, calendar), verdict, "{new}:{old}");
        }
    }

    #[test]
    fn a_split_told_twice_is_left_to_the_rule_for_those() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let bars = [bar("2024-06-05", "700"), bar("2024-06-06", "701"), bar("2024-06-07", "100")];
        let evidence = Evidence { bars: &bars, basis: Basis::Raw, confirmed: None };
        let all = [split("2024-06-06", "7", "1"), split("2024-06-07", "7", "1")];
        assert_eq!(judge(&all[0], evidence, &all, calendar), Verdict::Plausible);
        assert_eq!(judge(&all[0], evidence, &all[..1], calendar), Verdict::Refuted(Reason::SplitNotSeen));
    }

    #[test]
    fn of_three_thousand_real_actions_only_the_known_false_one_is_refuted() {
        let (Some(prices), Some(actions)) =
            (shared("market/us_daily_raw_2015_2017.csv.zst"), shared("market/us_actions_2015_2017.csv"))
        else {
            return;
        };
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let mut series: std::collections::BTreeMap<_, Vec<DailyBar>> = std::collections::BTreeMap::new();
        for page in BarRun::new(calendar.clone()).pages(BarFile::open_path(&prices).unwrap()) {
            for row in page.unwrap().rows {
                series.entry(row.value.bar.instrument).or_default().push(row.value.bar);
            }
        }
        series.values_mut().for_each(|bars| bars.sort_by_key(|bar| bar.session));
        let (mut refuted, mut count) = (Vec::new(), 0);
        for line in std::fs::read_to_string(actions).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let [symbol, date, _, _, _, factor, cash, kind] = fields[..] else { panic!("{line}") };
            let Ok(symbol) = symbol.parse() else { continue };
            let instrument = crate::domain::InstrumentId::new(symbol, Exchange::Xnys);
            let action = match kind {
                "dividend" => paid(date, cash),
                _ => split(date, "1", factor),
            };
            let action = CorporateAction { instrument, ..action };
            let Some(bars) = series.get(&instrument) else { continue };
            let evidence = Evidence { bars, basis: Basis::Raw, confirmed: None };
            count += 1;
            if let Verdict::Refuted(reason) =
                judge(&action, evidence, std::slice::from_ref(&action), calendar)
            {
                refuted.push((symbol.to_string(), date.to_owned(), reason));
            }
        }
        assert_eq!(refuted, [("NFLX".to_owned(), "2015-07-14".to_owned(), Reason::SplitNotSeen)]);
        assert!(count > 3_000, "{count}");
    }
}
