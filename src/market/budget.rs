//! May a request go now? The rules by which requests to a vendor are let through, and what its answers do to them.
//!
//! Pure: a [`BudgetState`], the plan's allowances and the time go in, a [`Verdict`] comes out; who keeps the state
//! (one row a vendor and key, shared by all processes of a home) is not known here.
//!
//! - No stretch of a window's length ever holds more requests than the window allows, wherever it begins.
//! - After a "too many requests" nothing goes before the time it names; after a spent day nothing before its reset.
//! - [`FAILURES_TO_OPEN`] failures in a row open the circuit; after a pause one request is let through to see, and
//!   its outcome closes the circuit or opens it for twice as long. A wall for robots opens it at once.

use chrono::DateTime;

use super::vendors::Allowance;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::{BudgetState, Circuit, DataKind, WindowUse};
use crate::domain::{CleanText, UnixNanos};

/// Failures in a row that open the circuit.
pub const FAILURES_TO_OPEN: u32 = 5;
/// Most seconds that a vendor's clock may differ from ours before it is told.
const CLOCK_OFF_SECONDS_MAX: i64 = 600;
/// First pause of an open circuit, in milliseconds; doubles.
const OPEN_MS: i64 = 30_000;
/// Longest pause of an open circuit, in milliseconds.
pub const OPEN_MS_MAX: i64 = 900_000;
/// How long others wait for the outcome of the one request that an open circuit lets through, in milliseconds.
const PROBE_MS: i64 = 60_000;
/// First pause before a request is tried again, in milliseconds; doubles.
const BACKOFF_MS: i64 = 500;
/// Longest such pause, in milliseconds.
const BACKOFF_MS_MAX: i64 = 30_000;
/// Requests of a window that are remembered one by one; larger windows are remembered in this many parts.
const PARTS: u32 = 32;
/// The latest time that an answer may ask us to wait for, in milliseconds from now.
pub const WAIT_MS_MAX: i64 = 86_400_000;
/// Times so far ahead of now were written by a clock that was wrong, in milliseconds; less is programs side by side.
pub const AHEAD_MS: i64 = 300_000;
/// How long a kind of data that the plan refuses is not asked for again, in seconds.
pub const REFUSED_SECONDS: i64 = 7 * 86_400;

/// Whether a request may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may, and is counted.
    Grant,
    /// Not before this time.
    Wait {
        /// When to ask again.
        until: UnixNanos,
        /// Why, in plain words.
        why: CleanText,
    },
}

