//! Every version of every limit, and which value of each is in force.
//!
//! A first value and a tighter one apply at once; a looser one, every one of a change set, and every one for a single
//! order waits for a second person. A version may begin later, end by itself (then the value before it is back), or
//! bind one order only. Of the versions that have begun and not ended the latest is in force: one that begins after a
//! later one was put in force for good never binds, nor does one for a single order beside a later one. Versions count over all limits and are never edited: a new wish is a new version. Time is
//! market time, and passes here only by word of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::limit::{
    Closed, LimitDraft, LimitName, LimitUnit, LimitValue, LimitVersion, Scope, Turn, VersionStatus,
};
use crate::domain::{
    AccountId, AccountKind, AccountSpec, CleanText, OrderSpec, StrategyId, Symbol, UnixNanos, UserName,
};

use super::book::OrderKey;
use super::checks::{Control, control_of};

mod error;
mod sets;
mod turns;

pub use turns::Reached;

pub use error::LimitError;

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

/// Versions and values of a limit, beside the one in force.
type LimitKey = (Scope, LimitName);

/// A value for one order only.
type Given = (LimitName, Scope, InForce);

/// A version that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    value: InForce,
    /// Whether it stands for good, not for a while.
    stays: bool,
}

/// All versions and the values in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LimitBook {
    #[serde(with = "crate::domain::serial::shared")]
    versions: Arc<Vec<LimitVersion>>,
    #[serde(with = "crate::domain::serial::pairs")]
    in_force: BTreeMap<LimitKey, InForce>,
    /// What has begun and not ended, the earliest version first: the last is in force, what lies beneath comes back
    /// when it ends.
    #[serde(with = "crate::domain::serial::pairs")]
    begun: BTreeMap<LimitKey, Vec<Begun>>,
    /// Values for one order only.
    #[serde(with = "crate::domain::serial::pairs")]
    of_orders: BTreeMap<OrderKey, Vec<Given>>,
    turns: BTreeSet<(UnixNanos, u32, Turn)>,
    /// Wall time at which a waiting version was asked for.
    #[serde(with = "crate::domain::serial::pairs")]
    asked_at: BTreeMap<u32, UnixNanos>,
}

/// What a limit or a halt may bind: an order of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Account.
    pub account: AccountId,
    /// Its kind.
    pub kind: AccountKind,
    /// Symbol, where one is concerned.
    pub symbol: Option<Symbol>,
    /// Strategy, where one asked.
    pub strategy: Option<StrategyId>,
}

impl Target {
    /// An order of an account.
    pub const fn of(account: &AccountSpec, order: &OrderSpec) -> Self {
        let symbol = Some(order.instrument.symbol);
        Self { account: account.account, kind: account.kind, symbol, strategy: order.strategy }
    }

    /// An account as a whole.
    pub const fn account(account: &AccountSpec) -> Self {
        Self { account: account.account, kind: account.kind, symbol: None, strategy: None }
    }

    /// A symbol in an account.
    pub const fn symbol(account: &AccountSpec, symbol: Symbol) -> Self {
        Self { symbol: Some(symbol), ..Self::account(account) }
    }

    /// Scopes that bind it. A simulation account knows only limits of its own.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> + use<> {
        let firm = match self.kind {
            AccountKind::Simulation => false,
            AccountKind::Paper | AccountKind::Live => true,
        };
        let wide = [Some(Scope::Firm), self.symbol.map(Scope::Symbol), self.strategy.map(Scope::Strategy)];
        wide.into_iter().flatten().filter(move |_| firm).chain([Scope::Account(self.account)])
    }

    /// Whether a scope binds it.
    pub fn is_bound_by(&self, scope: Scope) -> bool {
        self.scopes().any(|own| own == scope)
    }
}

fn parse(name: LimitName, text: Option<&String>) -> Result<Option<LimitValue>, LimitError> {
    text.map(|t| LimitValue::parse(name, t)).transpose().map_err(LimitError::BadValue)
}

