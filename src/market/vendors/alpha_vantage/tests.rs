use serde_json::Value;

use super::*;
use crate::domain::market::ActionKind;
use crate::market::vendors::recorded::*;

const LATER: &str = "2026-11-20T12:00:00Z";
const ENDLESS: (&str, &str) = ("1990-01-01", "2026-11-20");
/// Every file, and the test that reads it.
const FILES: [&str; 26] = [
    "balance_sheet_IBM.json",
    "currency_exchange_rate_BTC_CNY.json",
    "earnings_IBM.json",
    "global_quote_MSFT.json",
    "handmade/daily_QVEX.csv",
    "handmade/daily_adjusted_QVEX_split.json",
    "handmade/error_bad_key.json",
    "handmade/error_burst.json",
    "handmade/error_daily_quota.json",
    "handmade/error_invalid_call.json",
    "handmade/error_note_legacy.json",
    "handmade/error_premium.json",
    "handmade/expected/daily_adjusted_QVEX_split.json",
    "handmade/global_quote_unknown_symbol.json",
    "handmade/news_sentiment_AAPL.json",
    "handmade/overview_unknown_symbol.json",
    "income_statement_IBM.json",
    "overview_IBM.json",
    "realtime_bulk_quotes_premium_notice.json",
    "sma_MSFT_15min.json",
    "symbol_search_BA.json",
    "time_series_daily_IBM.json",
    "time_series_daily_adjusted_IBM.json",
    "time_series_intraday_MSFT_1min.json",
    "time_series_intraday_extended.csv",
    "time_series_weekly_adjusted_IBM.json",
];

fn vendor() -> AlphaVantage {
    AlphaVantage::new(Calendars::bundled().unwrap())
}

fn file(name: &str) -> Option<Recorded> {
    recorded(&format!("alphavantage/{name}"))
}

fn instrument(symbol: &str) -> InstrumentId {
    format!("{symbol}.XNYS").parse().unwrap()
}

fn daily(symbol: &str) -> Ask {
    let (from, to) = (ENDLESS.0.parse().unwrap(), ENDLESS.1.parse().unwrap());
    Ask::Daily { instrument: instrument(symbol), from, to }
}

fn minutes_of(symbol: &str) -> Ask {
    let (from, to) = (ENDLESS.0.parse().unwrap(), ENDLESS.1.parse().unwrap());
    Ask::Minutes { instrument: instrument(symbol), from, to }
}

fn splits(symbol: &str) -> Ask {
    let (from, to) = (ENDLESS.0.parse().unwrap(), ENDLESS.1.parse().unwrap());
    Ask::Splits { instrument: instrument(symbol), from, to }
}

fn body(text: &str) -> Recorded {
    Recorded { status: 200, content_type: "application/json".to_owned(), body: text.as_bytes().to_vec() }
}

fn json(recorded: &Recorded) -> Value {
    serde_json::from_slice(&recorded.body).unwrap()
}

#[test]
fn every_file_is_named_here() {
    assert_eq!(not_named("alphavantage", &FILES), Vec::<String>::new());
}

#[test]
fn daily_bars_are_raw_and_todays_is_partial() {
    let Some(recorded) = file("time_series_daily_IBM.json") else { return };
    let (found, rejected) = series(read(&vendor(), &daily("IBM"), "2020-05-08T18:07:03Z", &recorded));
    assert_eq!((found.basis, rejected.len()), (crate::domain::market::Basis::Raw, 0));
    assert_eq!((found.bars.len(), found.bars[0].close.to_string()), (1, "121.23".to_owned()));
    let partial = found.partial.unwrap();
    assert_eq!(
        (partial.session.to_string(), partial.volume.to_string()),
        ("2020-05-08".into(), "2538547".into())
    );
    let (found, _) = series(read(&vendor(), &daily("IBM"), LATER, &recorded));
    assert_eq!((found.bars.len(), found.partial), (2, None));
}

