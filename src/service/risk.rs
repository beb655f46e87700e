//! Limits for the people who set them: what is in force and how much is used, drafts with a preview, approval by a
//! second person, halts, breaches, and orders that a soft limit holds.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::command::ShownOrder;
use crate::domain::event::{EventBody, HaltMode};
use crate::domain::limit::{
    LimitDraft, LimitName, LimitTerms, LimitUnit, LimitValue, LimitVersion, Scope as Covers, VersionStatus,
};
use crate::domain::listed::{ListedError, Spelled};
use crate::domain::row::{RiskAckRow, RiskEventRow};
use crate::domain::{AccountId, ChangeSetId, CleanText, Command, Event, OrderId, Seq, UnixNanos, UserName};
use crate::execution::State;
use crate::risk::{self, LimitBook, LimitUse};
use crate::store::trades::{Accounts, Period};

use super::book;
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{ControlRisk, Permit, Scope, ViewLimits};
use super::view;

/// Most breaches shown.
const BREACHES_MAX: u32 = 500;
impl House {
    /// Limits in force with their use by the accounts in scope, their history, and halts.
    pub fn limits(&self, permit: &Permit<ViewLimits>) -> Result<view::LimitsView, ServiceError> {
        self.limits_in(&*self.state()?, permit.scope())
    }

    /// The same in any state.
    pub(super) fn limits_in(&self, state: &State, scope: Scope) -> Result<view::LimitsView, ServiceError> {
        Ok(view::LimitsView {
            version: state.limits().version(),
            limits: limit_rows(state, scope),
            history: versions_in(state, scope),
            halts: halt_rows(state).into_iter().filter(|h| sees(state, scope, h.scope)).collect(),
            single_person: self.has_one_person()?,
        })
    }

    /// All versions, newest first.
    pub fn limit_history(
        &self,
        permit: &Permit<ViewLimits>,
    ) -> Result<Vec<view::LimitVersionRow>, ServiceError> {
        Ok(versions_in(&*self.state()?, permit.scope()))
    }

    /// Refusals and other risk events of the accounts in scope, newest first.
    pub fn breaches(&self, permit: &Permit<ViewLimits>) -> Result<Vec<view::BreachRow>, ServiceError> {
        let accounts = self.scoped(permit.scope(), None)?;
        let ledger = lock(self.ledger());
        let rows = ledger.risk_events(Accounts::Only(&accounts), Period::ALL, BREACHES_MAX)?;
        let first = rows.iter().map(|row| row.seq).min().unwrap_or(0);
        let acks: BTreeMap<Seq, RiskAckRow> =
            ledger.risk_acks(first)?.into_iter().map(|row| (row.ack.of, row)).collect();
        Ok(rows.into_iter().map(|row| breach_row(&row, acks.get(&row.seq))).collect())
    }

    /// Notes that who acts looked at a risk event of an account in scope, and what came of it.
    pub fn acknowledge(
        &self,
        permit: &Permit<ControlRisk>,
        event: Seq,
        resolution: CleanText,
    ) -> Result<view::BreachRow, ServiceError> {
        if resolution.as_str().trim().is_empty() {
            let why = "say what was found and done: it is kept with the risk event";
            return Err(ServiceError::Invalid(why.into()));
        }
        let accounts = self.scoped(permit.scope(), None)?;
        let found = lock(self.ledger()).risk_event(event)?.filter(|row| accounts.contains(&row.account));
        let row = found.ok_or_else(|| ServiceError::Unknown {
            kind: "risk event",
            name: event.to_string().into(),
            remedy: "see 'qlib-pro risk list' for their numbers",
        })?;
        if let Some(seen) = self.ack_of(event)? {
            let (by, what) = (seen.ack.actor, seen.ack.resolution);
            return Err(ServiceError::Invalid(format!(
                "{by} acknowledged risk event {event} before: {what}"
            )));
        }
        self.control(permit, Command::AcknowledgeRisk { of: event, account: row.account, resolution })?;
        Ok(breach_row(&row, self.ack_of(event)?.as_ref()))
    }

