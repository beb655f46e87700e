//! Screens full of everything, for tests of panes and of the terminal around them.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use crate::domain::event::HaltMode;
use crate::domain::limit::{LimitName, Scope, VersionStatus, WorkingOrders};
use crate::domain::notice::NoticeLevel;
use crate::domain::role::{Reach, RiskTolerance, Role};
use crate::domain::{
    AccountKind, Capability, Exchange, InstrumentId, OrderStatus, OrderType, RefusalCode, Side, TimeInForce,
    UnixNanos,
};
use crate::service::view::*;

mod data;
mod lab;
mod orders;
pub use lab::{lab, no_lab, research};

/// Market time of the fixtures: half past two in New York on 2024-11-20.
pub const MARKET_TIME: &str = "2024-11-20T19:30:00Z";

fn p<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("fixture value {text}"))
}

fn at(text: &str) -> UnixNanos {
    p(&format!("2024-11-{text}Z"))
}

fn id(symbol: &str) -> InstrumentId {
    InstrumentId::new(p(symbol), Exchange::Xnys)
}

/// Nothing but a person: every list is empty.
pub fn empty(role: Role) -> Screen {
    Screen {
        version: 1,
        wall: p(MARKET_TIME),
        user: p(role.demo_name()),
        role,
        capabilities: Capability::all().filter(|c| role.reach(*c) != Reach::None).collect(),
        mode: Mode::Paper,
        ownership: Ownership::Owner,
        data: DataState {
            simulated: false,
            session_open: true,
            market_time: Some(p(MARKET_TIME)),
            market_clock: "2024-11-20 14:30 New York".to_owned(),
            live: false,
            speed: 0,
            text: "polygon 1s  asx closed  file 12 names".to_owned(),
            warning: false,
        },
        account: None,
        accounts: Vec::new(),
        watchlist: Vec::new(),
        chart: None,
        positions: Vec::new(),
        equity: Vec::new(),
        orders: Vec::new(),
        history: Vec::new(),
        signals: None,
        limits: None,
        breaches: None,
        differences: None,
        halted: Vec::new(),
        insights: Vec::new(),
        news: Vec::new(),
        notices: Vec::new(),
        unread: 0,
        users: None,
        log: None,
        health: None,
        settings: Vec::new(),
        data_health: None,
    }
}

/// The trader's screen.
pub fn screen() -> Screen {
    for_role(Role::Trader)
}

/// A full screen as a role would see it: what the role may not see is not in it.
pub fn for_role(role: Role) -> Screen {
    let mut screen = empty(role);
    let may = |c: Capability| role.reach(c) != Reach::None;
    screen.account = Some(p("desk"));
    screen.accounts = vec![account("desk", None), account("sim-kim", Some("kim"))];
    screen.watchlist = watchlist(may(Capability::ViewSignals));
    screen.chart = Some(chart());
    screen.positions = positions();
    screen.equity = equity();
    screen.orders = orders::orders(may(Capability::ViewLimits));
    screen.history = history();
    screen.signals = may(Capability::ViewSignals).then(signals);
    screen.limits = may(Capability::ViewLimits).then(limits);
    screen.breaches = may(Capability::ViewLimits).then(breaches);
    screen.differences = may(Capability::ViewLimits).then(differences);
    screen.insights = insights();
    screen.news = news();
    screen.notices = notices();
    screen.unread = 2;
    screen.users = may(Capability::Administer).then(users);
    screen.log = may(Capability::Administer).then(log);
    screen.health = may(Capability::Administer).then(health);
    screen.settings = settings();
    screen.data_health = may(Capability::ManageData).then(|| std::sync::Arc::new(data::health()));
    if role.gets_simulation_account() {
        screen.mode = Mode::Simulated;
        screen.account = Some(p("sim-kim"));
        screen.accounts.retain(|a| a.owner.is_some());
        screen.data.speed = 5;
    }
    screen
}

