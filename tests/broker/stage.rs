//! A broker with a venue that a test can move: what the conformance suite runs on.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use qlib_pro::broker::alpaca::{self, AlpacaBroker, Keys, Timing};
use qlib_pro::broker::paper::PaperBroker;
use qlib_pro::broker::{Broker, Dispatch, OrderRef};
use qlib_pro::domain::broker::{BrokerReport, OrderReport};
use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::command::{Given, Independence};
use qlib_pro::domain::order_state::Remote;
use qlib_pro::domain::{
    AccountId, AccountKind, AccountSpec, BrokerId, Clock, Command, Exchange, Instrument, InstrumentId,
    Margin, MarketEvent, Order, OrderSpec, OrderStatus, OrderType, Quote, Side, TimeInForce, UnixNanos,
};
use qlib_pro::execution::Engine;
use secrecy::SecretString;

use super::fake::{Fake, KEY, SECRET};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that stands in a session.
#[derive(Debug)]
pub struct Standing;

impl Clock for Standing {
    fn now(&self) -> UnixNanos {
        "2024-05-06T14:00:00Z".parse().unwrap()
    }
}

/// The instrument of the suite.
pub fn apple() -> InstrumentId {
    "AAPL.XNYS".parse().unwrap()
}

/// A plain order.
pub fn order(id: &str, side: Side, quantity: &str, limit: Option<&str>) -> OrderSpec {
    let account: AccountId = "desk".parse().unwrap();
    let limit = limit.map(|l| l.parse().unwrap());
    OrderSpec::plain(account, id.parse().unwrap(), apple(), (side, quantity.parse().unwrap()), limit)
}

/// An order as the sender has it: submitted in the book.
pub fn dispatch(order: &OrderSpec) -> Dispatch {
    let by = "test".parse().unwrap();
    let mut submitted = Order::new(order.clone(), OrderStatus::Submitted, UnixNanos::ZERO, by);
    submitted.remote = Some(Box::new(Remote::new(BrokerId::Alpaca)));
    Dispatch::of(&submitted).unwrap()
}

/// A group as the sender has it: the first leads, the others are sent with it.
pub fn dispatch_group(orders: &[OrderSpec]) -> Dispatch {
    let by = "test".parse().unwrap();
    let lead = orders[0].id;
    let mut sent: Vec<Order> = Vec::new();
    for order in orders {
        let mut submitted = Order::new(order.clone(), OrderStatus::Submitted, UnixNanos::ZERO, by);
        let with = (order.id != lead).then_some(lead);
        submitted.remote = Some(Box::new(Remote { with, ..Remote::new(BrokerId::Alpaca) }));
        sent.push(submitted);
    }
    Dispatch::with_legs(&sent[0], &sent).unwrap()
}

/// Two exits of 10 shares, with a profit and with a loss.
pub fn exits(id: &str) -> [OrderSpec; 2] {
    let exit = |name: &str, limit: Option<&str>| OrderSpec {
        tif: TimeInForce::Gtc,
        oco: format!("{id}-oco").parse().ok(),
        ..order(&format!("{id}-{name}"), Side::Sell, "10", limit)
    };
    let (order_type, trigger_price) = (OrderType::Stop, "90".parse().ok());
    [exit("tp", Some("160")), OrderSpec { order_type, trigger_price, ..exit("sl", None) }]
}

/// An entry with two exits.
pub fn bracket(id: &str) -> Vec<OrderSpec> {
    let entry = OrderSpec { tif: TimeInForce::Gtc, ..order(id, Side::Buy, "10", Some("150")) };
    let under = |leg: OrderSpec| OrderSpec { parent: id.parse().ok(), ..leg };
    std::iter::once(entry).chain(exits(id).map(under)).collect()
}

/// A reference by our name alone.
pub fn named(id: &str) -> OrderRef {
    OrderRef { id: id.parse().unwrap(), amend_seq: 0, venue_id: None }
}

/// A reference to an order as reported.
pub fn known(report: &OrderReport) -> OrderRef {
    OrderRef { id: report.id.unwrap(), amend_seq: report.amend_seq, venue_id: Some(report.venue_id) }
}

/// A broker and the hands of its venue.
pub enum Stage {
    /// The paper exchange.
    Paper(Arc<PaperBroker>),
    /// The adapter and the venue on loopback.
    Alpaca(Arc<AlpacaBroker>, Fake),
}