    /// Who looked at a risk event last.
    fn ack_of(&self, event: Seq) -> Result<Option<RiskAckRow>, ServiceError> {
        let acks = lock(self.ledger()).risk_acks(event)?;
        Ok(acks.into_iter().rfind(|row| row.ack.of == event))
    }

    /// Sets a limit. Tightening applies at once; loosening waits for a second person. Returns its version row.
    pub fn set_limit(
        &self,
        permit: &Permit<ControlRisk>,
        draft: LimitDraft,
    ) -> Result<view::LimitVersionRow, ServiceError> {
        self.known_scope(permit.scope(), draft.scope)?;
        let draft = self.known_list(draft)?;
        self.state()?
            .limits()
            .judge(&draft, self.house_time()?)
            .map_err(|e| ServiceError::Invalid(e.to_string()))?;
        self.control(permit, Command::SetLimit(draft))?;
        let state = self.state()?;
        let last = state.limits().versions().last().map(version_row);
        last.ok_or_else(|| {
            ServiceError::Invalid("the limit was not recorded; see the limits' history".into())
        })
    }

    /// Approves a waiting version.
    pub fn approve_limit(
        &self,
        permit: &Permit<ControlRisk>,
        version: u32,
    ) -> Result<view::LimitVersionRow, ServiceError> {
        self.control(permit, Command::ApproveLimit { version })?;
        self.version(version)
    }

    fn version(&self, version: u32) -> Result<view::LimitVersionRow, ServiceError> {
        let state = self.state()?;
        let row = state.limits().versions().iter().find(|v| v.version == version).map(version_row);
        row.ok_or_else(|| ServiceError::Invalid(format!("limit version {version} does not exist")))
    }

    fn versions_of(&self, set: ChangeSetId) -> Result<Vec<view::LimitVersionRow>, ServiceError> {
        let state = self.state()?;
        let own = state.limits().versions().iter().filter(|v| v.draft.terms.set == Some(set));
        Ok(own.map(version_row).collect())
    }

    /// Turns a waiting version down with the whole of its change set; who asked for it takes it back.
    pub fn reject_limit(
        &self,
        permit: &Permit<ControlRisk>,
        version: u32,
        reason: CleanText,
    ) -> Result<view::LimitVersionRow, ServiceError> {
        self.control(permit, Command::RejectLimit { version, reason })?;
        self.version(version)
    }

    /// Turns all waiting versions of a change set down. Returns their rows.
    pub fn reject_limits(
        &self,
        permit: &Permit<ControlRisk>,
        set: ChangeSetId,
        reason: CleanText,
    ) -> Result<Vec<view::LimitVersionRow>, ServiceError> {
        self.control(permit, Command::RejectLimits { set, reason })?;
        self.versions_of(set)
    }

    /// What bound at one version and at another: limits whose values differ, by name and scope.
    pub fn limit_changes(
        &self,
        permit: &Permit<ViewLimits>,
        from: u32,
        to: u32,
    ) -> Result<Vec<view::LimitChange>, ServiceError> {
        let state = self.state()?;
        let as_of = |version| {
            let found = state.limits().as_of(version);
            found.map_err(|e| ServiceError::Invalid(e.to_string()))
        };
        let (before, after) = (as_of(from)?, as_of(to)?);
        let all = before.in_force().chain(after.in_force()).map(|(name, scope, _)| (name, scope));
        let keys: BTreeSet<(LimitName, Covers)> =
            all.filter(|(_, covers)| sees(&state, permit.scope(), *covers)).collect();
        let values = |book: &LimitBook, (name, covers)| {
            let text = |v: &Option<LimitValue>| v.as_ref().map(ToString::to_string);
            book.get(name, covers).map_or((None, None), |v| (text(&v.hard), text(&v.soft)))
        };
        let rows = keys.into_iter().map(|key| {
            let ((from_hard, from_soft), (to_hard, to_soft)) = (values(&before, key), values(&after, key));
            view::LimitChange { name: key.0, scope: key.1, from_hard, to_hard, from_soft, to_soft }
        });
        Ok(rows.filter(|c| (&c.from_hard, &c.from_soft) != (&c.to_hard, &c.to_soft)).collect())
    }

