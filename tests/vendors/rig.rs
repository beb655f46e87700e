//! A home, a vendor on loopback and a clock that both share and that moves only when somebody waits.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use async_trait::async_trait;
use chrono::NaiveDate;
use qlib_pro::config::Settings;
use qlib_pro::domain::key::KeySlot;
use qlib_pro::domain::vendor::{DataKind, VendorId};
use qlib_pro::domain::{Clock, Exchange, InstrumentId, UnixNanos};
use qlib_pro::observe::LogRing;
use qlib_pro::service::access::{self, Password, Session};
use qlib_pro::service::house::{self, Parts};
use qlib_pro::service::permit::{Administer, ManageData};
use qlib_pro::service::sync::{
    BesideReport, BesideRow, Control, Limits, Pace, Progress, Stop, SyncReport, SyncWish, stopper,
};
use qlib_pro::service::{House, ServiceError};
use qlib_pro::store::market::MarketReader;

use super::market::Market;
use super::server::faults::{Armed, named};
use super::server::{Seen, Server};

/// Monday 2024-07-08, 01:00 in UTC: the last sessions are Friday's.
pub const NOW: &str = "2024-07-08T01:00:00Z";
/// The key that the home has.
pub const KEY: &str = "k-CANARY-7f3a91";
/// Days of a usual fetch.
pub const FROM: &str = "2024-06-03";
pub const TO: &str = "2024-07-05";

#[derive(Debug)]
pub struct SharedClock(pub Arc<AtomicI64>);

impl Clock for SharedClock {
    fn now(&self) -> UnixNanos {
        UnixNanos::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// Whoever waits moves the clock.
#[derive(Debug)]
struct Virtual(Arc<AtomicI64>);

#[async_trait]
impl Pace for Virtual {
    fn now(&self) -> UnixNanos {
        UnixNanos::from_nanos(self.0.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, time: UnixNanos) {
        self.0.fetch_max(time.nanos(), Ordering::SeqCst);
        tokio::task::yield_now().await;
    }

    fn thousandths(&self) -> u16 {
        1_000
    }
}

/// One open house.
pub struct Open {
    pub session: Session,
    engine: Option<JoinHandle<()>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        // The engine ends when the last handle to the house is gone, which the session holds.
        drop(self.engine.take());
    }
}

pub struct Rig {
    folder: tempfile::TempDir,
    pub clock: Arc<AtomicI64>,
    pub server: Server,
    pub market: Arc<Market>,
    pub waits: Arc<Mutex<Vec<String>>>,
    pub settings: Settings,
    pub limits: Limits,
    open: Option<Open>,
    runtime: tokio::runtime::Runtime,
}

pub fn id(text: &str) -> InstrumentId {
    text.parse().unwrap()
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn nanos(text: &str) -> i64 {
    text.parse::<UnixNanos>().unwrap().nanos()
}

impl Rig {
    pub fn new() -> Self {
        Self::at(NOW)
    }

    pub fn at(now: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(nanos(now)));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::start(0, Arc::clone(&clock))).unwrap();
        let market = Arc::new(Market::new(Arc::clone(&clock)));
        let made = Arc::clone(&market);
        server.set_maker(Arc::new(move |seen| made.answer(seen)));
        let mut settings = Settings::default();
        settings.vendors.alpha_vantage.url = format!("{}/alpha_vantage", server.address);
        settings.vendors.yahoo.url = format!("{}/yahoo", server.address);
        settings.vendors.polygon.url = format!("{}/polygon", server.address);
        settings.vendors.asx.url = format!("{}/asx", server.address);
        let limits = Limits { connect_ms: 2_000, total_ms: 5_000, body_bytes_max: 32 << 20 };
        let folder = tempfile::tempdir().unwrap();
        let (waits, open) = (Arc::default(), None);
        let mut rig = Self { folder, clock, server, market, waits, settings, limits, open, runtime };
        rig.open = Some(rig.open_house(true));
        let session = &rig.open.as_ref().unwrap().session;
        let admin = session.permit::<Administer>().unwrap();
        for slot in [KeySlot::AlphaVantage, KeySlot::Polygon] {
            session.house().set_key(&admin, slot, &Password::new(KEY.to_owned())).unwrap();
        }
        rig
    }

    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Another process's view of the same home: it does not own the trades.
    pub fn open_house(&self, is_first: bool) -> Open {
        let parts = Parts {
            home: self.folder.path().to_path_buf(),
            clock: Arc::new(SharedClock(Arc::clone(&self.clock))),
            settings: self.settings.clone(),
            log: LogRing::default(),
            process: "test".into(),
            runs_as: "tester".into(),
            own: is_first,
            keyring: false,
        };
        let (house, engine) = house::open(parts).unwrap();
        let engine = engine.map(|engine| std::thread::spawn(move || engine.run()));
        let name = "root".parse().unwrap();
        let session = if house.has_users().unwrap() {
            access::login(&house, name, None).unwrap()
        } else {
            access::found(&house, name, None, Exchange::Xnys).unwrap()
        };
        Open { session, engine }
    }

    /// Only this vendor is on, with a plan of so many requests a minute and a day.
    pub fn only(&mut self, vendor: VendorId, per_minute: u32, per_day: u32) {
        let all = &mut self.settings.vendors;
        for own in [&mut all.alpha_vantage, &mut all.yahoo, &mut all.polygon, &mut all.asx] {
            own.enabled = false;
        }
        let own = match vendor {
            VendorId::AlphaVantage => &mut all.alpha_vantage,
            VendorId::Yahoo => &mut all.yahoo,
            VendorId::Polygon => &mut all.polygon,
            VendorId::Asx => &mut all.asx,
        };
        (own.enabled, own.per_minute, own.per_day) = (true, per_minute, per_day);
        self.restart();
    }

    /// Closes the home and opens it again.
    pub fn restart(&mut self) {
        self.open = None;
        self.open = Some(self.open_house(false));
    }

    pub fn house(&self) -> &Arc<House> {
        self.open.as_ref().unwrap().session.house()
    }

    pub fn session(&self) -> &Session {
        &self.open.as_ref().unwrap().session
    }

    pub fn pace(&self) -> Arc<dyn Pace> {
        Arc::new(Virtual(Arc::clone(&self.clock)))
    }

    pub fn set_now(&self, now: &str) {
        self.clock.store(nanos(now), Ordering::SeqCst);
    }

    /// From now on prices move, so many ticks a second.
    pub fn live(&self, ticks_per_second: u32) {
        let _inside = self.runtime.enter();
        self.market.live(&self.server, 7, ticks_per_second);
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000_000, Ordering::SeqCst);
    }

