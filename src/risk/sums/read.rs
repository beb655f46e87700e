//! What the checks read from the sums: one name around a draft, and the whole account.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::domain::{AccountId, InstrumentId, Money, Order, OrderSpec, Price, Quantity, Side};
use crate::risk::exposure::Sides;
use crate::risk::facts::{BookHistory, Outcomes};

use super::name::{Figures, Name, Part, Prices};
use super::{Sums, Totals};

/// One instrument around a draft. What is left out: the draft's own open order, and the rest of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Around {
    /// Open orders and position without what is left out.
    pub before: Option<Sides>,
    /// The same with the draft; of its group the largest counts.
    pub with: Option<Sides>,
    /// Open sells with the draft, when it sells; counted without prices.
    pub sells: Option<Quantity>,
    /// Everything as the account's totals hold it.
    pub counted: Option<Sides>,
    /// Cash that is left out.
    pub cash: Option<Money>,
}

/// Totals of an account's book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Whole {
    /// Sum of the worst cases of every instrument, open orders included.
    pub gross: Money,
    /// Value of all positions, signed.
    pub position: Money,
    /// Value of all positions, long and short alike.
    pub held: Money,
    /// Value of all open buys.
    pub buys: Money,
    /// Value of all open sells.
    pub sells: Money,
    /// Cash that open buys hold, fees included.
    pub cash: Money,
}

fn money(raw: i128) -> Option<Money> {
    Money::from_raw_wide(raw).ok()
}

fn sides(figures: &Figures, position: Quantity) -> Option<Sides> {
    let quantity = |raw: i128| Quantity::from_raw_wide(raw).ok();
    Some(Sides {
        position,
        value: money(figures.position)?,
        buys: quantity(figures.buys.quantity)?,
        buy_value: money(figures.buys.value)?,
        sells: quantity(figures.sells.quantity)?,
        sell_value: money(figures.sells.value)?,
    })
}

impl Sums {
    /// One instrument of an account around a draft and the price of its own that values it. `open` is the open order that the draft replaces; `quantity` is
    /// what of the draft would still fill.
    pub fn around(
        &self,
        (draft, price): (&OrderSpec, Option<Price>),
        open: Option<&Order>,
        quantity: Quantity,
        prices: &Prices,
    ) -> Around {
        let none = Name::default();
        let line = self.lines.get(&draft.instrument);
        let name = line.and_then(|line| line.name(draft.account)).unwrap_or(&none);
        let out = open.and_then(|order| self.part(order));
        let this = Part::of_draft((draft, price), quantity, open);
        let apart = |part: &Part| this.group.is_none() || part.group != this.group;
        let of = |figures: Option<Figures>| figures.and_then(|f| sides(&f, name.position));
        let all = name.figures(prices, &self.fee);
        let alone = out.is_none() && this.group.is_none();
        let before =
            if alone { all } else { name.figures_with(prices, &self.fee, out.as_ref(), apart, None) };
        let with = if this.group.is_none() {
            let own = name.figures_of(&this, prices, &self.fee);
            before.zip(own).map(|(before, own)| before.with(this.side, &own))
        } else {
            name.figures_with(prices, &self.fee, out.as_ref(), |_| true, Some(&this))
        };
        let left_out = all.zip(before).and_then(|(all, before)| money(all.cash - before.cash));
        let counted = of(all);
        Around {
            before: if alone { counted } else { of(before) },
            with: of(with),
            sells: self.sells_with(name, out, &this),
            counted,
            cash: left_out,
        }
    }

    /// Open sells with the draft, whatever their prices.
    fn sells_with(&self, name: &Name, out: Option<Part>, this: &Part) -> Option<Quantity> {
        if this.side == Side::Buy {
            return None;
        }
        // Any price will do: only quantities are read.
        let any = Prices::all(Some(crate::domain::Price::ZERO));
        let with = name.figures_with(&any, &self.fee, out.as_ref(), |_| true, Some(this))?;
        Quantity::from_raw_wide(with.sells.quantity).ok()
    }

    /// What an account's open sells of an instrument would sell.
    pub fn open_sells(&self, account: AccountId, instrument: InstrumentId) -> Option<Quantity> {
        let Some(name) = self.lines.get(&instrument).and_then(|line| line.name(account)) else {
            return Some(Quantity::ZERO);
        };
        // Any price will do: only quantities are read.
        let any = Prices::all(Some(crate::domain::Price::ZERO));
        let sells = name.figures(&any, &self.fee)?.sells.quantity;
        Quantity::from_raw_wide(sells).ok()
    }

