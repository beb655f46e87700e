//! Evidence: proving the journal, and tables out of the house.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use crate::domain::journal::ChainHash;
use crate::domain::{AccountId, CleanText, Event, Seq};
pub use crate::store::trades::Head as AuditHead;
use crate::store::trades::{Period, TradesReader, accept};
use crate::store::{HeldBy, StoreError, lift_unsound, mark_unsound};

use super::access::{Session, record};
use super::desk::Table;
use super::engine::lock;
use super::error::ServiceError;
use super::evidence::Recount;
use super::house::House;
use super::nightly::{SOUND, Stop, UNSOUND};
use super::permit::{Administer, Audit, Permit, ViewLimits, ViewMarket, ViewPortfolio, ViewSignals};

/// What proving the journal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Nothing is wrong.
    pub sound: bool,
    /// Events read.
    pub events: u64,
    /// Postings read.
    pub postings: u64,
    /// Fills compared with executions.
    pub executions: u64,
    /// Denials and other acts in the audit trail.
    pub acts: u64,
    /// End of the chain.
    pub head: String,
    /// What is wrong, one sentence each.
    pub findings: Vec<String>,
}

/// One line of the audit trail: an event of the journal, or an act of the access log.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AuditLine {
    /// An event.
    Event(Box<Event>),
    /// A login, denial or administrative act.
    Act {
        /// Wall time.
        wall: crate::domain::UnixNanos,
        /// Who.
        user: String,
        /// What was asked for.
        what: String,
        /// How it ended.
        outcome: String,
        /// Why, in words.
        detail: String,
    },
}

/// What the access log calls a verification.
pub(super) const VERIFY: &str = "verify the audit trail";

impl AuditReport {
    /// How it ended, for the access log.
    pub(super) const fn outcome(&self) -> &'static str {
        if self.sound { SOUND } else { UNSOUND }
    }

    /// Of trades that cannot be read.
    fn unread(error: &StoreError) -> Self {
        Self {
            sound: false,
            events: 0,
            postings: 0,
            executions: 0,
            acts: 0,
            head: ChainHash::START.to_string(),
            findings: vec![error.to_string()],
        }
    }

    /// What it found, in a sentence.
    pub fn summary(&self) -> String {
        match self.findings.first() {
            None => format!("{} events", self.events),
            Some(first) if self.findings.len() == 1 => format!("1 finding: {first}"),
            Some(first) => format!("{} findings, the first: {first}", self.findings.len()),
        }
    }
}

impl House {
    /// Proves the chain, the sums, and that ledger and tables are what the journal makes; with a head that was
    /// exported earlier, that nothing before it was changed or cut off.
    pub fn verify_audit(
        &self,
        permit: &Permit<Audit>,
        against: Option<&AuditHead>,
    ) -> Result<AuditReport, ServiceError> {
        self.prove_for(permit.user().as_str(), against)
    }

    /// Accepts the trades as they stand where their anchor was lost, and verifies them: what is sound is open for trading
    /// again. The act is on record before it is done.
    pub fn accept_trades(&self, permit: &Permit<Administer>) -> Result<AuditReport, ServiceError> {
        let user = permit.user();
        let head = lock(self.ledger()).trail_head()?;
        let detail = format!("event {} ({}), act {}", head.seq, head.hash, head.act);
        record(self, user.as_str(), "accept the trades as they stand", "allowed", &detail)?;
        let holder = HeldBy::this_process("audit accept", user.as_str(), self.clock().now());
        if !accept(self.home(), &holder)? {
            return Err(ServiceError::Invalid(
                "the anchor of these trades is whole: there is nothing to accept".into(),
            ));
        }
        self.prove_for(user.as_str(), None)
    }

    /// Proves the trail for somebody, whose act it is.
    pub(super) fn prove_for(
        &self,
        user: &str,
        against: Option<&AuditHead>,
    ) -> Result<AuditReport, ServiceError> {
        let report = self.prove(against, None)?;
        record(self, user, VERIFY, report.outcome(), &report.summary())?;
        Ok(report)
    }

    /// Proves the trail over a connection of its own, so that nobody waits for it; until told to stop. What is found
    /// unsound is marked, and takes no new risk until it is found sound or replaced.
    pub(super) fn prove(
        &self,
        against: Option<&AuditHead>,
        stop: Option<&Stop>,
    ) -> Result<AuditReport, ServiceError> {
        let (mut report, is_read) = match self.read_and_prove(against, stop) {
            Ok(report) => (report, true),
            // What cannot even be read is no sounder.
            Err(ServiceError::Store(error)) if is_lost(&error) => (AuditReport::unread(&error), false),
            Err(error) => return Err(error),
        };
        let marked = if report.sound {
            lift_unsound(self.home())
        } else if is_read && against.is_some() && self.read_and_prove(None, stop)?.sound {
            // A head that somebody brings may be of another home.
            Ok(())
        } else {
            mark_unsound(self.home(), &CleanText::new(&report.summary()))
        };
        // Without its mark, what was found is said all the same.
        if let Err(error) = marked {
            report.sound = false;
            report.findings.push(error.to_string());
        }
        Ok(report)
    }

    fn read_and_prove(
        &self,
        against: Option<&AuditHead>,
        stop: Option<&Stop>,
    ) -> Result<AuditReport, ServiceError> {
        let trades = TradesReader::open(self.home())?;
        if let Some(stop) = stop {
            stop.may_end(&trades)?;
        }
        let mut recount = Recount::new(self.calendars())?;
        let report = trades.prove(&mut recount, against)?;
        let mut findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        findings.extend(recount.findings());
        findings.extend(self.acts_differ()?);
        Ok(AuditReport {
            sound: findings.is_empty(),
            events: report.events,
            postings: report.postings,
            executions: report.executions,
            acts: report.audit,
            head: report.head.to_string(),
            findings,
        })
    }

