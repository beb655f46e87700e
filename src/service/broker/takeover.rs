//! What differs between an account and its broker, and taking over what stood there before.

use crate::broker::Broker;
use crate::domain::event::EventBody;
use crate::domain::{AccountId, Command, Symbol};

use super::super::book::{accounts_in, average};
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ControlRisk, Permit};
use super::super::view;

impl House {
    /// What differs between accounts and their brokers, and what somebody asked to take over.
    pub fn differences(
        &self,
        permit: &Permit<ControlRisk>,
    ) -> Result<Vec<view::DifferenceRow>, ServiceError> {
        let state = self.state()?;
        let mut rows = Vec::new();
        for account in accounts_in(&state, permit.scope()) {
            let name = account.spec().account;
            let told = state.breaks().get(&name).into_iter().flatten();
            rows.extend(told.map(|text| {
                let is_of = |c: &&crate::domain::event::Claim| {
                    c.account == name && text.starts_with(&format!("{}: ", c.instrument))
                };
                let maker = state.claims().find(is_of).map(|c| c.maker);
                view::DifferenceRow { account: name, difference: text.clone(), asked_by: maker }
            }));
        }
        Ok(rows)
    }

    /// Asks to take over what an account's broker holds more of a symbol, or agrees to what somebody else asked for.
    pub fn take_over(
        &self,
        permit: &Permit<ControlRisk>,
        account: AccountId,
        symbol: Symbol,
    ) -> Result<view::ClaimRow, ServiceError> {
        let state = self.state()?;
        let mut specs = accounts_in(&state, permit.scope()).map(crate::portfolio::Account::spec);
        let spec = specs.find(|s| s.account == account).cloned();
        let spec = spec.ok_or_else(|| super::super::trading::unknown_account(account))?;
        let broker = self.connect(spec.broker)?;
        let found = ask_positions(broker.as_ref())?;
        let report = found.into_iter().find(|p| p.instrument.symbol == symbol);
        let report = report.ok_or_else(|| {
            ServiceError::ControlRefused(format!(
                "the broker of {account} holds no {symbol}: there is nothing to take over"
            ))
        })?;
        let events = self.control(permit, Command::TakeOver { account, report })?;
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
            status: if is_done { "taken_over" } else { "asked" }.into(),
            asked_by: claim.maker,
        })
    }
}

/// All positions at a broker, asked from a thread that waits for the answer.
fn ask_positions(broker: &dyn Broker) -> Result<Vec<crate::domain::broker::PositionReport>, ServiceError> {
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
