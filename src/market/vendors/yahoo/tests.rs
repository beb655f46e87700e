use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::*;
use crate::domain::market::{ActionKind, Basis, CorporateAction};
use crate::market::vendors::recorded::*;
use crate::market::vendors::{Page, Payload};

const LATER: &str = "2026-11-20T12:00:00Z";
/// Charts of instruments that are on an exchange of ours.
const CHARTS: [(&str, &str, &str); 6] = [
    ("chart-AAPL-2020-01-01-to-2020-01-03.json", "AAPL.XNYS", ""),
    (
        "chart-AAPL-2020-08-31-to-2020-11-07.json",
        "AAPL.XNYS",
        "2020-08-31 split 4:1;2020-11-06 dividend 0.205",
    ),
    ("chart-AAPL.json", "AAPL.XNYS", ""),
    ("chart-QQQ-2020-01-01-to-2020-01-03.json", "QQQ.XNYS", ""),
    ("historical-via-chart-0P0000XTS7-2024-09-12-to-2024-09-16.json", "0P0000XTS7.XNYS", ""),
    (
        "historical-via-chart-NVDA-split-2021-02-01-to-2022-01-31.csv.json",
        "NVDA.XNYS",
        "2021-07-20 split 4:1",
    ),
];
/// Charts of what is elsewhere: file, zone and currency, first day and close as told.
const ELSEWHERE: [(&str, &str, &str, &str); 6] = [
    ("chart-0P000071W8.TO-2020-01-01-to-2020-01-03.json", "America/Toronto", "CAD", "73.72"),
    ("chart-BTC-USD-2020-01-01-to-2020-01-03.json", "UTC", "USD", "7200.1743"),
    ("chart-EURUSD_X-2020-01-01-to-2020-01-03.json", "Europe/London", "USD", "1.1220826"),
    ("chart-OCDO.L-2020-01-01-to-2020-01-03.json", "Europe/London", "GBp", "1259.5"),
    ("chart-WSKT.JK-2020-01-01-to-2020-01-03.json", "Asia/Jakarta", "IDR", "1505"),
    ("chart-WSU.DE-2023-08-04-to-2023-08-09.json", "Europe/Berlin", "EUR", "34.45"),
];
/// Quotes: file, instruments asked for, what comes back.
const QUOTES: [(&str, &str, &str); 12] = [
    ("quote-AAPL-BABA.json", "AAPL.XNYS BABA.XNYS", "AAPL 244.6 USD;BABA 124.73 USD"),
    ("quote-AAPL.json", "AAPL.XNYS", "AAPL 244.6 USD"),
    ("quote-APS.AX.json", "APS.XASX", "not found"),
    ("quote-BRKS.json", "BRKS.XNYS", "not found"),
    ("quote-BTC-USD.json", "BTC.USD.XNYS", "BTC.USD 96077.45 USD"),
    ("quote-QQQ.json", "QQQ.XNYS", "QQQ 538.15 USD"),
    ("quote-SIMP.json", "SIMP.XNYS", "not found"),
    ("quote-TSLA-fields-symbol-shortName.json", "TSLA.XNYS", "TSLA 355.84 -"),
    ("quote-_VXAPL.json", "^VXAPL.XNYS", "^VXAPL 23.77 USD"),
    ("quote-marketState-CLOSED.fake_2021.json", "AAPL.XNYS", "AAPL 136.76 USD"),
    ("quote-marketState-PRE.fake_2021.json", "SPOT.XNYS", "SPOT 339.7 USD"),
    ("quoteCombine-AAPL-NONEXIST.json", "AAPL.XNYS NONEXIST.XNYS", "AAPL "),
];
/// Files that tests below name on their own.
const OTHERS: [&str; 36] = [
    "chart-AAPL-2025-02-01-to-2025-02-02-includePrePost-false-interval-1m.json",
    "chart-notimestamp-weird-quote.fake.json",
    "fundamentalsTimeSeries-AAPL-balance-sheet-annual.json",
    "fundamentalsTimeSeries-AAPL-financials-quarterly.json",
    "fundamentalsTimeSeries-QQQ-financials-quarterly.json",
    "getCrumb-getcrumb.json",
    "getCrumb-quote-AAPL.json",
    "handmade/chart_1m_too_long_422.json",
    "handmade/chart_BHP.AX_nulls_split_div_live.json",
    "handmade/chart_NOSUCH1.AX_404.json",
    "handmade/chart_empty_range.json",
    "handmade/expected/chart_BHP.AX_nulls_split_div_live.json",
    "handmade/quote_invalid_crumb_401.json",
    "handmade/rate_limited_429.txt",
    "handmade/rss_headline_BHP.AX.xml",
    "historical-AAPL-2020-01-01-to-2020-01-03_2021.json",
    "pageWith404andJson.fake.json",
    "quote-OCDO.L.json",
    "quoteCombine-NONEXIST.json",
    "quoteSummary-all-WSKT.JK.json",
    "quoteSummary-balanceSheetHistory-AAPL.json",
    "quoteSummary-calendarEvents-AAPL.json",
    "quoteSummary-defaultKeyStatistics-AAPL.json",
    "quoteSummary-defaultKeyStatistics-EURUSD_X.json",
    "quoteSummary-earnings-AAPL.json",
    "quoteSummary-financialData-AAPL.json",
    "quoteSummary-summaryDetail-AAPL.json",
    "quoteSummary-summaryDetail-OCDO.L.json",
    "recommendationsBySymbol-AAPL.json",
    "search-AAPL.json",
    "search-BJ0CDD2.json",
    "search-EURUSD_X.json",
    "search-OCDO.L.json",
    "search-badResult.fake.json",
    "trendingSymbols-AU.json",
    "weirdJsonResult.fake.json",
];

