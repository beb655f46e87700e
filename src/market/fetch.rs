//! Getting what is asked for from one vendor: budget, call, answer, and what follows from the answer.
//!
//! A [`Fetcher`] is one vendor with its key. Every try, of whatever kind, asks the shared budget first; a wait is told
//! to who watches, can be stopped, and is not begun when it is longer than a person would wait for. What the vendor
//! refuses for the plan is remembered with the budget and not asked for again. Time comes from a [`Pace`], so tests run
//! on virtual time. Nothing here knows a store: pages are handed on one by one.

mod fault;
mod stop;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use fault::{FetchError, Why};
pub use stop::{Stop, Stopper, stopper};

use super::budget::{self, Outcome, Share, Verdict};
use super::http::{Answer, Http, HttpFault};
use super::vendors::{Allowance, Ask, Call, Page, Payload, Reply, Response, Vendor};
use crate::domain::vendor::{BudgetState, Circuit, DataKind, VendorId};
use crate::domain::{CleanText, UnixNanos};

/// Most tries of one call that fails.
const TRIES_MAX: u32 = 4;
/// Most tries when nobody answers or the answer does not end: more would only take longer.
const SLOW_TRIES_MAX: u32 = 2;
/// Most tries after "too many requests".
const LIMITED_TRIES_MAX: u32 = 4;
/// Longest wait for a window or a named time, in milliseconds; what takes longer is said and left.
const PATIENCE_MS: i64 = 310_000;
/// Longest wait for an open circuit, in milliseconds.
const CIRCUIT_PATIENCE_MS: i64 = 60_000;
/// Most pages of one answer.
const PAGES_MAX: u32 = 5_000;
/// The host of a vendor that gives the cookies of a session begins so.
const COOKIE_HOST: &str = "fc.";

/// Time and chance, from outside.
#[async_trait]
pub trait Pace: fmt::Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> UnixNanos;
    /// Returns at a time or later.
    async fn sleep_until(&self, time: UnixNanos);
    /// A random number from 0 to 1,000.
    fn thousandths(&self) -> u16;
}

/// Where budgets are kept: one state a vendor and key, changed by one process at a time.
pub trait BudgetBook: fmt::Debug + Send + Sync {
    /// Reads, changes and writes a state as one step.
    fn with(
        &self,
        vendor: VendorId,
        key_id: &str,
        change: &mut dyn FnMut(&mut BudgetState),
    ) -> Result<(), CleanText>;
}

/// A wait that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// For whom.
    pub vendor: VendorId,
    /// From when.
    pub from: UnixNanos,
    /// Till when.
    pub until: UnixNanos,
    /// Why.
    pub why: CleanText,
}

impl Waiting {
    /// What is left of it at a time.
    #[must_use]
    pub fn left_at(&self, now: UnixNanos) -> Self {
        Self { from: now, ..self.clone() }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.until.since(self.from).max(0) / 1_000_000;
        write!(f, "{}: {}; waiting {}", self.vendor, self.why, fault::span(millis))
    }
}

/// Who watches a fetch, and may end it.
#[derive(Clone, Copy)]
pub struct Watch<'w> {
    /// Set to end it.
    pub stop: &'w Stop,
    /// Told of every wait.
    pub waiting: &'w (dyn Fn(&Waiting) + Send + Sync),
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("stop", self.stop).finish_non_exhaustive()
    }
}

/// What a fetcher is made of.
#[derive(Debug)]
pub struct Parts {
    /// The vendor.
    pub vendor: Arc<dyn Vendor>,
    /// The way to it, with its key.
    pub http: Http,
    /// Fingerprint of the key.
    pub key_id: String,
    /// Requests that the plan allows.
    pub allowances: Vec<Allowance>,
    /// Where its budget is kept.
    pub book: Arc<dyn BudgetBook>,
    /// Time and chance.
    pub pace: Arc<dyn Pace>,
}

/// One vendor with its key.
#[derive(Debug)]
pub struct Fetcher {
    parts: Parts,
    /// How far it may fill windows of the budget; where none is named, to their end.
    shares: Vec<Share>,
}

