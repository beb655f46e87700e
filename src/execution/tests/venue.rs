//! The paper exchange's model: what its settings do to prices and fees.

use super::*;
use crate::domain::OrderType;
use crate::domain::Ratio;
use crate::domain::event::CashKind;
use crate::domain::event::Fill;
use crate::domain::venue::{FeeModel, FeeTier, FeeTiers, LimitFill, VenueModel};

fn desk(venue: VenueModel) -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", false);
    desk.give(Command::Configure(venue));
    desk.bar("AAA", 1, [1_000, 1_010, 990, 1_000], 100_000);
    desk
}

fn fills(bodies: Vec<EventBody>) -> Vec<Fill> {
    let fill = |body| if let EventBody::Fill(fill) = body { Some(fill) } else { None };
    bodies.into_iter().filter_map(fill).collect()
}

#[test]
fn ticks_of_slippage_are_paid_beside_the_share_and_a_levy_on_sales_alone() {
    let fee = FeeModel {
        min: "1".parse().unwrap(),
        sell_per_share: "0.001".parse().unwrap(),
        sell_rate: "0.0001".parse().unwrap(),
        ..FeeModel::default()
    };
    let slippage = "0.001".parse().unwrap();
    let mut desk = desk(VenueModel { fee, slippage, slippage_ticks: 2, ..VenueModel::default() });
    desk.submit(Desk::order("b", "AAA", Side::Buy, 100, None));
    let bought = fills(desk.bar("AAA", 1, [1_000, 1_010, 990, 1_000], 100_000));
    // 10.00 and a thousandth of it and two cents.
    assert_eq!((bought[0].price, bought[0].fee), ("10.03".parse().unwrap(), "1".parse().unwrap()));
    desk.submit(Desk::order("s", "AAA", Side::Sell, 100, None));
    let sold = fills(desk.bar("AAA", 1, [1_000, 1_010, 990, 1_000], 100_000));
    // 1, and 0.001 on each of 100 shares, and a ten-thousandth of 997.
    assert_eq!((sold[0].price, sold[0].fee), ("9.97".parse().unwrap(), "1.1997".parse().unwrap()));
}

#[test]
fn where_chance_decides_a_touched_limit_fills_by_its_chance_and_one_traded_through_always() {
    let filled = |limit_chance: &str, low: i64| {
        let limit_chance = limit_chance.parse().unwrap();
        let chance = VenueModel { limit_fill: LimitFill::Chance, limit_chance, ..VenueModel::default() };
        let mut desk = desk(chance);
        desk.submit(Desk::order("b", "AAA", Side::Buy, 100, Some(980)));
        let fills = fills(desk.bar("AAA", 1, [1_000, 1_010, low, 1_000], 100_000));
        fills.first().map(|fill| fill.price)
    };
    let at_the_limit = Some(cents(980));
    assert_eq!((filled("0", 980), filled("1", 980)), (None, at_the_limit));
    assert_eq!((filled("0", 979), filled("1", 979)), (at_the_limit, at_the_limit));
}

#[test]
fn a_sale_of_what_costs_no_more_than_its_slippage_fills_at_a_tick_or_at_its_price() {
    for (name, order_type, trigger, low, price) in
        [("market", OrderType::Market, None, 4, "0.01"), ("stop", OrderType::Stop, Some(3), 2, "0.01")]
    {
        let mut desk = desk(VenueModel { slippage_ticks: 5, ..VenueModel::default() });
        desk.submit(Desk::order("b", "AAA", Side::Buy, 100, None));
        desk.bar("AAA", 1, [4; 4], 100_000);
        let trigger_price = trigger.map(cents);
        desk.submit(OrderSpec {
            order_type,
            trigger_price,
            ..Desk::order("s", "AAA", Side::Sell, 100, None)
        });
        let sold = fills(desk.bar("AAA", 1, [4, 4, low, low], 100_000));
        assert_eq!(sold.first().map(|fill| fill.price), price.parse().ok(), "{name}");
    }
    let below_a_tick = "0.004".parse().unwrap();
    let slipped =
        crate::execution::matching::bars::slipped(below_a_tick, Side::Sell, (Ratio::ZERO, 1_000), cents(1));
    assert_eq!(slipped, Some(below_a_tick));
}

