//! `doctor` asks each vendor for each kind of data it has: is it reached, does it take the key, what does the plan allow?
//!
//! Each question is the cheapest there is and goes through the same budget as all others. One run takes at most half of
//! what is left of a minute's requests and an eighth of what is left of a day's; what it finds is remembered with the
//! budget, beside what syncs find, so that the next run asks what is not known yet. A vendor without a key is not asked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use chrono::{Days, NaiveDate};

use crate::config::LiveVendor;
use crate::domain::calendar::Session;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::{BudgetState, Circuit, DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, UnixNanos};
use crate::market::budget::{self, Usage, clock_words};
use crate::market::fetch::{Fetcher, Waiting, Watch, Why, stopper};
use crate::market::http::Limits;
use crate::market::live::polygon::{self, End, Ending, Trial};
use crate::market::vendors::Ask;
use crate::store::holder;

use super::engine::lock;
use super::error::ServiceError;
use super::feed::FeedState;
use super::house::House;
use super::keys::{NOT_SET, TROUBLE};
use super::permit::{ManageData, Permit};
use super::vendors::WallPace;
use super::view::HealthRow;

/// Name of the row that stands for all vendors while none is asked.
pub const VENDORS_ROW: &str = "vendors";
/// Time to connect, in milliseconds.
const CONNECT_MS: u64 = 3_000;
/// Time for one answer, in milliseconds.
const ANSWER_MS: u64 = 10_000;
/// Time for all questions to one vendor, in seconds.
pub const ALL_SECONDS: u64 = 25;
/// Longest wait for the budget, in seconds: what takes longer is left for another run.
const WAIT_SECONDS: i64 = 3;
/// A span in which every exchange has had a session, in days.
const SPAN_DAYS: u64 = 10;
/// For how long what the plan allows is not asked again, in seconds.
const KNOWN_SECONDS: i64 = 86_400;
/// Length of the shortest window that questions can use up, in seconds; shorter ones only slow them down.
const WINDOW_SECONDS_MIN: u32 = 60;
/// Length of the window of which less is taken, in seconds: what is gone is gone for the day.
const DAY_SECONDS: u32 = 86_400;
/// Time for a stream to open and to answer one subscription, in milliseconds.
const STREAM_MS: u64 = 8_000;
/// Largest answer that is read.
const BODY_BYTES_MAX: usize = 8 << 20;
/// A name that every vendor of the United States has.
const AMERICAN: &str = "AAPL.XNYS";
/// A name that the Australian exchange has.
const AUSTRALIAN: &str = "BHP.XASX";

impl House {
    /// Asks every vendor that is on and has what it needs; one row each. `waits` is told whom it waits for, again
    /// whenever one has answered.
    pub fn test_vendors(
        self: &Arc<Self>,
        _: &Permit<ManageData>,
        waits: &mut dyn FnMut(&[VendorId]),
    ) -> Vec<HealthRow> {
        let (told, tell) = mpsc::channel();
        let mut open: Vec<VendorId> = VendorId::ALL.to_vec();
        let mut rows = Vec::with_capacity(open.len());
        for id in VendorId::ALL {
            let (house, told, id) = (Arc::clone(self), told.clone(), *id);
            let asking = move || {
                // Who listens is there until all have told.
                told.send((id, house.test_vendor(id))).unwrap_or_default();
            };
            if let Err(error) = thread::Builder::new().name("doctor".into()).spawn(asking) {
                open.retain(|other| *other != id);
                rows.push((id, Err(format!("a thread could not be started: {error}"))));
            }
        }
        drop(told);
        waits(&open);
        while let Ok((id, said)) = tell.recv() {
            open.retain(|other| *other != id);
            rows.push((id, said));
            waits(&open);
        }
        // Only a defect ends a thread before it has told.
        rows.extend(open.iter().map(|id| (*id, Err("asking it ended by a defect; see the log".to_owned()))));
        rows.sort_by_key(|(id, _)| *id);
        rows.into_iter().map(|(id, said)| row(format!("vendor {id}"), said)).collect()
    }

    /// What one vendor says: good, or what is wrong.
    fn test_vendor(&self, id: VendorId) -> Result<String, String> {
        if !lock(self.settings()).vendors.of(id).enabled {
            return Ok("off by its setting".into());
        }
        let (place, key_id) = self.key_place(id);
        if place == NOT_SET {
            return Ok(format!("no key; set one with 'qlib-pro key set {id}'"));
        }
        if place.starts_with(TROUBLE) {
            return Err(format!("its key {place}"));
        }
        let with = key_id.map_or_else(String::new, |key| format!("key {key} in the {place}; "));
        let fetcher = self.test_fetcher(id).map_err(|e| e.to_string())?;
        let began = fetcher.now();
        let trouble = within(ALL_SECONDS, asked(self, &fetcher))?;
        let trouble = trouble.unwrap_or(Err(Why::Slow { total_ms: ALL_SECONDS * 1_000 })).err();
        let said = told(&fetcher, trouble, began);
        said.map(|said| format!("{with}{said}")).map_err(|said| format!("{with}{said}"))
    }

