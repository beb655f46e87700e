//! Real tables beside prices: actions, filings, fundamentals, memberships, renames. Where a file's columns are not ours a
//! few lines rewrite them, as a user would; the rows then go through the import itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use chrono::NaiveDate;

use super::real_files::import;
use super::*;
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar};
use crate::domain::{CleanText, Exchange, InstrumentId, Quarantined};
use crate::market::adjust::{Adjust, factors};
use crate::market::repair::told_twice;
use crate::market::testing::shared;

/// The lines of a shared file, without its header, as fields by column.
fn lines(file: &str) -> Option<Vec<BTreeMap<String, String>>> {
    let mut text = String::new();
    Source::open(&shared(file)?).unwrap().into_reader().unwrap().read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let mut fields = record::Fields::default();
        fields.split(line).unwrap();
        let names = header.iter().map(|name| (*name).to_owned());
        names.zip(fields.iter().map(str::to_owned)).collect()
    };
    Some(lines.map(row).collect())
}

/// Imports a table from text.
fn table<T: Clone + 'static>(
    text: String,
    kind: TableKind<T>,
    exchange: Exchange,
) -> (Vec<T>, Vec<Quarantined>, u64) {
    let source = Source::from_reader("t.csv", Cursor::new(text));
    let pages: Vec<_> = TableFile::open(source, kind).unwrap().pages(exchange).map(Result::unwrap).collect();
    let rows = pages.iter().flat_map(|page| page.rows.iter().map(|row| row.value.clone())).collect();
    let bad = pages.iter().flat_map(|page| page.quarantine.clone()).collect();
    (rows, bad, pages.iter().map(|page| page.duplicates).sum())
}

fn us_actions() -> Option<Vec<CorporateAction>> {
    let mut text = "date,symbol,kind,amount,ratio\n".to_owned();
    for row in lines("market/us_actions_2015_2017.csv")? {
        let (date, symbol) = (&row["ex_date"], &row["symbol"]);
        text += &match row["kind"].as_str() {
            "dividend" => format!("{date},{symbol},dividend,{},\n", row["cash_equiv"]),
            _ => format!("{date},{symbol},split,,1:{}\n", row["factor"]),
        };
    }
    let (rows, bad, duplicates) = table(text, ACTIONS, Exchange::Xnys);
    // Three dividends of 2015-04-06 are there twice.
    assert_eq!((rows.len(), bad.len(), duplicates), (3_064, 0, 3));
    Some(rows)
}

fn of(actions: &[CorporateAction], id: InstrumentId) -> Vec<CorporateAction> {
    actions.iter().filter(|action| action.instrument == id).cloned().collect()
}

/// The largest step of restated closes around a day, as a share.
fn step_at(bars: &[DailyBar], actions: &[CorporateAction], day: NaiveDate) -> f64 {
    let factors = factors(bars, actions, Basis::Raw, Adjust::Total).unwrap();
    let closes: Vec<f64> = bars.iter().zip(&factors).map(|(bar, f)| bar.close.to_f64() * f.price).collect();
    let at = bars.partition_point(|bar| bar.session < day);
    let around = closes[at.saturating_sub(4)..(at + 4).min(closes.len())].windows(2);
    around.map(|pair| (pair[1] / pair[0] - 1.0).abs()).fold(0.0, f64::max)
}

