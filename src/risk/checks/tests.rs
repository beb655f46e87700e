//! One test a check: what it lets pass, what it refuses, and with which code.

mod account;
mod kept;
mod more;
mod scopes;
mod strategies;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::*;
use crate::domain::event::{Fill, HaltMode};
use crate::domain::facts::{InstrumentFacts, MarketFacts};
use crate::domain::limit::{LimitDraft, LimitTerms, Scope, WorkingOrders};
use crate::domain::order_state::Order;
use crate::domain::venue::VenueModel;
use crate::domain::{
    AccountId, AccountKind, AccountSpec, ByInstrument, Currency, Instrument, InstrumentId, Margin, Money,
    OrderSpec, OrderStatus, Price, Quantity, Quote, RefusalCode, Side, StrategyId, UnixNanos,
};
use crate::portfolio::Account;
use crate::risk::open::OpenOrders;
use crate::risk::{
    Activity, Book, ByStrategy, Draft, Executions, Halt, LimitBook, OrderKey, PastDecision, Priced, Queues,
    Recent, Seen, Standing, Sums, Verdict, evaluate, largest_allowed, preview, replay, utilisation,
};

#[derive(Debug)]
struct World {
    account: Account,
    orders: OpenOrders,
    instruments: ByInstrument<Instrument>,
    seen: ByInstrument<Seen>,
    halted: BTreeSet<InstrumentId>,
    halts: BTreeMap<Scope, Halt>,
    venue: VenueModel,
    recent: VecDeque<Recent>,
    activity: Activity,
    day_trades: u32,
    past: crate::risk::Past,
    firm_pace: crate::risk::Pace,
    executions: Executions,
    accounts: BTreeMap<AccountId, Account>,
    facts: MarketFacts,
    latched: BTreeSet<(AccountId, RefusalCode)>,
    limits: LimitBook,
    /// What strategies hold.
    attributed: Vec<(StrategyId, InstrumentId, Quantity)>,
    /// What they made today.
    made: BTreeMap<StrategyId, Money>,
    now: UnixNanos,
}

fn xyz() -> InstrumentId {
    "XYZ.XNYS".parse().unwrap()
}

fn spec(cash: &str) -> AccountSpec {
    AccountSpec {
        account: "A".parse().unwrap(),
        kind: AccountKind::Paper,
        owner: None,
        exchange: None,
        currency: Currency::USD,
        cash: cash.parse().unwrap(),
        short: false,
        margin: Margin::Cash,
        broker: crate::domain::BrokerId::Paper,
        lots: crate::domain::LotMethod::Fifo,
        trigger: crate::domain::TriggerType::Last,
    }
}

impl Queues for World {
    fn open_in(&self, instrument: InstrumentId) -> Vec<OrderKey> {
        self.orders
            .values()
            .filter(|o| o.spec.instrument == instrument)
            .map(|o| (o.spec.account, o.spec.id))
            .collect()
    }
}

impl crate::risk::DayProfits for World {
    fn of_today(&self, _: AccountId, instrument: InstrumentId, price: Option<Price>) -> Option<Money> {
        let Some(held) = self.account.positions().get(&instrument) else { return Some(Money::ZERO) };
        held.value(price?).ok()?.checked_sub(held.cost())
    }

    fn of_strategy(&self, _: AccountId, strategy: StrategyId) -> Option<Money> {
        self.made.get(&strategy).copied()
    }
}

impl World {
    /// 10,000 in cash and a last price of 100.
    fn new() -> Self {
        let last = Some(Priced { price: "100".parse().unwrap(), time: UnixNanos::ZERO });
        Self {
            account: Account::open(spec("10000")).0,
            orders: OpenOrders::default(),
            instruments: [(xyz(), Instrument::with_defaults(xyz()))].into_iter().collect(),
            seen: [(xyz(), Seen { last, quote: None })].into_iter().collect(),
            halted: BTreeSet::new(),
            halts: BTreeMap::new(),
            venue: VenueModel::default(),
            recent: VecDeque::new(),
            activity: Activity::default(),
            day_trades: 0,
            past: crate::risk::Past::default(),
            firm_pace: crate::risk::Pace::default(),
            executions: BTreeMap::new(),
            accounts: BTreeMap::new(),
            facts: MarketFacts::default(),
            latched: BTreeSet::new(),
            limits: LimitBook::default(),
            attributed: Vec::new(),
            made: BTreeMap::new(),
            now: UnixNanos::from_seconds(1_000),
        }
    }

