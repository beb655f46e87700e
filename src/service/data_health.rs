//! How the data of a home is: vendors with their keys and budgets, stored prices by source, rows set aside. And a
//! notice when prices of a vendor fall behind their exchange's sessions.
//!
//! A [`DataWatch`] has its own connection and thread behind a desk. Counting reads every price's key, so it is done
//! again only when prices have changed, and never more often than it takes. Nothing here asks a vendor anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use sha2::{Digest, Sha256};

use crate::domain::import::QuarantineReason;
use crate::domain::notice::{Notice, NoticeLevel};
use crate::domain::role::Reach;
use crate::domain::vendor::{BudgetState, Circuit, DataKind, VendorId};
use crate::domain::{Capability, CleanText, Exchange, InstrumentId, UnixNanos};
use crate::market::budget::{self, Usage};
use crate::market::vendors::{Allowance, registry};
use crate::store::market::{
    MarketReader, QuarantineCase, QuarantineState, Revision, SourceCount, StoredBudget, SyncNote,
};

use super::access::Session;
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{ManageData, Permit, ViewMarket};
use super::quality::is_no_session;
use super::sync::{ListingFault, SyncView};
use super::view::{
    Awaited, DataHealth, ListingRow, SetAside, SourceRow, SyncLine, VendorRow, VendorState, WindowRow,
};

/// How often the watch looks.
const LOOK: Duration = Duration::from_millis(1_000);
/// A count that took this long is not made again for [`REST_TIMES`] as long.
const REST_TIMES: u32 = 10;
/// After a close, how long a vendor may take before its prices are behind, in minutes.
const GRACE_MINUTES: i64 = 60;
/// Most names that a notice lists.
const NAMED_MAX: usize = 5;
/// Longest time that an exchange is closed, in days.
const CLOSED_DAYS_MAX: u64 = 20;
/// Rows set aside that are read.
const ASIDE_ROWS_MAX: u32 = 500;
/// Nanoseconds of a second.
const SECOND_NANOS: i64 = 1_000_000_000;
/// Nanoseconds of a minute.
const MINUTE_NANOS: i64 = 60 * SECOND_NANOS;

/// Rows set aside, by symbol as given and where from.
type AsideCounts = BTreeMap<(CleanText, CleanText), u64>;

/// Prices that differ from another source's, by instrument and source.
type DifferCounts = BTreeMap<(InstrumentId, CleanText), u64>;

/// What was read, and of which state of the store.
#[derive(Debug)]
struct Known {
    version: i64,
    aside: AsideCounts,
    /// What the rows that are shown must contain.
    text: String,
    newest: Vec<QuarantineCase>,
    /// How many contain it.
    found: u64,
    differ: DifferCounts,
    delisted: BTreeSet<InstrumentId>,
    budgets: Vec<StoredBudget>,
    notes: Vec<SyncNote>,
}

/// What was counted, and of which state of the prices.
#[derive(Debug)]
struct Counted {
    revision: Revision,
    sources: Vec<SourceCount>,
    took: Duration,
    at: Instant,
}

/// Keeps one person's view of the data fresh.
pub(super) struct DataWatch {
    session: Arc<Session>,
    slot: Arc<ArcSwapOption<DataHealth>>,
    /// What rows that were set aside must contain to be shown.
    text: Arc<Mutex<String>>,
    reader: Option<MarketReader>,
    known: Option<Known>,
    counted: Option<Counted>,
    /// When the run that is going was first seen.
    began: Option<Instant>,
    told: String,
}

impl DataWatch {
    /// A watch that fills this place.
    pub(super) fn new(
        session: &Arc<Session>,
        slot: &Arc<ArcSwapOption<DataHealth>>,
        text: &Arc<Mutex<String>>,
    ) -> Self {
        Self {
            session: Arc::clone(session),
            slot: Arc::clone(slot),
            text: Arc::clone(text),
            reader: None,
            known: None,
            counted: None,
            began: None,
            told: String::new(),
        }
    }

