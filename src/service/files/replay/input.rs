//! The lines of a script: every key is known or an error; decimals are plain strings.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::command::{Given, Independence};
use crate::domain::event::HaltMode;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, LimitValue, Scope, WorkingOrders};
use crate::domain::listed::Spelled;
use crate::domain::market::{SessionState, SplitRatio, Trade};
use crate::domain::venue::{FeeModel, FeeTier, FeeTiers, LimitFill, VenueModel};
use crate::domain::{
    AccountId, AccountKind, AccountSpec, Bar, CleanText, Command, Currency, Exchange, Instrument,
    InstrumentId, LotMethod, Margin, MarketEvent, Money, OrderId, OrderSpec, OrderType, Price, Quantity,
    Quote, Ratio, Seq, Side, StrategyId, Symbol, TimeInForce, Trail, TriggerType, UnixNanos, UserName,
    Volume,
};

use super::super::json_line::{Table, Word, read};

/// Who gives orders in a script.
const GIVER: &str = "script";
/// Who approves, where a line names nobody.
const APPROVER: &str = "approver";
/// Basis points in one.
const BPS_IN_ONE: i64 = 10_000;

/// A line, ready for the engine.
pub(super) enum Line {
    Command(Box<Given>),
    Market(MarketEvent),
}

/// What a script made known so far.
#[derive(Default)]
pub(super) struct Script {
    exchanges: BTreeMap<Symbol, Exchange>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default, rename = "do")]
    command: Option<String>,
    #[serde(default)]
    market: Option<String>,
}

