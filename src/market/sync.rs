//! What is missing, and the cheapest way to get it. Pure: calendar, coverage and stored sessions in, steps out.
//!
//! A session is missing when its source was never asked for it, or lately answered without it while the days around
//! have rows: vendors are late. Where a vendor gives a whole market's day in one call, as many of the newest days are
//! asked for that way as makes the fewest calls.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::vendors::rows::SETTLED_AFTER_SECONDS;
use crate::domain::calendar::Calendar;
use crate::domain::market::{Basis, DailyBar, SplitRatio};
use crate::domain::{Exchange, InstrumentId, UnixNanos};

/// How far back a first fetch goes, in days.
pub const FIRST_DAYS: u64 = 5 * 366;
/// Newest sessions that are asked for again when they have no row.
const LATE_SESSIONS: usize = 10;
/// Days that hold that many sessions and one more.
const LATE_DAYS: Days = Days::new(30);
/// A new history must have so many of so many stored sessions.
const WHOLE_PARTS: usize = 9;
const WHOLE_OF: usize = 10;
/// Stored sessions that a fetch asks for again, to see whether the vendor has restated them.
pub const OVERLAP_SESSIONS: usize = 5;

/// What is known of one instrument and source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Days that were asked for, first and last of each span, in order.
    pub covered: Vec<(NaiveDate, NaiveDate)>,
    /// Sessions with a row, in order.
    pub stored: Vec<NaiveDate>,
    /// Whether the newest answer is too young to be asked for again.
    pub is_fresh: bool,
}

impl Held {
    fn covers(&self, date: NaiveDate) -> bool {
        self.covered.iter().any(|(from, to)| *from <= date && date <= *to)
    }

    /// First day for a fetch that names none: where the source begins, or [`FIRST_DAYS`] back.
    pub fn begin(&self, to: NaiveDate) -> NaiveDate {
        let known =
            self.covered.first().map(|(from, _)| *from).into_iter().chain(self.stored.first().copied());
        known.min().unwrap_or_else(|| to.checked_sub_days(Days::new(FIRST_DAYS)).unwrap_or(to))
    }

    /// The day from which a fetch that begins on `from` asks, so that it sees some stored sessions again.
    pub fn with_overlap(&self, from: NaiveDate) -> NaiveDate {
        let before: Vec<&NaiveDate> = self.stored.iter().rev().take(OVERLAP_SESSIONS).collect();
        before.last().map_or(from, |first| from.min(**first))
    }
}

/// The newest session whose bar is final at `now`.
pub fn last_over(calendar: &Calendar, now: UnixNanos) -> Option<NaiveDate> {
    let settled = now.plus_millis(-SETTLED_AFTER_SECONDS * 1_000);
    let today = calendar.date_at(now);
    match calendar.session_on(today) {
        Some(session) if session.close <= settled => Some(session.date),
        _ => calendar.previous_session(today).map(|session| session.date),
    }
}

/// Sessions of `from..=to` to ask for.
pub fn missing(calendar: &Calendar, from: NaiveDate, to: NaiveDate, held: &Held) -> Vec<NaiveDate> {
    let sessions = calendar.sessions_between(from, to);
    // Of the last weeks before `to`, however short the span is.
    let weeks = calendar.sessions_between(to.checked_sub_days(LATE_DAYS).unwrap_or(to), to);
    let late_from = weeks.iter().rev().nth(LATE_SESSIONS).map_or(from, |session| session.date);
    let stored: BTreeSet<NaiveDate> = held.stored.iter().copied().collect();
    // Without a row in the last weeks it is not late: it has stopped trading.
    let trades = held.stored.last().is_some_and(|last| *last >= late_from);
    let is_late = |date: NaiveDate| trades && !held.is_fresh && date > late_from && !stored.contains(&date);
    let dates = sessions.iter().map(|session| session.date);
    dates.filter(|date| !held.covers(*date) || is_late(*date)).collect()
}

