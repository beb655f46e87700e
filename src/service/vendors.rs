//! The home's vendors of market data: which are asked, in which order, where, with which key, and on which budget.
//!
//! A [`Fetcher`] made here is complete; nothing is asked yet. Budgets are in the market store, so all processes of a
//! home share them, and a day that is used up stays so after a restart.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;

use crate::config;
use crate::domain::key::KeyId;
use crate::domain::vendor::{BudgetState, DataKind, VendorId};
use crate::domain::{Address, CleanText, Clock, UnixNanos};
use crate::market::fetch::{BudgetBook, Fetcher, Pace, Parts};
use crate::market::http::{Http, Limits};
use crate::market::vendors::{Allowance, Vendor, registry};
use crate::store::MarketStore;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;

const MINUTE_SECONDS: u32 = 60;
const DAY_SECONDS: u32 = 86_400;
/// Under what the budget of a vendor without a key is kept, in the place of a key's id.
pub(super) const KEYLESS: &str = "none";

/// Wall time, real sleep, real chance.
#[derive(Debug)]
pub struct WallPace(Arc<dyn Clock>);

impl WallPace {
    /// On a clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }
}

#[async_trait]
impl Pace for WallPace {
    fn now(&self) -> UnixNanos {
        self.0.now()
    }

    async fn sleep_until(&self, time: UnixNanos) {
        let nanos = u64::try_from(time.since(self.0.now())).unwrap_or(0);
        tokio::time::sleep(Duration::from_nanos(nanos)).await;
    }

    fn thousandths(&self) -> u16 {
        let mut bytes = [0_u8; 2];
        // Without chance the pauses are only less spread.
        if getrandom::fill(&mut bytes).is_ok() { u16::from_le_bytes(bytes) % 1_001 } else { 500 }
    }
}

/// Budgets in the market store.
#[derive(Debug)]
struct StoreBook {
    store: Mutex<MarketStore>,
    pace: Arc<dyn Pace>,
}

impl BudgetBook for StoreBook {
    fn with(
        &self,
        vendor: VendorId,
        key_id: &str,
        change: &mut dyn FnMut(&mut BudgetState),
    ) -> Result<(), CleanText> {
        let done = lock(&self.store).change_budget(vendor, key_id, self.pace.now(), change);
        done.map_err(|e| CleanText::new(&e.to_string()))
    }
}

impl House {
    /// Vendors in the order in which they are asked for a kind of data, those that are switched off left out.
    pub(super) fn vendor_order(&self, kind: DataKind) -> Vec<VendorId> {
        let settings = lock(self.settings());
        let order = settings.sync_vendors.of(kind).iter().copied();
        order.filter(|vendor| settings.vendors.of(*vendor).enabled).collect()
    }

    /// Where a vendor is asked: the variable, else the setting; only its own hosts and this machine will do.
    pub(super) fn vendor_address(&self, vendor: &dyn Vendor) -> Result<Address, ServiceError> {
        let id = vendor.id();
        let text = config::vendors::market_url(id);
        let text = text.unwrap_or_else(|| lock(self.settings()).vendors.of(id).url.clone());
        Address::parse(&text, vendor.hosts()).map_err(|e| ServiceError::Invalid(format!("{id}: {e}")))
    }

    /// Requests that the plan of a vendor allows: the smallest plan's, or what the settings say.
    pub(super) fn allowances(&self, vendor: &dyn Vendor) -> Vec<Allowance> {
        let settings = lock(self.settings());
        let own = settings.vendors.of(vendor.id());
        let smallest = vendor.allowances().iter().copied();
        if own.per_minute == 0 && own.per_day == 0 {
            return smallest.collect();
        }
        // A larger plan has windows of its own; bounds by the second go with the smallest plan.
        let wider = [(MINUTE_SECONDS, own.per_minute), (DAY_SECONDS, own.per_day)];
        let wider = wider.into_iter().filter(|(_, requests)| *requests > 0);
        wider.map(|(seconds, requests)| Allowance { seconds, requests }).collect()
    }

    /// A way to a vendor, with its key and budget.
    pub(super) fn fetcher(
        &self,
        id: VendorId,
        pace: Arc<dyn Pace>,
        limits: Limits,
    ) -> Result<Fetcher, ServiceError> {
        let vendor = registry::vendor(id, self.calendars());
        let key = self.vendor_key(id)?;
        let fingerprint = key.as_ref().map(|key| KeyId::of(key.expose_secret()).to_string());
        let fingerprint = fingerprint.unwrap_or_else(|| KEYLESS.to_owned());
        let address = self.vendor_address(vendor.as_ref())?;
        let http = Http::new(address, vendor.key_place(), key, limits)
            .map_err(|said| ServiceError::Invalid(format!("{id}: {said}")))?;
        let store = Mutex::new(MarketStore::open(self.home())?);
        let book = Arc::new(StoreBook { store, pace: Arc::clone(&pace) });
        let allowances = self.allowances(vendor.as_ref());
        Ok(Fetcher::new(Parts { vendor, http, key_id: fingerprint, allowances, book, pace }))
    }
}
