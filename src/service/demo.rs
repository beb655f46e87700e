//! The demo home: a desk with a past.
//!
//! Four people without passwords, one of each role, and some two weeks on the simulated exchange. The past is lived, not
//! written: every line of it went through the service calls that those people's hands would make, so that orders were
//! checked, fills were booked and notices were sent as they always are. No row is stored here. The same seed gives the
//! same past, but for wall time.

use std::sync::Arc;

use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope as Covers, WorkingOrders};
use crate::domain::role::{Reach, Role};
use crate::domain::{
    AccountId, Capability, CleanText, Exchange, InstrumentId, Price, Quantity, Ratio, Side, Symbol,
    TimeInForce,
};

use super::access::{self, Session};
use super::advance::Until;
use super::book;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Administer, ControlRisk, ManageData, TradeDesk, ViewMarket};
use super::research::SignalWish;
use super::trading::OrderWish;

/// How far into the last session the demo's past reaches, in seconds: where the clock then goes on.
const MORNING_SECONDS: i64 = 3 * 3_600 + 900;
/// Names on each watchlist.
const WATCHED: usize = 12;
/// What the customer spends on each name, in whole units.
const CUSTOMER_BUY: i64 = 12_000;
/// Names the customer buys.
const CUSTOMER_NAMES: usize = 4;
/// Value of the trader's small orders, in whole units.
const SMALL_ORDER: i64 = 5_000;
/// Value of an order that the firm's limit on one order refuses, in whole units.
const TOO_LARGE_ORDER: i64 = 60_000;
/// Value from which orders of the watched symbol wait for a second person, in whole units.
const SECOND_LOOK: i64 = 4_000;

/// The four people.
struct People {
    house: Arc<House>,
    administrator: Session,
    trader: Session,
    controller: Session,
    customer: Session,
}

/// Makes the demo home in a house where nobody lives yet.
pub fn found(house: &Arc<House>, seed: u64, symbols: usize) -> Result<(), ServiceError> {
    if house.has_users()? {
        return Err(ServiceError::Founding("this home has users already; a demo needs an empty folder"));
    }
    house.set_seed(seed)?;
    house.found_simulation(seed, symbols)?;
    let people = People::arrive(house)?;
    people.first_days()?;
    people.second_week()?;
    people.this_morning()
}

/// The role, other than the founder's, that reaches the desk with a capability.
fn role_with(capability: Capability) -> Result<Role, ServiceError> {
    let mut roles = Role::ALL.into_iter().filter(|r| !r.is_founder());
    let found = roles.find(|r| r.reach(capability) == Reach::Desk);
    found.ok_or_else(|| ServiceError::Data(format!("no role may {}", capability.text())))
}

/// The role that practises on an account of its own.
fn practising_role() -> Result<Role, ServiceError> {
    let found = Role::ALL.into_iter().find(|r| r.gets_simulation_account());
    found.ok_or_else(|| ServiceError::Data("no role gets a simulation account".into()))
}

impl People {
    fn arrive(house: &Arc<House>) -> Result<Self, ServiceError> {
        let administrator = access::found(house, Role::FOUNDER.demo_name().parse()?, None, Exchange::Sim)?;
        let join = |role: Role| {
            let name = role.demo_name().parse()?;
            house.add_user(&administrator.permit::<Administer>()?, name, role, None)?;
            let session = access::login(house, name, None)?;
            session.confirm_login()?;
            Ok::<_, ServiceError>(session)
        };
        let trader = join(role_with(Capability::TradeDesk)?)?;
        let controller = join(role_with(Capability::ControlRisk)?)?;
        let customer = join(practising_role()?)?;
        Ok(Self { house: Arc::clone(house), administrator, trader, controller, customer })
    }

    /// The first rebalance, the customer's first purchases, everybody's watchlist.
    fn first_days(&self) -> Result<(), ServiceError> {
        self.play(1)?;
        self.rank_and_rebalance()?;
        self.watch()?;
        self.play(1)?;
        self.customer_buys()?;
        self.limit(
            LimitName::MaxPositionWeight,
            Covers::Firm,
            Some("0.08"),
            None,
            "smaller names this season",
        )?;
        self.play(2)
    }

    /// Orders that rest, one that is refused, limits that change, the second rebalance.
    fn second_week(&self) -> Result<(), ServiceError> {
        self.refused_order()?;
        let collar = "0.06";
        let reason = "openings were wide this week";
        let version = self.limit(LimitName::PriceCollar, Covers::Firm, Some(collar), None, reason)?;
        self.house.approve_limit(&self.administrator.permit::<ControlRisk>()?, version)?;
        self.play(2)?;
        self.customer_sells()?;
        self.rank_and_rebalance()?;
        self.play(2)?;
        let reason = "the desk asks for room in its largest names";
        self.limit(LimitName::MaxOrderNotional, Covers::Firm, Some("75000"), None, reason)?;
        self.play(1)?;
        let wish = SignalWish::default();
        self.house.run_signals(&self.trader.permit::<TradeDesk>()?, &wish).map(drop)
    }