/// What the answer to a granted request means for the next ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// A good answer that tells nothing of the plan.
    Good,
    /// The plan includes this kind of data: it came, or is certainly empty.
    Has(DataKind),
    /// Nothing before this time.
    Limited(UnixNanos, &'a str),
    /// The plan does not include this kind of data: what happened, and the vendor's words for it.
    Refused(DataKind, &'a str, &'a str),
    /// A bad moment of the vendor's or of the line.
    Failed(&'a str),
    /// It does not want us: pause at once.
    Blocked(&'a str),
    /// The key is refused.
    BadKey(&'a str),
}

/// What somebody may use of a window, so that the rest of it is there for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Length of the window, in seconds.
    pub seconds: u32,
    /// Most requests of it, by whomever.
    pub requests: u32,
    /// From when to when it grows to that, at least one; requests from before that time are not held against it.
    pub over: Option<(UnixNanos, UnixNanos)>,
}

impl Share {
    /// All that a plan has.
    const fn whole(allowance: Allowance) -> Self {
        Self { seconds: allowance.seconds, requests: allowance.requests, over: None }
    }

    /// From when requests are held against it.
    fn since(&self) -> Option<UnixNanos> {
        self.over.map(|(from, _)| from)
    }

    /// Requests that it has grown to.
    fn at(&self, now: UnixNanos) -> u32 {
        let Some((from, to)) = self.over else { return self.requests };
        let length = to.since(from).max(1);
        let grown =
            i128::from(self.requests) * i128::from(now.since(from).clamp(0, length)) / i128::from(length);
        u32::try_from(grown).unwrap_or(self.requests).max(1)
    }

    /// When it has grown to so many.
    fn reaches(&self, requests: u32) -> Option<UnixNanos> {
        let (from, to) = self.over.filter(|_| requests <= self.requests)?;
        let length = i128::from(to.since(from).max(1)) * i128::from(requests);
        let nanos = (length + i128::from(self.requests) - 1) / i128::from(self.requests.max(1));
        Some(from.plus_nanos(i64::try_from(nanos).ok()?))
    }
}

/// Use of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Length of the window, in seconds.
    pub seconds: u32,
    /// Requests in it.
    pub used: u32,
    /// Most requests in it.
    pub of: u32,
}

/// Asks for one request at `now`, and counts it when it may go.
pub fn ask(state: &mut BudgetState, allowances: &[Allowance], now: UnixNanos) -> Verdict {
    ask_within(state, allowances, &[], now)
}

/// The same for somebody who may only fill a share of some windows.
pub fn ask_within(
    state: &mut BudgetState,
    allowances: &[Allowance],
    shares: &[Share],
    now: UnixNanos,
) -> Verdict {
    forget(state, allowances, now);
    let share = |allowance: &Allowance| shares.iter().find(|share| share.seconds == allowance.seconds);
    let held = allowances.iter().filter_map(|allowance| Some((*allowance, *share(allowance)?)));
    if let Some((until, allowance, requests)) = earliest(state, held, now) {
        let why = format!("{} share of {requests} requests is used up", window(allowance));
        return Verdict::Wait { until, why: CleanText::new(&why) };
    }
    if let Some(until) = state.blocked_until.filter(|until| *until > now) {
        return Verdict::Wait { until, why: state.reason.clone() };
    }
    state.blocked_until = None;
    if let Some((until, allowance, _)) = earliest(state, wholes(allowances), now) {
        return Verdict::Wait { until, why: CleanText::new(&spent(allowance)) };
    }
    if state.circuit != Circuit::Closed {
        state.circuit = Circuit::HalfOpen;
        state.blocked_until = Some(now.plus_millis(PROBE_MS));
        state.reason = "one request is tried to see whether it answers again".into();
    }
    for allowance in allowances {
        count(state, *allowance, share(allowance).and_then(Share::since), now);
    }
    Verdict::Grant
}

/// The request that an open circuit has let through has a second part, which goes at once.
pub const fn go_on_probing(state: &mut BudgetState) {
    if matches!(state.circuit, Circuit::HalfOpen) {
        state.blocked_until = None;
    }
}

/// When the next request could go, without counting anything.
pub fn next_try(state: &BudgetState, allowances: &[Allowance], now: UnixNanos) -> UnixNanos {
    let mut copy = state.clone();
    forget(&mut copy, allowances, now);
    let blocked = copy.blocked_until.unwrap_or(now);
    let windows = earliest(&copy, wholes(allowances), now).map_or(now, |(until, ..)| until);
    blocked.max(windows).max(now)
}

/// Notes what became of a granted request.
pub fn note(state: &mut BudgetState, outcome: Outcome<'_>, now: UnixNanos) {
    let half_open = state.circuit == Circuit::HalfOpen;
    match outcome {
        Outcome::Good | Outcome::Has(_) | Outcome::Refused(..) => {
            state.failures = 0;
            state.circuit = Circuit::Closed;
            state.last_success = Some(now);
            // Another process may have been told to wait meanwhile; only our own probe is over.
            if half_open {
                state.blocked_until = None;
                state.reason = CleanText::default();
            }
        }
        Outcome::Limited(until, said) => {
            let until = until.min(now.plus_millis(WAIT_MS_MAX)).max(now);
            state.blocked_until =
                Some(state.blocked_until.filter(|_| !half_open).unwrap_or(until).max(until));
            state.reason = CleanText::new(said);
            state.circuit = Circuit::Closed;
        }
        Outcome::Failed(_) => {
            state.failures = state.failures.saturating_add(1);
            if half_open || state.failures >= FAILURES_TO_OPEN {
                open(state, now, "it failed several times in a row");
            }
        }
        Outcome::Blocked(said) => {
            state.failures = state.failures.max(FAILURES_TO_OPEN - 1).saturating_add(1);
            open(state, now, said);
            state.blocked_until = Some(now.plus_millis(OPEN_MS_MAX));
        }
        Outcome::BadKey(said) => {
            state.failures = state.failures.saturating_add(1);
            open(state, now, said);
        }
    }
    if let Outcome::Has(kind) | Outcome::Refused(kind, ..) = outcome {
        doubt(state, kind);
        let found = if outcome == Outcome::Has(kind) { &mut state.allowed } else { &mut state.refused };
        found.push((kind, now));
    }
    if let Outcome::Refused(kind, _, words) = outcome {
        state.refused_said.push((kind, CleanText::new(words)));
    }
    if let Outcome::Limited(_, said)
    | Outcome::Refused(_, said, _)
    | Outcome::Failed(said)
    | Outcome::Blocked(said)
    | Outcome::BadKey(said) = outcome
    {
        state.last_error = Some((now, CleanText::new(said)));
    }
}

/// Forgets what was found about a kind of data.
fn doubt(state: &mut BudgetState, kind: DataKind) {
    state.refused.retain(|(known, _)| *known != kind);
    state.refused_said.retain(|(known, _)| *known != kind);
    state.allowed.retain(|(known, _)| *known != kind);
    state.untold.retain(|(known, ..)| *known != kind);
}

/// Notes that a test found out nothing about a kind of data, and why.
pub fn note_untold(state: &mut BudgetState, kind: DataKind, why: &str, now: UnixNanos) {
    state.untold.retain(|(known, ..)| *known != kind);
    state.untold.push((kind, now, CleanText::new(why)));
}

/// Notes how many requests the vendor itself says are left, so that we stop before it has to tell us.
pub fn note_remaining(state: &mut BudgetState, remaining: u32, reset_seconds: i64, now: UnixNanos) {
    let until = UnixNanos::from_seconds(reset_seconds).min(now.plus_millis(WAIT_MS_MAX));
    if remaining == 0 && until > now {
        state.blocked_until = Some(state.blocked_until.map_or(until, |known| known.max(until)));
        state.reason = "its own count of requests is used up".into();
    }
}

/// Whether the plan was found not to include a kind of data, not too long ago.
pub fn is_refused(state: &BudgetState, kind: DataKind, now: UnixNanos) -> bool {
    let recent =
        |at: UnixNanos| at <= now.plus_millis(AHEAD_MS) && now.since(at) < REFUSED_SECONDS * NANOS_PER_SECOND;
    state.refused.iter().any(|(known, at)| *known == kind && recent(*at))
}

/// How much of each window is used.
pub fn usage(state: &BudgetState, allowances: &[Allowance], now: UnixNanos) -> Vec<Usage> {
    let mut state = state.clone();
    forget(&mut state, allowances, now);
    let of =
        |a: &Allowance| Usage { seconds: a.seconds, used: used(&state, a.seconds, None), of: a.requests };
    allowances.iter().map(of).collect()
}

/// About how long some requests take when the plan is the only bound, in seconds.
pub fn seconds_for(requests: usize, allowances: &[Allowance]) -> u64 {
    let requests = requests as u64;
    let each =
        |a: &Allowance| requests.saturating_sub(1) / u64::from(a.requests.max(1)) * u64::from(a.seconds);
    allowances.iter().map(each).max().unwrap_or(0)
}

/// How long to pause before the next try, in milliseconds; `thousandths` (0 to 1,000) spreads it between half and
/// the whole.
pub fn backoff_ms(failures: u32, thousandths: u16) -> i64 {
    let whole = BACKOFF_MS.saturating_mul(1 << failures.min(16)).min(BACKOFF_MS_MAX);
    whole / 2 + whole / 2 * i64::from(thousandths.min(1_000)) / 1_000
}

/// The time that `Retry-After` names: seconds from now, or an HTTP date.
pub fn retry_after(text: &str, now: UnixNanos) -> Option<UnixNanos> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(now.plus_millis(i64::from(seconds).saturating_mul(1_000)));
    }
    http_date(text)
}

