//! Where an order stands, and the one table of how it may get from one state to another.
//!
//! Names and meanings are FIX's. An order exists from its first event on: it begins as accepted, held, submitted,
//! waiting for a second person, or refused. Every change of [`Order::status`] goes through [`OrderStatus::after`];
//! a step that the table does not list is an error, never a guess.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::ShownOrder;
use super::{
    BrokerId, CleanText, Money, OrderId, OrderSpec, Price, Quantity, RefusalCode, UnixNanos, UserName,
    VenueOrderId,
};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Above a soft limit: waits for a second person.
    PendingApproval,
    /// Refused by our own risk checks or validation.
    Denied,
    /// Armed here, waiting for something (its parent, its list's sells).
    Held,
    /// Written down and on its way to a broker; not yet acknowledged.
    Submitted,
    /// Refused by the venue.
    Rejected,
    /// Working.
    Accepted,
    /// Cannot match for now: a halt, or a corporate action at the broker.
    Suspended,
    /// Its trigger was reached and it rests at its limit. What has no limit is filled by its trigger, and never this.
    Triggered,
    /// Working, some of it done.
    PartiallyFilled,
    /// A change is on its way to the broker.
    PendingUpdate,
    /// A cancel is on its way to the broker.
    PendingCancel,
    /// All of it done.
    Filled,
    /// Ended by somebody's wish.
    Canceled,
    /// Ended by time.
    Expired,
}

/// What happens to an order, as far as its state is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderStep {
    /// It waits for a second person.
    AskApproval,
    /// It waits for something else.
    Hold,
    /// What it waited for has come.
    Release,
    /// It is sent to a broker.
    Submit,
    /// Our own checks refuse it.
    Deny,
    /// The venue refuses it.
    Reject,
    /// The venue takes it.
    Accept,
    /// The venue stops it for a while.
    Suspend,
    /// The trigger of an order with a limit was reached.
    Trigger,
    /// The trigger of an order without a limit was reached: it goes on as a market order where it stands.
    Elect,
    /// Some of it fills.
    FillPart,
    /// The rest of it fills.
    FillRest,
    /// A change is asked of the broker.
    AskUpdate,
    /// It is changed.
    Update,
    /// The broker refuses the change.
    RefuseUpdate,
    /// A cancel is asked of the broker.
    AskCancel,
    /// The broker refuses the cancel.
    RefuseCancel,
    /// It ends by wish.
    Cancel,
    /// It ends by time.
    Expire,
}

impl OrderStep {
    /// All of them.
    pub const ALL: [OrderStep; 19] = [
        OrderStep::AskApproval,
        OrderStep::Hold,
        OrderStep::Release,
        OrderStep::Submit,
        OrderStep::Deny,
        OrderStep::Reject,
        OrderStep::Accept,
        OrderStep::Suspend,
        OrderStep::Trigger,
        OrderStep::Elect,
        OrderStep::FillPart,
        OrderStep::FillRest,
        OrderStep::AskUpdate,
        OrderStep::Update,
        OrderStep::RefuseUpdate,
        OrderStep::AskCancel,
        OrderStep::RefuseCancel,
        OrderStep::Cancel,
        OrderStep::Expire,
    ];
}

impl OrderStatus {
    /// All of them.
    pub const ALL: [OrderStatus; 14] = [
        OrderStatus::PendingApproval,
        OrderStatus::Denied,
        OrderStatus::Held,
        OrderStatus::Submitted,
        OrderStatus::Rejected,
        OrderStatus::Accepted,
        OrderStatus::Suspended,
        OrderStatus::Triggered,
        OrderStatus::PartiallyFilled,
        OrderStatus::PendingUpdate,
        OrderStatus::PendingCancel,
        OrderStatus::Filled,
        OrderStatus::Canceled,
        OrderStatus::Expired,
    ];

