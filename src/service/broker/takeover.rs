//! What differs between an account and its broker, and taking over what stood there before.

use crate::broker::Broker;
use crate::domain::broker::PositionReport;
use crate::domain::command::Seen;
use crate::domain::event::{Claim, EventBody};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{AccountId, Command, Symbol, UnixNanos};
use crate::execution::{State, reconcile};

use super::super::book::{accounts_in, average};
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ControlRisk, Permit, Scope};
use super::super::view;

/// Nanoseconds of a minute.
const MINUTE_NANOS: i64 = 60 * NANOS_PER_SECOND;

impl House {
    /// What differs between accounts and their brokers, and what somebody asked to take over.
    pub fn differences(
        &self,
        permit: &Permit<ControlRisk>,
    ) -> Result<Vec<view::DifferenceRow>, ServiceError> {
        Ok(rows_in(&*self.state()?, permit.scope()))
    }

    /// The same for a screen, of the accounts that a person sees.
    pub(crate) fn differences_shown(&self, state: &State, scope: Scope) -> view::Differences {
        let rows = rows_in(state, scope);
        if rows.is_empty() {
            return view::Differences::default();
        }
        let now = self.clock().now().nanos();
        view::Differences { at: UnixNanos::from_nanos(now - now.rem_euclid(MINUTE_NANOS)), rows }
    }

    /// Asks to take over what an account's broker holds more of a symbol, or agrees to what somebody else asked for.
    pub fn take_over(
        &self,
        permit: &Permit<ControlRisk>,
        account: AccountId,
        symbol: Symbol,
    ) -> Result<view::ClaimRow, ServiceError> {
        let report = self.report_of(permit, account, symbol)?;
        self.claim(permit, account, report, Seen::Unseen)
    }

    /// The same, only if what somebody asked for is still what was shown.
    pub fn take_over_shown(
        &self,
        permit: &Permit<ControlRisk>,
        account: AccountId,
        symbol: Symbol,
        shown: Option<view::AskedFor>,
    ) -> Result<view::ClaimRow, ServiceError> {
        let report = self.report_of(permit, account, symbol)?;
        self.claim(permit, account, report, Seen::Shown(shown))
    }

    /// What an account's broker says it holds of a symbol.
    fn report_of(
        &self,
        permit: &Permit<ControlRisk>,
        account: AccountId,
        symbol: Symbol,
    ) -> Result<PositionReport, ServiceError> {
        let state = self.state()?;
        let mut specs = accounts_in(&state, permit.scope()).map(crate::portfolio::Account::spec);
        let spec = specs.find(|s| s.account == account).cloned();
        let spec = spec.ok_or_else(|| super::super::trading::unknown_account(account))?;
        let broker = self.connect(spec.broker)?;
        let found = ask_positions(broker.as_ref())?;
        let report = found.into_iter().find(|p| p.instrument.symbol == symbol);
        report.ok_or_else(|| {
            ServiceError::ControlRefused(format!(
                "the broker of {account} holds no {symbol}: there is nothing to take over"
            ))
        })
    }

    fn claim(
        &self,
        permit: &Permit<ControlRisk>,
        account: AccountId,
        report: PositionReport,
        seen: Seen,
    ) -> Result<view::ClaimRow, ServiceError> {
        let symbol = report.instrument.symbol;
        let events = self.control(permit, Command::TakeOver { account, report, seen })?;
        let done = events.iter().find_map(|e| match &e.body {
            EventBody::PositionClaimed(claim) => Some((claim, false)),
            EventBody::PositionTakenOver(claim) => Some((claim, true)),
            _ => None,
        });
        let (claim, is_done) =
            done.ok_or_else(|| ServiceError::Invalid("nothing came of it; try again".into()))?;
        Ok(view::ClaimRow {
            account,
            symbol,
            quantity: claim.quantity,
            cost: claim.cost,
            average_price: average(claim.cost, claim.quantity),
            status: if is_done { view::ClaimRow::DONE } else { view::ClaimRow::ASKED }.into(),
            asked_by: claim.maker,
        })
    }
}

fn rows_in(state: &State, scope: Scope) -> Vec<view::DifferenceRow> {
    let mut rows = Vec::new();
    for account in accounts_in(state, scope) {
        let name = account.spec().account;
        let told = state.breaks().get(&name).into_iter().flatten();
        rows.extend(told.map(|text| row(state, name, text)));
    }
    rows
}

fn row(state: &State, account: AccountId, text: &str) -> view::DifferenceRow {
    let (instrument, quantity) = reconcile::shares_told(text).unzip();
    let quantity = quantity.flatten();
    // What was asked for other figures no longer holds: it is asked for anew.
    let is_of =
        |c: &&Claim| (c.account, Some(c.instrument), Some(c.quantity)) == (account, instrument, quantity);
    let claim = state.claims().find(is_of);
    view::DifferenceRow {
        account,
        difference: text.to_owned(),
        since: state.broken_since(account, text),
        remedy: reconcile::remedy(text).to_owned(),
        instrument,
        quantity,
        asked_by: claim.map(|c| c.maker),
        cost: claim.map(|c| c.cost),
    }
}

/// All positions at a broker, asked from a thread that waits for the answer.
fn ask_positions(broker: &dyn Broker) -> Result<Vec<PositionReport>, ServiceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| ServiceError::File {
        path: std::path::PathBuf::from("broker"),
        doing: "the broker could not be asked; close other programs",
        source,
    })?;
    let positions = runtime.block_on(broker.positions())?.items;
    runtime.shutdown_background();
    Ok(positions)
}