fn differences() -> Differences {
    let row = |difference: &str, remedy: &str, quantity: Option<&str>| DifferenceRow {
        account: p("alp"),
        difference: difference.to_owned(),
        since: Some(at("20T16:12:00")),
        remedy: remedy.to_owned(),
        instrument: difference.split_once(": ").map(|(id, _)| p(id)),
        quantity: quantity.map(p),
        asked_by: None,
        cost: None,
    };
    let more = "two people who control risk can take it over; else correct it at the broker";
    let asked = DifferenceRow {
        asked_by: Some(p("root")),
        cost: Some(p("500")),
        ..row("JPM.XNYS: 0 here and 5 at the broker", more, Some("5"))
    };
    let lost = "look for it at the broker; if it is not there, cancel it here";
    let rows = vec![
        row("AAPL.XNYS: 10 here and 15 at the broker", more, Some("5")),
        asked,
        row("order 1044 works here and is not known at the broker", lost, None),
    ];
    Differences { at: p(MARKET_TIME), rows }
}

fn account(name: &str, owner: Option<&str>) -> Account {
    Account {
        account: p(name),
        kind: if owner.is_some() { AccountKind::Simulation } else { AccountKind::Paper },
        owner: owner.map(p),
        exchange: Some(Exchange::Xnys),
        currency: p("USD"),
        cash: p("158626.10"),
        equity: Some(p("250884.35")),
        day_open_equity: Some(p("249680.35")),
        day_profit: Some(p("1204")),
        day_return: Some(p("0.004822")),
        open_profit: Some(p("8320")),
        realized: p("-310.5"),
        fees: p("42.25"),
        gross_exposure: Some(p(if owner.is_some() { "0.182" } else { "0.457" })),
        market_time: Some(p(MARKET_TIME)),
        trigger: crate::domain::TriggerType::Last,
    }
}

/// Symbol, name, last, change, volume, seconds old, rank, held.
type Watched = (&'static str, &'static str, &'static str, &'static str, &'static str, i64, u32, &'static str);

fn watchlist(ranked: bool) -> Vec<WatchRow> {
    const ROWS: [Watched; 12] = [
        ("AAPL", "Apple Inc.", "231.42", "0.0112", "41200000", 1, 3, "150"),
        ("MSFT", "Microsoft Corporation", "508.1", "-0.0031", "17800000", 1, 8, "40"),
        ("NVDA", "NVIDIA Corporation", "183.22", "0.0297", "217000000", 0, 1, "200"),
        ("GOOGL", "Alphabet Inc. Class A", "201.77", "0.004", "22000000", 1, 41, "0"),
        ("AMZN", "Amazon.com, Inc.", "219.36", "-0.0088", "30500000", 2, 287, "0"),
        ("META", "Meta Platforms, Inc.", "741.05", "0.0015", "11300000", 1, 36, "20"),
        ("TSLA", "Tesla, Inc.", "395.56", "-0.0314", "58100000", 0, 497, "30"),
        ("JPM", "JPMorgan Chase & Co.", "298.44", "0.0027", "8800000", 3, 18, "0"),
        ("XOM", "Exxon Mobil Corporation", "112.9", "-0.0102", "14400000", 1, 430, "-100"),
        ("TEPCO", "東京電力ホールディングス", "6.125", "0", "980", 1_200, 120, "0"),
        ("BRK.B", "Berkshire Hathaway", "488.6", "0.001", "3400000", 200_000, 0, "0"),
        ("NEWCO", "Newly Listed plc", "", "", "", 0, 0, "0"),
    ];
    let now: UnixNanos = p(MARKET_TIME);
    let row = |(symbol, name, last, change, volume, age, rank, held): Watched| WatchRow {
        symbol: p(symbol),
        instrument: id(symbol),
        name: name.to_owned(),
        last_price: last.parse().ok(),
        change: change.parse().ok(),
        bid: (symbol == "AAPL").then(|| (p("231.41"), p("300"))),
        ask: (symbol == "AAPL").then(|| (p("231.43"), p("500"))),
        volume: volume.parse().ok(),
        price_time: (!last.is_empty()).then(|| now.plus_nanos(-age * 1_000_000_000)),
        stale: age > 100_000,
        source: "polygon".to_owned(),
        asked: None,
        rank: Some(rank).filter(|r| ranked && *r > 0),
        held: p(held),
        currency: p("USD"),
    };
    ROWS.into_iter().map(row).collect()
}