#[test]
fn adjusted_rows_give_raw_bars_and_events() {
    let Some(recorded) = file("handmade/daily_adjusted_QVEX_split.json") else { return };
    let want = expected("alphavantage/handmade/expected/daily_adjusted_QVEX_split.json");
    let (found, rejected) = series(read(&vendor(), &daily("QVEX"), LATER, &recorded));
    assert_bars(&found, &want);
    assert!(rejected.is_empty());
    let events = actions(read(&vendor(), &splits("QVEX"), LATER, &recorded));
    let told: Vec<String> = events.iter().map(|e| format!("{} {}", e.date, told(e.kind))).collect();
    assert_eq!(told, ["2024-05-09 dividend 0.22", "2024-05-16 split 4:1"]);
    assert_eq!(want["events"].as_array().unwrap().len(), 2);
    let Some(recorded) = file("time_series_daily_adjusted_IBM.json") else { return };
    let (found, _) = series(read(&vendor(), &daily("IBM"), LATER, &recorded));
    let last = found.bars.last().unwrap();
    assert_eq!((last.close.to_string(), last.volume.to_string()), ("121.805".into(), "2542577".into()));
    let paid = actions(read(&vendor(), &splits("IBM"), LATER, &recorded));
    assert_eq!(told_all(&paid), ["2020-05-07 dividend 1.63"]);
}

fn told(kind: ActionKind) -> String {
    match kind {
        ActionKind::Split(ratio) => format!("split {}:{}", ratio.new, ratio.old),
        ActionKind::Dividend { amount, .. } => format!("dividend {amount}"),
    }
}

fn told_all(events: &[crate::domain::market::CorporateAction]) -> Vec<String> {
    events.iter().map(|e| format!("{} {}", e.date, told(e.kind))).collect()
}

#[test]
fn split_coefficients_of_four_digits_mean_whole_shares() {
    let row = |coefficient: &str| {
        let text = format!(
            r#"{{"Meta Data":{{"2. Symbol":"BRK.B"}},"Time Series (Daily)":{{"2024-05-16":{{"7. dividend amount":"0","8. split coefficient":"{coefficient}"}}}}}}"#
        );
        match read(&vendor(), &splits("BRK.B"), LATER, &body(&text)) {
            Reply::Empty => "none".to_owned(),
            reply => told(actions(reply)[0].kind),
        }
    };
    let cases = ["4.0", "0.3333", "0.125", "1.5", "1.0000", "0", "-2", "NaN"];
    let wanted = ["split 4:1", "split 1:3", "split 1:8", "split 1.5:1", "none", "none", "none", "none"];
    assert_eq!(cases.map(row), wanted);
}

#[test]
fn csv_is_read_as_csv_and_a_notice_in_its_place_is_a_notice() {
    let Some(recorded) = file("handmade/daily_QVEX.csv") else { return };
    let (found, rejected) = series(read(&vendor(), &daily("QVEX"), LATER, &recorded));
    let text = String::from_utf8(recorded.body).unwrap();
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.reverse();
    assert_eq!((found.bars.len(), rejected.len()), (rows.len(), 0));
    for (bar, row) in found.bars.iter().zip(rows) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!((bar.session.to_string().as_str(), bar.volume.to_string().as_str()), (cells[0], cells[5]));
        assert_eq!(bar.open, cells[1].parse().unwrap());
        assert_eq!(bar.close, cells[4].parse().unwrap());
    }
    let notice = read(&vendor(), &daily("QVEX"), LATER, &file("handmade/error_daily_quota.json").unwrap());
    assert!(matches!(notice, Reply::QuotaSpent { .. }));
}

#[test]
fn minutes_are_new_york_time_and_go_on_by_month() {
    let Some(recorded) = file("time_series_intraday_MSFT_1min.json") else { return };
    let ask = minutes_of("MSFT");
    let found = minutes(read(&vendor(), &ask, LATER, &recorded));
    let source = json(&recorded);
    let rows = source["Time Series (1min)"].as_object().unwrap();
    assert_eq!(found.bars.len(), rows.len());
    assert_eq!(found.bars.last().unwrap().from.to_string(), "2017-12-18T19:56:00Z");
    assert_eq!(found.bars.last().unwrap().volume.to_string(), "10494");
    let next = page(read(&vendor(), &ask, LATER, &recorded)).next.unwrap();
    let month = next.query.iter().find(|(name, _)| name == "month").unwrap();
    assert_eq!((month.1.as_str(), next.page), ("1990-02", 1));
    let csv = file("time_series_intraday_extended.csv").unwrap();
    let found = page(read(&vendor(), &ask, LATER, &csv));
    let Payload::Minutes(bars) = found.payload else { panic!() };
    let lines = String::from_utf8(csv.body).unwrap().lines().count() - 1;
    assert_eq!((bars.bars.len(), found.rejected.len()), (lines, 0));
}

