//! Who asks: round by round, vendor by vendor, within its part of the budget and without ever waiting for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::config::{LiveVendor, VendorSetting};
use crate::domain::calendar::Session;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::{Circuit, DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, UnixNanos};
use crate::market::budget;
use crate::market::fetch::{Fetcher, Pace, Stop, Waiting, Why, stopper};
use crate::market::http::Limits;
use crate::market::vendors::VendorQuote;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::live::Polled;
use super::super::sync::{Asked, Control, Progress};
use super::super::vendor_test::spent;
use super::{RoundStatus, round};

/// Longest wait for the budget, in nanoseconds: what takes longer is left for another round.
const WAIT_NANOS: i64 = 2 * NANOS_PER_SECOND;
/// Time for all answers of one vendor in a round.
const ANSWERS: Duration = Duration::from_secs(20);
/// Said of a vendor whose answers took longer.
const TOO_LONG: &str = "its answers took too long, or a sync is at it";
/// For how long a vendor is left alone that told nothing, and a name that nobody told, in milliseconds.
const REST_MS: i64 = 5 * 60_000;
/// For how long it is kept when a vendor was asked for a name, in nanoseconds.
const ASKED_NANOS: i64 = 86_400 * NANOS_PER_SECOND;
/// A stream that has told no price for so long does not have its exchange, in nanoseconds.
const STREAM_PATIENCE: i64 = 60 * NANOS_PER_SECOND;

/// A way to a vendor, and what it was made of.
#[derive(Debug)]
struct Way {
    fetcher: Fetcher,
    made_of: (VendorSetting, Option<String>),
}

/// What a vendor told in a round.
#[derive(Debug, Default)]
struct Answered {
    told: BTreeSet<InstrumentId>,
    /// Why it told less than it might have; `None` when it just does not know the others.
    trouble: Option<CleanText>,
    /// Whether it really was asked.
    is_asked: bool,
}

/// Asks in rounds.
#[derive(Debug)]
pub struct Poller {
    house: Arc<House>,
    pace: Arc<dyn Pace>,
    limits: Limits,
    runtime: tokio::runtime::Runtime,
    ways: BTreeMap<VendorId, Way>,
    /// When the last round of an exchange began, and for which names.
    last: BTreeMap<Exchange, (UnixNanos, BTreeSet<InstrumentId>)>,
    /// Names that nobody told, until when.
    names_rest: BTreeMap<InstrumentId, UnixNanos>,
    /// Vendors that told nothing, until when.
    vendors_rest: BTreeMap<(VendorId, Exchange), UnixNanos>,
    /// When a vendor was last asked for a name of those at the front of a round.
    asked: BTreeMap<(VendorId, InstrumentId), UnixNanos>,
}

impl Poller {
    pub(super) fn new(house: &Arc<House>, pace: Arc<dyn Pace>, limits: Limits) -> Result<Self, ServiceError> {
        let runtime = house.network()?;
        Ok(Self {
            house: Arc::clone(house),
            pace,
            limits,
            runtime,
            ways: BTreeMap::new(),
            last: BTreeMap::new(),
            names_rest: BTreeMap::new(),
            vendors_rest: BTreeMap::new(),
            asked: BTreeMap::new(),
        })
    }

    /// One look: a round of each exchange whose time has come. It ends early when `stop` is set.
    pub fn beat(&mut self, stop: &Stop) {
        let (vendor, seconds) = {
            let live = &lock(self.house.settings()).live;
            (live.vendor, live.poll_seconds)
        };
        let is_on = matches!(vendor, LiveVendor::Polled | LiveVendor::Polygon);
        for exchange in [Exchange::Xnys, Exchange::Xasx] {
            let now = self.house.clock().now();
            if !is_on || self.house.is_streamed(exchange, now) {
                if self.last.remove(&exchange).is_some() {
                    self.house.quotes().forget_polled(exchange, &BTreeSet::new());
                    self.house.poll_board().forget(exchange);
                }
                continue;
            }
            let calendar = self.house.calendars().of(exchange);
            let began = self.last.get(&exchange).map(|(began, _)| *began);
            let is_new = self.has_new_name(exchange, now);
            if !round::is_due(calendar, began, now, seconds) && !is_new {
                continue;
            }
            if is_new {
                // Who told nothing of others has not been asked for this one.
                self.vendors_rest.retain(|(_, of), _| *of != exchange);
            }
            self.last.insert(exchange, (now, BTreeSet::new()));
            let mut status = RoundStatus { at: now, seconds, ..RoundStatus::default() };
            if let Err(error) = self.round(exchange, stop, &mut status) {
                status.trouble = Some((now, CleanText::new(&error.to_string())));
            }
            self.house.poll_board().round(exchange, status);
        }
    }

