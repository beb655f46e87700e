//! Comparing an account with its broker: what to ask, and what the answers mean. Pure; the asking is done outside.
//!
//! Order of the news: names first, then executions, then how each order stands with what is still missing inferred,
//! then positions. Applied twice it changes nothing the second time. A difference that remains is a break for a person;
//! nothing is ever traded to make it go away.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::broker::{BrokerReport, FillReport, OrderReport, PositionReport, VenueRefusal, VenueView};
use crate::domain::command::VenueAnswer;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{
    AccountId, CleanText, Command, InstrumentId, OrderId, OrderStatus, Quantity, RefusalCode, UnixNanos,
    VenueOrderId,
};

use super::state::State;

#[cfg(test)]
mod tests;

/// Most orders that were given elsewhere and are asked for in one comparison; the next one asks for more.
const STRANGERS_MAX: usize = 200;
/// What follows an order that the broker does not know.
const UNKNOWN_THERE: &str = "works here and is not known at the broker";
/// What follows an order that only the broker works.
const WORKS_THERE: &str = "ended here and works at the broker";
/// What follows a fill that was counted all the same.
pub(super) const ENDED_BEFORE: &str = "came after the order had ended";
/// What follows shares whose exits a broker ended.
pub(super) const HELD_WITHOUT: &str = "the broker ended its exits with it: they are held without";
/// How far back executions are asked for again, in seconds: clocks differ, and records come late.
const MARGIN_SECONDS: i64 = 86_400;

/// One order that a broker is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AboutOrder {
    /// Our name.
    pub id: OrderId,
    /// How often it was to be changed: the order under this number and the one before it are asked for.
    pub changes: u32,
    /// The venue's name, where it is known.
    pub venue_id: Option<VenueOrderId>,
    /// The order it was sent with, by our name and changes: that one tells it while it has no name of its own.
    pub lead: Option<(OrderId, u32)>,
}

/// What a broker is asked beside its open orders and positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    /// From when on executions are asked for.
    pub since: UnixNanos,
    /// Orders that are open here.
    pub orders: Vec<AboutOrder>,
}

/// What an account's broker has to be asked at wall time `now`.
pub fn questions(state: &State, account: AccountId, now: UnixNanos) -> Questions {
    let mut since = state.compared(account).map_or(now, |compared| compared.last.min(now));
    let mut orders = Vec::new();
    for order in state.orders().open().values().filter(|o| o.spec.account == account && o.is_at_broker()) {
        let Some(remote) = &order.remote else { continue };
        since = since.min(order.given_at);
        let (id, changes, venue_id) = (order.spec.id, remote.changes, remote.venue_id());
        let lead = order.sent_with().filter(|_| venue_id.is_none()).map(|lead| {
            let leader = state.orders().get(account, lead).and_then(|o| o.remote.as_ref());
            (lead, leader.map_or(0, |remote| remote.changes))
        });
        orders.push(AboutOrder { id, changes, venue_id, lead });
    }
    Questions { since: since.plus_nanos(-MARGIN_SECONDS * NANOS_PER_SECOND), orders }
}

/// Names of venue orders that the answers speak of and nobody told: those of executions of other orders since the
/// account is kept here, and those that took the place of orders of ours. They are to be asked for.
pub fn strangers(state: &State, account: AccountId, view: &VenueView) -> BTreeSet<VenueOrderId> {
    let opened = state.compared(account).map(|compared| compared.opened);
    let reports = in_order(view);
    let is_new = |f: &&FillReport| opened.is_some_and(|opened| f.time >= opened);
    let executed = view.fills.iter().filter(is_new).map(|f| f.venue_id);
    let replacing = reports.iter().filter_map(|r| r.replaced_by);
    let is_told = |name: VenueOrderId| reports.iter().any(|r| r.venue_id == name);
    let is_known = |name| state.orders().at_venue(account, name).is_some();
    executed.chain(replacing).filter(|name| !is_told(*name) && !is_known(*name)).take(STRANGERS_MAX).collect()
}

/// What the answers mean for orders, as commands of the house. `is_patient` says that orders not found were asked for
/// long enough to be given up.
pub fn news(state: &State, account: AccountId, view: &VenueView, is_patient: bool) -> Vec<Command> {
    let reports = in_order(view);
    let tell = |report| Command::VenueReport { account, report };
    let mut news: Vec<Command> = reports.iter().map(|r| tell(BrokerReport::Order((*r).clone()))).collect();
    let mut fills: Vec<&FillReport> =
        view.fills.iter().filter(|f| is_ours(state, account, &reports, f)).collect();
    fills.sort_by_key(|f| (f.time, f.venue_id, f.cum));
    news.extend(fills.into_iter().map(|f| tell(BrokerReport::Fill(named(&reports, f)))));
    news.extend(reports.iter().map(|r| Command::VenueSettled { account, report: (*r).clone() }));
    for (id, _) in unknown_there(view).filter(|_| is_patient) {
        let status = state.orders().open().get(&(account, *id)).map(|o| o.status);
        if status == Some(OrderStatus::Submitted) {
            let text = CleanText::new("asked for again and again, never found");
            let refusal = VenueRefusal { code: RefusalCode::SubmitTimeoutUnknown, text };
            let answer = VenueAnswer::Refused(refusal);
            news.push(Command::VenueAnswer { account, id: *id, answer });
        }
    }
    news
}

