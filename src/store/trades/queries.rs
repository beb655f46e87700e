//! Queries of the projected tables. The account filter comes from a permit, never from who asks.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, params};

use super::super::codec::{
    bad, clean, count, json, json_opt, parsed, parsed_opt, time, time_opt, to_json, word, word_opt,
};
use super::super::error::StoreError;
use super::TradesReader;
use crate::domain::event::RiskAck;
use crate::domain::limit::LimitVersion;
use crate::domain::order_state::{Order, OrderStatus};
use crate::domain::row::{Execution, Portfolio, RiskAckRow, RiskEventRow, Stake};
use crate::domain::{AccountId, InstrumentId, Money, OrderId, Price, Quantity, Seq, UnixNanos};

/// Which accounts a query may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounts<'a> {
    /// All of them.
    All,
    /// These only.
    Only(&'a [AccountId]),
}

impl Accounts<'_> {
    /// As a JSON list for `json_each`, NULL for all.
    fn list(self) -> rusqlite::Result<Option<String>> {
        match self {
            Accounts::All => Ok(None),
            Accounts::Only(accounts) => to_json(&accounts).map(Some),
        }
    }
}

/// A stretch of market time, `from` included, `to` not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Start.
    pub from: UnixNanos,
    /// End.
    pub to: UnixNanos,
}

impl Period {
    /// From the beginning to the end of time.
    pub const ALL: Period =
        Period { from: UnixNanos::from_nanos(i64::MIN), to: UnixNanos::from_nanos(i64::MAX) };
}

const ORDER: &str = "SELECT spec, status, filled, filled_notional, fees, given_at, changed_at, code, reason, \
                     actor, triggered, stop, cap, remote, hold, valued_at FROM orders";
pub(super) const PORTFOLIO: &str =
    "SELECT account, owner, kind, exchange, currency, cash, unsettled, holdings FROM portfolios";
const VISIBLE: &str = "(?1 IS NULL OR account IN (SELECT value FROM json_each(?1)))";

fn order(row: &Row<'_>) -> rusqlite::Result<Order> {
    Ok(Order {
        spec: Arc::new(json(row, 0)?),
        status: word(row, 1)?,
        filled: Quantity::from_raw(row.get(2)?),
        filled_notional: Money::from_raw(row.get(3)?),
        fees: Money::from_raw(row.get(4)?),
        // Only the engine charges fees, and keeps by itself what they depend on.
        volume_before: Quantity::ZERO,
        given_at: time(row, 5)?,
        changed_at: time(row, 6)?,
        code: word_opt(row, 7)?,
        reason: row.get(8)?,
        actor: parsed(row, 9)?,
        // Who may agree is asked of the engine.
        changed_by: Vec::new(),
        triggered: row.get(10)?,
        stop: row.get::<_, Option<i64>>(11)?.map(Price::from_raw),
        cap: row.get::<_, Option<i64>>(12)?.map(Quantity::from_raw),
        remote: json_opt(row, 13)?,
        hold: Money::from_raw(row.get(14)?),
        valued_at: row.get::<_, Option<i64>>(15)?.map(Price::from_raw),
    })
}

fn execution(row: &Row<'_>) -> rusqlite::Result<Execution> {
    Ok(Execution {
        seq: count(row, 0)?,
        time: time(row, 1)?,
        account: parsed(row, 2)?,
        id: parsed(row, 3)?,
        instrument: parsed(row, 4)?,
        side: word(row, 5)?,
        quantity: Quantity::from_raw(row.get(6)?),
        price: Price::from_raw(row.get(7)?),
        fee: Money::from_raw(row.get(8)?),
        realized: Money::from_raw(row.get(9)?),
    })
}

fn risk_event(row: &Row<'_>) -> rusqlite::Result<RiskEventRow> {
    Ok(RiskEventRow {
        seq: count(row, 0)?,
        time: time(row, 1)?,
        account: parsed(row, 2)?,
        code: word(row, 3)?,
        order: parsed_opt(row, 4)?,
        limit: row.get(5)?,
        observed: row.get(6)?,
        threshold: row.get(7)?,
    })
}

fn risk_ack(row: &Row<'_>) -> rusqlite::Result<RiskAckRow> {
    let ack = RiskAck {
        of: count(row, 2)?,
        account: parsed(row, 3)?,
        actor: parsed(row, 4)?,
        resolution: clean(row, 5)?,
    };
    Ok(RiskAckRow { seq: count(row, 0)?, time: time(row, 1)?, ack })
}

pub(super) fn portfolio(row: &Row<'_>) -> rusqlite::Result<Portfolio> {
    Ok(Portfolio {
        account: parsed(row, 0)?,
        owner: parsed_opt(row, 1)?,
        kind: word(row, 2)?,
        exchange: parsed_opt(row, 3)?,
        currency: parsed(row, 4)?,
        cash: Money::from_raw(row.get(5)?),
        unsettled: Money::from_raw(row.get(6)?),
        holdings: json(row, 7)?,
    })
}

fn limit_version(row: &Row<'_>) -> rusqlite::Result<LimitVersion> {
    let version: u32 = row.get(0)?;
    Ok(LimitVersion {
        version: if version > 0 { version } else { return Err(bad(0, "limit versions start at 1")) },
        draft: json(row, 1)?,
        maker: parsed(row, 2)?,
        made_at: time(row, 3)?,
        status: word(row, 4)?,
        approver: parsed_opt(row, 5)?,
        approved_at: time_opt(row, 6)?,
        alone: row.get(7)?,
        closed: json_opt(row, 8)?,
    })
}