    /// Looks until the desk is gone or the session over; a change is passed on as a nudge.
    pub(super) fn run(mut self, over: &Receiver<()>, nudge: &Sender<()>) {
        loop {
            match self.look() {
                Ok(health) => {
                    if self.slot.load().as_deref() != Some(&health) {
                        self.slot.store(Some(Arc::new(health)));
                        // One waiting nudge is enough.
                        nudge.try_send(()).unwrap_or_default();
                    }
                }
                Err(ServiceError::SessionOver) => return,
                Err(ServiceError::Locked) => {}
                Err(error) => {
                    let problem = Some(CleanText::new(&error.to_string()).to_string());
                    let last = self.slot.load().as_deref().cloned().unwrap_or_default();
                    self.slot.store(Some(Arc::new(DataHealth { problem, ..last })));
                }
            }
            match over.recv_timeout(LOOK) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// One look.
    pub(super) fn look(&mut self) -> Result<DataHealth, ServiceError> {
        let permit = self.session.permit::<ManageData>()?;
        let house = Arc::clone(self.session.house());
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => MarketReader::open(house.home())?,
        };
        let health = self.read(&house, &permit, &reader);
        self.reader = Some(reader);
        health
    }

    fn read(
        &mut self,
        house: &House,
        permit: &Permit<ManageData>,
        reader: &MarketReader,
    ) -> Result<DataHealth, ServiceError> {
        let version = reader.data_version()?;
        let text = lock(&self.text).clone();
        if self.known.as_ref().is_none_or(|k| k.version != version) {
            let aside = reader.quarantine_counts()?;
            let (newest, found) = undecided(reader, &aside, &text)?;
            self.known = Some(Known {
                version,
                aside,
                text: text.clone(),
                newest,
                found,
                differ: reader.disagreement_counts()?,
                delisted: delisted(reader)?,
                budgets: reader.budgets()?,
                notes: reader.sync_notes()?,
            });
            self.count(reader)?;
        } else if self.counted.as_ref().is_some_and(|c| c.at.elapsed() >= c.took.saturating_mul(REST_TIMES)) {
            self.count(reader)?;
        }
        if let Some(known) = self.known.as_mut().filter(|known| known.text != text) {
            (known.newest, known.found) = undecided(reader, &known.aside, &text)?;
            known.text = text;
        }
        let counts = self.counted.as_ref().map(|c| c.sources.as_slice()).unwrap_or_default();
        let Some(known) = &self.known else { return Ok(DataHealth::default()) };
        let mut health = house.data_health(permit, known, counts);
        let now = house.clock().now();
        let board = house.sync_view(&self.session.permit::<ViewMarket>()?);
        health.sync = self.sync_line(&board, now);
        health.listings = house.listing_rows(board, now);
        if health.stale > 0 {
            house.tell_of_stale(&health.sources, &mut self.told)?;
        }
        Ok(health)
    }

    /// The board in the words of a screen.
    fn sync_line(&mut self, board: &SyncView, now: UnixNanos) -> SyncLine {
        let line = board.last.as_ref().map_or_else(SyncLine::default, |ended| SyncLine {
            last: ended.said.to_string(),
            last_at: Some(ended.at),
            troubled: ended.troubled,
            ..SyncLine::default()
        });
        let Some(progress) = &board.running else {
            self.began = None;
            return line;
        };
        let seconds = self.began.get_or_insert_with(Instant::now).elapsed().as_secs().max(1);
        SyncLine {
            running: true,
            vendor: progress.vendor,
            doing: progress.doing.clone(),
            done: progress.done,
            total: progress.total,
            rows: progress.rows,
            rows_a_second: progress.rows / seconds,
            requests: progress.requests,
            waiting: progress.waiting.as_ref().map(|w| w.left_at(now).to_string()).unwrap_or_default(),
            seconds_left: progress.seconds_left,
            ..line
        }
    }

    /// Counts again when prices have changed, with a rest after a long count.
    fn count(&mut self, reader: &MarketReader) -> Result<(), ServiceError> {
        let revision = reader.revisions()?.prices;
        let fresh = self
            .counted
            .as_ref()
            .is_some_and(|c| c.revision == revision || c.at.elapsed() < c.took.saturating_mul(REST_TIMES));
        if !fresh {
            let started = Instant::now();
            let sources = reader.source_counts()?;
            let (took, at) = (started.elapsed(), Instant::now());
            self.counted = Some(Counted { revision, sources, took, at });
        }
        Ok(())
    }
}

impl House {
    /// How the data is, from what was read and counted.
    fn data_health(&self, _: &Permit<ManageData>, known: &Known, counts: &[SourceCount]) -> DataHealth {
        let now = self.clock().now();
        let mut sources = self.source_rows(known, counts, now);
        let stale = sources.iter().filter(|s| s.is_stale()).count();
        let sources_total = sources.len();
        sources.sort_by_key(|s| std::cmp::Reverse(s.badness()));
        sources.truncate(DataHealth::SOURCES_MAX);
        let vendors = self.vendor_rows(&known.budgets, now);
        // Ages need no fresh look every second, but a wait that is counted down does.
        let step = if vendors.iter().any(|v| v.until.is_some()) { SECOND_NANOS } else { MINUTE_NANOS };
        DataHealth {
            at: UnixNanos::from_nanos(now.nanos() - now.nanos().rem_euclid(step)),
            vendors,
            sync: SyncLine::default(),
            feed: self.feed_line(),
            sources,
            listings: Vec::new(),
            sources_total,
            stale,
            set_aside: known.newest.iter().map(set_aside_row).collect(),
            set_aside_found: usize::try_from(known.found).unwrap_or(usize::MAX),
            set_aside_text: if fits(&known.aside) { String::new() } else { known.text.clone() },
            set_aside_total: usize::try_from(known.aside.values().sum::<u64>()).unwrap_or(usize::MAX),
            problem: None,
            sealed: self.sealed_lately(),
        }
    }