macro_rules! lines {
    ($($name:ident { $($(#[$meta:meta])* $field:ident: $kind:ty),* $(,)? })*) => {
        $(
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct $name {
                t: UnixNanos,
                #[serde(rename = "do", default)]
                _do: Option<IgnoredAny>,
                #[serde(rename = "market", default)]
                _market: Option<IgnoredAny>,
                $($(#[$meta])* $field: $kind),*
            }
        )*
    };
}

lines! {
    AccountLine {
        account: AccountId,
        cash: Money,
        #[serde(default)] currency: Option<Currency>,
        #[serde(default)] short: bool,
        #[serde(default)] margin: Word<Margin>,
        #[serde(default)] lots: Word<LotMethod>,
        #[serde(default)] trigger: Word<TriggerType>,
    }
    InstrumentLine {
        symbol: Symbol,
        #[serde(default)] tick: Option<Price>,
        #[serde(default)] lot: Option<Quantity>,
        #[serde(default)] exchange: Option<Word<Exchange>>,
        #[serde(default)] sector: Option<String>,
        #[serde(default)] shortable: Option<bool>,
        #[serde(default)] borrowable: Option<Quantity>,
        #[serde(default)] borrow_rate: Option<Ratio>,
    }
    ConfigLine {
        #[serde(default)] fee: Option<Table<FeeLine>>,
        #[serde(default)] slippage_bps: Option<Ratio>,
        #[serde(default)] slippage_ticks: Option<u32>,
        #[serde(default)] volume_impact: Option<Ratio>,
        #[serde(default)] participation: Option<Ratio>,
        #[serde(default)] limit_fill: Option<Word<LimitFill>>,
        #[serde(default)] limit_chance: Option<Ratio>,
        #[serde(default)] latency_ms: Option<u32>,
        #[serde(default)] stale_after_ms: Option<u32>,
        #[serde(default)] seed: Option<u64>,
    }
    SubmitLine {
        account: AccountId,
        id: OrderId,
        symbol: Symbol,
        side: Word<Side>,
        #[serde(rename = "type")] order_type: Word<OrderType>,
        quantity: Quantity,
        #[serde(default)] limit_price: Option<Price>,
        #[serde(default)] trigger_price: Option<Price>,
        #[serde(default)] trail: Option<Trail>,
        #[serde(default)] tif: Word<TimeInForce>,
        #[serde(default)] expire_at: Option<UnixNanos>,
        #[serde(default)] reduce_only: bool,
        #[serde(default)] post_only: bool,
        #[serde(default)] parent: Option<OrderId>,
        #[serde(default)] oco: Option<OrderId>,
        #[serde(default)] strategy: Option<StrategyId>,
        #[serde(default)] lot: Option<Seq>,
    }
    AmendLine {
        account: AccountId,
        id: OrderId,
        #[serde(default)] quantity: Option<Quantity>,
        #[serde(default)] limit_price: Option<Price>,
        #[serde(default)] trigger_price: Option<Price>,
    }
    CancelLine { account: AccountId, id: OrderId }
    LimitLine {
        name: Word<LimitName>,
        scope: Scope,
        #[serde(default)] hard: Option<String>,
        #[serde(default)] soft: Option<String>,
        actor: UserName,
        #[serde(default)] reason: CleanText,
    }
    ApproveLine {
        #[serde(default)] actor: Option<UserName>,
        #[serde(default)] version: Option<u32>,
        #[serde(default)] account: Option<AccountId>,
        #[serde(default)] id: Option<OrderId>,
    }
    HaltLine {
        scope: Scope,
        #[serde(default)] mode: Word<HaltMode>,
        actor: UserName,
    }
    SessionLine { exchange: Word<Exchange>, state: Word<SessionState> }
    BarLine {
        symbol: Symbol,
        open: Price,
        high: Price,
        low: Price,
        close: Price,
        volume: Volume,
        from: UnixNanos,
    }
    QuoteLine { symbol: Symbol, bid: Price, ask: Price, bid_size: Quantity, ask_size: Quantity }
    TradeLine { symbol: Symbol, price: Price, size: Quantity }
    SplitLine { symbol: Symbol, ratio: String }
    DividendLine { symbol: Symbol, amount: Price, ex_date: NaiveDate, pay_date: NaiveDate }
    SymbolChangeLine { symbol: Symbol, to: Symbol, day: NaiveDate }
    StatusLine { symbol: Symbol, state: Word<Status> }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct FeeLine {
    per_share: Price,
    min: Money,
    bps: Ratio,
    sell_per_share: Price,
    sell_bps: Ratio,
    max_bps: Ratio,
    tiers: Vec<Table<TierLine>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierLine {
    from: Quantity,
    #[serde(default)]
    per_share: Price,
    #[serde(default)]
    bps: Ratio,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Halted,
    Trading,
}

fn not_negative(name: &str, raw: i64) -> Result<(), String> {
    if raw < 0 { Err(format!("{name} is negative")) } else { Ok(()) }
}

impl Script {
    /// Reads a line; the venue is what `config` changes parts of.
    pub(super) fn read(&mut self, text: &str, venue: &VenueModel) -> Result<(UnixNanos, Line), String> {
        let head: Head = read(text)?;
        match (head.command.as_deref(), head.market.as_deref()) {
            (Some(command), None) => self.command(command, text, venue),
            (None, Some(market)) => self.market(market, text),
            (None, None) => Err("has neither \"do\" nor \"market\"".to_owned()),
            (Some(_), Some(_)) => Err("has both \"do\" and \"market\"; a line is one of them".to_owned()),
        }
    }

    fn instrument(&self, symbol: Symbol) -> InstrumentId {
        InstrumentId::new(symbol, self.exchanges.get(&symbol).copied().unwrap_or(Exchange::Xnys))
    }

    /// The instrument of a market line, which an `instrument` line has made known.
    fn known(&self, symbol: Symbol) -> Result<InstrumentId, String> {
        let unknown =
            || format!("symbol {symbol} is unknown; define it with an \"instrument\" line before this one");
        self.exchanges.get(&symbol).map(|at| InstrumentId::new(symbol, *at)).ok_or_else(unknown)
    }

    fn command(&mut self, word: &str, text: &str, venue: &VenueModel) -> Result<(UnixNanos, Line), String> {
        let giver: UserName = GIVER.parse().map_err(|e| format!("{e}"))?;
        let (t, actor, command) = match word {
            "account" => account(text).map(|(t, c)| (t, giver, c)),
            "instrument" => self.define(text).map(|(t, c)| (t, giver, c)),
            "config" => config(text, *venue).map(|(t, c)| (t, giver, c)),
            "submit" => self.submit(text).map(|(t, c)| (t, giver, c)),
            "amend" => amend(text).map(|(t, c)| (t, giver, c)),
            "cancel" => {
                let line: CancelLine = read(text)?;
                Ok((line.t, giver, Command::Cancel { account: line.account, id: line.id }))
            }
            "limit" => self.limit(text),
            "approve" => approve(text),
            "halt" => {
                let line: HaltLine = read(text)?;
                Ok((
                    line.t,
                    line.actor,
                    Command::Halt {
                        scope: line.scope,
                        mode: line.mode.0,
                        cancel: false,
                        reason: CleanText::default(),
                    },
                ))
            }
            "resume" => {
                let line: HaltLine = read(text)?;
                Ok((line.t, line.actor, Command::Resume { scope: line.scope }))
            }
            "session" => {
                let line: SessionLine = read(text)?;
                Ok((line.t, giver, Command::Session { exchange: line.exchange.0, state: line.state.0 }))
            }
            other => Err(format!("do '{}' is unknown", other.escape_default())),
        }?;
        let given = Given { actor, independent_of: Independence::Everyone, command };
        Ok((t, Line::Command(Box::new(given))))
    }

    fn define(&mut self, text: &str) -> Result<(UnixNanos, Command), String> {
        let line: InstrumentLine = read(text)?;
        let id = InstrumentId::new(line.symbol, line.exchange.map_or(Exchange::Xnys, |word| word.0));
        let mut instrument = Instrument::with_defaults(id);
        instrument.tick = line.tick.unwrap_or(instrument.tick);
        instrument.lot = line.lot.unwrap_or(instrument.lot);
        instrument.sector = line.sector.map(CleanText::from).unwrap_or_default();
        instrument.shortable = line.shortable.unwrap_or(true);
        instrument.borrowable = line.borrowable;
        not_negative("borrow_rate", line.borrow_rate.unwrap_or_default().raw())?;
        if line.borrow_rate.is_some_and(|rate| rate > Instrument::BORROW_RATE_MAX) {
            return Err(format!("borrow_rate is above {}", Instrument::BORROW_RATE_MAX));
        }
        instrument.borrow_rate = line.borrow_rate;
        if !instrument.tick.is_positive() || !instrument.lot.is_positive() {
            return Err("tick and lot must be above zero".to_owned());
        }
        self.exchanges.insert(line.symbol, id.exchange);
        Ok((line.t, Command::DefineInstrument(instrument)))
    }

    fn submit(&self, text: &str) -> Result<(UnixNanos, Command), String> {
        let line: SubmitLine = read(text)?;
        not_negative("quantity", line.quantity.raw())?;
        let order = OrderSpec {
            account: line.account,
            id: line.id,
            instrument: self.instrument(line.symbol),
            side: line.side.0,
            order_type: line.order_type.0,
            quantity: line.quantity,
            limit_price: line.limit_price,
            trigger_price: line.trigger_price,
            trail: line.trail,
            tif: line.tif.0,
            expire_at: line.expire_at,
            reduce_only: line.reduce_only,
            post_only: line.post_only,
            parent: line.parent,
            oco: line.oco,
            list: None,
            strategy: line.strategy,
            lot: line.lot,
            sized_by: None,
        };
        Ok((line.t, Command::Submit(order)))
    }

    fn limit(&self, text: &str) -> Result<(UnixNanos, UserName, Command), String> {
        let line: LimitLine = read(text)?;
        for (field, value) in [("hard", &line.hard), ("soft", &line.soft)] {
            let parsed = value.as_ref().map(|value| LimitValue::parse(line.name.0, value)).transpose();
            parsed.map_err(|why| format!("field '{field}': {why}"))?;
        }
        let LimitLine { name: Word(name), scope, hard, soft, reason, .. } = line;
        let draft = LimitDraft {
            name,
            scope,
            hard,
            soft,
            reason,
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        };
        let known: Spelled =
            self.exchanges.iter().map(|(symbol, at)| InstrumentId::new(*symbol, *at)).collect();
        // What the script makes known later is taken as it is written.
        let later = |name: &str| {
            let printed = name.parse::<InstrumentId>().map(|instrument| instrument.symbol);
            printed.or_else(|_| name.parse()).ok()
        };
        let draft = known.draft(draft, later).map_err(|error| error.to_string())?;
        Ok((line.t, line.actor, Command::SetLimit(draft)))
    }

    fn market(&mut self, word: &str, text: &str) -> Result<(UnixNanos, Line), String> {
        let (t, event) = match word {
            "bar" => self.bar(text)?,
            "quote" => self.quote(text)?,
            "trade" => {
                let line: TradeLine = read(text)?;
                not_negative("price", line.price.raw())?;
                not_negative("size", line.size.raw())?;
                let instrument = self.known(line.symbol)?;
                let trade = Trade { instrument, time: line.t, price: line.price, size: line.size };
                (line.t, MarketEvent::Trade(trade))
            }
            "split" => {
                let line: SplitLine = read(text)?;
                let (instrument, ratio) = (self.known(line.symbol)?, ratio(&line.ratio)?);
                (
                    line.t,
                    MarketEvent::Split { instrument, time: line.t, ratio, ex_date: None, is_late: false },
                )
            }
            "dividend" => {
                let DividendLine { t, symbol, amount, ex_date, pay_date, .. } = read(text)?;
                not_negative("amount", amount.raw())?;
                if pay_date < ex_date {
                    return Err(format!("pay_date {pay_date} lies before ex_date {ex_date}"));
                }
                let instrument = self.known(symbol)?;
                (t, MarketEvent::Dividend { instrument, time: t, amount, ex_date, pay_date, held: None })
            }
            "symbol_change" => {
                let SymbolChangeLine { t, symbol, to, day, .. } = read(text)?;
                let instrument = self.known(symbol)?;
                self.exchanges.insert(to, instrument.exchange);
                let to = InstrumentId::new(to, instrument.exchange);
                (t, MarketEvent::SymbolChange { instrument, time: t, to, day })
            }
            "status" => {
                let line: StatusLine = read(text)?;
                let halted = match line.state.0 {
                    Status::Halted => true,
                    Status::Trading => false,
                };
                let instrument = self.known(line.symbol)?;
                (line.t, MarketEvent::Status { instrument, time: line.t, halted })
            }
            other => return Err(format!("market '{}' is unknown", other.escape_default())),
        };
        Ok((t, Line::Market(event)))
    }

    fn bar(&self, text: &str) -> Result<(UnixNanos, MarketEvent), String> {
        let line: BarLine = read(text)?;
        not_negative("volume", line.volume.raw())?;
        if ![line.open, line.high, line.low, line.close].into_iter().all(Price::is_positive) {
            return Err("a price of the bar is not above zero".to_owned());
        }
        let (low, high) = (line.open.min(line.close), line.open.max(line.close));
        if line.low > low || line.high < high {
            return Err("the bar's open or close lies outside its low and high".to_owned());
        }
        if line.from > line.t {
            return Err("from lies after t, the bar's end".to_owned());
        }
        let bar = Bar {
            instrument: self.known(line.symbol)?,
            from: line.from,
            to: line.t,
            open: line.open,
            high: line.high,
            low: line.low,
            close: line.close,
            volume: line.volume,
        };
        Ok((line.t, MarketEvent::Bars(vec![bar])))
    }

    fn quote(&self, text: &str) -> Result<(UnixNanos, MarketEvent), String> {
        let line: QuoteLine = read(text)?;
        for (name, raw) in [
            ("bid", line.bid.raw()),
            ("ask", line.ask.raw()),
            ("bid_size", line.bid_size.raw()),
            ("ask_size", line.ask_size.raw()),
        ] {
            not_negative(name, raw)?;
        }
        let quote = Quote {
            instrument: self.known(line.symbol)?,
            time: line.t,
            bid: line.bid,
            ask: line.ask,
            bid_size: line.bid_size,
            ask_size: line.ask_size,
        };
        Ok((line.t, MarketEvent::Quote(quote)))
    }
}

fn account(text: &str) -> Result<(UnixNanos, Command), String> {
    let line: AccountLine = read(text)?;
    not_negative("cash", line.cash.raw())?;
    let spec = AccountSpec {
        account: line.account,
        kind: AccountKind::Paper,
        owner: None,
        exchange: None,
        currency: line.currency.unwrap_or(Currency::USD),
        cash: line.cash,
        short: line.short,
        margin: line.margin.0,
        broker: crate::domain::BrokerId::Paper,
        lots: line.lots.0,
        trigger: line.trigger.0,
    };
    Ok((line.t, Command::OpenAccount(spec)))
}

fn config(text: &str, mut venue: VenueModel) -> Result<(UnixNanos, Command), String> {
    let line: ConfigLine = read(text)?;
    if let Some(Table(fee)) = line.fee {
        for (name, raw) in [
            ("per_share", fee.per_share.raw()),
            ("min", fee.min.raw()),
            ("bps", fee.bps.raw()),
            ("sell_per_share", fee.sell_per_share.raw()),
            ("sell_bps", fee.sell_bps.raw()),
            ("max_bps", fee.max_bps.raw()),
        ] {
            not_negative(name, raw)?;
        }
        venue.fee = FeeModel {
            per_share: fee.per_share,
            min: fee.min,
            rate: basis_points("bps", fee.bps)?,
            sell_per_share: fee.sell_per_share,
            sell_rate: basis_points("sell_bps", fee.sell_bps)?,
            max_rate: basis_points("max_bps", fee.max_bps)?,
            tiers: tiers(&fee.tiers)?,
        };
    }
    if let Some(bps) = line.slippage_bps {
        not_negative("slippage_bps", bps.raw())?;
        venue.slippage = basis_points("slippage_bps", bps)?;
        if venue.slippage.raw() >= Ratio::ONE_RAW {
            return Err("slippage_bps is the whole price or more".to_owned());
        }
    }
    if let Some(share) = line.participation {
        not_negative("participation", share.raw())?;
        if share.raw() > Ratio::ONE_RAW {
            return Err("participation is above 1, the whole of a bar's volume".to_owned());
        }
        venue.participation = share;
    }
    venue.slippage_ticks = line.slippage_ticks.unwrap_or(venue.slippage_ticks);
    if let Some(impact) = line.volume_impact {
        not_negative("volume_impact", impact.raw())?;
        if impact.raw() >= Ratio::ONE_RAW {
            return Err("volume_impact is the whole price or more".to_owned());
        }
        venue.volume_impact = impact;
    }
    venue.limit_fill = line.limit_fill.map_or(venue.limit_fill, |word| word.0);
    if let Some(chance) = line.limit_chance {
        not_negative("limit_chance", chance.raw())?;
        if chance.raw() > Ratio::ONE_RAW {
            return Err("limit_chance is above 1, which is always".to_owned());
        }
        venue.limit_chance = chance;
    }
    venue.latency_ms = line.latency_ms.unwrap_or(venue.latency_ms);
    venue.stale_after_ms = line.stale_after_ms.or(venue.stale_after_ms);
    venue.seed = line.seed.unwrap_or(venue.seed);
    Ok((line.t, Command::Configure(venue)))
}

fn tiers(lines: &[Table<TierLine>]) -> Result<FeeTiers, String> {
    let tier = |Table(line): &Table<TierLine>| {
        let rate = basis_points("bps of a tier", line.bps)?;
        Ok(FeeTier { from: line.from, per_share: line.per_share, rate })
    };
    let tiers = lines.iter().map(tier).collect::<Result<Vec<_>, String>>()?;
    FeeTiers::of(&tiers).map_err(|error| error.to_string())
}

fn basis_points(name: &str, bps: Ratio) -> Result<Ratio, String> {
    if bps.raw() % BPS_IN_ONE != 0 {
        return Err(format!("{name} has more digits behind the point than can be kept exactly"));
    }
    Ok(Ratio::from_raw(bps.raw() / BPS_IN_ONE))
}

fn amend(text: &str) -> Result<(UnixNanos, Command), String> {
    let line: AmendLine = read(text)?;
    not_negative("quantity", line.quantity.map_or(0, Quantity::raw))?;
    let AmendLine { account, id, quantity, limit_price, trigger_price, .. } = line;
    Ok((line.t, Command::Amend { account, id, quantity, limit_price, trigger_price }))
}

fn approve(text: &str) -> Result<(UnixNanos, UserName, Command), String> {
    let line: ApproveLine = read(text)?;
    let nobody = APPROVER.parse().map_err(|e| format!("{e}"))?;
    let actor = line.actor.unwrap_or(nobody);
    let command = match (line.version, line.account, line.id) {
        (Some(version), None, None) => Command::ApproveLimit { version },
        (None, Some(account), Some(id)) => Command::ApproveOrder { account, id, seen: None },
        (_, _, _) => return Err("approve needs a version, or an account and an id".to_owned()),
    };
    Ok((line.t, actor, command))
}

fn ratio(text: &str) -> Result<SplitRatio, String> {
    let bad = || format!("ratio '{}' is not new:old such as 2:1", text.escape_default());
    let (new, old) = text.split_once(':').ok_or_else(bad)?;
    let part = |t: &str| t.parse::<Quantity>().ok().filter(|q| q.is_positive()).ok_or_else(bad);
    Ok(SplitRatio { new: part(new)?, old: part(old)? })
}