#[test]
fn raw_prices_and_actions_give_continuous_series_with_each_split_once() {
    let Some(actions) = us_actions() else { return };
    let Some(path) = shared("market/us_daily_raw_2015_2017.csv.zst") else { return };
    let series = import(&path, Exchange::Xnys).series();
    let splits: Vec<&CorporateAction> =
        actions.iter().filter(|action| matches!(action.kind, ActionKind::Split(_))).collect();
    assert_eq!((splits.len(), actions.len() - splits.len()), (25, 3_039));
    let mut gone = Vec::new();
    for split in splits {
        let bars = &series[&split.instrument];
        let all = of(&actions, split.instrument);
        let twice: Vec<CorporateAction> = told_twice(bars, &all).into_iter().cloned().collect();
        let kept: Vec<CorporateAction> = all.into_iter().filter(|action| !twice.contains(action)).collect();
        gone.extend(twice.iter().map(|action| format!("{} {}", action.instrument.symbol, action.date)));
        let step = step_at(bars, &kept, split.date);
        // NFLX rose by 18 % on the news of the days after its split.
        assert!(step < 0.20, "{} {}: {step}", split.instrument.symbol, split.date);
    }
    // Told on two days, both found once for each of its two splits looked at.
    assert_eq!(gone, ["NFLX 2015-07-14", "NFLX 2015-07-14"]);
    let id = "NFLX.XNYS".parse().unwrap();
    let factor = factors(&series[&id], &of(&actions, id), Basis::Raw, Adjust::Split).unwrap()[0].price;
    assert!((factor * 49.0 - 1.0).abs() < 1e-3, "told twice it counts twice: {factor}");
    for (symbol, day, ratio) in
        [("ICE", "2016-11-04", 5.0), ("MNST", "2016-11-10", 3.0), ("NKE", "2015-12-24", 2.0)]
    {
        let id = format!("{symbol}.XNYS").parse().unwrap();
        let factors = factors(&series[&id], &of(&actions, id), Basis::Raw, Adjust::Split).unwrap();
        let at = series[&id].partition_point(|bar| bar.session < day.parse().unwrap());
        assert!((factors[at].price / factors[at - 1].price / ratio - 1.0).abs() < 1e-3, "{symbol}");
    }
}

/// Bars by instrument, actions, and the told adjusted close by symbol and date.
type Wiki = (BTreeMap<InstrumentId, Vec<DailyBar>>, Vec<CorporateAction>, BTreeMap<(String, String), f64>);

/// The raw bars and actions of `wiki_with_actions`, and what it says its adjusted closes are.
fn wiki() -> Option<Wiki> {
    let file = "market/wiki_with_actions_2015_2017.csv";
    let outcome = import(&shared(file)?, Exchange::Xnys);
    assert_eq!((outcome.report.read, outcome.report.quarantined), (3_634, 0));
    assert_eq!(outcome.report.ignored_columns.len(), 7);
    let mut text = "date,symbol,kind,amount,ratio\n".to_owned();
    let mut adjusted = BTreeMap::new();
    for row in lines(file)? {
        let (date, symbol) = (&row["date"], &row["symbol"]);
        if row["ex_dividend"] != "0.0" {
            text += &format!("{date},{symbol},dividend,{},\n", row["ex_dividend"]);
        }
        if row["split_ratio"] != "1.0" {
            text += &format!("{date},{symbol},split,,{}\n", row["split_ratio"]);
        }
        adjusted.insert((symbol.clone(), date.clone()), row["adj_close"].parse().unwrap());
    }
    let (actions, bad, _) = table(text, ACTIONS, Exchange::Xnys);
    assert!(bad.is_empty());
    Some((outcome.series(), actions, adjusted))
}

#[test]
fn our_formula_gives_the_adjusted_closes_of_wiki_prices() {
    let Some((series, actions, adjusted)) = wiki() else { return };
    let (mut rows, mut worst, mut worst_yahoo) = (0, 0.0_f64, 0.0_f64);
    for (id, bars) in &series {
        let own = of(&actions, *id);
        let factors = factors(bars, &own, Basis::Raw, Adjust::Total).unwrap();
        let told = |bar: &DailyBar| adjusted[&(id.symbol.to_string(), bar.session.to_string())];
        // The file's last factor carries what came after it.
        let later = told(bars.last().unwrap()) / bars.last().unwrap().close.to_f64();
        let mut yahoo = 1.0;
        let mut by_yahoo = vec![1.0; bars.len()];
        for index in (1..bars.len()).rev() {
            by_yahoo[index] = yahoo;
            for action in own.iter().filter(|action| action.date == bars[index].session) {
                yahoo *= match action.kind {
                    ActionKind::Dividend { amount, .. } => {
                        1.0 - amount.to_f64() / bars[index - 1].close.to_f64()
                    }
                    ActionKind::Split(ratio) => ratio.old.to_f64() / ratio.new.to_f64(),
                };
            }
        }
        by_yahoo[0] = yahoo;
        for ((bar, factor), other) in bars.iter().zip(&factors).zip(by_yahoo) {
            let (ours, told) = (bar.close.to_f64() * factor.price * later, told(bar));
            worst = worst.max((ours / told - 1.0).abs());
            worst_yahoo = worst_yahoo.max((other / factor.price - 1.0).abs());
            rows += 1;
        }
    }
    assert_eq!(rows, 3_634);
    assert!(worst < 1e-12, "{worst:e}");
    // The convention of Yahoo and CRSP is another: the two must not be mixed.
    assert!((1e-5..1e-3).contains(&worst_yahoo), "{worst_yahoo:e}");
}