    /// Approves all waiting versions of a change set, or none: up to the newest that was `seen`, when no other joined it
    /// since. Returns their rows; an error names what is in it where nothing was seen, or something else is there now.
    pub fn approve_limits(
        &self,
        permit: &Permit<ControlRisk>,
        set: ChangeSetId,
        seen: Option<u32>,
    ) -> Result<Vec<view::LimitVersionRow>, ServiceError> {
        self.control(permit, Command::ApproveLimits { set, seen })?;
        self.versions_of(set)
    }

    /// Submits drafts as one change set, for one reason: a second person approves all of them or none.
    pub fn set_limits(
        &self,
        permit: &Permit<ControlRisk>,
        drafts: Vec<LimitDraft>,
        reason: &CleanText,
    ) -> Result<Vec<view::LimitVersionRow>, ServiceError> {
        if drafts.is_empty() {
            return Err(ServiceError::Invalid("the change set is empty: add a limit to it first".into()));
        }
        let state = self.state()?;
        for draft in &drafts {
            self.known_scope(permit.scope(), draft.scope)?;
        }
        let name = format!("set-{}", state.limits().version().saturating_add(1));
        let set: ChangeSetId = name.parse().map_err(|e| ServiceError::Invalid(format!("{e}")))?;
        let named = |draft: LimitDraft| {
            let own = if draft.reason.is_empty() { String::new() } else { format!(": {}", draft.reason) };
            let terms = LimitTerms { set: Some(set), ..draft.terms.clone() };
            LimitDraft { reason: format!("{reason}{own}").into(), terms, ..draft }
        };
        let drafts = drafts.into_iter().map(|draft| self.known_list(named(draft)));
        let drafts = drafts.collect::<Result<Vec<_>, _>>()?;
        self.control(permit, Command::SetLimits(drafts))?;
        self.versions_of(set)
    }

    /// Puts back what stood before a change set, as a new change set that waits for a second person.
    pub fn revert_set(
        &self,
        permit: &Permit<ControlRisk>,
        set: ChangeSetId,
    ) -> Result<Vec<view::LimitVersionRow>, ServiceError> {
        let before = self.state()?.limits().before_set(set);
        let mut drafts = before.map_err(|e| ServiceError::Invalid(e.to_string()))?;
        for draft in &mut drafts {
            draft.reason = CleanText::default();
        }
        self.set_limits(permit, drafts, &format!("takes back change set {set}").into())
    }

    /// Puts the values of an earlier version back, as a new version under the same rules: for its one order or in its
    /// window, where it had one; a window that is over is refused.
    pub fn revert_limit(
        &self,
        permit: &Permit<ControlRisk>,
        version: u32,
    ) -> Result<view::LimitVersionRow, ServiceError> {
        let state = self.state()?;
        let found = state.limits().versions().iter().find(|v| v.version == version);
        let found = found.ok_or_else(|| {
            ServiceError::Invalid(format!("limit version {version} does not exist; see the limits' history"))
        })?;
        // One order and a window bound it: it comes back for no more. The company it came in does not.
        let terms = LimitTerms { based_on: None, set: None, ..found.draft.terms.clone() };
        let mut draft = LimitDraft { terms, ..found.draft.clone() };
        draft.reason = format!("back to version {version}").into();
        self.set_limit(permit, draft)
    }

    /// Releases an order that a soft limit holds, where it still is what was seen of it: at the time of its exchange,
    /// since that is when it begins to work.
    pub fn approve_order(
        &self,
        permit: &Permit<ControlRisk>,
        account: AccountId,
        id: OrderId,
        seen: Option<ShownOrder>,
    ) -> Result<view::OrderRow, ServiceError> {
        let order = self.engine()?.order(account, id)?;
        let now = order.map_or_else(|| self.house_time(), |o| self.order_time(o.spec.instrument.exchange))?;
        self.control_at(permit, now, Command::ApproveOrder { account, id, seen })?;
        let order = self.engine()?.order(account, id)?;
        order
            .map(|o| book::order_row(&o, None, false))
            .ok_or_else(|| super::trading::unknown_account(account))
    }