fn vendor() -> Yahoo {
    Yahoo::new(Calendars::bundled().unwrap())
}

fn file(name: &str) -> Option<Recorded> {
    recorded(&format!("yahoo/{name}"))
}

fn id(text: &str) -> InstrumentId {
    text.parse().unwrap()
}

fn daily(instrument: &str) -> Ask {
    let (from, to) = ("1990-01-01".parse().unwrap(), "2026-11-20".parse().unwrap());
    Ask::Daily { instrument: id(instrument), from, to }
}

fn told(actions: &[CorporateAction]) -> String {
    let one = |action: &CorporateAction| match action.kind {
        ActionKind::Split(ratio) => format!("{} split {}:{}", action.date, ratio.new, ratio.old),
        ActionKind::Dividend { amount, .. } => format!("{} dividend {amount}", action.date),
    };
    actions.iter().map(one).collect::<Vec<_>>().join(";")
}

fn plain(status: u16, text: &str) -> Recorded {
    Recorded { status, content_type: "text/plain".to_owned(), body: text.as_bytes().to_vec() }
}

#[test]
fn every_file_is_named_here() {
    let mut named: Vec<&str> = CHARTS.iter().map(|c| c.0).chain(ELSEWHERE.iter().map(|c| c.0)).collect();
    named.extend(QUOTES.iter().map(|q| q.0).chain(OTHERS));
    assert_eq!(not_named("yahoo", &named), Vec::<String>::new());
}

#[test]
fn charts_are_the_days_and_prices_that_their_files_have() {
    for (name, instrument, events) in CHARTS {
        let Some(recorded) = file(name) else { return };
        let (found, rejected) = series(read(&vendor(), &daily(instrument), LATER, &recorded));
        assert!(rejected.is_empty() && found.partial.is_none(), "{name}: {rejected:?}");
        assert_eq!((found.basis, found.currency.unwrap().as_str()), (Basis::Split, "USD"));
        assert_eq!(told(&found.actions), events, "{name}");
        let source: Value = serde_json::from_slice(&recorded.body).unwrap();
        let result = &source["chart"]["result"][0];
        let times = result["timestamp"].as_array().unwrap();
        assert_eq!(found.bars.len(), times.len());
        let zone = crate::domain::calendar::zone::Zone::bundled("America/New_York").unwrap();
        for (index, (bar, time)) in found.bars.iter().zip(times).enumerate() {
            assert_eq!(bar.session, zone.date_at(UnixNanos::from_seconds(time.as_i64().unwrap())));
            let quote = &result["indicators"]["quote"][0];
            for (key, price) in
                [("open", bar.open), ("high", bar.high), ("low", bar.low), ("close", bar.close)]
            {
                let source = quote[key][index].as_f64().unwrap();
                assert!((price.to_f64() / source - 1.0).abs() < 6e-8, "{name} {key} {price} {source}");
                assert!(price.to_string().len() <= 10, "{price} has noise");
            }
            assert_eq!(bar.volume.to_string(), quote["volume"][index].to_string());
        }
    }
}

