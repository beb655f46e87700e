//! Change sets: versions that are asked for, approved, turned down and taken back together.

use std::collections::BTreeSet;

use crate::domain::limit::{LimitDraft, LimitTerms, LimitVersion, VersionStatus, WorkingOrders};
use crate::domain::{ChangeSetId, UnixNanos};

use super::{InForce, LimitBook, LimitError};

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

    /// Whether the name of a change set can be told from the number of a version. One that an older journal has stays good.
    pub(super) fn is_told_apart(&self, set: ChangeSetId) -> Result<(), LimitError> {
        let digits = set.as_str().bytes().all(|byte| byte.is_ascii_digit());
        let known = || self.versions.iter().any(|v| v.draft.terms.set == Some(set));
        if digits && !known() { Err(LimitError::SetOfDigits(set)) } else { Ok(()) }
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

    /// All versions of a change set for somebody who was shown it up to the version `seen`. Versions only join a set, so who
    /// saw its newest saw all; who did not gets what is in it as an error.
    pub fn seen_set(&self, set: ChangeSetId, seen: Option<u32>) -> Result<Vec<&LimitVersion>, LimitError> {
        let waiting = self.waiting_set(set)?;
        match waiting.iter().map(|v| v.version).max() {
            Some(newest) if seen != Some(newest) => {
                let told = |v: &&LimitVersion| in_words(v, self.get(v.draft.name, v.draft.scope));
                let members = waiting.iter().map(told).collect::<Vec<_>>().join("; ");
                Err(LimitError::LookAtSet { set, members, newest })
            }
            Some(_) | None => Ok(waiting),
        }
    }
}

/// A version in words for who is to agree to it, with the value in force. The reason is quoted: it may say anything.
fn in_words(version: &LimitVersion, now: Option<&InForce>) -> String {
    let LimitDraft { name, scope, hard, soft, terms, working, reason } = &version.draft;
    let hard = hard.as_deref().unwrap_or("none");
    let mut text = format!("version {}, {name} for {scope} {hard}", version.version);
    let with_soft = |soft: String| format!(" (soft {soft})");
    let soft = soft.clone().map(with_soft);
    let order = terms.order.map(|(account, id)| format!(" for order {account}/{id} alone"));
    let from = terms.effective_from.map(|at| format!(" from {at}"));
    let until = terms.expires_at.map(|at| format!(" until {at}"));
    let value = now.and_then(|now| now.hard.as_ref()).map_or_else(|| "none".to_owned(), ToString::to_string);
    let held = now.and_then(|now| now.soft.as_ref()).map(|soft| with_soft(soft.to_string()));
    let now = format!(", now {value}{}", held.unwrap_or_default());
    let cancels = (*working == WorkingOrders::Cancel).then(|| ", cancels working orders over it".to_owned());
    let asked = format!(", asked by {}: {:?}", version.maker, reason.as_str());
    text.extend([soft, order, from, until, Some(now), cancels, Some(asked)].into_iter().flatten());
    text
}