/// The days that an answer stands for.
///
/// `good` are the sessions of its good rows, `refused` the days of rows that were refused (`None` where not even the
/// day can be read), `new` tells which days were asked for in earnest. An answer that ends long before the days asked
/// for stands for none behind its newest row; refused rows stand for their days only while most new rows are good.
pub fn answered(
    calendar: &Calendar,
    (from, to): (NaiveDate, NaiveDate),
    good: &BTreeSet<NaiveDate>,
    refused: &[Option<NaiveDate>],
    new: impl Fn(NaiveDate) -> bool,
) -> Vec<(NaiveDate, NaiveDate)> {
    if good.is_empty() && !refused.is_empty() {
        return Vec::new();
    }
    let behind = |newest: NaiveDate| newest.succ_opt().unwrap_or(newest);
    let next = good.last().map_or(from, |newest| behind(*newest)).max(from);
    let is_short = calendar.sessions_between(next, to).len() > LATE_SESSIONS;
    let end = if is_short { next.pred_opt().unwrap_or(next) } else { to };
    let good_new = good.iter().filter(|date| new(**date)).count();
    let bad: BTreeSet<NaiveDate> = refused.iter().flatten().copied().collect();
    let is_answer = |date: NaiveDate| good.contains(&date) || !bad.contains(&date);
    if from > end {
        return Vec::new();
    }
    if refused.len() <= good_new {
        return vec![(from, end)];
    }
    let knows_days = refused.iter().all(Option::is_some);
    let mut spans: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    let mut is_open = false;
    for date in from.iter_days().take_while(|date| *date <= end) {
        let answers = if knows_days { is_answer(date) } else { good.contains(&date) };
        match spans.last_mut() {
            Some(span) if answers && is_open => span.1 = date,
            _ if answers => spans.push((date, date)),
            _ => {}
        }
        is_open = answers;
    }
    spans
}

/// Spans of days without some of those days.
pub fn without(
    mut spans: Vec<(NaiveDate, NaiveDate)>,
    days: impl IntoIterator<Item = NaiveDate>,
) -> Vec<(NaiveDate, NaiveDate)> {
    for day in days {
        let (last, first) = (day.pred_opt().unwrap_or(day), day.succ_opt().unwrap_or(day));
        let parts = |(from, to): (NaiveDate, NaiveDate)| {
            let is_in = from <= day && day <= to;
            let parts =
                if is_in { [Some((from, last)), Some((first, to))] } else { [Some((from, to)), None] };
            parts.into_iter().flatten().filter(|(from, to)| from <= to)
        };
        spans = spans.into_iter().flat_map(parts).collect();
    }
    spans
}

/// The first session in some spans of days that others, in their order, leave out.
pub fn first_left_out(
    calendar: &Calendar,
    spans: &[(NaiveDate, NaiveDate)],
    others: &[(NaiveDate, NaiveDate)],
) -> Option<NaiveDate> {
    let first_in = |from: NaiveDate, to: NaiveDate| {
        let sessions = if from <= to { calendar.sessions_between(from, to) } else { Vec::new() };
        sessions.first().map(|session| session.date)
    };
    spans.iter().find_map(|(from, to)| {
        let mut next = *from;
        for (begin, end) in others {
            let before = begin.pred_opt().unwrap_or(*begin).min(*to);
            if let Some(left_out) = first_in(next, before) {
                return Some(left_out);
            }
            next = next.max(end.succ_opt().unwrap_or(*end));
        }
        first_in(next, *to)
    })
}

/// Whether a newer history may take the place of the stored one: it must reach as far on both ends and have most of its
/// sessions. The reason when it may not.
pub fn falls_short(stored: &[NaiveDate], bars: &[DailyBar]) -> Option<String> {
    let (old_first, old_last) = (stored.first()?, stored.last()?);
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return Some("it has no row".to_owned());
    };
    let (first, last) = (first.session, last.session);
    if first > *old_first || last < *old_last {
        return Some(format!("it has {first} to {last}, stored are {old_first} to {old_last}"));
    }
    let new: BTreeSet<NaiveDate> = bars.iter().map(|bar| bar.session).collect();
    let kept = stored.iter().filter(|date| new.contains(date)).count();
    let is_short = kept * WHOLE_OF < stored.len() * WHOLE_PARTS;
    is_short.then(|| format!("it has {kept} of the {} stored sessions", stored.len()))
}