/// Weekdays up to 2024-11-20, oldest first.
fn sessions(count: usize) -> Vec<NaiveDate> {
    let last = NaiveDate::from_ymd_opt(2024, 11, 20).unwrap();
    let back = (0..).map(|days| last - Days::new(days));
    let mut days: Vec<NaiveDate> =
        back.filter(|d| !matches!(d.weekday(), Weekday::Sat | Weekday::Sun)).take(count).collect();
    days.reverse();
    days
}

/// A gentle walk that ends near `last` times one.
fn walk(step: usize) -> f64 {
    let t = step as f64;
    1.0 + 0.06 * libm::sin(t / 17.0) + 0.025 * libm::sin(t / 5.3) + 0.012 * libm::sin(t * 1.7) + t * 0.0009
}

fn chart() -> Chart {
    let days = sessions(120);
    let scale = 231.42 / walk(119);
    let price = |v: f64| crate::domain::Price::from_f64((v * 100.0).round() / 100.0).unwrap();
    let bars: Vec<PriceRow> = days
        .iter()
        .enumerate()
        .map(|(i, date)| {
            let (open, close) = (walk(i.saturating_sub(1)) * scale + 0.4, walk(i) * scale);
            let reach = 0.8 + 1.2 * libm::sin(i as f64 * 2.3).abs();
            PriceRow {
                date: *date,
                open: price(open),
                high: price(open.max(close) + reach),
                low: price(open.min(close) - reach),
                close: price(close),
                volume: p(&format!("{}", 30_000_000 + (i * 7_919_000) % 41_000_000)),
                provisional: i == 119,
            }
        })
        .collect();
    Chart {
        symbol: p("AAPL"),
        instrument: id("AAPL"),
        name: "Apple Inc.".to_owned(),
        sector: "Technology".to_owned(),
        short: String::new(),
        fills: vec![(days[92], true, bars[92].close), (days[110], false, bars[110].close)],
        bars,
        source: "polygon".to_owned(),
        basis: "split".to_owned(),
        currency: p("USD"),
    }
}

fn equity() -> Vec<(NaiveDate, crate::domain::Money)> {
    let value = |i| crate::domain::Money::from_f64(walk(i) * 190_000.0).unwrap();
    sessions(160).into_iter().enumerate().map(|(i, date)| (date, value(i))).collect()
}

/// Symbol, name, sector, quantity, cost, average, last, value, gain, gain share, day, weight.
type Held = (&'static str, &'static str, &'static str, [&'static str; 9]);

fn positions() -> Vec<Position> {
    const ROWS: [Held; 6] = [
        (
            "NVDA",
            "NVIDIA Corporation",
            "Technology",
            ["200", "30240", "151.2", "183.22", "36644", "6404", "0.2118", "1057.2", "0.146"],
        ),
        (
            "AAPL",
            "Apple Inc.",
            "Technology",
            ["150", "32235", "214.9", "231.42", "34713", "2478", "0.0769", "384.5", "0.138"],
        ),
        (
            "MSFT",
            "Microsoft Corporation",
            "Technology",
            ["40", "19800", "495", "508.1", "20324", "524", "0.0265", "-63.2", "0.081"],
        ),
        (
            "TSLA",
            "Tesla, Inc.",
            "Automobiles",
            ["30", "12603", "420.1", "395.56", "11866.8", "-736.2", "-0.0584", "-384.6", "0.047"],
        ),
        (
            "XOM",
            "Exxon Mobil Corporation",
            "Energy",
            ["-100", "-10940", "109.4", "112.9", "-11290", "-350", "-0.032", "115.3", "-0.045"],
        ),
        ("NEWCO", "Newly Listed plc", "", ["10", "250", "25", "", "", "", "", "", ""]),
    ];
    let row =
        |(symbol, name, sector, [quantity, cost, average, last, value, gain, share, day, weight]): Held| {
            Position {
                account: p("desk"),
                symbol: p(symbol),
                instrument: id(symbol),
                name: name.to_owned(),
                sector: sector.to_owned(),
                quantity: p(quantity),
                cost: p(cost),
                average_price: average.parse().ok(),
                last_price: last.parse().ok(),
                price_time: Some(at("20T19:29:58")),
                stale: symbol == "XOM",
                market_value: value.parse().ok(),
                profit: gain.parse().ok(),
                profit_share: share.parse().ok(),
                day_profit: day.parse().ok(),
                weight: weight.parse().ok(),
                currency: p("USD"),
            }
        };
    ROWS.into_iter().map(row).collect()
}

