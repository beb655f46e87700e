//! Live expressions on a demo home: values, ranks, column, screen and evidence come on their own, the newest wish only.

use std::sync::Arc;

use super::*;
use crate::service::desk::{Desk, Reply, Request, ResearchWish, Wake};
use crate::service::desk_worker;
use crate::service::view::Research;

const TREND: &str = "$close/Mean($close,20)-1";

fn wish(generation: u64, formula: &str) -> ResearchWish {
    ResearchWish { generation, formula: formula.to_owned(), ..ResearchWish::default() }
}

/// Waits for the whole answer to a wish.
fn answer(desk: &Desk, generation: u64) -> Arc<Research> {
    loop {
        match desk.wakes().recv().unwrap() {
            Wake::Research => {
                let found = desk.research().unwrap();
                let pending = found.formula.as_ref().is_some_and(|f| f.pending);
                if found.generation == generation && !pending {
                    return found;
                }
            }
            Wake::Reply(_, Reply::Failed(why)) | Wake::Ended(why) => panic!("{why}"),
            Wake::Reply(..) | Wake::Screen => {}
        }
    }
}

/// The newest close that an expression sees.
fn closes(home: &Home, instrument: InstrumentId) -> f64 {
    let mut desk = desk_worker::start(&home.login(Role::Trader)).unwrap();
    desk.send(Request::Research(wish(1, "$close"))).unwrap();
    let found = answer(&desk, 1);
    found.formula.as_ref().unwrap().values.iter().find(|v| v.instrument == instrument).unwrap().value
}

#[test]
fn an_expression_gives_values_ranks_evidence_a_column_and_a_screen() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 3);
    let mut desk = desk_worker::start(&home.login(Role::Trader)).unwrap();
    let instrument = desk.screen().chart.as_ref().unwrap().instrument;
    let asked = ResearchWish {
        instrument: Some(instrument),
        column: Some("$volume".into()),
        screen: Some(format!("{TREND} > 0")),
        ..wish(1, TREND)
    };
    desk.send(Request::Research(asked)).unwrap();
    let found = answer(&desk, 1);
    let formula = found.formula.as_ref().unwrap();
    assert_eq!((formula.values.len() + formula.missing, found.names), (24, 24));
    assert!(formula.values.windows(2).all(|w| w[0].value >= w[1].value && w[0].rank < w[1].rank));
    let above: Vec<InstrumentId> =
        formula.values.iter().filter(|v| v.value > 0.0).map(|v| v.instrument).collect();
    let passing = &found.screen.as_ref().unwrap().passing;
    assert_eq!(passing.len(), above.len());
    assert!(above.iter().all(|id| passing.contains(id)), "the screen is the same expression");
    assert_eq!(found.column.as_ref().unwrap().values.len(), 24);
    let (of, series) = formula.series.as_ref().unwrap();
    let newest = formula.values.iter().find(|v| v.instrument == instrument).unwrap().value;
    let screen = desk.screen();
    assert!(screen.data.session_open, "the demo starts in mid-session");
    let last = screen.watchlist.iter().find(|w| w.instrument == instrument).unwrap();
    let (price, close) = (last.last_price.unwrap().to_f64(), closes(&home, instrument));
    assert!(found.running.is_some() && (close - price).abs() < 1e-3, "{close} is the running price {price}");
    let day = found.running.or(found.session).unwrap();
    assert_eq!((*of, series.last().unwrap()), (instrument, &(day, newest)));
    let evidence = formula.evidence.as_ref().unwrap();
    assert!(evidence.days > 200 && evidence.ic.abs() < 0.5, "{evidence:?}");
    assert_eq!((evidence.groups.len(), evidence.daily.len()), (5, 252));
    let known = evidence.sessions.1 < found.session.unwrap();
    assert!(known, "the label of the last sessions is not known yet");
}

#[test]
fn a_wrong_or_unanswerable_expression_says_why_and_the_newest_wish_wins() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 3);
    let mut desk = desk_worker::start(&home.login(Role::Trader)).unwrap();
    for (generation, text) in [(1, "$close"), (2, "Mean($close,250)"), (3, "Maen($close,5)")] {
        desk.send(Request::Research(wish(generation, text))).unwrap();
    }
    let problem = answer(&desk, 3).formula.as_ref().unwrap().problem.clone();
    assert!(problem.contains("did you mean Mean"), "{problem}");
    desk.send(Request::Research(ResearchWish { screen: Some("$close".into()), ..wish(4, "") })).unwrap();
    let screen = answer(&desk, 4).screen.clone().unwrap();
    assert!(screen.problem.contains("compare") && screen.passing.is_empty());
}

#[test]
fn a_saved_expression_is_among_the_factors() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 3);
    let mut desk = desk_worker::start(&home.login(Role::Trader)).unwrap();
    desk.send(Request::SaveFactor { name: "trend20".into(), text: TREND.into() }).unwrap();
    let number = desk.send(Request::Factors).unwrap();
    let rows = loop {
        match desk.wakes().recv().unwrap() {
            Wake::Reply(n, Reply::Factors(rows, problem)) if n == number => {
                assert_eq!(problem, None);
                break rows;
            }
            Wake::Reply(_, Reply::Failed(why)) | Wake::Ended(why) => panic!("{why}"),
            Wake::Reply(..) | Wake::Screen | Wake::Research => {}
        }
    };
    let own = rows.iter().find(|f| f.name == "trend20").unwrap();
    assert_eq!((own.own, own.expression.as_str(), own.back), (true, TREND, 19));
    assert!(
        rows.iter().any(|f| f.family.starts_with("alpha158")) && rows.iter().any(|f| f.family == "momentum")
    );
}
