//! A user's own factors: listed, saved, read anew, used by a strategy; a wrong file hurts nobody else.

use std::fs;

use super::*;
use crate::service::advance::Until;
use crate::service::permit::{ManageData, TradeDesk, ViewMarket, ViewSignals};
use crate::service::research::SignalWish;
use crate::service::{ErrorKind, ServiceError};

const STRATEGY: &str = "name = \"mine\"\ntop_k = 3\ngross_target = \"0.9\"\nno_trade_band = \"0.01\"\n\
                        order_type = \"market\"\ntif = \"day\"\n[weights]\nuser = 1.0\n";

fn founded(folder: &Path) -> (Home, Arc<Session>) {
    let home = Home::open(folder);
    home.people(Exchange::Sim);
    let trader = home.login(Role::Trader);
    (home, trader)
}

fn listed(home: &Home, trader: &Session) -> (usize, Option<String>) {
    let list = home.house.factor_definitions(&trader.permit::<ViewSignals>().unwrap()).unwrap();
    (list.rows.iter().filter(|r| r.set == "user").count(), list.problem)
}

fn save(home: &Home, trader: &Session, name: &str, expression: &str) -> Result<(), ServiceError> {
    home.house.save_factor(&trader.permit::<TradeDesk>().unwrap(), name, expression, "mine")
}

#[test]
fn a_saved_factor_is_listed_computed_and_ranked_by() {
    let folder = tempfile::tempdir().unwrap();
    let (home, trader) = founded(folder.path());
    home.house.set_seed(8).unwrap();
    home.house.found_simulation(8, 12).unwrap();
    let may = trader.permit::<ManageData>().unwrap();
    home.house.advance(&may, None, Until::Sessions(1), |_| {}).unwrap();
    assert_eq!(listed(&home, &trader), (0, None));
    save(&home, &trader, "month", "CSRank($close / Ref($close, 21) - 1)").unwrap();
    save(&home, &trader, "month", "$close / Ref($close, 20) - 1").unwrap();
    assert_eq!(listed(&home, &trader), (1, None));
    let list = home.house.factor_definitions(&trader.permit::<ViewSignals>().unwrap()).unwrap();
    let saved = list.rows.iter().find(|r| r.name == "month").unwrap();
    assert_eq!((saved.expression.as_str(), saved.lookback), ("$close / Ref($close, 20) - 1", 20));
    let wish = SignalWish { strategy: Some(STRATEGY.into()), ..SignalWish::default() };
    let signals = home.house.run_signals(&trader.permit::<TradeDesk>().unwrap(), &wish).unwrap();
    assert_eq!(signals.rows.len(), 12);
    // A person's own watchlist is ranked for that person, and the desk's ranking stays.
    let view = trader.permit::<ViewSignals>().unwrap();
    let own: Vec<_> = signals.rows.iter().take(6).map(|row| row.instrument).collect();
    home.house.watch(&trader.permit::<ViewMarket>().unwrap(), &own).unwrap();
    let private = SignalWish { universe: Some("watchlist".into()), ..wish };
    let ranked = home.house.run_signals(&trader.permit::<TradeDesk>().unwrap(), &private).unwrap();
    assert_eq!(ranked.rows.len(), 6);
    assert_eq!(home.house.signals(&view, None).unwrap().rows.len(), 12);
}

#[test]
fn what_will_not_do_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (home, trader) = founded(folder.path());
    let said = |name: &str, expression: &str| save(&home, &trader, name, expression).unwrap_err().to_string();
    assert!(said("x", "Maen($close, 5)").contains("^^^^"));
    assert!(said("x", "Ref($close, -1)").contains("looks ahead"));
    assert!(said("MA5", "$close").contains("ships with the program"));
    assert!(said("a b", "$close").contains("letters, digits"));
    assert!(!folder.path().join("factors.toml").exists());
    let customer = home.login(Role::Customer);
    let refused = customer.permit::<ViewSignals>().map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
}

#[test]
fn a_wrong_file_is_named_with_its_line_and_takes_nothing_else_away() {
    let folder = tempfile::tempdir().unwrap();
    let (home, trader) = founded(folder.path());
    let file = folder.path().join("factors.toml");
    fs::write(&file, "[[factor]]\nfamily = \"user\"\nname = \"slip\"\nexpression = \"$close + $opn\"\n")
        .unwrap();
    let (count, problem) = listed(&home, &trader);
    let problem = problem.unwrap();
    assert_eq!(count, 0);
    assert!(problem.ends_with(
        "factors.toml: line 4: factor 'slip': at character 10: there is no field $opn; did you mean $open?"
    ), "{problem}");
    let families = home.house.factor_families().unwrap().0;
    assert_eq!(families.len(), 4);
    assert!(home.house.strategy_of(None).is_ok(), "the default strategy does without the file");
    let refused = home.house.strategy_of(Some(STRATEGY)).unwrap_err().to_string();
    assert!(refused.contains("weights.user is no family") && refused.contains("factor 'slip'"), "{refused}");
    fs::write(&file, "[[factor]]\nfamily = \"user\"\nname = \"right\"\nexpression = \"$close\"\n").unwrap();
    assert_eq!(listed(&home, &trader), (1, None));
}