#[test]
fn charts_from_elsewhere_are_read_but_never_taken_for_ours() {
    for (name, zone, currency, close) in ELSEWHERE {
        let Some(recorded) = file(name) else { return };
        let json = Json::parse(&recorded.body).unwrap();
        let chart = chart::Chart::read(&json).unwrap();
        assert_eq!(
            json.at(&["chart", "result"]).unwrap().items()[0]
                .at(&["meta", "exchangeTimezoneName"])
                .unwrap()
                .text(),
            Some(zone)
        );
        assert_eq!(chart.currency().unwrap().as_str(), currency);
        assert_eq!(
            chart.first_close().unwrap().parse::<crate::domain::Price>().map(|p| p.to_string()),
            Ok(crate::domain::Price::from_f64(close.parse().unwrap()).unwrap().to_string()),
            "{name}"
        );
    }
    for (name, instrument) in [(ELSEWHERE[1].0, "BTC.USD.XNYS"), (ELSEWHERE[2].0, "EURUSD=X.XNYS")] {
        let reply = read(&vendor(), &daily(instrument), LATER, &file(name).unwrap());
        let Reply::BadRequest(said) = reply else { panic!("{reply:?}") };
        assert!(said.as_str().contains("not on XNYS"), "{said}");
    }
    let reply = read(&vendor(), &daily("OCDO.XASX"), LATER, &file(ELSEWHERE[3].0).unwrap());
    assert!(matches!(reply, Reply::Malformed(_)), "{reply:?}");
}

#[test]
fn nulls_are_refused_live_rows_are_partial_and_days_are_sydneys() {
    let name = "handmade/chart_BHP.AX_nulls_split_div_live.json";
    let Some(recorded) = file(name) else { return };
    let want = expected("yahoo/handmade/expected/chart_BHP.AX_nulls_split_div_live.json");
    let (found, rejected) = series(read(&vendor(), &daily("BHP.XASX"), "2024-10-24T03:37:11Z", &recorded));
    assert_bars(&found, &want);
    let nulls: Vec<(u64, &str)> = rejected.iter().map(|row| (row.line, row.reason.code())).collect();
    assert_eq!(nulls, [(6, "MISSING_PRICE"), (18, "MISSING_PRICE"), (24, "DUPLICATE_KEY")]);
    assert_eq!(found.partial.unwrap().session.to_string(), "2024-10-24");
    // Yahoo gives the dividend in shares of after the split; it was paid on shares of before.
    assert_eq!(told(&found.actions), "2024-10-03 dividend 1.48;2024-10-09 split 2:1");
    assert_eq!(want["events"][1]["amount"], 0.74);
    let (later, _) = series(read(&vendor(), &daily("BHP.XASX"), "2024-10-24T05:31:00Z", &recorded));
    assert_eq!((later.bars.len(), later.partial), (found.bars.len() + 1, None));
    let (from, to) = ("2024-10-01".parse().unwrap(), "2024-10-05".parse().unwrap());
    let ask = Ask::Dividends { instrument: id("BHP.XASX"), from, to };
    assert_eq!(told(&actions(read(&vendor(), &ask, LATER, &recorded))), "2024-10-03 dividend 1.48");
}