/// What differs once the news is taken in: positions, orders that work here and are not known there, and orders that
/// ended here and work there.
pub fn breaks(state: &State, account: AccountId, view: &VenueView) -> Vec<CleanText> {
    let mut found = view.unread.clone();
    for (id, _) in unknown_there(view) {
        let status = state.orders().open().get(&(account, *id)).map(|o| o.status);
        if status.is_some_and(|s| s != OrderStatus::Submitted) {
            found.push(CleanText::from(format!("order {id} {UNKNOWN_THERE}")));
        }
    }
    for report in &view.open {
        if let Some(order) = state.orders().at_venue(account, report.venue_id).filter(|o| o.status.is_done())
        {
            let id = order.spec.id;
            found.push(CleanText::from(format!("order {id} {WORKS_THERE}")));
        }
    }
    let Some(ours) = state.accounts().get(&account) else { return found };
    let theirs = positions(&view.positions);
    let mut all: Vec<InstrumentId> = ours.positions().keys().chain(theirs.keys()).copied().collect();
    all.sort_unstable();
    all.dedup();
    for instrument in all {
        let (here, there) = (ours.quantity(instrument), theirs.get(&instrument).copied().unwrap_or_default());
        if here != there {
            found.push(difference(instrument, here, there));
        }
    }
    found
}

/// A difference of shares in words.
pub(super) fn difference(instrument: InstrumentId, here: Quantity, there: Quantity) -> CleanText {
    CleanText::from(format!("{instrument}: {here} here and {there} at the broker"))
}

/// The instrument of a difference of shares, and how many the broker holds more where it can be taken over.
pub fn shares_told(text: &str) -> Option<(InstrumentId, Option<Quantity>)> {
    let (instrument, rest) = text.split_once(": ")?;
    let (here, there) = rest.strip_suffix(" at the broker")?.split_once(" here and ")?;
    let (here, there): (Quantity, Quantity) = (here.parse().ok()?, there.parse().ok()?);
    let more = there.checked_sub(here).filter(|more| {
        let same = here.is_zero() || here.is_negative() == more.is_negative();
        more.is_negative() == there.is_negative() && same
    });
    Some((instrument.parse().ok()?, more))
}

/// Whether what was told leaves open what is held of an instrument, or what works in it.
pub(super) fn leaves_open(text: &str, instrument: InstrumentId) -> bool {
    match text.split_once(": ").and_then(|(name, _)| name.parse::<InstrumentId>().ok()) {
        Some(other) => other == instrument,
        // A person is to know these; here and there the shares are the same.
        None => !text.ends_with(ENDED_BEFORE) && !text.ends_with(HELD_WITHOUT),
    }
}

/// What a person can do about a difference that was told.
pub fn remedy(text: &str) -> &'static str {
    match shares_told(text) {
        Some((_, Some(_))) => "two people who control risk can take it over; else correct it at the broker",
        Some((_, None)) => "find out why at the broker and correct it there; nothing is taken off the book",
        None if text.ends_with(UNKNOWN_THERE) => {
            "look for it at the broker; if it is not there, cancel it here"
        }
        None if text.ends_with(WORKS_THERE) => "cancel it at the broker; what it fills there is counted here",
        None => "look at it at the broker; the next comparison tells it again if it is not in order",
    }
}

fn positions(told: &[PositionReport]) -> BTreeMap<InstrumentId, Quantity> {
    let mut sums: BTreeMap<InstrumentId, Quantity> = BTreeMap::new();
    for position in told {
        let sum = sums.entry(position.instrument).or_default();
        *sum = sum.checked_add(position.quantity).unwrap_or(*sum);
    }
    sums
}

fn unknown_there(view: &VenueView) -> impl Iterator<Item = &(OrderId, Option<OrderReport>)> {
    let is_open = |id: OrderId| view.open.iter().any(|o| o.id == Some(id));
    view.asked.iter().filter(move |(id, found)| found.is_none() && !is_open(*id))
}

/// Whether an execution belongs to an order of this account; the record may hold others from before or elsewhere.
fn is_ours(state: &State, account: AccountId, reports: &[&OrderReport], fill: &FillReport) -> bool {
    let told = reports.iter().any(|r| r.venue_id == fill.venue_id);
    told || state.orders().at_venue(account, fill.venue_id).is_some()
}

/// A record of an execution names only the venue's order; its order's report names ours.
fn named(reports: &[&OrderReport], fill: &FillReport) -> FillReport {
    let id = reports.iter().find(|r| r.venue_id == fill.venue_id).and_then(|r| r.id);
    FillReport { id: fill.id.or(id), ..fill.clone() }
}

/// Each venue order once, as it stood last; earlier names of an order before later ones.
fn in_order(view: &VenueView) -> Vec<&OrderReport> {
    let asked = view.asked.iter().filter_map(|(_, found)| found.as_ref());
    let all = view.open.iter().chain(asked).chain(&view.elsewhere).flat_map(OrderReport::flat);
    let mut newest: BTreeMap<VenueOrderId, &OrderReport> = BTreeMap::new();
    for report in all {
        let kept = newest.entry(report.venue_id).or_insert(report);
        let newness = |r: &OrderReport| (r.changed_at, r.filled, r.legs.len());
        if newness(report) > newness(kept) {
            *kept = report;
        }
    }
    let mut all: Vec<&OrderReport> = newest.into_values().collect();
    all.sort_by_key(|r| (r.id, r.amend_seq, r.venue_id));
    all
}