    /// Whether nothing more can be asked of it.
    pub const fn is_done(self) -> bool {
        match self {
            OrderStatus::Denied
            | OrderStatus::Rejected
            | OrderStatus::Filled
            | OrderStatus::Canceled
            | OrderStatus::Expired => true,
            OrderStatus::PendingApproval
            | OrderStatus::Held
            | OrderStatus::Submitted
            | OrderStatus::Accepted
            | OrderStatus::Suspended
            | OrderStatus::Triggered
            | OrderStatus::PartiallyFilled
            | OrderStatus::PendingUpdate
            | OrderStatus::PendingCancel => false,
        }
    }

    /// Whether it may match at the paper exchange.
    pub const fn is_working(self) -> bool {
        matches!(self, OrderStatus::Accepted | OrderStatus::Triggered | OrderStatus::PartiallyFilled)
    }

    /// Whether it waits here and no venue knows of it.
    pub const fn is_waiting(self) -> bool {
        matches!(self, OrderStatus::Held | OrderStatus::PendingApproval)
    }

    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderStatus::PendingApproval => "pending_approval",
            OrderStatus::Denied => "denied",
            OrderStatus::Held => "held",
            OrderStatus::Submitted => "submitted",
            OrderStatus::Rejected => "rejected",
            OrderStatus::Accepted => "accepted",
            OrderStatus::Suspended => "suspended",
            OrderStatus::Triggered => "triggered",
            OrderStatus::PartiallyFilled => "partially_filled",
            OrderStatus::PendingUpdate => "pending_update",
            OrderStatus::PendingCancel => "pending_cancel",
            OrderStatus::Filled => "filled",
            OrderStatus::Canceled => "canceled",
            OrderStatus::Expired => "expired",
        }
    }

    /// The state after a step; `None` when the table does not list it. `back` is where a working order stands by
    /// what it has done so far ([`Order::standing`]): to there it returns when a request is answered.
    pub const fn after(self, step: OrderStep, back: OrderStatus) -> Option<OrderStatus> {
        if self.is_waiting() {
            self.after_waiting(step, back)
        } else if self.is_done() {
            self.after_end(step)
        } else {
            self.after_at_venue(step, back)
        }
    }

    /// An order that waits here: no venue knows of it.
    const fn after_waiting(self, step: OrderStep, back: OrderStatus) -> Option<OrderStatus> {
        use OrderStatus as S;
        use OrderStep as E;
        Some(match step {
            E::AskApproval => S::PendingApproval,
            E::Hold => S::Held,
            E::Release => back,
            E::Submit => S::Submitted,
            E::Deny => S::Denied,
            E::Update | E::RefuseUpdate => self,
            E::Cancel => S::Canceled,
            E::Expire => S::Expired,
            E::Reject
            | E::Accept
            | E::Suspend
            | E::Trigger
            | E::Elect
            | E::FillPart
            | E::FillRest
            | E::AskUpdate
            | E::AskCancel
            | E::RefuseCancel => return None,
        })
    }

    /// An order that a venue has or is about to get.
    const fn after_at_venue(self, step: OrderStep, back: OrderStatus) -> Option<OrderStatus> {
        use OrderStatus as S;
        use OrderStep as E;
        let working = self.is_working();
        Some(match step {
            E::Reject => S::Rejected,
            E::Accept if matches!(self, S::Submitted | S::Suspended | S::PendingUpdate) => back,
            E::Accept => self,
            E::Suspend if working || matches!(self, S::Suspended) => S::Suspended,
            // What its parent filled is gone: it waits for more of it.
            E::Hold if working => S::Held,
            E::Trigger if matches!(self, S::Accepted | S::PendingUpdate) => S::Triggered,
            // An exit that filled, and began anew with what its parent filled next, is reached once more.
            E::Trigger if matches!(self, S::PartiallyFilled) => self,
            E::Trigger | E::FillPart if matches!(self, S::PendingCancel) => self,
            E::Elect
                if matches!(self, S::Accepted | S::PartiallyFilled | S::PendingUpdate | S::PendingCancel) =>
            {
                self
            }
            E::FillPart => S::PartiallyFilled,
            E::FillRest => S::Filled,
            E::AskUpdate if working || matches!(self, S::Submitted | S::PendingUpdate) => S::PendingUpdate,
            E::Update | E::RefuseUpdate if matches!(self, S::PendingUpdate) => back,
            E::Update | E::RefuseUpdate if working || matches!(self, S::Suspended) => self,
            // A change that was asked for before the cancel is answered all the same.
            E::Update | E::RefuseUpdate if matches!(self, S::PendingCancel) => self,
            E::AskCancel if !matches!(self, S::PendingCancel) => S::PendingCancel,
            E::RefuseCancel if matches!(self, S::PendingCancel) => back,
            E::Cancel => S::Canceled,
            E::Expire => S::Expired,
            E::AskApproval
            | E::Hold
            | E::Release
            | E::Submit
            | E::Deny
            | E::Suspend
            | E::Trigger
            | E::Elect
            | E::AskUpdate
            | E::Update
            | E::RefuseUpdate
            | E::AskCancel
            | E::RefuseCancel => return None,
        })
    }

    /// An order that is done: a venue may tell a fill after the end, or more than was asked. It happened, so it counts.
    const fn after_end(self, step: OrderStep) -> Option<OrderStatus> {
        match (self, step) {
            (OrderStatus::Denied, _) => None,
            (_, OrderStep::FillPart) => Some(self),
            (_, OrderStep::FillRest) => Some(OrderStatus::Filled),
            (_, _) => None,
        }
    }
}