/// The time that a header shows.
pub fn http_date(text: &str) -> Option<UnixNanos> {
    // Vendors write GMT, which the mail form of dates reads as well.
    let at = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(UnixNanos::from_seconds(at.timestamp()))
}

/// Notes what the vendor's clock showed when ours was at `now`; `true` when they have begun to differ too much.
pub fn note_clock(state: &mut BudgetState, shown: UnixNanos, now: UnixNanos) -> bool {
    let ahead = shown.since(now) / NANOS_PER_SECOND;
    let before = state.clock_ahead_seconds;
    state.clock_ahead_seconds = Some(ahead).filter(|ahead| ahead.abs() > CLOCK_OFF_SECONDS_MAX);
    before.is_none() && state.clock_ahead_seconds.is_some()
}

/// What there is to say of the vendor's clock.
pub fn clock_words(state: &BudgetState) -> Option<String> {
    let ahead = state.clock_ahead_seconds?;
    let (minutes, way) = (ahead.abs() / 60, if ahead > 0 { "ahead of" } else { "behind" });
    let off = match minutes {
        ..180 => format!("{minutes} minutes"),
        180..1_440 => format!("{} hours", minutes / 60),
        1_440..2_880 => "a day".to_owned(),
        _ => format!("{} days", minutes / 1_440),
    };
    Some(format!("its clock is {off} {way} ours; check the date and time of this machine"))
}

fn open(state: &mut BudgetState, now: UnixNanos, why: &str) {
    let times = state.failures.saturating_sub(FAILURES_TO_OPEN).min(10);
    let pause = OPEN_MS.saturating_mul(1 << times).min(OPEN_MS_MAX);
    state.circuit = Circuit::Open;
    state.blocked_until = Some(now.plus_millis(pause));
    state.reason = CleanText::new(why);
}

fn spent(allowance: Allowance) -> String {
    format!("{} {} requests are used up", window(allowance), allowance.requests)
}

