//! Limits, their use, previews, breaches and the ticket's what-if.

use serde::{Deserialize, Serialize};

use crate::domain::event::HaltMode;
use crate::domain::limit::{CheckRecord, LimitName, Scope, VersionStatus, WorkingOrders};
use crate::domain::{
    AccountId, ChangeSetId, Currency, Money, OrderId, Price, Quantity, RefusalCode, Seq, UnixNanos, UserName,
};

/// One limit in force and how much of it is used by one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitRow {
    /// Limit.
    pub name: LimitName,
    /// What it covers.
    pub scope: Scope,
    /// Account whose use is shown; `None` for limits on single orders.
    pub account: Option<AccountId>,
    /// Value above which an order waits for a second person.
    pub soft: Option<String>,
    /// Value nothing may pass; `None` when not set.
    pub hard: Option<String>,
    /// What is used now; `None` where use has no meaning.
    pub observed: Option<String>,
    /// `observed` as a share of `hard`; `None` where it has no meaning.
    pub used: Option<f64>,
    /// Version in force.
    pub version: Option<u32>,
    /// Waiting version and its hard value, if any.
    pub proposed: Option<(u32, String)>,
    /// What the limit bounds.
    pub doc: String,
}

/// One version in the history of limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitVersionRow {
    /// Version.
    pub version: u32,
    /// Limit.
    pub name: LimitName,
    /// Scope.
    pub scope: Scope,
    /// Hard value; `None` removes the limit.
    pub hard: Option<String>,
    /// Soft value.
    pub soft: Option<String>,
    /// Why.
    pub reason: String,
    /// What was to happen to working orders over it.
    pub working: WorkingOrders,
    /// Waiting, approved, or how else it ended.
    pub status: VersionStatus,
    /// Who asked.
    pub maker: UserName,
    /// When.
    pub made_at: UnixNanos,
    /// Who approved.
    pub approver: Option<UserName>,
    /// When it came into force.
    pub approved_at: Option<UnixNanos>,
    /// Market time at which it begins, where that was named.
    pub effective_from: Option<UnixNanos>,
    /// Market time at which it ends and what stood before is back: a temporary override.
    pub expires_at: Option<UnixNanos>,
    /// The change set it is approved with.
    pub set: Option<ChangeSetId>,
    /// The one order it is meant for, as account/id; for others it changes nothing.
    pub order: Option<String>,
    /// Whether the only person of the home agreed to it, after waiting.
    pub alone: bool,
    /// Who turned it down or took it back.
    pub closed_by: Option<UserName>,
    /// Why.
    pub closed_because: Option<String>,
}

/// One limit as it bound at two versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitChange {
    /// Limit.
    pub name: LimitName,
    /// What it covers.
    pub scope: Scope,
    /// Hard value then.
    pub from_hard: Option<String>,
    /// Hard value later.
    pub to_hard: Option<String>,
    /// Soft value then.
    pub from_soft: Option<String>,
    /// Soft value later.
    pub to_soft: Option<String>,
}

/// A halt in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HaltRow {
    /// Scope.
    pub scope: Scope,
    /// How hard.
    pub mode: HaltMode,
    /// Who set it, the last one last: none of them lifts it.
    pub actor: String,
    /// Since when.
    pub since: UnixNanos,
    /// Why; empty where nobody said so, and for who sees no limits.
    pub reason: String,
}

/// All that stands about limits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitsView {
    /// Highest version so far.
    pub version: u32,
    /// Limits and their use, nearest to the limit first.
    pub limits: Vec<LimitRow>,
    /// Versions, newest first.
    pub history: Vec<LimitVersionRow>,
    /// Halts in force.
    pub halts: Vec<HaltRow>,
    /// Set when this home has one person only: loosening waits for a second.
    pub single_person: bool,
}

/// One breach or other risk event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreachRow {
    /// Its number in the journal.
    pub event: Seq,
    /// Market time.
    pub time: UnixNanos,
    /// Account.
    pub account: AccountId,
    /// Order, where one was refused.
    pub id: Option<OrderId>,
    /// Code.
    pub code: RefusalCode,
    /// Limit that spoke.
    pub limit: String,
    /// What was seen.
    pub observed: String,
    /// What is allowed.
    pub threshold: String,
    /// The code in words.
    pub text: String,
    /// Who looked at it.
    pub ack_by: Option<UserName>,
    /// When, in market time.
    pub ack_at: Option<UnixNanos>,
    /// What was found and done.
    pub resolution: Option<String>,
}