/// Hard and soft value.
type Values = (Option<LimitValue>, Option<LimitValue>);

/// The values of a draft.
fn values(draft: &LimitDraft) -> Result<Values, LimitError> {
    let hard = parse(draft.name, draft.hard.as_ref())?;
    let soft = parse(draft.name, draft.soft.as_ref())?;
    if soft.is_some() && [&hard, &soft].into_iter().flatten().any(|v| v.self_trade().is_some()) {
        let why = format!("{}: a soft value stands only beside a hard one that refuses", draft.name);
        return Err(LimitError::BadValue(why));
    }
    let crossed = match (&hard, &soft) {
        (Some(hard), Some(soft)) => allows_more(draft.name, hard, soft),
        (None, _) | (_, None) => false,
    };
    if crossed && draft.name.unit() != LimitUnit::Symbols {
        return Err(LimitError::SoftAboveHard);
    }
    Ok((hard, soft))
}

/// The values of a draft that somebody asks for now: its scope must name what the limit measures. What stands may always
/// be taken away.
fn asked(draft: &LimitDraft) -> Result<Values, LimitError> {
    let (hard, soft) = values(draft)?;
    let grain = control_of(draft.name).map(Control::grain).filter(|grain| !grain.allows(draft.scope));
    match grain.filter(|_| hard.is_some() || soft.is_some()) {
        Some(grain) => Err(LimitError::ForeignScope { name: draft.name, scope: draft.scope, grain }),
        None => Ok((hard, soft)),
    }
}

/// Whether `new` allows something that `old` does not.
fn allows_more(name: LimitName, old: &LimitValue, new: &LimitValue) -> bool {
    match (old, new) {
        (LimitValue::Symbols(old), LimitValue::Symbols(new)) if name == LimitName::AllowedSymbols => {
            !new.is_subset(old)
        }
        (LimitValue::Symbols(old), LimitValue::Symbols(new)) => !old.is_subset(new),
        // Another way to prevent self-trades is another rule; refusing is the tightest.
        (old, new)
            if new.self_trade().is_some_and(|(_, mode)| old.self_trade().is_none_or(|o| o.1 != mode)) =>
        {
            true
        }
        (old, new) if name.higher_is_looser() => new.raw() > old.raw(),
        (old, new) => new.raw() < old.raw(),
    }
}

fn looser(name: LimitName, old: Option<&LimitValue>, new: Option<&LimitValue>) -> bool {
    match (old, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => allows_more(name, old, new),
    }
}

/// The bound that speaks first: the soft value where there is one, else the hard one. Of lists both speak: what either
/// of them names, or of what may be traded what all of them name.
fn first_bound(name: LimitName, hard: Option<&LimitValue>, soft: Option<&LimitValue>) -> Option<LimitValue> {
    match (hard, soft) {
        (Some(LimitValue::Symbols(hard)), Some(LimitValue::Symbols(soft))) => {
            let both = if name == LimitName::AllowedSymbols { hard & soft } else { hard | soft };
            Some(LimitValue::Symbols(both))
        }
        (hard, soft) => soft.or(hard).cloned(),
    }
}

