//! Random damage done to every recorded answer: nothing panics, and nothing bad is taken for good.
//!
//! Each parser gets bodies of its vendor with bits flipped, pieces cut, deleted, doubled or spliced in from another
//! body, and numbers swapped for awkward ones. What comes back, and what repairs make of it, is held against what a
//! store relies on. The sequence depends on a seed alone. A long run (`QLIB_PRO_LONG=1`) does a million to each parser, the gate one per cent.

use chrono::NaiveDate;

use super::alpha_vantage::AlphaVantage;
use super::asx::AsxSite;
use super::polygon::Polygon;
use super::recorded::{not_named, recorded, time};
use super::rows::{REFUSED_MAX, SETTLED_AFTER_SECONDS};
use super::yahoo::Yahoo;
use super::{Ask, Call, MinuteBar, Page, Payload, Reply, Response, Series, Vendor, VendorQuote};
use crate::domain::calendar::{Calendar, Calendars};
use crate::domain::market::{ActionKind, CorporateAction, DailyBar};
use crate::domain::testing::{share, split_mix};
use crate::domain::{Exchange, InstrumentId, Price, UnixNanos};
use crate::market::import::check_prices;
use crate::market::repair::Suspect;
use crate::market::validate::sift;

/// Damaged bodies of one parser: in a long run, and in the gate.
const LONG_RUN: u64 = 1_000_000;
const GATE_RUN: u64 = 10_000;
/// Bodies above this size are taken once in this many times.
const LARGE_BYTES: usize = 12_000;
const LARGE_RARITY: usize = 200;
/// When the answers come.
const NOW: &str = "2026-11-20T12:00:00Z";
/// Days of the wishes.
const SPAN: (&str, &str) = ("1990-01-01", "2026-11-20");
/// Texts that come to stand where a number stood.
const AWKWARD: [&str; 24] = [
    "NaN",
    "-Infinity",
    "null",
    "\"\"",
    "0",
    "-1",
    "-0",
    "0.0000000001",
    "1e-400",
    "1e308",
    "1e400",
    "-5.5",
    "true",
    "9223372036854775807",
    "9223372036.854775807",
    "-9223372036854775808",
    "99999999999999999999",
    "[]",
    "{}",
    "2099-01-01",
    "\"None\"",
    "100",
    "1763596800",
    "1763596800000",
];

/// Numbers from a seed.
pub(in crate::market) struct Chance(pub u64);

impl Chance {
    pub(in crate::market) fn below(&mut self, end: usize) -> usize {
        (split_mix(&mut self.0) % end.max(1) as u64) as usize
    }

    pub(in crate::market) fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// A vendor, the wishes its bodies are read for, and the bodies.
struct Parser {
    vendor: Box<dyn Vendor>,
    calendars: Calendars,
    wishes: Vec<(Ask, Call)>,
    bodies: Vec<Vec<u8>>,
    /// Wish and body that belong together: there is data.
    pairs: Vec<(usize, usize)>,
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The wish that a word and an instrument, exchange or day stand for.
fn wish(kind: &str, of: &str) -> Ask {
    let (from, to) = (day(SPAN.0), day(SPAN.1));
    let id = || of.parse::<InstrumentId>().unwrap();
    match kind {
        "daily" => Ask::Daily { instrument: id(), from, to },
        "minutes" => Ask::Minutes { instrument: id(), from, to },
        "splits" => Ask::Splits { instrument: id(), from, to },
        "dividends" => Ask::Dividends { instrument: id(), from, to },
        "quotes" => Ask::Quotes(vec![id(), "BABA.XNYS".parse().unwrap()]),
        "figures" => Ask::Fundamentals(id()),
        "news" => Ask::News { instruments: vec![id()], since: time("2000-01-01T00:00:00Z") },
        "search" => Ask::Search(of.into()),
        "session" => Ask::Session,
        "directory" => Ask::Directory { exchange: of.parse().unwrap(), on: None },
        "grouped" => Ask::GroupedDaily { exchange: Exchange::Xnys, date: day(of) },
        _ => panic!("no such wish: {kind}"),
    }
}

impl Parser {
    /// With every file of a folder of the shared data; `None` without it.
    fn new(vendor: Box<dyn Vendor>, folder: &str, wishes: &[(&str, &str)]) -> Option<Self> {
        let names = not_named(folder, &[]);
        let read_body = |name: &String| recorded(&format!("{folder}/{name}")).unwrap().body;
        let bodies: Vec<Vec<u8>> =
            names.iter().filter(|name| !name.contains("expected/")).map(read_body).collect();
        let calls = wishes.iter().map(|(kind, of)| {
            let ask = wish(kind, of);
            let call = vendor.call(&ask, time(NOW)).unwrap_or_else(|| panic!("no call for {kind} {of}"));
            (ask, call)
        });
        let wishes = calls.collect();
        let calendars = Calendars::bundled().unwrap();
        let mut parser = Self { vendor, calendars, wishes, bodies, pairs: Vec::new() };
        for wish in 0..parser.wishes.len() {
            for body in 0..parser.bodies.len() {
                let reply = parser.read(wish, &parser.bodies[body], 200);
                if matches!(reply, Reply::Data(_)) {
                    parser.pairs.push((wish, body));
                }
            }
            let answered = parser.pairs.last().is_some_and(|(last, _)| *last == wish);
            assert!(answered || parser.bodies.is_empty(), "nothing answers {:?}", parser.wishes[wish].0);
        }
        (!parser.bodies.is_empty()).then_some(parser)
    }

