//! Equity of each account at the end of each session, folded from the journal's marks as they come.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::NaiveDate;

use crate::domain::event::EventBody;
use crate::domain::{AccountId, Money, Seq};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::view::Screen;

/// Curves up to an event.
#[derive(Debug, Default)]
pub(super) struct Curves {
    upto: Seq,
    by_account: BTreeMap<AccountId, BTreeMap<NaiveDate, Money>>,
}

impl House {
    /// Equity of an account by session, oldest first; the running session has its last mark.
    pub(super) fn equity_curve(&self, account: AccountId) -> Result<Vec<(NaiveDate, Money)>, ServiceError> {
        let mut curves = lock(self.curves());
        let ledger = lock(self.ledger());
        let (head, _) = ledger.head()?;
        if curves.upto < head {
            let from = curves.upto + 1;
            ledger.events(from, |event| {
                if let EventBody::Marked { exchange, time, accounts, .. } = &event.body {
                    let day = self.calendars().of(*exchange).date_at(*time);
                    for mark in accounts {
                        curves.by_account.entry(mark.account).or_default().insert(day, mark.equity);
                    }
                }
                ControlFlow::Continue(())
            })?;
            curves.upto = head;
        }
        let Some(curve) = curves.by_account.get(&account) else { return Ok(Vec::new()) };
        let skip = curve.len().saturating_sub(Screen::EQUITY_MAX);
        Ok(curve.iter().skip(skip).map(|(d, m)| (*d, *m)).collect())
    }
}