/// What a drafted limit would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreviewView {
    /// Limit.
    pub name: LimitName,
    /// Scope.
    pub scope: Scope,
    /// In force now.
    pub current: Option<String>,
    /// Drafted.
    pub drafted: Option<String>,
    /// What happens to working orders over it.
    pub working: WorkingOrders,
    /// Whether it waits for a second person.
    pub needs_approval: bool,
    /// Working orders that the draft no longer allows: account, id, what is seen.
    pub orders: Vec<(AccountId, OrderId, String)>,
    /// Working orders that a second person would have to agree to.
    pub orders_soft: Vec<(AccountId, OrderId, String)>,
    /// Accounts (and symbols) already over the draft: subject, what is seen.
    pub over: Vec<(String, String)>,
    /// Those over its soft value only.
    pub over_soft: Vec<(String, String)>,
    /// Stored decisions of the last days that the draft covers.
    pub decisions: u32,
    /// How many of them the draft would have refused.
    pub would_refuse: u32,
    /// How many of them would have waited for a second person.
    pub would_hold: u32,
    /// How many of them cannot be judged by it.
    pub not_judged: u32,
    /// How many of those were recorded without its figure, since no such limit stood then; for the others a price or a fact
    /// was missing.
    pub not_recorded: u32,
    /// How many of them were refused by this limit at the time.
    pub were_refused: u32,
    /// How many days it looks back.
    pub days: u32,
    /// From when on decisions were looked at, where there were too many for all these days.
    pub looked_back_to: Option<UnixNanos>,
}

impl PreviewView {
    /// What the draft would have done to past decisions, in sentences.
    pub fn told(&self) -> String {
        let judged = [self.decisions, self.would_refuse, self.would_hold, self.were_refused];
        past_told(judged, [self.not_judged, self.not_recorded], self.days, self.looked_back_to)
    }
}

impl SetPreviewView {
    /// What the set would have done to past decisions, in sentences.
    pub fn told(&self) -> String {
        let judged = [self.decisions, self.would_refuse, self.would_hold, self.were_refused];
        past_told(judged, [self.not_judged, self.not_recorded], self.days, self.looked_back_to)
    }
}

fn past_told(
    [all, refused, held, then]: [u32; 4],
    [not_judged, not_recorded]: [u32; 2],
    days: u32,
    looked_back_to: Option<UnixNanos>,
) -> String {
    let span = match looked_back_to {
        Some(from) => format!("since {from} (there are too many before)"),
        None => format!("in the last {days} days"),
    };
    let missing = not_judged.saturating_sub(not_recorded);
    let why = match (not_recorded, missing) {
        (0, 0) => String::new(),
        (_, 0) => {
            format!("; {not_judged} could not be judged: no such limit stood, so its figure was not kept")
        }
        (0, _) => format!("; {not_judged} could not be judged: a price or a fact was missing"),
        _ => format!(
            "; {not_judged} could not be judged: for {not_recorded} no such limit stood, so its figure was not kept, and \
             for {missing} a price or a fact was missing"
        ),
    };
    format!(
        "Of {all} decisions {span} it would have refused {refused}, held {held} (then refused: {then}){why}."
    )
}

/// What a change set would do as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetPreviewView {
    /// Its name, once it was submitted.
    pub set: Option<ChangeSetId>,
    /// Its newest version, once it was submitted: who approves it as it is shown names that.
    pub newest: Option<u32>,
    /// Who asked for it, once somebody did.
    pub maker: Option<UserName>,
    /// Why, as its maker said.
    pub reason: String,
    /// What each of its limits would do.
    pub parts: Vec<PreviewView>,
    /// Stored decisions of the last days that were looked at.
    pub decisions: u32,
    /// How many of them any of its limits would have refused.
    pub would_refuse: u32,
    /// How many of the others any of its limits would have held.
    pub would_hold: u32,
    /// How many of the rest cannot be judged by one of its limits.
    pub not_judged: u32,
    /// How many of those were recorded without its figure, since no such limit stood then; for the others a price or a fact
    /// was missing.
    pub not_recorded: u32,
    /// How many of them were refused by one of these limits at the time.
    pub were_refused: u32,
    /// How many days it looks back.
    pub days: u32,
    /// From when on decisions were looked at, where there were too many for all these days.
    pub looked_back_to: Option<UnixNanos>,
}

/// What an order would do: the same evaluation as the pre-trade check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhatIf {
    /// Every check, worst first (empty for a scope of own accounts).
    pub checks: Vec<CheckRecord>,
    /// First code that refuses it; `None` when it passes.
    pub code: Option<RefusalCode>,
    /// The refusal in a plain sentence; empty when it passes.
    pub reason: String,
    /// It passes, but a second person must approve it.
    pub needs_approval: bool,
    /// Largest quantity that passes; `None` when none does.
    pub largest: Option<Quantity>,
    /// Reference price and its time.
    pub reference: Option<(Price, UnixNanos)>,
    /// Estimated value.
    pub notional: Option<Money>,
    /// Estimated fee.
    pub fee: Option<Money>,
    /// Cash before.
    pub cash_before: Money,
    /// Cash after, if it filled at the reference (or limit) price.
    pub cash_after: Option<Money>,
    /// How many shares it is about: a size by risk, weight or volatility comes to this.
    pub quantity: Quantity,
    /// Position before.
    pub position_before: Quantity,
    /// Position after.
    pub position_after: Quantity,
    /// Currency of the money above.
    pub currency: Currency,
    /// Limits version and book sequence this rests on; a later submit is compared with it.
    pub basis: (u32, u64),
}

/// What a drill of a halt found, in a sentence.
pub fn drill_told(scope: Scope, orders: u32, micros: u64) -> String {
    let millis = micros.div_ceil(1_000);
    format!(
        "drill of {scope}: a halt would have ended {orders} open orders, in {millis} ms; nothing was done"
    )
}
