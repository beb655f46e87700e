//! The redaction line between desk and customer: facts about an account in, plain sentences out.
//!
//! Of a ranking only its fifth crosses, as an outlook, and it changes at most once a day per name because it rests on
//! the last finished session. No model, factor, score or rank is handed on.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::{AccountId, CleanText, Exchange, InstrumentId, Money, Price, Ratio};
use crate::execution::State;
use crate::insight::{self, Company, Fact, NewsTone, Outlook};
use crate::model;
use crate::portfolio::Account;

use super::book;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, ViewInsights};
use super::trading::unknown_account;
use super::view::{InsightRow, NewsRow};

/// A day's change of a price from which it is told.
const MOVE_MIN: Ratio = Ratio::from_raw(30_000_000);
/// Share of the account from which one name is told as large.
const LARGE_MIN: Ratio = Ratio::from_raw(150_000_000);
/// Headlines of a name from which their tone is told.
const HEADLINES_MIN: usize = 2;
/// Mean tone from which news is good, or bad below its negative.
const TONE_MIN: f64 = 0.15;

struct Scene<'a> {
    house: &'a House,
    state: &'a State,
    account: &'a Account,
    exchange: Exchange,
    today: NaiveDate,
    names: BTreeMap<InstrumentId, String>,
}

impl House {
    /// Plain-language insights on one account.
    pub fn insights(
        &self,
        permit: &Permit<ViewInsights>,
        account: AccountId,
    ) -> Result<Vec<InsightRow>, ServiceError> {
        let state = self.state()?;
        let found =
            state.accounts().get(&account).filter(|a| permit.scope().covers(a.spec().kind, a.spec().owner));
        let found = found.ok_or_else(|| unknown_account(account))?;
        let exchange = self.exchange_of(Some(account))?;
        let Some(now) = state.market_time(exchange) else { return Ok(Vec::new()) };
        let today = self.calendars().of(exchange).date_at(now);
        let names = self.labels(&state)?.names.into_iter().map(|(i, (name, _))| (i, name)).collect();
        let scene = Scene { house: self, state: &state, account: found, exchange, today, names };
        let mut facts = scene.account_facts();
        facts.extend(scene.price_facts()?);
        facts.extend(scene.news_facts()?);
        facts.extend(scene.outlook_facts()?);
        Ok(insight::insights(&facts).into_iter().map(row).collect())
    }
}