    /// Ends it, whatever its lines still wait for.
    pub(super) fn end(self) {
        self.runtime.shutdown_background();
    }

    fn round(
        &mut self,
        exchange: Exchange,
        stop: &Stop,
        status: &mut RoundStatus,
    ) -> Result<(), ServiceError> {
        let wanted = self.house.wanted_live(exchange)?;
        self.house.quotes().forget_polled(exchange, &wanted);
        status.names = wanted.len();
        self.last.insert(exchange, (status.at, wanted.clone()));
        let mut left = self.awake(wanted);
        let (mut is_asked, mut is_sure) = (false, true);
        for vendor in self.house.vendor_order(DataKind::Quotes) {
            if left.is_empty() || stop.is_set() {
                break;
            }
            if self.vendors_rest.get(&(vendor, exchange)).is_some_and(|until| *until > status.at) {
                is_sure = false;
                continue;
            }
            self.put_in_turn(vendor, &mut left);
            let answered = match self.ask(vendor, exchange, (&left, status.seconds), stop) {
                Ok(Some(answered)) => answered,
                Ok(None) => continue,
                Err(error) => {
                    let trouble = Some(CleanText::new(&format!("{vendor}: {error}")));
                    Answered { trouble, ..Answered::default() }
                }
            };
            left.retain(|name| !answered.told.contains(name));
            is_asked |= answered.is_asked;
            is_sure &= answered.is_asked && answered.trouble.is_none();
            if let Some(trouble) = answered.trouble {
                status.trouble = Some((self.house.clock().now(), trouble));
            }
        }
        if is_asked && is_sure && !stop.is_set() {
            let until = status.at.plus_millis(REST_MS);
            self.names_rest.extend(left.into_iter().map(|name| (name, until)));
        }
        Ok(())
    }

    /// Whether a name has come since the last round: it does not wait for the next one.
    fn has_new_name(&self, exchange: Exchange, now: UnixNanos) -> bool {
        let is_open = self.house.calendars().of(exchange).session_at(now).is_some();
        let names = self.last.get(&exchange).map(|(_, names)| names).filter(|_| is_open);
        names.is_some_and(|names| self.house.wanted_live(exchange).is_ok_and(|now| !now.is_subset(names)))
    }

    /// The names that are asked for now.
    fn awake(&mut self, wanted: BTreeSet<InstrumentId>) -> Vec<InstrumentId> {
        let now = self.house.clock().now();
        self.names_rest.retain(|_, until| *until > now);
        self.asked.retain(|_, at| now.since(*at) < ASKED_NANOS);
        wanted.into_iter().filter(|name| !self.names_rest.contains_key(name)).collect()
    }

    /// Those that were told, or asked of this vendor in vain, the longest time ago first: a name that it does not know must
    /// not stand before all others for ever.
    fn put_in_turn(&self, vendor: VendorId, names: &mut [InstrumentId]) {
        names.sort_by_key(|name| {
            let told = self.house.quotes().polled(*name).map(|polled| polled.told_at);
            told.max(self.asked.get(&(vendor, *name)).copied())
        });
    }

