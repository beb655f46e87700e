//! Past figures of a whole book, from the facts of its instruments.

use crate::domain::facts::{BookFacts, MarketFacts};

use super::book::Book;

/// What an account's positions and open orders together would have made on each day, and their beta.
pub fn book_facts(book: &Book<'_>, facts: &MarketFacts) -> BookFacts {
    let returns = facts.instruments.values().filter_map(|f| f.returns.as_ref());
    let mut days = vec![0.0; returns.map(|r| r.len()).max().unwrap_or(0)];
    let (mut beta, mut is_whole) = (Some(0.0), true);
    for (instrument, sides) in book.sums.names(book.account.spec().account, |i| book.prices(i)) {
        let worth = sides.and_then(|s| s.filled()).map(|worth| worth.to_f64());
        let own = facts.instruments.get(&instrument);
        let part = worth.zip(own.and_then(|f| f.beta)).map(|(worth, beta): (f64, f64)| worth * beta);
        beta = beta.zip(part).map(|(sum, part): (f64, f64)| sum + part);
        let Some((worth, returns)) = worth.zip(own.and_then(|f| f.returns.as_deref())) else {
            is_whole = false;
            continue;
        };
        days.truncate(returns.len());
        days.iter_mut().zip(returns).for_each(|(sum, r)| *sum += worth * r);
    }
    BookFacts { beta_value: beta, outcomes: is_whole.then(|| days.into()) }
}