#[test]
fn what_takes_more_of_a_bar_slips_by_the_square_and_no_more_than_it_may_take() {
    let price = |shares: i64| {
        let volume_impact = "0.1".parse().unwrap();
        let mut desk = desk(VenueModel { volume_impact, ..VenueModel::default() });
        desk.submit(Desk::order("b", "AAA", Side::Buy, shares, None));
        let fills = fills(desk.bar("AAA", 1, [1_000, 1_010, 990, 1_000], 100_000));
        (fills[0].quantity.raw() / Quantity::ONE_RAW, fills[0].price.to_string())
    };
    // A hundredth of the bar: a tenth of a ten-thousandth.
    assert_eq!(price(1_000), (1_000, "10.0001".to_owned()));
    // The participation lets it take a fortieth.
    assert_eq!(price(5_000), (2_500, "10.000625".to_owned()));
}

/// One cent a share, from 1,000 shares of a month half a cent; at least 1 an order.
fn tiered() -> VenueModel {
    let tier = FeeTier {
        from: Quantity::from_whole(1_000).unwrap(),
        per_share: "0.005".parse().unwrap(),
        rate: Ratio::ZERO,
    };
    let fee = FeeModel {
        per_share: "0.01".parse().unwrap(),
        min: "1".parse().unwrap(),
        tiers: FeeTiers::of(&[tier]).unwrap(),
        ..FeeModel::default()
    };
    VenueModel { fee, participation: Ratio::from_raw(Ratio::ONE_RAW), ..VenueModel::default() }
}

fn fees(bodies: Vec<EventBody>) -> Vec<String> {
    fills(bodies).iter().map(|fill| fill.fee.to_string()).collect()
}