#[test]
fn filings_become_figures_known_from_the_day_they_were_seen() {
    let Some(rows) = lines("market/us_filings_2015_2017.csv.zst") else { return };
    assert_eq!(rows.len(), 3_661);
    let fields = ["revenues", "op_income", "net_income", "eps_diluted", "assets", "equity", "cash_flow_op"];
    let mut text = "known_at,period_end,symbol,field,value\n".to_owned();
    let mut given = 0;
    for row in &rows {
        for field in fields.into_iter().filter(|field| !row[*field].is_empty()) {
            given += 1;
            text += &format!(
                "{},{},{},{field},{}\n",
                row["collected"], row["end_date"], row["symbol"], row[field]
            );
        }
    }
    let (figures, bad, duplicates) = table(text, FUNDAMENTALS, Exchange::Xnys);
    assert_eq!(figures.len() + bad.len() + duplicates as usize, given);
    assert!(bad.iter().all(|row| row.reason.code() == "DUPLICATE_KEY"), "{:?}", bad.first());
    let empty = rows.iter().filter(|row| row["op_income"].is_empty()).count() as f64 / rows.len() as f64;
    assert!((empty - 0.24).abs() < 0.01, "{empty}");
    // Nothing is known before its period has ended.
    assert!(figures.iter().all(|figure| figure.known_at > figure.period_end));
    let first: NaiveDate = "2015-03-23".parse().unwrap();
    assert_eq!(figures.iter().map(|figure| figure.known_at).min(), Some(first));
}

#[test]
fn snapshots_of_fundamentals_know_both_forms_of_a_class_of_shares() {
    let Some(rows) = lines("market/us_fundamentals_snapshots.csv.zst") else { return };
    assert_eq!(rows.len(), 10_506);
    let mut text = "known_at,period_end,symbol,field,value\n".to_owned();
    for row in &rows {
        for field in ["pe", "eps", "pb", "market_cap_bn"].into_iter().filter(|field| !row[*field].is_empty())
        {
            text += &format!("{0},{0},{1},{field},{2}\n", row["as_of"], row["symbol"], row[field]);
        }
    }
    let (figures, bad, _) = table(text, FUNDAMENTALS, Exchange::Xnys);
    // Six rows of LYB are a column short and end in a web address.
    let kinds: Vec<_> = bad.iter().map(|row| (row.symbol.as_str(), row.reason.code())).collect();
    assert_eq!(kinds, [("LYB", "BAD_NUMBER"); 6]);
    let written: BTreeSet<&str> =
        rows.iter().map(|row| row["symbol"].as_str()).filter(|symbol| symbol.starts_with("BRK")).collect();
    assert_eq!(written, BTreeSet::from(["BRK-B", "BRK.B"]));
    let read: BTreeSet<&str> = figures
        .iter()
        .map(|figure| figure.instrument.symbol.as_str())
        .filter(|symbol| symbol.starts_with("BRK") || symbol.starts_with("BF"))
        .collect();
    assert_eq!(read, BTreeSet::from(["BF.B", "BRK.B"]));
    let days: BTreeSet<NaiveDate> = figures.iter().map(|figure| figure.known_at).collect();
    assert!(days.len() <= 21 && days.iter().all(|day| *day <= "2017-03-08".parse().unwrap()));
}