fn history() -> Vec<HistoryRow> {
    const ROWS: [(&str, Side, &str, &str, &str, &str); 5] = [
        ("20T15:31:10", Side::Buy, "META", "20", "740.9", "0"),
        ("18T20:59:59", Side::Sell, "TSLA", "10", "457.55", "310"),
        ("15T14:30:02", Side::Buy, "NVDA", "1200", "118.85", "0"),
        ("12T18:00:00", Side::Sell, "XOM", "30", "111.2", "-88.4"),
        ("06T16:20:11", Side::Buy, "MSFT", "15", "399.61", "0"),
    ];
    let row =
        |(time, side, symbol, quantity, price, realized): (&str, Side, &str, &str, &str, &str)| HistoryRow {
            time: at(time),
            account: p("desk"),
            id: p(&format!("o-{symbol}")),
            symbol: p(symbol),
            instrument: id(symbol),
            side,
            quantity: p(quantity),
            price: p(price),
            fee: p("1"),
            realized: p(realized),
            currency: p("USD"),
        };
    ROWS.into_iter().map(row).collect()
}

/// Symbol, score, confidence, contributions, held.
type Ranked = (&'static str, f64, Option<f64>, [Option<f64>; 4], &'static str);

fn signals() -> Signals {
    const ROWS: [Ranked; 12] = [
        ("NVDA", 1.83, Some(0.583), [Some(0.61), Some(-0.12), Some(0.35), Some(0.99)], "200"),
        ("AVGO", 1.52, Some(0.571), [Some(0.48), Some(0.02), Some(0.41), Some(0.61)], "0"),
        ("AAPL", 1.31, Some(0.564), [Some(0.55), Some(-0.10), Some(0.28), Some(0.58)], "150"),
        ("LLY", 0.98, Some(0.552), [Some(0.31), Some(0.12), Some(0.36), Some(0.19)], "0"),
        ("COST", 0.84, None, [Some(0.30), Some(0.04), Some(0.50), None], "0"),
        ("V", 0.61, Some(0.54), [Some(0.22), Some(0.09), Some(0.27), Some(0.03)], "0"),
        ("UNH", 0.44, Some(0.52), [Some(0.02), Some(0.40), Some(0.06), Some(-0.04)], "0"),
        ("MSFT", 0.12, Some(0.51), [Some(0.14), Some(-0.12), Some(0.06), Some(0.04)], "40"),
        ("JPM", -0.08, Some(0.5), [Some(-0.02), Some(0.1), Some(-0.1), Some(-0.06)], "0"),
        ("XOM", -0.77, Some(0.548), [Some(-0.60), Some(0.31), Some(-0.28), Some(-0.20)], "-100"),
        ("TSLA", -1.21, Some(0.566), [Some(-0.31), Some(-0.52), Some(-0.40), Some(0.02)], "30"),
        ("INTC", -1.66, Some(0.581), [Some(-0.88), Some(0.20), Some(-0.44), Some(-0.54)], "0"),
    ];
    let families = ["momentum", "value", "volatility", "sentiment"];
    let row = |(i, (symbol, score, confidence, parts, held)): (usize, &Ranked)| SignalRow {
        rank: i as u32 + 1,
        symbol: p(symbol),
        instrument: id(symbol),
        name: format!("{symbol} Company"),
        score: *score,
        confidence: *confidence,
        outcomes: if confidence.is_some() { 240 } else { 31 },
        contributions: families.iter().map(|f| (*f).to_owned()).zip(*parts).collect(),
        held: p(held),
    };
    Signals {
        model: "families-equal".to_owned(),
        universe: "us-large".to_owned(),
        session: NaiveDate::from_ymd_opt(2024, 11, 19),
        time: Some(at("20T14:31:00")),
        omissions: vec![
            "BRK.B: last bar is 3 sessions old".to_owned(),
            "COST: no headlines in 20 sessions, sentiment left out".to_owned(),
        ],
        rows: ROWS.iter().enumerate().map(row).collect(),
    }
}