/// Whether new values (hard, soft) let something pass that the old ones hold, or hold what those refuse.
fn loosens(
    name: LimitName,
    old: (Option<&LimitValue>, Option<&LimitValue>),
    new: (Option<&LimitValue>, Option<&LimitValue>),
) -> bool {
    let first = |(hard, soft)| first_bound(name, hard, soft);
    looser(name, old.0, new.0) || looser(name, first(old).as_ref(), first(new).as_ref())
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
        self.in_force.iter().map(|((scope, name), value)| (*name, *scope, value))
    }

    /// The limit of one name and scope.
    pub fn get(&self, name: LimitName, scope: Scope) -> Option<&InForce> {
        self.in_force.get(&(scope, name))
    }

    /// Versions that bind, come back or will begin and that name a symbol, as their scope or on their list; none that is
    /// meant for one order.
    pub fn naming(&self, symbol: Symbol) -> Vec<&LimitVersion> {
        let standing = self.begun.values().flatten().map(|begun| begun.value.version);
        let begins = self.turns.iter().filter(|(_, _, turn)| *turn == Turn::Begins);
        let live: BTreeSet<u32> = standing.chain(begins.map(|(_, version, _)| *version)).collect();
        let own = self.versions.iter().filter(|v| live.contains(&v.version) && v.draft.terms.order.is_none());
        let bounds = own.filter(|v| v.draft.hard.is_some() || v.draft.soft.is_some());
        bounds.filter(|v| v.draft.names(symbol)).collect()
    }

    /// Every symbol that any version of a list named.
    pub fn listed(&self, name: LimitName, scope: Scope) -> BTreeSet<Symbol> {
        let own = self.versions.iter().filter(|v| (v.draft.name, v.draft.scope) == (name, scope));
        let texts = own.flat_map(|v| [v.draft.hard.as_ref(), v.draft.soft.as_ref()]).flatten();
        let lists = texts.filter_map(|text| LimitValue::parse(name, text).ok());
        lists.flat_map(|list| symbols(&list).cloned().unwrap_or_default()).collect()
    }

    /// Versions that name a symbol and wait for a second person.
    pub fn proposed_for(&self, symbol: Symbol) -> impl Iterator<Item = &LimitVersion> {
        let waiting = self.versions.iter().filter(|v| v.status == VersionStatus::Proposed);
        waiting.filter(move |v| v.draft.names(symbol))
    }

    /// Versions that name a symbol and are meant for one order that has not used them, and that still bind it.
    pub fn given_for(&self, symbol: Symbol) -> Vec<&LimitVersion> {
        let given = self.of_orders.values().flatten().filter(|given| self.stands(given));
        let given: BTreeSet<u32> = given.map(|(_, _, v)| v.version).collect();
        self.versions.iter().filter(|v| given.contains(&v.version) && v.draft.names(symbol)).collect()
    }

    /// Whether no limit is in force, nor a value for one order.
    pub fn is_silent(&self) -> bool {
        self.in_force.is_empty() && self.of_orders.is_empty()
    }

    /// Whether a limit of this name is in force anywhere.
    pub fn has(&self, name: LimitName) -> bool {
        self.in_force.keys().any(|(_, n)| *n == name)
    }

    /// Limits that bind a target.
    pub fn binding(&self, target: &Target) -> impl Iterator<Item = (LimitName, Scope, &InForce)> {
        let scopes = (!self.in_force.is_empty()).then(|| target.scopes());
        scopes.into_iter().flatten().flat_map(move |scope| {
            let of_scope = self.in_force.range((scope, LimitName::MaxOrderQuantity)..);
            let own = of_scope.take_while(move |((s, _), _)| *s == scope);
            own.map(move |((_, name), value)| (*name, scope, value))
        })
    }

    /// Limits that bind an order: a value given to this one order stands in the place of the standing one, or beside
    /// those of other names and scopes where there is none.
    pub fn binding_order(
        &self,
        target: &Target,
        key: OrderKey,
    ) -> impl Iterator<Item = (LimitName, Scope, &InForce)> {
        let own = self.of_orders.get(&key).map_or(&[][..], Vec::as_slice);
        let latest = move |name, scope| own.iter().rev().find(|given| (given.0, given.1) == (name, scope));
        let standing = self.binding(target).map(move |(name, scope, value)| {
            let given = latest(name, scope).filter(|given| self.stands(given));
            (name, scope, given.map_or(value, |(_, _, value)| value))
        });
        let target = *target;
        let alone = own.iter().filter(move |given @ (name, scope, value)| {
            let is_latest = latest(*name, *scope).is_some_and(|(_, _, last)| last.version == value.version);
            is_latest && self.get(*name, *scope).is_none() && target.is_bound_by(*scope) && self.stands(given)
        });
        standing.chain(alone.map(|(name, scope, value)| (*name, *scope, value)))
    }

    /// Whether a value for one order still binds it: nobody agreed to it beside a limit that came after it, or that was
    /// taken away since.
    fn stands(&self, (name, scope, given): &Given) -> bool {
        let begun = self.begun.get(&(*scope, *name)).and_then(|stack| stack.last());
        let newest = [self.get(*name, *scope), begun.map(|begun| &begun.value)];
        newest.into_iter().flatten().all(|now| now.version < given.version)
    }

    /// Versions that were given to one order only and may still be used by it.
    pub fn given_to(&self, key: &OrderKey) -> Vec<u32> {
        self.of_orders.get(key).map_or_else(Vec::new, |own| own.iter().map(|(_, _, v)| v.version).collect())
    }

    /// Whether a draft is well formed, and whether it may apply at once. `now` is market time.
    pub fn judge(&self, draft: &LimitDraft, now: UnixNanos) -> Result<LimitChange, LimitError> {
        let (hard, soft) = asked(draft)?;
        let terms = &draft.terms;
        let begins = terms.effective_from.unwrap_or(now).max(now);
        if terms.expires_at.is_some_and(|ends| ends <= begins) {
            return Err(LimitError::EmptyWindow);
        }
        self.is_fresh(draft)?;
        if let Some(set) = terms.set {
            self.is_told_apart(set)?;
        }
        // What one order may do is compared with limits that may not stand yet: a person judges it.
        if terms.set.is_some() || terms.order.is_some() {
            return Ok(LimitChange::Waits);
        }
        let waits = |old| loosens(draft.name, old, (hard.as_ref(), soft.as_ref()));
        // A value that stands only for a while does not make room for one that stays.
        let begun = self.begun.get(&(draft.scope, draft.name)).into_iter().flatten();
        let now = begun.map(|b| (b.value.hard.as_ref(), b.value.soft.as_ref())).any(waits);
        // What was agreed on for later is not undone before it begins either.
        let coming = self.coming(draft, begins).collect::<Result<Vec<_>, _>>()?;
        let later = coming.iter().map(|(hard, soft)| (hard.as_ref(), soft.as_ref())).any(waits);
        Ok(if now || later { LimitChange::Waits } else { LimitChange::AtOnce })
    }

    /// Values of versions that begin later, and for which a draft that begins then would stand instead.
    fn coming<'b>(
        &'b self,
        draft: &'b LimitDraft,
        begins: UnixNanos,
    ) -> impl Iterator<Item = Result<Values, LimitError>> + 'b {
        let ends = draft.terms.expires_at;
        let versions = self.turns.iter().filter(|(_, _, turn)| *turn == Turn::Begins);
        let found = versions.filter_map(|(from, version, _)| Some((*from, self.find(*version)?)));
        let met = found.filter(move |(from, v)| {
            let same = (v.draft.name, v.draft.scope) == (draft.name, draft.scope);
            let meets = ends.is_none_or(|ends| *from < ends)
                && v.draft.terms.expires_at.is_none_or(|ends| begins < ends);
            same && meets && v.draft.terms.order.is_none()
        });
        met.map(|(_, v)| values(&v.draft))
    }

    fn find(&self, version: u32) -> Option<&LimitVersion> {
        self.versions.iter().find(|v| v.version == version)
    }

    /// Whether nobody changed the limit since the version that the draft names.
    fn is_fresh(&self, draft: &LimitDraft) -> Result<(), LimitError> {
        let Some(based_on) = draft.terms.based_on else { return Ok(()) };
        if based_on > self.version() {
            return Err(LimitError::UnknownVersion(based_on));
        }
        let own = |v: &&LimitVersion| {
            let stands = matches!(v.status, VersionStatus::Proposed | VersionStatus::Approved);
            stands && (v.draft.name, v.draft.scope) == (draft.name, draft.scope)
        };
        let Some(newest) = self.versions.iter().rev().find(own).filter(|v| v.version > based_on) else {
            return Ok(());
        };
        Err(Self::changed_since(newest, based_on))
    }

    fn changed_since(newest: &LimitVersion, based_on: u32) -> LimitError {
        LimitError::Stale {
            name: newest.draft.name,
            scope: newest.draft.scope,
            version: newest.version,
            by: newest.maker,
            value: newest.draft.hard.clone().unwrap_or_else(|| "none".to_owned()),
            based_on,
        }
    }

    /// The waiting version `version`, when it may still be approved.
    pub fn waiting(&self, version: u32) -> Result<&LimitVersion, LimitError> {
        let found = self.proposed(version)?;
        let later = |v: &LimitVersion| {
            v.version > version
                && v.status == VersionStatus::Approved
                && (v.draft.name, v.draft.scope) == (found.draft.name, found.draft.scope)
        };
        if self.versions.iter().any(later) {
            return Err(LimitError::Overtaken(version));
        }
        Ok(found)
    }

    /// The version `version`, when nobody has decided about it yet, whether or not it may still be approved.
    pub fn proposed(&self, version: u32) -> Result<&LimitVersion, LimitError> {
        let found = self.find(version).ok_or(LimitError::UnknownVersion(version))?;
        if found.status == VersionStatus::Proposed { Ok(found) } else { Err(LimitError::NotWaiting(version)) }
    }

    /// Wall time at which a waiting version was asked for.
    pub fn asked_at(&self, version: u32) -> Option<UnixNanos> {
        self.asked_at.get(&version).copied()
    }

    /// Notes a version that waits. `at` is market time, `wall` the time on the wall.
    pub fn propose(
        &mut self,
        version: u32,
        draft: LimitDraft,
        maker: UserName,
        (at, wall): (UnixNanos, UnixNanos),
    ) {
        let status = VersionStatus::Proposed;
        let row = LimitVersion {
            version,
            draft,
            maker,
            made_at: at,
            status,
            approver: None,
            approved_at: None,
            alone: false,
            closed: None,
        };
        Arc::make_mut(&mut self.versions).push(row);
        self.asked_at.insert(version, wall);
    }

    /// Notes that a waiting version was turned down, or taken back when its maker did it.
    pub fn reject(
        &mut self,
        version: u32,
        actor: UserName,
        reason: CleanText,
        at: UnixNanos,
    ) -> Result<(), LimitError> {
        self.proposed(version)?;
        self.asked_at.remove(&version);
        if let Some(row) = Arc::make_mut(&mut self.versions).iter_mut().find(|v| v.version == version) {
            let own = row.maker == actor;
            row.status = if own { VersionStatus::Withdrawn } else { VersionStatus::Rejected };
            row.closed = Some(Closed { actor, at, reason });
        }
        Ok(())
    }

    /// Puts a version in force, now or when it begins (and notes it, when it did not wait). `alone` says that the
    /// only person of the home agreed to it.
    pub fn approve(
        &mut self,
        version: u32,
        draft: &LimitDraft,
        (maker, actor): (UserName, UserName),
        alone: bool,
        at: UnixNanos,
    ) -> Result<(), LimitError> {
        values(draft)?;
        self.asked_at.remove(&version);
        let versions = Arc::make_mut(&mut self.versions);
        match versions.iter_mut().find(|v| v.version == version) {
            Some(waiting) => {
                waiting.status = VersionStatus::Approved;
                waiting.approver = Some(actor);
                waiting.approved_at = Some(at);
                waiting.alone = alone;
            }
            None => versions.push(LimitVersion {
                version,
                draft: draft.clone(),
                maker,
                made_at: at,
                status: VersionStatus::Approved,
                approver: (actor != maker).then_some(actor),
                approved_at: Some(at),
                alone,
                closed: None,
            }),
        }
        match draft.terms.effective_from.filter(|from| *from > at) {
            Some(from) => drop(self.turns.insert((from, version, Turn::Begins))),
            None => self.begin(version, draft)?,
        }
        Ok(())
    }

    fn begin(&mut self, version: u32, draft: &LimitDraft) -> Result<(), LimitError> {
        let (hard, soft) = values(draft)?;
        let key = (draft.scope, draft.name);
        if let Some(ends) = draft.terms.expires_at {
            self.turns.insert((ends, version, Turn::Ends));
        }
        if let Some(order) = draft.terms.order {
            let value = InForce { version, hard, soft };
            self.of_orders.entry(order).or_default().push((draft.name, draft.scope, value));
            return Ok(());
        }
        let stack = self.begun.entry(key).or_default();
        if stack.iter().any(|b| b.stays && b.value.version > version) {
            return Ok(());
        }
        let stays = draft.terms.expires_at.is_none();
        if stays {
            stack.retain(|b| b.value.version > version);
        }
        let at = stack.partition_point(|b| b.value.version < version);
        stack.insert(at, Begun { value: InForce { version, hard, soft }, stays });
        self.settle(key);
        Ok(())
    }

    /// Puts the latest version that has begun and not ended in force.
    fn settle(&mut self, key: LimitKey) {
        match self.begun.get(&key).and_then(|stack| stack.last()).map(|b| b.value.clone()) {
            Some(now) => self.put(now.version, key, now.hard, now.soft),
            None => {
                self.begun.remove(&key);
                self.in_force.remove(&key);
            }
        }
    }

    fn end(&mut self, version: u32, draft: &LimitDraft) {
        let key = (draft.scope, draft.name);
        if let Some(order) = draft.terms.order {
            if let Some(own) = self.of_orders.get_mut(&order) {
                own.retain(|(_, _, value)| value.version != version);
                if own.is_empty() {
                    self.of_orders.remove(&order);
                }
            }
            return;
        }
        if let Some(stack) = self.begun.get_mut(&key) {
            stack.retain(|b| b.value.version != version);
            self.settle(key);
        }
    }

    /// The limits that bound when this version was the newest: of it and those before it, what had begun and not
    /// ended when it was decided. What is meant for one order is no limit of its scope.
    pub fn as_of(&self, version: u32) -> Result<Self, LimitError> {
        let newest = self.find(version).ok_or(LimitError::UnknownVersion(version))?;
        let (then, mut book) = (newest.approved_at.unwrap_or(newest.made_at), Self::default());
        for v in self.versions.iter().filter(|v| v.version <= version && v.draft.terms.order.is_none()) {
            let terms = &v.draft.terms;
            // In force at once means before any later version: a home's first limits are older than its market.
            let at_once = v.approver.is_none() && v.approved_at == Some(v.made_at);
            let approved = at_once || v.approved_at.is_some_and(|at| at <= then);
            let begun = approved && terms.effective_from.is_none_or(|from| from <= then);
            let stands = v.status == VersionStatus::Approved && begun;
            if stands && terms.expires_at.is_none_or(|ends| ends > then) {
                book.begin(v.version, &v.draft)?;
            }
        }
        Ok(book)
    }

    /// A copy in which the draft is in force, for previews.
    pub fn with(&self, draft: &LimitDraft) -> Result<Self, LimitError> {
        let (hard, soft) = asked(draft)?;
        let mut copy = self.clone();
        copy.put(self.version().saturating_add(1), (draft.scope, draft.name), hard, soft);
        Ok(copy)
    }

    fn put(&mut self, version: u32, key: LimitKey, hard: Option<LimitValue>, soft: Option<LimitValue>) {
        if hard.is_none() && soft.is_none() {
            self.in_force.remove(&key);
        } else {
            self.in_force.insert(key, InForce { version, hard, soft });
        }
    }
}

/// Symbols of a restricted list.
pub(super) const fn symbols(value: &LimitValue) -> Option<&BTreeSet<Symbol>> {
    if let LimitValue::Symbols(set) = value { Some(set) } else { None }
}

#[cfg(test)]
mod tests;