#[test]
fn a_quote_is_as_old_as_its_trading_day() {
    let Some(recorded) = file("global_quote_MSFT.json") else { return };
    let ask = Ask::Quotes(vec![instrument("MSFT")]);
    let found = quotes(read(&vendor(), &ask, LATER, &recorded));
    let quote = &found[0];
    assert_eq!(quote.last.unwrap().to_string(), "112.13");
    assert_eq!(quote.previous_close.unwrap().to_string(), "112.79");
    assert_eq!(quote.time.unwrap().to_string(), "2018-10-05T20:00:00Z");
    let within = quotes(read(&vendor(), &ask, "2018-10-05T15:00:00Z", &recorded));
    assert_eq!(within[0].time, None);
    let unknown = file("handmade/global_quote_unknown_symbol.json").unwrap();
    assert_eq!(read(&vendor(), &ask, LATER, &unknown), Reply::NotFound);
    let two = Ask::Quotes(vec![instrument("MSFT"), "BHP.XASX".parse().unwrap(), instrument("BRK.B")]);
    let next = page(read(&vendor(), &two, LATER, &recorded)).next.unwrap();
    assert_eq!(next.query[1], ("symbol".to_owned(), "BRK-B".to_owned()));
}

#[test]
fn figures_are_known_when_reported_or_fetched_and_never_before() {
    let Some(recorded) = file("overview_IBM.json") else { return };
    let ask = Ask::Fundamentals(instrument("IBM"));
    let found = facts(read(&vendor(), &ask, LATER, &recorded));
    let of = |field: &str| found.iter().find(|f| f.field.as_str() == field).unwrap();
    assert_eq!((of("eps").value, of("book_value").value, of("sales").value), (8.811, 23.076, 85.058));
    assert_eq!((of("shares").value, of("ev_to_ebitda").value), (890_579_008.0, 11.0349));
    assert_eq!(
        (of("eps").known_at.to_string(), of("eps").period_end.to_string()),
        ("2026-11-20".into(), "2020-06-30".into())
    );
    assert_eq!(found.len(), 20);
    let unknown = file("handmade/overview_unknown_symbol.json").unwrap();
    assert_eq!(read(&vendor(), &ask, LATER, &unknown), Reply::NotFound);
}

/// The answer of a later function of the chain that figures are.
fn later(function: &str, recorded: &Recorded) -> Page {
    let (vendor, ask) = (vendor(), Ask::Fundamentals(instrument("IBM")));
    let call = of_symbol(function, instrument("IBM"));
    let now = time(LATER);
    let Recorded { status, content_type, body } = recorded;
    let response = Response { status: *status, retry_after: None, remaining: None, content_type, body, now };
    page(vendor.read(&ask, &call, &response))
}

#[test]
fn reports_follow_one_another_and_keep_their_names() {
    let Some(recorded) = file("earnings_IBM.json") else { return };
    let found = later("EARNINGS", &recorded);
    let Payload::Facts(rows) = found.payload else { panic!() };
    let told: Vec<String> =
        rows.iter().map(|f| format!("{} {} {} {}", f.field, f.period_end, f.known_at, f.value)).collect();
    let wanted = [
        "annual_reported_eps 2020-12-31 2026-11-20 8.67",
        "quarterly_reported_eps 2020-09-30 2020-10-19 2.58",
        "quarterly_reported_eps 2020-06-30 2020-07-20 2.18",
        "quarterly_reported_eps 2020-03-31 2020-04-20 1.84",
    ];
    assert_eq!(told, wanted);
    let calls = [
        found.next.unwrap(),
        later("INCOME_STATEMENT", &file("income_statement_IBM.json").unwrap()).next.unwrap(),
    ];
    assert_eq!(calls.map(|call| call.query[0].1.clone()), ["INCOME_STATEMENT", "BALANCE_SHEET"]);
    for (function, name) in
        [("INCOME_STATEMENT", "income_statement_IBM.json"), ("BALANCE_SHEET", "balance_sheet_IBM.json")]
    {
        let recorded = file(name).unwrap();
        let Payload::Facts(rows) = later(function, &recorded).payload else { panic!() };
        let source = json(&recorded);
        let mut wanted = 0;
        for (key, span) in [("annualReports", "annual"), ("quarterlyReports", "quarterly")] {
            for report in source[key].as_array().unwrap() {
                let numbers = report.as_object().unwrap().values();
                wanted += numbers.filter(|v| v.as_str().unwrap().parse::<f64>().is_ok()).count();
                let total = if function == "BALANCE_SHEET" { "totalAssets" } else { "totalRevenue" };
                let field = format!(
                    "{span}_total_{}",
                    if function == "BALANCE_SHEET" { "assets" } else { "revenue" }
                );
                let end = report["fiscalDateEnding"].as_str().unwrap();
                let row = rows.iter().find(|f| f.field.as_str() == field && f.period_end.to_string() == end);
                assert_eq!(
                    row.map(|f| f.value),
                    report[total].as_str().unwrap().parse().ok(),
                    "{field} {end}"
                );
            }
        }
        assert_eq!(rows.len(), wanted, "{name}");
        assert!(rows.iter().all(|f| f.known_at.to_string() == "2026-11-20"));
    }
}

