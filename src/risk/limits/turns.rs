//! Windows: versions that begin and end by themselves, as market time passes.
//!
//! Each exchange has its own market time, and they do not go together. A turn that allows no more than before happens
//! with the first exchange that reaches it, one that allows more only when the last has: nobody gets more by moving
//! the time of another exchange.

use std::sync::Arc;

use crate::domain::UnixNanos;
use crate::domain::limit::{LimitName, LimitVersion, Scope, Turn, VersionStatus};

use super::{Begun, LimitBook, LimitError, loosens, values};

/// How far market time is on the first and on the last of some exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// On the one that is ahead.
    pub first: UnixNanos,
    /// On the one that is behind.
    pub last: UnixNanos,
}

impl LimitBook {
    /// Names of limits that bind (also one order alone), come back or will begin, some of them more than once.
    pub fn live(&self) -> impl Iterator<Item = LimitName> {
        let bounds = |b: &Begun| b.value.hard.is_some() || b.value.soft.is_some();
        let begun = self.begun.iter().filter(move |(_, stack)| stack.iter().any(bounds));
        let begins = self.turns.iter().filter(|(_, _, turn)| *turn == Turn::Begins);
        let later = begins.filter_map(|(_, version, _)| Some(self.find(*version)?.draft.name));
        let of_orders = self.of_orders.values().flatten().map(|given| given.0);
        begun.map(|((_, name), _)| *name).chain(later).chain(of_orders)
    }

    /// The first version whose time to begin or end has come; `reached` says how far the exchanges of a scope are.
    pub fn next_turn(&self, reached: impl Fn(Scope) -> Reached) -> Option<(UnixNanos, u32, Turn)> {
        let (soonest, _, _) = self.turns.first()?;
        let latest = reached(Scope::Firm).first;
        if *soonest > latest {
            return None;
        }
        let mut due = self.turns.iter().take_while(|(at, _, _)| *at <= latest);
        due.find(|(at, version, turn)| {
            let found = self.find(*version);
            found.is_some_and(|found| self.is_due(*at, found, *turn, reached(found.draft.scope)))
        })
        .copied()
    }

    /// Whether the time at which a version is to turn has come.
    fn is_due(&self, at: UnixNanos, found: &LimitVersion, turn: Turn, reached: Reached) -> bool {
        at <= reached.last || (at <= reached.first && !self.loosens(found, turn))
    }

    /// The waiting version `version`, when it may be approved now: `reached` says how far the exchanges of a scope are.
    pub fn approvable(
        &self,
        version: u32,
        reached: impl Fn(Scope) -> Reached,
    ) -> Result<&LimitVersion, LimitError> {
        let found = self.waiting(version)?;
        match found.draft.terms.expires_at {
            Some(ended) if self.is_due(ended, found, Turn::Ends, reached(found.draft.scope)) => {
                Err(LimitError::WindowOver { version, ended })
            }
            Some(_) | None => Ok(found),
        }
    }

    /// Whether more would be allowed by a version's value than without it, once it begins, or without it once it ends.
    fn loosens(&self, found: &LimitVersion, turn: Turn) -> bool {
        let Ok((hard, soft)) = values(&found.draft) else { return false };
        let key = (found.draft.scope, found.draft.name);
        let begun = self.begun.get(&key).into_iter().flatten();
        let beneath = match turn {
            Turn::Ends if found.draft.terms.order.is_none() => {
                begun.take_while(|b| b.value.version < found.version).last().map(|b| &b.value)
            }
            Turn::Begins | Turn::Ends | Turn::Overtaken => self.in_force.get(&key),
        };
        let own = (hard.as_ref(), soft.as_ref());
        let other = beneath.map_or((None, None), |value| (value.hard.as_ref(), value.soft.as_ref()));
        let (old, new) = if turn == Turn::Ends { (own, other) } else { (other, own) };
        loosens(found.draft.name, old, new)
    }

    /// A version begins or ends.
    pub fn turn(&mut self, version: u32, turn: Turn) -> Result<(), LimitError> {
        let draft = self.find(version).ok_or(LimitError::UnknownVersion(version))?.draft.clone();
        let over = if turn == Turn::Overtaken { Turn::Begins } else { turn };
        self.turns.retain(|(_, v, t)| (*v, *t) != (version, over));
        match turn {
            Turn::Overtaken => {
                let mut versions = Arc::make_mut(&mut self.versions).iter_mut();
                let row = versions.find(|v| v.version == version);
                row.into_iter().for_each(|row| row.status = VersionStatus::Overtaken);
                Ok(())
            }
            Turn::Begins => self.begin(version, &draft),
            Turn::Ends => {
                self.end(version, &draft);
                Ok(())
            }
        }
    }

    /// Whether a version that is to begin now was overtaken by a later one that was put in force for good.
    pub fn is_overtaken(&self, version: u32) -> bool {
        let Some(found) = self.find(version) else { return false };
        let begun = self.begun.get(&(found.draft.scope, found.draft.name)).into_iter().flatten();
        begun.into_iter().any(|b| b.stays && b.value.version > version)
    }
}