/// An order's life at a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Which broker.
    pub broker: BrokerId,
    /// The names the broker gave it; the last is the one it works under.
    pub venue_ids: Vec<VenueOrderId>,
    /// Ranges of cumulative quantity that were filled, by the venue name they were filled under.
    pub filled: Vec<(VenueOrderId, Quantity, Quantity)>,
    /// A change that is on its way: quantity, limit and trigger as they will be.
    pub asked: Option<(Quantity, Option<Price>, Option<Price>)>,
    /// How many changes were asked for so far.
    #[serde(default)]
    pub changes: u32,
    /// Why it went there.
    #[serde(default, skip_serializing_if = "CleanText::is_empty")]
    pub route: CleanText,
    /// The order it was sent with, where the broker keeps the two as one group and ends or cuts them by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<OrderId>,
}

impl Remote {
    /// An order that no broker has named yet.
    pub fn new(broker: BrokerId) -> Self {
        Self {
            broker,
            venue_ids: Vec::new(),
            filled: Vec::new(),
            asked: None,
            changes: 0,
            route: CleanText::default(),
            with: None,
        }
    }

    /// The name it works under.
    pub fn venue_id(&self) -> Option<VenueOrderId> {
        self.venue_ids.last().copied()
    }

    /// How much was filled under a name.
    pub fn filled_under(&self, venue_id: VenueOrderId) -> Quantity {
        let ranges = self.filled.iter().filter(|(name, _, _)| *name == venue_id);
        let sizes = ranges.filter_map(|(_, from, to)| to.checked_sub(*from));
        sizes.fold(Quantity::ZERO, |sum, size| sum.checked_add(size).unwrap_or(sum))
    }
}

/// One order and what became of it: the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was asked for (amended fields replaced).
    #[serde(with = "crate::domain::serial::shared")]
    pub spec: Arc<OrderSpec>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Filled so far.
    pub filled: Quantity,
    /// Σ fill price × fill quantity so far, for the average.
    pub filled_notional: Money,
    /// Fees so far.
    pub fees: Money,
    /// Shares that its account had filled in the month before its own first fill; zero where the fee has no tiers.
    #[serde(default, skip_serializing_if = "none_filled")]
    pub volume_before: Quantity,
    /// Money it holds of its account's.
    pub hold: Money,
    /// The price at which it holds money, where it names none itself or the market had touched it before.
    pub valued_at: Option<Price>,
    /// Whether its trigger was reached.
    pub triggered: bool,
    /// Where a trailing stop's trigger stands.
    pub stop: Option<Price>,
    /// A child's bound: what its parent has filled.
    pub cap: Option<Quantity>,
    /// Its life at a broker; `None` while it is worked here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Box<Remote>>,
    /// Market time at which it was given.
    pub given_at: UnixNanos,
    /// Market time of its last change.
    pub changed_at: UnixNanos,
    /// Why it ended or waits, where there is a reason.
    pub code: Option<RefusalCode>,
    /// The reason in words.
    pub reason: String,
    /// Who gave it.
    pub actor: UserName,
    /// Who else changed it here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_by: Vec<UserName>,
}

