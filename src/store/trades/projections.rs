//! Writing the projected tables: rows come from the pure rooms, in the transaction of their events.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::super::codec::{json, spell, to_json};
use super::super::error::{Fault, StoreError};
use super::super::migrate::newest;
use super::{MIGRATIONS, TradesStore};
use crate::domain::limit::{LimitVersion, VersionStatus};
use crate::domain::order_state::{Order, Remote};
use crate::domain::row::{Execution, Portfolio, RiskAckRow, RiskEventRow, Row};
use crate::domain::{AccountId, CleanText, Exchange, InstrumentId, Money, Quantity, Seq};

/// The event a row names, where it names one.
pub(super) fn seq_of(row: &Row) -> Option<Seq> {
    match row {
        Row::Execution(execution) => Some(execution.seq),
        Row::RiskEvent(event) => Some(event.seq),
        Row::RiskAck(ack) => Some(ack.seq),
        Row::Order(_) | Row::Portfolio(_) | Row::Limit(_) => None,
    }
}

/// Writes rows; the statements of the frequent ones are looked up once.
pub(super) struct Writer<'c> {
    conn: &'c Connection,
    order: CachedStatement<'c>,
    execution: CachedStatement<'c>,
    /// Where names of instruments are spelled.
    text: String,
}

impl<'c> Writer<'c> {
    /// On a connection in its transaction.
    pub(super) fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        let order = "INSERT OR REPLACE INTO orders (account, id, instrument, side, type, quantity, limit_price, spec, \
                     status, filled, filled_notional, fees, given_at, changed_at, code, reason, actor, triggered, \
                     stop, cap, remote, hold, valued_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, \
                     ?20, ?21, ?22, ?23)";
        let execution = "INSERT INTO executions (seq, time, account, order_id, instrument, side, quantity, price, \
                         fee, realized) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let (order, execution) = (conn.prepare_cached(order)?, conn.prepare_cached(execution)?);
        Ok(Self { conn, order, execution, text: String::new() })
    }

    /// Writes one row.
    pub(super) fn write(&mut self, row: &Row) -> rusqlite::Result<()> {
        match row {
            Row::Order(order) => self.order(order),
            Row::Execution(execution) => self.execution(execution),
            Row::RiskEvent(event) => write_risk_event(self.conn, event),
            Row::RiskAck(ack) => write_risk_ack(self.conn, ack),
            Row::Portfolio(portfolio) => write_portfolio(self.conn, portfolio),
            Row::Limit(version) => write_limit(self.conn, version),
        }
    }

    fn order(&mut self, order: &Order) -> rusqlite::Result<()> {
        let spec = &order.spec;
        spell(&mut self.text, &spec.instrument);
        // The journal keeps why it went there; rows written before orders knew it stay what the journal makes.
        let routeless = |remote: &Remote| Remote { route: CleanText::default(), ..remote.clone() };
        let row = params![
            spec.account.as_str(),
            spec.id.as_str(),
            self.text,
            spec.side.as_str(),
            spec.order_type.as_str(),
            spec.quantity.raw(),
            spec.limit_price.map(|p| p.raw()),
            to_json(spec.as_ref())?,
            order.status.as_str(),
            order.filled.raw(),
            order.filled_notional.raw(),
            order.fees.raw(),
            order.given_at.nanos(),
            order.changed_at.nanos(),
            order.code.map(|c| c.as_str()),
            order.reason,
            order.actor.as_str(),
            order.triggered,
            order.stop.map(|p| p.raw()),
            order.cap.map(|q| q.raw()),
            order.remote.as_ref().map(|remote| to_json(&routeless(remote))).transpose()?,
            order.hold.raw(),
            order.valued_at.map(|p| p.raw()),
        ];
        self.order.execute(row).map(drop)
    }

    fn execution(&mut self, e: &Execution) -> rusqlite::Result<()> {
        spell(&mut self.text, &e.instrument);
        let row = params![
            e.seq.cast_signed(),
            e.time.nanos(),
            e.account.as_str(),
            e.id.as_str(),
            self.text,
            e.side.as_str(),
            e.quantity.raw(),
            e.price.raw(),
            e.fee.raw(),
            e.realized.raw(),
        ];
        self.execution.execute(row).map(drop)
    }
}

fn write_risk_ack(conn: &Connection, row: &RiskAckRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO risk_acks (seq, time, risk_event, account, actor, resolution) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let ack = &row.ack;
    conn.prepare_cached(sql)?
        .execute(params![
            row.seq.cast_signed(),
            row.time.nanos(),
            ack.of.cast_signed(),
            ack.account.as_str(),
            ack.actor.as_str(),
            ack.resolution.as_str(),
        ])
        .map(drop)
}

