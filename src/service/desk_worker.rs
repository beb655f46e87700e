//! Behind a [`Desk`]: one thread that answers requests in order, one that keeps the screen fresh.
//!
//! A slow request (signals, advance) never holds up the screen. A new screen is published only when it differs from the
//! last one; both threads end when the terminal drops its end.

use std::cell::OnceCell;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::domain::{AccountId, Capability, CleanText, OrderStatus, Symbol};
use crate::store::trades::Period;

use super::access::Session;
use super::advance::Until;
use super::data_health::DataWatch;
use super::desk::{Desk, DeskEnd, Reply, Request, ResearchWish, Table, Ticket, Wake};
use super::engine::lock;
use super::error::ServiceError;
use super::live_expression::Bench;
use super::permit::{
    Administer, Audit, ControlRisk, ManageData, TradeDesk, ViewMarket, ViewPortfolio, ViewSignals,
};
use super::quality::Decision;
use super::research::SignalWish;
use super::screens::{self, Focus};
use super::view::{self, AskedFor, DataHealth, Research};

/// How often the screen thread looks whether something changed.
const LOOK: Duration = Duration::from_millis(150);
/// After how many looks a screen is made even if nothing of this process changed (another process may have).
const LOOKS_MAX: u32 = 10;

/// Starts both threads around a first screen.
pub(super) fn start(session: &Arc<Session>) -> Result<Desk, ServiceError> {
    let focus = Focus::first(session)?;
    let first = screens::build(session, &focus, None, 1)?;
    let manages = first.may(Capability::ManageData);
    let data: Arc<ArcSwapOption<DataHealth>> = Arc::default();
    let (desk, end) = Desk::pair(first);
    let focus = Arc::new(Mutex::new(focus));
    let (nudge, nudged) = bounded(1);
    let DeskEnd { screen, research, requests, wakes } = end;
    let screens = Screens {
        session: Arc::clone(session),
        focus: Arc::clone(&focus),
        screen,
        data: Arc::clone(&data),
        wakes: wakes.clone(),
        nudged,
    };
    let (look, over) = bounded(1);
    let aside = Arc::default();
    if manages {
        let (watch, nudge) = (DataWatch::new(session, &data, &aside), nudge.clone());
        spawn("desk-data", move || watch.run(&over, &nudge))?;
    }
    let (session, bench) = (Arc::clone(session), OnceCell::new());
    let worker = Worker { session, focus, wakes, nudge, look, aside, research, bench };
    spawn("desk-screens", move || screens.run())?;
    spawn("desk-requests", move || worker.run(&requests))?;
    Ok(desk)
}

pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), ServiceError> {
    let started = thread::Builder::new().name(name.into()).spawn(work);
    started.map(drop).map_err(|e| {
        ServiceError::Invalid(format!("a thread could not be started: {e}; close other programs"))
    })
}

struct Screens {
    session: Arc<Session>,
    focus: Arc<Mutex<Focus>>,
    screen: Arc<arc_swap::ArcSwap<super::view::Screen>>,
    data: Arc<ArcSwapOption<DataHealth>>,
    wakes: Sender<Wake>,
    nudged: Receiver<()>,
}

impl Screens {
    fn run(self) {
        let mut seen = (0, 0);
        let mut looks = 0;
        let mut version = 1;
        loop {
            let nudged = match self.nudged.recv_timeout(LOOK) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let house = self.session.house();
            let now = (house.book_version().unwrap_or(seen.0), house.quotes().version());
            looks += 1;
            if !nudged && now == seen && looks < LOOKS_MAX {
                continue;
            }
            (seen, looks) = (now, 0);
            let focus = lock(&self.focus).clone();
            match screens::build(&self.session, &focus, self.data.load_full(), version + 1) {
                Ok(mut fresh) => {
                    let shown = self.screen.load();
                    // Two screens are the same when they differ only in when they were made.
                    let made = (fresh.version, fresh.wall);
                    (fresh.version, fresh.wall) = (shown.version, shown.wall);
                    if fresh != **shown {
                        (fresh.version, fresh.wall) = made;
                        version += 1;
                        self.screen.store(Arc::new(fresh));
                        // A full queue means that the terminal has a wake to come already.
                        if let Err(crossbeam_channel::TrySendError::Disconnected(_)) =
                            self.wakes.try_send(Wake::Screen)
                        {
                            return;
                        }
                    }
                }
                Err(ServiceError::Locked) => {}
                Err(error @ ServiceError::SessionOver) => {
                    self.wakes.send(Wake::Ended(error.to_string())).unwrap_or_default();
                    return;
                }
                Err(error) => tracing::warn!(%error, "a screen could not be made; the last one stays"),
            }
        }
    }
}

