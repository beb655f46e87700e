//! What a control saw, and how it is held against the limits that bind the order.

use crate::domain::decision::{Bound, Breach, CheckOutcome, CheckRecord, Inputs, Span};
use crate::domain::limit::{LimitName, LimitUnit, LimitValue, Scope};
use crate::domain::{AccountId, Money, Quantity, Ratio, RefusalCode, Symbol};

/// A figure as a control compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A raw value in the limit's unit.
    Raw(i64),
    /// A share, compared exactly and rounded only to be shown.
    Share(Money, Money),
    /// A symbol on a list.
    Symbol(Symbol),
}

impl Seen {
    /// Whether it is above (of a window: below) a raw threshold.
    fn passes(self, name: LimitName, threshold: i64) -> bool {
        match self {
            Seen::Raw(raw) if name.higher_is_looser() => raw > threshold,
            Seen::Raw(raw) => raw < threshold,
            Seen::Share(part, whole) => share_above(part, whole, threshold),
            Seen::Symbol(_) => false,
        }
    }

    /// As text in a unit; empty when it cannot be said.
    fn text(self, unit: LimitUnit) -> String {
        match (self, unit) {
            (Seen::Share(part, whole), _) => part.share_of(whole).map(|r| r.to_string()).unwrap_or_default(),
            (Seen::Symbol(symbol), _) => symbol.to_string(),
            (Seen::Raw(raw), LimitUnit::Quantity) => Quantity::from_raw(raw).to_string(),
            (Seen::Raw(raw), LimitUnit::Money) => Money::from_raw(raw).to_string(),
            (Seen::Raw(raw), LimitUnit::Ratio | LimitUnit::Days) => Ratio::from_raw(raw).to_string(),
            (Seen::Raw(raw), LimitUnit::Count | LimitUnit::Seconds | LimitUnit::Symbols) => raw.to_string(),
        }
    }

    /// Its raw value in the limit's unit, for a use of the limit.
    pub fn raw(self) -> Option<i64> {
        match self {
            Seen::Raw(raw) => Some(raw),
            Seen::Share(part, whole) => part.share_of(whole).map(Ratio::raw),
            Seen::Symbol(_) => None,
        }
    }
}

/// What a control measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Before the order.
    pub now: Seen,
    /// With it.
    pub with: Seen,
    /// Whether it passes whatever was seen.
    pub spared: bool,
}

impl Measure {
    /// A raw figure of the order alone.
    pub const fn of(with: i64) -> Self {
        Self { now: Seen::Raw(0), with: Seen::Raw(with), spared: false }
    }

    /// Raw figures before and with the order.
    pub const fn span(now: i64, with: i64) -> Self {
        Self { now: Seen::Raw(now), with: Seen::Raw(with), spared: false }
    }

    /// Shares of a whole before and with the order.
    pub const fn share(part: Span<Money>, whole: Money) -> Self {
        Self { now: Seen::Share(part.now, whole), with: Seen::Share(part.with, whole), spared: false }
    }

    /// The same; what only reduces, or makes it no larger, passes.
    pub fn grown_share(part: Span<Money>, whole: Money, reduces: bool) -> Self {
        Self::share(part, whole).unless(reduces || part.with <= part.now)
    }

    /// The same, passing when `spared`.
    #[must_use]
    pub const fn unless(self, spared: bool) -> Self {
        Self { spared, ..self }
    }
}

/// What a control is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold<'i> {
    /// None is set.
    None,
    /// A limit's value.
    Limit(&'i LimitValue),
    /// A figure of the account.
    Figure(Seen),
}

/// What a control says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding<'i> {
    /// Limit or control.
    pub name: &'static str,
    /// Code it would refuse with.
    pub code: RefusalCode,
    /// Unit of its figures.
    pub unit: LimitUnit,
    /// Scope of the limit that spoke, or that is nearest; `None` is the account's own.
    pub scope: Option<Scope>,
    /// Before the order.
    pub now: Option<Seen>,
    /// With it.
    pub observed: Option<Seen>,
    /// What is allowed.
    pub threshold: Threshold<'i>,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// Whether only a soft limit is set: what cannot be said then waits for a second person.
    pub soft_only: bool,
}

impl<'i> Finding<'i> {
    /// A control behind which no limit stands.
    pub const fn plain(name: &'static str, code: RefusalCode, breached: bool) -> Self {
        Self {
            name,
            code,
            unit: LimitUnit::Money,
            scope: None,
            now: None,
            observed: None,
            threshold: Threshold::None,
            outcome: if breached { CheckOutcome::Breach } else { CheckOutcome::Passed },
            soft_only: false,
        }
    }

    /// The same with figures.
    #[must_use]
    pub const fn seen(self, unit: LimitUnit, observed: i64, threshold: i64) -> Self {
        let threshold = Threshold::Figure(Seen::Raw(threshold));
        Self { unit, observed: Some(Seen::Raw(observed)), threshold, ..self }
    }

    /// The same, not evaluated.
    #[must_use]
    pub const fn unknown(self) -> Self {
        Self { outcome: CheckOutcome::NotEvaluated, ..self }
    }

    /// Whether it refuses.
    pub const fn refuses(&self) -> bool {
        match self.outcome {
            CheckOutcome::Breach => true,
            CheckOutcome::NotEvaluated => !self.soft_only,
            CheckOutcome::Passed | CheckOutcome::SoftBreach => false,
        }
    }