    fn book(&self) -> Book<'_> {
        Book {
            seq: 1,
            now: self.now,
            account: &self.account,
            peak: self.account.peak(),
            orders: &self.orders,
            instruments: &self.instruments,
            seen: &self.seen,
            halted: &self.halted,
            halts: &self.halts,
            venue: &self.venue,
            recent: &self.recent,
            latched: &self.latched,
            reconciling: false,
            facts: &self.facts,
            // A test may keep its sums for good.
            sums: Box::leak(Box::new(self.summed_up())),
            by_strategy: Box::leak(Box::new(self.summed_up_by_strategy())),
            queues: self,
            days: self,
            activity: self.activity,
            day_trades: self.day_trades,
            past: &self.past,
            firm_pace: &self.firm_pace,
            wall: self.now,
            executions: &self.executions,
            accounts: &self.accounts,
        }
    }

    fn summed_up(&self) -> Sums {
        let name = self.account.spec().account;
        let held = self.account.positions().iter().map(|(i, p)| (name, *i, p.quantity()));
        let lasts = self.seen.iter().filter_map(|(i, seen)| Some((*i, seen.last?.price)));
        let mut sums = Sums::of(self.venue.fee, self.instruments.values(), lasts, held, self.orders.values());
        sums.know(&self.facts);
        sums
    }

    /// Tells what the past says of the one instrument.
    fn tell(&mut self, facts: InstrumentFacts) {
        self.facts.tell(xyz().exchange, &Arc::new([(xyz(), facts)].into()));
    }

    fn summed_up_by_strategy(&self) -> ByStrategy {
        let name = self.account.spec().account;
        let held = self.attributed.iter().map(|(strategy, i, quantity)| (*strategy, name, *i, *quantity));
        ByStrategy::of(&self.summed_up(), held, self.orders.values())
    }

    fn limit(self, name: &str, hard: &str, soft: Option<&str>) -> Self {
        self.limit_for("firm", name, hard, soft)
    }

    fn limit_for(mut self, scope: &str, name: &str, hard: &str, soft: Option<&str>) -> Self {
        let draft = LimitDraft {
            name: name.parse().unwrap(),
            scope: scope.parse().unwrap(),
            hard: Some(hard.to_owned()),
            soft: soft.map(str::to_owned),
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        };
        let (rita, version) = ("rita".parse().unwrap(), self.limits.version() + 1);
        self.limits.approve(version, &draft, (rita, rita), false, UnixNanos::ZERO).unwrap();
        self
    }

    fn holding(mut self, shares: i64, price: &str) -> Self {
        let side = if shares < 0 { Side::Sell } else { Side::Buy };
        let fill = Fill {
            account: "A".parse().unwrap(),
            id: "H".parse().unwrap(),
            instrument: xyz(),
            side,
            quantity: Quantity::from_whole(shares.abs()).unwrap(),
            price: price.parse().unwrap(),
            fee: Money::ZERO,
            cum: Quantity::ZERO,
            leaves: Quantity::ZERO,
            against: (Price::ZERO, Quantity::ZERO),
            venue: None,
        };
        self.account.fill(&fill, crate::portfolio::Booking::default()).unwrap();
        self
    }

    fn open(mut self, order: OrderSpec) -> Self {
        let key = (order.account, order.id);
        let order = Order {
            spec: order.into(),
            status: OrderStatus::Accepted,
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
            given_at: UnixNanos::ZERO,
            changed_at: UnixNanos::ZERO,
            code: None,
            reason: String::new(),
            actor: "ann".parse().unwrap(),
            changed_by: Vec::new(),
        };
        self.orders.insert(key, order.into());
        self
    }

    /// The code of the refusal, `APPROVAL_REQUIRED` when it is held, empty when it passes.
    fn code(&self, order: &OrderSpec) -> &'static str {
        let decision = evaluate(&self.book(), &self.limits, &Draft::new(&Arc::new(order.clone())));
        assert_eq!(replay(order.account, decision.seen()), *decision.verdict());
        // The gate does not ask controls of limits that nobody set: they are silent, whatever they see.
        let inputs = &decision.seen().inputs;
        let is_set = |name| inputs.limits.iter().any(|bound| bound.name == name);
        for control in CONTROLS.iter().filter(|c| matches!(c.rule(), Rule::Limit(name) if !is_set(name))) {
            let found = control.judge(inputs);
            assert!(!found.refuses() && !found.asks(), "{found:?}");
        }
        match decision.verdict() {
            Verdict::Accept => "",
            Verdict::Hold(code) => code.as_str(),
            Verdict::Refuse(refusal) => refusal.code.as_str(),
        }
    }
}