    fn test_fetcher(&self, id: VendorId) -> Result<Fetcher, ServiceError> {
        let limits = Limits { connect_ms: CONNECT_MS, total_ms: ANSWER_MS, body_bytes_max: BODY_BYTES_MAX };
        self.fetcher(id, Arc::new(WallPace::new(self.clock_arc())), limits)
    }
}

impl House {
    /// Opens a vendor's stream as the live feed does, with one symbol, and closes it again. It counts as a request. What
    /// comes back is why it tells nothing of the plan, if it does not.
    async fn try_stream(&self, fetcher: &Fetcher, watch: Watch<'_>) -> Result<Option<String>, Why> {
        let live = lock(self.settings()).live.clone();
        // A plan has one connection, and who has it must not lose it to a question.
        let is_used = if self.owns_trades() {
            self.feed_status().is_some_and(|feed| feed.state == FeedState::Live)
        } else {
            !matches!(holder(self.home()), Ok(None))
        };
        if live.vendor == LiveVendor::Polygon && is_used {
            return Ok(Some(
                "not opened, as the open workstation has it; its workspace Data shows it".into(),
            ));
        }
        let (address, key) = match (self.stream_address(&live), self.vendor_key(fetcher.id())) {
            (Ok(address), Ok(key)) => (address, key.ok_or(Why::NoKey(fetcher.id()))?),
            (Err(error), _) | (_, Err(error)) => return Ok(Some(error.to_string())),
        };
        // Whether the stream opens says nothing of requests: it must not be the one that tries them again.
        if fetcher.budget().is_ok_and(|budget| budget.circuit != Circuit::Closed) {
            return Ok(Some("not opened while requests are paused after failures".into()));
        }
        fetcher.turn(watch).await.map_err(|error| error.why)?;
        let symbol = AMERICAN.split('.').next().unwrap_or(AMERICAN);
        let denied = match polygon::try_out(address, key, symbol, STREAM_MS).await {
            Ok(Trial { denied, .. }) if denied.is_empty() => None,
            Ok(Trial { has, denied }) => {
                let words = denied.iter().map(CleanText::as_str).collect::<BTreeSet<_>>();
                let words = words.into_iter().collect::<Vec<_>>().join("; ");
                let has = has.iter().filter_map(|one| one.split('.').next()).collect::<Vec<_>>().join(", ");
                Some(if has.is_empty() { words } else { format!("only {has}: {words}") })
            }
            Err(End { how: Ending::Plan, reason }) => Some(reason.to_string()),
            Err(End { reason, .. }) => return Ok(Some(reason.to_string())),
        };
        fetcher.note_found(DataKind::Stream, denied.as_deref()).map(|()| None).map_err(|error| error.why)
    }
}

/// A row of what was said: good, or what is wrong.
pub(super) fn row(name: String, said: Result<String, String>) -> HealthRow {
    HealthRow { name, ok: said.is_ok(), value: said.unwrap_or_else(|bad| bad) }
}

/// Runs questions on a thread's own runtime; `None` when they take longer than they may.
pub(super) fn within<T>(seconds: u64, asks: impl Future<Output = T>) -> Result<Option<T>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("the network cannot be used: {e}"))?;
    let done = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(seconds), asks).await });
    // A name that is still being looked up must not hold the caller.
    runtime.shutdown_background();
    Ok(done.ok())
}

/// What is asked of a vendor.
enum Question {
    /// A request.
    Ask(Ask),
    /// To open its stream.
    Stream,
}

/// The cheapest question about a kind of data, on the first exchange for which the vendor has it.
fn question(house: &House, fetcher: &Fetcher, kind: DataKind) -> Option<Question> {
    let vendor = fetcher.vendor();
    if kind == DataKind::Stream {
        return Exchange::ALL.iter().any(|exchange| vendor.has(kind, *exchange)).then_some(Question::Stream);
    }
    let ask = |exchange: &Exchange| {
        let name = if *exchange == Exchange::Xasx { AUSTRALIAN } else { AMERICAN };
        let instrument: InstrumentId = name.parse().ok()?;
        let calendar = house.calendars().of(*exchange);
        let to = calendar.date_at(fetcher.now());
        let from = to.checked_sub_days(Days::new(SPAN_DAYS)).unwrap_or(to);
        let date: NaiveDate = calendar.previous_session(to).map_or(from, |session: Session| session.date);
        let ask = match kind {
            DataKind::Daily => Ask::Daily { instrument, from, to },
            DataKind::GroupedDaily => Ask::GroupedDaily { exchange: *exchange, date },
            DataKind::Minutes => Ask::Minutes { instrument, from: date, to: date },
            DataKind::Quotes => Ask::Quotes(vec![instrument]),
            DataKind::Actions => Ask::Dividends { instrument, from, to },
            DataKind::Fundamentals => Ask::Fundamentals(instrument),
            DataKind::News => {
                let since = fetcher.now().plus_nanos(-KNOWN_SECONDS * NANOS_PER_SECOND);
                Ask::News { instruments: vec![instrument], since }
            }
            DataKind::Search => Ask::Search(instrument.symbol.as_str().into()),
            DataKind::Directory => Ask::Directory { exchange: *exchange, on: None },
            DataKind::Stream => return None,
        };
        vendor.call(&ask, fetcher.now()).map(|_| Question::Ask(ask))
    };
    Exchange::ALL.iter().filter(|exchange| vendor.has(kind, **exchange)).find_map(ask)
}

