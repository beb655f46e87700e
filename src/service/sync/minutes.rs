//! Minutes of one instrument from one vendor, page by page: of sessions that are over, as they were traded.
//!
//! A page is one transaction with its refused rows and the days that it answers for; the newest day of a page that is not
//! the last goes on in the next, so it counts from there. Minutes that a vendor restates for splits are put back into the
//! terms of their day by the vendor's own splits: what is stored never changes its terms. A vendor that keeps minutes for
//! some days only is asked for no others. The live feed stores what it missed the same way.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::domain::calendar::Calendar;
use crate::domain::market::{ActionKind, Basis, CorporateAction, MinuteBar, SplitRatio};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, Quarantined, UnixNanos};
use crate::market::fetch::{FetchError, Fetcher, Why};
use crate::market::intraday::as_traded;
use crate::market::sync::{Held, answered, first_left_out, last_over, without};
use crate::market::vendors::{Ask, Minutes, Page, Payload, registry};
use crate::store::market as store;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::Bars;
use super::page::{Kept, stored_quarantine};
use super::report::SyncRow;
use super::run::{Fault, Run};

/// Sessions of a first fetch that names no day.
const FIRST_SESSIONS: usize = 5;
/// A later fetch that names no day begins with the first session that the source lacks, but not farther back than this.
const GO_ON: Days = Days::new(30);
/// The newest sessions that are over of which so many refused minutes are asked for again by each run; of an older one
/// they are only with `--again`, or when a person has a minute fetched again.
const ASKED_AGAIN_SESSIONS: usize = 3;
/// Days back in which it is looked for sessions that have minutes.
const LOOK_BACK: Days = Days::new(30);
/// The job under which rows are quarantined.
const JOB: &str = "sync minutes";

/// A page of minutes on its way to the store.
#[derive(Debug)]
pub(in crate::service) struct MinutesPage<'p> {
    /// Who gave it.
    pub vendor: VendorId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Minutes, as they were traded.
    pub bars: &'p [MinuteBar],
    /// Rows that were bad in themselves.
    pub rejected: &'p [Quarantined],
    /// Days that it answers for.
    pub covered: &'p [(NaiveDate, NaiveDate)],
    /// The job under which the bad rows are kept.
    pub job: &'p str,
    /// When it came.
    pub at: UnixNanos,
}

impl House {
    /// Stores a page of minutes in one transaction.
    pub(in crate::service) fn keep_minutes(
        &self,
        page: &MinutesPage<'_>,
    ) -> Result<store::MinuteOutcome, ServiceError> {
        let covered = |(from, to): &(NaiveDate, NaiveDate)| store::Covered {
            instrument: page.instrument,
            source: CleanText::new(page.vendor.as_str()),
            kind: DataKind::Minutes,
            from: *from,
            to: *to,
            at: page.at,
        };
        let fetched = store::FetchedMinutes {
            minutes: page.bars.iter().map(|bar| (page.instrument, *bar)).collect(),
            quarantine: page.rejected.iter().map(|row| stored_quarantine(page.job, row)).collect(),
            covered: page.covered.iter().map(covered).collect(),
        };
        Ok(lock(self.market_store()).store_fetched_minutes(page.vendor.as_str(), &fetched, page.at)?)
    }
}

/// The first day of a fetch that names none.
pub(super) fn begin(calendar: &Calendar, held: &Held, to: NaiveDate) -> NaiveDate {
    let oldest = to.checked_sub_days(GO_ON).unwrap_or(to);
    let sessions = calendar.sessions_between(oldest, to);
    let first = sessions.iter().rev().nth(FIRST_SESSIONS - 1).or(sessions.first());
    let first = first.map_or(oldest, |session| session.date);
    let known = held.covered.first().map(|(begin, _)| (oldest.max(*begin), to));
    let left_out = first_left_out(calendar, known.as_slice(), &held.covered);
    left_out.map_or(first, |left_out| first.min(left_out))
}

/// The first session of which refused minutes are asked for again; `newest` is the last one that is over.
fn settled(calendar: &Calendar, newest: NaiveDate) -> NaiveDate {
    let older = |day: NaiveDate, _| calendar.previous_session(day).map_or(day, |session| session.date);
    (1..ASKED_AGAIN_SESSIONS).fold(newest, older)
}