fn order(side: Side, shares: i64, limit: Option<&str>) -> OrderSpec {
    let size = (side, Quantity::from_whole(shares).unwrap());
    let limit = limit.map(|l| l.parse().unwrap());
    OrderSpec::plain("A".parse().unwrap(), "O1".parse().unwrap(), xyz(), size, limit)
}

fn named(id: &str, mut order: OrderSpec) -> OrderSpec {
    order.id = id.parse().unwrap();
    order
}

#[test]
fn shape_refuses_what_no_exchange_would_take() {
    let world = World::new();
    assert_eq!(world.code(&order(Side::Buy, 10, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 0, None)), "QUANTITY_ZERO");
    assert_eq!(world.code(&order(Side::Buy, 10, Some("99.005"))), "INVALID_PRICE_INCREMENT");
    let mut no_price = order(Side::Buy, 10, Some("99"));
    no_price.limit_price = None;
    assert_eq!(world.code(&no_price), "MISSING_PRICE");
    let mut odd = order(Side::Buy, 10, None);
    odd.quantity = "10.5".parse().unwrap();
    assert_eq!(world.code(&odd), "INVALID_QUANTITY_INCREMENT");
    let mut lots = World::new().holding(15, "100");
    let lot = Quantity::from_whole(10).unwrap();
    lots.instruments.insert(xyz(), Instrument { lot, ..Instrument::with_defaults(xyz()) });
    assert_eq!(lots.code(&order(Side::Sell, 5, None)), "INVALID_QUANTITY_INCREMENT");
    assert_eq!(lots.code(&order(Side::Sell, 15, None)), "");
    let mut blind = World::new();
    blind.seen = ByInstrument::default();
    assert_eq!(blind.code(&order(Side::Buy, 10, None)), "NO_MARKET_DATA");
}

#[test]
fn a_value_that_cannot_be_counted_is_refused_and_never_panics() {
    let world = World::new();
    assert_eq!(world.code(&order(Side::Buy, 9_000_000_000, Some("9000000000"))), "NOTIONAL_OUT_OF_RANGE");
}

#[test]
fn a_stale_quote_refuses_market_orders_only() {
    let mut world = World::new();
    let (bid, ask) = ("99".parse().unwrap(), "100".parse().unwrap());
    let size = Quantity::from_whole(100).unwrap();
    let quote = Quote { instrument: xyz(), time: UnixNanos::ZERO, bid, ask, bid_size: size, ask_size: size };
    let standing = Standing { quote, bid_left: size, ask_left: size };
    world.seen.insert(xyz(), Seen { last: None, quote: Some(standing) });
    assert_eq!(world.code(&order(Side::Buy, 10, None)), "");
    world.venue.stale_after_ms = Some(5_000);
    assert_eq!(world.code(&order(Side::Buy, 10, None)), "STALE_MARKET_DATA");
    assert_eq!(world.code(&order(Side::Buy, 10, Some("99"))), "");
}