    /// The session under way: fills by quote, one in part, orders that rest, one that waits for a second person.
    fn this_morning(&self) -> Result<(), ServiceError> {
        self.house.enter_session(MORNING_SECONDS)?;
        self.resting_orders()?;
        self.quoted_orders()?;
        self.held_order()?;
        self.customer_rests()
    }

    fn play(&self, sessions: u32) -> Result<(), ServiceError> {
        let permit = self.trader.permit::<ManageData>()?;
        self.house.advance(&permit, Some(Exchange::Sim), Until::Sessions(sessions), |_| {}).map(drop)
    }

    fn rank_and_rebalance(&self) -> Result<(), ServiceError> {
        self.house.run_signals(&self.trader.permit::<TradeDesk>()?, &SignalWish::default())?;
        self.house
            .rebalance(&self.trader.permit::<TradeDesk>()?, &self.trader.trade_permit(None)?, None, false)
            .map(drop)
    }

    /// Everybody watches some of the market, each another part of it.
    fn watch(&self) -> Result<(), ServiceError> {
        let names = self.ranked()?;
        let everybody = [&self.administrator, &self.trader, &self.controller, &self.customer];
        for (start, person) in everybody.into_iter().enumerate() {
            let some: Vec<_> = names.iter().skip(start).step_by(3).take(WATCHED).copied().collect();
            self.house.watch(&person.permit::<ViewMarket>()?, &some)?;
        }
        Ok(())
    }

    /// All names, best signal first.
    fn ranked(&self) -> Result<Vec<InstrumentId>, ServiceError> {
        let state = self.house.state()?;
        let signals = self.house.latest_signals(&state, Exchange::Sim, None)?;
        Ok(signals.into_iter().map(|s| s.instrument).collect())
    }

    /// The desk's holdings, largest first.
    fn holdings(&self, account: AccountId) -> Result<Vec<(InstrumentId, Quantity)>, ServiceError> {
        let state = self.house.state()?;
        let held = state.accounts().get(&account);
        let rows = held.map(|a| book::positions(&state, a, &book::Labels::default())).unwrap_or_default();
        Ok(rows.into_iter().map(|p| (p.instrument, p.quantity)).collect())
    }

    fn last_price(&self, id: InstrumentId) -> Result<Option<Price>, ServiceError> {
        Ok(book::price(&*self.house.state()?, id).map(|(price, _)| price))
    }

    /// Gives an order in a person's name; a refusal is part of the past.
    fn order(
        &self,
        person: &Session,
        id: &str,
        (side, symbol, quantity): (Side, Symbol, Quantity),
        limit_price: Option<Price>,
    ) -> Result<(), ServiceError> {
        let tif = if limit_price.is_some() { TimeInForce::Gtc } else { TimeInForce::Day };
        let id = Some(id.parse()?);
        let wish = OrderWish { id, tif, ..OrderWish::plain(symbol, side, quantity, limit_price) };
        self.house.submit(&person.trade_permit(None)?, &wish).map(drop)
    }

    /// Whole shares for some money, at the last price.
    fn shares_for(&self, id: InstrumentId, units: i64) -> Result<Quantity, ServiceError> {
        let Some(price) = self.last_price(id)? else { return Ok(Quantity::ZERO) };
        let raw = i128::from(units) * i128::from(Price::ONE_RAW) / i128::from(price.raw()).max(1);
        let whole = i64::try_from(raw).ok().and_then(Quantity::from_whole);
        Ok(whole.unwrap_or(Quantity::ZERO))
    }

    fn customer_buys(&self) -> Result<(), ServiceError> {
        let names = self.ranked()?;
        // Every fifth name: people do not buy in the order of a ranking they never see.
        for (number, id) in names.iter().step_by(5).take(CUSTOMER_NAMES).enumerate() {
            let quantity = self.shares_for(*id, CUSTOMER_BUY)?;
            let name = format!("first-{}", number + 1);
            self.order(&self.customer, &name, (Side::Buy, id.symbol, quantity), None)?;
        }
        Ok(())
    }

    /// Half of the largest holding.
    fn customer_sells(&self) -> Result<(), ServiceError> {
        let account = self.customer.default_account()?;
        let Some((id, quantity)) = self.holdings(account)?.first().copied() else { return Ok(()) };
        let half = Quantity::from_raw(quantity.raw() / 2).round_to_lot(Quantity::from_raw(Quantity::ONE_RAW));
        self.order(&self.customer, "take-profit", (Side::Sell, id.symbol, half), None)
    }