    /// Stops trading in a scope; with `cancel` its open orders end in the same step. Returns how many did. The
    /// reason stands in the journal.
    pub fn halt(
        &self,
        permit: &Permit<ControlRisk>,
        scope: Covers,
        mode: HaltMode,
        cancel: bool,
        reason: CleanText,
    ) -> Result<u32, ServiceError> {
        self.known_scope(permit.scope(), scope)?;
        let events = self.control(permit, Command::Halt { scope, mode, cancel, reason })?;
        Ok(count(events.iter().filter(|e| ends_order(e)).count()))
    }

    /// Closes the positions of a scope at market. Returns the orders as they stand.
    pub fn flatten(
        &self,
        permit: &Permit<ControlRisk>,
        scope: Covers,
        reason: CleanText,
    ) -> Result<Vec<view::OrderRow>, ServiceError> {
        self.known_scope(permit.scope(), scope)?;
        let events = self.control(permit, Command::Flatten { scope, reason })?;
        let given = |e: &Event| match &e.body {
            EventBody::OrderAccepted { order, .. }
            | EventBody::OrderSubmitted { order, .. }
            | EventBody::OrderHeld { order, .. }
            | EventBody::OrderDenied { order, .. } => Some((order.account, order.id)),
            _ => None,
        };
        let given: BTreeSet<(AccountId, OrderId)> = events.iter().filter_map(given).collect();
        given.into_iter().map(|(account, id)| self.row_of(account, id, &events)).collect()
    }

    fn row_of(
        &self,
        account: AccountId,
        id: OrderId,
        events: &[Event],
    ) -> Result<view::OrderRow, ServiceError> {
        let order = self.engine()?.order(account, id)?;
        let refusal = events.iter().find_map(|e| super::trading::refusal_of(&e.body, id));
        let row = order.map(|o| book::order_row(&o, refusal, false));
        row.ok_or_else(|| super::trading::unknown_account(account))
    }

    /// Tries a halt that would end the open orders of a scope on a copy of the book, and puts that on record. Returns
    /// how many orders it would have ended, and how long that took in microseconds.
    pub fn drill(&self, permit: &Permit<ControlRisk>, scope: Covers) -> Result<(u32, u64), ServiceError> {
        self.known_scope(permit.scope(), scope)?;
        let (now, began) = (self.house_time()?, std::time::Instant::now());
        let (mode, reason) = (HaltMode::Halted, CleanText::default());
        let tried =
            self.rehearse(permit.actor(), now, Command::Halt { scope, mode, cancel: true, reason })?;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let orders = count(tried.iter().filter(|e| ends_order(e)).count());
        self.control(permit, Command::NoteDrill { scope, orders, micros })?;
        Ok((orders, micros))
    }

    /// Lifts a halt that somebody else set (the only person of a home: their own, after a day).
    pub fn resume(&self, permit: &Permit<ControlRisk>, scope: Covers) -> Result<(), ServiceError> {
        self.control(permit, Command::Resume { scope }).map(drop)
    }

    /// A control on what does not exist, or on an account that its maker may not see, would bind nothing of theirs.
    fn known_scope(&self, sees: Scope, scope: Covers) -> Result<(), ServiceError> {
        let state = self.state()?;
        match scope {
            Covers::Account(account) => {
                let seen = book::accounts_in(&state, sees).any(|a| a.spec().account == account);
                if seen { Ok(()) } else { Err(super::trading::unknown_account(account)) }
            }
            Covers::Symbol(symbol) => {
                let traded = state.instruments().keys().any(|id| id.symbol == symbol);
                let stored = || lock(self.market_store()).read().instruments(None);
                if traded || stored()?.iter().any(|i| i.id.symbol == symbol) {
                    return Ok(());
                }
                let name = CleanText::new(symbol.as_str());
                Err(ServiceError::Unknown { kind: "symbol", name, remedy: ListedError::REMEDY })
            }
            Covers::Firm | Covers::Strategy(_) => Ok(()),
        }
    }

