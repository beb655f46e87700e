//! Every version of every limit, and which value of each is in force.
//!
//! A first value and a tighter one apply at once; a looser one waits for a second person. Versions count over all
//! limits and are never edited: a new wish is a new version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::limit::{LimitDraft, LimitName, LimitValue, LimitVersion, Scope, VersionStatus};
use crate::domain::{AccountId, AccountKind, Symbol, UnixNanos, UserName};

/// A limit in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// Version that set it.
    pub version: u32,
    /// The bound nothing may pass.
    pub hard: Option<LimitValue>,
    /// Above this an order waits.
    pub soft: Option<LimitValue>,
}

/// What setting a draft would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitChange {
    /// First value or tighter (or equal): applies at once.
    AtOnce,
    /// Looser: waits for a second person.
    Waits,
}

/// Why a limit was not set or approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A value does not parse in the limit's unit.
    #[error("{0}")]
    BadValue(String),
    /// Soft above hard.
    #[error("the soft value lies above the hard value: give a soft value below it")]
    SoftAboveHard,
    /// No such version.
    #[error("limit version {0} does not exist: see the limits' history for those that wait")]
    UnknownVersion(u32),
    /// Not waiting any more.
    #[error("limit version {0} does not wait for approval")]
    NotWaiting(u32),
    /// A later version of the same limit is in force.
    #[error("limit version {0} was overtaken by a later version of the same limit: propose it again")]
    Overtaken(u32),
}

/// All versions and the values in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LimitBook {
    #[serde(with = "crate::domain::serial::shared")]
    versions: Arc<Vec<LimitVersion>>,
    #[serde(with = "crate::domain::serial::pairs")]
    in_force: BTreeMap<(LimitName, Scope), InForce>,
}

/// Whether a scope binds an order of an account in a symbol. A simulation account knows only limits of its own.
pub fn binds(scope: Scope, account: AccountId, kind: AccountKind, symbol: Symbol) -> bool {
    let firm = match kind {
        AccountKind::Simulation => false,
        AccountKind::Paper | AccountKind::Live => true,
    };
    match scope {
        Scope::Firm => firm,
        Scope::Symbol(own) => firm && own == symbol,
        Scope::Account(own) => own == account,
    }
}

fn parse(name: LimitName, text: Option<&String>) -> Result<Option<LimitValue>, LimitError> {
    text.map(|t| LimitValue::parse(name, t)).transpose().map_err(LimitError::BadValue)
}

/// The values of a draft.
fn values(draft: &LimitDraft) -> Result<(Option<LimitValue>, Option<LimitValue>), LimitError> {
    let hard = parse(draft.name, draft.hard.as_ref())?;
    let soft = parse(draft.name, draft.soft.as_ref())?;
    let bounds = hard.as_ref().and_then(LimitValue::raw).zip(soft.as_ref().and_then(LimitValue::raw));
    if bounds.is_some_and(|(hard, soft)| soft > hard) {
        return Err(LimitError::SoftAboveHard);
    }
    Ok((hard, soft))
}

/// Whether `new` allows something that `old` does not.
fn looser(old: Option<&LimitValue>, new: Option<&LimitValue>) -> bool {
    match (old, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(LimitValue::Symbols(old)), Some(LimitValue::Symbols(new))) => !old.is_subset(new),
        (Some(old), Some(new)) => new.raw() > old.raw(),
    }
}

impl LimitBook {
    /// Every version, the oldest first.
    pub fn versions(&self) -> &[LimitVersion] {
        &self.versions
    }

    /// The highest version number so far.
    pub fn version(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap_or(u32::MAX)
    }

    /// Every limit in force.
    pub fn in_force(&self) -> impl Iterator<Item = (LimitName, Scope, &InForce)> {
        self.in_force.iter().map(|((name, scope), value)| (*name, *scope, value))
    }

    /// The limit of one name and scope.
    pub fn get(&self, name: LimitName, scope: Scope) -> Option<&InForce> {
        self.in_force.get(&(name, scope))
    }

    /// Whether a limit of this name is in force anywhere.
    pub fn has(&self, name: LimitName) -> bool {
        self.in_force.keys().any(|(n, _)| *n == name)
    }

    /// Limits of one name that bind an account and symbol.
    pub fn binding(
        &self,
        name: LimitName,
        account: AccountId,
        kind: AccountKind,
        symbol: Symbol,
    ) -> impl Iterator<Item = (Scope, &InForce)> {
        let of_name = self.in_force.range((name, Scope::Firm)..).take_while(move |((n, _), _)| *n == name);
        of_name.map(|((_, scope), v)| (*scope, v)).filter(move |(s, _)| binds(*s, account, kind, symbol))
    }

    /// Whether a draft is well formed, and whether it may apply at once.
    pub fn judge(&self, draft: &LimitDraft) -> Result<LimitChange, LimitError> {
        let (hard, soft) = values(draft)?;
        let Some(old) = self.get(draft.name, draft.scope) else { return Ok(LimitChange::AtOnce) };
        let waits = looser(old.hard.as_ref(), hard.as_ref()) || looser(old.soft.as_ref(), soft.as_ref());
        Ok(if waits { LimitChange::Waits } else { LimitChange::AtOnce })
    }

    /// The waiting version `version`, when it may still be approved.
    pub fn waiting(&self, version: u32) -> Result<&LimitVersion, LimitError> {
        let found = self.versions.iter().find(|v| v.version == version);
        let found = found.ok_or(LimitError::UnknownVersion(version))?;
        if found.status == VersionStatus::Approved {
            return Err(LimitError::NotWaiting(version));
        }
        let now = self.get(found.draft.name, found.draft.scope);
        if now.is_some_and(|now| now.version > version) {
            return Err(LimitError::Overtaken(version));
        }
        Ok(found)
    }