struct Worker {
    session: Arc<Session>,
    focus: Arc<Mutex<Focus>>,
    wakes: Sender<Wake>,
    nudge: Sender<()>,
    /// Has the data looked at; its end ends the one who looks.
    look: Sender<()>,
    /// What rows set aside must contain to be shown.
    aside: Arc<Mutex<String>>,
    research: Arc<ArcSwapOption<Research>>,
    /// Started by the first wish of somebody who may see values.
    bench: OnceCell<Bench>,
}

impl Worker {
    fn run(self, requests: &Receiver<(u64, Request)>) {
        while let Ok((number, request)) = requests.recv() {
            let answered = match request {
                Request::TakeOver { account, symbol, shown } => {
                    self.take_over(number, account, symbol, shown)
                }
                request => self.answer(request).map(Some),
            };
            let reply = match answered {
                Ok(Some(reply)) => reply,
                Ok(None) => continue,
                Err(error) => Reply::Failed(error.to_string()),
            };
            // One waiting nudge is enough.
            self.nudge.try_send(()).unwrap_or_default();
            self.look.try_send(()).unwrap_or_default();
            if self.wakes.send(Wake::Reply(number, reply)).is_err() {
                return;
            }
        }
    }

    /// Asks a broker, which may take its time: halts and cancels do not wait behind it. The reply comes later.
    fn take_over(
        &self,
        number: u64,
        account: AccountId,
        symbol: Symbol,
        shown: Option<AskedFor>,
    ) -> Result<Option<Reply>, ServiceError> {
        let (session, wakes, nudge) = (Arc::clone(&self.session), self.wakes.clone(), self.nudge.clone());
        spawn("desk-broker", move || {
            let done = session
                .permit::<ControlRisk>()
                .and_then(|permit| session.house().take_over_shown(&permit, account, symbol, shown));
            let reply = match done {
                Ok(row) => Reply::Done(claim_told(&row)),
                Err(error) => Reply::Failed(error.to_string()),
            };
            nudge.try_send(()).unwrap_or_default();
            // Nobody waits for it when the terminal is gone.
            wakes.send(Wake::Reply(number, reply)).unwrap_or_default();
        })?;
        Ok(None)
    }

    fn answer(&self, request: Request) -> Result<Reply, ServiceError> {
        let session = &self.session;
        let house = session.house();
        match request {
            Request::Focus(instrument) => {
                lock(&self.focus).instrument = Some(instrument);
                Ok(Reply::Done(String::new()))
            }
            Request::SelectAccount(account) => {
                session.person()?;
                lock(&self.focus).account = Some(account);
                Ok(Reply::Done(format!("now showing {account}")))
            }
            Request::Find(text) => {
                Ok(Reply::Found(house.find_instruments(&session.permit::<ViewMarket>()?, &text)?))
            }
            Request::Watch(id) => {
                let added = house.watch(&session.permit::<ViewMarket>()?, &[id])?;
                Ok(Reply::Done(if added > 0 {
                    format!("{} is on the watchlist", id.symbol)
                } else {
                    format!("{} was on the watchlist already", id.symbol)
                }))
            }
            Request::Unwatch(id) => {
                let gone = house.unwatch(&session.permit::<ViewMarket>()?, id)?;
                Ok(Reply::Done(if gone {
                    format!("{} is off the watchlist", id.symbol)
                } else {
                    format!("{} was not on the watchlist; names you hold show while it is empty", id.symbol)
                }))
            }
            Request::WhatIf(ticket) => self.what_if(ticket),
            Request::Submit { ticket, basis } => self.submit(ticket, basis),
            Request::Route(account, id) => {
                let text = house.route(&session.permit::<ViewPortfolio>()?, account, id)?;
                Ok(Reply::Route(account, id, text))
            }
            Request::Amend { account, id, quantity, limit_price, trigger_price } => {
                let permit = session.trade_permit(Some(account))?;
                Ok(told(&house.amend(&permit, id, quantity, (limit_price, trigger_price))?))
            }
            Request::Cancel { account, id } => {
                let row = house.cancel(&session.trade_permit(Some(account))?, id)?;
                Ok(told(&row))
            }
            Request::CancelAll { account, symbol } => {
                let rows = house.cancel_all(&session.trade_permit(Some(account))?, symbol)?;
                Ok(Reply::Done(format!("{} orders cancelled", rows.len())))
            }
            request => self.answer_market(request),
        }
    }

