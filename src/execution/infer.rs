//! What a broker's word about an order means once all its executions were asked for: what it has filled and no
//! execution shows is inferred, at the price that makes the venue's average true, under a name that is always the same.

use sha2::{Digest, Sha256};

use crate::domain::broker::{BrokerReport, FillReport, OrderReport};
use crate::domain::event::EventBody;
use crate::domain::fixed::divide_half_even;
use crate::domain::{AccountId, Order, Price, Quantity, TradeId};

use super::engine::EngineError;
use super::step::Step;

impl Step<'_> {
    /// Takes an order's state at its broker as the whole truth about it: fills first, then status.
    pub(super) fn venue_settled(
        &mut self,
        account: AccountId,
        report: &OrderReport,
    ) -> Result<(), EngineError> {
        let tell = BrokerReport::Order(report.clone());
        self.venue_report(account, &tell)?;
        let Some(order) = self.reported(account, report) else { return Ok(()) };
        let missing = missing(&order, report);
        if !missing.is_positive() {
            return Ok(());
        }
        let id = order.spec.id;
        let price = residual_price(&order, report, missing);
        let inferred = price.and_then(|price| inferred(&order, report, missing, price));
        let Some(fill) = inferred.and_then(|f| self.venue_fill(&order, &f, true)) else {
            let text = format!("order {id}: {missing} filled at the broker at no price that can be counted");
            return self.tell_break(account, text);
        };
        self.emit(EventBody::Fill(fill))?;
        self.follow((account, id), missing)?;
        self.judge_executions(&(account, id))?;
        self.judge_cash(account)?;
        self.venue_report(account, &tell)
    }
}

/// Filled there under this name and not known here. What a new name shows as filled under earlier ones is known.
fn missing(order: &Order, report: &OrderReport) -> Quantity {
    let Some(remote) = &order.remote else { return Quantity::ZERO };
    let known = remote.filled_under(report.venue_id);
    let missing = report.filled.checked_sub(known).unwrap_or(Quantity::ZERO);
    let earlier = order.filled.checked_sub(known).unwrap_or(Quantity::ZERO);
    let is_carried = remote.venue_ids.len() > 1 && earlier.is_positive() && missing == earlier;
    if is_carried { Quantity::ZERO } else { missing }
}

/// `(average × filled − known) ÷ missing` where one venue order made all fills; else the venue's average or limit.
fn residual_price(order: &Order, report: &OrderReport, missing: Quantity) -> Option<Price> {
    const MONEY_TO_PRICE: i128 = 1_000_000_000_000;
    let is_only = order.remote.as_ref().is_some_and(|r| r.filled_under(report.venue_id) == order.filled);
    let exact = report.average.filter(|_| is_only).and_then(|average| {
        let all = average.notional(report.filled).ok()?;
        let left = i128::from(all.checked_sub(order.filled_notional)?.raw()).checked_mul(MONEY_TO_PRICE)?;
        Price::from_raw_wide(divide_half_even(left, i128::from(missing.raw()))?).ok()
    });
    exact.filter(|p| p.is_positive()).or(report.average).or(report.limit_price).filter(|p| p.is_positive())
}

fn inferred(order: &Order, report: &OrderReport, quantity: Quantity, price: Price) -> Option<FillReport> {
    let (account, id) = (order.spec.account, order.spec.id);
    let text = format!("{account} {id} {} {} {price}", report.venue_id, report.filled);
    let hash: String = Sha256::digest(text.as_bytes()).iter().take(16).map(|b| format!("{b:02x}")).collect();
    let trade: TradeId = format!("inferred-{hash}").parse().ok()?;
    Some(FillReport {
        trade,
        venue_id: report.venue_id,
        id: Some(id),
        instrument: report.instrument,
        side: report.side,
        quantity,
        price,
        cum: report.filled,
        time: report.changed_at,
    })
}
