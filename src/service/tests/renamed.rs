//! What a symbol master's news and a restated history do to the book.

use super::data::{import, import_split};
use super::*;
use crate::domain::TimeInForce;
use crate::domain::market::{ActionKind, CorporateAction, SplitRatio};
use crate::service::advance::Until;
use crate::service::engine::lock;
use crate::service::import::TableFileKind;
use crate::service::ordering::OrderWish;
use crate::service::permit::{Audit, ManageData, ViewMarket, ViewPortfolio};

fn import_table(home: &Home, kind: TableFileKind, text: &str) {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let trader = home.login(Role::Trader);
    let permit = trader.permit::<ManageData>().unwrap();
    let report = home.house.import_table(&permit, kind, file.path(), Exchange::Xnys).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn a_split_in_the_history_reaches_an_open_order_of_which_nothing_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    import_split(
        &home,
        "2024-01-02,AAA,1200,1210,1190,1200,100000\n2024-01-03,AAA,1200,1215,1195,1205,100000\n",
    );
    let trader = home.login(Role::Trader);
    let advance = || {
        let permit = trader.permit::<ManageData>().unwrap();
        home.house.advance(&permit, None, Until::Sessions(1), |_| {}).unwrap()
    };
    let on: InstrumentId = "AAA.XNYS".parse().unwrap();
    advance();
    let limit = Some("1150".parse().unwrap());
    let order = OrderWish { tif: TimeInForce::Gtc, ..wish("one", Side::Buy, on, 10, limit) };
    home.house.submit(&trader.trade_permit(None).unwrap(), &order).unwrap();
    assert_eq!(advance().fills, 0);
    let split = CorporateAction {
        instrument: on,
        date: "2024-01-04".parse().unwrap(),
        kind: ActionKind::Split(SplitRatio { new: "10".parse().unwrap(), old: "1".parse().unwrap() }),
    };
    lock(home.house.market_store()).store_actions(&[split]).unwrap();
    import_split(
        &home,
        "2024-01-02,AAA,120,121,119,120,1000000\n2024-01-03,AAA,120,121.5,119.5,120.5,1000000\n\
         2024-01-04,AAA,121,122,120,121,1000000\n2024-01-05,AAA,121,123,114,122,1000000\n",
    );
    let standing = || {
        let state = home.house.state().unwrap();
        let order = state.orders().open().values().next().cloned();
        order.map(|o| (o.spec.quantity.to_string(), o.spec.limit_price.unwrap().to_string()))
    };
    assert_eq!(advance().fills, 0, "121 is far above 115");
    assert_eq!(standing(), Some(("100".to_owned(), "115".to_owned())));
    assert_eq!(advance().fills, 1, "once, and it fills at its own price");
}

#[test]
fn a_renamed_instrument_is_held_ordered_and_watched_under_its_new_symbol() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let head = "date,symbol,open,high,low,close,volume\n";
    import(
        &home,
        &format!("{head}2024-01-02,AAA,100,101,99,100,1000000\n2024-01-03,AAA,100,101,99,100,1000001\n"),
    );
    let trader = home.login(Role::Trader);
    let advance = |n| {
        let permit = trader.permit::<ManageData>().unwrap();
        home.house.advance(&permit, None, Until::Sessions(n), |_| {}).unwrap()
    };
    let (old, new): (InstrumentId, InstrumentId) = ("AAA.XNYS".parse().unwrap(), "ZZZ.XNYS".parse().unwrap());
    let market = trader.permit::<ViewMarket>().unwrap();
    home.house.watch(&market, &[old]).unwrap();
    advance(1);
    let trade = trader.trade_permit(None).unwrap();
    home.house.submit(&trade, &wish("one", Side::Buy, old, 10, None)).unwrap();
    assert_eq!(advance(1).fills, 1);
    let resting =
        OrderWish { tif: TimeInForce::Gtc, ..wish("two", Side::Buy, old, 5, Some("90".parse().unwrap())) };
    home.house.submit(&trader.trade_permit(None).unwrap(), &resting).unwrap();

    import_table(&home, TableFileKind::Renames, "from,old,new\n2024-01-04,AAA,ZZZ\n");
    import(
        &home,
        &format!("{head}2024-01-04,ZZZ,101,102,100,101,1000000\n2024-01-05,ZZZ,88,89,87,88,1000000\n"),
    );
    assert_eq!((advance(1).fills, advance(1).fills), (0, 1), "the resting order fills under the new symbol");
    let permit = trader.permit::<ViewPortfolio>().unwrap();
    let held = |moment: Option<&str>| {
        let desk = Some("desk".parse().unwrap());
        let shown = match moment {
            Some(day) => {
                let past = home.house.past(&permit, desk, day.parse().unwrap()).unwrap();
                home.house.portfolios_at(&permit, desk, &past).unwrap()
            }
            None => home.house.portfolios(&permit, desk).unwrap(),
        };
        let positions = shown[0].positions.iter();
        positions.map(|p| (p.instrument.to_string(), p.quantity.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(held(None), [("ZZZ.XNYS".to_owned(), "15".to_owned())]);
    assert_eq!(held(Some("2024-01-03")), [("AAA.XNYS".to_owned(), "10".to_owned())], "as it was then");
    let watched: Vec<_> = home.house.watched(trader.user(), &home.house.state().unwrap(), None).unwrap();
    assert_eq!(watched, [new]);
    let audit = home.login(Role::Admin);
    let found = home.house.verify_audit(&audit.permit::<Audit>().unwrap(), None).unwrap();
    assert!(found.sound, "{found:?}");
}