/// The pages of one answer.
#[derive(Debug)]
pub struct Pages<'f> {
    fetcher: &'f Fetcher,
    ask: Ask,
    next: Option<Call>,
    seen: BTreeSet<String>,
    read: u32,
}

impl Pages<'_> {
    /// The next page with anything in it; `None` at the end.
    pub async fn next(&mut self, watch: Watch<'_>) -> Result<Option<Page>, FetchError> {
        let Some(call) = self.next.take() else { return Ok(None) };
        self.read += 1;
        if !self.seen.insert(format!("{}?{:?}", call.path, call.query)) || self.read > PAGES_MAX {
            return Err(self.fetcher.error(Why::Endless));
        }
        let Some(mut page) = self.fetcher.one(&self.ask, &call, watch).await? else { return Ok(None) };
        self.next = page.next.take().map(|next| Call { page: call.page.saturating_add(1), ..next });
        Ok(Some(page))
    }

    /// Whether more may come.
    pub const fn has_more(&self) -> bool {
        self.next.is_some()
    }
}

/// What an answer tells beside what was asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// Requests left and when there are more again (Unix seconds).
    remaining: Option<(u32, i64)>,
    /// What its clock shows.
    date: Option<UnixNanos>,
}

/// What to do after a try.
enum Step {
    Done(Option<Box<Page>>),
    /// Once more, after a pause or whenever the budget says.
    Again(Why),
    /// Once more with a new session.
    NewSession,
    Over(Why),
}

impl Fetcher {
    /// A fetcher; nothing is asked yet.
    pub const fn new(parts: Parts) -> Self {
        Self { parts, shares: Vec::new() }
    }

    /// From now on it asks only while less of these windows is used, by whomever, than this.
    pub fn keep_to(&mut self, shares: Vec<Share>) {
        self.shares = shares;
    }

    /// Which vendor.
    pub fn id(&self) -> VendorId {
        self.parts.vendor.id()
    }

    /// The vendor.
    pub fn vendor(&self) -> &dyn Vendor {
        self.parts.vendor.as_ref()
    }

    /// Whether it wants a key and none is known.
    pub fn lacks_key(&self) -> bool {
        self.parts.http.lacks_key()
    }

    /// Requests that the plan allows.
    pub fn allowances(&self) -> &[Allowance] {
        &self.parts.allowances
    }

    /// The present instant.
    pub fn now(&self) -> UnixNanos {
        self.parts.pace.now()
    }

    /// The budget as it stands.
    pub fn budget(&self) -> Result<BudgetState, FetchError> {
        let mut seen = BudgetState::default();
        self.change(&mut |state| seen = state.clone())?;
        Ok(seen)
    }

    /// Remembers that a test found out nothing about a kind of data.
    pub fn note_untold(&self, kind: DataKind, why: &str) -> Result<(), FetchError> {
        let now = self.now();
        self.change(&mut |state| budget::note_untold(state, kind, why, now))
    }

    /// Remembers what a test found out about a kind of data in another way than by a request: the plan includes it, or
    /// does not, in the vendor's words.
    pub fn note_found(&self, kind: DataKind, denied: Option<&str>) -> Result<(), FetchError> {
        let now = self.now();
        let said = Why::NotEntitled { kind, said: CleanText::default() }.to_string();
        let outcome = denied.map_or(Outcome::Has(kind), |words| Outcome::Refused(kind, &said, words));
        self.change(&mut |state| budget::note(state, outcome, now))
    }

    /// Waits until the shared budget lets something go that counts as a request and is none of this fetcher's.
    pub async fn turn(&self, watch: Watch<'_>) -> Result<(), FetchError> {
        self.spend(watch).await
    }