fn window(allowance: Allowance) -> String {
    match allowance.seconds {
        1 => "this second's".to_owned(),
        60 => "this minute's".to_owned(),
        3_600 => "this hour's".to_owned(),
        86_400 => "the day's".to_owned(),
        seconds => format!("the last {seconds} seconds'"),
    }
}

/// Length of the parts in which a window is remembered, in nanoseconds; 0 for one part a request.
fn part_nanos(allowance: Allowance) -> i64 {
    if allowance.requests <= PARTS {
        return 0;
    }
    i64::from(allowance.seconds) * NANOS_PER_SECOND / i64::from(PARTS)
}

/// When a remembered part no longer counts.
fn ends(part: &WindowUse, allowance: Allowance) -> UnixNanos {
    part.began.plus_nanos(part_nanos(allowance)).plus_millis(i64::from(part.seconds).saturating_mul(1_000))
}

/// Whether something in it was written at a time that is still to come: the clock was wrong then, or is now.
pub fn is_ahead(state: &BudgetState, now: UnixNanos) -> bool {
    let error = state.last_error.as_ref().map(|(at, _)| *at);
    let refused = state.refused.iter().chain(&state.allowed).map(|(_, at)| *at);
    let written = state.last_success.into_iter().chain(error).chain(refused);
    // Nothing may ask us to wait for longer.
    let far = state.blocked_until.is_some_and(|until| until > now.plus_millis(WAIT_MS_MAX + AHEAD_MS));
    far || written.into_iter().any(|at| at > now.plus_millis(AHEAD_MS))
}

fn forget(state: &mut BudgetState, allowances: &[Allowance], now: UnixNanos) {
    if is_ahead(state, now) {
        // All that it says of times is of a clock that was wrong.
        (state.blocked_until, state.reason) = (None, CleanText::default());
        (state.circuit, state.failures) = (Circuit::Closed, 0);
        let latest = now.plus_millis(AHEAD_MS);
        state.last_success = state.last_success.filter(|at| *at <= latest);
        state.last_error = state.last_error.take().filter(|(at, _)| *at <= latest);
        state.refused.retain(|(_, at)| *at <= latest);
        state.allowed.retain(|(_, at)| *at <= latest);
        state.untold.retain(|(_, at, _)| *at <= latest);
    }
    state.windows.retain_mut(|part| {
        // A clock that was put back must not lock us out for longer than the window.
        part.began = part.began.min(now);
        allowances.iter().any(|a| a.seconds == part.seconds && ends(part, *a) > now)
    });
}

/// The parts of a window that began since a time.
fn parts(state: &BudgetState, seconds: u32, since: Option<UnixNanos>) -> impl Iterator<Item = &WindowUse> {
    let counts =
        move |part: &&WindowUse| part.seconds == seconds && since.is_none_or(|since| part.began >= since);
    state.windows.iter().filter(counts)
}

fn used(state: &BudgetState, seconds: u32, since: Option<UnixNanos>) -> u32 {
    parts(state, seconds, since).fold(0, |sum, part| sum.saturating_add(part.used))
}

fn wholes(allowances: &[Allowance]) -> impl Iterator<Item = (Allowance, Share)> {
    allowances.iter().map(|allowance| (*allowance, Share::whole(*allowance)))
}

/// The time at which the fullest window has room again, which window that is, and how many requests it has now. Parts are
/// remembered, and end, as the plan has it, whatever the share of it.
fn earliest(
    state: &BudgetState,
    windows: impl Iterator<Item = (Allowance, Share)>,
    now: UnixNanos,
) -> Option<(UnixNanos, Allowance, u32)> {
    let waits = windows.filter_map(|(allowance, share)| {
        let (used, of) = (used(state, share.seconds, share.since()), share.at(now));
        let ends = parts(state, share.seconds, share.since()).map(|part| ends(part, allowance));
        let until = ends.chain(share.reaches(used.saturating_add(1))).min().unwrap_or(now);
        (used >= of).then_some((until, allowance, of))
    });
    waits.max_by_key(|(until, ..)| *until).filter(|(until, ..)| *until > now)
}

/// Counts a request; who counts from a time on has a part of its own from then.
fn count(state: &mut BudgetState, allowance: Allowance, since: Option<UnixNanos>, now: UnixNanos) {
    let part = part_nanos(allowance);
    let open = |w: &&mut WindowUse| {
        w.seconds == allowance.seconds
            && now.since(w.began) < part
            && since.is_none_or(|since| w.began >= since)
    };
    match state.windows.iter_mut().find(open) {
        Some(window) => window.used = window.used.saturating_add(1),
        None => state.windows.push(WindowUse { seconds: allowance.seconds, began: now, used: 1 }),
    }
}

#[cfg(test)]
mod tests;
