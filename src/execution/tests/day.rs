//! The day's profit of a holding, against cases worked out by hand.

use super::*;
use crate::domain::RefusalCode;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, WorkingOrders};
use crate::domain::market::SplitRatio;
use crate::risk::utilisation;

impl Desk {
    fn day_profit(&self, symbol: &str) -> String {
        let (account, state) = ("A".parse().unwrap(), self.engine.state());
        let price = state.view().last(instrument(symbol)).map(|p| p.price);
        state.day_profit(account, instrument(symbol), price).map_or("unknown".into(), |p| p.to_string())
    }

    /// The holdings' profits together are the account's, fees apart.
    fn agrees(&self, fees_before: Money) {
        let (name, state) = ("A".parse().unwrap(), self.engine.state());
        let account = &state.accounts()[&name];
        let price = |id: InstrumentId| state.view().last(id).map(|p| p.price);
        let each = state.held_today(name).map(|id| state.day_profit(name, id, price(id)).unwrap().raw());
        let fees = account.fees().checked_sub(fees_before).unwrap();
        let profit = account.day_profit(state.equity(account).unwrap()).unwrap();
        assert_eq!(each.sum::<i64>(), profit.raw() + fees.raw());
        let book = state.book(name, self.now).unwrap();
        let lost = Money::from_raw((-profit.raw()).max(0)).to_string();
        let judged =
            utilisation(&book, state.limits()).into_iter().find(|u| u.name == LimitName::MaxDailyLoss);
        assert!(judged.is_none_or(|used| used.observed == lost), "what is shown is what is judged");
    }

    /// A dividend of a dollar that goes ex on a day; who held it then, where that is told.
    fn dividend(&mut self, ex_date: &str, held: Option<i64>) -> Vec<EventBody> {
        let held = held.map(|q| vec![("A".parse().unwrap(), Quantity::from_whole(q).unwrap())]);
        self.market(&MarketEvent::Dividend {
            instrument: instrument("AAA"),
            time: self.now,
            amount: "1".parse().unwrap(),
            ex_date: ex_date.parse().unwrap(),
            pay_date: "2024-03-20".parse().unwrap(),
            held,
        })
    }

    /// A thousand shares at 50 since yesterday's close; today begins.
    fn thousand(calendars: &Calendars) -> Self {
        let mut desk = Desk::new(calendars, "100000", false);
        desk.bar("AAA", 1, [5000, 5000, 5000, 5000], 100_000);
        desk.submit(Desk::order("a", "AAA", Side::Buy, 1000, Some(5000)));
        desk.bar("AAA", 1, [5000, 5000, 4990, 5000], 100_000);
        assert_eq!(desk.status("a"), OrderStatus::Filled);
        desk
    }

    fn daily_loss(&mut self, scope: &str, hard: &str) {
        self.give(Command::SetLimit(LimitDraft {
            name: LimitName::MaxDailyLoss,
            scope: scope.parse().unwrap(),
            hard: Some(hard.to_owned()),
            soft: None,
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        }));
    }

    fn fees(&self) -> Money {
        self.engine.state().accounts()[&"A".parse().unwrap()].fees()
    }

    fn peak(&self) -> Money {
        let state = self.engine.state();
        state.peak(&state.accounts()[&"A".parse().unwrap()])
    }

    pub(super) fn next_day(&mut self) {
        self.now = start()
            .plus_nanos(86_400_000_000_000 * (1 + (self.now.nanos() - start().nanos()) / 86_400_000_000_000));
    }
}

