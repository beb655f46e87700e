//! Faulty histories as Yahoo serves them, through a reply on loopback: what is stored is what the pairs of `market/repair`
//! say, the original is kept, and the rule is named. The pairs are of many exchanges; their rows are put on the sessions
//! of one, in their order.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use qlib_pro::domain::Exchange;
use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::market::ActionKind;
use qlib_pro::domain::vendor::VendorId;
use qlib_pro::store::market::MarketReader;
use serde_json::{Map, Value, json};

use super::rig::{Rig, TO, day, id};
use super::server::Canned;
use super::support::shared_data;

/// How far a stored figure may be from the pair's, as a share: single precision, and what is rounded off with splits.
const TOLERANCE: f64 = 1e-4;

/// One row of a pair: its session here, and its figures.
struct Row {
    session: NaiveDate,
    open_seconds: i64,
    figures: BTreeMap<String, f64>,
}

impl Row {
    fn get(&self, column: &str) -> f64 {
        self.figures.get(column).copied().unwrap_or(0.0)
    }
}

/// The rows with prices of a file, oldest first, on the last sessions up to [`TO`].
fn load(name: &str) -> Option<Vec<Row>> {
    let text = std::fs::read_to_string(shared_data()?.join(format!("market/repair/{name}.csv"))).unwrap();
    let mut lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let header = lines.remove(0);
    lines.sort_by_key(|line| line[0]);
    let figures = |line: &Vec<&str>| -> BTreeMap<String, f64> {
        let known = header.iter().zip(line).skip(1);
        known.filter_map(|(column, text)| Some(((*column).to_owned(), text.parse().ok()?))).collect()
    };
    let rows: Vec<_> = lines.iter().map(figures).filter(|row| row.contains_key("Open")).collect();
    let calendars = Calendars::bundled().unwrap();
    let sessions = calendars.of(Exchange::Xnys).sessions_between(day("2010-01-04"), day(TO)).to_vec();
    let sessions = sessions[sessions.len() - rows.len()..].iter();
    let row = |(figures, session): (_, &qlib_pro::domain::calendar::Session)| Row {
        session: session.date,
        open_seconds: session.open.nanos() / 1_000_000_000,
        figures,
    };
    Some(rows.into_iter().zip(sessions).map(row).collect())
}

/// The rows as a chart.
fn chart(symbol: &str, rows: &[Row]) -> Canned {
    let column = |name: &str| -> Vec<Value> { rows.iter().map(|row| json!(row.figures.get(name))).collect() };
    let volumes: Vec<Value> = rows.iter().map(|row| json!(row.get("Volume") as u64)).collect();
    let events = |name: &str, told: fn(i64, f64) -> Value| {
        let rows = rows.iter().filter(|row| row.get(name) != 0.0);
        let told = rows.map(|row| (row.open_seconds.to_string(), told(row.open_seconds, row.get(name))));
        Value::Object(told.collect::<Map<_, _>>())
    };
    let amount = |at: i64, amount: f64| json!({ "date": at, "amount": amount });
    let result = json!({
        "meta": { "currency": "USD", "symbol": symbol, "exchangeTimezoneName": "America/New_York", "priceHint": 2,
            "dataGranularity": "1d" },
        "timestamp": rows.iter().map(|row| row.open_seconds).collect::<Vec<_>>(),
        "events": {
            "dividends": events("Dividends", amount),
            "capitalGains": events("Capital Gains", amount),
            "splits": events("Stock Splits", |at, ratio| json!({ "date": at, "numerator": ratio, "denominator": 1 })),
        },
        "indicators": {
            "quote": [{ "open": column("Open"), "high": column("High"), "low": column("Low"), "close": column("Close"),
                "volume": volumes }],
            "adjclose": [{ "adjclose": column("Adj Close") }],
        },
    });
    Canned::json(&json!({ "chart": { "result": [result], "error": null } }))
}