    fn read(&self, wish: usize, body: &[u8], status: u16) -> Reply {
        let (ask, call) = &self.wishes[wish];
        let content_type = "application/json";
        let response =
            Response { status, retry_after: None, remaining: None, content_type, body, now: time(NOW) };
        self.vendor.read(ask, call, &response)
    }

    fn run(&self, seed: u64) {
        let mut chance = Chance(seed);
        let (run, mut with_data) = (share(LONG_RUN, GATE_RUN), 0);
        for _ in 0..run {
            let (wish, body) = self.choose(&mut chance);
            // Every second body stays JSON.
            let text = damaged(&self.bodies, body, &mut chance);
            let status = if chance.below(20) == 0 { *chance.of(&[401, 404, 429, 500, 302]) } else { 200 };
            let reply = self.read(wish, &text, status);
            if let Reply::Data(page) = reply {
                with_data += 1;
                let faults = self.faults(&self.wishes[wish].0, &page, text.len());
                let shown = String::from_utf8_lossy(&text);
                assert!(faults.is_empty(), "{faults:?} in {:?}\n{shown}", self.wishes[wish].0);
            }
        }
        // Damage that nothing survives would show nothing.
        assert!(with_data * 4 > run, "{with_data} of {run} had data");
    }

    /// Mostly a wish with its own answer, now and then with any; large bodies seldom.
    fn choose(&self, chance: &mut Chance) -> (usize, usize) {
        loop {
            let strange = chance.below(16) == 0;
            let any = (chance.below(self.wishes.len()), chance.below(self.bodies.len()));
            let (wish, body) = if strange { any } else { *chance.of(&self.pairs) };
            if self.bodies[body].len() <= LARGE_BYTES || chance.below(LARGE_RARITY) == 0 {
                return (wish, body);
            }
        }
    }

    /// What of a page a store could not rely on.
    fn faults(&self, ask: &Ask, page: &Page, body_bytes: usize) -> Vec<String> {
        let mut faults = Vec::new();
        let rows = match &page.payload {
            Payload::Series(series) => self.series_faults(ask, series, &mut faults),
            Payload::Minutes(minutes) => self.minute_faults(ask, &minutes.bars, &mut faults),
            Payload::Quotes(quotes) => {
                faults.extend(quotes.iter().filter(|quote| !is_quote(quote)).map(|q| format!("{q:?}")));
                quotes.len()
            }
            Payload::Actions(actions) => {
                faults.extend(actions.iter().filter(|action| !is_action(action)).map(|a| format!("{a:?}")));
                actions.len()
            }
            Payload::Facts(facts) => {
                faults.extend(facts.iter().filter(|fact| !fact.value.is_finite()).map(|f| format!("{f:?}")));
                facts.len()
            }
            Payload::News(news) => {
                let bad = |tone: Option<f64>| tone.is_some_and(|tone| !(-1.0..=1.0).contains(&tone));
                let late = |at: UnixNanos| at > time(NOW);
                let bad = news.iter().filter(|n| bad(n.tone) || late(n.headline.time));
                faults.extend(bad.map(|n| format!("{n:?}")));
                news.len()
            }
            Payload::Listings(listings) => listings.len(),
            Payload::Session(_) => 1,
        };
        // Every row has bytes of its own, so a body of a bounded size cannot become much.
        if rows + page.rejected.len() > body_bytes || page.rejected.len() > REFUSED_MAX {
            faults.push(format!("{rows} rows of {body_bytes} bytes"));
        }
        let elsewhere = |call: &Call| {
            let foreign = call.host.is_some_and(|host| !self.vendor.hosts().contains(&host));
            foreign || !call.path.starts_with('/') || call.path.starts_with("//") || call.path.contains('\\')
        };
        faults.extend(page.next.iter().filter(|call| elsewhere(call)).map(|call| format!("{call:?}")));
        faults
    }