    /// Requests about signals and market time.
    fn answer_market(&self, request: Request) -> Result<Reply, ServiceError> {
        let session = &self.session;
        let house = session.house();
        match request {
            Request::RunSignals => {
                let wish = SignalWish { account: lock(&self.focus).account, ..SignalWish::default() };
                let signals = house.run_signals(&session.permit::<TradeDesk>()?, &wish)?;
                let omitted = signals.omissions.first().map(|o| format!("; {o}")).unwrap_or_default();
                Ok(Reply::Done(format!("{} names ranked{omitted}", signals.rows.len())))
            }
            Request::Rebalance { dry_run } => {
                let account = lock(&self.focus).account;
                let basket = house.rebalance(
                    &session.permit::<TradeDesk>()?,
                    &session.trade_permit(account)?,
                    None,
                    dry_run,
                )?;
                Ok(Reply::Basket(basket.rows, dry_run))
            }
            Request::Advance(sessions) => {
                let permit = session.permit::<ManageData>()?;
                let exchange = house.exchange_of(lock(&self.focus).account)?;
                let report = house.advance(&permit, Some(exchange), Until::Sessions(sessions), |_| {})?;
                Ok(Reply::Done(format!("{} sessions played, {} fills", report.sessions, report.fills)))
            }
            Request::Speed(speed) => {
                house.set_speed(&session.permit::<ManageData>()?, speed)?;
                Ok(Reply::Done(if speed == 0 {
                    "the simulated clock is paused".into()
                } else {
                    format!("the simulated clock runs {speed} times as fast")
                }))
            }
            Request::Sync(kind, names) => {
                let permit = session.permit::<ManageData>()?;
                let wish = house.wish_named(&names)?;
                house.start_sync(&permit, kind, &wish)?;
                Ok(Reply::Done("the sync has begun; the workspace Data shows how far it is".into()))
            }
            Request::StopSync => {
                house.cancel_sync(&session.permit::<ManageData>()?);
                Ok(Reply::Done("the sync stops after its present page".into()))
            }
            Request::FindSetAside(text) => {
                session.permit::<ManageData>().map(drop)?;
                *lock(&self.aside) = text;
                Ok(Reply::Done(String::new()))
            }
            Request::Decide(id, decision) => {
                house.decide_quarantined(&session.permit::<ManageData>()?, id, decision)?;
                Ok(Reply::Done(match decision {
                    Decision::Accept => "the row is stored as it was read".into(),
                    Decision::Refetch => {
                        "the day is asked for again by the next sync; of minutes by 'sync --kind minutes'"
                            .into()
                    }
                    Decision::Ignore => "the row is left out for good".into(),
                }))
            }
            request => self.answer_keys(request),
        }
    }

    /// Requests about places of keys that are shut.
    fn answer_keys(&self, request: Request) -> Result<Reply, ServiceError> {
        let session = &self.session;
        match request {
            Request::OpenVault(passphrase) => {
                let _permit = session.permit::<ManageData>()?;
                session.house().open_vault(&passphrase)?;
                Ok(Reply::Done("the vault of keys is open until you leave".into()))
            }
            Request::OpenKeyring => {
                let _permit = session.permit::<ManageData>()?;
                let session = Arc::clone(session);
                spawn("keyring", move || {
                    if let Err(error) = session.house().open_keyring() {
                        tracing::warn!(%error, "the keyring stays locked");
                    }
                })?;
                Ok(Reply::Done("the system asks for its keyring now; answer its question".into()))
            }
            request => self.answer_people(request),
        }
    }

    /// Requests about change sets of limits.
    fn answer_sets(&self, request: Request) -> Result<Reply, ServiceError> {
        let house = self.session.house();
        let permit = self.session.permit::<ControlRisk>()?;
        let named = |rows: &[super::view::LimitVersionRow]| {
            let set = rows.first().and_then(|r| r.set).map(|set| set.to_string());
            (set.unwrap_or_default(), rows.len())
        };
        Ok(match request {
            Request::PreviewLimits(drafts) => {
                Reply::SetPreview(Box::new(house.preview_limits(&permit, &drafts)?))
            }
            Request::PreviewSet(set) => Reply::SetPreview(Box::new(house.preview_set(&permit, set)?)),
            Request::SetLimits(drafts, reason) => {
                let (set, count) = named(&house.set_limits(&permit, drafts, &reason)?);
                Reply::Done(format!("change set {set} with {count} limits waits for a second person"))
            }
            Request::ApproveSet(set, seen) => {
                let count = house.approve_limits(&permit, set, seen)?.len();
                Reply::Done(format!("change set {set} is in force: {count} limits"))
            }
            Request::RejectSet(set, reason) => {
                let count = house.reject_limits(&permit, set, reason)?.len();
                Reply::Done(format!(
                    "change set {set} with its {count} limits is turned down; nothing changed"
                ))
            }
            Request::RevertSet(set) => {
                let (name, count) = named(&house.revert_set(&permit, set)?);
                Reply::Done(format!(
                    "change set {name} takes back {set} ({count} limits); it waits for a second person"
                ))
            }
            other => return Err(ServiceError::Invalid(format!("this request is not known here: {other:?}"))),
        })
    }

