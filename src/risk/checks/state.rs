//! Trading state: halts by scope; the most restrictive one that binds the order wins.

use crate::domain::RefusalCode;
use crate::domain::event::HaltMode;
use crate::domain::limit::CheckRecord;
use crate::risk::limits::binds;

use super::Case;

/// Whether trading is halted, or the order does more than reduce while only that is allowed.
pub fn check(case: &Case<'_>) -> CheckRecord {
    if case.book.reconciling && !case.reduces {
        return case.plain("trading_state", RefusalCode::Reconciling, true);
    }
    let spec = case.book.account.spec();
    let symbol = case.order.instrument.symbol;
    let binding = case.book.halts.iter().filter(|(scope, _)| binds(**scope, spec.account, spec.kind, symbol));
    let Some((scope, halt)) = binding.max_by_key(|(_, halt)| halt.mode) else {
        return case.plain("trading_state", RefusalCode::TradingHalted, false);
    };
    let (code, breached) = match halt.mode {
        HaltMode::Halted => (RefusalCode::TradingHalted, true),
        HaltMode::Reducing => (RefusalCode::TradingReduceOnly, !case.reduces),
    };
    let mut record = case.plain("trading_state", code, breached);
    record.scope = *scope;
    record
}
