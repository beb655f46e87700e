//! How a run ended, in the words of a screen.

use crate::domain::vendor::DataKind;
use crate::domain::{CleanText, UnixNanos};

use super::NO_KEY;
use super::report::{BesideReport, SyncOutcome, SyncReport, SyncRow};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: UnixNanos,
    /// In one sentence.
    pub said: CleanText,
    /// It brought less than was wished.
    pub troubled: bool,
}

/// How a run of prices ended, and whether it brought less than was wished.
pub(super) fn of_prices(report: &SyncReport) -> (CleanText, bool) {
    let total = |of: fn(&SyncRow) -> u64| report.rows.iter().map(of).sum::<u64>();
    let (stored, revised) = (total(|r| r.stored), total(|r| r.revised));
    let mut parts = vec![format!("{} names: {stored} rows new, {revised} revised", report.rows.len())];
    let failed = report.failed();
    if failed > 0 {
        let first = report.rows.iter().find(|r| r.outcome == SyncOutcome::Failed);
        let example = first.map_or_else(String::new, |r| format!(" ({}: {})", r.symbol, r.said));
        parts.push(format!("{failed} not given{example}"));
    }
    if report.quarantined() > 0 {
        parts.push(format!("{} rows set aside", report.quarantined()));
    }
    let repaired: u64 = report.rows.iter().map(|row| row.repaired).sum();
    if repaired > 0 {
        parts.push(format!("{repaired} repaired"));
    }
    // That a vendor without a key was not asked matters to those only who lack something.
    let vendors: Vec<_> = report.vendors.iter().filter(|v| failed > 0 || v.code != NO_KEY).collect();
    parts.extend(vendors.iter().map(|v| format!("{}: {}", v.vendor, v.said)));
    parts.extend(rest((report.remarks.as_slice(), report.fault.as_str(), report.canceled)));
    let troubled = failed > 0
        || report.canceled
        || !vendors.is_empty()
        || !report.remarks.is_empty()
        || !report.fault.is_empty();
    (CleanText::new(&parts.join("; ")), troubled)
}

/// How a run of another kind ended, and whether it brought less than was wished.
pub(super) fn of_beside(kind: DataKind, report: &BesideReport) -> (CleanText, bool) {
    let total = |outcome| report.rows.iter().filter(|row| row.outcome == outcome).count();
    let rows: u64 = report.rows.iter().map(|row| row.stored).sum();
    let (asked, fresh) = (total(SyncOutcome::Done), total(SyncOutcome::UpToDate));
    let mut parts = Vec::new();
    if asked > 0 || fresh == 0 {
        parts.push(format!("{asked} answered with {rows} rows new or changed"));
    }
    if fresh > 0 {
        parts.push(format!("{fresh} answered lately and not asked again"));
    }
    let failed = report.failed();
    if failed > 0 {
        let first = report.rows.iter().find(|row| row.outcome == SyncOutcome::Failed);
        let example = first.map_or_else(String::new, |row| format!(" ({}: {})", row.of, row.said));
        parts.push(format!("{failed} not given{example}"));
    }
    let quarantined: u64 = report.rows.iter().map(|row| row.quarantined).sum();
    if quarantined > 0 {
        parts.push(format!("{quarantined} rows set aside"));
    }
    parts.extend(rest((report.remarks.as_slice(), report.fault.as_str(), report.canceled)));
    let troubled = failed > 0 || report.canceled || !report.remarks.is_empty() || !report.fault.is_empty();
    (CleanText::new(&format!("{}: {}", kind.word(), parts.join("; "))), troubled)
}

/// Remarks, why it could not go on, and that it was stopped.
fn rest((remarks, fault, canceled): (&[String], &str, bool)) -> Vec<String> {
    let mut parts = remarks.to_vec();
    if !fault.is_empty() {
        parts.push(format!("it could not go on: {fault}"));
    }
    if canceled {
        parts.push("stopped before its end".to_owned());
    }
    parts
}
