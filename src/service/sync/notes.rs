//! What is remembered of vendors that did not give what they were asked for, and of answers with a wrong time.

use std::collections::BTreeSet;

use crate::domain::vendor::DataKind;
use crate::domain::{CleanText, InstrumentId, UnixNanos};
use crate::market::budget;
use crate::market::fetch::FetchError;
use crate::store::market::SyncNote;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;

impl House {
    /// One vendor did not give a kind of data of one instrument.
    pub(super) fn note_failure(
        &self,
        instrument: InstrumentId,
        kind: DataKind,
        at: UnixNanos,
        error: &FetchError,
    ) -> Result<(), ServiceError> {
        let note = SyncNote {
            instrument,
            source: CleanText::new(error.vendor.as_str()),
            kind,
            at,
            code: error.why.code().into(),
            said: CleanText::new(&error.why.to_string()),
            failures: 0,
        };
        lock(self.market_store()).store_sync_note(&note)?;
        Ok(())
    }

    /// What vendors did not give before and have given now is no failure any more.
    pub(super) fn forget_failures(
        &self,
        kind: DataKind,
        given: &BTreeSet<(InstrumentId, &str)>,
    ) -> Result<(), ServiceError> {
        let mut market = lock(self.market_store());
        for note in market.read().sync_notes()? {
            let is_over = given.contains(&(note.instrument, note.source.as_str()));
            if is_over && note.kind == kind && !note.code.is_empty() {
                let (code, said) = (CleanText::default(), CleanText::default());
                market.store_sync_note(&SyncNote { code, said, failures: 0, ..note })?;
            }
        }
        Ok(())
    }

    /// Forgets what was answered for at a time that is still to come; in words, when there was any.
    pub(super) fn forget_ahead(&self, now: UnixNanos) -> Result<Option<String>, ServiceError> {
        let ahead = lock(self.market_store()).forget_coverage_after(now.plus_millis(budget::AHEAD_MS))?;
        if ahead == 0 {
            return Ok(None);
        }
        let said = format!(
            "{ahead} spans were fetched at a time that is still to come: this machine's clock was wrong, or is; \
             they are asked for again"
        );
        tracing::warn!(said);
        Ok(Some(said))
    }
}