#[test]
fn days_of_changing_clocks_are_one_day_each() {
    // Sydney, April 2024: opens at 10:00 local, 23:00 UTC before the change and 00:00 after; a midnight that
    // summer time moved to 23:00 of the day before is the next day's.
    let stamps =
        [1_712_181_600, 1_712_268_000, 1_712_534_400, 1_712_620_800, 1_712_667_600 + 3_600 * 24 - 3_600];
    let column = "[10,10,10,10,10]";
    let text = format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"BHP.AX","exchangeTimezoneName":"Australia/Sydney","gmtoffset":39600}},"timestamp":{stamps:?},"indicators":{{"quote":[{{"open":{column},"high":{column},"low":{column},"close":{column},"volume":{column}}}]}}}}],"error":null}}}}"#
    );
    let (found, rejected) = series(read(&vendor(), &daily("BHP.XASX"), LATER, &plain(200, &text)));
    let days: Vec<String> = found.bars.iter().map(|bar| bar.session.to_string()).collect();
    assert_eq!(days, ["2024-04-04", "2024-04-05", "2024-04-08", "2024-04-09", "2024-04-11"]);
    assert!(rejected.is_empty());
}

#[test]
fn minutes_without_trades_and_the_live_price_are_no_bars() {
    let column = "[10,null,11,11]";
    let text = format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"AAPL","dataGranularity":"1m"}},"timestamp":[1763130600,1763130660,1763130720,1763130733],"indicators":{{"quote":[{{"open":{column},"high":{column},"low":{column},"close":{column},"volume":[5,null,7,0]}}]}}}}],"error":null}}}}"#
    );
    let (from, to) = ("2025-11-14".parse().unwrap(), "2025-11-14".parse().unwrap());
    let ask = Ask::Minutes { instrument: id("AAPL.XNYS"), from, to };
    let found = page(read(&vendor(), &ask, "2025-11-14T14:32:13Z", &plain(200, &text)));
    assert!(found.rejected.is_empty(), "{:?}", found.rejected);
    let Payload::Minutes(minutes) = found.payload else { panic!() };
    let starts: Vec<String> = minutes.bars.iter().map(|bar| bar.from.to_string()).collect();
    assert_eq!(starts, ["2025-11-14T14:30:00Z"], "the minute from 14:32 is not over");
}

