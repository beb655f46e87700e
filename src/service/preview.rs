//! What a drafted limit would do before it is set: today's positions and open orders held against it, and every
//! decision of the last days judged again with it.
//!
//! Decisions are read from the journal by kind and time, and kept: a second look reads only what came since. Where
//! there were more than are looked at, the answer says how far back it goes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::domain::event::EventBody;
use crate::domain::limit::{CheckOutcome, LimitDraft, LimitName, LimitTerms, LimitVersion};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{AccountId, ChangeSetId, Event, Exchange, OrderId, OrderSpec, Seq, UnixNanos};
use crate::execution::State;
use crate::risk::{self, CONTROLS, LimitChange, OverLimit, PastDecision, Rule};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{ControlRisk, Permit};
use super::risk::count;
use super::view;

/// How far back a preview looks at stored decisions, in days.
const PREVIEW_DAYS: i64 = 20;
/// Most stored decisions a preview looks at.
const PREVIEW_DECISIONS_MAX: u32 = 20_000;

/// Stored decisions that were read, the earliest first.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    events: Arc<VecDeque<Event>>,
    /// The last event of the journal when they were read.
    upto: Seq,
    /// Market time of the newest that was left out because there were too many.
    left_out: Option<UnixNanos>,
}

impl Decided {
    /// Takes newer ones in, and lets those go that are too old or too many.
    fn take_in(&mut self, newer: Vec<Event>, upto: Seq, since: UnixNanos, most: usize) {
        let full = newer.len() >= most;
        let events = Arc::make_mut(&mut self.events);
        if full {
            self.left_out = newer.first().map(|e| e.t);
        }
        events.extend(newer);
        while let Some(first) = events.front().filter(|e| e.t < since || events.len() > most) {
            if first.t >= since {
                self.left_out = Some(first.t);
            }
            events.pop_front();
        }
        self.upto = upto;
    }

    /// The time from which on they are complete, where that is later than asked for.
    fn cut_at(&self, since: UnixNanos) -> Option<UnixNanos> {
        let cut = self.left_out.is_some_and(|t| t >= since);
        self.events.front().filter(|_| cut).map(|first| first.t)
    }
}

impl House {
    /// What a drafted limit would do: today's book, and the stored decisions of the last days.
    pub fn preview_limit(
        &self,
        _: &Permit<ControlRisk>,
        draft: &LimitDraft,
    ) -> Result<view::PreviewView, ServiceError> {
        let state = self.knowing(std::slice::from_ref(draft))?;
        let (decided, since) = self.past_decisions(&state)?;
        let history: Vec<PastDecision<'_>> = decided.events.iter().filter_map(|e| past(&state, e)).collect();
        Ok(self.preview_in(&state, draft, (&history, decided.cut_at(since)))?.0)
    }

    /// What drafts would do together.
    pub fn preview_limits(
        &self,
        _: &Permit<ControlRisk>,
        drafts: &[LimitDraft],
    ) -> Result<view::SetPreviewView, ServiceError> {
        let state = self.knowing(drafts)?;
        let (decided, since) = self.past_decisions(&state)?;
        let history: Vec<PastDecision<'_>> = decided.events.iter().filter_map(|e| past(&state, e)).collect();
        let mut parts = Vec::new();
        let (mut would, mut held) = (BTreeSet::new(), BTreeSet::new());
        let (mut missing, mut unrecorded) = (BTreeSet::new(), BTreeSet::new());
        let looked_back_to = decided.cut_at(since);
        for draft in drafts {
            let (part, found) = self.preview_in(&state, draft, (&history, looked_back_to))?;
            parts.push(part);
            would.extend(found.refused_at);
            held.extend(found.held_at);
            missing.extend(found.not_evaluated_at);
            unrecorded.extend(found.unrecorded_at);
        }
        missing.retain(|at| !would.contains(at) && !held.contains(at));
        let were = history.iter().filter(|p| drafts.iter().any(|d| was_refused(d, p))).count();
        Ok(view::SetPreviewView {
            set: None,
            newest: None,
            maker: None,
            reason: String::new(),
            parts,
            decisions: count(history.len()),
            would_refuse: count(would.len()),
            would_hold: count(held.difference(&would).count()),
            not_judged: count(missing.len()),
            not_recorded: count(missing.intersection(&unrecorded).count()),
            were_refused: count(were),
            days: u32::try_from(PREVIEW_DAYS).unwrap_or(0),
            looked_back_to,
        })
    }