/// Short times, so that what is to fail fails soon.
pub fn timing() -> Timing {
    Timing {
        connect_ms: 2_000,
        request_ms: 1_000,
        retry_ms: 5,
        tries: 3,
        reconnect_ms: 5,
        reconnect_ms_max: 50,
        idle_ms: 5_000,
    }
}

/// The adapter on a venue, with these keys.
pub fn adapter(fake: &Fake, key: &str, secret: &str) -> AlpacaBroker {
    let keys = Keys { key: SecretString::from(key), secret: SecretString::from(secret) };
    AlpacaBroker::new(alpaca::address(&fake.address).unwrap(), keys, Arc::new(Standing), timing()).unwrap()
}

fn paper() -> PaperBroker {
    let mut engine = Engine::new(Calendars::bundled().unwrap()).unwrap();
    let now = Standing.now();
    let account: AccountId = "desk".parse().unwrap();
    let open = Command::OpenAccount(AccountSpec {
        account,
        kind: AccountKind::Paper,
        owner: None,
        exchange: Some(Exchange::Xnys),
        currency: Exchange::Xnys.currency(),
        cash: "10000000".parse().unwrap(),
        short: false,
        margin: Margin::Cash,
        lots: qlib_pro::domain::account::LotMethod::default(),
        trigger: qlib_pro::domain::TriggerType::Last,
        broker: BrokerId::Paper,
    });
    for command in [open, Command::DefineInstrument(Instrument::with_defaults(apple()))] {
        let actor = "venue".parse().unwrap();
        let given = Given { actor, independent_of: Independence::Everyone, command };
        engine.command(&given, now, now).unwrap();
    }
    let paper = PaperBroker::new(engine, account, Exchange::Xnys, now).unwrap();
    paper.feed(&quote("100.00", "200.00", "0", "0")).unwrap();
    paper
}

fn quote(bid: &str, ask: &str, bid_size: &str, ask_size: &str) -> MarketEvent {
    MarketEvent::Quote(Quote {
        instrument: apple(),
        time: Standing.now(),
        bid: bid.parse().unwrap(),
        ask: ask.parse().unwrap(),
        bid_size: bid_size.parse().unwrap(),
        ask_size: ask_size.parse().unwrap(),
    })
}

impl Stage {
    /// Every stage there is: the venue on loopback only where its recorded shapes are.
    pub async fn all() -> Vec<Stage> {
        let mut stages = vec![Stage::Paper(Arc::new(paper()))];
        if let Some(shared) = super::support::shared_data() {
            let fake = Fake::start(&shared).await;
            stages.push(Stage::Alpaca(Arc::new(adapter(&fake, KEY, SECRET)), fake));
        }
        stages
    }

    /// The broker.
    pub fn broker(&self) -> &dyn Broker {
        match self {
            Stage::Paper(broker) => broker.as_ref(),
            Stage::Alpaca(broker, _) => broker.as_ref(),
        }
    }

    /// Lets a buy order fill some at a price.
    pub fn fill(&self, id: &str, quantity: &str, price: &str) {
        match self {
            Stage::Paper(broker) => {
                broker.feed(&quote("100.00", price, "0", quantity)).unwrap();
                broker.feed(&quote("100.00", "200.00", "0", "0")).unwrap();
            }
            Stage::Alpaca(_, fake) => {
                fake.fill(id, quantity, price);
            }
        }
    }
}

impl Stage {
    /// Lets the exit with a profit fill some.
    pub fn fill_profit(&self, lead: &str, quantity: &str) {
        match self {
            Stage::Paper(broker) => {
                broker.feed(&quote("160.00", "200.00", quantity, "0")).unwrap();
                broker.feed(&quote("100.00", "200.00", "0", "0")).unwrap();
            }
            Stage::Alpaca(_, fake) => {
                let client =
                    if lead.ends_with("-tp") { lead.to_owned() } else { fake.exit_of(lead, "take_profit") };
                fake.fill(&client, quantity, "160");
            }
        }
    }
}

/// The next report that a test is after; what else comes before it is passed over.
pub async fn await_report<T>(
    reports: &mut BoxStream<'static, BrokerReport>,
    mut wanted: impl FnMut(&BrokerReport) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let report = reports.next().await.expect("the reports ended");
            if let Some(found) = wanted(&report) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("the report never came")
}

/// A stream that is connected.
pub async fn connected(broker: &dyn Broker) -> BoxStream<'static, BrokerReport> {
    let mut reports = broker.reports();
    await_report(&mut reports, |r| (*r == BrokerReport::Connected).then_some(())).await;
    reports
}