/// What is known of a kind of data: when it was last found to be allowed, to be refused, to tell neither.
fn found(budget: &BudgetState, kind: DataKind) -> [Option<UnixNanos>; 3] {
    let at = |of: &[(DataKind, UnixNanos)]| of.iter().find(|(known, _)| *known == kind).map(|(_, at)| *at);
    let untold = budget.untold.iter().find(|(known, ..)| *known == kind).map(|(_, at, _)| *at);
    [at(&budget.allowed), at(&budget.refused), untold]
}

/// What is asked, in this order: what was never asked, what told nothing or was refused (a plan may have grown), what was
/// allowed more than a day ago; one question at least, so that the key is tried. While requests are paused after failures
/// that is a request, whose answer ends the pause.
fn questions(house: &House, fetcher: &Fetcher, budget: &BudgetState) -> Vec<(DataKind, Question)> {
    let is_asked = |kind: &&DataKind| budget.circuit == Circuit::Closed || **kind != DataKind::Stream;
    let kinds = DataKind::ALL.iter().filter(is_asked);
    let mut all: Vec<(DataKind, Question)> =
        kinds.filter_map(|kind| Some((*kind, question(house, fetcher, *kind)?))).collect();
    // What is allowed last, each the oldest first; of what is equal the smallest answer.
    all.sort_by_key(|(kind, _)| {
        let [allowed, refused, untold] = found(budget, *kind);
        (allowed.is_some(), allowed.or(refused.max(untold)), *kind != DataKind::Quotes)
    });
    let now = fetcher.now();
    let is_known = |kind: DataKind| {
        let [allowed, ..] = found(budget, kind);
        allowed.is_some_and(|at| now.since(at) < KNOWN_SECONDS * NANOS_PER_SECOND)
    };
    let wanted = all.iter().take_while(|(kind, _)| !is_known(*kind)).count().max(1);
    all.truncate(wanted);
    all
}

/// Most requests of one run.
fn share(used: &[Usage]) -> u32 {
    let part = |window: &Usage| {
        let left = window.of.saturating_sub(window.used);
        if window.seconds >= DAY_SECONDS { left.div_ceil(8) } else { left / 2 }
    };
    let windows = used.iter().filter(|window| window.seconds >= WINDOW_SECONDS_MIN);
    windows.map(part).min().unwrap_or(u32::MAX).max(1)
}

/// Requests in the longest window: what a question cost is what it has more afterwards.
pub(super) fn spent(used: &[Usage]) -> u32 {
    used.iter().max_by_key(|window| window.seconds).map_or(0, |window| window.used)
}

/// Asks what may be asked; what came of it is in the budget. An error is trouble with the vendor, not with a kind of data.
async fn asked(house: &House, fetcher: &Fetcher) -> Result<(), Why> {
    let usage = || {
        let budget = fetcher.budget().unwrap_or_default();
        let used = budget::usage(&budget, fetcher.allowances(), fetcher.now());
        (budget, used)
    };
    let (budget, used) = usage();
    let (most, before) = (share(&used), spent(&used));
    let is_spent = || spent(&usage().1).saturating_sub(before) >= most;
    for (kind, ask) in questions(house, fetcher, &budget) {
        if is_spent() {
            break;
        }
        let (stopper, stop) = stopper();
        let waits = Mutex::new(None);
        let waiting = |wait: &Waiting| {
            let is_long = wait.until.since(wait.from) > WAIT_SECONDS * NANOS_PER_SECOND;
            if is_long || is_spent() {
                *lock(&waits) = Some((is_long, wait.clone()));
                stopper.set();
            }
        };
        let watch = Watch { stop: &stop, waiting: &waiting };
        let answer = match ask {
            Question::Ask(ask) => {
                fetcher.page_anyway(ask, watch).await.map(|_| None).map_err(|error| error.why)
            }
            Question::Stream => house.try_stream(fetcher, watch).await,
        };
        let waited = lock(&waits).take();
        let why = match (answer, waited) {
            (Err(Why::Canceled), Some((true, wait))) => {
                return Err(Why::Paused { until: wait.until, said: wait.why });
            }
            (Err(Why::Canceled), Some((false, wait))) => wait.why.to_string(),
            (Err(why), _) if why.is_vendor_wide() => return Err(why),
            (Ok(None) | Err(Why::NotEntitled { .. }), _) => continue,
            (Ok(Some(untold)), _) => untold,
            (Err(why), _) => why.to_string(),
        };
        fetcher.note_untold(kind, &why).map_err(|error| error.why)?;
    }
    Ok(())
}