    /// A draft whose lists name known symbols as they stand; what was on the list before may stay on it, known or not.
    pub(super) fn known_list(&self, draft: LimitDraft) -> Result<LimitDraft, ServiceError> {
        if draft.name.unit() != LimitUnit::Symbols || (draft.hard.is_none() && draft.soft.is_none()) {
            return Ok(draft);
        }
        let state = self.state()?;
        let stored = lock(self.market_store()).read().instruments(None)?;
        let known = stored.iter().map(|i| i.id).chain(state.instruments().keys().copied());
        let (name, scope) = (draft.name, draft.scope);
        let spelled: Spelled = known.collect();
        let before = LazyCell::new(|| state.limits().listed(name, scope));
        let listed = |text: &str| text.parse().ok().filter(|symbol| before.contains(symbol));
        spelled.draft(draft, listed).map_err(|error| match error {
            ListedError::Unknown(name) => {
                ServiceError::Unknown { kind: "symbol", name: name.into(), remedy: ListedError::REMEDY }
            }
            ListedError::Ambiguous(..) => ServiceError::Invalid(error.to_string()),
        })
    }

    /// A control in a person's name, at the market time of the desk; a refused one is an error with its reason.
    pub(super) fn control(
        &self,
        permit: &Permit<ControlRisk>,
        command: Command,
    ) -> Result<Vec<Event>, ServiceError> {
        self.control_at(permit, self.house_time()?, command)
    }

    fn control_at(
        &self,
        permit: &Permit<ControlRisk>,
        now: UnixNanos,
        command: Command,
    ) -> Result<Vec<Event>, ServiceError> {
        let events = self.give(permit.actor(), now, command)?;
        let refused = events.iter().find_map(|e| match &e.body {
            EventBody::ControlRejected { reason, .. } => Some(reason.to_string()),
            _ => None,
        });
        refused.map_or(Ok(events), |reason| Err(ServiceError::ControlRefused(reason)))
    }
}

const fn ends_order(event: &Event) -> bool {
    matches!(event.body, EventBody::OrderCanceled { .. } | EventBody::CancelRequested { .. })
}

/// Versions of limits that bind accounts in scope, newest first.
fn versions_in(state: &State, scope: Scope) -> Vec<view::LimitVersionRow> {
    let seen = |v: &&LimitVersion| sees(state, scope, v.draft.scope);
    let row = |version: &LimitVersion| {
        let row = version_row(version);
        // Nobody can agree any more to what a later version has taken the place of.
        let is_late = row.status == VersionStatus::Proposed && state.limits().waiting(row.version).is_err();
        let status = if is_late { VersionStatus::Overtaken } else { row.status };
        view::LimitVersionRow { status, ..row }
    };
    state.limits().versions().iter().rev().filter(seen).map(row).collect()
}

/// Whether a limit binds accounts in scope.
fn sees(state: &State, scope: Scope, covers: Covers) -> bool {
    match covers {
        Covers::Firm | Covers::Symbol(_) | Covers::Strategy(_) => true,
        Covers::Account(account) => {
            let found = state.accounts().get(&account).map(crate::portfolio::Account::spec);
            found.is_some_and(|spec| scope.covers(spec.kind, spec.owner))
        }
    }
}

pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Every limit in force, nearest to its bound first; limits on single orders once, others per account. Last come
/// those that are only asked for.
fn limit_rows(state: &State, scope: Scope) -> Vec<view::LimitRow> {
    let accounts: Vec<_> = book::accounts_in(state, scope).map(|a| a.spec().account).collect();
    let mut rows: Vec<view::LimitRow> = Vec::new();
    for account in accounts {
        let Some(book) = state.book(account, UnixNanos::ZERO) else { continue };
        for used in risk::utilisation(&book, state.limits()) {
            let row = limit_row(state, used);
            let of_orders = |r: &view::LimitRow| (r.account.is_none(), r.name, r.scope);
            if row.account.is_some() || !rows.iter().any(|r| of_orders(r) == of_orders(&row)) {
                rows.push(row);
            }
        }
    }
    let share = |r: &view::LimitRow| r.used.unwrap_or(-1.0);
    rows.sort_by(|a, b| share(b).total_cmp(&share(a)).then((a.name, a.scope).cmp(&(b.name, b.scope))));
    for version in state.limits().versions().iter().filter(|v| sees(state, scope, v.draft.scope)) {
        let (name, covers) = (version.draft.name, version.draft.scope);
        let proposed = proposal(state, name, covers);
        if proposed.is_some() && !rows.iter().any(|r| (r.name, r.scope) == (name, covers)) {
            rows.push(view::LimitRow {
                name,
                scope: covers,
                account: None,
                soft: None,
                hard: None,
                observed: None,
                used: None,
                version: None,
                proposed,
                doc: name.doc().to_string(),
            });
        }
    }
    rows
}

/// What waits for a second person about one limit: the newest version, with the value that nothing may pass then.
fn proposal(state: &State, name: LimitName, covers: Covers) -> Option<(u32, String)> {
    let asked = |v: &&LimitVersion| {
        v.status == VersionStatus::Proposed && v.draft.name == name && v.draft.scope == covers
    };
    let newest = state.limits().versions().iter().rev().find(asked)?;
    state.limits().waiting(newest.version).ok()?;
    Some((newest.version, newest.draft.hard.clone().unwrap_or_else(|| "none".into())))
}

fn limit_row(state: &State, used: LimitUse) -> view::LimitRow {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let measured = used.name.unit() != LimitUnit::Symbols && used.name != LimitName::PriceCollar;
    view::LimitRow {
        name: used.name,
        scope: used.scope,
        account: measured.then_some(used.account),
        soft: some(used.soft),
        hard: some(used.hard),
        observed: some(used.observed),
        used: used.share.map(|r| r.to_f64()),
        version: state.limits().get(used.name, used.scope).map(|v| v.version),
        proposed: proposal(state, used.name, used.scope),
        doc: used.name.doc().to_string(),
    }
}

pub(super) fn version_row(version: &LimitVersion) -> view::LimitVersionRow {
    view::LimitVersionRow {
        version: version.version,
        name: version.draft.name,
        scope: version.draft.scope,
        hard: version.draft.hard.clone(),
        soft: version.draft.soft.clone(),
        reason: version.draft.reason.to_string(),
        working: version.draft.working,
        status: version.status,
        maker: version.maker,
        made_at: version.made_at,
        approver: version.approver,
        approved_at: version.approved_at,
        effective_from: version.draft.terms.effective_from,
        expires_at: version.draft.terms.expires_at,
        set: version.draft.terms.set,
        order: version.draft.terms.order.map(|(account, id)| format!("{account}/{id}")),
        alone: version.alone,
        closed_by: version.closed.as_ref().map(|c| c.actor),
        closed_because: version.closed.as_ref().map(|c| c.reason.to_string()),
    }
}

pub(super) fn halt_rows(state: &State) -> Vec<view::HaltRow> {
    let halts = state.halts().iter();
    halts
        .map(|(scope, h)| {
            let reason = state.halt_reason(*scope).to_owned();
            let by: Vec<&str> = h.by.iter().map(UserName::as_str).collect();
            view::HaltRow { scope: *scope, mode: h.mode, actor: by.join(", "), since: h.since, reason }
        })
        .collect()
}

fn breach_row(row: &RiskEventRow, ack: Option<&RiskAckRow>) -> view::BreachRow {
    view::BreachRow {
        event: row.seq,
        time: row.time,
        account: row.account,
        id: row.order,
        code: row.code,
        limit: row.limit.clone(),
        observed: row.observed.clone(),
        threshold: row.threshold.clone(),
        text: row.code.text().to_string(),
        ack_by: ack.map(|row| row.ack.actor),
        ack_at: ack.map(|row| row.time),
        resolution: ack.map(|row| row.ack.resolution.to_string()),
    }
}
