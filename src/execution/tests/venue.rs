//! The paper exchange's model: what its settings do to prices and fees.

use super::*;
use crate::domain::OrderType;
use crate::domain::Ratio;
use crate::domain::event::Fill;
use crate::domain::venue::{FeeModel, LimitFill, VenueModel};

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