#[test]
fn a_universe_of_2013_holds_nobody_who_joined_later() {
    let Some(rows) = lines("market/us_membership.csv") else { return };
    let mut text = "universe,symbol,from,to\n".to_owned();
    for row in &rows {
        let to = if row["still_member_at_end"] == "1" { "" } else { &row["last_snapshot"] };
        text += &format!("us500,{},{},{to}\n", row["symbol"], row["first_snapshot"]);
    }
    let (members, bad, duplicates) = table(text, UNIVERSE, Exchange::Xnys);
    assert_eq!((members.len(), duplicates), (850, 0));
    // Two rows have a name where the symbol should be.
    let named: Vec<_> = bad.iter().map(|row| (row.symbol.as_str(), row.reason.code())).collect();
    assert_eq!(named, [("American Airlines Group", "BAD_SYMBOL"), ("RVTY (Previously PKI)", "BAD_SYMBOL")]);
    let on = |day: &str| -> BTreeSet<String> {
        let day: NaiveDate = day.parse().unwrap();
        let inside = members.iter().filter(|m| m.from <= day && m.to.is_none_or(|to| day <= to));
        inside.map(|m| m.instrument.symbol.to_string()).collect()
    };
    let (early, late) = (on("2013-06-03"), on("2018-02-07"));
    assert!((470..=510).contains(&early.len()), "{}", early.len());
    let joined: Vec<&String> = late.difference(&early).collect();
    assert!(joined.len() > 80 && ["FB", "PYPL", "KHC"].iter().all(|symbol| !early.contains(*symbol)));
}

/// A date written as 31/12/2018.
fn iso(text: &str) -> String {
    let parts: Vec<u32> = text.trim().split('/').map(|part| part.parse().unwrap()).collect();
    format!("{}-{:02}-{:02}", parts[2], parts[1], parts[0])
}

#[test]
fn australian_renames_and_delistings_are_read() {
    let mut renames = "from,old,new,name\n".to_owned();
    let mut gone = "date,symbol,reason\n".to_owned();
    for year in [2018, 2019] {
        let Some(path) = shared(&format!("market/asx_changed_name_{year}.csv")) else { return };
        for line in std::fs::read_to_string(path).unwrap().lines().skip(1) {
            let mut fields = record::Fields::default();
            fields.split(line).unwrap();
            let fields: Vec<&str> = fields.iter().map(str::trim).collect();
            renames += &format!("{},{},{},\"{}\"\n", iso(fields[0]), fields[1], fields[3], fields[4]);
        }
        for row in lines(&format!("market/asx_delisted_{year}.csv")).unwrap() {
            let day = iso(&row["Date Delisted*"]);
            gone += &format!("{day},{},\"{}\"\n", row["ASX code"].trim(), row["Reason"].replace('"', ""));
        }
    }
    let (renames, bad, _) = table(renames, RENAMES, Exchange::Xasx);
    assert_eq!((renames.len(), bad), (225, vec![]));
    let moved = renames.iter().filter(|rename| rename.old != rename.new).count();
    assert_eq!(moved, 162);
    let alx = renames.iter().find(|rename| rename.old.as_str() == "MQA").unwrap();
    let name = CleanText::new("Atlas Arteria");
    assert_eq!((alx.new.as_str(), alx.from.to_string(), &alx.name), ("ALX", "2018-05-28".to_owned(), &name));
    let (gone, bad, _) = table(gone, DELISTINGS, Exchange::Xasx);
    assert_eq!((gone.len(), bad), (209, vec![]));
    let path = shared("market/asx_daily_2018_2019.csv.zst").unwrap();
    let series = import(&path, Exchange::Xasx).series();
    // Nobody trades after the day of removal, and the new symbol begins on the day of the rename.
    for delisting in &gone {
        let last = series.get(&delisting.instrument).and_then(|bars| bars.last());
        assert!(last.is_none_or(|bar| bar.session <= delisting.day), "{delisting:?}");
    }
    assert_eq!(series[&"ALX.XASX".parse().unwrap()][0].session, alx.from);
}