    /// Totals of an account. `prices` values what has neither a price of its own nor a last one.
    pub fn whole(&self, account: AccountId, prices: impl Fn(InstrumentId) -> Prices) -> Option<Whole> {
        let Some(totals) = self.totals.get(&account) else { return Some(Whole::default()) };
        let mut all = totals.amounts;
        for (_, figures) in self.blind(account, totals, prices) {
            all.shift(&Figures::default(), &figures?);
        }
        Some(Whole {
            gross: money(all.gross)?,
            position: money(all.position)?,
            held: money(all.held)?,
            buys: money(all.buys)?,
            sells: money(all.sells)?,
            cash: money(all.cash)?,
        })
    }

    /// Value of an account's positions at last prices; `None` when one is missing or it does not fit.
    pub fn positions(&self, account: AccountId) -> Option<Money> {
        let Some(totals) = self.totals.get(&account) else { return Some(Money::ZERO) };
        if totals.unvalued > 0 { None } else { money(totals.amounts.position) }
    }

    /// The names that the totals leave out: the sector of each and its figures at these prices; `None` where one is missing.
    fn blind<'s>(
        &'s self,
        account: AccountId,
        totals: &'s Totals,
        prices: impl Fn(InstrumentId) -> Prices + 's,
    ) -> impl Iterator<Item = (&'s str, Option<Figures>)> + 's {
        totals.blind.iter().filter_map(move |instrument| {
            let line = self.lines.get(instrument)?;
            let figures = line.name(account)?.figures(&prices(*instrument), &self.fee);
            Some((line.sector.as_str(), figures))
        })
    }

    /// Worst cases of an account in one sector. `prices` values what has neither a price of its own nor a last one.
    pub fn sector(
        &self,
        account: AccountId,
        sector: &str,
        prices: impl Fn(InstrumentId) -> Prices,
    ) -> Option<Money> {
        let Some(totals) = self.totals.get(&account) else { return Some(Money::ZERO) };
        let known = totals.sectors.get(sector).copied().unwrap_or(0);
        let blind = self.blind(account, totals, prices).filter(|(own, _)| *own == sector);
        let all = blind.map(|(_, figures)| figures).try_fold(known, |sum, f| Some(sum + f?.worst()))?;
        money(all)
    }

    /// The largest worst case of an account in one sector. `prices` as above.
    pub fn largest_sector(
        &self,
        account: AccountId,
        prices: impl Fn(InstrumentId) -> Prices,
    ) -> Option<Money> {
        let Some(totals) = self.totals.get(&account) else { return Some(Money::ZERO) };
        let mut blind: BTreeMap<&str, i128> = BTreeMap::new();
        for (sector, figures) in self.blind(account, totals, prices).filter(|(s, _)| !s.is_empty()) {
            let known = totals.sectors.get(sector).copied().unwrap_or(0);
            *blind.entry(sector).or_insert(known) += figures?.worst();
        }
        money(totals.sectors.values().chain(blind.values()).copied().max().unwrap_or(0))
    }

    /// Beta of an account's book, worth times beta: of what is held, with all its orders that add to it, and with all that
    /// take from it; `None` when one is missing.
    pub fn beta(&self, account: AccountId, prices: impl Fn(InstrumentId) -> Prices) -> Option<[Money; 3]> {
        self.history(account, prices)?.beta()
    }

    /// What an account's book would have made on each past day; `None` when a name has no history.
    pub fn outcomes(&self, account: AccountId, prices: impl Fn(InstrumentId) -> Prices) -> Option<Outcomes> {
        self.history(account, prices)?.outcomes(self.days.unwrap_or(0))
    }

    /// Past figures of an account; `None` where nothing is known of the past, a price is missing, or what it holds and
    /// orders does not fit money.
    fn history(
        &self,
        account: AccountId,
        prices: impl Fn(InstrumentId) -> Prices,
    ) -> Option<Cow<'_, BookHistory>> {
        self.whole(account, &prices)?;
        let Some(totals) = self.totals.get(&account).filter(|totals| totals.names > 0) else {
            return Some(Cow::default());
        };
        self.days?;
        let mut history = Cow::Borrowed(&totals.history);
        for instrument in &totals.blind {
            let Some(line) = self.lines.get(instrument) else { continue };
            let figures = line.name(account)?.figures(&prices(*instrument), &self.fee)?;
            history.to_mut().shift(line.history.as_deref(), &figures.worth_since(&Figures::default()));
        }
        Some(history)
    }

    /// Open orders of an account.
    pub fn open(&self, account: AccountId) -> u32 {
        self.totals.get(&account).map_or(0, |totals| totals.open)
    }

    /// Every instrument that an account holds or orders, with its sides; `None` where a price is missing.
    pub fn names<'s>(
        &'s self,
        account: AccountId,
        prices: impl Fn(InstrumentId) -> Prices + 's,
    ) -> impl Iterator<Item = (InstrumentId, Option<Sides>)> + 's {
        self.lines.iter().filter_map(move |(instrument, line)| {
            let name = line.name(account)?;
            let figures = name.figures(&prices(*instrument), &self.fee);
            Some((*instrument, figures.and_then(|f| sides(&f, name.position))))
        })
    }
}
