//! Every hand-made answer of the site against what is known of it, and the calls that are made.

use std::collections::BTreeSet;

use super::*;
use crate::domain::market::ActionKind;
use crate::market::testing::shared;
use crate::market::vendors::{Listings, Page, Payload};

const NOW: &str = "2026-03-01T01:00:00Z";

fn vendor() -> AsxSite {
    AsxSite::new(Calendars::bundled().unwrap())
}

fn id(symbol: &str) -> InstrumentId {
    InstrumentId::new(symbol.parse().unwrap(), Exchange::Xasx)
}

fn day(text: &str) -> chrono::NaiveDate {
    text.parse().unwrap()
}

fn answer(ask: &Ask, call: &Call, status: u16, body: &[u8]) -> Reply {
    let now = NOW.parse().unwrap();
    vendor().read(
        ask,
        call,
        &Response { status, retry_after: None, remaining: None, content_type: "text/html", body, now },
    )
}

fn read(ask: &Ask, status: u16, body: &[u8]) -> Reply {
    answer(ask, &vendor().call(ask, NOW.parse().unwrap()).unwrap(), status, body)
}

fn page(reply: Reply) -> Page {
    match reply {
        Reply::Data(page) => *page,
        other => panic!("{other:?}"),
    }
}

fn header() -> Ask {
    Ask::Quotes(vec![id("QRE")])
}

fn directory() -> Ask {
    Ask::Directory { exchange: Exchange::Xasx, on: None }
}

fn dividends(from: &str) -> Ask {
    Ask::Dividends { instrument: id("QRE"), from: day(from), to: day("2026-12-31") }
}

fn listings(body: &[u8]) -> Listings {
    let Payload::Listings(listings) = page(read(&directory(), 200, body)).payload else { panic!() };
    listings
}

fn check_quote(body: &[u8], ask: &str, before: &str) {
    let Payload::Quotes(quotes) = page(read(&header(), 200, body)).payload else { panic!() };
    let quote = &quotes[0];
    assert_eq!(quote.last.unwrap().to_string(), "4.07");
    assert_eq!(quote.ask.unwrap().0.to_string(), ask);
    assert_eq!(quote.previous_close.unwrap().to_string(), before);
    assert_eq!(quote.volume.unwrap().to_string(), "8096299");
}

fn check_statistics(body: &[u8]) {
    let Payload::Facts(facts) = page(read(&Ask::Fundamentals(id("QRE")), 200, body)).payload else {
        panic!()
    };
    let of = |name: &str| facts.iter().find(|f| f.field.as_str() == name).unwrap().value;
    assert_eq!((of("franking_percent"), of("eps"), of("shares")), (100.0, 0.51268, 506_232_319.0));
    assert!(facts.iter().all(|fact| fact.known_at == day("2026-03-01")));
    let Payload::Actions(actions) = page(read(&dividends("2026-01-01"), 200, body)).payload else { panic!() };
    let paid = ActionKind::Dividend { amount: "0.08".parse().unwrap(), pay_date: day("2026-03-28") };
    assert_eq!((actions[0].date, actions[0].kind), (day("2026-03-05"), paid));
    assert_eq!(read(&dividends("2026-03-06"), 200, body), Reply::Empty);
}

fn check_announcements(body: &[u8]) {
    let ask =
        Ask::News { instruments: vec![id("QRE"), id("14D")], since: "2026-02-11T00:00:00Z".parse().unwrap() };
    let page = page(read(&ask, 200, body));
    assert_eq!(page.next.unwrap().path, "/asx-research/1.0/companies/14D/announcements");
    let Payload::News(news) = page.payload else { panic!() };
    assert_eq!(news.len(), 2);
    assert_eq!(news[0].headline.time.to_string(), "2026-02-26T22:31:05Z");
    let tags: Vec<&str> = news[0].tags.iter().map(|tag| tag.as_str()).collect();
    assert_eq!(tags, ["PERIODIC REPORTS", "price sensitive"]);
    assert_eq!(news[1].tags.len(), 1);
}

