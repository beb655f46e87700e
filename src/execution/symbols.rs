//! A change of symbol: what is held and ordered goes on under the new one, and so do the limits and halts of the old.
//!
//! Limits and halts of the old symbol stay as well: they are by symbol alone, and another company may take it. A limit
//! that the new symbol has already is replaced only by a tighter one.

use chrono::NaiveDate;

use crate::domain::event::EventBody;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope};
use crate::domain::{CleanText, InstrumentId, Symbol, UserName};
use crate::risk::LimitChange;

use super::engine::EngineError;
use super::step::Step;

impl Step<'_> {
    /// Follows a change of symbol, once. Nothing is done when an account is long under one symbol and short under the
    /// other: that is for a person to settle first.
    pub(super) fn change_symbol(
        &mut self,
        from: InstrumentId,
        to: InstrumentId,
        day: NaiveDate,
    ) -> Result<(), EngineError> {
        self.begin(from.exchange)?;
        let state = self.state();
        let is_one = from != to && from.exchange == to.exchange && !state.symbols.contains(&(from, to, day));
        if !is_one || !state.accounts().values().all(|account| account.may_join(from, to)) {
            return Ok(());
        }
        self.emit(EventBody::SymbolChanged { instrument: from, to, day })?;
        self.carry_limits(from.symbol, to.symbol)?;
        self.carry_halt(from.symbol, to.symbol)
    }

    fn carry_limits(&mut self, old: Symbol, new: Symbol) -> Result<(), EngineError> {
        let limits = self.state().limits();
        let scope = Scope::Symbol(new);
        let own: Vec<LimitName> =
            limits.in_force().filter(|(_, of, _)| *of == scope).map(|(name, _, _)| name).collect();
        let naming = limits
            .naming(old)
            .into_iter()
            .filter(|v| v.draft.scope == Scope::Symbol(old) || !v.draft.names(new));
        let carried: Vec<(LimitDraft, UserName)> =
            naming.map(|v| (v.draft.following(old, new), v.maker)).collect();
        let actor = self.engine.own_name;
        for (draft, maker) in carried {
            let has_own = draft.scope == scope && own.contains(&draft.name);
            let limits = self.state().limits();
            if has_own && limits.judge(&draft, self.now) != Ok(LimitChange::AtOnce) {
                continue;
            }
            let version = limits.version().saturating_add(1);
            let draft = Box::new(draft);
            self.emit(EventBody::LimitApproved { version, draft, maker, actor, alone: false })?;
        }
        self.carry_given(old, new, &own)?;
        self.carry_proposals(old, new)
    }

    /// What one order was allowed under the old symbol it is allowed under the new one, but where that has a limit of
    /// its own, beside which nobody agreed to it.
    fn carry_given(&mut self, old: Symbol, new: Symbol, own: &[LimitName]) -> Result<(), EngineError> {
        let given = self.state().limits().given_for(old).into_iter();
        let given = given.filter(|v| v.draft.scope == Scope::Symbol(old) && !own.contains(&v.draft.name));
        let carried: Vec<(LimitDraft, UserName)> =
            given.map(|v| (v.draft.following(old, new), v.maker)).collect();
        let actor = self.engine.own_name;
        carried.into_iter().try_for_each(|(draft, maker)| {
            let version = self.state().limits().version().saturating_add(1);
            let draft = Box::new(draft);
            self.emit(EventBody::LimitApproved { version, draft, maker, actor, alone: false })
        })
    }

    /// What was only asked for waits for both symbols; in a change set both are decided with it.
    fn carry_proposals(&mut self, old: Symbol, new: Symbol) -> Result<(), EngineError> {
        let waiting = self.state().limits().proposed_for(old).filter(|v| !v.draft.names(new));
        let follow = |draft: &LimitDraft| {
            let followed = draft.following(old, new);
            // A set names each limit of a scope once.
            let set = draft.terms.set.filter(|_| followed.scope != draft.scope);
            LimitDraft { terms: LimitTerms { set, ..followed.terms.clone() }, ..followed }
        };
        let asked: Vec<(LimitDraft, UserName)> = waiting.map(|v| (follow(&v.draft), v.maker)).collect();
        asked.into_iter().try_for_each(|(draft, actor)| {
            let version = self.state().limits().version().saturating_add(1);
            self.emit(EventBody::LimitProposed { version, draft: Box::new(draft), actor })
        })
    }

    fn carry_halt(&mut self, old: Symbol, new: Symbol) -> Result<(), EngineError> {
        let (halts, scope) = (self.state().halts(), Scope::Symbol(new));
        let Some(halt) = halts.get(&Scope::Symbol(old)).cloned() else { return Ok(()) };
        if halts.get(&scope).is_some_and(|own| own.mode >= halt.mode) {
            return Ok(());
        }
        let reason = CleanText::from(format!("{old} is {new} now"));
        let mode = halt.mode;
        halt.by
            .into_iter()
            .try_for_each(|actor| self.emit(EventBody::Halted { scope, mode, actor, reason: reason.clone() }))
    }
}