impl Scene<'_> {
    fn company(&self, instrument: InstrumentId) -> Company {
        Company { instrument, name: CleanText::new(self.names.get(&instrument).map_or("", String::as_str)) }
    }

    fn held(&self) -> impl Iterator<Item = InstrumentId> + '_ {
        self.account.positions().keys().copied()
    }

    /// Value, cash and concentration.
    fn account_facts(&self) -> Vec<Fact> {
        let (spec, on) = (self.account.spec(), self.today);
        let mut facts = Vec::new();
        if self.exchange == Exchange::Sim {
            facts.push(Fact::SimulatedData { on });
        }
        let Some(equity) = self.state.equity(self.account) else { return facts };
        let currency = spec.currency;
        let calendar = self.house.calendars().of(self.exchange);
        let since = calendar.previous_session(on).map_or(on, |s| s.date);
        facts.push(Fact::PortfolioChange {
            before: self.account.day_open(),
            after: equity,
            currency,
            since,
            until: on,
        });
        if let Some(share) = self.account.cash().share_of(equity) {
            facts.push(Fact::CashShare { cash: self.account.cash(), share, currency, on });
        }
        for (instrument, position) in self.account.positions() {
            let value = book::price(self.state, *instrument).and_then(|(p, _)| position.value(p).ok());
            if let Some(share) = value.and_then(|v| v.share_of(equity)).filter(|s| *s >= LARGE_MIN) {
                facts.push(Fact::Concentration { company: self.company(*instrument), share, on });
            }
        }
        facts
    }

    /// Holdings against cost, and names that moved far today.
    fn price_facts(&self) -> Result<Vec<Fact>, ServiceError> {
        let closes = self.house.closes(self.state, self.exchange)?;
        let since = self.first_fills()?;
        let mut facts = Vec::new();
        for (instrument, position) in self.account.positions() {
            let Some((now, _)) = book::price(self.state, *instrument) else { continue };
            let Some(before) = closes.get(instrument).and_then(|c| c.before) else { continue };
            let (company, on, currency) =
                (self.company(*instrument), self.today, self.account.spec().currency);
            let Some(moved) = share_of(now, before) else { continue };
            if moved.raw().abs() >= MOVE_MIN.raw() {
                facts.push(Fact::PriceMove { company: company.clone(), before, after: now, currency, on });
            }
            let gain = position.value(now).ok().and_then(|v| v.checked_sub(position.cost()));
            let share = gain.zip(position.cost().checked_abs()).and_then(|(g, c)| g.share_of(c));
            let since = since.get(instrument).copied().unwrap_or(self.today);
            if let (Some(change), Some(share)) = (gain.filter(|g| *g != Money::ZERO), share) {
                facts.push(Fact::HoldingChange { company, change, share, currency, since, until: on });
            }
        }
        Ok(facts)
    }

    /// Day of the first fill in each instrument.
    fn first_fills(&self) -> Result<BTreeMap<InstrumentId, NaiveDate>, ServiceError> {
        let fills = self.house.fills_of(self.account.spec().account)?;
        let calendar = self.house.calendars().of(self.exchange);
        // Newest first: the oldest is put in last and stays.
        Ok(fills.iter().map(|f| (f.instrument, calendar.date_at(f.time))).collect())
    }

    fn news_facts(&self) -> Result<Vec<Fact>, ServiceError> {
        let held: Vec<InstrumentId> = self.held().collect();
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let news = self.house.headlines(self.state, self.exchange, &held)?;
        let calendar = self.house.calendars().of(self.exchange);
        let mut by_symbol: BTreeMap<crate::domain::Symbol, Vec<&NewsRow>> = BTreeMap::new();
        for row in &news {
            by_symbol.entry(row.symbol).or_default().push(row);
        }
        let told = by_symbol.into_iter().filter(|(_, rows)| rows.len() >= HEADLINES_MIN);
        Ok(told
            .map(|(symbol, rows)| {
                let mut told: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
                for row in rows.iter() {
                    told.entry(row.told_by.as_str()).or_default().extend(row.told_tone);
                }
                told.retain(|_, tones| !tones.is_empty());
                let told = told.into_iter().map(|(by, tones)| (CleanText::new(by), mean_tone(&tones)));
                let ours: Vec<f64> = rows.iter().filter_map(|r| r.tone).collect();
                let since = rows.last().map_or(self.today, |r| calendar.date_at(r.time));
                Fact::News {
                    company: self.company(InstrumentId::new(symbol, self.exchange)),
                    tone: mean_tone(&ours),
                    told: told.collect(),
                    headlines: u32::try_from(rows.len()).unwrap_or(u32::MAX),
                    since,
                    until: self.today,
                }
            })
            .collect())
    }

    fn outlook_facts(&self) -> Result<Vec<Fact>, ServiceError> {
        let signals = self.house.latest_signals(self.state, self.exchange, None)?;
        let held: Vec<InstrumentId> = self.held().collect();
        let own = signals.iter().filter(|s| held.contains(&s.instrument));
        Ok(own
            .map(|s| Fact::Outlook {
                company: self.company(s.instrument),
                now: match model::outlook(s.rank, s.of) {
                    model::Outlook::Favourable => Outlook::Favourable,
                    model::Outlook::Neutral => Outlook::Neutral,
                    model::Outlook::Unfavourable => Outlook::Unfavourable,
                },
                before: None,
                on: s.session,
            })
            .collect())
    }
}

/// Of some headlines together.
fn mean_tone(tones: &[f64]) -> NewsTone {
    let mean = tones.iter().sum::<f64>() / tones.len().max(1) as f64;
    match () {
        () if mean >= TONE_MIN => NewsTone::Good,
        () if mean <= -TONE_MIN => NewsTone::Bad,
        () => NewsTone::Mixed,
    }
}

fn share_of(now: Price, before: Price) -> Option<Ratio> {
    let change = now.checked_sub(before)?;
    Money::from_raw(change.raw()).share_of(Money::from_raw(before.raw()))
}

fn row(insight: insight::Insight) -> InsightRow {
    InsightRow {
        headline: insight.headline.to_string(),
        text: insight.text.to_string(),
        symbol: insight.instrument.map(|i| i.symbol.to_string()).unwrap_or_default(),
        tone: insight.tone,
    }
}