/// In plain words: good, or what is wrong.
fn told(fetcher: &Fetcher, trouble: Option<Why>, began: UnixNanos) -> Result<String, String> {
    let budget = fetcher.budget().unwrap_or_default();
    let works = budget.allowed.iter().chain(&budget.refused).any(|(_, at)| *at >= began);
    let untold = budget.untold.iter().find(|(_, at, _)| *at >= began);
    let mut said = Vec::new();
    match (trouble, untold) {
        (Some(Why::AuthFailed(words)), _) => return Err(format!("the key is refused: {words}")),
        (Some(why @ (Why::Offline(_) | Why::Slow { .. })), _) if !works => {
            return Err(format!("not reachable: {why}"));
        }
        (Some(why @ (Why::RateLimited { .. } | Why::QuotaSpent { .. } | Why::Paused { .. })), _)
            if !works =>
        {
            said.push(format!("not asked: {why}"));
        }
        (Some(why), _) if !works => return Err(why.to_string()),
        (Some(why), _) => said.push(format!("it answers, but then: {why}")),
        // What nothing was ever had of is not well, unless it only knows our name for it by another; else no more than
        // these kinds of data are in doubt.
        (None, Some((kind, _, why)))
            if budget.allowed.is_empty() && why.as_str() != Why::NotFound.to_string() =>
        {
            return Err(format!("{kind}: {why}"));
        }
        (None, _) => said.push("it answers".to_owned()),
    }
    said.extend(picture(fetcher, &budget));
    said.push(limits(fetcher, &budget));
    said.extend(clock_words(&budget));
    Ok(said.join("; "))
}

/// What the plan is known to allow and to refuse, what a test could not find out, and what nobody has tried.
fn picture(fetcher: &Fetcher, budget: &BudgetState) -> Vec<String> {
    let today = fetcher.now().to_datetime().date_naive();
    let on = |at: UnixNanos| {
        let date = at.to_datetime().date_naive();
        if date == today { String::new() } else { date.to_string() }
    };
    let prefix = format!("{}: ", fetcher.id());
    let plain = |words: &CleanText| words.as_str().trim_start_matches(&prefix).to_owned();
    let (mut allows, mut refuses, mut untold, mut untried) = (vec![], vec![], vec![], vec![]);
    let has = |kind: DataKind| Exchange::ALL.iter().any(|exchange| fetcher.vendor().has(kind, *exchange));
    for kind in DataKind::ALL.iter().filter(|kind| has(**kind)) {
        let aside = |parts: [String; 2]| {
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            if parts.is_empty() { kind.to_string() } else { format!("{kind} ({})", parts.join(", ")) }
        };
        match found(budget, *kind) {
            [_, Some(at), _] => {
                let words = budget.refused_said.iter().find(|(known, _)| known == kind);
                refuses.push(aside([words.map(|(_, words)| plain(words)).unwrap_or_default(), on(at)]));
            }
            [Some(at), ..] => allows.push(aside([String::new(), on(at)])),
            [None, None, Some(at)] => {
                let words = budget.untold.iter().find(|(known, ..)| known == kind);
                untold.push(aside([words.map(|(.., words)| plain(words)).unwrap_or_default(), on(at)]));
            }
            [None, None, None] => untried.push(kind.to_string()),
        }
    }
    let list = |words: &str, kinds: Vec<String>| {
        (!kinds.is_empty()).then(|| format!("{words} {}", kinds.join(", ")))
    };
    let parts = [list("allows", allows), list("refuses", refuses), list("not found out:", untold)];
    parts.into_iter().chain([list("not tried:", untried)]).flatten().collect()
}

/// Requests that the plan allows, and how many are used.
fn limits(fetcher: &Fetcher, budget: &BudgetState) -> String {
    let used = budget::usage(budget, fetcher.allowances(), fetcher.now());
    let one = |u: &Usage| format!("{} of {} requests in {} s", u.used, u.of, u.seconds);
    let windows: Vec<String> = used.iter().map(one).collect();
    if windows.is_empty() { "no limit is known".to_owned() } else { format!("used {}", windows.join(", ")) }
}
