//! Limits and halts: who may set, approve, lift and end them, and what becomes of working orders.
//!
//! Tightening applies at once; loosening and lifting a halt need a second person. Where a home has one person only,
//! that person may do both, and release an own order that waits, after [`ALONE_DELAY_HOURS`] on the wall clock, and the event says so.

use crate::domain::command::{Given, Independence};
use crate::domain::decision::CheckOutcome;
use crate::domain::event::{EndReason, EventBody, HaltMode};
use crate::domain::limit::{LimitDraft, LimitName, LimitVersion, Scope, Turn, WorkingOrders};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{
    AccountId, ChangeSetId, CleanText, Exchange, InstrumentId, Order, RefusalCode, UnixNanos, UserName,
};
use crate::risk::{LimitChange, LimitError, OrderKey, Reached, Target};

use super::engine::EngineError;
use super::step::Step;

/// How long the only person of a home waits before loosening a limit or lifting an own halt, in hours.
pub const ALONE_DELAY_HOURS: i64 = 24;

/// Whether somebody may approve, and as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Second {
    /// Somebody else.
    Other,
    /// The only person, long enough after.
    Alone,
}

impl Step<'_> {
    pub(super) fn set_limit(&mut self, actor: UserName, draft: &LimitDraft) -> Result<(), EngineError> {
        let version = self.state().limits.version().saturating_add(1);
        let what = || format!("set {} for {}", draft.name, draft.scope);
        match self.state().limits.judge(draft, self.now) {
            Err(error) => self.reject(actor, what(), error.to_string()),
            Ok(LimitChange::Waits) => {
                self.emit(EventBody::LimitProposed { version, draft: Box::new(draft.clone()), actor })
            }
            Ok(LimitChange::AtOnce) => self.put_in_force(version, draft.clone(), (actor, actor), false),
        }
    }

    /// Sets limits as one change set: all of them wait, or none is taken.
    pub(super) fn set_limits(&mut self, actor: UserName, drafts: &[LimitDraft]) -> Result<(), EngineError> {
        if let Err(error) = self.state().limits.judge_set(drafts, self.now) {
            return self.reject(actor, format!("set {} limits", drafts.len()), error.to_string());
        }
        drafts.iter().try_for_each(|draft| self.set_limit(actor, draft))
    }

    pub(super) fn approve_limit(&mut self, given: &Given, version: u32) -> Result<(), EngineError> {
        let what = format!("approve limit version {version}");
        let (draft, maker) = match self.approvable(version) {
            Err(error) => return self.reject(given.actor, what, error.to_string()),
            Ok(waiting) => (waiting.draft.clone(), waiting.maker),
        };
        match self.second(given, maker, self.state().limits.asked_at(version)) {
            Err(reason) => self.reject(given.actor, what, reason),
            Ok(second) => {
                let alone = matches!(second, Second::Alone);
                self.put_in_force(version, draft, (maker, given.actor), alone)
            }
        }
    }

    /// A version that may be approved by itself now: none of a change set, of which more may have joined.
    fn approvable(&self, version: u32) -> Result<&LimitVersion, LimitError> {
        let limits = &self.state().limits;
        let found = limits.approvable(version, |scope| self.reached(scope))?;
        if let Some(set) = found.draft.terms.set {
            limits.seen_set(set, None)?;
        }
        Ok(found)
    }

    /// Approves all versions of a change set, or none: those up to the newest that was `seen`, when no other joined it.
    pub(super) fn approve_limits(
        &mut self,
        given: &Given,
        set: ChangeSetId,
        seen: Option<u32>,
    ) -> Result<(), EngineError> {
        let what = format!("approve change set {set}");
        let waiting: Vec<(u32, LimitDraft, UserName)> = match self.approvable_set(set, seen) {
            Err(error) => return self.reject(given.actor, what, error.to_string()),
            Ok(waiting) => waiting.iter().map(|v| (v.version, v.draft.clone(), v.maker)).collect(),
        };
        let mut alone = false;
        for (version, _, maker) in &waiting {
            match self.second(given, *maker, self.state().limits.asked_at(*version)) {
                Err(reason) => return self.reject(given.actor, what, reason),
                Ok(second) => alone |= matches!(second, Second::Alone),
            }
        }
        for (version, draft, maker) in waiting {
            self.put_in_force(version, draft, (maker, given.actor), alone)?;
        }
        Ok(())
    }

    /// All versions of a change set, each of which may be approved now.
    fn approvable_set(&self, set: ChangeSetId, seen: Option<u32>) -> Result<Vec<&LimitVersion>, LimitError> {
        let limits = &self.state().limits;
        let waiting = limits.seen_set(set, seen)?.into_iter();
        waiting.map(|v| limits.approvable(v.version, |scope| self.reached(scope))).collect()
    }

    /// Turns a waiting version down, with its change set where it belongs to one. Whoever asked takes it back.
    pub(super) fn reject_limit(
        &mut self,
        actor: UserName,
        version: u32,
        reason: &CleanText,
    ) -> Result<(), EngineError> {
        match self.state().limits.proposed(version) {
            Err(error) => self.reject(actor, format!("reject limit version {version}"), error.to_string()),
            Ok(found) => match found.draft.terms.set {
                Some(set) => self.reject_limits(actor, set, reason),
                None => self.emit(EventBody::LimitRejected { version, actor, reason: reason.clone() }),
            },
        }
    }

    /// Turns all waiting versions of a change set down.
    pub(super) fn reject_limits(
        &mut self,
        actor: UserName,
        set: ChangeSetId,
        reason: &CleanText,
    ) -> Result<(), EngineError> {
        match self.state().limits.proposed_set(set) {
            Err(error) => self.reject(actor, format!("reject change set {set}"), error.to_string()),
            Ok(versions) => versions.into_iter().try_for_each(|version| {
                self.emit(EventBody::LimitRejected { version, actor, reason: reason.clone() })
            }),
        }
    }

    /// Whether the actor may be the second person for what `first` asked at a time on the wall; why not otherwise.
    pub(super) fn second(
        &self,
        given: &Given,
        first: UserName,
        asked_at: Option<UnixNanos>,
    ) -> Result<Second, String> {
        if given.independent_of.allows(given.actor, first) {
            return Ok(Second::Other);
        }
        if given.independent_of != Independence::Alone {
            return Err(format!(
                "{first} began it: somebody else who may control risk must agree. Who made or reset the account or \
                 password of the other counts as the same person for seven days, or until its owner has set a new one \
                 with 'qlib-pro user password'"
            ));
        }
        let waited = asked_at.map_or(0, |asked| self.wall.since(asked)) / NANOS_PER_SECOND;
        let left = ALONE_DELAY_HOURS * 3_600 - waited;
        if left > 0 {
            return Err(format!(
                "this home has one person only, who may do it {ALONE_DELAY_HOURS} hours after asking: \
                 come back in {}; a second person who may control risk can do it once they have set a \
                 password of their own with 'qlib-pro user password'",
                hours_and_minutes(left)
            ));
        }
        Ok(Second::Alone)
    }

    /// The same for what several people did: the second person is another than each of them.
    pub(super) fn second_of_all(
        &self,
        given: &Given,
        makers: &[UserName],
        asked_at: Option<UnixNanos>,
    ) -> Result<Second, String> {
        let all = makers.iter().map(|maker| self.second(given, *maker, asked_at));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        Ok(if all.contains(&Second::Alone) { Second::Alone } else { Second::Other })
    }

    fn put_in_force(
        &mut self,
        version: u32,
        draft: LimitDraft,
        (maker, actor): (UserName, UserName),
        alone: bool,
    ) -> Result<(), EngineError> {
        let later = draft.terms.effective_from.is_some_and(|from| from > self.now);
        self.emit(EventBody::LimitApproved { version, draft: Box::new(draft.clone()), maker, actor, alone })?;
        if later { Ok(()) } else { self.cancel_over(&draft) }
    }

    /// Lets limit versions begin and end whose time has come.
    pub(super) fn turn_limits(&mut self) -> Result<(), EngineError> {
        while let Some((_, version, turn)) = self.state().limits.next_turn(|scope| self.reached(scope)) {
            let overtaken = turn == Turn::Begins && self.state().limits.is_overtaken(version);
            let turn = if overtaken { Turn::Overtaken } else { turn };
            self.turn_limit(version, turn)?;
        }
        Ok(())
    }

    /// How far market time is on the exchanges on which a scope can trade; before any of them has one, it is now.
    fn reached(&self, scope: Scope) -> Reached {
        let state = self.state();
        let trades_on = |exchange: Exchange| match scope {
            Scope::Firm | Scope::Strategy(_) => true,
            Scope::Account(name) => state.accounts.get(&name).is_none_or(|a| a.trades_on(exchange)),
            Scope::Symbol(symbol) => state.instruments.contains_key(&InstrumentId::new(symbol, exchange)),
        };
        let known = Exchange::ALL.into_iter().filter(|exchange| trades_on(*exchange));
        let clocks = || known.clone().filter_map(|exchange| state.market_time(exchange));
        // Where none of its exchanges has begun, what another one reached ends nothing here.
        let begun = Exchange::ALL.into_iter().any(|exchange| state.market_time(exchange).is_some());
        let none = if begun { UnixNanos::ZERO } else { self.now };
        Reached { first: clocks().max().unwrap_or(self.now), last: clocks().min().unwrap_or(none) }
    }

    fn turn_limit(&mut self, version: u32, turn: Turn) -> Result<(), EngineError> {
        self.emit(EventBody::LimitTurned { version, turn })?;
        let found = self.state().limits.versions().iter().find(|v| v.version == version);
        match found.map(|v| v.draft.clone()).filter(|_| turn == Turn::Begins) {
            Some(draft) => self.cancel_over(&draft),
            None => Ok(()),
        }
    }

    /// Ends what was allowed to one order only: that order was taken or refused.
    pub(super) fn use_up_overrides(&mut self, key: &OrderKey) -> Result<(), EngineError> {
        for version in self.state().limits.given_to(key) {
            self.emit(EventBody::LimitTurned { version, turn: Turn::Ends })?;
        }
        Ok(())
    }

    /// Cancels working orders that a limit no longer allows, the newest first, when the draft says so: of one for a single
    /// order, that order alone.
    fn cancel_over(&mut self, draft: &LimitDraft) -> Result<(), EngineError> {
        if draft.working == WorkingOrders::Keep {
            return Ok(());
        }
        let is_meant =
            |order: &Order| draft.terms.order.is_none_or(|key| key == (order.spec.account, order.spec.id));
        for key in self.newest_first(is_meant) {
            if self.is_over(&key, draft) {
                self.end(key, EndReason::LimitTightened)?;
            }
        }
        Ok(())
    }

    /// Open orders that fit, the newest first.
    fn newest_first(&self, fits: impl Fn(&Order) -> bool) -> Vec<OrderKey> {
        let orders = self.state().orders();
        let queues = orders.instruments().flat_map(|i| orders.queue(i).iter().copied());
        let mut found: Vec<_> = queues.filter(|w| orders.open().get(&w.key).is_some_and(&fits)).collect();
        found.sort_unstable_by_key(|w| std::cmp::Reverse(w.place));
        found.into_iter().map(|w| w.key).collect()
    }

    fn is_in_scope(&self, order: &Order, scope: Scope) -> bool {
        let account = self.state().accounts.get(&order.spec.account);
        account.is_some_and(|account| Target::of(account.spec(), &order.spec).is_bound_by(scope))
    }

    fn is_over(&self, key: &OrderKey, draft: &LimitDraft) -> bool {
        let open = self.state().orders.open().get(key);
        // What closes a position by hand is bound by no limit.
        let bound = open
            .filter(|o| o.code != Some(RefusalCode::WaitsForCancels))
            .is_some_and(|o| self.is_in_scope(o, draft.scope));
        let decision = bound.then(|| self.judge_again(key, false, true)).flatten();
        let check = decision.and_then(|decision| decision.check(draft.name));
        check.is_some_and(|c| c.outcome == CheckOutcome::Breach)
    }

    /// Stops trading in a scope; with `cancel` its open orders end in the same step.
    pub(super) fn halt(
        &mut self,
        actor: UserName,
        scope: Scope,
        mode: HaltMode,
        cancel: bool,
        reason: &CleanText,
    ) -> Result<(), EngineError> {
        let harder = self.state().halts.get(&scope).is_some_and(|now| now.mode > mode);
        if harder {
            let reason = "the scope is halted altogether: resume it first".to_owned();
            return self.reject(actor, format!("set {scope} to reducing"), reason);
        }
        self.emit(EventBody::Halted { scope, mode, actor, reason: reason.clone() })?;
        if cancel { self.end_in_scope(scope, &[], EndReason::Halted) } else { Ok(()) }
    }

    /// Ends the open orders of a scope, the newest first; those in what is kept stay.
    pub(super) fn end_in_scope(
        &mut self,
        scope: Scope,
        kept: &[(AccountId, InstrumentId)],
        reason: EndReason,
    ) -> Result<(), EngineError> {
        let ends = |order: &Order| {
            let stays = kept.contains(&(order.spec.account, order.spec.instrument));
            !stays && self.is_in_scope(order, scope)
        };
        for key in self.newest_first(ends) {
            // Ending one may have ended others with it.
            if self.state().orders.open().contains_key(&key) {
                self.end(key, reason)?;
            }
        }
        Ok(())
    }

    /// Lifts a halt: nobody who set it, or made it harder since, is who lifts it.
    pub(super) fn resume(&mut self, given: &Given, scope: Scope) -> Result<(), EngineError> {
        let actor = given.actor;
        let what = format!("resume {scope}");
        let Some(halt) = self.state().halts.get(&scope) else {
            return self.reject(actor, what, "the scope is not halted".to_owned());
        };
        match self.second_of_all(given, &halt.by, Some(halt.wall)) {
            Err(reason) => self.reject(actor, what, reason),
            Ok(second) => {
                let alone = matches!(second, Second::Alone);
                self.emit(EventBody::Resumed { scope, actor, alone })
            }
        }
    }

    /// After a fill: a strategy that filled as often as its limit allows is halted until a person resumes it; where it
    /// only practised, the account it practised on is.
    pub(super) fn judge_executions(&mut self, key: &OrderKey) -> Result<(), EngineError> {
        let state = self.state();
        if state.limits.is_silent() {
            return Ok(());
        }
        let order = state.orders.get(key.0, key.1);
        let Some((strategy, spec)) = order.and_then(|o| Some((o.spec.held_by()?, &o.spec))) else {
            return Ok(());
        };
        let Some(account) = state.accounts.get(&key.0) else { return Ok(()) };
        let practice = account.spec().practice();
        let scope = practice.map_or(Scope::Strategy(strategy), Scope::Account);
        let target = Target::of(account.spec(), spec);
        let count = i64::from(state.executions.get(&(practice, strategy)).copied().unwrap_or(0));
        let over = state.limits.binding(&target).any(|(name, _, value)| {
            let bound = value.hard.as_ref().and_then(crate::domain::limit::LimitValue::raw);
            name == LimitName::MaxRepeatedExecutions && bound.is_some_and(|bound| count > bound)
        });
        if over && !state.halts.contains_key(&scope) { self.halt_by_house(scope, "") } else { Ok(()) }
    }
}

/// Seconds still to wait, as hours and whole minutes, never fewer than there are.
fn hours_and_minutes(seconds: i64) -> String {
    let minutes = (seconds.max(0) + 59) / 60;
    format!("{} h {:02} min", minutes / 60, minutes % 60)
}
