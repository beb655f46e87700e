//! The sentences. Figures are rounded for reading: percentages to one place, money to two.
//!
//! Where several wordings say the same, the symbol and the day choose one, so that a list does not read like a form
//! and the same fact never changes its words.

use chrono::{Datelike, NaiveDate};

use super::{Company, Fact, NewsTone, Outlook, change_of};
use crate::domain::fixed::divide_half_even;
use crate::domain::{CleanText, Currency, Money, Price, Quantity, Ratio};

/// Raw units of a ratio in a tenth of a per cent.
const PER_MILLE: i128 = 1_000_000;
/// Raw units of money in a hundredth.
const CENT: i128 = 10_000;
/// Raw units of a price in a hundredth.
const PRICE_CENT: i128 = 10_000_000;

/// Headline and text of a fact.
pub fn say(fact: &Fact) -> (String, String) {
    match fact {
        Fact::PortfolioChange { before, after, currency, since, until } => {
            portfolio(*before, *after, *currency, *since, *until)
        }
        Fact::HoldingChange { company, change, share, currency, since, until } => {
            holding(company, *change, *share, *currency, (*since, *until))
        }
        Fact::HoldingTraded { company, change, now, on } => traded(company, *change, *now, *on),
        Fact::PriceMove { company, before, after, currency, on } => {
            price_move(company, *before, *after, *currency, *on)
        }
        Fact::Concentration { company, share, on } => concentration(company, *share, *on),
        Fact::News { company, tone, headlines, since, until, told } => {
            news(company, (*tone, told), *headlines, (*since, *until))
        }
        Fact::Outlook { company, now, before, on } => outlook(company, *now, *before, *on),
        Fact::CashShare { cash, share, currency, on } => cash_share(*cash, *share, *currency, *on),
        Fact::SimulatedData { on } => simulated(*on),
    }
}

fn portfolio(
    before: Money,
    after: Money,
    c: Currency,
    since: NaiveDate,
    until: NaiveDate,
) -> (String, String) {
    let share = change_of(before.raw(), after.raw());
    let (now, then) = (money(after, c), money(before, c));
    let change =
        money(after.checked_sub(before).unwrap_or(Money::ZERO).checked_abs().unwrap_or(Money::ZERO), c);
    let (from, to) = (date(since), date(until));
    if before == after {
        let text = format!("On {to} your portfolio was worth {now}, the same as on {from}.");
        return ("Your portfolio is unchanged".into(), text);
    }
    let verb = if after > before { "gained" } else { "lost" };
    let headline = format!("Your portfolio {verb} {}", percent(share));
    let text = format!("It was worth {now} on {to}, after {then} on {from}. That is a change of {change}.");
    (headline, text)
}

fn holding(
    company: &Company,
    change: Money,
    share: Ratio,
    c: Currency,
    (since, until): (NaiveDate, NaiveDate),
) -> (String, String) {
    let (name, amount) = (name(company), money(change.checked_abs().unwrap_or(Money::ZERO), c));
    let (from, to) = (date(since), date(until));
    let direction = if share.is_negative() { "fell" } else { "rose" };
    if change.is_zero() {
        return (
            format!("{name} held steady"),
            format!("Your {name} shares kept their value from {from} to {to}."),
        );
    }
    let (verb, effect) = if change.is_negative() { ("cost", "took") } else { ("earned", "added") };
    let end = if change.is_negative() { "from your portfolio" } else { "to your portfolio" };
    let text = match pick(company, until, 2) {
        0 => format!(
            "From {from} to {to} the share price {direction} {}, which {effect} {amount} {end}.",
            percent(share)
        ),
        _ => format!(
            "Between {from} and {to} your holding {effect} {amount} {end}: the share price {direction} {}.",
            percent(share)
        ),
    };
    (format!("{name} {verb} you {amount}"), text)
}

fn traded(company: &Company, change: Quantity, now: Quantity, on: NaiveDate) -> (String, String) {
    let name = name(company);
    let count = shares(change.checked_abs().unwrap_or(Quantity::ZERO));
    let verb = if change.is_negative() { "sold" } else { "bought" };
    let rest = if now.is_zero() {
        "None are left in your portfolio.".to_owned()
    } else {
        format!("Your portfolio now holds {}.", shares(now))
    };
    let headline =
        if now.is_zero() { format!("{name} left your portfolio") } else { format!("{name}: {count} {verb}") };
    (
        headline,
        format!(
            "On {} {count} of {name} {} {verb}. {rest}",
            date(on),
            if count == "1 share" { "was" } else { "were" }
        ),
    )
}

fn price_move(
    company: &Company,
    before: Price,
    after: Price,
    c: Currency,
    on: NaiveDate,
) -> (String, String) {
    let share = change_of(before.raw(), after.raw());
    let (name, day) = (name(company), date(on));
    let (old, new) = (price(before, c), price(after, c));
    let up = after >= before;
    let (verb, noun) = match (up, share.raw().saturating_abs() >= 100_000_000) {
        (true, true) => ("jumped", "rise"),
        (true, false) => ("rose", "rise"),
        (false, true) => ("fell sharply, by", "fall"),
        (false, false) => ("fell", "fall"),
    };
    let text = match pick(company, on, 3) {
        0 => format!("The share price went from {old} to {new} on {day}."),
        1 => format!("On {day} the shares closed at {new}, after {old} the session before."),
        _ => format!("{day} brought a {noun} from {old} to {new} a share."),
    };
    (format!("{name} {verb} {}", percent(share)), text)
}