    /// Notes a version that waits.
    pub fn propose(&mut self, version: u32, draft: LimitDraft, maker: UserName, at: UnixNanos) {
        let status = VersionStatus::Proposed;
        let row =
            LimitVersion { version, draft, maker, made_at: at, status, approver: None, approved_at: None };
        Arc::make_mut(&mut self.versions).push(row);
    }

    /// Puts a version in force (and notes it, when it did not wait).
    pub fn approve(
        &mut self,
        version: u32,
        draft: &LimitDraft,
        maker: UserName,
        actor: UserName,
        at: UnixNanos,
    ) -> Result<(), LimitError> {
        let (hard, soft) = values(draft)?;
        let versions = Arc::make_mut(&mut self.versions);
        match versions.iter_mut().find(|v| v.version == version) {
            Some(waiting) => {
                waiting.status = VersionStatus::Approved;
                waiting.approver = Some(actor);
                waiting.approved_at = Some(at);
            }
            None => versions.push(LimitVersion {
                version,
                draft: draft.clone(),
                maker,
                made_at: at,
                status: VersionStatus::Approved,
                approver: (actor != maker).then_some(actor),
                approved_at: Some(at),
            }),
        }
        self.put(version, draft, hard, soft);
        Ok(())
    }

    /// A copy in which the draft is in force, for previews.
    pub fn with(&self, draft: &LimitDraft) -> Result<Self, LimitError> {
        let (hard, soft) = values(draft)?;
        let mut copy = self.clone();
        copy.put(self.version().saturating_add(1), draft, hard, soft);
        Ok(copy)
    }

    fn put(&mut self, version: u32, draft: &LimitDraft, hard: Option<LimitValue>, soft: Option<LimitValue>) {
        let key = (draft.name, draft.scope);
        if hard.is_none() && soft.is_none() {
            self.in_force.remove(&key);
        } else {
            self.in_force.insert(key, InForce { version, hard, soft });
        }
    }
}

/// Symbols of a restricted list.
pub(super) fn symbols(value: &LimitValue) -> Option<&BTreeSet<Symbol>> {
    match value {
        LimitValue::Symbols(set) => Some(set),
        LimitValue::Quantity(_) | LimitValue::Money(_) | LimitValue::Ratio(_) | LimitValue::Count(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limit::WorkingOrders;

    fn draft(name: LimitName, hard: Option<&str>, soft: Option<&str>) -> LimitDraft {
        LimitDraft {
            name,
            scope: Scope::Firm,
            hard: hard.map(str::to_owned),
            soft: soft.map(str::to_owned),
            reason: "test".into(),
            working: WorkingOrders::Keep,
        }
    }

    fn set(book: &mut LimitBook, draft: &LimitDraft) {
        let rita = "rita".parse().unwrap();
        book.approve(book.version() + 1, draft, rita, rita, UnixNanos::ZERO).unwrap();
    }

    #[test]
    fn only_a_looser_value_waits() {
        let name = LimitName::MaxOrderNotional;
        let mut book = LimitBook::default();
        assert_eq!(book.judge(&draft(name, Some("100"), None)), Ok(LimitChange::AtOnce));
        set(&mut book, &draft(name, Some("100"), Some("50")));
        for (hard, soft, change) in [
            (Some("100"), Some("50"), LimitChange::AtOnce),
            (Some("90"), Some("40"), LimitChange::AtOnce),
            (Some("101"), Some("50"), LimitChange::Waits),
            (Some("90"), Some("60"), LimitChange::Waits),
            (Some("90"), None, LimitChange::Waits),
            (None, None, LimitChange::Waits),
        ] {
            assert_eq!(book.judge(&draft(name, hard, soft)), Ok(change), "{hard:?} {soft:?}");
        }
    }

    #[test]
    fn taking_a_symbol_off_the_list_waits_and_spaces_mean_nothing() {
        let name = LimitName::RestrictedSymbols;
        let mut book = LimitBook::default();
        set(&mut book, &draft(name, Some("B, A"), None));
        assert_eq!(book.judge(&draft(name, Some("A,B"), None)), Ok(LimitChange::AtOnce));
        assert_eq!(book.judge(&draft(name, Some("A,B,C"), None)), Ok(LimitChange::AtOnce));
        assert_eq!(book.judge(&draft(name, Some("A"), None)), Ok(LimitChange::Waits));
    }

    #[test]
    fn an_overtaken_proposal_cannot_be_approved() {
        let name = LimitName::MaxOrderNotional;
        let mut book = LimitBook::default();
        set(&mut book, &draft(name, Some("100"), None));
        book.propose(2, draft(name, Some("200"), None), "rita".parse().unwrap(), UnixNanos::ZERO);
        assert!(book.waiting(2).is_ok());
        book.approve(
            3,
            &draft(name, Some("50"), None),
            "rita".parse().unwrap(),
            "rita".parse().unwrap(),
            UnixNanos::ZERO,
        )
        .unwrap();
        assert_eq!(book.waiting(2), Err(LimitError::Overtaken(2)));
        assert_eq!(book.waiting(9), Err(LimitError::UnknownVersion(9)));
    }

    #[test]
    fn firm_limits_never_bind_a_simulation_account() {
        let (account, symbol) = ("sim-kim".parse().unwrap(), "XYZ".parse().unwrap());
        assert!(!binds(Scope::Firm, account, AccountKind::Simulation, symbol));
        assert!(!binds(Scope::Symbol(symbol), account, AccountKind::Simulation, symbol));
        assert!(binds(Scope::Account(account), account, AccountKind::Simulation, symbol));
        assert!(binds(Scope::Firm, account, AccountKind::Paper, symbol));
    }
}