    fn series_faults(&self, ask: &Ask, series: &Series, faults: &mut Vec<String>) -> usize {
        let good = |bar: &DailyBar| {
            let calendar = self.calendars.of(bar.instrument.exchange);
            let over = closes(calendar, bar.session).is_some_and(|close| close <= time(NOW));
            over && is_bar([bar.open, bar.high, bar.low, bar.close]) && !bar.volume.is_negative()
        };
        faults.extend(series.bars.iter().filter(|bar| !good(bar)).map(|bar| format!("{bar:?}")));
        let key = |bar: &DailyBar| (bar.session, bar.instrument);
        let unsorted = series.bars.windows(2).filter(|pair| key(&pair[0]) >= key(&pair[1]));
        faults.extend(unsorted.map(|pair| format!("order: {pair:?}")));
        faults.extend(series.actions.iter().filter(|action| !is_action(action)).map(|a| format!("{a:?}")));
        if let Ask::Daily { instrument, from, to } = ask {
            let ours =
                |bar: &&DailyBar| bar.instrument == *instrument && *from <= bar.session && bar.session <= *to;
            faults
                .extend(series.bars.iter().filter(|bar| !ours(bar)).map(|bar| format!("not asked: {bar:?}")));
        }
        if let Some(first) = series.bars.first() {
            self.sifted_faults(first.instrument.exchange, series, faults);
        }
        series.bars.len() + series.actions.len()
    }

    /// What goes on to the store, after repairs.
    fn sifted_faults(&self, exchange: Exchange, series: &Series, faults: &mut Vec<String>) {
        if series.bars.windows(2).any(|pair| pair[0].instrument != pair[1].instrument) {
            return;
        }
        let calendar = self.calendars.of(exchange);
        let sifted = sift(&[], &Suspect::new(&series.bars, series.basis, &series.actions), calendar);
        let good = |bar: &DailyBar| {
            let known = calendar.session_on(bar.session).is_some();
            known && is_bar([bar.open, bar.high, bar.low, bar.close]) && !bar.volume.is_negative()
        };
        faults.extend(sifted.bars.iter().filter(|bar| !good(bar)).map(|bar| format!("repaired: {bar:?}")));
        let unsorted = sifted.bars.windows(2).filter(|pair| pair[0].session >= pair[1].session);
        faults.extend(unsorted.map(|pair| format!("order after repair: {pair:?}")));
        let bad = sifted.actions.iter().filter(|action| !is_action(action));
        faults.extend(bad.map(|action| format!("repaired: {action:?}")));
    }