#[test]
fn the_days_profit_counts_todays_trades_splits_and_dividends_exactly() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "100000", false);
    desk.bar("AAA", 1, [1000, 1000, 990, 1000], 100_000);
    desk.submit(Desk::order("a", "AAA", Side::Buy, 100, Some(1000)));
    desk.bar("AAA", 1, [1000, 1000, 990, 1000], 100_000);
    desk.bar("AAA", 1, [1100, 1100, 1100, 1100], 100_000);
    assert_eq!(desk.day_profit("AAA"), "100.00", "bought at 10, now at 11");
    desk.agrees(Money::ZERO);

    desk.next_day();
    let fees = desk.fees();
    desk.bar("AAA", 1, [1200, 1200, 1200, 1200], 100_000);
    assert_eq!(desk.day_profit("AAA"), "100.00", "100 from 11 to 12");
    desk.submit(Desk::order("b", "AAA", Side::Buy, 50, Some(1200)));
    desk.bar("AAA", 1, [1200, 1200, 1190, 1200], 100_000);
    desk.submit(Desk::order("c", "AAA", Side::Sell, 30, Some(1300)));
    desk.bar("AAA", 1, [1300, 1310, 1300, 1300], 100_000);
    assert_eq!(desk.status("c"), OrderStatus::Filled);
    assert_eq!(desk.day_profit("AAA"), "250.00", "100 from 11 to 13, 50 from 12 to 13");
    desk.agrees(fees);
    let (ratio, time) = (
        SplitRatio { new: Quantity::from_whole(2).unwrap(), old: Quantity::from_whole(1).unwrap() },
        desk.now,
    );
    desk.market(&MarketEvent::Split {
        instrument: instrument("AAA"),
        time,
        ratio,
        ex_date: None,
        is_late: false,
    });
    assert_eq!(desk.day_profit("AAA"), "250.00", "twice as many at half the price");
    let (amount, ex_date) = ("0.10".parse().unwrap(), "2024-03-07".parse().unwrap());
    let pay_date = "2024-03-20".parse().unwrap();
    let dividend =
        MarketEvent::Dividend { instrument: instrument("AAA"), time, amount, ex_date, pay_date, held: None };
    desk.market(&dividend);
    desk.agrees(fees);

    desk.next_day();
    let fees = desk.fees();
    desk.bar("AAA", 1, [640, 640, 640, 640], 100_000);
    assert_eq!(desk.day_profit("AAA"), "0.00", "240 fell by 0.10 and give 0.10 each");
    desk.agrees(fees);
    desk.submit(Desk::order("d", "AAA", Side::Sell, 240, Some(640)));
    desk.bar("AAA", 1, [640, 650, 640, 650], 100_000);
    assert_eq!((desk.status("d"), desk.day_profit("AAA")), (OrderStatus::Filled, "0.00".into()));
    desk.submit(Desk::order("e", "AAA", Side::Buy, 10, Some(650)));
    desk.bar("AAA", 1, [650, 650, 640, 660], 100_000);
    assert_eq!(desk.day_profit("AAA"), "1.00", "bought again: 10 from 6.50 to 6.60");
    desk.agrees(fees);
    assert_eq!(desk.day_profit("BBB"), "unknown", "never held");
    let rebuilt = Engine::recover(calendars, &desk.events).unwrap();
    assert_eq!(rebuilt.state().day_of, desk.engine.state().day_of);
}

#[test]
fn a_dividend_counts_once_in_the_days_profit_whenever_it_is_learned_and_the_loss_limit_sees_the_same() {
    let calendars = Calendars::bundled().unwrap();
    for (case, learned) in ["the day before", "at noon", "a day late"].into_iter().enumerate() {
        let mut desk = Desk::thousand(&calendars);
        desk.limit("max_daily_loss", "500", None);
        if case == 0 {
            desk.dividend("2024-03-06", None);
        }
        let peak = desk.peak();
        desk.next_day();
        let (fees, before) = (desk.fees(), desk.events.len());
        // The market opened without the right: a dollar less.
        desk.bar("AAA", 1, [4900, 4900, 4900, 4900], 100_000);
        assert_eq!(desk.day_profit("AAA"), if case == 0 { "0.00" } else { "-1000.00" }, "{learned}");
        desk.agrees(fees);
        if case == 1 {
            desk.dividend("2024-03-06", Some(1000));
            assert_eq!(desk.day_profit("AAA"), "0.00", "{learned}");
        }
        desk.agrees(fees);
        let spoke = desk.events[before..]
            .iter()
            .any(|e| matches!(e.body, EventBody::RiskEvent { code: RefusalCode::DailyLossLimit, .. }));
        assert_eq!(spoke, case > 0, "{learned}: a thousand are lost only while nobody knows of the dividend");
        if case == 2 {
            desk.next_day();
            desk.bar("AAA", 1, [4900, 4900, 4900, 4890], 100_000);
            desk.dividend("2024-03-06", Some(1000));
            assert_eq!(desk.day_profit("AAA"), "-100.00", "yesterday's dividend hides no loss of today");
            desk.agrees(fees);
        }
        assert_eq!(desk.peak(), peak, "no height that never was: {learned}");
        let rebuilt = Engine::recover(calendars.clone(), &desk.events).unwrap();
        assert_eq!(rebuilt.state().accounts(), desk.engine.state().accounts());
        assert_eq!(rebuilt.state().day_of, desk.engine.state().day_of);
    }
}