    /// The end of the trail, to be kept elsewhere and verified against later.
    pub fn audit_head(&self, permit: &Permit<Audit>) -> Result<AuditHead, ServiceError> {
        let head = lock(self.ledger()).trail_head()?;
        record(self, permit.user().as_str(), "export the head of the audit trail", "allowed", "")?;
        Ok(head)
    }

    /// Whether the copied acts still say what the access log says.
    fn acts_differ(&self) -> Result<Vec<String>, ServiceError> {
        let copied: BTreeMap<i64, _> =
            lock(self.ledger()).audit(u32::MAX)?.into_iter().map(|act| (act.id, act)).collect();
        let Some(last) = copied.keys().next_back().copied() else { return Ok(Vec::new()) };
        let log = lock(self.users()).read().access_log(u32::MAX)?;
        let kept = log.iter().filter(|line| line.id <= last);
        let wrong = kept.filter(|line| copied.get(&line.id) != Some(line)).count();
        Ok((wrong > 0)
            .then(|| format!("{wrong} acts of the audit trail are missing or differ from the access log"))
            .into_iter()
            .collect())
    }

    /// The whole audit trail: events in order, then acts, newest last.
    pub fn audit_trail(
        &self,
        permit: &Permit<Audit>,
        mut each: impl FnMut(AuditLine),
    ) -> Result<Seq, ServiceError> {
        let ledger = lock(self.ledger());
        ledger.events(1, |event| {
            each(AuditLine::Event(Box::new(event)));
            std::ops::ControlFlow::Continue(())
        })?;
        for act in ledger.audit(u32::MAX)?.into_iter().rev() {
            each(AuditLine::Act {
                wall: act.wall,
                user: act.user.to_string(),
                what: act.what.to_string(),
                outcome: act.outcome.to_string(),
                detail: act.detail.to_string(),
            });
        }
        let (head, _) = ledger.head()?;
        drop(ledger);
        record(self, permit.user().as_str(), "export the audit trail", "allowed", "")?;
        Ok(head)
    }
}

/// Whether an error tells that the trades of an open house are damaged. What it has opened was there, and of the schema
/// that this program knows.
fn is_lost(error: &StoreError) -> bool {
    error.is_damage() || matches!(error, StoreError::Missing { .. } | StoreError::Older { .. })
}

impl Session {
    /// A table as rows of JSON, under the permit that the table asks for.
    pub fn table(
        &self,
        table: Table,
        account: Option<AccountId>,
        period: Period,
    ) -> Result<Vec<serde_json::Value>, ServiceError> {
        let house = self.house();
        match table {
            Table::Orders => rows(house.orders(&self.permit::<ViewPortfolio>()?, account, period)?),
            Table::Fills => {
                let most = super::trading::LISTING_MAX;
                rows(house.history(&self.permit::<ViewPortfolio>()?, account, period, most)?)
            }
            Table::Positions => {
                let portfolios = house.portfolios(&self.permit::<ViewPortfolio>()?, account)?;
                rows(portfolios.into_iter().flat_map(|p| p.positions).collect())
            }
            Table::Signals => rows(house.signals(&self.permit::<ViewSignals>()?, account)?.rows),
            Table::Limits => rows(house.limit_history(&self.permit::<ViewLimits>()?)?),
            Table::News => rows(house.news(&self.permit::<ViewMarket>()?, account)?),
            Table::Audit => {
                let mut lines = Vec::new();
                house.audit_trail(&self.permit::<Audit>()?, |line| lines.push(line))?;
                rows(lines)
            }
        }
    }

    /// Writes a table into the home's exports folder; beside its final name first.
    pub fn export_table(
        &self,
        table: Table,
        account: Option<AccountId>,
        period: Period,
        json: bool,
    ) -> Result<PathBuf, ServiceError> {
        let rows = self.table(table, account, period)?;
        let text = if json {
            serde_json::to_string_pretty(&rows).map_err(|e| ServiceError::Data(e.to_string()))?
        } else {
            super::csv_text::csv(&rows)
        };
        let folder = crate::config::Paths::at(self.house().home()).exports();
        let failed = |path: PathBuf, doing| move |source| ServiceError::File { path, doing, source };
        std::fs::create_dir_all(&folder).map_err(failed(
            folder.clone(),
            "the exports folder could not be made; check the home's permissions",
        ))?;
        let stamp = self.house().clock().now().to_datetime().format("%Y%m%d-%H%M%S");
        let ending = if json { "json" } else { "csv" };
        let path = folder.join(format!("{}-{stamp}.{ending}", table.as_str()));
        let mut file = tempfile::NamedTempFile::new_in(&folder)
            .map_err(failed(path.clone(), "a temporary file could not be made; check free space"))?;
        file.write_all(text.as_bytes())
            .map_err(failed(path.clone(), "could not be written; check free space"))?;
        file.persist(&path).map_err(|e| ServiceError::File {
            path: path.clone(),
            doing: "could not be renamed into place",
            source: e.error,
        })?;
        Ok(path)
    }
}

fn rows<T: Serialize>(rows: Vec<T>) -> Result<Vec<serde_json::Value>, ServiceError> {
    let values: Result<Vec<_>, _> = rows.iter().map(serde_json::to_value).collect();
    values.map_err(|e| ServiceError::Data(e.to_string()))
}