    /// Halts, drills of them, closing of positions.
    fn answer_stops(&self, request: Request) -> Result<Reply, ServiceError> {
        let session = &self.session;
        let house = session.house();
        match request {
            Request::Halt { scope, mode, cancel, reason } => {
                let ended = house.halt(&session.permit::<ControlRisk>()?, scope, mode, cancel, reason)?;
                let ended = if cancel { format!("; {ended} open orders were ended") } else { String::new() };
                let told = mode.told();
                Ok(Reply::Done(format!("{scope}: {told}{ended}; another person can resume it")))
            }
            Request::Flatten { scope, reason } => {
                let rows = house.flatten(&session.permit::<ControlRisk>()?, scope, reason)?;
                let refused = rows.iter().filter(|r| r.status == OrderStatus::Denied).count();
                let text = format!("{scope}: {} positions are being closed at market", rows.len() - refused);
                Ok(match refused {
                    0 => Reply::Done(text),
                    n => Reply::Failed(format!("{text}; {n} could not be: see Orders")),
                })
            }
            Request::Drill(scope) => {
                let (orders, micros) = house.drill(&session.permit::<ControlRisk>()?, scope)?;
                Ok(Reply::Done(view::drill_told(scope, orders, micros)))
            }
            Request::Resume(scope) => {
                house.resume(&session.permit::<ControlRisk>()?, scope)?;
                Ok(Reply::Done(format!("trading goes on ({scope})")))
            }
            other => self.answer_sets(other),
        }
    }

    /// Requests about limits, people and the house itself.
    fn answer_people(&self, request: Request) -> Result<Reply, ServiceError> {
        let session = &self.session;
        let house = session.house();
        match request {
            Request::PreviewLimit(draft) => {
                Ok(Reply::Preview(Box::new(house.preview_limit(&session.permit::<ControlRisk>()?, &draft)?)))
            }
            Request::SetLimit(draft) => {
                Ok(version_told(&house.set_limit(&session.permit::<ControlRisk>()?, *draft)?))
            }
            Request::ApproveLimit(version) => {
                Ok(version_told(&house.approve_limit(&session.permit::<ControlRisk>()?, version)?))
            }
            Request::RejectLimit { version, reason } => {
                Ok(version_told(&house.reject_limit(&session.permit::<ControlRisk>()?, version, reason)?))
            }
            Request::Acknowledge { event, reason } => {
                let row = house.acknowledge(&session.permit::<ControlRisk>()?, event, reason)?;
                Ok(Reply::Done(format!("Risk event {} of {} is acknowledged.", row.event, row.account)))
            }
            Request::RevertLimit(version) => {
                Ok(version_told(&house.revert_limit(&session.permit::<ControlRisk>()?, version)?))
            }
            Request::ApproveOrder { account, id, seen } => {
                let permit = session.permit::<ControlRisk>()?;
                Ok(told(&house.approve_order(&permit, account, id, Some(seen))?))
            }
            Request::ReadNotices => {
                house.read_notices(&session.permit::<ViewMarket>()?)?;
                Ok(Reply::Done(String::new()))
            }
            Request::Setting { key, value } => {
                session.change_setting(&key, &value)?;
                Ok(Reply::Done(format!("{key} is {value}")))
            }
            Request::Export { table, json } => self.export(table, json),
            Request::DisableUser(name) => {
                house.disable_user(&session.permit::<Administer>()?, name)?;
                Ok(Reply::Done(format!("{name} can no longer log in")))
            }
            Request::VerifyAudit => {
                let report = house.verify_audit(&session.permit::<Audit>()?, None)?;
                let text = if report.sound {
                    "the journal is whole and its sums agree"
                } else {
                    "the journal is NOT sound; see 'qlib-pro audit verify'"
                };
                Ok(Reply::Done(format!("{} events: {text}", report.events)))
            }
            Request::Research(wish) => self.research(wish),
            Request::Factors => {
                let list = house.factor_definitions(&session.permit::<ViewSignals>()?)?;
                let rows = list.rows.into_iter().map(view::FactorRow::from).collect();
                Ok(Reply::Factors(rows, list.problem))
            }
            Request::SaveFactor { name, text } => {
                house.save_factor(&session.permit::<TradeDesk>()?, &name, &text, "")?;
                Ok(Reply::Done(format!("{} is saved among your own factors", CleanText::new(&name))))
            }
            other => self.answer_stops(other),
        }
    }