/// One thing to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One instrument's days.
    One {
        /// Instrument.
        instrument: InstrumentId,
        /// First day.
        from: NaiveDate,
        /// Last day.
        to: NaiveDate,
    },
    /// One day of a whole exchange.
    Market {
        /// Exchange.
        exchange: Exchange,
        /// Session.
        date: NaiveDate,
        /// The instruments that need it.
        instruments: Vec<InstrumentId>,
    },
}

/// The steps with the fewest calls for instruments of one exchange and their missing sessions.
pub fn steps(
    exchange: Exchange,
    needs: &BTreeMap<InstrumentId, Vec<NaiveDate>>,
    has_grouped: bool,
) -> Vec<Step> {
    let days: BTreeSet<NaiveDate> = needs.values().flatten().copied().collect();
    let days: Vec<NaiveDate> = days.into_iter().rev().collect();
    let oldest: Vec<NaiveDate> = needs.values().filter_map(|days| days.first().copied()).collect();
    let cost = |grouped: usize| {
        let covered_from = grouped.checked_sub(1).and_then(|last| days.get(last)).copied();
        let alone = oldest.iter().filter(|first| covered_from.is_none_or(|from| **first < from)).count();
        grouped + alone
    };
    let most = if has_grouped { days.len().min(needs.len()) } else { 0 };
    // Of equally cheap ways the one with fewer grouped days: its answers are smaller.
    let grouped = (0..=most).min_by_key(|grouped| (cost(*grouped), *grouped)).unwrap_or(0);
    let together: BTreeSet<NaiveDate> = days.iter().take(grouped).copied().collect();
    let cutoff = together.first().copied();
    let mut steps: Vec<Step> = Vec::new();
    for (instrument, days) in needs {
        let older = |first: &NaiveDate| cutoff.is_none_or(|cutoff| *first < cutoff);
        if let (Some(from), Some(to)) = (days.first().copied().filter(older), days.last().copied()) {
            steps.push(Step::One { instrument: *instrument, from, to });
        }
    }
    for date in together {
        let wants = |(id, days): (&InstrumentId, &Vec<NaiveDate>)| {
            let alone = days.first().is_some_and(|first| cutoff.is_some_and(|cutoff| *first < cutoff));
            (!alone && days.binary_search(&date).is_ok()).then_some(*id)
        };
        let instruments: Vec<InstrumentId> = needs.iter().filter_map(wants).collect();
        if !instruments.is_empty() {
            steps.push(Step::Market { exchange, date, instruments });
        }
    }
    steps
}

/// Prices that differ by less than this share are rounding, not a restatement.
const RESTATED_SHARE: f64 = 0.01;
/// A restatement moves all prices alike: give or take this share.
const ALIKE_SHARE: f64 = 0.005;

/// A split explains a restatement when it is that ratio, give or take this share.
const EXPLAINED_SHARE: f64 = 0.02;
/// So many rows that all moved alike were restated; fewer only when they moved far.
const RESTATED_ROWS: usize = 3;
/// How far a single row may be corrected, as a share.
const CORRECTED_SHARE: f64 = 0.4;

/// Whether a newer answer restates what is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Restated {
    /// It does not.
    No,
    /// All prices were multiplied by this, as a split that is told does.
    BySplit(f64),
    /// All prices were multiplied by this, and no split that is told does so.
    Untold(f64),
}

/// What a newer answer does to stored closes of a basis; `splits` are those told around the days that both have.
pub fn restated(stored: &[DailyBar], fetched: &[DailyBar], basis: Basis, splits: &[SplitRatio]) -> Restated {
    let Some((ratio, rows)) = multiplied(stored, fetched) else { return Restated::No };
    let is_far = (ratio - 1.0).abs() > CORRECTED_SHARE;
    match basis {
        // Raw prices are never restated.
        Basis::Split | Basis::Total if is_explained(ratio, splits) => Restated::BySplit(ratio),
        _ if rows >= RESTATED_ROWS || is_far => Restated::Untold(ratio),
        Basis::Raw | Basis::Split | Basis::Total => Restated::No,
    }
}