    fn source_rows(&self, known: &Known, counts: &[SourceCount], now: UnixNanos) -> Vec<SourceRow> {
        let mut said: BTreeMap<(InstrumentId, &str), &str> = BTreeMap::new();
        // Headlines and figures have no source of prices to stand beside: they are told with all of a name's.
        let mut beside: BTreeMap<InstrumentId, Vec<String>> = BTreeMap::new();
        for note in known.notes.iter().filter(|n| !n.code.is_empty()) {
            if note.kind == DataKind::Daily {
                said.insert((note.instrument, note.source.as_str()), note.said.as_str());
            } else {
                let text = format!("{} from {}: {}", note.kind.word(), note.source, note.said);
                beside.entry(note.instrument).or_default().push(text);
            }
        }
        let ended: BTreeMap<Exchange, i64> =
            Exchange::ALL.iter().filter_map(|e| Some((*e, self.last_ended(*e, now)?))).collect();
        let mut reach: BTreeMap<InstrumentId, Option<chrono::NaiveDate>> = BTreeMap::new();
        for c in counts.iter().filter(|c| c.source.as_str().parse::<VendorId>().is_ok()) {
            let furthest = reach.entry(c.instrument).or_default();
            *furthest = (*furthest).max(c.last);
        }
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let row = |c: &SourceCount| {
            let source = c.source.as_str();
            let fetched = source.parse::<VendorId>().is_ok();
            let calendar = self.calendars().of(c.instrument.exchange);
            let place = |date: Option<chrono::NaiveDate>| date.and_then(|d| calendar.position_on_or_after(d));
            let (first, last) = (place(c.first), place(c.last));
            let expected = first.zip(last).map_or(0, |(first, last)| (last - first + 1).unsigned_abs());
            let newest = ended.get(&c.instrument.exchange);
            let behind = last.zip(newest).map_or(0, |(last, newest)| newest.saturating_sub(last).max(0));
            let furthest = reach.get(&c.instrument).copied().flatten();
            let awaited = match () {
                () if known.delisted.contains(&c.instrument) => Awaited::Delisted,
                () if c.last < furthest => Awaited::Elsewhere,
                () => Awaited::Yes,
            };
            let behind = if awaited == Awaited::Delisted { 0 } else { behind };
            let of_prices = said.get(&(c.instrument, source)).map(ToString::to_string);
            let of_others = beside.get(&c.instrument).filter(|_| fetched).into_iter().flatten().cloned();
            let says: Vec<String> = of_prices.into_iter().chain(of_others).collect();
            SourceRow {
                instrument: c.instrument,
                source: source.to_owned(),
                basis: c.basis.as_str(),
                first: c.first,
                last: c.last,
                behind: small(behind.unsigned_abs()),
                fetched,
                awaited,
                gaps: small(expected.saturating_sub(c.rows)),
                quarantined: small(aside_of(&known.aside, c, fetched)),
                flagged: small(c.flagged),
                differs: small(known.differ.get(&(c.instrument, c.source.clone())).copied().unwrap_or(0)),
                says: says.join("; "),
            }
        };
        counts.iter().map(row).collect()
    }