fn close_to(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

/// Syncs a faulty history and holds what is stored against the fixed one; the rules that were used, with their number.
fn rules_of(rig: &Rig, symbol: &str, name: &str) -> Option<BTreeMap<String, usize>> {
    let (faulty, fixed) = (load(name)?, load(&format!("{name}-fixed"))?);
    Some(stored_rules(rig, symbol, name, (&faulty, &fixed)))
}

fn stored_rules(
    rig: &Rig,
    symbol: &str,
    name: &str,
    (faulty, fixed): (&[Row], &[Row]),
) -> BTreeMap<String, usize> {
    let (first, answer) = (faulty[0].session.to_string(), chart(symbol, faulty));
    let path = format!("/v8/finance/chart/{symbol}");
    rig.server.set_maker(Arc::new(move |seen| (seen.path == path).then(|| answer.clone())));
    let report = rig.sync_between(Some(VendorId::Yahoo), &[&format!("{symbol}.XNYS")], &first, TO);
    assert!(report.rows.iter().all(|row| row.stored > 0), "{name}: {:?}", report.rows);

    let instrument = id(&format!("{symbol}.XNYS"));
    let reader = MarketReader::open(rig.home()).unwrap();
    let bars = reader.bars(instrument, Some("yahoo"), NaiveDate::MIN, NaiveDate::MAX).unwrap().unwrap().bars;
    let of = |session: NaiveDate| fixed.iter().find(|row| row.session == session).unwrap();
    for bar in &bars {
        let row = of(bar.session);
        assert!(close_to(bar.close.to_f64(), row.get("Close")), "{name}: {bar:?} {}", row.get("Close"));
    }
    let splits_after = |date: NaiveDate| -> f64 {
        let later = fixed.iter().filter(|row| row.session > date && row.get("Stock Splits") != 0.0);
        later.map(|row| row.get("Stock Splits")).product()
    };
    let mut paid: Vec<(NaiveDate, f64)> = Vec::new();
    for (action, _) in reader.actions_of(instrument).unwrap() {
        if let ActionKind::Dividend { amount, .. } = action.kind {
            paid.push((action.date, amount.to_f64()));
        }
    }
    paid.sort_by_key(|(date, _)| *date);
    let wanted: Vec<(NaiveDate, f64)> = fixed
        .iter()
        .filter(|row| row.get("Dividends") != 0.0)
        .map(|row| (row.session, row.get("Dividends") * splits_after(row.session)))
        .collect();
    assert_eq!(paid.len(), wanted.len(), "{name}: {paid:?} {wanted:?}");
    for ((date, amount), (on, money)) in paid.iter().zip(&wanted) {
        assert!(date == on && close_to(*amount, *money), "{name}: {date} {amount}, {on} {money}");
    }
    let mut rules = BTreeMap::new();
    for repair in reader.repairs(Some(instrument), 1_000).unwrap() {
        assert!(!repair.before.is_empty() && !repair.after.is_empty(), "{name}: {repair:?}");
        *rules.entry(repair.rule.to_string()).or_insert(0) += 1;
    }
    rules
}

/// Name, its pair, and how often which rule is named.
type Pair = (&'static str, &'static str, &'static [(&'static str, usize)]);

#[test]
fn a_faulty_reply_is_stored_as_its_pair_says_and_the_rule_is_named() {
    let rig = Rig::new();
    let pairs: &[Pair] = &[
        ("HKBK", "1398-HK-1d-bad-div", &[("missing_adjustment", 1)]),
        ("SHIN", "4063-T-1d-bad-div", &[("dividend_split", 1)]),
        ("TRAT", "8TRA-DE-1d-missing-div-adjust", &[("missing_adjustment", 1)]),
        ("ALPH", "ALPHA-PA-1d-bad-stock-split", &[("split_glitch", 1)]),
        ("DODG", "DODFX-1d-cg-double-count", &[("doubled_gain", 1)]),
        ("JENS", "JENYX-1d-cg-double-count", &[("doubled_gain", 5)]),
        ("KENO", "KEN-TA-1d-bad-div", &[("doubled_dividend", 2), ("missing_adjustment", 1)]),
        ("SPMI", "SPM-MI-1d-bad-stock-split", &[("split_glitch", 13)]),
        ("VANG", "VWILX-1d-cg-double-count", &[("doubled_gain", 2)]),
    ];
    let mut failed = Vec::new();
    for (symbol, name, rules) in pairs {
        let Some(seen) = rules_of(&rig, symbol, name) else { return };
        let wanted: BTreeMap<String, usize> =
            rules.iter().map(|(rule, n)| ((*rule).to_owned(), *n)).collect();
        if seen != wanted {
            failed.push(format!("{name}: {seen:?}"));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_clean_reply_is_stored_as_it_came() {
    let rig = Rig::new();
    for (symbol, name) in [("CALM", "CALM-1d-no-bad-divs"), ("EWGX", "EWG-1d-no-bad-divs")] {
        let Some(rows) = load(name) else { return };
        assert_eq!(stored_rules(&rig, symbol, name, (&rows, &rows)), BTreeMap::new(), "{name}");
    }
}
