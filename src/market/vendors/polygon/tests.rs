//! Every recorded and hand-made answer of the vendor against what is known of it, and the calls that are made.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::domain::market::{ActionKind, Basis};
use crate::domain::{Price, QuarantineReason};
use crate::market::testing::shared;
use crate::market::vendors::{Facts, Listings, News, Quotes, Series};

const NOW: &str = "2026-08-10T21:15:30Z";

fn vendor() -> Polygon {
    Polygon::new(Calendars::bundled().unwrap())
}

fn at(time: &str) -> UnixNanos {
    time.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn id(symbol: &str) -> InstrumentId {
    InstrumentId::new(symbol.parse().unwrap(), Exchange::Xnys)
}

fn answer(ask: &Ask, call: &Call, status: u16, body: &[u8]) -> Reply {
    let now = at(NOW);
    let response =
        Response { status, retry_after: None, remaining: None, content_type: "application/json", body, now };
    vendor().read(ask, call, &response)
}

/// What an answer to the first call of a wish is.
fn read(ask: &Ask, status: u16, body: &[u8]) -> Reply {
    let call = vendor().call(ask, at(NOW)).unwrap();
    answer(ask, &call, status, body)
}

fn page(reply: Reply) -> Page {
    match reply {
        Reply::Data(page) => *page,
        other => panic!("{other:?}"),
    }
}

fn series(page: &Page) -> &Series {
    let Payload::Series(series) = &page.payload else { panic!("{page:?}") };
    series
}

fn quotes(reply: Reply) -> Quotes {
    let Payload::Quotes(quotes) = page(reply).payload else { panic!() };
    quotes
}

fn daily(symbol: &str, from: &str, to: &str) -> Ask {
    Ask::Daily { instrument: id(symbol), from: day(from), to: day(to) }
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// The bars of an expected file as text, to be compared exactly.
fn expected_bars(expected: &serde_json::Value) -> Vec<[String; 6]> {
    let text = |row: &serde_json::Value, key: &str| match &row[key] {
        serde_json::Value::String(text) => text.clone(),
        number => number.as_f64().unwrap().to_string(),
    };
    let row = |row: &serde_json::Value| {
        ["date", "open", "high", "low", "close", "volume"].map(|key| text(row, key))
    };
    expected["bars"].as_array().unwrap().iter().map(row).collect()
}

fn bars(series: &Series) -> Vec<[String; 6]> {
    let row = |b: &crate::domain::market::DailyBar| {
        [
            b.session.to_string(),
            b.open.to_string(),
            b.high.to_string(),
            b.low.to_string(),
            b.close.to_string(),
            b.volume.to_string(),
        ]
    };
    series.bars.iter().map(row).collect()
}

/// A hand-made file of bars and what is said of it.
fn like_expected(folder: &Path, name: &str, ask: &Ask) -> Page {
    let body = std::fs::read(folder.join("handmade").join(name)).unwrap();
    let expected = std::fs::read(folder.join("handmade/expected").join(name)).unwrap();
    let page = page(read(ask, 200, &body));
    assert_eq!(bars(series(&page)), expected_bars(&serde_json::from_slice(&expected).unwrap()), "{name}");
    page
}

fn check_defects(folder: &Path, name: &str) {
    let page = like_expected(folder, name, &daily("QVEX", "2024-10-28", "2024-11-26"));
    let rejected: Vec<(u64, &str, QuarantineReason)> =
        page.rejected.iter().map(|row| (row.line, row.date.as_str(), row.reason)).collect();
    let wanted = [
        (12, "2024-11-11", QuarantineReason::NonPositivePrice),
        (14, "2024-11-13", QuarantineReason::BrokenHighLow),
    ];
    assert_eq!(rejected, wanted);
    assert_eq!((series(&page).duplicates, series(&page).basis), (1, Basis::Split));
    let fraction = series(&page).bars.iter().find(|bar| bar.session == day("2024-11-15")).unwrap();
    assert_eq!((fraction.volume.to_string().as_str(), fraction.vwap), ("4208767.25", Some(price("53.95"))));
}

fn check_actions(name: &str, body: &[u8]) {
    let (from, to) = (day("2000-01-01"), day("2030-01-01"));
    if name.contains("splits") {
        let ask = Ask::Splits { instrument: id("SHOP"), from, to };
        let Payload::Actions(actions) = page(read(&ask, 200, body)).payload else { panic!() };
        assert_eq!(actions.len(), 2);
        let ActionKind::Split(ratio) = actions[1].kind else { panic!() };
        assert_eq!(
            (actions[1].date, ratio.new.to_string(), ratio.old.to_string()),
            (day("2022-06-29"), "10".into(), "1".into())
        );
        let other = Ask::Splits { instrument: id("BRW"), from, to };
        let Payload::Actions(reverse) = page(read(&other, 200, body)).payload else { panic!() };
        let ActionKind::Split(ratio) = reverse[0].kind else { panic!() };
        assert_eq!((ratio.new.to_string(), ratio.old.to_string()), ("1".into(), "2".into()));
    } else {
        let ask = Ask::Dividends { instrument: id("CSSEN"), from, to };
        let Payload::Actions(actions) = page(read(&ask, 200, body)).payload else { panic!() };
        let last = actions.last().unwrap();
        let paid = ActionKind::Dividend { amount: price("0.59375"), pay_date: day("2025-06-30") };
        assert_eq!((last.date, last.kind), (day("2025-06-12"), paid));
        assert!(actions.is_sorted_by_key(|action| action.date));
    }
}

fn listings(reply: Reply) -> (Listings, Option<Call>) {
    let page = page(reply);
    let Payload::Listings(listings) = page.payload else { panic!() };
    assert!(page.rejected.is_empty());
    (listings, page.next)
}

fn check_tickers(name: &str, body: &[u8]) {
    let all = Ask::Directory { exchange: Exchange::Xnys, on: None };
    let (found, next) = listings(read(&all, 200, body));
    let next = next.unwrap();
    match name {
        "v3__reference__tickers.json" => {
            assert_eq!((found.len(), found[0].name.as_str()), (2, "Agilent Technologies Inc."));
            assert_eq!((found[0].exchange, found[0].active), (Some(Exchange::Xnys), true));
            assert_eq!((next.path.as_str(), next.page), ("/v3/reference/tickers", 1));
            assert_eq!(next.query.len(), 1);
        }
        "v3__reference__tickers_cursor-page2.json" => {
            assert_eq!(found.iter().map(|l| l.symbol.to_string()).collect::<Vec<_>>(), ["AAA", "AAAU"]);
            assert!(next.query.contains(&("active".to_owned(), "false".to_owned())), "{next:?}");
        }
        _ => {
            let apple = &found[0];
            assert_eq!((apple.symbol.as_str(), apple.listed), ("AAPL", Some(day("1980-12-12"))));
            assert_eq!(apple.sector.as_str(), "ELECTRONIC COMPUTERS");
        }
    }
}

fn check_news(body: &[u8], wanted: usize) {
    let ask = Ask::News {
        instruments: vec![id("NFLX"), id("MSFT"), id("NVDA")],
        since: at("2020-01-01T00:00:00Z"),
    };
    let page = page(read(&ask, 200, body));
    let next = page.next.unwrap();
    assert!(next.query.contains(&("ticker".to_owned(), "MSFT".to_owned())), "{next:?}");
    let Payload::News(news) = page.payload else { panic!() };
    let news: News = news;
    assert_eq!(news.len(), wanted);
    if wanted == 2 && news[0].tone.is_some() {
        let tones: Vec<_> = news.iter().map(|n| (n.headline.instrument.symbol.to_string(), n.tone)).collect();
        assert_eq!(tones, [("MSFT".to_owned(), Some(0.0)), ("NVDA".to_owned(), Some(-1.0))]);
        assert_eq!(news[0].headline.time, at("2024-07-17T16:08:34Z"));
    }
}

fn check_figures(body: &[u8]) {
    let Payload::Facts(facts) = page(read(&Ask::Fundamentals(id("NXPI")), 200, body)).payload else {
        panic!()
    };
    let facts: Facts = facts;
    let of = |name: &str| facts.iter().find(|f| f.field.as_str() == name).map(|f| f.value);
    assert_eq!(of("revenue_quarter"), Some(3.136e9));
    assert_eq!((of("eps_quarter"), of("eps")), (Some(2.48), None));
    assert_eq!(of("equity"), Some(6.509e9));
    assert!(facts.iter().all(|f| f.known_at == day("2022-05-03") && f.period_end == day("2022-04-03")));
}

fn check_last(name: &str, body: &[u8]) {
    let apple = Ask::Quotes(vec![id("AAPL")]);
    match name {
        "v2__last__trade__AAPL.json" | "go_TestGetLastTrade_1.json" => {
            let page = page(answer(&apple, &Call::to("/v2/last/trade/AAPL"), 200, body));
            assert_eq!(page.next.unwrap().path, "/v3/quotes/AAPL");
            let Payload::Quotes(quotes) = page.payload else { panic!() };
            let is_go = name.starts_with("go");
            let wanted = if is_go {
                ("129.8473", 1_617_901_342_969_834_000)
            } else {
                ("166.25", 1_651_179_319_310_617_300)
            };
            assert_eq!(
                (quotes[0].last, quotes[0].time.map(UnixNanos::nanos)),
                (Some(price(wanted.0)), Some(wanted.1))
            );
        }
        "v3__quotes__AAPL.json" | "v3__quotes__AAPL_cursor-page2.json" => {
            let quote = &quotes(answer(&apple, &Call::to("/v3/quotes/AAPL"), 200, body))[0];
            let (bid, ask) = (quote.bid.unwrap(), quote.ask.unwrap());
            assert!(bid.0 < ask.0 && bid.1.is_positive() && quote.last.is_none());
        }
        "v2__snapshot__locale__us__markets__stocks__tickers__AAPL.json" => {
            let quote = &quotes(read(&apple, 200, body))[0];
            let hundred = |n: i64| crate::domain::Quantity::from_whole(n * 100).unwrap();
            assert_eq!(
                (quote.bid, quote.ask),
                (Some((price("159.98"), hundred(3))), Some((price("159.99"), hundred(5))))
            );
            assert_eq!(
                (quote.last, quote.volume.unwrap().to_string()),
                (Some(price("159.99")), "68840127".into())
            );
        }
        _ => {
            let quote = &quotes(read(&Ask::Quotes(vec![id("BCAT"), id("AAPL")]), 200, body))[0];
            assert_eq!((quote.last, quote.previous_close), (Some(price("20.506")), Some(price("20.63"))));
        }
    }
}

/// Answers of requests that are never made: good all the same, or a list without rows.
fn check_not_asked(name: &str, body: &[u8]) {
    let call = Call::to("/v1/other");
    let now = at(NOW);
    let response = Response { status: 200, retry_after: None, remaining: None, content_type: "", body, now };
    assert!(notices::body(&call, &response).is_ok(), "{name}");
}

fn check_handmade(folder: &Path, name: &str, body: &[u8]) {
    let ask = daily("QVEX", "2024-10-28", "2024-11-26");
    match name {
        "aggs_QVEX_defects.json" => check_defects(folder, name),
        "aggs_KRNL_page.json" => {
            let page = like_expected(folder, name, &daily("KRNL", "2024-03-04", "2024-03-19"));
            assert_eq!((page.rejected.len(), series(&page).duplicates, page.next), (0, 0, None));
        }
        "error_429.json" => {
            let wanted = at("2026-08-10T21:16:00Z");
            for body in [body, &[]] {
                let Reply::RateLimited { until, said } = read(&ask, 429, body) else { panic!() };
                assert_eq!((until, said.as_str()), (wanted, "polygon: too many requests a minute"));
            }
        }
        "error_401.json" => assert!(matches!(read(&ask, 401, body), Reply::AuthFailed(_))),
        "error_403_not_authorized.json" => {
            let Reply::NotEntitled { said } = read(&ask, 403, body) else { panic!() };
            assert!(said.as_str().starts_with("polygon: Your plan doesn't include"), "{said}");
        }
        "error_404.json" => assert_eq!(read(&Ask::Search("nosuch".into()), 404, body), Reply::NotFound),
        "aggs_unknown_ticker_200.json" => {
            assert_eq!(read(&daily("NOSUCH", "2024-01-02", "2024-01-31"), 200, body), Reply::NotFound);
            assert_eq!(read(&daily("NOSUCH", "2024-01-02", "2024-01-03"), 200, body), Reply::Empty);
        }
        // Frames of the stream; read where streams are.
        "ws_stocks.jsonl" => {
            assert_eq!(body.split(|b| *b == b'\n').filter(|line| !line.is_empty()).count(), 6)
        }
        other => panic!("nothing is known of {other}"),
    }
}

fn check_recorded(name: &str, body: &[u8]) {
    match name {
        "v2__aggs__ticker__AAPL__range__1__day__2005-04-01__2005-04-04.json"
        | "v2__aggs__ticker__AAPL__range__1__day__2005-04-02__2005-04-04.json" => {
            let page = page(read(&daily("AAPL", "2005-04-01", "2005-04-04"), 200, body));
            let wanted =
                ["2005-04-01", "1.5032", "1.5064", "1.4489", "1.4604", "642646396"].map(str::to_owned);
            assert_eq!((bars(series(&page))[0].clone(), series(&page).bars.len()), (wanted, 2));
        }
        "v2__aggs__grouped__locale__us__market__stocks__2005-04-04_adjusted_true.json" => {
            let ask = Ask::GroupedDaily { exchange: Exchange::Xnys, date: day("2020-10-14") };
            let page = page(read(&ask, 200, body));
            assert_eq!((series(&page).bars[0].instrument, series(&page).bars.len()), (id("GIK"), 1));
        }
        "v3__reference__splits.json" | "v3__reference__dividends.json" => check_actions(name, body),
        "v3__reference__tickers.json"
        | "v3__reference__tickers_cursor-page2.json"
        | "v3__reference__tickers__AAPL.json" => {
            check_tickers(name, body);
        }
        "go_TestListTickers_1.json" => {
            let row = [b"{\"status\":\"OK\",\"results\":", body, b"}"].concat();
            let (found, _) = listings(read(&Ask::Search("agilent".into()), 200, &row));
            assert_eq!(found[0].symbol.as_str(), "A");
        }
        "v2__reference__news_ticker_NFLX.json" => check_news(body, 2),
        "go_TestListTickerNews_1.json" => {
            check_news(&[b"{\"status\":\"OK\",\"results\":[", body, b"]}"].concat(), 2);
        }
        "vX__reference__financials.json" => check_figures(body),
        "v2__last__trade__AAPL.json"
        | "go_TestGetLastTrade_1.json"
        | "v3__quotes__AAPL.json"
        | "v3__quotes__AAPL_cursor-page2.json"
        | "v2__snapshot__locale__us__markets__stocks__tickers__AAPL.json"
        | "v2__snapshot__locale__us__markets__stocks__tickers__index.json" => check_last(name, body),
        "v1__indicators__ema__AAPL_window_5_adjusted_false_timestamp.lte_1478393873000_timestamp.gte_1477972800000.json"
        | "v1__indicators__sma__AAPL_window_30_timespan_quarter_timestamp_1483958600_expand_underlying_true.json"
        | "v1__last_quote__currencies__AUD__USD.json"
        | "v1__marketstatus__now.json"
        | "v1__open-close__AAPL__2005-04-01_adjusted_true.json"
        | "v3__reference__conditions_asset_class_stocks.json"
        | "v3__reference__exchanges.json"
        | "v3__snapshot.json"
        | "vX__reference__tickers__META__events_types_ticker_change.json"
        | "go_TestGetTickerRelatedCompanies_1.json" => check_not_asked(name, body),
        other => panic!("nothing is known of {other}"),
    }
}

#[test]
fn every_known_answer_is_what_is_said_of_it() {
    let Some(folder) = shared("vendors/polygon") else { return };
    let files = |folder: &Path| -> BTreeSet<_> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries
            .filter(|e| e.file_type().unwrap().is_file())
            .map(|e| e.file_name().into_string().unwrap())
            .collect()
    };
    let (recorded, handmade) = (files(&folder), files(&folder.join("handmade")));
    assert_eq!((recorded.len(), handmade.len()), (28, 8));
    for name in &recorded {
        check_recorded(name, &std::fs::read(folder.join(name)).unwrap());
    }
    for name in &handmade {
        check_handmade(&folder, name, &std::fs::read(folder.join("handmade").join(name)).unwrap());
    }
}

#[test]
fn bars_of_another_ticker_are_refused() {
    let body = |ticker: &str| {
        let row = r#"{"o":1,"h":1,"l":1,"c":1,"v":1,"t":1704171600000}"#;
        format!(r#"{{"ticker":"{ticker}","status":"OK","adjusted":false,"results":[{row}]}}"#)
    };
    let minutes = Ask::Minutes { instrument: id("AAPL"), from: day("2024-01-02"), to: day("2024-01-02") };
    for ask in [daily("AAPL", "2024-01-02", "2024-01-31"), minutes] {
        let reply = read(&ask, 200, body("ZZZ").as_bytes());
        assert!(matches!(reply, Reply::Malformed(_)), "{reply:?}");
        assert!(matches!(read(&ask, 200, body("AAPL").as_bytes()), Reply::Data(_)));
    }
}

#[test]
fn bars_are_asked_for_raw_and_the_key_is_nowhere_in_a_call() {
    let call = vendor().call(&daily("BRK.B", "2024-01-02", "2024-01-31"), at(NOW)).unwrap();
    assert_eq!(call.path, "/v2/aggs/ticker/BRK.B/range/1/day/2024-01-02/2024-01-31");
    assert!(call.query.contains(&("adjusted".to_owned(), "false".to_owned())));
    let minutes = Ask::Minutes { instrument: id("AAPL"), from: day("2024-01-02"), to: day("2024-01-02") };
    assert!(vendor().call(&minutes, at(NOW)).unwrap().path.contains("/range/1/minute/"));
    let raw =
        br#"{"status":"OK","adjusted":false,"results":[{"o":1,"h":1,"l":1,"c":1,"v":1,"t":1704171600000}]}"#;
    let page = page(read(&daily("BRK.B", "2024-01-02", "2024-01-31"), 200, raw));
    assert_eq!(series(&page).basis, Basis::Raw);
    assert_eq!(vendor().call(&Ask::Fundamentals("BHP.XASX".parse().unwrap()), at(NOW)), None);
}

#[test]
fn minutes_outside_the_session_are_kept_and_an_unfinished_one_is_not() {
    let minutes = Ask::Minutes { instrument: id("AAPL"), from: day("2026-08-10"), to: day("2026-08-10") };
    let row = |t: i64| format!("{{\"o\":1,\"h\":1,\"l\":1,\"c\":1,\"v\":5,\"n\":2,\"t\":{t}}}");
    let (early, last) = (1_786_356_000_000, 1_786_396_500_000);
    let body = format!("{{\"status\":\"OK\",\"results\":[{},{}]}}", row(early), row(last));
    let Payload::Minutes(found) = page(read(&minutes, 200, body.as_bytes())).payload else { panic!() };
    assert_eq!(found.bars.len(), 1);
    assert_eq!(
        (found.bars[0].from.to_string().as_str(), found.bars[0].trades),
        ("2026-08-10T10:00:00Z", Some(2))
    );
}

#[test]
fn a_place_no_longer_known_begins_anew_and_todays_bars_are_no_matter_of_the_plan() {
    let ask = daily("AAPL", "2024-01-02", "2024-01-31");
    let bad = br#"{"status":"ERROR","error":"Bad cursor"}"#;
    let first = vendor().call(&ask, at(NOW)).unwrap();
    assert!(matches!(answer(&ask, &first, 400, bad), Reply::BadRequest(_)));
    let third = Call { page: 2, ..first };
    assert_eq!(answer(&ask, &third, 400, bad), Reply::CursorExpired);
    let early =
        br#"{"status":"NOT_AUTHORIZED","message":"Attempted to request today's data before end of day."}"#;
    let Reply::BadRequest(said) = read(&ask, 403, early) else { panic!() };
    assert_eq!(said.as_str(), "polygon: today's bars come after the close; ask again then");
    assert!(matches!(read(&ask, 502, b"<html>bad gateway</html>"), Reply::Transient(_)));
    assert!(matches!(read(&ask, 200, b"<html>be right back"), Reply::Blocked(_)));
    assert!(matches!(read(&ask, 302, b""), Reply::Blocked(_)));
    assert!(matches!(read(&ask, 200, b"{\"status\":\"OK\",\"resul"), Reply::Malformed(_)));
}

#[test]
fn one_instrument_without_snapshots_is_asked_for_what_smaller_plans_have() {
    let ask = Ask::Quotes(vec![id("AAPL")]);
    let no = br#"{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}"#;
    let trade = page(read(&ask, 403, no)).next.unwrap();
    assert_eq!(trade.path, "/v2/last/trade/AAPL");
    let close = page(answer(&ask, &trade, 403, no)).next.unwrap();
    assert_eq!(close.path, "/v2/aggs/ticker/AAPL/prev");
    assert!(matches!(answer(&ask, &close, 403, no), Reply::NotEntitled { .. }));
    let body = br#"{"status":"OK","results":[{"T":"AAPL","v":1.5e7,"c":115.97,"t":1605042000000}]}"#;
    let quote = &quotes(answer(&ask, &close, 200, body))[0];
    assert_eq!(
        (quote.previous_close, quote.time.unwrap().to_string()),
        (Some(price("115.97")), "2020-11-10T21:00:00Z".into())
    );
    let two = Ask::Quotes(vec![id("AAPL"), id("MSFT")]);
    assert!(matches!(read(&two, 403, no), Reply::NotEntitled { .. }));
}
