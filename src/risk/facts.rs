//! Past figures of a whole book, from the facts of its instruments.

use crate::domain::facts::{BookFacts, MarketFacts};

use super::book::Book;

/// What an account's positions and open orders together would have made on each day, and their beta.
pub fn book_facts(book: &Book<'_>, facts: &MarketFacts) -> BookFacts {
    let returns = facts.instruments.values().filter_map(|f| f.returns.as_ref());
    let days = returns.map(|r| r.len()).max().unwrap_or(0);
    let (mut beta, mut outcomes) = (Some(0.0), Some(vec![0.0; days]));
    for (instrument, sides) in book.sums.names(book.account.spec().account, |i| book.prices(i)) {
        let worth = sides.and_then(|s| s.filled()).map(|worth| worth.to_f64());
        let own = facts.instruments.get(&instrument);
        beta = beta
            .zip(worth)
            .zip(own.and_then(|f| f.beta))
            .map(|((sum, worth), beta): ((f64, f64), f64)| sum + worth * beta);
        let returns = own.and_then(|f| f.returns.as_deref());
        outcomes = outcomes.zip(worth.zip(returns)).map(|(sum, (worth, returns)): (Vec<f64>, _)| {
            sum.iter().zip(returns).map(|(sum, r)| sum + worth * r).collect()
        });
    }
    BookFacts { beta_value: beta, outcomes: outcomes.map(Into::into) }
}