    /// Hands a wish to the bench, which computes on a thread of its own.
    fn research(&self, wish: ResearchWish) -> Result<Reply, ServiceError> {
        // Asked here too, so that a refusal is an answer to this request.
        let _permit = self.session.permit::<ViewSignals>()?;
        let bench = match self.bench.get() {
            Some(bench) => bench,
            None => {
                let wakes = self.wakes.clone();
                let bench = Bench::start(&self.session, &self.focus, &self.research, wakes)?;
                self.bench.get_or_init(|| bench)
            }
        };
        bench.ask(wish);
        Ok(Reply::Done(String::new()))
    }

    fn what_if(&self, ticket: Ticket) -> Result<Reply, ServiceError> {
        let permit = self.session.trade_permit(Some(ticket.account))?;
        let seen = self.session.house().what_if(&permit, &ticket.order)?;
        Ok(Reply::WhatIf(ticket, Box::new(seen)))
    }

    /// Sends a reviewed order, unless what the review showed no longer holds.
    fn submit(&self, ticket: Ticket, basis: (u32, u64)) -> Result<Reply, ServiceError> {
        let house = self.session.house();
        let permit = self.session.trade_permit(Some(ticket.account))?;
        let now = house.what_if(&permit, &ticket.order)?;
        let limits_changed = now.basis.0 != basis.0;
        if now.code.is_some() || limits_changed {
            return Ok(Reply::Changed(ticket, Box::new(now)));
        }
        let rows = house.give_order(&permit, &ticket.order)?;
        let refused = rows.iter().find(|r| r.code.is_some() && r.status.is_done());
        let Some(first) = refused.or(rows.first()) else { return Ok(Reply::Done(String::new())) };
        let exits = match (rows.len(), ticket.order.or_stop) {
            (0 | 1, _) => String::new(),
            (_, Some(stop)) => format!("; a stop at {stop} stands beside it"),
            (2, None) => "; 1 exit waits for it".to_owned(),
            (rows, None) => format!("; {} exits wait for it", rows - 1),
        };
        Ok(match told(first) {
            Reply::Done(text) => Reply::Done(format!("{text}{exits}")),
            other => other,
        })
    }

    fn export(&self, table: Table, json: bool) -> Result<Reply, ServiceError> {
        let account = lock(&self.focus).account;
        let path = self.session.export_table(table, account, Period::ALL, json)?;
        Ok(Reply::Done(format!("written to {}", CleanText::new(&path.display().to_string()))))
    }
}

fn told(row: &super::view::OrderRow) -> Reply {
    let what = format!("{} {} {}", row.side.as_str(), row.quantity, row.symbol);
    let why = if row.reason.is_empty() { String::new() } else { format!(": {}", row.reason) };
    let text = format!("{what} is {}{why}", row.status.as_str().replace('_', " "));
    if row.code.is_some() && row.status.is_done() { Reply::Failed(text) } else { Reply::Done(text) }
}

fn claim_told(row: &view::ClaimRow) -> String {
    let view::ClaimRow { account, symbol, quantity, cost, asked_by, .. } = row;
    if row.is_done() {
        format!("{quantity} {symbol} for {cost} are in the book of {account}, as {asked_by} had asked")
    } else {
        format!(
            "{quantity} {symbol} for {cost} wait to be taken over into {account}: a second person must agree"
        )
    }
}

fn version_told(row: &super::view::LimitVersionRow) -> Reply {
    use crate::domain::limit::VersionStatus;
    Reply::Done(match row.status {
        VersionStatus::Approved => format!("{} is in force as version {}", row.name, row.version),
        VersionStatus::Proposed => {
            format!("{} waits as version {} for a second person", row.name, row.version)
        }
        VersionStatus::Rejected => format!("version {} of {} was turned down", row.version, row.name),
        VersionStatus::Withdrawn => format!("version {} of {} was taken back", row.version, row.name),
        VersionStatus::Overtaken => {
            format!("version {} of {} was overtaken by a later one", row.version, row.name)
        }
    })
}