    /// The newest session of an exchange that has ended, with some grace. The simulated exchange waits for nobody.
    fn last_ended(&self, exchange: Exchange, now: UnixNanos) -> Option<i64> {
        if exchange == Exchange::Sim {
            return None;
        }
        let calendar = self.calendars().of(exchange);
        let over = now.plus_nanos(-GRACE_MINUTES * MINUTE_NANOS);
        let until = calendar.date_at(now);
        let from = until.checked_sub_days(chrono::Days::new(CLOSED_DAYS_MAX))?;
        let sessions = calendar.sessions_between(from, until);
        let last = sessions.iter().rev().find(|s| s.close <= over)?;
        calendar.position_of(last.date)
    }

    /// Exchanges whose listings nobody gave, and when they are asked for again by themselves.
    fn listing_rows(&self, board: SyncView, now: UnixNanos) -> Vec<ListingRow> {
        let settings = lock(self.settings());
        let by_itself = settings.sync_auto && settings.sync_kinds.contains(&DataKind::Directory);
        drop(settings);
        let next_close = |exchange: Exchange| {
            let calendar = self.calendars().of(exchange);
            let from = calendar.date_at(now);
            let until = from.checked_add_days(chrono::Days::new(CLOSED_DAYS_MAX))?;
            calendar.sessions_between(from, until).iter().map(|s| s.close).find(|close| *close > now)
        };
        let row = |(exchange, fault): (Exchange, ListingFault)| {
            let next = by_itself.then(|| fault.again.or_else(|| next_close(exchange))).flatten();
            ListingRow { exchange, at: fault.at, says: fault.said.to_string(), next }
        };
        board.listings.into_iter().map(row).collect()
    }

    fn vendor_rows(&self, budgets: &[StoredBudget], now: UnixNanos) -> Vec<VendorRow> {
        let row = |vendor: &VendorId| {
            let (key, id) = self.key_place(*vendor);
            let id = id.unwrap_or_else(|| super::vendors::KEYLESS.to_owned());
            let own = |b: &&StoredBudget| b.vendor.as_str() == vendor.as_str() && b.key_id.as_str() == id;
            let own = budgets.iter().find(own);
            let enabled = lock(self.settings()).vendors.of(*vendor).enabled;
            let allowances = self.allowances(registry::vendor(*vendor, self.calendars()).as_ref());
            vendor_row(*vendor, enabled, key, (own.map(|b| &b.state), &allowances), now)
        };
        VendorId::ALL.iter().map(row).collect()
    }

    /// Tells those who manage data that prices are behind: once for each set of names and sessions.
    fn tell_of_stale(&self, rows: &[SourceRow], told: &mut String) -> Result<(), ServiceError> {
        let stale: Vec<&SourceRow> = rows.iter().filter(|r| r.is_stale()).collect();
        let mut names: Vec<String> = stale.iter().map(|r| r.instrument.to_string()).collect();
        names.sort();
        names.dedup();
        let oldest = stale.iter().filter_map(|r| r.last).min();
        let digest = Sha256::digest(format!("{names:?} {oldest:?}").as_bytes());
        let origin: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        let origin = format!("stale:{origin}");
        if *told == origin {
            return Ok(());
        }
        let mut users = lock(self.users());
        let people = users.read().users()?;
        let manages = |role: crate::domain::Role| role.reach(Capability::ManageData) != Reach::None;
        let notices: Vec<_> = people
            .iter()
            .filter(|p| !p.user.disabled && manages(p.user.role))
            .map(|p| {
                let notice = Notice {
                    id: 0,
                    user: p.user.name,
                    time: self.clock().now(),
                    level: NoticeLevel::Warning,
                    title: CleanText::new("Prices are behind"),
                    text: CleanText::new(&stale_text(&names, oldest)),
                    read: false,
                };
                (notice, Some(origin.clone()))
            })
            .collect();
        users.add_notices(&notices)?;
        *told = origin;
        Ok(())
    }
}

/// What is no longer listed.
fn delisted(reader: &MarketReader) -> Result<BTreeSet<InstrumentId>, ServiceError> {
    let mut gone = BTreeSet::new();
    for exchange in [Exchange::Xnys, Exchange::Xasx] {
        gone.extend(reader.delistings(exchange)?.into_iter().map(|delisting| delisting.instrument));
    }
    Ok(gone)
}

/// Whether all rows set aside are shown.
fn fits(aside: &AsideCounts) -> bool {
    aside.values().sum::<u64>() <= u64::from(ASIDE_ROWS_MAX)
}

/// The newest rows that nobody has decided about for good, and how many there are: of those that contain a text where
/// not all can be shown.
fn undecided(
    reader: &MarketReader,
    aside: &AsideCounts,
    text: &str,
) -> Result<(Vec<QuarantineCase>, u64), ServiceError> {
    let text = if fits(aside) { "" } else { text };
    Ok(reader.undecided_cases(text, ASIDE_ROWS_MAX)?)
}

/// Rows set aside of one source: a vendor's under its own name, all others under the symbol.
fn aside_of(aside: &AsideCounts, count: &SourceCount, fetched: bool) -> u64 {
    let symbol = count.instrument.symbol.as_str();
    let of_symbol = aside.iter().filter(|((given, _), _)| given.as_str() == symbol);
    let is_vendor = |from: &CleanText| from.as_str().parse::<VendorId>().is_ok();
    of_symbol
        .filter(|((_, from), _)| if fetched { *from == count.source } else { !is_vendor(from) })
        .map(|(_, n)| *n)
        .sum()
}

fn stale_text(names: &[String], oldest: Option<chrono::NaiveDate>) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = match names.len().saturating_sub(shown.len()) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let since = oldest.map_or_else(String::new, |day| format!("; the oldest end on {day}"));
    format!(
        "{}{more} lack finished sessions{since}. See the workspace Data, or run 'qlib-pro sync'",
        shown.join(", ")
    )
}