    /// What a waiting change set would do.
    pub fn preview_set(
        &self,
        permit: &Permit<ControlRisk>,
        set: ChangeSetId,
    ) -> Result<view::SetPreviewView, ServiceError> {
        let state = self.state()?;
        let waiting = state.limits().waiting_set(set).map_err(|e| ServiceError::Invalid(e.to_string()))?;
        let first = waiting.first();
        let newest = waiting.iter().map(|v| v.version).max();
        let (maker, reason) = (first.map(|v| v.maker), first.map(|v| v.draft.reason.to_string()));
        // It was compared with what its maker saw when it was asked for; later changes are told at its approval.
        let bare = |v: &&LimitVersion| {
            let terms = LimitTerms { based_on: None, ..v.draft.terms.clone() };
            LimitDraft { terms, ..v.draft.clone() }
        };
        let drafts: Vec<LimitDraft> = waiting.iter().map(bare).collect();
        let preview = self.preview_limits(permit, &drafts)?;
        Ok(view::SetPreviewView {
            set: Some(set),
            newest,
            maker,
            reason: reason.unwrap_or_default(),
            ..preview
        })
    }

    /// The state with the facts that drafts look at.
    fn knowing(&self, drafts: &[LimitDraft]) -> Result<Arc<State>, ServiceError> {
        let state = self.state()?;
        let accounts: Vec<AccountId> = state.accounts().keys().copied().collect();
        let names: Vec<LimitName> = drafts.iter().map(|draft| draft.name).collect();
        Ok(self.with_facts(state, &accounts, None, &names))
    }