impl TradesReader {
    /// One order.
    pub fn order(&self, account: AccountId, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.db.read("read an order", |c| {
            let sql = format!("{ORDER} WHERE account = ?1 AND id = ?2");
            c.prepare_cached(&sql)?.query_row((account.as_str(), id.as_str()), order).optional()
        })
    }

    /// Orders given in a period, newest first, at most `limit`.
    pub fn orders(
        &self,
        accounts: Accounts<'_>,
        period: Period,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        self.db.read("read orders", |c| {
            let sql = format!(
                "{ORDER} WHERE {VISIBLE} AND given_at >= ?2 AND given_at < ?3 \
                 ORDER BY given_at DESC, account, id LIMIT ?4"
            );
            let row = params![accounts.list()?, period.from.nanos(), period.to.nanos(), limit];
            c.prepare_cached(&sql)?.query_map(row, order)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Fills of a period, newest first, at most `limit`.
    pub fn executions(
        &self,
        accounts: Accounts<'_>,
        period: Period,
        limit: u32,
    ) -> Result<Vec<Execution>, StoreError> {
        self.db.read("read executions", |c| {
            let sql = format!(
                "SELECT seq, time, account, order_id, instrument, side, quantity, price, fee, realized \
                 FROM executions WHERE {VISIBLE} AND time >= ?2 AND time < ?3 ORDER BY seq DESC LIMIT ?4"
            );
            let row = params![accounts.list()?, period.from.nanos(), period.to.nanos(), limit];
            c.prepare_cached(&sql)?.query_map(row, execution)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Risk events of a period, newest first, at most `limit`.
    pub fn risk_events(
        &self,
        accounts: Accounts<'_>,
        period: Period,
        limit: u32,
    ) -> Result<Vec<RiskEventRow>, StoreError> {
        self.db.read("read risk events", |c| {
            let sql = format!(
                "SELECT seq, time, account, code, order_id, limit_name, observed, threshold FROM risk_events \
                 WHERE {VISIBLE} AND time >= ?2 AND time < ?3 ORDER BY seq DESC, id DESC LIMIT ?4"
            );
            let row = params![accounts.list()?, period.from.nanos(), period.to.nanos(), limit];
            c.prepare_cached(&sql)?.query_map(row, risk_event)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// The risk event that an event of the journal is.
    pub fn risk_event(&self, seq: Seq) -> Result<Option<RiskEventRow>, StoreError> {
        self.db.read("read a risk event", |c| {
            let sql = "SELECT seq, time, account, code, order_id, limit_name, observed, threshold FROM risk_events \
                       WHERE seq = ?1";
            c.query_row(sql, [seq.cast_signed()], risk_event).optional()
        })
    }

    /// Who looked at the risk events from `first` on, the earliest look first.
    pub fn risk_acks(&self, first: Seq) -> Result<Vec<RiskAckRow>, StoreError> {
        self.db.read("read who looked at risk events", |c| {
            let sql = "SELECT seq, time, risk_event, account, actor, resolution FROM risk_acks \
                       WHERE risk_event >= ?1 ORDER BY seq";
            let mut statement = c.prepare_cached(sql)?;
            statement.query_map([first.cast_signed()], risk_ack)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Accounts as they stand, by name.
    pub fn portfolios(&self, accounts: Accounts<'_>) -> Result<Vec<Portfolio>, StoreError> {
        self.db.read("read portfolios", |c| {
            let sql = format!("{PORTFOLIO} WHERE {VISIBLE} ORDER BY account");
            let mut statement = c.prepare_cached(&sql)?;
            statement.query_map([accounts.list()?], portfolio)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Accounts that hold an instrument or have orders in it that are not done, by name.
    pub fn stakes(&self, instrument: InstrumentId) -> Result<Vec<Stake>, StoreError> {
        let mut stakes = Vec::new();
        for book in self.portfolios(Accounts::All)? {
            let held = book.holdings.iter().find(|(id, ..)| *id == instrument).map(|(_, held, _)| *held);
            let orders = self.open_orders(book.account, instrument)?;
            let held = held.unwrap_or_default();
            if !held.is_zero() || orders > 0 {
                stakes.push(Stake { account: book.account, held, orders });
            }
        }
        Ok(stakes)
    }

    fn open_orders(&self, account: AccountId, instrument: InstrumentId) -> Result<usize, StoreError> {
        self.db.read("count open orders", |c| {
            let sql = "SELECT status FROM orders WHERE account = ?1 AND instrument = ?2";
            let mut statement = c.prepare_cached(sql)?;
            let key = (account.as_str(), instrument.to_string());
            let all = statement.query_map(key, |row| word::<OrderStatus>(row, 0))?;
            let all = all.collect::<rusqlite::Result<Vec<OrderStatus>>>();
            all.map(|all| all.into_iter().filter(|status| !status.is_done()).count())
        })
    }

    /// All limit versions, oldest first.
    pub fn limit_versions(&self) -> Result<Vec<LimitVersion>, StoreError> {
        self.db.read("read limit versions", |c| {
            let sql = "SELECT version, draft, maker, made_at, status, approver, approved_at, alone, \
                       closed FROM limit_versions ORDER BY version";
            c.prepare_cached(sql)?.query_map([], limit_version)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// What a stored line of the audit trail says, newest first.
    pub fn audit(&self, limit: u32) -> Result<Vec<super::super::users::AccessEntry>, StoreError> {
        self.db.read("read the audit trail", |c| {
            let sql = "SELECT id, wall, user, what, outcome, detail FROM audit ORDER BY id DESC LIMIT ?1";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([limit], |row| {
                Ok(super::super::users::AccessEntry {
                    id: row.get(0)?,
                    wall: time(row, 1)?,
                    user: clean(row, 2)?,
                    what: clean(row, 3)?,
                    outcome: clean(row, 4)?,
                    detail: clean(row, 5)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}
