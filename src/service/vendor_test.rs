//! `doctor` asks each vendor once or twice: is it reached, does it take the key, what does the plan allow?
//!
//! The calls are the cheapest there are and go through the same budget as all others, so that a test never spends more
//! than a sync would. What a plan refuses is remembered with the budget. A vendor without a key is not asked.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::Days;

use crate::domain::InstrumentId;
use crate::domain::vendor::{DataKind, VendorId};
use crate::market::budget::clock_words;
use crate::market::fetch::{Fetcher, Watch, Why, stopper};
use crate::market::http::Limits;
use crate::market::vendors::{Ask, Vendor};

use super::error::ServiceError;
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
const ALL_SECONDS: u64 = 25;
/// A span in which every exchange has had a session, in days.
const SPAN_DAYS: u64 = 10;
/// Largest answer that is read.
const BODY_BYTES_MAX: usize = 8 << 20;
/// A name that every vendor of the United States has.
const AMERICAN: &str = "AAPL.XNYS";
/// A name that the Australian exchange has.
const AUSTRALIAN: &str = "BHP.XASX";

impl House {
    /// Asks every vendor that is on and has what it needs; one row each.
    pub fn test_vendors(self: &Arc<Self>, _: &Permit<ManageData>) -> Vec<HealthRow> {
        let begun: Vec<_> = VendorId::ALL
            .iter()
            .map(|id| {
                let (house, id) = (Arc::clone(self), *id);
                (id, thread::Builder::new().name("doctor".into()).spawn(move || house.test_vendor(id)))
            })
            .collect();
        let row = |id: VendorId, said: Result<String, String>| HealthRow {
            name: format!("vendor {id}"),
            ok: said.is_ok(),
            value: said.unwrap_or_else(|bad| bad),
        };
        let told = begun.into_iter().map(|(id, thread)| match thread.map(thread::JoinHandle::join) {
            Ok(Ok(said)) => row(id, said),
            Ok(Err(_)) => row(id, Err("asking it ended by a defect; see the log".into())),
            Err(error) => row(id, Err(format!("a thread could not be started: {error}"))),
        });
        told.collect()
    }

    /// What one vendor says: good, or what is wrong.
    fn test_vendor(&self, id: VendorId) -> Result<String, String> {
        if !super::engine::lock(self.settings()).vendors.of(id).enabled {
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| format!("the network cannot be used: {e}"))?;
        let asked = runtime.block_on(async {
            let all = Duration::from_secs(ALL_SECONDS);
            tokio::time::timeout(all, asked(self, &fetcher)).await
        });
        // A name that is still being looked up must not hold the caller.
        runtime.shutdown_background();
        let findings = asked.map_err(|_| format!("{with}not reachable: no answer within {ALL_SECONDS} s"))?;
        findings.told(&fetcher).map(|said| format!("{with}{said}")).map_err(|said| format!("{with}{said}"))
    }

    fn test_fetcher(&self, id: VendorId) -> Result<Fetcher, ServiceError> {
        let limits = Limits { connect_ms: CONNECT_MS, total_ms: ANSWER_MS, body_bytes_max: BODY_BYTES_MAX };
        self.fetcher(id, Arc::new(WallPace::new(self.clock_arc())), limits)
    }
}

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    answered: Vec<DataKind>,
    refused: Vec<DataKind>,
    trouble: Option<Why>,
}

/// The cheapest questions that tell something about the plan.
fn questions(house: &House, vendor: &dyn Vendor) -> Vec<Ask> {
    let id = vendor.id();
    let name = if id == VendorId::Asx { AUSTRALIAN } else { AMERICAN };
    let Ok(instrument) = name.parse::<InstrumentId>() else { return Vec::new() };
    let to = house.calendars().of(instrument.exchange).date_at(house.clock().now());
    let from = to.checked_sub_days(Days::new(SPAN_DAYS)).unwrap_or(to);
    let daily = Ask::Daily { instrument, from, to };
    let quotes = Ask::Quotes(vec![instrument]);
    match id {
        // Every request counts against the few of a day.
        VendorId::AlphaVantage | VendorId::Asx => vec![quotes],
        VendorId::Yahoo => vec![daily],
        VendorId::Polygon => vec![daily, quotes],
    }
}

async fn asked(house: &House, fetcher: &Fetcher) -> Findings {
    let (_stopper, stop) = stopper();
    let watch = Watch { stop: &stop, waiting: &|_| {} };
    let mut findings = Findings::default();
    for ask in questions(house, fetcher.vendor()) {
        let Some(kind) = ask.kind() else { continue };
        match fetcher.page(ask, watch).await.map_err(|e| e.why) {
            Ok(_) | Err(Why::NotFound) => findings.answered.push(kind),
            Err(Why::NotEntitled { kind, .. }) => findings.refused.push(kind),
            Err(Why::HasNoSuchData) => {}
            Err(why) => {
                findings.trouble = Some(why);
                break;
            }
        }
    }
    findings
}

impl Findings {
    /// In plain words: good, or what is wrong.
    fn told(self, fetcher: &Fetcher) -> Result<String, String> {
        let works = !self.answered.is_empty() || !self.refused.is_empty();
        match self.trouble {
            Some(Why::AuthFailed(said)) => return Err(format!("the key is refused: {said}")),
            Some(why @ (Why::Offline(_) | Why::Slow { .. })) if !works => {
                return Err(format!("not reachable: {why}"));
            }
            Some(why @ (Why::RateLimited { .. } | Why::QuotaSpent { .. } | Why::Paused { .. })) if !works => {
                return Ok(format!("not asked: {why}; {}", limits(fetcher)));
            }
            Some(why) if !works => return Err(why.to_string()),
            Some(_) | None => {}
        }
        let budget = fetcher.budget().unwrap_or_default();
        let refused: Vec<DataKind> =
            budget.refused.iter().map(|(kind, _)| *kind).chain(self.refused).collect();
        let mut said = vec!["it answers".to_owned()];
        said.extend(kinds("the plan has", |k| self.answered.contains(&k)));
        said.extend(kinds("the plan refuses", |k| refused.contains(&k)));
        let offered = |kind: DataKind| {
            let has = |exchange| fetcher.vendor().has(kind, exchange);
            crate::domain::Exchange::ALL.into_iter().any(has)
        };
        said.extend(kinds("not tried", |k| {
            offered(k) && !self.answered.contains(&k) && !refused.contains(&k)
        }));
        said.push(limits(fetcher));
        said.extend(clock_words(&budget));
        Ok(said.join("; "))
    }
}

/// Kinds of data after a few words; nothing when there are none.
fn kinds(words: &str, is: impl Fn(DataKind) -> bool) -> Option<String> {
    let found: Vec<&str> = DataKind::ALL.iter().filter(|k| is(**k)).map(|k| k.as_str()).collect();
    (!found.is_empty()).then(|| format!("{words} {}", found.join(", ")))
}

/// Requests that the plan allows, and how many are used.
fn limits(fetcher: &Fetcher) -> String {
    let budget = fetcher.budget().unwrap_or_default();
    let used = crate::market::budget::usage(&budget, fetcher.allowances(), fetcher.now());
    let one =
        |u: &crate::market::budget::Usage| format!("{} of {} requests in {} s", u.used, u.of, u.seconds);
    let windows: Vec<String> = used.iter().map(one).collect();
    if windows.is_empty() { "no limit is known".to_owned() } else { format!("used {}", windows.join(", ")) }
}