fn none_filled(volume: &Quantity) -> bool {
    volume.is_zero()
}

impl Order {
    /// An order of which nothing is filled yet.
    pub fn new(
        spec: impl Into<Arc<OrderSpec>>,
        status: OrderStatus,
        given_at: UnixNanos,
        actor: UserName,
    ) -> Self {
        Self {
            spec: spec.into(),
            status,
            filled: Quantity::ZERO,
            filled_notional: Money::ZERO,
            fees: Money::ZERO,
            volume_before: Quantity::ZERO,
            hold: Money::ZERO,
            valued_at: None,
            triggered: false,
            stop: None,
            cap: None,
            remote: None,
            given_at,
            changed_at: given_at,
            code: None,
            reason: String::new(),
            actor,
            changed_by: Vec::new(),
        }
    }

    /// The price that values it: its own, or the market's, where that was past what was to touch it and worth more.
    pub fn own_price(&self) -> Option<Price> {
        let own = self.spec.own_price()?;
        Some(self.valued_at.map_or(own, |passed| passed.max(own)))
    }

    /// Not yet filled; zero once the order is done.
    pub fn leaves(&self) -> Quantity {
        if self.status.is_done() {
            return Quantity::ZERO;
        }
        self.spec.quantity.checked_sub(self.filled).unwrap_or(Quantity::ZERO)
    }

    /// What may fill now: what is left, for a child at most what its parent has filled.
    pub fn working(&self) -> Quantity {
        let leaves = self.leaves();
        let bound = self.cap.map(|cap| cap.checked_sub(self.filled).unwrap_or(Quantity::ZERO));
        bound.map_or(leaves, |bound| leaves.min(bound).max(Quantity::ZERO))
    }

    /// Whether it may match at the paper exchange.
    pub const fn matches_here(&self) -> bool {
        self.status.is_working() && self.remote.is_none()
    }

    /// Whether a broker has it, or it is on its way there.
    pub const fn is_at_broker(&self) -> bool {
        self.remote.is_some() && !self.status.is_done() && !self.status.is_waiting()
    }

    /// The order it was sent with, where its broker keeps the two as one group.
    pub fn sent_with(&self) -> Option<OrderId> {
        self.remote.as_ref().and_then(|remote| remote.with)
    }

    /// Where a working order stands by what it has done so far.
    pub fn standing(&self) -> OrderStatus {
        if self.filled.is_positive() {
            OrderStatus::PartiallyFilled
        } else if self.triggered && self.spec.order_type.has_limit() {
            OrderStatus::Triggered
        } else {
            OrderStatus::Accepted
        }
    }

    /// The price at which it starts to work: a trailing stop's where it stands, else the one given.
    pub fn trigger(&self) -> Option<Price> {
        self.stop.or(self.spec.trigger_price)
    }