/// Good and bad rows of an answer so far, by day.
#[derive(Debug, Default)]
struct Tally {
    of_day: BTreeMap<NaiveDate, (usize, usize)>,
    /// Bad rows whose day cannot be read.
    of_no_day: usize,
    /// Reason of the first bad row.
    first: Option<&'static str>,
}

impl Tally {
    fn take(&mut self, calendar: &Calendar, bars: &[MinuteBar], rejected: &[Quarantined]) {
        for bar in bars {
            self.of_day.entry(calendar.date_at(bar.from)).or_default().0 += 1;
        }
        for row in rejected {
            self.first.get_or_insert(row.reason.code());
            match row.date.as_str().parse().ok().map(|time| calendar.date_at(time)) {
                Some(day) => self.of_day.entry(day).or_default().1 += 1,
                None => self.of_no_day += 1,
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.of_day.is_empty() && self.of_no_day == 0
    }

    fn good(&self) -> usize {
        self.of_day.values().map(|(good, _)| good).sum()
    }

    fn bad(&self) -> usize {
        self.of_day.values().map(|(_, bad)| bad).sum::<usize>() + self.of_no_day
    }

    /// The days of a span that were answered for: a day most of whose rows were refused was not, unless it is before
    /// `settled` and the vendor has good rows of others: then it has no better ones of that day.
    fn answered(
        &self,
        calendar: &Calendar,
        asked: (NaiveDate, NaiveDate),
        settled: NaiveDate,
    ) -> Vec<(NaiveDate, NaiveDate)> {
        let is_good = |(good, bad): &(usize, usize)| good > bad;
        let good = self.of_day.iter().filter(|(_, rows)| is_good(rows)).map(|(day, _)| *day).collect();
        let is_settled = |day: &NaiveDate| *day < settled && self.good() > 0;
        let bad = || {
            let bad = self.of_day.iter().filter(|(_, rows)| !is_good(rows)).map(|(day, _)| *day);
            bad.filter(|day| !is_settled(day))
        };
        let refused: Vec<Option<NaiveDate>> =
            bad().map(Some).chain(std::iter::repeat_n(None, self.of_no_day)).collect();
        without(answered(calendar, asked, &good, &refused, |_| true), bad())
    }
}

impl Run<'_> {
    /// Sessions of the last weeks of which a source has minutes, in order.
    pub(super) fn sessions_with_minutes(
        &self,
        reader: &store::MarketReader,
        instrument: InstrumentId,
        source: &str,
    ) -> Result<Vec<NaiveDate>, ServiceError> {
        let calendar = self.house.calendars().of(instrument.exchange);
        let today = calendar.date_at(self.control.pace.now());
        let from = today.checked_sub_days(LOOK_BACK).unwrap_or(today);
        let mut with = Vec::new();
        for session in calendar.sessions_between(from, today) {
            if reader.has_minutes(instrument, source, (session.open, session.close))? {
                with.push(session.date);
            }
        }
        Ok(with)
    }

    /// Whether a vendor still keeps the first day that is wished; all days where none is named.
    pub(super) fn keeps_first_day(&self, vendor: VendorId) -> bool {
        let vendor = registry::vendor(vendor, self.house.calendars());
        let bound = vendor.minute_days_max().filter(|_| self.wish.bars == Bars::Minutes);
        let Some((first, days)) = self.wish.from.zip(bound) else { return true };
        let today = self.control.pace.now().to_datetime().date_naive();
        today.checked_sub_days(Days::new(days)).is_none_or(|kept| kept <= first)
    }

    /// The first day that a vendor keeps, where it names a bound for what is wished.
    pub(super) fn first_kept(&self, fetcher: &Fetcher, exchange: Exchange) -> Option<NaiveDate> {
        let days = fetcher.vendor().minute_days_max().filter(|_| self.wish.bars == Bars::Minutes)?;
        self.house.calendars().of(exchange).date_at(fetcher.now()).checked_sub_days(Days::new(days))
    }

    /// Why a vendor has nothing of the days up to `to`: it no longer keeps them.
    pub(super) fn too_old(&self, fetcher: &Fetcher, exchange: Exchange, to: NaiveDate) -> Option<Why> {
        let days = fetcher.vendor().minute_days_max()?;
        self.first_kept(fetcher, exchange).filter(|first| to < *first).map(|_| Why::TooOld { days })
    }

    /// What is said of the days that a vendor no longer keeps.
    pub(super) fn left_out(&self, fetcher: &Fetcher, instrument: InstrumentId, wanted: NaiveDate) -> String {
        let first = self.first_kept(fetcher, instrument.exchange).filter(|first| wanted < *first);
        first.map_or_else(String::new, |first| format!("{} keeps minutes from {first} on only", fetcher.id()))
    }

    /// The minutes of some days, each page stored as it comes.
    pub(super) async fn minutes(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        held: &Held,
        (first, last): (NaiveDate, NaiveDate),
        row: &mut SyncRow,
    ) -> Result<(), Fault> {
        let (vendor, house) = (fetcher.id(), self.house);
        let calendar = house.calendars().of(instrument.exchange);
        let fault = |why| Fault::Fetch(FetchError { vendor, why });
        let mut pages = fetcher.pages(Ask::Minutes { instrument, from: first, to: last })?;
        let (mut reached, mut tally, mut splits) = (first, Tally::default(), None);
        let settled = last_over(calendar, fetcher.now()).map_or(first, |newest| settled(calendar, newest));
        loop {
            let got = self.next(fetcher, &mut pages).await?;
            let is_end = got.is_none() || !pages.has_more();
            let (minutes, rejected) = match got.map(minutes_of) {
                Some(Some(got)) => got,
                Some(None) => {
                    return Err(fault(Why::Malformed(
                        "minutes were asked for and something else came".into(),
                    )));
                }
                None => (Minutes { instrument, basis: Basis::Raw, bars: Vec::new() }, Vec::new()),
            };
            if minutes.basis != Basis::Raw && splits.is_none() {
                splits = Some(self.splits_since(fetcher, instrument, first).await?);
            }
            let told = splits.as_deref().filter(|_| minutes.basis != Basis::Raw).unwrap_or_default();
            let bars = as_traded(minutes.bars, calendar, told);
            tally.take(calendar, &bars, &rejected);
            let newest = bars.last().map(|bar| calendar.date_at(bar.from));
            let end = if is_end { Some(last) } else { newest.and_then(|newest| newest.pred_opt()) };
            let is_answer = !tally.is_empty() || !held.stored.is_empty() || !held.covered.is_empty();
            let asked = end.filter(|end| is_answer && reached <= *end).map(|end| (reached, end));
            let covered = asked.map(|asked| tally.answered(calendar, asked, settled)).unwrap_or_default();
            let (bars, rejected, covered) = (bars.as_slice(), rejected.as_slice(), covered.as_slice());
            let at = fetcher.now();
            let page = MinutesPage { vendor, instrument, bars, rejected, covered, job: JOB, at };
            let outcome = house.keep_minutes(&page)?;
            self.count_minutes(row, outcome, rejected);
            reached = asked.and_then(|(_, end)| end.succ_opt()).unwrap_or(reached);
            if is_end {
                return match tally.first {
                    _ if !is_answer => Err(fault(Why::NotFound)),
                    Some(first) if tally.good() == 0 => {
                        Err(fault(Why::NothingGood { rows: tally.bad(), first }))
                    }
                    _ => Ok(()),
                };
            }
        }
    }

    /// The splits since a day, as a vendor tells them that restates its minutes for them.
    async fn splits_since(
        &mut self,
        fetcher: &Fetcher,
        instrument: InstrumentId,
        from: NaiveDate,
    ) -> Result<Vec<(NaiveDate, SplitRatio)>, Fault> {
        let to = self.house.calendars().of(instrument.exchange).date_at(fetcher.now());
        let told = match self.action_pages(fetcher, Ask::Splits { instrument, from, to }).await {
            Ok(told) => told,
            Err(Fault::Fetch(FetchError { why: Why::NotFound, .. })) => Vec::new(),
            Err(fault) => return Err(fault),
        };
        let split = |action: &CorporateAction| match action.kind {
            ActionKind::Split(ratio) => Some((action.date, ratio)),
            ActionKind::Dividend { .. } => None,
        };
        Ok(told.iter().filter_map(split).collect())
    }

    fn count_minutes(&mut self, row: &mut SyncRow, outcome: store::MinuteOutcome, rejected: &[Quarantined]) {
        let store::MinuteOutcome { stored, revised, unchanged } = outcome;
        row.stored += stored;
        row.revised += revised;
        row.unchanged += unchanged;
        let outcome = store::PageOutcome { stored, revised, unchanged, ..store::PageOutcome::default() };
        self.count_actions(row, &Kept { outcome, quarantine: rejected.to_vec(), ..Kept::default() });
    }
}

fn minutes_of(page: Page) -> Option<(Minutes, Vec<Quarantined>)> {
    match page.payload {
        Payload::Minutes(minutes) => Some((minutes, page.rejected)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Calendars;
    use crate::domain::{Price, QuarantineReason, Volume};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_fetch_that_names_no_day_begins_with_what_the_source_lacks_within_bounds() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let to = day("2024-07-05");
        let from = |end: Option<&str>| {
            let covered = end.map(|end| (day("2024-01-02"), day(end))).into_iter().collect();
            begin(calendar, &Held { covered, ..Held::default() }, to)
        };
        assert_eq!(from(None), day("2024-06-28"), "five sessions");
        assert_eq!(from(Some("2024-07-03")), day("2024-06-28"));
        assert_eq!(from(Some("2024-06-20")), day("2024-06-21"));
        assert_eq!(from(Some("2024-01-31")), day("2024-06-05"), "no farther back than thirty days");
        let covered = [("2024-06-12", "2024-06-18"), ("2024-06-20", "2024-07-05")];
        let covered = covered.map(|(from, to)| (day(from), day(to))).to_vec();
        let seen = begin(calendar, &Held { covered, ..Held::default() }, to);
        assert_eq!(seen, day("2024-06-28"), "the nineteenth was a holiday");
        let covered = vec![(day("2024-06-12"), day("2024-06-17")), (day("2024-06-20"), day("2024-07-05"))];
        let seen = begin(calendar, &Held { covered, ..Held::default() }, to);
        assert_eq!(seen, day("2024-06-18"), "a hole");
    }

    #[test]
    fn a_day_most_of_whose_minutes_were_refused_is_not_answered_for() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let price = Price::from_whole(10).unwrap();
        let bar = |from: &str| MinuteBar {
            from: from.parse().unwrap(),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Volume::ZERO,
            trades: None,
        };
        let bad = |date: &str| Quarantined {
            file: "yahoo".into(),
            line: 1,
            symbol: "AAPL".into(),
            date: date.into(),
            ..Quarantined::because(QuarantineReason::MissingPrice)
        };
        let mut tally = Tally::default();
        assert!(tally.is_empty());
        let bars = ["2024-07-02T14:00:00Z", "2024-07-02T14:01:00Z", "2024-07-05T14:00:00Z"].map(bar);
        let refused = ["2024-07-02T14:02:00Z", "2024-07-03T14:00:00Z", "2024-07-03T14:01:00Z"].map(bad);
        tally.take(calendar, &bars, &refused);
        assert_eq!((tally.good(), tally.bad(), tally.first), (3, 3, Some("MISSING_PRICE")));
        let asked = (day("2024-07-02"), day("2024-07-05"));
        assert_eq!(
            tally.answered(calendar, asked, day("2024-06-28")),
            [(day("2024-07-02"), day("2024-07-02")), (day("2024-07-04"), day("2024-07-05"))]
        );
        tally.take(calendar, &[], &["2024-07-05T14:01:00Z", "2024-07-05T14:02:00Z"].map(bad));
        assert_eq!(
            tally.answered(calendar, asked, day("2024-06-28")),
            [(day("2024-07-02"), day("2024-07-02")), (day("2024-07-04"), day("2024-07-04"))]
        );
        // A day that is older counts, unless nothing is good.
        assert_eq!(
            tally.answered(calendar, asked, day("2024-07-05")),
            [(day("2024-07-02"), day("2024-07-04"))]
        );
        let mut none = Tally::default();
        none.take(calendar, &[], &refused);
        assert!(none.answered(calendar, asked, day("2024-07-05")).is_empty());
        assert_eq!(settled(calendar, day("2024-07-05")), day("2024-07-02"), "the fourth was a holiday");
    }
}