fn concentration(company: &Company, share: Ratio, on: NaiveDate) -> (String, String) {
    let (name, part) = (name(company), percent(share));
    let text = format!(
        "On {} {name} made up {part} of your portfolio. What happens to this one company moves the whole more than \
         anything else does.",
        date(on)
    );
    (format!("{name} is {part} of your portfolio"), text)
}

fn news(
    company: &Company,
    (tone, told): (NewsTone, &[(CleanText, NewsTone)]),
    headlines: u32,
    (since, until): (NaiveDate, NaiveDate),
) -> (String, String) {
    let name = name(company);
    let count = if headlines == 1 { "one headline".to_owned() } else { format!("{headlines} headlines") };
    let verdict = |tone| match tone {
        NewsTone::Good => ("Good news", "mostly good"),
        NewsTone::Mixed => ("Mixed news", "neither clearly good nor clearly bad"),
        NewsTone::Bad => ("Bad news", "mostly bad"),
    };
    let others: String =
        told.iter().map(|(by, tone)| format!(" {by} itself calls it {}.", verdict(*tone).1)).collect();
    let (title, verdict) = verdict(tone);
    let (from, to) = (date(since), date(until));
    let text = match pick(company, until, 2) {
        0 => format!("From {from} to {to} we saw {count} about the company; the tone was {verdict}.{others}"),
        _ => format!("The tone of {count} between {from} and {to} was {verdict}.{others}"),
    };
    (format!("{title} about {name}"), text)
}

fn outlook(company: &Company, now: Outlook, before: Option<Outlook>, on: NaiveDate) -> (String, String) {
    let (name, view, day) = (name(company), outlook_word(now), date(on));
    let meaning = match now {
        Outlook::Favourable => {
            "Compared with other companies, recent prices, news and accounts speak for it."
        }
        Outlook::Neutral => {
            "Compared with other companies, recent prices, news and accounts point neither way."
        }
        Outlook::Unfavourable => {
            "Compared with other companies, recent prices, news and accounts speak against it."
        }
    };
    match before.filter(|b| *b != now) {
        Some(old) => {
            let text = format!("As of {day} it is {view}; it was {} before. {meaning}", outlook_word(old));
            (format!("The outlook for {name} is now {view}"), text)
        }
        None => (
            format!("{name}: {view} outlook"),
            format!("As of {day} the outlook for {name} is {view}. {meaning}"),
        ),
    }
}

fn outlook_word(outlook: Outlook) -> &'static str {
    match outlook {
        Outlook::Favourable => "favourable",
        Outlook::Neutral => "neutral",
        Outlook::Unfavourable => "unfavourable",
    }
}

fn cash_share(cash: Money, share: Ratio, c: Currency, on: NaiveDate) -> (String, String) {
    let (amount, part) = (money(cash, c), percent(share));
    if cash.is_negative() {
        let text =
            format!("On {} your cash stood at {amount}: purchases have cost more than there was.", date(on));
        return ("Your cash is below zero".into(), text);
    }
    let text = format!("On {} you had {amount} in cash, which does not move with share prices.", date(on));
    (format!("{part} of your portfolio is cash"), text)
}

fn simulated(on: NaiveDate) -> (String, String) {
    let text =
        format!("All prices up to {} come from a simulated market. No real money is at stake.", date(on));
    ("These are simulated prices".into(), text)
}

/// The name, or the symbol when there is none.
fn name(company: &Company) -> String {
    if company.name.is_empty() { company.instrument.symbol.to_string() } else { company.name.to_string() }
}

/// One of `ways` wordings, by symbol and day.
fn pick(company: &Company, on: NaiveDate, ways: u32) -> u32 {
    let letters =
        company.instrument.symbol.as_str().bytes().fold(0_u32, |sum, b| sum.wrapping_add(u32::from(b)));
    letters.wrapping_add(on.ordinal()).checked_rem(ways).unwrap_or(0)
}

/// `2 January 2024`.
fn date(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

/// Magnitude as `12.3 %`.
fn percent(share: Ratio) -> String {
    let tenths = divide_half_even(i128::from(share.raw()).abs(), PER_MILLE).unwrap_or(0);
    if tenths == 0 && !share.is_zero() {
        return "less than 0.1 %".into();
    }
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `USD 1,234.50`.
fn money(amount: Money, currency: Currency) -> String {
    cents(divide_half_even(i128::from(amount.raw()), CENT).unwrap_or(0), currency)
}

fn price(amount: Price, currency: Currency) -> String {
    cents(divide_half_even(i128::from(amount.raw()), PRICE_CENT).unwrap_or(0), currency)
}

fn cents(cents: i128, currency: Currency) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let whole = cents.unsigned_abs();
    format!("{currency} {sign}{}.{:02}", grouped(&(whole / 100).to_string()), whole % 100)
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn shares(quantity: Quantity) -> String {
    let text = quantity.to_string();
    let (whole, rest) =
        text.split_once('.').map_or((text.as_str(), String::new()), |(w, r)| (w, format!(".{r}")));
    let unit = if text == "1" { "share" } else { "shares" };
    format!("{}{rest} {unit}", grouped(whole))
}