fn write_risk_event(conn: &Connection, e: &RiskEventRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO risk_events (seq, time, account, code, order_id, limit_name, observed, threshold) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let order = e.order.map(|id| id.to_string());
    conn.prepare_cached(sql)?
        .execute(params![
            e.seq.cast_signed(),
            e.time.nanos(),
            e.account.as_str(),
            e.code.as_str(),
            order,
            e.limit,
            e.observed,
            e.threshold,
        ])
        .map(drop)
}

/// Adds a later row of an account to an earlier one.
pub(super) fn gather(portfolios: &mut BTreeMap<AccountId, Portfolio>, later: &Portfolio) {
    let mut all = later.clone();
    if let Some(earlier) = portfolios.remove(&later.account) {
        all.holdings = changed(earlier.holdings, later);
    }
    portfolios.insert(later.account, all);
}

/// Holdings with those that a later row names in their place, by instrument.
fn changed(
    holdings: Vec<(InstrumentId, Quantity, Money)>,
    later: &Portfolio,
) -> Vec<(InstrumentId, Quantity, Money)> {
    let all = holdings.into_iter().chain(later.holdings.iter().copied());
    let all: BTreeMap<_, _> =
        all.map(|(instrument, quantity, cost)| (instrument, (quantity, cost))).collect();
    all.into_iter().map(|(instrument, (quantity, cost))| (instrument, quantity, cost)).collect()
}

/// Writes a portfolio with all its holdings: those that stand with those that changed.
pub(super) fn write_portfolio(conn: &Connection, p: &Portfolio) -> rusqlite::Result<()> {
    let sql = "SELECT holdings FROM portfolios WHERE account = ?1";
    let standing =
        conn.prepare_cached(sql)?.query_row([p.account.as_str()], |row| json(row, 0)).optional()?;
    let mut holdings = changed(standing.unwrap_or_default(), p);
    holdings.retain(|(_, quantity, _)| !quantity.is_zero());
    let sql = "INSERT OR REPLACE INTO portfolios (account, owner, kind, exchange, currency, cash, unsettled, \
               holdings) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    conn.prepare_cached(sql)?
        .execute(params![
            p.account.as_str(),
            p.owner.map(|o| o.to_string()),
            p.kind.as_str(),
            p.exchange.map(Exchange::code),
            p.currency.as_str(),
            p.cash.raw(),
            p.unsettled.raw(),
            to_json(&holdings)?,
        ])
        .map(drop)
}

fn write_limit(conn: &Connection, v: &LimitVersion) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO limit_versions (version, name, scope, draft, maker, made_at, status, \
               approver, approved_at, alone, closed) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let status = match v.status {
        VersionStatus::Proposed => "proposed",
        VersionStatus::Approved => "approved",
        VersionStatus::Rejected => "rejected",
        VersionStatus::Withdrawn => "withdrawn",
        VersionStatus::Overtaken => "overtaken",
    };
    conn.prepare_cached(sql)?
        .execute(params![
            v.version,
            v.draft.name.as_str(),
            v.draft.scope.to_string(),
            to_json(&v.draft)?,
            v.maker.as_str(),
            v.made_at.nanos(),
            status,
            v.approver.map(|a| a.to_string()),
            v.approved_at.map(|t| t.nanos()),
            v.alone,
            v.closed.as_ref().map(to_json).transpose()?,
        ])
        .map(drop)
}

/// Whether the tables that tell how things stand were made by a program of this schema version.
pub(super) fn stand(conn: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM standing WHERE version = ?1)";
    conn.query_row(sql, [newest(MIGRATIONS)], |row| row.get(0))
}

impl TradesStore {
    /// Whether an earlier release made the tables that tell how things stand: orders, portfolios and limit versions.
    pub fn is_of_earlier(&self) -> Result<bool, StoreError> {
        self.read().db.read("read who made its tables", stand).map(|stand| !stand)
    }

    /// Throws the tables that tell how things stand away and writes them anew from rows that were folded from the whole
    /// journal. What an event brought (executions, risk events) stays.
    pub fn rebuild(&mut self, rows: impl IntoIterator<Item = Row>) -> Result<u64, StoreError> {
        self.write("rebuild the tables that tell how things stand", |tx, ends| {
            tx.execute_batch(
                "DELETE FROM orders; DELETE FROM portfolios; DELETE FROM limit_versions; DELETE FROM standing;",
            )?;
            let mut written = 0;
            let mut writer = Writer::new(tx)?;
            for row in rows {
                writer.write(&row)?;
                written += 1;
            }
            tx.execute("INSERT INTO standing VALUES (?1)", [newest(MIGRATIONS)])?;
            Ok::<_, Fault>((written, ends))
        })
    }
}