    /// An order below the market, and one that is too large for the account.
    fn customer_rests(&self) -> Result<(), ServiceError> {
        let account = self.customer.default_account()?;
        let Some((id, _)) = self.holdings(account)?.first().copied() else { return Ok(()) };
        let Some(price) = self.last_price(id)? else { return Ok(()) };
        let quantity = self.shares_for(id, CUSTOMER_BUY / 4)?;
        self.order(&self.customer, "dip", (Side::Buy, id.symbol, quantity), below(price, 5))?;
        let quantity = self.shares_for(id, CUSTOMER_BUY * 5)?;
        self.order(&self.customer, "all-in", (Side::Buy, id.symbol, quantity), None)
    }

    fn refused_order(&self) -> Result<(), ServiceError> {
        let Some(best) = self.ranked()?.first().copied() else { return Ok(()) };
        let quantity = self.shares_for(best, TOO_LARGE_ORDER)?;
        self.order(&self.trader, "large", (Side::Buy, best.symbol, quantity), None)
    }

    /// A sale above and a purchase below the market, both good till cancelled.
    fn resting_orders(&self) -> Result<(), ServiceError> {
        let held = self.holdings(self.trader.default_account()?)?;
        for (number, (id, quantity)) in held.iter().take(2).enumerate() {
            let Some(price) = self.last_price(*id)? else { continue };
            let part =
                Quantity::from_raw(quantity.raw() / 4).round_to_lot(Quantity::from_raw(Quantity::ONE_RAW));
            let name = format!("target-{}", number + 1);
            self.order(&self.trader, &name, (Side::Sell, id.symbol, part), above(price, 8))?;
        }
        let Some((id, _)) = held.last().copied() else { return Ok(()) };
        let Some(price) = self.last_price(id)? else { return Ok(()) };
        let quantity = self.shares_for(id, SMALL_ORDER)?;
        self.order(&self.trader, "dip-1", (Side::Buy, id.symbol, quantity), below(price, 6))
    }

    /// Sales that meet the standing quotes: one that the bid takes whole, one larger than what it shows.
    fn quoted_orders(&self) -> Result<(), ServiceError> {
        let held = self.holdings(self.trader.default_account()?)?;
        let shown = |id: InstrumentId| self.house.quotes().get(id).and_then(|l| l.quote);
        let mut names = held.iter().skip(2).filter_map(|(id, q)| Some((*id, *q, shown(*id)?)));
        let fits = names.find(|(_, held, quote)| *held > quote.bid_size);
        if let Some((id, _, quote)) = fits {
            self.order(&self.trader, "trim-1", (Side::Sell, id.symbol, quote.bid_size), None)?;
        }
        let larger = names.find(|(_, held, quote)| held.raw() > quote.bid_size.raw() * 2);
        if let Some((id, _, quote)) = larger {
            let twice = Quantity::from_raw(quote.bid_size.raw() * 2);
            self.order(&self.trader, "trim-2", (Side::Sell, id.symbol, twice), None)?;
        }
        Ok(())
    }

    /// One symbol is watched closely: what is larger than usual there waits for a second person.
    fn held_order(&self) -> Result<(), ServiceError> {
        let held = self.holdings(self.trader.default_account()?)?;
        let state = self.house.state()?;
        let worked = |id: InstrumentId| state.orders().open().values().any(|o| o.spec.instrument == id);
        let Some((id, _)) = held.into_iter().rev().find(|(id, _)| !worked(*id)) else { return Ok(()) };
        let (soft, hard) = (SECOND_LOOK.to_string(), (SECOND_LOOK * 5).to_string());
        let scope = Covers::Symbol(id.symbol);
        let reason = "results are due; larger orders need a second look";
        self.limit(LimitName::MaxOrderNotional, scope, Some(&hard), Some(&soft), reason)?;
        let quantity = self.shares_for(id, SECOND_LOOK * 2)?;
        self.order(&self.trader, "add-1", (Side::Buy, id.symbol, quantity), None)
    }

    /// The risk manager sets a limit; returns its version.
    fn limit(
        &self,
        name: LimitName,
        scope: Covers,
        hard: Option<&str>,
        soft: Option<&str>,
        reason: &str,
    ) -> Result<u32, ServiceError> {
        let draft = LimitDraft {
            name,
            scope,
            hard: hard.map(str::to_string),
            soft: soft.map(str::to_string),
            reason: CleanText::new(reason),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        };
        Ok(self.house.set_limit(&self.controller.permit::<ControlRisk>()?, draft)?.version)
    }
}

/// A price some percent below, on a cent.
fn below(price: Price, percent: i64) -> Option<Price> {
    on_cent(price, 100 - percent)
}

/// A price some percent above, on a cent.
fn above(price: Price, percent: i64) -> Option<Price> {
    on_cent(price, 100 + percent)
}

fn on_cent(price: Price, percent: i64) -> Option<Price> {
    let cent = Price::ONE_RAW / 100;
    let scaled = price.scale(Ratio::from_raw(percent * Ratio::ONE_RAW / 100)).ok()?;
    Some(Price::from_raw(scaled.raw() / cent * cent))
}