#[test]
fn a_halted_market_and_a_halted_scope_take_nothing() {
    let mut world = World::new();
    world.halted.insert(xyz());
    assert_eq!(world.code(&order(Side::Buy, 10, None)), "MARKET_HALTED");
    let mut world = World::new().holding(10, "100");
    let halt = |mode| Halt {
        mode,
        by: vec!["rita".parse().unwrap()],
        since: UnixNanos::ZERO,
        wall: UnixNanos::ZERO,
    };
    world.halts.insert(Scope::Firm, halt(HaltMode::Reducing));
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "TRADING_REDUCE_ONLY");
    assert_eq!(world.code(&order(Side::Sell, 10, None)), "");
    assert_eq!(world.code(&order(Side::Sell, 11, None)), "TRADING_REDUCE_ONLY");
    world.halts.insert(Scope::Account("A".parse().unwrap()), halt(HaltMode::Halted));
    assert_eq!(world.code(&order(Side::Sell, 10, None)), "TRADING_HALTED");
}

#[test]
fn a_restricted_symbol_is_refused() {
    let world = World::new().limit("restricted_symbols", "QQQ, XYZ", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "RESTRICTED_LIST");
    let world = World::new().limit("restricted_symbols", "QQQ", None);
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
}

#[test]
fn equal_to_a_limit_passes_and_more_does_not() {
    let world = World::new().limit("max_order_quantity", "50", None);
    assert_eq!(world.code(&order(Side::Buy, 50, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 51, None)), "MAX_ORDER_QTY");
    let world = World::new().limit("max_order_notional", "5000", Some("4000"));
    assert_eq!(world.code(&order(Side::Buy, 40, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 50, None)), "APPROVAL_REQUIRED");
    assert_eq!(world.code(&order(Side::Buy, 51, None)), "MAX_ORDER_NOTIONAL");
    let draft = Arc::new(order(Side::Buy, 90, None));
    let most = largest_allowed(&world.book(), &world.limits, &Draft::new(&draft));
    assert_eq!(most, Quantity::from_whole(50).unwrap());
}

#[test]
fn a_limit_for_one_order_bounds_the_largest_quantity_where_no_other_stands() {
    let mut world = World::new();
    let wish = order(Side::Buy, 90, None);
    let terms = LimitTerms { order: Some((wish.account, wish.id)), ..LimitTerms::default() };
    let draft = LimitDraft {
        name: LimitName::MaxOrderQuantity,
        scope: Scope::Firm,
        hard: Some("50".into()),
        soft: None,
        reason: "test".into(),
        working: WorkingOrders::Keep,
        terms,
    };
    let rita = "rita".parse().unwrap();
    world.limits.approve(1, &draft, (rita, rita), false, UnixNanos::ZERO).unwrap();
    assert_eq!(world.code(&wish), "MAX_ORDER_QTY");
    let most = largest_allowed(&world.book(), &world.limits, &Draft::new(&Arc::new(wish)));
    assert_eq!(most, Quantity::from_whole(50).unwrap());
}

#[test]
fn the_collar_looks_at_the_costly_side_only_and_fails_closed() {
    let world = World::new().limit("price_collar", "0.05", None).holding(10, "10");
    assert_eq!(world.code(&order(Side::Buy, 1, Some("105"))), "");
    assert_eq!(world.code(&order(Side::Buy, 1, Some("105.01"))), "PRICE_COLLAR");
    assert_eq!(world.code(&order(Side::Buy, 1, Some("50"))), "");
    assert_eq!(world.code(&order(Side::Sell, 1, Some("94.99"))), "PRICE_COLLAR");
    let mut blind = World::new().limit("price_collar", "0.05", None);
    blind.seen = ByInstrument::default();
    assert_eq!(blind.code(&order(Side::Buy, 1, Some("100"))), "REFERENCE_PRICE_UNAVAILABLE");
}