    /// One draft against one state, and the places of the decisions on which it would have spoken.
    fn preview_in(
        &self,
        state: &State,
        draft: &LimitDraft,
        (history, looked_back_to): (&[PastDecision<'_>], Option<UnixNanos>),
    ) -> Result<(view::PreviewView, risk::Preview), ServiceError> {
        let (now, draft) = (self.house_time()?, &self.known_list(draft.clone())?);
        let invalid = |e: risk::LimitError| ServiceError::Invalid(e.to_string());
        let needs_approval = state.limits().judge(draft, now).map_err(invalid)? == LimitChange::Waits;
        let books: Vec<_> = state.accounts().keys().filter_map(|a| state.book(*a, now)).collect();
        let preview = risk::preview(&books, state.limits(), draft, history).map_err(invalid)?;
        let current = state.limits().get(draft.name, draft.scope).and_then(|v| v.hard.as_ref());
        let (orders_soft, orders): (Vec<_>, Vec<_>) = preview.orders.iter().partition(|o| o.soft);
        let (over_soft, over): (Vec<_>, Vec<_>) = preview.positions.iter().partition(|o| o.soft);
        let part = view::PreviewView {
            name: draft.name,
            scope: draft.scope,
            current: current.map(ToString::to_string),
            drafted: draft.hard.clone(),
            working: draft.working,
            needs_approval,
            orders: named(&orders),
            orders_soft: named(&orders_soft),
            over: told(&over),
            over_soft: told(&over_soft),
            decisions: count(preview.considered),
            would_refuse: count(preview.refused_at.len()),
            would_hold: count(preview.held_at.len()),
            not_judged: count(preview.not_evaluated_at.len()),
            not_recorded: count(preview.unrecorded_at.len()),
            were_refused: count(history.iter().filter(|p| was_refused(draft, p)).count()),
            days: u32::try_from(PREVIEW_DAYS).unwrap_or(0),
            looked_back_to,
        };
        Ok((part, preview))
    }

    /// Stored decisions of the last days up to now, and since when.
    fn past_decisions(&self, state: &State) -> Result<(Decided, UnixNanos), ServiceError> {
        let newest = Exchange::ALL.into_iter().filter_map(|e| state.market_time(e)).max();
        let since = newest.unwrap_or(UnixNanos::ZERO).plus_nanos(-PREVIEW_DAYS * 86_400 * NANOS_PER_SECOND);
        let mut decided = lock(self.decided());
        let ledger = lock(self.ledger());
        let (upto, _) = ledger.head()?;
        let newer = ledger.decisions(decided.upto, since, PREVIEW_DECISIONS_MAX)?;
        decided.take_in(newer, upto, since, PREVIEW_DECISIONS_MAX as usize);
        Ok((decided.clone(), since))
    }
}

/// Whether a limit of the draft's name refused a decision, of those that it covers, when it was made.
fn was_refused(draft: &LimitDraft, past: &PastDecision<'_>) -> bool {
    if !past.is_covered_by(draft) {
        return false;
    }
    let inputs = &past.record.inputs;
    let control =
        CONTROLS.iter().find(|c| c.rule() == Rule::Limit(draft.name)).filter(|_| !inputs.beside.flattens);
    control.is_some_and(|c| c.judge(inputs).outcome == CheckOutcome::Breach)
}

/// A stored decision with the order it was about: of amendments and releases as it stands now.
fn past<'a>(state: &'a State, event: &'a Event) -> Option<PastDecision<'a>> {
    let known = |account: AccountId, id: OrderId| state.orders().get(account, id).map(|o| &o.spec);
    let (order, record): (&OrderSpec, _) = match &event.body {
        EventBody::OrderAccepted { order, decision, .. }
        | EventBody::OrderSubmitted { order, decision, .. }
        | EventBody::OrderDenied { order, decision, .. }
        | EventBody::OrderHeld { order, decision, .. } => (order, decision.as_deref()?),
        EventBody::OrderReleased { account, id, decision, .. }
        | EventBody::OrderUpdated { account, id, decision, .. }
        | EventBody::UpdateRequested { account, id, decision, .. }
        | EventBody::AmendRejected { account, id, decision, .. } => {
            (known(*account, *id)?, decision.as_deref()?)
        }
        _ => return None,
    };
    let kind = state.accounts().get(&order.account)?.spec().kind;
    Some(PastDecision { order, kind, record })
}

fn named(orders: &[&OverLimit]) -> Vec<(AccountId, OrderId, String)> {
    orders.iter().filter_map(|o| Some((o.account, o.order?, o.observed.clone()))).collect()
}

fn told(positions: &[&OverLimit]) -> Vec<(String, String)> {
    let subject = |o: &&OverLimit| {
        let name = o.instrument.map(|i| format!(" {}", i.symbol)).unwrap_or_default();
        (format!("{}{name}", o.account), o.observed.clone())
    };
    positions.iter().map(subject).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixNanos {
        UnixNanos::from_seconds(seconds)
    }

    fn event(seq: Seq) -> Event {
        let account = "desk".parse().unwrap();
        let t = at(i64::try_from(seq).unwrap());
        let by = "ana".parse().unwrap();
        Event { seq, t, wall: t, by, body: EventBody::ReconciliationBegan { account } }
    }

    #[test]
    fn what_was_read_is_kept_and_says_from_when_on_it_is_whole() {
        let mut decided = Decided::default();
        decided.take_in((1..=3).map(event).collect(), 3, at(0), 4);
        assert_eq!((decided.events.len(), decided.cut_at(at(0))), (3, None));
        decided.take_in((4..=6).map(event).collect(), 9, at(0), 4);
        assert_eq!((decided.upto, decided.events.len(), decided.cut_at(at(0))), (9, 4, Some(at(3))));
        // Days later what was left out is older than what is asked for.
        decided.take_in(Vec::new(), 10, at(5), 4);
        assert_eq!((decided.events.len(), decided.cut_at(at(5))), (2, None));
        let mut full = Decided::default();
        full.take_in((3..=6).map(event).collect(), 6, at(0), 4);
        assert_eq!(full.cut_at(at(0)), Some(at(3)), "as many as are ever read at once: there may be more");
    }
}