    /// Whether it asks for a second person.
    pub const fn asks(&self) -> bool {
        match self.outcome {
            CheckOutcome::SoftBreach => true,
            CheckOutcome::NotEvaluated => self.soft_only,
            CheckOutcome::Passed | CheckOutcome::Breach => false,
        }
    }

    /// The code it refuses with: what could not be evaluated lacks a price or a fact.
    pub fn refusal_code(&self) -> RefusalCode {
        match self.outcome {
            CheckOutcome::NotEvaluated if needs_facts(self.name) => RefusalCode::FactMissing,
            CheckOutcome::NotEvaluated => RefusalCode::ReferencePriceUnavailable,
            CheckOutcome::Passed | CheckOutcome::SoftBreach | CheckOutcome::Breach => self.code,
        }
    }

    fn observed_text(&self) -> String {
        self.observed.map(|seen| seen.text(self.unit)).unwrap_or_default()
    }

    fn threshold_text(&self) -> String {
        match self.threshold {
            Threshold::None => String::new(),
            Threshold::Limit(value) => value.to_string(),
            Threshold::Figure(seen) => seen.text(self.unit),
        }
    }

    /// For people.
    pub fn record(&self, account: AccountId) -> CheckRecord {
        CheckRecord {
            code: self.code,
            limit: self.name.to_owned(),
            scope: self.scope.unwrap_or(Scope::Account(account)),
            now: self.now.map(|seen| seen.text(self.unit)).unwrap_or_default(),
            observed: self.observed_text(),
            threshold: self.threshold_text(),
            outcome: self.outcome,
        }
    }

    /// As a breach of a refusal.
    pub fn breach(&self, account: AccountId) -> Breach {
        Breach {
            code: self.refusal_code(),
            limit: self.name.to_owned(),
            scope: self.scope.unwrap_or(Scope::Account(account)),
            observed: self.observed_text(),
            threshold: self.threshold_text(),
        }
    }
}

/// Limits that need figures of the market's past beside prices.
pub const NEED_FACTS: [LimitName; 7] = [
    LimitName::MaxAdvParticipation,
    LimitName::MaxDaysToLiquidate,
    LimitName::MaxBeta,
    LimitName::MaxVar95,
    LimitName::MaxVar99,
    LimitName::MaxShortfall95,
    LimitName::MaxShortfall99,
];

/// Limits that need facts of the market beside prices: a sector, or its past.
pub(in crate::risk) fn needs_facts(name: &str) -> bool {
    std::iter::once(&LimitName::MaxSectorExposure).chain(&NEED_FACTS).any(|n| n.as_str() == name)
}

/// Holds a measure against the tightest limits of a name. Without one it is not evaluated where a limit is set.
pub fn bounded(inputs: &Inputs, name: LimitName, measure: Option<Measure>) -> Finding<'_> {
    held_against(inputs.limits.iter().filter(|b| b.name == name), name, measure)
}

/// The same against these limits of the name.
pub(super) fn held_against<'i>(
    bounds: impl Iterator<Item = &'i Bound>,
    name: LimitName,
    measure: Option<Measure>,
) -> Finding<'i> {
    let (mut hard, mut soft) = (None, None);
    for bound in bounds {
        tighter(name, &mut hard, bound, bound.hard.as_ref());
        tighter(name, &mut soft, bound, bound.soft.as_ref());
    }
    let mut found = Finding { unit: name.unit(), ..Finding::plain(name.as_str(), name.code(), false) };
    if let Some((scope, value)) = hard.or(soft) {
        (found.scope, found.threshold) = (Some(scope), Threshold::Limit(value));
    }
    found.soft_only = hard.is_none() && soft.is_some();
    let Some(measure) = measure else {
        let set = hard.is_some() || soft.is_some();
        return if set { found.unknown() } else { found };
    };
    (found.now, found.observed) = (Some(measure.now), Some(measure.with));
    let passes = |bound: Option<(Scope, &LimitValue)>| {
        let raw = bound.and_then(|(_, value)| value.raw());
        raw.is_some_and(|raw| !measure.spared && measure.with.passes(name, raw))
    };
    if passes(hard) {
        found.outcome = CheckOutcome::Breach;
    } else if let Some((scope, value)) = soft.filter(|s| passes(Some(*s))) {
        found.outcome = CheckOutcome::SoftBreach;
        (found.scope, found.threshold) = (Some(scope), Threshold::Limit(value));
    }
    found
}

fn tighter<'i>(
    name: LimitName,
    best: &mut Option<(Scope, &'i LimitValue)>,
    bound: &Bound,
    value: Option<&'i LimitValue>,
) {
    let Some(value) = value else { return };
    let beats = |old: &LimitValue| {
        if name.higher_is_looser() { value.raw() < old.raw() } else { value.raw() > old.raw() }
    };
    if best.is_none_or(|(_, old)| beats(old)) {
        *best = Some((bound.scope, value));
    }
}

/// Whether `part / whole` is above `threshold` (a ratio at 1e-9), exactly; any part of nothing is.
pub fn share_above(part: Money, whole: Money, threshold: i64) -> bool {
    let scaled = i128::from(part.raw()) * i128::from(Ratio::ONE_RAW);
    if whole.is_positive() {
        scaled > i128::from(whole.raw()) * i128::from(threshold)
    } else {
        part.is_positive()
    }
}