    /// Asks one vendor for names of an exchange; `None` when it has none of their prices for certain, without being asked.
    fn ask(
        &mut self,
        vendor: VendorId,
        exchange: Exchange,
        (names, seconds): (&[InstrumentId], u32),
        stop: &Stop,
    ) -> Result<Option<Answered>, ServiceError> {
        self.make_way(vendor)?;
        let now = self.house.clock().now();
        let calendar = self.house.calendars().of(exchange);
        let Some(Way { fetcher, .. }) = self.ways.get_mut(&vendor) else { return Ok(None) };
        let has = fetcher.vendor().has(DataKind::Quotes, exchange);
        let Some(session) = calendar.session_on(calendar.date_at(now)).filter(|_| has) else {
            return Ok(None);
        };
        if fetcher.lacks_key() {
            return Ok(Some(Answered::default()));
        }
        fetcher.keep_to(round::shares(fetcher.allowances(), &session));
        let used = |fetcher: &Fetcher| {
            spent(&budget::usage(&fetcher.budget().unwrap_or_default(), fetcher.allowances(), fetcher.now()))
        };
        let before = used(fetcher);
        let (stopper, own) = stopper();
        let held = Mutex::new(None::<Waiting>);
        let progress = |seen: &Progress| {
            if let Some(wait) = seen.waiting.as_ref().filter(|w| w.until.since(w.from) > WAIT_NANOS) {
                *lock(&held) = Some(wait.clone());
                stopper.set();
            }
        };
        let pace = Arc::clone(&self.pace);
        let control = Control { stop: own, progress: &progress, pace, limits: self.limits };
        let mut asked = Asked::default();
        let asking = self.house.quotes_of(fetcher, names, &mut asked, &control);
        let is_through = self.runtime.block_on(async {
            tokio::select! {
                () = stop.wait() => Ok(true),
                // What came until then stands.
                done = tokio::time::timeout(ANSWERS, asking) => done.map_or(Ok(false), |done| done.map(|()| true)),
            }
        })?;
        let mut answered =
            Answered { told: self.house.show(&asked, &session, seconds), ..Answered::default() };
        let waited = lock(&held).take();
        let failed = || asked.failed.values().flatten().find(|error| is_trouble(&error.why));
        answered.trouble = match &waited {
            Some(wait) => Some(CleanText::new(&format!("{vendor}: {}", wait.why))),
            None if !is_through => Some(CleanText::new(&format!("{vendor}: {TOO_LONG}"))),
            None => failed().map(|error| CleanText::new(&error.to_string())),
        };
        // Who fails is left alone by its circuit, and heard as soon as that lets something through.
        let is_well = fetcher.budget().is_ok_and(|budget| budget.circuit == Circuit::Closed);
        let is_known = answered.trouble.is_none() || (waited.is_some() && is_well);
        let requests = used(fetcher).saturating_sub(before);
        answered.is_asked = requests > 0;
        // A request is of one name at least.
        let front = names.iter().take(requests as usize);
        self.asked.extend(front.map(|name| ((vendor, *name), now)));
        if answered.told.is_empty() && is_known && answered.is_asked {
            self.vendors_rest.insert((vendor, exchange), now.plus_millis(REST_MS));
        }
        // A plan that is known to lack them is not asked.
        Ok(Some(answered).filter(|answered| answered.is_asked || answered.trouble.is_some()))
    }

    /// Makes the way to a vendor, or makes it anew when its settings or its key have changed. One that stands keeps its
    /// session, which costs requests.
    fn make_way(&mut self, vendor: VendorId) -> Result<(), ServiceError> {
        let made_of =
            (lock(self.house.settings()).vendors.of(vendor).clone(), self.house.key_place(vendor).1);
        if self.ways.get(&vendor).is_some_and(|way| way.made_of == made_of) {
            return Ok(());
        }
        self.ways.remove(&vendor);
        let fetcher = self.house.fetcher(vendor, Arc::clone(&self.pace), self.limits)?;
        self.ways.insert(vendor, Way { fetcher, made_of });
        Ok(())
    }
}

impl House {
    /// Shows what was told in a session, and says of which names.
    fn show(&self, asked: &Asked, session: &Session, seconds: u32) -> BTreeSet<InstrumentId> {
        let mut shown = BTreeSet::new();
        for (name, (vendor, quote, told_at)) in &asked.told {
            let calendar = self.calendars().of(name.exchange);
            let fresh_until = round::fresh_until(calendar, *told_at, seconds);
            // A price of an earlier session is no news, whoever tells it.
            let is_of_session = quote.time.is_none_or(|time| time >= session.open);
            if let Some(polled) = polled_of(*vendor, quote, (*told_at, fresh_until)).filter(|_| is_of_session)
            {
                self.quotes().poll(*name, polled);
                shown.insert(*name);
            }
        }
        shown
    }

    /// Whether a stream has the prices of an exchange: it has told one lately, or has only begun.
    fn is_streamed(&self, exchange: Exchange, now: UnixNanos) -> bool {
        let status = self.feed_status().filter(|status| status.exchange == Some(exchange));
        status.is_some_and(|status| {
            let last = status.last_tick.map_or(status.since, |last| last.max(status.since));
            now.since(last) < STREAM_PATIENCE
        })
    }
}

/// Whether it may go better in the next round.
const fn is_trouble(why: &Why) -> bool {
    !matches!(why, Why::NotFound | Why::HasNoSuchData | Why::NotEntitled { .. } | Why::BadRequest(_))
}

fn polled_of(
    vendor: VendorId,
    quote: &VendorQuote,
    (told_at, fresh_until): (UnixNanos, UnixNanos),
) -> Option<Polled> {
    Some(Polled {
        vendor,
        last: quote.last?,
        bid: quote.bid,
        ask: quote.ask,
        volume: quote.volume,
        previous_close: quote.previous_close,
        time: quote.time,
        delayed_minutes: quote.delayed_minutes,
        told_at,
        fresh_until,
    })
}