    /// Everybody whose wish it is: who gave it and who changed it.
    pub fn makers(&self) -> impl Iterator<Item = UserName> + '_ {
        std::iter::once(self.actor).chain(self.changed_by.iter().copied())
    }

    /// What of it can change while it waits.
    pub fn shown(&self) -> ShownOrder {
        let OrderSpec { quantity, limit_price, .. } = *self.spec;
        ShownOrder { quantity, limit_price, trigger_price: self.trigger() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table once more, written as rows of words: a state, then what each step makes of it. `back` stands for
    /// where a working order stands by what it has done.
    const TABLE: &str = "
        pending_approval: ask_approval=pending_approval hold=held release=back submit=submitted deny=denied \
                          update=pending_approval refuse_update=pending_approval cancel=canceled expire=expired
        held:             ask_approval=pending_approval hold=held release=back submit=submitted deny=denied \
                          update=held refuse_update=held cancel=canceled expire=expired
        submitted:        reject=rejected accept=back fill_part=partially_filled fill_rest=filled \
                          ask_update=pending_update ask_cancel=pending_cancel cancel=canceled expire=expired
        accepted:         hold=held reject=rejected accept=accepted suspend=suspended trigger=triggered elect=accepted \
                          fill_part=partially_filled fill_rest=filled ask_update=pending_update update=accepted \
                          refuse_update=accepted ask_cancel=pending_cancel cancel=canceled expire=expired
        suspended:        reject=rejected accept=back suspend=suspended fill_part=partially_filled \
                          fill_rest=filled update=suspended refuse_update=suspended ask_cancel=pending_cancel cancel=canceled \
                          expire=expired
        triggered:        hold=held reject=rejected accept=triggered suspend=suspended fill_part=partially_filled \
                          fill_rest=filled ask_update=pending_update update=triggered refuse_update=triggered \
                          ask_cancel=pending_cancel cancel=canceled expire=expired
        partially_filled: hold=held reject=rejected accept=partially_filled suspend=suspended trigger=partially_filled elect=partially_filled \
                          fill_part=partially_filled fill_rest=filled ask_update=pending_update update=partially_filled \
                          refuse_update=partially_filled ask_cancel=pending_cancel cancel=canceled expire=expired
        pending_update:   reject=rejected accept=back trigger=triggered elect=pending_update fill_part=partially_filled \
                          fill_rest=filled ask_update=pending_update update=back refuse_update=back \
                          ask_cancel=pending_cancel cancel=canceled expire=expired
        pending_cancel:   reject=rejected accept=pending_cancel trigger=pending_cancel elect=pending_cancel fill_part=pending_cancel \
                          fill_rest=filled update=pending_cancel refuse_update=pending_cancel \
                          refuse_cancel=back cancel=canceled expire=expired
        denied:
        rejected:         fill_part=rejected fill_rest=filled
        filled:           fill_part=filled fill_rest=filled
        canceled:         fill_part=canceled fill_rest=filled
        expired:          fill_part=expired fill_rest=filled
    ";

    fn word(step: OrderStep) -> String {
        let mut text = String::new();
        for c in format!("{step:?}").chars() {
            if c.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.push(c.to_ascii_lowercase());
        }
        text
    }

    #[test]
    fn every_state_takes_the_steps_of_the_table_and_no_other() {
        let mut seen = 0;
        for row in TABLE.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let (state, cells) = row.split_once(':').unwrap();
            let state = OrderStatus::ALL.into_iter().find(|s| s.as_str() == state).unwrap();
            seen += 1;
            for step in OrderStep::ALL {
                let name = word(step);
                let cell = cells.split_whitespace().find_map(|c| c.strip_prefix(&format!("{name}=")));
                for back in [OrderStatus::Accepted, OrderStatus::Triggered, OrderStatus::PartiallyFilled] {
                    let wanted = cell.map(|to| if to == "back" { back.as_str() } else { to });
                    let got = state.after(step, back).map(OrderStatus::as_str);
                    assert_eq!(got, wanted, "{} takes {name} with back {}", state.as_str(), back.as_str());
                }
            }
        }
        assert_eq!(seen, OrderStatus::ALL.len());
    }

    #[test]
    fn nothing_but_a_late_fill_happens_to_an_order_that_is_done() {
        for state in OrderStatus::ALL.into_iter().filter(|s| s.is_done()) {
            for step in OrderStep::ALL {
                let fills = matches!(step, OrderStep::FillPart | OrderStep::FillRest);
                assert!(fills || state.after(step, OrderStatus::Accepted).is_none(), "{state:?} {step:?}");
            }
        }
    }
}