#[test]
fn a_daily_loss_of_a_symbol_counts_what_was_traded_and_held_in_it_today() {
    let mut desk = Desk::thousand(&Calendars::bundled().unwrap());
    desk.bar("BBB", 1, [1000; 4], 100_000);
    ["symbol:AAA", "symbol:BBB"].into_iter().for_each(|scope| desk.daily_loss(scope, "900"));
    // 500 of the thousand are sold at a loss of 1 each, the rest falls by 1: 1,000 in one name, none in the other.
    desk.submit(Desk::order("s", "AAA", Side::Sell, 500, Some(4890)));
    desk.bar("AAA", 1, [4900; 4], 100_000);
    assert_eq!((desk.status("s"), desk.day_profit("AAA").as_str()), (OrderStatus::Filled, "-1000.00"));
    let refused = |told: Vec<EventBody>| {
        told.into_iter().find_map(|t| match t {
            EventBody::OrderDenied { refusal, .. } => Some((refusal.code, refusal.observed)),
            _ => None,
        })
    };
    let more = desk.submit(Desk::order("m", "AAA", Side::Buy, 1, Some(4900)));
    assert_eq!(refused(more), Some((RefusalCode::DailyLossLimit, Some("1000.00".into()))));
    assert_eq!(refused(desk.submit(Desk::order("o", "BBB", Side::Buy, 1, Some(1000)))), None);
    assert_eq!(refused(desk.submit(Desk::order("r", "AAA", Side::Sell, 1, Some(4900)))), None);
    desk.check(&Calendars::bundled().unwrap());
}

/// What daily losses were told of: the scope, or the account, with what was seen.
fn losses_told(told: &[EventBody]) -> Vec<String> {
    let one = |t: &EventBody| match t {
        EventBody::RiskEvent { code: RefusalCode::DailyLossLimit, scope, observed, .. } => {
            Some(format!("{} {observed}", scope.map_or("account".into(), |scope| scope.to_string())))
        }
        _ => None,
    };
    told.iter().filter_map(one).collect()
}

#[test]
fn a_daily_loss_of_a_symbol_or_a_strategy_is_told_once_a_day_and_stops_nothing_else() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::thousand(&calendars);
    desk.bar("BBB", 1, [1000; 4], 100_000);
    let alpha = Some("alpha_1".parse().unwrap());
    desk.submit(OrderSpec { strategy: alpha, ..Desk::order("s1", "BBB", Side::Buy, 1000, Some(1000)) });
    desk.bar("BBB", 1, [1000, 1000, 990, 1000], 100_000);
    assert_eq!(desk.status("s1"), OrderStatus::Filled);
    let of_strategy = "strategy:alpha_1";
    ["symbol:AAA", of_strategy].into_iter().for_each(|scope| desk.daily_loss(scope, "900"));
    desk.daily_loss("firm", "2500");
    let refused = |desk: &mut Desk, id: &str, symbol: &str, strategy| {
        let order = OrderSpec { strategy, ..Desk::order(id, symbol, Side::Buy, 1, Some(500)) };
        let told = desk.submit(order);
        told.into_iter().find_map(|t| match t {
            EventBody::OrderDenied { refusal, .. } => Some(refusal.code),
            _ => None,
        })
    };
    assert_eq!(losses_told(&desk.bar("AAA", 1, [4910; 4], 100_000)), [] as [&str; 0], "equal passes");
    assert_eq!(losses_told(&desk.bar("AAA", 1, [4900; 4], 100_000)), ["symbol:AAA 1000.00"]);
    assert_eq!(losses_told(&desk.bar("AAA", 1, [4890; 4], 100_000)), [] as [&str; 0]);
    assert!(desk.engine.state().latched().is_empty(), "it is not the account's");
    assert_eq!(refused(&mut desk, "m", "AAA", None), Some(RefusalCode::DailyLossLimit));
    assert_eq!([refused(&mut desk, "o", "BBB", None), refused(&mut desk, "p", "BBB", alpha)], [None, None]);
    // It recovers, and falls again: it was told today.
    desk.bar("AAA", 1, [5000; 4], 100_000);
    assert_eq!(losses_told(&desk.bar("AAA", 1, [4900; 4], 100_000)), [] as [&str; 0]);
    // What a restart rebuilds tells nothing again.
    let rebuilt = Engine::recover(calendars.clone(), &desk.events).unwrap();
    assert_eq!(rebuilt.state().latched_scopes, desk.engine.state().latched_scopes);
    let saved = Engine::from_bytes(calendars.clone(), &rebuilt.to_bytes().unwrap(), []).unwrap();
    assert_eq!(saved.state().latched_scopes.len(), 1);
    // A strategy speaks for itself, and the firm's limit for the account.
    let told = losses_told(&desk.bar("BBB", 1, [905; 4], 100_000));
    assert_eq!(told, ["strategy:alpha_1 950.00"]);
    assert_eq!(losses_told(&desk.bar("AAA", 1, [4800; 4], 100_000)).len(), 1, "the account alone");
    assert!(desk.engine.state().latched().iter().any(|(_, code)| *code == RefusalCode::DailyLossLimit));
    desk.next_day();
    assert_eq!(losses_told(&desk.bar("AAA", 1, [4800; 4], 100_000)), [] as [&str; 0]);
    assert!(desk.engine.state().latched_scopes.is_empty());
    assert_eq!(refused(&mut desk, "n", "AAA", None), None);
    assert_eq!(losses_told(&desk.bar("AAA", 1, [4690; 4], 100_000)), ["symbol:AAA 1100.00"]);
    desk.check(&calendars);
}