#[test]
fn headlines_have_the_tone_towards_the_instrument_asked_for() {
    let Some(recorded) = file("handmade/news_sentiment_AAPL.json") else { return };
    let since = time("2024-01-01T00:00:00Z");
    let ask =
        |symbols: &[&str]| Ask::News { instruments: symbols.iter().map(|s| instrument(s)).collect(), since };
    let found = news(read(&vendor(), &ask(&["AAPL"]), LATER, &recorded));
    let told: Vec<String> = found
        .iter()
        .map(|n| {
            format!("{} {} {} {:?}", n.headline.time, n.headline.instrument, n.headline.headline, n.tone)
        })
        .collect();
    let wanted = [
        "2024-01-14T21:30:00Z AAPL.XNYS Sample headline 2 Some(-0.18)",
        "2024-01-15T09:30:00Z AAPL.XNYS Sample headline 1 Some(0.41)",
    ];
    assert_eq!(told, wanted);
    assert_eq!(news(read(&vendor(), &ask(&["AAPL", "MSFT"]), LATER, &recorded)).len(), 3);
    assert_eq!(read(&vendor(), &ask(&["IBM"]), LATER, &recorded), Reply::Empty);
    let call = vendor().call(&ask(&["AAPL", "MSFT"]), since).unwrap();
    assert!(call.query.iter().all(|(name, _)| name != "tickers"), "tickers would have to be in one headline");
}

