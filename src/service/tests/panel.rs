//! The shared panel: as what was stored says, from the store or from the cache, and made anew when something changes.

use chrono::NaiveDate;

use super::*;
use crate::domain::CleanText;
use crate::domain::market::Basis;
use crate::factor::panel::{Group, NO_GROUP, Panel, PanelBuilder};
use crate::market::adjust::{self, Adjust};
use crate::service::advance::Until;
use crate::service::import::{BarImport, TableFileKind, Wanted};
use crate::service::panel::Cut;
use crate::service::permit::ManageData;
use crate::store::MarketReader;
use crate::store::market::{PriceHistory, cache_path};

const DAYS: [&str; 6] = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"];

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn import(home: &Home, kind: TableFileKind, text: &str) {
    let trader = home.login(Role::Trader);
    let permit = trader.permit::<ManageData>().unwrap();
    let file = file(text);
    let report = home.house.import_table(&permit, kind, file.path(), Exchange::Xnys).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

fn import_bars(home: &Home, text: &str) {
    let (trader, file) = (home.login(Role::Trader), file(text));
    let wish = BarImport {
        files: vec![file.path().to_path_buf()],
        exchange: Exchange::Xnys,
        wanted: Wanted { source: Some(CleanText::new("file")), basis: Some(Basis::Raw) },
    };
    home.house.import_bars(&trader.permit::<ManageData>().unwrap(), &wish, |_| {}).unwrap();
}

fn advance(home: &Home, sessions: u32) {
    let trader = home.login(Role::Trader);
    let permit = trader.permit::<ManageData>().unwrap();
    home.house.advance(&permit, None, Until::Sessions(sessions), |_| {}).unwrap();
}

/// Twelve names with gaps, a split, a dividend, figures and sectors; market time is the close of the fifth session.
fn stocked(folder: &Path) -> Home {
    let home = Home::open(folder);
    home.people(Exchange::Xnys);
    let mut text = String::from("date,symbol,open,high,low,close,volume,vwap\n");
    for (at, day) in DAYS.iter().enumerate() {
        for name in (0..12).filter(|name| (at + name) % 5 != 2) {
            let close = 100 + at * 3 + name;
            let vwap = if name % 2 == 0 { format!("{close}.37") } else { String::new() };
            text.push_str(&format!(
                "{day},N{name:02},{close},{},{close},{close}.1,77{at}3,{vwap}\n",
                close + 2
            ));
        }
    }
    // Before the prices, which show none of them.
    import(
        &home,
        TableFileKind::Actions,
        "date,symbol,kind,amount,ratio\n2024-01-04,N03,split,,3:1\n2024-01-05,N03,dividend,0.7,\n\
         2024-01-08,N04,dividend,0.31,\n2024-01-09,N05,split,,2:1\n",
    );
    import_bars(&home, &text);
    import(
        &home,
        TableFileKind::Fundamentals,
        "known_at,period_end,symbol,field,value\n2024-01-02,2023-12-31,N03,eps,6\n",
    );
    import(
        &home,
        TableFileKind::Instruments,
        "symbol,sector,from\nN03,Metals,2024-01-01\nN03,Energy,2024-01-05\nN04,Energy,\n",
    );
    advance(&home, 5);
    home
}

fn cut() -> Cut {
    Cut { exchange: Exchange::Xnys, last: DAYS[4].parse().unwrap(), sessions: 1_000, fresh: true }
}

/// The panel, bar by bar from the store.
fn plain(home: &Home) -> Panel {
    let reader = MarketReader::open(home.house.home()).unwrap();
    let day = |d: &str| d.parse::<NaiveDate>().unwrap();
    let mut builder = PanelBuilder::new(DAYS[..5].iter().map(|d| day(d)).collect());
    let actions = reader.actions_between(Exchange::Xnys, day(DAYS[0]), day(DAYS[4])).unwrap();
    for name in 0..12 {
        let id: InstrumentId = format!("N{name:02}.XNYS").parse().unwrap();
        let series = reader.bars(id, None, day(DAYS[0]), day(DAYS[4])).unwrap().unwrap();
        let own: Vec<_> = actions.iter().filter(|a| a.instrument == id).cloned().collect();
        let factors = adjust::factors(&series.bars, &own, Basis::Raw, Adjust::Total).unwrap();
        for (bar, factor) in series.bars.iter().zip(factors) {
            builder.bar(bar, factor.price, 1.0 / factor.volume).unwrap();
        }
    }
    builder.fundamentals(&reader.fundamentals_known_by(Exchange::Xnys, day(DAYS[4])).unwrap());
    for (name, from, sector) in
        [("N03", DAYS[0], "Metals"), ("N03", DAYS[3], "Energy"), ("N04", DAYS[0], "Energy")]
    {
        builder.member(Group::Sector, format!("{name}.XNYS").parse().unwrap(), day(from), sector);
    }
    builder.build()
}

/// Bit by bit: NaN is no equal of itself, its text is.
fn text(panel: &Panel) -> String {
    format!("{panel:?}")
}

#[test]
fn store_and_cache_give_the_panel_that_single_bars_give() {
    let folder = tempfile::tempdir().unwrap();
    let home = stocked(folder.path());
    let expected = text(&plain(&home));
    let house = &home.house;
    assert_eq!(text(&house.load_panel(cut()).unwrap()), expected);
    let path = cache_path(folder.path(), Exchange::Xnys);
    assert!(!path.exists(), "a small store needs no cache");
    PriceHistory::load_with(folder.path(), Exchange::Xnys, 0).unwrap();
    assert_eq!(text(&house.load_panel(cut()).unwrap()), expected);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(text(&house.load_panel(cut()).unwrap()), expected, "a damaged cache is passed over");
    assert!(!path.exists());
}

#[test]
fn figures_are_restated_for_splits_and_sectors_are_those_of_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let home = stocked(folder.path());
    let panel = home.house.research_panel(Exchange::Xnys).unwrap();
    let at = panel.index_of("N03.XNYS".parse().unwrap()).unwrap();
    assert_eq!(panel.value("eps", at, 4), 2.0);
    let names = panel.group_names(Group::Sector);
    let sector = |row: usize| match panel.group_codes(Group::Sector, row).unwrap()[at] {
        NO_GROUP => "",
        code => names[usize::from(code)].as_str(),
    };
    assert_eq!([0, 2, 3, 4].map(sector), ["Metals", "Metals", "Energy", "Energy"]);
    assert!(panel.group_codes(Group::Industry, 0).is_none());
}

#[test]
fn the_panel_is_shared_until_time_prices_or_facts_change() {
    let folder = tempfile::tempdir().unwrap();
    let home = stocked(folder.path());
    let panel = || home.house.research_panel(Exchange::Xnys).unwrap();
    let first = panel();
    assert!(Arc::ptr_eq(&first, &panel()));
    import(&home, TableFileKind::Actions, "date,symbol,kind,amount,ratio\n2024-01-08,N06,split,,6:5\n");
    let second = panel();
    let before = |p: &Panel| p.value("close", p.index_of("N06.XNYS".parse().unwrap()).unwrap(), 3);
    assert!((before(&second) * 1.2 / before(&first) - 1.0).abs() < 1e-6);
    import_bars(&home, "date,symbol,open,high,low,close,volume\n2024-01-08,N00,7,7,7,7,1\n");
    let third = panel();
    assert_eq!(third.value("close", 0, 4), 7.0);
    assert!(!Arc::ptr_eq(&second, &third));
    advance(&home, 1);
    assert_eq!((third.sessions().len(), panel().sessions().len()), (5, 6));
}