fn check_directory(body: &[u8]) {
    let all = listings(body);
    let rows: Vec<(&str, &str)> = all.iter().map(|l| (l.symbol.as_str(), l.sector.as_str())).collect();
    let wanted =
        [("14D", "Capital Goods"), ("QRE", "Materials"), ("SUSP", "Software & Services"), ("ETFX", "")];
    assert_eq!(rows, wanted);
    assert_eq!((all[0].listed, all[0].exchange), (Some(day("2018-09-12")), Some(Exchange::Xasx)));
}

fn check(name: &str, body: &[u8]) {
    match name {
        "header_QRE.json" => check_quote(body, "4.1107", "4.06"),
        "legacy_share_QRE.json" => check_quote(body, "4.08", "4.06"),
        "key-statistics_QRE.json" => check_statistics(body),
        "announcements_QRE.json" => check_announcements(body),
        "directory.csv" => check_directory(body),
        "ASXListedCompanies_legacy.csv" => {
            let all = listings(body);
            assert_eq!((all.len(), all[0].symbol.as_str(), all[0].listed), (2, "QRE", None));
            assert_eq!(all[0].name.as_str(), "QUARTZ RESOURCES LIMITED");
        }
        "error_400_symbol.json" => {
            assert_eq!(read(&header(), 400, body), Reply::NotFound);
            assert_eq!(read(&dividends("2026-01-01"), 400, body), Reply::NotFound);
        }
        "imperva_block.html" => {
            for status in [200, 403] {
                for ask in [header(), directory(), dividends("2026-01-01")] {
                    assert!(matches!(read(&ask, status, body), Reply::Blocked(_)), "{ask:?}");
                }
            }
        }
        other => panic!("nothing is known of {other}"),
    }
}

#[test]
fn every_known_answer_is_what_is_said_of_it() {
    let Some(folder) = shared("vendors/asx/handmade") else { return };
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
    // The files of the folder `eod` are imported, not asked for; the import's tests have them.
    let names: BTreeSet<String> =
        entries.map(|e| e.file_name().into_string().unwrap()).filter(|n| n != "eod").collect();
    assert_eq!(names.len(), 8);
    for name in names {
        check(&name, &std::fs::read(folder.join(&name)).unwrap());
    }
}

#[test]
fn an_unknown_code_among_several_does_not_end_the_others() {
    let ask = Ask::Quotes(vec![id("NOSUCH"), id("QRE")]);
    let unknown = br#"{"error":{"code":400,"message":"Bad Request: Symbol not found"}}"#;
    let next = page(read(&ask, 400, unknown)).next.unwrap();
    assert_eq!((next.path.as_str(), next.page), ("/asx-research/1.0/companies/QRE/header", 1));
    assert_eq!(answer(&ask, &next, 400, unknown), Reply::NotFound);
}

#[test]
fn columns_of_the_list_are_found_whatever_their_capitals() {
    let drifted = b"\xef\xbb\xbfASX Code,COMPANY NAME,GICS Industry Group,Listing Date,Market Cap\nBHP,\"BHP, LTD\",Materials,13/08/1885,9\n";
    assert_eq!(listings(drifted)[0].name.as_str(), "BHP, LTD");
    assert!(matches!(read(&directory(), 404, b"gone"), Reply::BadRequest(_)));
    assert!(matches!(read(&directory(), 200, b"a,b\n1,2\n"), Reply::Malformed(_)));
    assert!(matches!(
        read(&directory(), 200, b"{\"error\":{\"message\":\"Bad Request\"}}"),
        Reply::BadRequest(_)
    ));
}

#[test]
fn a_busy_server_is_waited_for_and_another_company_is_not_believed() {
    assert!(matches!(read(&header(), 503, b"<html>down</html>"), Reply::Transient(_)));
    assert!(matches!(read(&header(), 429, b""), Reply::RateLimited { .. }));
    assert!(matches!(
        read(&header(), 200, br#"{"data":{"symbol":"BHP","priceLast":1}}"#),
        Reply::Malformed(_)
    ));
    assert_eq!(
        vendor().call(
            &Ask::Quotes(vec![InstrumentId::new("AAPL".parse().unwrap(), Exchange::Xnys)]),
            NOW.parse().unwrap()
        ),
        None
    );
}
