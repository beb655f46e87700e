//! Change sets: versions that are asked for, approved, turned down and taken back together.

use std::collections::BTreeSet;

use crate::domain::limit::{LimitDraft, LimitTerms, LimitVersion, VersionStatus};
use crate::domain::{ChangeSetId, UnixNanos};

use super::{LimitBook, LimitError};

impl LimitBook {
    /// All versions of a change set about which nobody has decided yet.
    pub fn proposed_set(&self, set: ChangeSetId) -> Result<Vec<u32>, LimitError> {
        let own = self.versions.iter().filter(|v| v.draft.terms.set == Some(set));
        let found: Vec<u32> =
            own.filter(|v| v.status == VersionStatus::Proposed).map(|v| v.version).collect();
        if found.is_empty() { Err(LimitError::UnknownSet(set)) } else { Ok(found) }
    }

    /// Whether drafts may be one new change set: each well formed, no limit twice, a name of its own.
    pub fn judge_set(&self, drafts: &[LimitDraft], now: UnixNanos) -> Result<(), LimitError> {
        let mut seen = BTreeSet::new();
        for draft in drafts {
            self.judge(draft, now)?;
            if !seen.insert((draft.scope, draft.name)) {
                return Err(LimitError::Twice(draft.name, draft.scope));
            }
            let set = draft.terms.set;
            if let Some(set) = set.filter(|_| self.versions.iter().any(|v| v.draft.terms.set == set)) {
                return Err(LimitError::KnownSet(set));
            }
        }
        Ok(())
    }

    /// Drafts that put back what stood before a change set, for as long as nobody changed its limits again.
    pub fn before_set(&self, set: ChangeSetId) -> Result<Vec<LimitDraft>, LimitError> {
        let mut drafts = Vec::new();
        let own = self.versions.iter().filter(|v| v.draft.terms.set == Some(set));
        for version in own.filter(|v| v.status == VersionStatus::Approved) {
            let draft = &version.draft;
            let same = |v: &&LimitVersion| (v.draft.name, v.draft.scope) == (draft.name, draft.scope);
            let lasting = |v: &&LimitVersion| {
                v.status == VersionStatus::Approved
                    && v.draft.terms.expires_at.is_none()
                    && v.draft.terms.order.is_none()
            };
            let mut others = self.versions.iter().filter(same).filter(lasting);
            if let Some(later) = others.clone().find(|v| v.version > version.version) {
                return Err(Self::changed_since(later, version.version));
            }
            let before = others.rfind(|v| v.version < version.version);
            drafts.push(LimitDraft {
                hard: before.and_then(|v| v.draft.hard.clone()),
                soft: before.and_then(|v| v.draft.soft.clone()),
                terms: LimitTerms::default(),
                ..draft.clone()
            });
        }
        if drafts.is_empty() { Err(LimitError::NeverInForce(set)) } else { Ok(drafts) }
    }

    /// All versions of a change set, each of which may be approved: a set is approved as a whole or not at all.
    pub fn waiting_set(&self, set: ChangeSetId) -> Result<Vec<&LimitVersion>, LimitError> {
        let own = self.versions.iter().filter(|v| v.draft.terms.set == Some(set));
        let waiting = own.filter(|v| v.status == VersionStatus::Proposed);
        let found = waiting.map(|v| self.waiting(v.version)).collect::<Result<Vec<_>, _>>()?;
        if found.is_empty() { Err(LimitError::UnknownSet(set)) } else { Ok(found) }
    }
}
