//! Order flow made by the pure engine: a rich account, a hundred names with standing quotes, market orders that fill at
//! once, limit orders that rest, and their cancels.

use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::command::{Given, Independence};
use qlib_pro::domain::{
    AccountId, AccountKind, AccountSpec, Batch, BrokerId, Command, Currency, Instrument, InstrumentId,
    LotMethod, Margin, MarketEvent, OrderSpec, Price, Quantity, Quote, Side, TimeInForce, UnixNanos,
};
use qlib_pro::execution::Engine;

/// Instruments; orders go around them.
pub const NAMES: usize = 100;
/// Market time between two steps, in nanoseconds: a million events take most of a session.
const STEP_NANOS: i64 = 15_000_000;

/// When the flow begins.
pub fn start() -> UnixNanos {
    "2024-03-05T15:00:00Z".parse().unwrap()
}

fn account() -> AccountId {
    "A".parse().unwrap()
}

fn name(at: usize) -> InstrumentId {
    format!("N{:03}.XNYS", at % NAMES).parse().unwrap()
}

/// An engine and how far its flow is.
pub struct Flow {
    /// The engine.
    pub engine: Engine,
    next: usize,
    steps: i64,
}

impl Flow {
    /// The account and the instruments, and the batches that say so.
    pub fn new() -> (Self, Vec<Batch>) {
        let mut flow =
            Self { engine: Engine::new(Calendars::bundled().unwrap()).unwrap(), next: 0, steps: 0 };
        let account = Command::OpenAccount(AccountSpec {
            account: account(),
            kind: AccountKind::Paper,
            owner: None,
            exchange: None,
            currency: Currency::USD,
            cash: "1000000000.00".parse().unwrap(),
            short: false,
            margin: Margin::Cash,
            broker: BrokerId::Paper,
            lots: LotMethod::Fifo,
            trigger: qlib_pro::domain::TriggerType::Last,
        });
        let known = (0..NAMES).map(|at| Command::DefineInstrument(Instrument::with_defaults(name(at))));
        let made = std::iter::once(account)
            .chain(known)
            .map(|command| flow.give(command).with_texts().unwrap())
            .collect();
        (flow, made)
    }

    fn now(&mut self) -> UnixNanos {
        self.steps += 1;
        start().plus_nanos(self.steps * STEP_NANOS)
    }

    fn give(&mut self, command: Command) -> Batch {
        let now = self.now();
        let given = Given { actor: "ann".parse().unwrap(), independent_of: Independence::Everyone, command };
        self.engine.command(&given, now, now).unwrap()
    }

    /// The next order: bought at the market in one round of the names, sold in the next; or resting below the market.
    fn order(&mut self, rests: bool) -> (OrderSpec, Batch) {
        let (at, now) = (self.next, self.now());
        self.next += 1;
        let cents = |cents: i64| Price::from_raw(cents * (Price::ONE_RAW / 100));
        let size: Quantity = "500".parse().unwrap();
        let instrument = name(at / 2);
        let round = at / 2 / NAMES % 2;
        let (bid, ask) = (cents(5_000 + round as i64), cents(5_002 + round as i64));
        let quote = Quote { instrument, time: now, bid, ask, bid_size: size, ask_size: size };
        let mut batch = self.engine.market(&MarketEvent::Quote(quote), now).unwrap();
        let buys = rests || round == 0;
        let order = OrderSpec {
            tif: TimeInForce::Gtc,
            ..OrderSpec::plain(
                account(),
                format!("o{at}").parse().unwrap(),
                instrument,
                (if buys { Side::Buy } else { Side::Sell }, Quantity::from_whole(10).unwrap()),
                rests.then(|| cents(4_500)),
            )
        };
        batch.append(self.give(Command::Submit(order.clone())));
        (order, batch.with_texts().unwrap())
    }

    /// Two orders: one that fills at once, and one that rests.
    pub fn pair(&mut self) -> (OrderSpec, [Batch; 2]) {
        let (_, filled) = self.order(false);
        let (order, resting) = self.order(true);
        (order, [filled, resting])
    }

    /// The end of an order that rests.
    #[allow(dead_code, reason = "not every bench ends its orders")]
    pub fn cancel(&mut self, order: &OrderSpec) -> Batch {
        self.give(Command::Cancel { account: order.account, id: order.id }).with_texts().unwrap()
    }
}