fn limits() -> LimitsView {
    use LimitName as L;
    /// Name, hard, soft, observed, used.
    type Known = (LimitName, &'static str, Option<&'static str>, Option<&'static str>, Option<f64>);
    const ROWS: [Known; 8] = [
        (L::MaxPositionWeight, "0.12", Some("0.10"), Some("0.146"), Some(1.217)),
        (L::MaxOrderNotional, "50000", None, Some("46500"), Some(0.93)),
        (L::MaxDailyLoss, "20000", None, Some("15800"), Some(0.79)),
        (L::MaxGrossExposure, "0.75", Some("0.7"), Some("0.457"), Some(0.609)),
        (L::MaxDrawdown, "0.1", None, Some("0.021"), Some(0.21)),
        (L::MaxOrdersPerMinute, "30", None, Some("4"), Some(0.133)),
        (L::PriceCollar, "0.05", None, None, None),
        (L::RestrictedSymbols, "GME,AMC", None, None, None),
    ];
    let row = |(i, (name, hard, soft, observed, used)): (usize, &Known)| LimitRow {
        name: *name,
        scope: if i == 5 { Scope::Account(p("desk")) } else { Scope::Firm },
        account: used.map(|_| p("desk")),
        soft: soft.map(str::to_owned),
        hard: Some((*hard).to_owned()),
        observed: observed.map(str::to_owned),
        used: *used,
        version: Some(i as u32 + 1),
        proposed: (i == 0).then(|| (28, "0.15".to_owned())),
        doc: name.doc().to_owned(),
    };
    let version = |version, status, hard: Option<&str>, reason: &str| LimitVersionRow {
        version,
        name: L::MaxPositionWeight,
        scope: Scope::Firm,
        hard: hard.map(str::to_owned),
        soft: None,
        reason: reason.to_owned(),
        working: WorkingOrders::Keep,
        status,
        maker: p("raj"),
        made_at: at("18T14:02:00"),
        approver: (status == VersionStatus::Approved).then(|| p("root")),
        approved_at: None,
        effective_from: None,
        order: None,
        alone: false,
        closed_by: None,
        closed_because: None,
        expires_at: (version == 28).then(|| at("22T21:00:00")),
        set: None,
    };
    LimitsView {
        version: 28,
        limits: ROWS.iter().enumerate().map(row).collect(),
        history: vec![
            version(28, VersionStatus::Proposed, Some("0.15"), "room for the rebalance"),
            version(27, VersionStatus::Approved, Some("0.12"), "concentration after the third quarter"),
            version(26, VersionStatus::Approved, None, "set up again"),
        ],
        halts: vec![HaltRow {
            scope: Scope::Symbol(p("GME")),
            mode: HaltMode::Halted,
            actor: "raj".to_owned(),
            since: at("20T15:00:00"),
            reason: "a letter of the exchange".to_owned(),
        }],
        single_person: true,
    }
}

fn breaches() -> Vec<BreachRow> {
    let row = |event, time, code: RefusalCode, limit: &str, observed: &str, threshold: &str| BreachRow {
        event,
        time: at(time),
        account: p("desk"),
        id: Some(p("1038")),
        code,
        limit: limit.to_owned(),
        observed: observed.to_owned(),
        threshold: threshold.to_owned(),
        text: code.text().to_owned(),
        ack_by: None,
        ack_at: None,
        resolution: None,
    };
    vec![
        row(912, "20T19:31:10", RefusalCode::Concentration, "max_position_weight", "0.175", "0.15"),
        row(871, "20T18:02:44", RefusalCode::PriceCollar, "price_collar", "0.047", "0.03"),
        BreachRow {
            ack_by: Some(p("raj")),
            ack_at: Some(at("19T16:25:00")),
            resolution: Some("split into two orders".to_owned()),
            ..row(604, "19T16:20:05", RefusalCode::MaxOrderNotional, "max_order_notional", "61200", "50000")
        },
    ]
}

fn insights() -> Vec<InsightRow> {
    let row = |headline: &str, text: &str, symbol: &str, tone| InsightRow {
        headline: headline.to_owned(),
        text: text.to_owned(),
        symbol: symbol.to_owned(),
        tone,
    };
    vec![
        row(
            "up 21.2% since you bought it",
            "It is now your largest holding, at 14.6% of your account.",
            "NVDA",
            1,
        ),
        row(
            "most of your money is in one sector",
            "36.5% of your account is in technology, so its names may fall together.",
            "",
            -1,
        ),
        row("a quiet day", "Your account moved less than 0.5% today.", "", 0),
    ]
}

fn news() -> Vec<NewsRow> {
    let row = |time, symbol: &str, headline: &str, tone, told: Option<f64>| NewsRow {
        time: at(time),
        symbol: p(symbol),
        headline: headline.to_owned(),
        source: "wire".to_owned(),
        tone,
        told_by: told.map(|_| "polygon".to_owned()).unwrap_or_default(),
        told_tone: told,
    };
    vec![
        row("20T18:12:00", "NVDA", "Record data-center revenue beats every estimate", Some(0.72), Some(1.0)),
        row("20T16:40:00", "TEPCO", "東京電力、新しい発電所の計画を発表", None, None),
        row("20T15:05:00", "TSLA", "Recall of 12,000 vehicles over a software fault", Some(-0.55), Some(0.0)),
        row("19T21:00:00", "AAPL", "Shareholder meeting set for February", Some(0.0), None),
    ]
}

fn notices() -> Vec<NoticeRow> {
    let row = |id, level, title: &str, text: &str, read| NoticeRow {
        id,
        time: at("20T19:20:00"),
        level,
        title: title.to_owned(),
        text: text.to_owned(),
        read,
    };
    vec![
        row(3, NoticeLevel::Action, "Approval needed", "Order 1043 waits for a second person.", false),
        row(2, NoticeLevel::Warning, "Order refused", "1038 BUY 200 AMZN is larger than allowed.", false),
        row(1, NoticeLevel::Info, "Order filled", "1039 BUY 20 META at 740.90.", true),
    ]
}

fn users() -> Vec<UserRow> {
    let row = |(i, role): (usize, Role)| UserRow {
        name: p(role.demo_name()),
        role,
        disabled: i == 0,
        risk_tolerance: RiskTolerance::Moderate,
        created_at: at("01T09:00:00"),
        last_login: (i > 0).then(|| at("20T19:00:00")),
    };
    Role::ALL.into_iter().enumerate().map(row).collect()
}

fn log() -> Vec<LogRow> {
    let row = |time, level: &str, target: &str, text: &str| LogRow {
        time: at(time),
        level: level.to_owned(),
        target: target.to_owned(),
        text: text.to_owned(),
    };
    vec![
        row("20T14:30:00", "INFO", "session", "XNYS opened"),
        row("20T19:02:00", "WARN", "market", "alpha_vantage budget 25 of 25 used, next at 00:00 UTC"),
        row("20T19:11:00", "ERROR", "market", "BRK.B stale by 2 sessions; left out of signals"),
        row("20T19:20:00", "DEBUG", "execution", "1040 filled 20 at 182.90"),
    ]
}

fn health() -> Vec<HealthRow> {
    let row = |name: &str, value: &str, ok| HealthRow { name: name.to_owned(), value: value.to_owned(), ok };
    vec![
        row("journal", "12,481 events, chain intact", true),
        row("queue", "0 of 4,096", true),
        row("disk free", "1.2 GB, less than 2 GB", false),
    ]
}

fn settings() -> Vec<SettingRow> {
    let row = |key: &str, value: &str, default: &str, choices: &[&str], doc: &str| SettingRow {
        key: key.to_owned(),
        value: value.to_owned(),
        default: default.to_owned(),
        choices: choices.iter().map(|c| (*c).to_owned()).collect(),
        doc: doc.to_owned(),
    };
    vec![
        row(
            "theme",
            "dark",
            "dark",
            &["dark", "light", "blue-orange", "terminal"],
            "Colours of the terminal.",
        ),
        row("ascii", "true", "false", &["true", "false"], "Draw with ASCII characters only."),
    ]
}