fn vendor_row(
    vendor: VendorId,
    enabled: bool,
    key: String,
    (asked, allowances): (Option<&BudgetState>, &[Allowance]),
    now: UnixNanos,
) -> VendorRow {
    let fresh = BudgetState::default();
    let state = asked.unwrap_or(&fresh);
    let next = budget::next_try(state, allowances, now);
    let until = (next > now).then_some(next);
    let needs_key = crate::domain::key::KeySlot::of(vendor).is_some();
    let shown = match () {
        () if !enabled => VendorState::Off,
        () if needs_key && key == super::keys::NOT_SET => VendorState::NoKey,
        () if key.starts_with(super::keys::TROUBLE) => VendorState::KeyTrouble,
        () if until.is_some() && state.circuit == Circuit::Open => VendorState::Open,
        () if until.is_some() => VendorState::Waiting,
        () if asked.is_some() => VendorState::Ready,
        () => VendorState::Unused,
    };
    let kinds = state.refused.iter().map(|(kind, _)| *kind);
    let refused: Vec<DataKind> = kinds.filter(|kind| budget::is_refused(state, *kind, now)).collect();
    let mut says = Vec::new();
    let blocked = state.blocked_until.is_some_and(|until| until > now) && !state.reason.is_empty();
    if blocked {
        says.push(state.reason.to_string());
    } else if until.is_some() {
        says.push("its requests are used up for now".to_owned());
    }
    let newer = |at: UnixNanos| state.last_success.is_none_or(|ok| ok < at);
    says.extend(state.last_error.iter().filter(|(at, _)| newer(*at)).map(|(_, text)| text.to_string()));
    if !refused.is_empty() {
        let kinds: Vec<&str> = refused.iter().map(|k| k.as_str()).collect();
        says.push(format!("the plan has no {}", kinds.join(", ")));
    }
    says.extend(budget::clock_words(state));
    says.dedup();
    VendorRow {
        vendor,
        state: shown,
        key,
        budget: budget::usage(state, allowances, now).iter().map(window).collect(),
        circuit: state.circuit,
        until,
        last_success: state.last_success,
        says: says.join("; "),
        refused,
    }
}

const fn window(usage: &Usage) -> WindowRow {
    WindowRow { seconds: usage.seconds, used: usage.used, allowed: usage.of }
}

fn set_aside_row(found: &QuarantineCase) -> SetAside {
    let row = &found.row;
    let known = QuarantineReason::ALL.iter().find(|r| r.code() == row.reason.as_str());
    SetAside {
        id: found.id,
        symbol: row.symbol.to_string(),
        date: row.date.to_string(),
        reason: row.reason.to_string(),
        remedy: known.map_or("see the row as it was read", |r| r.remedy()),
        refetch: found.state == QuarantineState::Refetch,
        no_session: is_no_session(row),
        from: row.file.to_string(),
        line: row.line,
        raw: row.raw.to_string(),
        at: found.at,
    }
}