#[test]
fn selling_more_than_is_free_is_short_selling() {
    let world = World::new().holding(10, "100").open(named("S0", order(Side::Sell, 6, Some("120"))));
    assert_eq!(world.code(&order(Side::Sell, 4, None)), "");
    assert_eq!(world.code(&order(Side::Sell, 5, None)), "SHORT_SALE_RESTRICTED");
    let mut world = World::new();
    world.account = Account::open(AccountSpec { short: true, ..spec("10000") }).0;
    assert_eq!(world.code(&order(Side::Sell, 5, None)), "");
    world.instruments.insert(xyz(), Instrument { shortable: false, ..Instrument::with_defaults(xyz()) });
    assert_eq!(world.code(&order(Side::Sell, 5, None)), "HARD_TO_BORROW");
}

#[test]
fn open_buys_hold_cash_and_negative_cash_stops_buys() {
    let world = World::new().open(named("B0", order(Side::Buy, 60, Some("100"))));
    assert_eq!(world.code(&order(Side::Buy, 40, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 41, None)), "INSUFFICIENT_CASH");
    let world = World::new().holding(101, "100");
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "CASH_NEGATIVE");
    assert_eq!(world.code(&order(Side::Sell, 1, None)), "");
}

#[test]
fn a_buy_short_of_money_waits_only_when_its_list_may_pay() {
    let world = World::new();
    let draft = Arc::new(order(Side::Buy, 101, None));
    let may_wait = Draft { may_wait: true, ..Draft::new(&draft) };
    let decision = evaluate(&world.book(), &world.limits, &may_wait);
    assert_eq!(decision.verdict(), &Verdict::Hold(RefusalCode::WaitsForSells));
    let world = world.limit("max_order_quantity", "50", None);
    let decision = evaluate(&world.book(), &world.limits, &may_wait);
    assert!(
        matches!(decision.verdict(), Verdict::Refuse(r) if r.code == RefusalCode::MaxOrderQty && r.breaches.len() == 2)
    );
}

#[test]
fn reg_t_covers_half() {
    let mut world = World::new();
    world.account = Account::open(AccountSpec { margin: Margin::RegT, ..spec("10000") }).0;
    assert_eq!(world.code(&order(Side::Buy, 200, None)), "");
    assert_eq!(world.code(&order(Side::Buy, 201, None)), "INSUFFICIENT_BUYING_POWER");
}

#[test]
fn position_limits_look_at_the_worst_case_and_let_reductions_pass() {
    for (name, hard, code) in [
        ("max_position_notional", "5000", "MAX_POSITION"),
        ("max_position_weight", "0.5", "CONCENTRATION"),
        ("max_gross_exposure", "0.5", "GROSS_EXPOSURE"),
    ] {
        let world = World::new().limit(name, hard, None).holding(30, "100");
        let world = world.open(named("B0", order(Side::Buy, 10, Some("100"))));
        assert_eq!(world.code(&order(Side::Buy, 10, None)), "", "{name}");
        assert_eq!(world.code(&order(Side::Buy, 11, None)), code, "{name}");
        let over = World::new().limit(name, hard, None).holding(90, "100");
        assert_eq!(over.code(&order(Side::Sell, 10, None)), "", "{name}");
    }
}

/// An order taken a while ago.
fn taken_at(seconds: i64) -> Recent {
    Recent::of(&order(Side::Buy, 7, None), UnixNanos::from_seconds(seconds))
}

#[test]
fn the_rate_counts_sixty_seconds() {
    let mut world = World::new().limit("max_orders_per_minute", "2", None);
    world.recent = [939, 941, 999].map(taken_at).into();
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "RATE_LIMIT");
    world.recent = [939, 940, 999].map(taken_at).into();
    assert_eq!(world.code(&order(Side::Buy, 1, None)), "");
}