    fn minute_faults(&self, ask: &Ask, bars: &[MinuteBar], faults: &mut Vec<String>) -> usize {
        let Ask::Minutes { instrument, from, to } = ask else {
            faults.push("minutes that nobody asked for".to_owned());
            return bars.len();
        };
        let calendar = self.calendars.of(instrument.exchange);
        let good = |bar: &MinuteBar| {
            let session = calendar.date_at(bar.from);
            let whole = bar.from.nanos() % 60_000_000_000 == 0 && bar.from.plus_millis(60_000) <= time(NOW);
            let known = calendar.session_on(session).is_some() && *from <= session && session <= *to;
            whole && known && is_bar([bar.open, bar.high, bar.low, bar.close]) && !bar.volume.is_negative()
        };
        faults.extend(bars.iter().filter(|bar| !good(bar)).map(|bar| format!("{bar:?}")));
        let unsorted = bars.windows(2).filter(|pair| pair[0].from >= pair[1].from);
        faults.extend(unsorted.map(|pair| format!("order: {pair:?}")));
        bars.len()
    }
}

fn closes(calendar: &Calendar, session: NaiveDate) -> Option<UnixNanos> {
    let close = calendar.session_on(session)?.close;
    Some(close.plus_millis(SETTLED_AFTER_SECONDS * 1_000))
}

fn is_bar([open, high, low, close]: [Price; 4]) -> bool {
    check_prices(open, high, low, close).is_ok()
}

fn is_quote(quote: &VendorQuote) -> bool {
    let prices = [quote.last, quote.previous_close, quote.bid.map(|b| b.0), quote.ask.map(|a| a.0)];
    let sizes = [quote.bid.map(|b| b.1), quote.ask.map(|a| a.1)];
    let positive = prices.iter().flatten().all(|price| price.is_positive());
    let sized = sizes.iter().flatten().all(|size| !size.is_negative());
    let late = quote.time.is_some_and(|at| at > time(NOW));
    positive && sized && !late && !quote.volume.is_some_and(|volume| volume.is_negative())
}

fn is_action(action: &CorporateAction) -> bool {
    match action.kind {
        ActionKind::Split(ratio) => {
            ratio.new.is_positive() && ratio.old.is_positive() && ratio.new != ratio.old
        }
        ActionKind::Dividend { amount, .. } => amount.is_positive(),
    }
}

/// A damaged copy of a text; a gentle one keeps its form, only numbers are swapped.
pub(in crate::market) fn damaged(bodies: &[Vec<u8>], body: usize, chance: &mut Chance) -> Vec<u8> {
    let mut text = bodies[body].clone();
    let gentle = chance.below(2) == 0;
    for _ in 0..=chance.below(4) {
        let at = chance.below(text.len());
        if gentle { swap_number(&mut text, at, chance) } else { damage(bodies, &mut text, chance) }
    }
    text
}

fn damage(bodies: &[Vec<u8>], text: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(text.len());
    let end = (at + 1 + chance.below(40)).min(text.len());
    match chance.below(9) {
        0 if at < text.len() => text[at] ^= 1 << chance.below(8),
        1 if at < text.len() => text[at] = chance.below(256) as u8,
        2 => text.truncate(at),
        3 if at < end => drop(text.drain(at..end)),
        4 if at < end => {
            let doubled = text[at..end].to_vec();
            text.splice(at..at, doubled);
        }
        5 => {
            let other = chance.below(bodies.len());
            let other = &bodies[other];
            let from = chance.below(other.len());
            let piece = &other[from..(from + chance.below(200)).min(other.len())];
            text.splice(at..end, piece.iter().copied());
        }
        _ => swap_number(text, at, chance),
    }
}

/// Puts something awkward where the first number at or behind `at` stands.
fn swap_number(text: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let plain = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+');
    let Some(start) = text.iter().skip(at).position(|b| b.is_ascii_digit()).map(|found| at + found) else {
        return;
    };
    let length = text.iter().skip(start).take_while(|b| plain(b)).count();
    let with = chance.of(&AWKWARD).bytes();
    text.splice(start..start + length, with);
}

#[test]
fn damaged_answers_of_alpha_vantage_are_no_danger() {
    let vendor = Box::new(AlphaVantage::new(Calendars::bundled().unwrap()));
    let wishes = [
        ("daily", "IBM.XNYS"),
        ("daily", "QVEX.XNYS"),
        ("splits", "QVEX.XNYS"),
        ("minutes", "MSFT.XNYS"),
        ("quotes", "MSFT.XNYS"),
        ("figures", "IBM.XNYS"),
        ("news", "AAPL.XNYS"),
        ("search", "BA"),
    ];
    if let Some(parser) = Parser::new(vendor, "alphavantage", &wishes) {
        parser.run(1);
    }
}

#[test]
fn damaged_answers_of_yahoo_are_no_danger() {
    let vendor = Box::new(Yahoo::new(Calendars::bundled().unwrap()));
    let wishes = [
        ("daily", "BHP.XASX"),
        ("daily", "AAPL.XNYS"),
        ("daily", "NVDA.XNYS"),
        ("dividends", "BHP.XASX"),
        ("quotes", "AAPL.XNYS"),
        ("figures", "AAPL.XNYS"),
        ("news", "BHP.XASX"),
        ("search", "x"),
        ("session", ""),
    ];
    if let Some(parser) = Parser::new(vendor, "yahoo", &wishes) {
        parser.run(2);
    }
}

#[test]
fn damaged_answers_of_polygon_are_no_danger() {
    let vendor = Box::new(Polygon::new(Calendars::bundled().unwrap()));
    let wishes = [
        ("daily", "QVEX.XNYS"),
        ("daily", "KRNL.XNYS"),
        ("grouped", "2020-10-14"),
        ("minutes", "AAPL.XNYS"),
        ("splits", "SHOP.XNYS"),
        ("dividends", "CSSEN.XNYS"),
        ("quotes", "AAPL.XNYS"),
        ("figures", "NXPI.XNYS"),
        ("news", "NFLX.XNYS"),
        ("search", "agilent"),
        ("directory", "XNYS"),
    ];
    if let Some(parser) = Parser::new(vendor, "polygon", &wishes) {
        parser.run(3);
    }
}

#[test]
fn damaged_answers_of_the_australian_exchange_are_no_danger() {
    let vendor = Box::new(AsxSite::new(Calendars::bundled().unwrap()));
    let of = "QRE.XASX";
    let wishes = [("quotes", of), ("figures", of), ("dividends", of), ("news", of), ("directory", "XASX")];
    if let Some(parser) = Parser::new(vendor, "asx", &wishes) {
        parser.run(4);
    }
}