#[test]
fn empty_unknown_and_broken_charts_are_told_apart() {
    if file("handmade/chart_empty_range.json").is_none() {
        return;
    }
    let bhp = daily("BHP.XASX");
    let class = |name: &str, ask: &Ask, status: u16| {
        let recorded = Recorded { status, ..file(name).unwrap() };
        read(&vendor(), ask, LATER, &recorded)
    };
    assert_eq!(class("handmade/chart_empty_range.json", &bhp, 200), Reply::Empty);
    assert_eq!(class("handmade/chart_NOSUCH1.AX_404.json", &daily("NOSUCH1.XASX"), 404), Reply::NotFound);
    let weird = class("chart-notimestamp-weird-quote.fake.json", &daily("AAPL.XNYS"), 200);
    assert!(matches!(weird, Reply::Malformed(_)), "prices without times are no bars: {weird:?}");
    let csv = class("historical-AAPL-2020-01-01-to-2020-01-03_2021.json", &daily("AAPL.XNYS"), 200);
    assert!(matches!(csv, Reply::Malformed(_)), "the download of before is no longer asked for: {csv:?}");
    let (from, to) = ("2026-11-01".parse().unwrap(), "2026-11-20".parse().unwrap());
    let minutes = Ask::Minutes { instrument: id("AAPL.XNYS"), from, to };
    let none = page(class(
        "chart-AAPL-2025-02-01-to-2025-02-02-includePrePost-false-interval-1m.json",
        &minutes,
        200,
    ));
    let Payload::Minutes(bars) = none.payload else { panic!() };
    assert!(bars.bars.is_empty() && none.next.is_some(), "no minutes in the first window, more in the next");
    let long = class("handmade/chart_1m_too_long_422.json", &minutes, 422);
    let Reply::BadRequest(said) = long else { panic!("{long:?}") };
    assert!(said.as_str().contains("Only 8 days"), "{said}");
    assert_eq!(class("pageWith404andJson.fake.json", &bhp, 404), Reply::NotFound);
    let error = |code: &str, text: &str| {
        let body =
            format!(r#"{{"chart":{{"result":null,"error":{{"code":"{code}","description":"{text}"}}}}}}"#);
        read(&vendor(), &bhp, LATER, &plain(400, &body))
    };
    assert_eq!(error("Bad Request", "Data doesn't exist for startDate = 1, endDate = 2"), Reply::Empty);
    assert!(matches!(error("internal-error", "oops"), Reply::Transient(_)));
}

#[test]
fn quotes_are_those_of_the_instruments_asked_for() {
    for (name, asked, wanted) in QUOTES {
        let Some(recorded) = file(name) else { return };
        let ask = Ask::Quotes(asked.split(' ').map(id).collect());
        let reply = read(&vendor(), &ask, LATER, &recorded);
        let got = if reply == Reply::NotFound {
            "not found".to_owned()
        } else {
            let told = quotes(reply).into_iter().map(|quote| {
                let currency = quote.currency.map_or_else(|| "-".to_owned(), |c| c.to_string());
                format!("{} {} {currency}", quote.instrument.symbol, quote.last.unwrap())
            });
            told.collect::<Vec<_>>().join(";")
        };
        assert!(got.starts_with(wanted) && (wanted.ends_with(' ') || got == wanted), "{name}: {got}");
    }
    let found =
        quotes(read(&vendor(), &Ask::Quotes(vec![id("AAPL.XNYS")]), LATER, &file(QUOTES[1].0).unwrap()));
    let quote = &found[0];
    let (bid, ask) = (quote.bid.unwrap(), quote.ask.unwrap());
    assert_eq!((bid.0.to_string(), bid.1.to_string()), ("244.44".into(), "200".into()));
    assert_eq!((ask.0.to_string(), ask.1.to_string()), ("253.37".into(), "100".into()));
    assert_eq!(quote.time.unwrap().to_string(), "2025-02-14T21:00:00Z");
    assert_eq!(quote.previous_close.unwrap().to_string(), "241.53");
}

#[test]
fn pence_are_called_pence() {
    let Some(recorded) = file("quote-OCDO.L.json") else { return };
    let json = Json::parse(&recorded.body).unwrap();
    let row = &json.at(&["quoteResponse", "result"]).unwrap().items()[0];
    let quote = other::quote_of(row, id("OCDO.XNYS"), time(LATER)).unwrap();
    assert_eq!(quote.currency.unwrap().as_str(), "GBp");
    assert_eq!((quote.last.unwrap().to_string(), quote.delayed_minutes), ("308.8".into(), Some(15)));
    assert_eq!(quote.bid.unwrap().1, crate::domain::Quantity::ZERO);
    let reply = read(&vendor(), &Ask::Quotes(vec![id("OCDO.XASX")]), LATER, &recorded);
    assert_eq!(reply, Reply::NotFound, "OCDO.L is not OCDO.AX");
    let nobody = file("quoteCombine-NONEXIST.json").unwrap();
    assert_eq!(read(&vendor(), &Ask::Quotes(vec![id("NONEXIST.XNYS")]), LATER, &nobody), Reply::NotFound);
}

#[test]
fn a_session_is_its_text_and_never_a_wall() {
    let Some(recorded) = file("getCrumb-getcrumb.json") else { return };
    let Payload::Session(text) = page(read(&vendor(), &Ask::Session, LATER, &recorded)).payload else {
        panic!()
    };
    assert_eq!(text.0.expose_secret(), "AbCdEfGhIjK");
    assert!(!format!("{text:?}").contains("AbC"));
    let limited = file("handmade/rate_limited_429.txt").unwrap();
    for status in [429, 200] {
        let reply = read(&vendor(), &Ask::Session, LATER, &Recorded { status, ..limited.clone() });
        assert!(matches!(reply, Reply::RateLimited { .. }), "{reply:?}");
        let reply = read(&vendor(), &daily("AAPL.XNYS"), LATER, &Recorded { status, ..limited.clone() });
        assert!(matches!(reply, Reply::RateLimited { .. }), "{reply:?}");
    }
    let walls = [
        file("getCrumb-quote-AAPL.json").unwrap(),
        plain(200, "<!DOCTYPE html><html>consent</html>"),
        plain(200, ""),
        plain(200, "{\"finance\":null}"),
        plain(200, "two words"),
        plain(200, &"x".repeat(33)),
        plain(401, "Unauthorized"),
    ];
    for wall in walls {
        let reply = read(&vendor(), &Ask::Session, LATER, &wall);
        assert!(matches!(reply, Reply::Blocked(_)), "{wall:?}: {reply:?}");
    }
    let stale = Recorded { status: 401, ..file("handmade/quote_invalid_crumb_401.json").unwrap() };
    assert_eq!(read(&vendor(), &Ask::Quotes(vec![id("AAPL.XNYS")]), LATER, &stale), Reply::SessionOver);
    assert_eq!(
        read(&vendor(), &Ask::Quotes(vec![id("AAPL.XNYS")]), LATER, &plain(401, "")),
        Reply::SessionOver
    );
}

#[test]
fn figures_of_now_are_known_from_now() {
    let ask = Ask::Fundamentals(id("AAPL.XNYS"));
    let cases = [
        (
            "defaultKeyStatistics",
            "eps=6.31 forward_eps=8.31 book_value=4.438 net_income=96150003712 shares=15022100480 price_to_book=55.328976 ev_to_ebitda=27.169 ev_to_revenue=9.429",
        ),
        (
            "financialData",
            "sales=25.974 revenue=395760009216 ebitda=137352003584 total_debt=96798998528 total_cash=53774999552 free_cash_flow=93833871360 operating_cash_flow=108293996544 profit_margin=0.24295 return_on_equity=1.3652",
        ),
        (
            "summaryDetail",
            "dividend=0.99 market_cap=3688676720640 pe=38.91442 forward_pe=29.548735 price_to_sales=9.320489 dividend_yield=0.0041 beta=1.2",
        ),
        ("balanceSheetHistory", ""),
        ("calendarEvents", ""),
        ("earnings", ""),
    ];
    for (module, wanted) in cases {
        let Some(recorded) = file(&format!("quoteSummary-{module}-AAPL.json")) else { return };
        let Page { payload: Payload::Facts(found), next, .. } = page(read(&vendor(), &ask, LATER, &recorded))
        else {
            panic!()
        };
        let got: Vec<String> = found.iter().map(|f| format!("{}={}", f.field, f.value)).collect();
        assert_eq!(got.join(" "), wanted, "{module}");
        assert!(found.iter().all(|f| f.known_at.to_string() == "2026-11-20"));
        assert!(next.unwrap().path.contains("fundamentals-timeseries"));
    }
    let statistics = file("quoteSummary-defaultKeyStatistics-AAPL.json").unwrap();
    assert_eq!(facts(read(&vendor(), &ask, LATER, &statistics))[0].period_end.to_string(), "2024-12-28");
    let none = file("quoteSummary-defaultKeyStatistics-EURUSD_X.json").unwrap();
    assert_eq!(read(&vendor(), &ask, LATER, &none), Reply::NotFound);
    for name in ["quoteSummary-summaryDetail-OCDO.L.json", "quoteSummary-all-WSKT.JK.json"] {
        let found = facts(read(&vendor(), &ask, LATER, &file(name).unwrap()));
        let money = ["eps", "book_value", "dividend", "market_cap", "revenue"];
        assert!(
            found.iter().all(|f| !money.contains(&f.field.as_str())),
            "pence and rupiah are no dollars: {found:?}"
        );
    }
}

#[test]
fn reports_are_the_numbers_of_their_files() {
    let ask = Ask::Fundamentals(id("AAPL.XNYS"));
    for name in [
        "fundamentalsTimeSeries-AAPL-balance-sheet-annual.json",
        "fundamentalsTimeSeries-AAPL-financials-quarterly.json",
    ] {
        let Some(recorded) = file(name) else { return };
        let found = facts(read(&vendor(), &ask, LATER, &recorded));
        let source: Value = serde_json::from_slice(&recorded.body).unwrap();
        let mut wanted = 0;
        for result in source["timeseries"]["result"].as_array().unwrap() {
            let kind = result["meta"]["type"][0].as_str().unwrap();
            let field = crate::market::vendors::words::snake(kind).unwrap();
            for value in result[kind].as_array().into_iter().flatten().filter(|value| !value.is_null()) {
                wanted += 1;
                let end = value["asOfDate"].as_str().unwrap();
                let row = found.iter().find(|f| f.field.as_str() == field && f.period_end.to_string() == end);
                assert_eq!(row.map(|f| f.value), value["reportedValue"]["raw"].as_f64(), "{kind} {end}");
            }
        }
        assert_eq!(found.len(), wanted);
        assert!(wanted > 80, "{name} has {wanted}");
    }
    let fund = file("fundamentalsTimeSeries-QQQ-financials-quarterly.json").unwrap();
    assert_eq!(read(&vendor(), &Ask::Fundamentals(id("QQQ.XNYS")), LATER, &fund), Reply::Empty);
}

#[test]
fn headlines_come_from_the_feed_and_else_from_the_search() {
    let Some(feed) = file("handmade/rss_headline_BHP.AX.xml") else { return };
    let ask = |instruments: &[&str]| Ask::News {
        instruments: instruments.iter().map(|text| id(text)).collect(),
        since: time("2024-10-01T00:00:00Z"),
    };
    let found = news(read(&vendor(), &ask(&["BHP.XASX"]), LATER, &feed));
    let told: Vec<String> =
        found.iter().map(|n| format!("{} {}", n.headline.time, n.headline.headline)).collect();
    assert_eq!(
        told,
        ["2024-10-21T03:02:11Z Iron ore slips", "2024-10-22T22:15:00Z Miner lifts output guidance"]
    );
    let call = vendor().call(&ask(&["BHP.XASX"]), time(LATER)).unwrap();
    assert_eq!(call.host, Some("feeds.finance.yahoo.com"));
    let both = page(read(&vendor(), &ask(&["BHP.XASX", "AAPL.XNYS"]), LATER, &feed));
    assert_eq!(both.next.unwrap().query[0], ("s".to_owned(), "AAPL".to_owned()));
    let blocked = page(read(&vendor(), &ask(&["AAPL.XNYS"]), LATER, &plain(404, "<html>gone</html>")));
    let search = blocked.next.unwrap();
    assert_eq!(search.path, "/v1/finance/search");
    let recorded = file("search-AAPL.json").unwrap();
    let Recorded { status, content_type, body } = &recorded;
    let now = time(LATER);
    let response = Response { status: *status, retry_after: None, remaining: None, content_type, body, now };
    let found = news(vendor().read(&ask(&["AAPL.XNYS"]), &search, &response));
    let source: Value = serde_json::from_slice(&recorded.body).unwrap();
    let items = source["news"].as_array().unwrap();
    let about =
        |item: &&Value| item["relatedTickers"].as_array().is_some_and(|list| list.contains(&"AAPL".into()));
    assert_eq!(found.len(), items.iter().filter(about).count());
    assert!(found.iter().all(|n| items.iter().any(|item| item["title"] == n.headline.headline.as_str())));
}

#[test]
fn search_gives_what_can_be_traded_with_our_spelling() {
    let ask = Ask::Search("x".into());
    let Some(recorded) = file("search-AAPL.json") else { return };
    let found = listings(read(&vendor(), &ask, LATER, &recorded));
    let told: Vec<String> =
        found.iter().map(|l| format!("{} {:?} {}", l.symbol, l.exchange, l.sector)).collect();
    assert_eq!(told[0], "AAPL Some(Xnys) Technology");
    assert!(told.iter().all(|text| !text.contains("AAPL25")), "options are left out: {told:?}");
    for (name, symbol) in [("search-BJ0CDD2.json", "MNTN.L"), ("search-OCDO.L.json", "OCDO.L")] {
        let found = listings(read(&vendor(), &ask, LATER, &file(name).unwrap()));
        assert_eq!((found[0].symbol.as_str(), found[0].exchange), (symbol, None));
    }
    assert_eq!(read(&vendor(), &ask, LATER, &file("search-EURUSD_X.json").unwrap()), Reply::Empty);
    let odd = [
        "search-badResult.fake.json",
        "trendingSymbols-AU.json",
        "recommendationsBySymbol-AAPL.json",
        "weirdJsonResult.fake.json",
    ];
    for name in odd {
        let reply = read(&vendor(), &ask, LATER, &file(name).unwrap());
        assert!(matches!(reply, Reply::Malformed(_)), "{name}: {reply:?}");
    }
}

#[test]
fn calls_reach_to_today_and_minutes_come_in_windows() {
    let vendor = vendor();
    let now = time("2024-10-24T03:37:11Z");
    let (from, to) = ("2024-10-01".parse().unwrap(), "2024-10-02".parse().unwrap());
    let call = vendor.call(&Ask::Daily { instrument: id("BHP.XASX"), from, to }, now).unwrap();
    assert_eq!(call.path, "/v8/finance/chart/BHP.AX");
    let value = |name: &str| call.query.iter().find(|(n, _)| n == name).unwrap().1.parse::<i64>().unwrap();
    assert_eq!(UnixNanos::from_seconds(value("period1")).to_string(), "2024-09-30T14:00:00Z");
    assert_eq!(UnixNanos::from_seconds(value("period2")).to_string(), "2024-10-24T13:00:00Z");
    let minutes = |from: &str, to: &str, page| {
        let span = (id("AAPL.XNYS"), from.parse().unwrap(), to.parse().unwrap());
        vendor.minutes(span, now, page).map(|call| call.page)
    };
    assert_eq!(
        [minutes("2024-10-10", "2024-10-23", 0), minutes("2024-10-10", "2024-10-23", 1)],
        [Some(0), Some(1)]
    );
    assert_eq!(minutes("2024-10-10", "2024-10-23", 2), None);
    assert_eq!(minutes("2023-01-01", "2023-02-01", 0), None, "too long ago");
    assert!(vendor.call(&daily("AAPL.SIM"), now).is_none());
    assert!(!vendor.has(DataKind::Daily, Exchange::Sim) && vendor.has(DataKind::Quotes, Exchange::Xasx));
}

/// Bars as it served them, and as they were put right by others: what is wrong with them is `repair`'s business.
const SERVED: [&str; 7] = [
    "8TRA-DE-1d-missing-div-adjust",
    "AET-L-1d-100x-error",
    "ASAI-L-1h-bad-unit",
    "CNE-L-1d-bad-stock-split",
    "DEX-AX-1d-bad-stock-split",
    "MOB-ST-1d-bad-stock-split",
    "SPM-MI-1d-bad-stock-split",
];

/// A file of served bars as the chart that they came in, at ten o'clock in Sydney, and its number of rows.
fn as_chart(csv: &str) -> (String, usize) {
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<_>>().join(",");
    let sydney = crate::domain::calendar::zone::Zone::bundled("Australia/Sydney").unwrap();
    let stamp = |row: &Vec<&str>| {
        let open = NaiveTime::from_hms_opt(10, 0, 0).unwrap();
        let time = sydney.instant(row[0][..10].parse().unwrap(), open).unwrap();
        time.to_datetime().timestamp().to_string()
    };
    let stamps: Vec<String> = rows.iter().map(stamp).collect();
    let [open, high, low, close, volume] = [1, 2, 3, 4, 6].map(column);
    let quote =
        format!(r#"{{"open":[{open}],"high":[{high}],"low":[{low}],"close":[{close}],"volume":[{volume}]}}"#);
    let body = format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"DEX.AX"}},"timestamp":[{}],"indicators":{{"quote":[{quote}]}}}}]}}}}"#,
        stamps.join(",")
    );
    (body, rows.len())
}

#[test]
fn served_bars_are_all_read_or_refused_and_none_is_lost() {
    let mut named: Vec<String> = SERVED.iter().map(|name| format!("{name}.csv")).collect();
    named.extend(SERVED.iter().map(|name| format!("{name}-fixed.csv")));
    let names: Vec<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(not_named("yahoo_quality", &names), Vec::<String>::new());
    for name in names.iter().filter(|name| name.contains("-1d-")) {
        let Some(recorded) = recorded(&format!("yahoo_quality/{name}")) else { return };
        let (body, rows) = as_chart(std::str::from_utf8(&recorded.body).unwrap());
        let (found, rejected) = series(read(&vendor(), &daily("DEX.XASX"), LATER, &plain(200, &body)));
        assert_eq!(found.bars.len() + rejected.len(), rows, "{name}: {rejected:?}");
        // Days on which Sydney does not trade; where it does, every row is sound in itself.
        assert!(rejected.iter().all(|row| row.reason.code() == "NOT_A_SESSION"), "{name}: {rejected:?}");
        assert!(!name.starts_with("DEX") || rejected.is_empty(), "{name}: {rejected:?}");
    }
}