#[test]
fn a_full_page_of_headlines_goes_on_where_it_ends() {
    let item = r#"{"title":"T","time_published":"20240115T093000","source":"S","ticker_sentiment":[{"ticker":"AAPL"}]}"#;
    let text = format!(r#"{{"items":"1000","feed":[{}]}}"#, vec![item; NEWS_LIMIT].join(","));
    let ask = Ask::News { instruments: vec![instrument("AAPL")], since: time("2024-01-01T00:00:00Z") };
    let next = page(read(&vendor(), &ask, LATER, &body(&text))).next.unwrap();
    assert!(next.query.contains(&("time_from".to_owned(), "20240115T0930".to_owned())), "{next:?}");
    assert_eq!(next.page, 1);
}

#[test]
fn search_knows_which_are_ours() {
    let Some(recorded) = file("symbol_search_BA.json") else { return };
    let found = listings(read(&vendor(), &Ask::Search("BA".into()), LATER, &recorded));
    assert_eq!(found.len(), json(&recorded)["bestMatches"].as_array().unwrap().len());
    assert_eq!((found[0].symbol.as_str(), found[0].exchange), ("BA", Some(Exchange::Xnys)));
    assert!(found.iter().any(|listing| listing.exchange.is_none()));
}

#[test]
fn notices_are_told_apart_and_never_repeat_a_key() {
    if file("handmade/error_burst.json").is_none() {
        return;
    }
    let now = "2024-03-08T18:00:00Z";
    let class = |name: &str| read(&vendor(), &daily("IBM"), now, &file(name).unwrap());
    let Reply::RateLimited { until, .. } = class("handmade/error_burst.json") else { panic!() };
    assert_eq!(until.to_string(), "2024-03-08T18:00:01.200Z");
    let Reply::RateLimited { until, .. } = class("handmade/error_note_legacy.json") else { panic!() };
    assert_eq!(until.to_string(), "2024-03-08T18:01:00Z");
    let spent = class("handmade/error_daily_quota.json");
    assert!(!format!("{spent:?}").contains("DEMOKEY"), "{spent:?}");
    let Reply::QuotaSpent { until, .. } = spent else { panic!() };
    assert_eq!(until.to_string(), "2024-03-09T00:01:00Z");
    assert!(matches!(class("handmade/error_bad_key.json"), Reply::AuthFailed(_)));
    assert_eq!(class("handmade/error_invalid_call.json"), Reply::NotFound);
    let search =
        read(&vendor(), &Ask::Search("x".into()), now, &file("handmade/error_invalid_call.json").unwrap());
    assert!(matches!(search, Reply::BadRequest(_)));
    for name in ["handmade/error_premium.json", "realtime_bulk_quotes_premium_notice.json"] {
        let reply = read(&vendor(), &splits("IBM"), now, &file(name).unwrap());
        assert!(matches!(reply, Reply::NotEntitled { .. }), "{reply:?}");
        let quotes = read(&vendor(), &Ask::Quotes(vec![instrument("MSFT")]), now, &file(name).unwrap());
        assert!(matches!(quotes, Reply::NotEntitled { .. }), "made-up rows are no quotes: {quotes:?}");
    }
    let more = [
        (r#"{"Information":"Burst pattern detected, key ABCDEF1234567890"}"#, "RateLimited"),
        (r#"{"Information":"Minute-level rate limit reached"}"#, "RateLimited"),
        (r#"{"Information":"Invalid inputs"}"#, "BadRequest"),
        (r#"{"Information":"new words ABCDEF1234567890"}"#, "Malformed"),
        (r#"{"Meta Data":{}}"#, "NotFound"),
        ("{}", "NotFound"),
        ("[]", "Malformed"),
        ("", "Malformed"),
        (r#"{"Time Series (Daily)":{"2024-03-07":{"#, "Malformed"),
        ("<html>be right back</html>", "Blocked"),
        (r#"{"Meta Data":{"2. Symbol":"AAPL"},"Time Series (Daily)":{}}"#, "Malformed"),
    ];
    for (text, class) in more {
        let reply = format!("{:?}", read(&vendor(), &daily("IBM"), now, &body(text)));
        assert!(reply.starts_with(class) && !reply.contains("ABCDEF"), "{text}: {reply}");
    }
}

#[test]
fn a_refused_full_history_becomes_the_last_hundred_rows() {
    let Some(recorded) = file("handmade/error_premium.json") else { return };
    let found = page(read(&vendor(), &daily("IBM"), LATER, &recorded));
    let next = found.next.unwrap();
    assert!(next.query.contains(&("outputsize".to_owned(), "compact".to_owned())));
    assert!(!next.query.iter().any(|(_, value)| value == "full"));
    let (from, to) = ("2026-10-01".parse().unwrap(), "2026-11-20".parse().unwrap());
    let recent = Ask::Daily { instrument: instrument("IBM"), from, to };
    assert!(matches!(read(&vendor(), &recent, LATER, &recorded), Reply::NotEntitled { .. }));
}

#[test]
fn answers_to_other_questions_are_malformed() {
    if file("sma_MSFT_15min.json").is_none() {
        return;
    }
    let files = [
        "sma_MSFT_15min.json",
        "currency_exchange_rate_BTC_CNY.json",
        "time_series_weekly_adjusted_IBM.json",
    ];
    for name in files {
        let reply = read(&vendor(), &daily("IBM"), LATER, &file(name).unwrap());
        assert!(matches!(reply, Reply::Malformed(_)), "{name}: {reply:?}");
    }
}

#[test]
fn bad_rows_are_refused_and_the_rest_stands() {
    let row = |open: &str| {
        format!(r#"{{"1. open":{open},"2. high":"11","3. low":"9","4. close":"10","5. volume":"5"}}"#)
    };
    let text = format!(
        r#"{{"Meta Data":{{"2. Symbol":"IBM"}},"Time Series (Daily)":{{"2024-03-08":{},"2024-03-07":{},"2024-03-06":{},"2024-03-05":{},"2024-03-02":{},"soon":{},"2099-01-05":{}}}}}"#,
        row("10.5"),
        row("NaN"),
        row("\"-1\""),
        row("null"),
        row("10"),
        row("10"),
        row("10")
    );
    let (found, rejected) = series(read(&vendor(), &daily("IBM"), LATER, &body(&text)));
    assert_eq!(found.bars.len(), 1);
    let codes: Vec<&str> = rejected.iter().map(|row| row.reason.code()).collect();
    let wanted =
        ["NOT_FINITE", "NON_POSITIVE_PRICE", "MISSING_PRICE", "NOT_A_SESSION", "BAD_DATE", "FUTURE_DATE"];
    assert_eq!(codes, wanted);
}