#[test]
fn losses_stop_new_risk_but_not_reductions() {
    for (name, hard, code) in
        [("max_daily_loss", "500", "DAILY_LOSS_LIMIT"), ("max_drawdown", "0.05", "DRAWDOWN_LIMIT")]
    {
        // Bought at 106, now 100: 600 of 10,000 are lost.
        let world = World::new().limit(name, hard, None).holding(90, "106.70");
        assert_eq!(world.code(&order(Side::Buy, 1, None)), code, "{name}");
        assert_eq!(world.code(&order(Side::Sell, 1, None)), "", "{name}");
    }
    let mut latched = World::new().limit("max_drawdown", "0.05", None);
    latched.latched.insert(("A".parse().unwrap(), RefusalCode::DrawdownLimit));
    assert_eq!(latched.code(&order(Side::Buy, 1, None)), "DRAWDOWN_LIMIT");
}

#[test]
fn the_first_breach_names_the_refusal_and_all_are_told() {
    let world =
        World::new().limit("max_order_quantity", "5", None).limit("max_position_notional", "100", None);
    let draft = Arc::new(order(Side::Buy, 200, None));
    let decision = evaluate(&world.book(), &world.limits, &Draft::new(&draft));
    let Verdict::Refuse(refusal) = decision.verdict() else { panic!("{decision:?}") };
    let codes: Vec<&str> = refusal.breaches.iter().map(|b| b.code.as_str()).collect();
    assert_eq!(codes, ["MAX_ORDER_QTY", "INSUFFICIENT_CASH", "MAX_POSITION"]);
    assert_eq!(refusal.limit.as_deref(), Some("max_order_quantity"));
    assert_eq!((refusal.observed.as_deref(), refusal.threshold.as_deref()), (Some("200"), Some("5")));
    assert_eq!(decision.checks().len(), CONTROLS.len());
}

#[test]
fn a_preview_names_what_a_draft_would_break_today_and_would_have_refused() {
    let world = World::new().holding(30, "100").open(named("B0", order(Side::Buy, 20, Some("100"))));
    let none = LimitBook::default();
    let judge = |order: &OrderSpec| {
        evaluate(&world.book(), &none, &Draft::new(&Arc::new(order.clone()))).into_record()
    };
    let (buy, sell) = (order(Side::Buy, 10, None), order(Side::Sell, 10, None));
    let (bought, sold) = (judge(&buy), judge(&sell));
    let kind = AccountKind::Paper;
    let history = [
        PastDecision { order: &buy, kind, record: &bought },
        PastDecision { order: &sell, kind, record: &sold },
    ];
    let draft = |name: &str, hard: &str| LimitDraft {
        name: name.parse().unwrap(),
        scope: Scope::Firm,
        hard: Some(hard.to_owned()),
        soft: None,
        reason: "test".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    };
    let seen = preview(&[world.book()], &none, &draft("max_position_notional", "4000"), &history).unwrap();
    assert_eq!((seen.orders.len(), seen.positions.len()), (1, 1));
    assert_eq!((seen.considered, seen.refused_at.len()), (2, 1));
    let seen = preview(&[world.book()], &none, &draft("max_order_quantity", "20"), &history).unwrap();
    assert_eq!((seen.orders.len(), seen.refused_at.len()), (0, 0));
    assert!(preview(&[], &none, &draft("max_order_quantity", "many"), &[]).is_err());
}

#[test]
fn utilisation_is_the_used_share_of_the_hard_value() {
    let world = World::new().limit("max_position_weight", "0.6", None).holding(30, "100");
    let uses = utilisation(&world.book(), &world.limits);
    assert_eq!(uses.len(), 1);
    assert_eq!((uses[0].observed.as_str(), uses[0].hard.as_str()), ("0.3", "0.6"));
    assert_eq!(uses[0].share.unwrap().to_string(), "0.5");
}

#[test]
fn every_limit_has_one_control_and_every_name_is_used_once() {
    let names: Vec<&str> = CONTROLS.iter().map(|c| c.rule().name()).collect();
    let once: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), once.len());
    assert!(crate::domain::limit::LimitName::ALL.iter().all(|n| once.contains(n.as_str())));
}