    pub fn arm(&self, name: &str, path: &str, times: u32) {
        self.server.arm(Armed::next(named(name).unwrap(), path, times));
    }

    /// Syncs on virtual time.
    pub fn sync_as(&self, session: &Session, wish: &SyncWish) -> SyncReport {
        let waits = Arc::clone(&self.waits);
        let progress = move |seen: &Progress| {
            if let Some(waiting) = &seen.waiting {
                waits.lock().unwrap().push(waiting.to_string());
            }
        };
        let (_stopper, stop) = stopper();
        let control = Control { stop, progress: &progress, pace: self.pace(), limits: self.limits };
        let permit = session.permit::<ManageData>().unwrap();
        session.house().sync(&permit, wish, &control).unwrap()
    }

    pub fn sync(&self, vendor: Option<VendorId>, symbols: &[&str]) -> SyncReport {
        self.sync_between(vendor, symbols, FROM, TO)
    }

    pub fn sync_between(
        &self,
        vendor: Option<VendorId>,
        symbols: &[&str],
        from: &str,
        to: &str,
    ) -> SyncReport {
        let instruments = symbols.iter().map(|s| id(s)).collect();
        let (from, to) = (Some(day(from)), Some(day(to)));
        let wish = SyncWish { vendor, instruments, from, to, ..SyncWish::default() };
        self.sync_as(self.session(), &wish)
    }

    /// Syncs what is missing, as the workstation does it by itself.
    pub fn sync_rest(&self, vendor: VendorId, symbols: &[&str]) -> SyncReport {
        let instruments = symbols.iter().map(|s| id(s)).collect();
        let wish = SyncWish { vendor: Some(vendor), instruments, ..SyncWish::default() };
        self.sync_as(self.session(), &wish)
    }

    /// Fetches the directory of a symbol's exchange, however lately it was.
    pub fn directory(&self, vendor: VendorId, symbol: &str) -> BesideRow {
        let (vendor, instruments) = (Some(vendor), vec![id(symbol)]);
        let wish = SyncWish { vendor, instruments, again: true, ..SyncWish::default() };
        self.beside(DataKind::Directory, &wish).rows.remove(0)
    }

    /// Fetches another kind of data than prices.
    pub fn beside(&self, kind: DataKind, wish: &SyncWish) -> BesideReport {
        self.try_beside(kind, wish).unwrap()
    }

    pub fn try_beside(&self, kind: DataKind, wish: &SyncWish) -> Result<BesideReport, Box<ServiceError>> {
        let (_stopper, stop) = stopper();
        self.beside_until(kind, wish, stop, &|_| {})
    }

    pub fn beside_until(
        &self,
        kind: DataKind,
        wish: &SyncWish,
        stop: Stop,
        progress: &(dyn Fn(&Progress) + Send + Sync),
    ) -> Result<BesideReport, Box<ServiceError>> {
        let control = Control { stop, progress, pace: self.pace(), limits: self.limits };
        let permit = self.session().permit::<ManageData>().unwrap();
        self.house().sync_beside(&permit, kind, wish, &control).map_err(Box::new)
    }

    /// Requests for daily bars.
    pub fn bar_requests(&self) -> Vec<Seen> {
        let is_bars = |seen: &Seen| {
            seen.path.contains("/chart/")
                || seen.path.contains("/aggs/")
                || seen.query.get("function").is_some_and(|f| f == "TIME_SERIES_DAILY")
        };
        self.server.log().into_iter().filter(is_bars).collect()
    }

    /// Time between the requests for bars, in milliseconds of virtual time.
    pub fn gaps_ms(&self) -> Vec<i64> {
        let at: Vec<i64> = self.bar_requests().iter().map(|seen| seen.at).collect();
        at.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000_000).collect()
    }

    /// Stored closes of an instrument and source.
    pub fn closes(&self, symbol: &str, source: VendorId) -> BTreeMap<NaiveDate, String> {
        let reader = MarketReader::open(self.home()).unwrap();
        let series = reader.bars(id(symbol), Some(source.as_str()), NaiveDate::MIN, NaiveDate::MAX).unwrap();
        let bars = series.map(|series| series.bars).unwrap_or_default();
        bars.iter().map(|bar| (bar.session, format!("{:.2}", bar.close.to_f64()))).collect()
    }

    /// The closes that must be stored.
    pub fn expected(
        &self,
        symbol: &str,
        adjusted: bool,
        from: &str,
        to: &str,
    ) -> BTreeMap<NaiveDate, String> {
        let days = self.market.days(symbol, day(from), day(to), adjusted);
        days.iter().map(|d| (d.session.date, format!("{:.2}", d.close))).collect()
    }

    pub fn waited(&self) -> Vec<String> {
        self.waits.lock().unwrap().clone()
    }
}