    /// The pages of what is asked for, one by one.
    pub fn pages(&self, ask: Ask) -> Result<Pages<'_>, FetchError> {
        if let Some(kind) = ask.kind()
            && !self.parts.http.lacks_key()
            && budget::is_refused(&self.budget()?, kind, self.now())
        {
            return Err(
                self.error(Why::NotEntitled { kind, said: "the plan was found not to include it".into() })
            );
        }
        self.pages_anyway(ask)
    }

    /// The pages of what is asked for, whatever the plan was found to include.
    fn pages_anyway(&self, ask: Ask) -> Result<Pages<'_>, FetchError> {
        if self.parts.http.lacks_key() {
            return Err(self.error(Why::NoKey(self.id())));
        }
        let Some(call) = self.parts.vendor.call(&ask, self.now()) else {
            return Err(self.error(Why::HasNoSuchData));
        };
        Ok(Pages { fetcher: self, ask, next: Some(call), seen: BTreeSet::new(), read: 0 })
    }

    /// What is asked for, when it is one page.
    pub async fn page(&self, ask: Ask, watch: Watch<'_>) -> Result<Option<Page>, FetchError> {
        self.pages(ask)?.next(watch).await
    }

    /// One page, though the plan may have been found not to include it: it may have grown. What was found stands until
    /// there is an answer.
    pub async fn page_anyway(&self, ask: Ask, watch: Watch<'_>) -> Result<Option<Page>, FetchError> {
        self.pages_anyway(ask)?.next(watch).await
    }

    fn error(&self, why: Why) -> FetchError {
        FetchError { vendor: self.id(), why }
    }

    fn change(&self, change: &mut dyn FnMut(&mut BudgetState)) -> Result<(), FetchError> {
        let done = self.parts.book.with(self.id(), &self.parts.key_id, change);
        done.map_err(|said| self.error(Why::Book(said)))
    }

    /// One call, with as many tries as its answers deserve.
    async fn one(&self, ask: &Ask, call: &Call, watch: Watch<'_>) -> Result<Option<Page>, FetchError> {
        let (mut tries, mut is_renewed) = (0, false);
        loop {
            if call.needs_session && !self.parts.http.has_session() {
                self.open_session(watch).await?;
            }
            let why = match self.one_try(ask, call, watch).await? {
                Step::Done(page) => return Ok(page.map(|page| *page)),
                Step::Over(why) => return Err(self.error(why)),
                Step::NewSession if is_renewed => {
                    return Err(self.error(Why::AuthFailed("a new session was refused as well".into())));
                }
                Step::NewSession => {
                    is_renewed = true;
                    self.parts.http.forget_session();
                    continue;
                }
                Step::Again(why) => why,
            };
            tries += 1;
            if tries >= tries_max(&why) {
                return Err(self.error(why));
            }
            if !matches!(why, Why::RateLimited { .. }) {
                let pause = budget::backoff_ms(tries - 1, self.parts.pace.thousandths());
                let now = self.now();
                self.wait(now.plus_millis(pause), &why.to_string(), watch).await?;
            }
        }
    }

    /// Asks the budget, calls, and acts on what comes back.
    async fn one_try(&self, ask: &Ask, call: &Call, watch: Watch<'_>) -> Result<Step, FetchError> {
        self.spend(watch).await?;
        let answer = tokio::select! {
            biased;
            () = watch.stop.wait() => return Ok(Step::Over(Why::Canceled)),
            answer = self.parts.http.get(call) => answer,
        };
        let now = self.now();
        match answer {
            Ok(answer) => {
                let reply = self.read(ask, call, &answer, now);
                let date = answer.date.as_deref().and_then(budget::http_date);
                let date = date.map(|date| date.plus_millis(i64::from(answer.age_seconds) * 1_000));
                self.settle(ask, reply, Told { remaining: answer.remaining, date }, now)
            }
            Err(fault) => self.settle_fault(fault, now),
        }
    }

    /// Reads an answer; a time the vendor names goes before one the parser guesses.
    fn read(&self, ask: &Ask, call: &Call, answer: &Answer, now: UnixNanos) -> Reply {
        let response = Response {
            status: answer.status,
            retry_after: answer.retry_after.as_deref(),
            remaining: answer.remaining,
            content_type: &answer.content_type,
            body: &answer.body,
            now,
        };
        let reply = self.parts.vendor.read(ask, call, &response);
        let named = answer.retry_after.as_deref().and_then(|text| budget::retry_after(text, now));
        match (reply, named) {
            (Reply::RateLimited { said, .. }, Some(until)) => Reply::RateLimited { until, said },
            (reply, _) => reply,
        }
    }

    fn settle(&self, ask: &Ask, reply: Reply, told: Told, now: UnixNanos) -> Result<Step, FetchError> {
        let clean = |said: &CleanText| self.parts.http.clean(said.as_str());
        let step = match reply {
            Reply::Data(page) => Step::Done(Some(page)),
            Reply::Empty => Step::Done(None),
            Reply::NotFound => Step::Over(Why::NotFound),
            Reply::RateLimited { until, said } => Step::Again(Why::RateLimited { until, said: clean(&said) }),
            Reply::QuotaSpent { until, said } => Step::Over(Why::QuotaSpent { until, said: clean(&said) }),
            Reply::NotEntitled { said } => {
                let said = clean(&said);
                let refused = |kind| Why::NotEntitled { kind, said: said.clone() };
                Step::Over(ask.kind().map_or_else(|| Why::AuthFailed(said.clone()), refused))
            }
            Reply::BadRequest(said) => Step::Over(Why::BadRequest(clean(&said))),
            Reply::AuthFailed(said) => Step::Over(Why::AuthFailed(clean(&said))),
            Reply::Blocked(said) => Step::Over(Why::Blocked(clean(&said))),
            Reply::Malformed(said) => Step::Again(Why::Malformed(clean(&said))),
            Reply::Transient(said) => Step::Again(Why::Transient(clean(&said))),
            Reply::SessionOver => Step::NewSession,
            Reply::CursorExpired => Step::Over(Why::CursorExpired),
        };
        self.note(&step, ask.kind(), told, now)?;
        Ok(step)
    }

    fn settle_fault(&self, fault: HttpFault, now: UnixNanos) -> Result<Step, FetchError> {
        let step = match fault {
            HttpFault::Offline(said) => Step::Again(Why::Offline(said)),
            HttpFault::Deadline { total_ms } => Step::Again(Why::Slow { total_ms }),
            HttpFault::TooLarge { body_bytes_max } => Step::Over(Why::TooLarge { body_bytes_max }),
            HttpFault::Redirect { to } => {
                Step::Over(Why::Blocked(CleanText::new(&format!("it sends to {to}, which is not followed"))))
            }
            HttpFault::Broken(said) => Step::Again(Why::Transient(said)),
        };
        self.note(&step, None, Told::default(), now)?;
        Ok(step)
    }

    /// Writes what became of a try into the shared budget.
    fn note(
        &self,
        step: &Step,
        kind: Option<DataKind>,
        told: Told,
        now: UnixNanos,
    ) -> Result<(), FetchError> {
        let why = match step {
            Step::Done(_) | Step::NewSession => None,
            Step::Again(why) | Step::Over(why) => Some(why),
        };
        let said = why.map(ToString::to_string).unwrap_or_default();
        let outcome = match why {
            None => kind.filter(|_| matches!(step, Step::Done(_))).map_or(Outcome::Good, Outcome::Has),
            Some(Why::RateLimited { until, .. } | Why::QuotaSpent { until, .. }) => {
                Outcome::Limited(*until, &said)
            }
            Some(Why::NotEntitled { kind, said: words }) => Outcome::Refused(*kind, &said, words.as_str()),
            Some(Why::AuthFailed(_)) => Outcome::BadKey(&said),
            Some(Why::Blocked(_)) => Outcome::Blocked(&said),
            Some(
                Why::Malformed(_)
                | Why::Transient(_)
                | Why::Offline(_)
                | Why::Slow { .. }
                | Why::TooLarge { .. },
            ) => Outcome::Failed(&said),
            Some(
                Why::NotFound
                | Why::TooOld { .. }
                | Why::BadRequest(_)
                | Why::OtherTerms(_)
                | Why::NothingGood { .. }
                | Why::Restated { .. }
                | Why::TooShort(_)
                | Why::CursorExpired
                | Why::NoKey(_)
                | Why::HasNoSuchData
                | Why::Paused { .. }
                | Why::Endless
                | Why::Canceled
                | Why::Book(_),
            ) => Outcome::Good,
        };
        let (mut opened, mut is_off, mut clock) = (false, false, None);
        self.change(&mut |state| {
            let was = state.circuit;
            budget::note(state, outcome, now);
            opened = was == Circuit::Closed && state.circuit == Circuit::Open;
            if let Some((left, reset)) = told.remaining {
                budget::note_remaining(state, left, reset, now);
            }
            if let Some(date) = told.date {
                is_off = budget::note_clock(state, date, now);
                clock = budget::clock_words(state);
            }
        })?;
        if let Some(clock) = clock.filter(|_| is_off) {
            tracing::warn!(vendor = %self.id(), "{clock}");
        }
        if opened {
            tracing::warn!(vendor = %self.id(), said = %said, "paused after failures; it is tried again by itself");
        }
        Ok(())
    }

    /// Waits until the shared budget lets one request go.
    async fn spend(&self, watch: Watch<'_>) -> Result<(), FetchError> {
        loop {
            if watch.stop.is_set() {
                return Err(self.error(Why::Canceled));
            }
            let now = self.now();
            let (mut verdict, mut circuit) = (Verdict::Grant, Circuit::Closed);
            self.change(&mut |state| {
                circuit = state.circuit;
                verdict = budget::ask_within(state, &self.parts.allowances, &self.shares, now);
            })?;
            let Verdict::Wait { until, why } = verdict else { return Ok(()) };
            let patience = if circuit == Circuit::Closed { PATIENCE_MS } else { CIRCUIT_PATIENCE_MS };
            if until > now.plus_millis(patience) {
                return Err(self.error(Why::Paused { until, said: why }));
            }
            self.wait(until, why.as_str(), watch).await?;
        }
    }

    async fn wait(&self, until: UnixNanos, why: &str, watch: Watch<'_>) -> Result<(), FetchError> {
        let from = self.now();
        (watch.waiting)(&Waiting { vendor: self.id(), from, until, why: CleanText::new(why) });
        tokio::select! {
            biased;
            () = watch.stop.wait() => Err(self.error(Why::Canceled)),
            () = self.parts.pace.sleep_until(until) => Ok(()),
        }
    }

    /// Makes the session that some calls need: the cookies, then the text that goes with them.
    async fn open_session(&self, watch: Watch<'_>) -> Result<(), FetchError> {
        let Some(call) = self.parts.vendor.call(&Ask::Session, self.now()) else {
            return Err(self.error(Why::HasNoSuchData));
        };
        if let Some(host) = self.parts.vendor.hosts().iter().find(|host| host.starts_with(COOKIE_HOST)) {
            self.spend(watch).await?;
            let now = self.now();
            if let Err(fault) = self.parts.http.collect_cookies(host).await
                && let Step::Over(why) | Step::Again(why) = self.settle_fault(fault, now)?
            {
                return Err(self.error(why));
            }
            self.change(&mut budget::go_on_probing)?;
        }
        let call = Call { needs_session: false, ..call };
        let page = match self.one_try(&Ask::Session, &call, watch).await? {
            Step::Done(page) => page.map(|page| page.payload),
            Step::NewSession => None,
            Step::Over(why) | Step::Again(why) => return Err(self.error(why)),
        };
        let Some(Payload::Session(text)) = page else {
            return Err(self.error(Why::AuthFailed("it gave no session".into())));
        };
        self.parts.http.keep_session(text.0);
        Ok(())
    }
}

fn tries_max(why: &Why) -> u32 {
    match why {
        Why::RateLimited { .. } => LIMITED_TRIES_MAX,
        Why::Offline(_) | Why::Slow { .. } => SLOW_TRIES_MAX,
        _ => TRIES_MAX,
    }
}