/// Whether some neighbouring splits together divide prices by what a restatement multiplied them by.
fn is_explained(ratio: f64, splits: &[SplitRatio]) -> bool {
    (0..splits.len()).any(|first| {
        let mut product = ratio;
        splits.iter().skip(first).any(|split| {
            product *= split.new.to_f64() / split.old.to_f64();
            (product - 1.0).abs() < EXPLAINED_SHARE
        })
    })
}

/// What stored closes were multiplied by in a newer answer, when it moved them all alike, and how many it moved.
fn multiplied(stored: &[DailyBar], fetched: &[DailyBar]) -> Option<(f64, usize)> {
    let fetched: BTreeMap<NaiveDate, f64> =
        fetched.iter().map(|bar| (bar.session, bar.close.to_f64())).collect();
    let ratios: Vec<f64> = stored
        .iter()
        .filter_map(|bar| fetched.get(&bar.session).map(|close| close / bar.close.to_f64()))
        .collect();
    let mut sorted = ratios.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied()?;
    let alike = ratios.iter().filter(|ratio| (*ratio / middle - 1.0).abs() < ALIKE_SHARE).count();
    // One row may have been corrected besides.
    let is_all = alike * 3 >= ratios.len() * 2;
    ((middle - 1.0).abs() > RESTATED_SHARE && is_all).then_some((middle, alike))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Calendars;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn id(number: usize) -> InstrumentId {
        format!("S{number:03}.XNYS").parse().unwrap()
    }

    #[test]
    fn what_was_never_asked_for_is_missing_and_closed_days_are_not() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let held = Held { covered: vec![(day("2024-07-01"), day("2024-07-02"))], ..Held::default() };
        let seen = missing(calendar, day("2024-06-28"), day("2024-07-08"), &held);
        assert_eq!(seen, ["2024-06-28", "2024-07-03", "2024-07-05", "2024-07-08"].map(day));
    }

    #[test]
    fn the_first_session_left_out_is_found_and_closed_days_are_none() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let left_out = |spans: &[(&str, &str)], others: &[(&str, &str)]| {
            let days = |spans: &[(&str, &str)]| -> Vec<_> {
                spans.iter().map(|(from, to)| (day(from), day(to))).collect()
            };
            first_left_out(calendar, &days(spans), &days(others)).map(|day| day.to_string())
        };
        let bars = [("2024-06-03", "2024-06-28"), ("2024-07-08", "2024-07-12")];
        assert_eq!(left_out(&bars, &[]).as_deref(), Some("2024-06-03"));
        assert_eq!(left_out(&bars, &[("2024-05-27", "2024-06-13")]).as_deref(), Some("2024-06-14"));
        let weekend_between = [("2024-06-01", "2024-06-14"), ("2024-06-17", "2024-06-30")];
        assert_eq!(left_out(&bars, &weekend_between).as_deref(), Some("2024-07-08"));
        assert_eq!(left_out(&bars, &[("2024-06-01", "2024-07-31")]), None);
        assert_eq!(left_out(&[], &weekend_between), None);
    }

    #[test]
    fn a_late_row_is_asked_for_again_and_an_old_hole_is_not() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let (from, to) = (day("2024-01-02"), day("2024-03-28"));
        let mut stored: Vec<NaiveDate> = calendar.sessions_between(from, to).iter().map(|s| s.date).collect();
        stored.retain(|date| *date != day("2024-01-10") && *date != day("2024-03-27"));
        let mut held = Held { covered: vec![(from, to)], stored, is_fresh: false };
        assert_eq!(missing(calendar, from, to, &held), [day("2024-03-27")]);
        let only = missing(calendar, day("2024-03-27"), day("2024-03-27"), &held);
        assert_eq!(only, [day("2024-03-27")], "asked for alone, too");
        held.is_fresh = true;
        assert!(missing(calendar, from, to, &held).is_empty());
        held.is_fresh = false;
        held.stored.truncate(5);
        assert!(missing(calendar, from, to, &held).is_empty(), "it has stopped trading");
        assert_eq!(held.begin(to), from);
        assert_eq!(held.with_overlap(day("2024-03-28")), day("2024-01-02"));
    }

    #[test]
    fn a_restatement_moves_all_closes_alike() {
        let bar = |date: &str, close: &str| DailyBar {
            instrument: id(0),
            session: day(date),
            open: close.parse().unwrap(),
            high: close.parse().unwrap(),
            low: close.parse().unwrap(),
            close: close.parse().unwrap(),
            volume: "1".parse().unwrap(),
            vwap: None,
        };
        let stored =
            [bar("2024-06-05", "1224.4"), bar("2024-06-06", "1209.98"), bar("2024-06-07", "1208.88")];
        let by = |ratio: &str, new: &[DailyBar], basis| {
            let (new_shares, old) = ratio.split_once(':').unwrap();
            let split = SplitRatio { new: new_shares.parse().unwrap(), old: old.parse().unwrap() };
            restated(&stored, new, basis, &[split])
        };
        assert_eq!(by("10:1", &stored, Basis::Split), Restated::No);
        let tenth = [bar("2024-06-05", "122.44"), bar("2024-06-06", "120.998"), bar("2024-06-07", "120.888")];
        assert!(matches!(by("10:1", &tenth, Basis::Split), Restated::BySplit(r) if (r - 0.1).abs() < 1e-6));
        assert!(matches!(by("7:1", &tenth, Basis::Split), Restated::Untold(_)), "another split is no reason");
        assert!(matches!(by("10:1", &tenth, Basis::Raw), Restated::Untold(_)), "raw prices stay");
        assert!(matches!(restated(&stored, &tenth, Basis::Split, &[]), Restated::Untold(_)));
        let corrected = [stored[0], stored[1], bar("2024-06-07", "1100")];
        assert_eq!(by("10:1", &corrected, Basis::Split), Restated::No);
        let one = [bar("2024-06-07", "1180")];
        assert_eq!(by("10:1", &one, Basis::Raw), Restated::No, "one row is a correction");
        assert_eq!(
            by("10:1", &[bar("2024-06-10", "121.79")], Basis::Split),
            Restated::No,
            "nothing in common"
        );
        let two: SplitRatio = SplitRatio { new: "2".parse().unwrap(), old: "1".parse().unwrap() };
        let five: SplitRatio = SplitRatio { new: "5".parse().unwrap(), old: "1".parse().unwrap() };
        assert!(matches!(restated(&stored, &tenth, Basis::Split, &[two, five]), Restated::BySplit(_)));
    }

    #[test]
    fn a_history_that_is_shorter_never_takes_the_place_of_a_longer_one() {
        let bar = |date: &NaiveDate| DailyBar {
            instrument: id(0),
            session: *date,
            open: "1".parse().unwrap(),
            high: "1".parse().unwrap(),
            low: "1".parse().unwrap(),
            close: "1".parse().unwrap(),
            volume: "1".parse().unwrap(),
            vwap: None,
        };
        let stored: Vec<NaiveDate> = day("2024-01-01").iter_days().take(100).collect();
        let bars = |days: &[NaiveDate]| days.iter().map(bar).collect::<Vec<_>>();
        assert_eq!(falls_short(&stored, &bars(&stored)), None);
        assert_eq!(falls_short(&[], &bars(&stored)), None);
        for (from, to) in [(1, 100), (0, 99), (88, 100)] {
            assert!(falls_short(&stored, &bars(&stored[from..to])).is_some(), "{from} {to}");
        }
        assert!(falls_short(&stored, &[]).is_some());
        let holes: Vec<NaiveDate> =
            stored.iter().enumerate().filter(|(i, _)| i % 3 == 0).map(|(_, d)| *d).collect();
        let said = falls_short(&stored, &bars(&holes)).unwrap();
        assert!(said.contains("34 of the 100"), "{said}");
    }

    #[test]
    fn an_answer_stands_for_the_days_of_its_good_rows_and_no_others() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let asked = (day("2024-01-01"), day("2024-03-28"));
        let good = |from: &str, to: &str| -> BTreeSet<NaiveDate> {
            calendar.sessions_between(day(from), day(to)).iter().map(|s| s.date).collect()
        };
        let told = |good: &BTreeSet<NaiveDate>, bad: &[Option<NaiveDate>]| {
            let spans = answered(calendar, asked, good, bad, |_| true);
            spans.iter().map(|(from, to)| format!("{from}..{to}")).collect::<Vec<_>>()
        };
        assert_eq!(told(&good("2024-01-02", "2024-03-28"), &[]), ["2024-01-01..2024-03-28"]);
        assert_eq!(told(&good("2024-02-20", "2024-03-26"), &[]), ["2024-01-01..2024-03-28"], "listed since");
        assert_eq!(told(&good("2024-01-02", "2024-01-31"), &[]), ["2024-01-01..2024-01-31"], "it ends there");
        assert!(told(&BTreeSet::new(), &[Some(day("2024-01-02"))]).is_empty(), "nothing good");
        assert!(told(&BTreeSet::new(), &[]).is_empty(), "months of nothing");
        let quiet = answered(calendar, (day("2024-03-25"), asked.1), &BTreeSet::new(), &[], |_| true);
        assert_eq!(quiet, [(day("2024-03-25"), asked.1)], "a few days without a trade");
        let bad: Vec<_> = good("2024-01-03", "2024-03-27").into_iter().map(Some).collect();
        let few: BTreeSet<NaiveDate> = [day("2024-01-02"), day("2024-03-28")].into();
        let spans = told(&few, &bad);
        assert!(spans.first().is_some_and(|s| s == "2024-01-01..2024-01-02"), "{spans:?}");
        assert!(spans.iter().all(|span| !span.contains("2024-02-05")), "{spans:?}");
        assert_eq!(told(&few, &[None, None, None]), ["2024-01-02..2024-01-02", "2024-03-28..2024-03-28"]);
        let one_bad = told(&good("2024-01-02", "2024-03-28"), &[Some(day("2024-02-05"))]);
        assert_eq!(one_bad, ["2024-01-01..2024-03-28"], "one bad row among many is an answer");
    }

    #[test]
    fn a_day_is_final_some_time_after_its_close() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xasx);
        let close = calendar.session_on(day("2024-04-05")).unwrap().close;
        assert_eq!(last_over(calendar, close), Some(day("2024-04-04")));
        assert_eq!(last_over(calendar, close.plus_millis(30 * 60_000)), Some(day("2024-04-05")));
        assert_eq!(last_over(calendar, close.plus_millis(86_400_000)), Some(day("2024-04-05")), "a weekend");
    }

    #[test]
    fn a_new_day_of_many_names_is_one_call_and_years_of_one_name_are_one_call() {
        let needs = |names: usize, days: &[&str]| -> BTreeMap<_, _> {
            let days: Vec<NaiveDate> = days.iter().map(|d| day(d)).collect();
            (0..names).map(|n| (id(n), days.clone())).collect()
        };
        let two = needs(500, &["2024-07-02", "2024-07-03"]);
        let plan = steps(Exchange::Xnys, &two, true);
        assert_eq!(plan.len(), 2);
        assert!(matches!(&plan[1], Step::Market { date, instruments, .. }
            if *date == day("2024-07-03") && instruments.len() == 500));
        assert_eq!(steps(Exchange::Xnys, &two, false).len(), 500);
        let one = needs(1, &["2024-07-02", "2024-07-03"]);
        let alone = Step::One { instrument: id(0), from: day("2024-07-02"), to: day("2024-07-03") };
        assert_eq!(steps(Exchange::Xnys, &one, true), [alone]);
    }

    #[test]
    fn one_new_name_among_many_does_not_cost_years_of_grouped_days() {
        let calendars = Calendars::bundled().unwrap();
        let sessions = calendars.of(Exchange::Xnys).sessions_between(day("2019-07-01"), day("2024-07-03"));
        let all: Vec<NaiveDate> = sessions.iter().map(|s| s.date).collect();
        let mut needs: BTreeMap<_, _> = (0..499).map(|n| (id(n), vec![day("2024-07-03")])).collect();
        needs.insert(id(499), all.clone());
        let plan = steps(Exchange::Xnys, &needs, true);
        let alone = Step::One { instrument: id(499), from: all[0], to: day("2024-07-03") };
        assert_eq!((plan.len(), &plan[0]), (2, &alone));
        assert!(matches!(&plan[1], Step::Market { instruments, .. } if instruments.len() == 499));
    }
}