#[test]
fn an_order_pays_one_price_by_the_month_before_it_and_its_fills_add_up_to_that() {
    let mut desk = desk(tiered());
    let at = [1_000; 4];
    desk.submit(Desk::order("a", "AAA", Side::Buy, 1_200, None));
    // Nothing was filled in the month before it, so the shares beyond a thousand cost a cent too.
    assert_eq!(fees(desk.bar("AAA", 1, at, 999)), ["9.99"]);
    assert_eq!(desk.engine.state().accounts().values().next().unwrap().held().to_string(), "2012.01");
    assert_eq!(fees(desk.bar("AAA", 1, at, 201)), ["2.01"]);
    // Bought and sold shares count alike; what is held is at the dearest price, what is paid at that of the tier.
    desk.submit(Desk::order("b", "AAA", Side::Buy, 400, Some(1_000)));
    assert_eq!(desk.engine.state().accounts().values().next().unwrap().held().to_string(), "4004.00");
    desk.submit(Desk::order("s", "AAA", Side::Sell, 500, None));
    assert_eq!(fees(desk.bar("AAA", 1, [1_000, 1_000, 999, 1_000], 2_000)), ["2.50", "2.00"]);
    // The least fee is of the order, not of each fill.
    desk.submit(Desk::order("c", "AAA", Side::Buy, 300, None));
    assert_eq!(fees(desk.bar("AAA", 1, at, 150)), ["1.00"]);
    assert_eq!(fees(desk.bar("AAA", 1, at, 150)), ["0.50"]);
    let day = "2024-03-05".parse().unwrap();
    assert_eq!(desk.engine.state().month_volume("A".parse().unwrap(), day).to_string(), "2400");
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn the_month_is_that_of_the_exchange_and_an_order_that_began_before_it_keeps_its_price() {
    let mut desk = desk(tiered());
    let at = [1_000; 4];
    desk.submit(Desk::order("a", "AAA", Side::Buy, 1_000, None));
    assert_eq!(fees(desk.bar("AAA", 1, at, 1_000)), ["10.00"]);
    let rest = OrderSpec { tif: TimeInForce::Gtc, ..Desk::order("b", "AAA", Side::Buy, 500, None) };
    desk.submit(rest);
    assert_eq!(fees(desk.bar("AAA", 1, at, 300)), ["1.50"]);
    // The last minute of March in New York is April in London.
    desk.now = "2024-03-28T19:59:00Z".parse().unwrap();
    desk.submit(Desk::order("m", "AAA", Side::Buy, 200, None));
    assert_eq!(fees(desk.bar("AAA", 1, at, 100)), ["0.50"]);
    desk.now = "2024-04-01T13:30:00Z".parse().unwrap();
    desk.submit(Desk::order("n", "AAA", Side::Buy, 400, None));
    assert_eq!(fees(desk.bar("AAA", 1, at, 500)), ["0.50", "4.00"]);
    let volume =
        |day: &str| desk.engine.state().month_volume("A".parse().unwrap(), day.parse().unwrap()).to_string();
    assert_eq!((volume("2024-04-30"), volume("2024-05-01")), ("500".to_owned(), "0".to_owned()));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn an_order_for_the_close_of_a_month_pays_by_that_month() {
    let mut desk = desk(tiered());
    desk.now = "2024-05-31T18:00:00Z".parse().unwrap();
    desk.submit(Desk::order("a", "AAA", Side::Buy, 1_000, None));
    desk.bar("AAA", 1, [1_000; 4], 1_000);
    let close =
        OrderSpec { order_type: OrderType::MarketOnClose, ..Desk::order("c", "AAA", Side::Sell, 400, None) };
    desk.submit(close);
    let trade = |time: &str| Trade {
        instrument: instrument("AAA"),
        time: time.parse().unwrap(),
        price: cents(1_000),
        size: Quantity::from_whole(100).unwrap(),
    };
    let (last, ten) = (trade("2024-05-31T19:59:00Z"), cents(1_000));
    desk.market(&MarketEvent::Trade(last));
    desk.market(&MarketEvent::Quote(Quote {
        instrument: last.instrument,
        time: last.time,
        bid: ten,
        ask: ten,
        bid_size: last.size,
        ask_size: last.size,
    }));
    // Told with the first event of June, filled at the close of May.
    assert_eq!(fees(desk.market(&MarketEvent::Trade(trade("2024-06-03T13:30:00Z")))), ["2.00"]);
}

#[test]
fn borrowed_shares_cost_their_own_rate_or_that_of_all_by_the_night() {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", true);
    let own = |symbol: &str, rate: &str| Instrument {
        borrow_rate: Some(rate.parse().unwrap()),
        ..Instrument::with_defaults(instrument(symbol))
    };
    desk.give(Command::DefineInstrument(own("BBB", "0.36")));
    desk.give(Command::DefineInstrument(own("CCC", "0")));
    let common = Ratio::from_raw(18_000_000);
    desk.give(Command::Configure(VenueModel { borrow_rate: common, ..VenueModel::default() }));
    let bars = [("AAA", [1_000; 4], 100_000), ("BBB", [2_000; 4], 100_000), ("CCC", [500; 4], 100_000)];
    desk.bars(&bars, 1);
    for symbol in ["AAA", "BBB", "CCC"] {
        desk.submit(Desk::order(symbol, symbol, Side::Sell, 100, None));
    }
    desk.bars(&bars, 1);
    let charged = |bodies: Vec<EventBody>| -> Vec<String> {
        let charge = |body| match body {
            EventBody::Cash { amount, kind: CashKind::Borrow, instrument, .. } => {
                Some(format!("{} {amount}", instrument.unwrap().symbol))
            }
            _ => None,
        };
        bodies.into_iter().filter_map(charge).collect()
    };
    // One night: 1,000 × 0.018 / 360 and 2,000 × 0.36 / 360.
    desk.now = "2024-03-06T14:30:00Z".parse().unwrap();
    assert_eq!(charged(desk.bars(&bars, 1)), ["AAA -0.05", "BBB -2.00"]);
    // A weekend is three nights; a new rate holds from the next night on.
    desk.now = "2024-03-08T14:30:00Z".parse().unwrap();
    assert_eq!(charged(desk.bars(&bars, 1)), ["AAA -0.10", "BBB -4.00"]);
    desk.give(Command::DefineInstrument(own("BBB", "1.8")));
    desk.give(Command::Configure(VenueModel::default()));
    desk.now = "2024-03-11T13:30:00Z".parse().unwrap();
    assert_eq!(charged(desk.bars(&bars, 1)), ["BBB -30.00"]);
    assert_eq!(desk.engine.state().accounts().values().next().unwrap().borrow().to_string(), "36.15");
    desk.check(&Calendars::bundled().unwrap());
}
