//! Splits and dividends held against the prices that are there, whoever tells them.
//!
//! What prices refute is set aside with its reason and is in no one's books until a person accepts it. What there are no
//! prices for is taken as told, and counted.

use std::collections::BTreeMap;

use crate::domain::calendar::Calendar;
use crate::domain::market::{ActionKind, Basis, CorporateAction, SplitRatio};
use crate::domain::{CleanText, InstrumentId, QuarantineReason, Quarantined};
use crate::market::plausible::{Evidence, Verdict, around, judge};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;

/// What prices leave of some actions.
#[derive(Debug, Clone, Default)]
pub(super) struct Judged {
    /// To be stored.
    pub good: Vec<CorporateAction>,
    /// Refuted.
    pub refuted: Vec<(CorporateAction, QuarantineReason)>,
    /// How many of the good ones have no prices around them.
    pub unknown: usize,
}

impl Judged {
    /// The refuted ones, as they are kept.
    pub(super) fn quarantine(&self, file: &CleanText) -> Vec<Quarantined> {
        let row = |(line, (action, reason)): (u64, &(CorporateAction, QuarantineReason))| Quarantined {
            file: file.clone(),
            line,
            symbol: CleanText::new(action.instrument.symbol.as_str()),
            date: CleanText::new(&action.date.to_string()),
            raw: CleanText::new(&text_of(action)),
            ..Quarantined::because(*reason)
        };
        (1..).zip(&self.refuted).map(row).collect()
    }
}

/// Judges what is new among actions of one instrument.
pub(super) fn judged(
    told: &[CorporateAction],
    known: &[(CorporateAction, CleanText)],
    evidence: Evidence<'_>,
    calendar: &Calendar,
) -> Judged {
    let mut all = told.to_vec();
    let is_told = |k: &CorporateAction| told.iter().any(|a| a.date == k.date && same_kind(a, k));
    all.extend(known.iter().map(|(action, _)| action).filter(|k| !is_told(k)).cloned());
    let mut judged = Judged::default();
    for action in told {
        if known.iter().any(|(known, _)| known == action) {
            judged.good.push(action.clone());
            continue;
        }
        match judge(action, evidence, &all, calendar) {
            Verdict::Refuted(reason) => judged.refuted.push((action.clone(), reason)),
            verdict => {
                judged.unknown += usize::from(verdict == Verdict::Unknown);
                judged.good.push(action.clone());
            }
        }
    }
    judged
}

fn same_kind(a: &CorporateAction, b: &CorporateAction) -> bool {
    matches!(a.kind, ActionKind::Split(_)) == matches!(b.kind, ActionKind::Split(_))
}

impl House {
    /// Judges actions of one instrument by its stored prices, raw ones where there are any.
    pub(super) fn judged_by_stored(
        &self,
        instrument: InstrumentId,
        told: &[CorporateAction],
        known: &[(CorporateAction, CleanText)],
    ) -> Result<Judged, ServiceError> {
        let Some((from, to)) = around(told) else { return Ok(Judged::default()) };
        let market = lock(self.market_store());
        let reader = market.read();
        let mut sources = reader.sources(Some(instrument))?;
        sources.retain(|info| info.basis != Basis::Total);
        sources.sort_by_key(|info| info.basis != Basis::Raw);
        let mut best = None;
        for info in sources {
            let series = reader.bars(instrument, Some(info.source.as_str()), from, to)?;
            best = series.filter(|series| !series.bars.is_empty());
            if best.is_some() {
                break;
            }
        }
        let (bars, basis) = best.map_or((Vec::new(), Basis::Raw), |series| (series.bars, series.basis));
        let evidence = Evidence { bars: &bars, basis, confirmed: None };
        Ok(judged(told, known, evidence, self.calendars().of(instrument.exchange)))
    }

    /// Judges actions of a file, in their order: the reason of each one that is refuted, and how many have no prices.
    pub(super) fn judged_rows(
        &self,
        rows: &[CorporateAction],
    ) -> Result<(Vec<Option<QuarantineReason>>, u64), ServiceError> {
        let mut by_name: BTreeMap<InstrumentId, Vec<CorporateAction>> = BTreeMap::new();
        for action in rows {
            by_name.entry(action.instrument).or_default().push(action.clone());
        }
        let (mut refuted, mut unknown) = (Vec::new(), 0);
        for (instrument, told) in by_name {
            let known = lock(self.market_store()).read().actions_of(instrument)?;
            let judged = self.judged_by_stored(instrument, &told, &known)?;
            unknown += judged.unknown as u64;
            refuted.extend(judged.refuted);
        }
        let reason = |row: &CorporateAction| {
            refuted.iter().find(|(action, _)| action == row).map(|(_, reason)| *reason)
        };
        Ok((rows.iter().map(reason).collect(), unknown))
    }
}

/// An action as people and the quarantine have it: `split 2024-06-10 10:1`.
pub(super) fn text_of(action: &CorporateAction) -> String {
    match action.kind {
        ActionKind::Dividend { amount, pay_date } => format!("dividend {} {amount} {pay_date}", action.date),
        ActionKind::Split(ratio) => format!("split {} {}:{}", action.date, ratio.new, ratio.old),
    }
}

/// Whether a text is of a split or dividend, not of prices.
pub(super) fn is_text(text: &str) -> bool {
    text.starts_with("split ") || text.starts_with("dividend ")
}

/// Reads such a text.
pub(super) fn read_text(text: &str, instrument: InstrumentId) -> Option<CorporateAction> {
    let mut words = text.split(' ');
    let (kind, date, value) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let kind = match kind {
        "split" => {
            let (new, old) = value.split_once(':')?;
            let ratio = SplitRatio { new: new.parse().ok()?, old: old.parse().ok()? };
            ActionKind::Split(ratio)
        }
        "dividend" => {
            let pay_date = words.next()?.parse().ok()?;
            ActionKind::Dividend { amount: value.parse().ok()?, pay_date }
        }
        _ => return None,
    };
    Some(CorporateAction { instrument, date, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_in_quarantine_is_read_back_as_it_was() {
        let instrument = "QAAA.XNYS".parse().unwrap();
        for text in ["split 2024-06-10 10:1", "split 2024-06-10 1:2.5", "dividend 2024-06-10 0.25 2024-06-20"]
        {
            let action = read_text(text, instrument).unwrap();
            assert_eq!(text_of(&action), text);
        }
        for text in ["", "split", "split 2024-06-10 10", "2024-06-10,QAAA,1,1,1,1,1", "merger 2024-06-10 1"] {
            assert_eq!(read_text(text, instrument), None, "{text}");
        }
    }
}
