//! What an account's book would have made on each past day, and its beta, kept as orders and prices move.
//!
//! An open order may fill or not, so that a book is measured as it is held, with all its buys, all its sells or all its
//! orders filled, and with each order on those days alone on which it would have lost; no choice of orders that fill makes
//! less on any day than the last. So no order that waits far from the market hides what is held.
//!
//! Returns and betas are floats where they are measured; here they are whole numbers of 1e-12, so that the sums are
//! exact and do not depend on the order of changes. Days are counted back from each exchange's last
//! session. On a day on which a name has no return the others count, and the day is not whole; a book with a name without any
//! has no outcomes.

use crate::domain::Money;
use crate::domain::facts::InstrumentFacts;
use crate::domain::fixed::divide_half_even;

/// Parts of one.
const ONE: i128 = 1_000_000_000_000;
/// A return or beta of which more parts would not do is none.
const MOST: f64 = 1e4;
/// Raw money of one whole unit, as a divisor of statistics.
const MONEY_ONE: f64 = Money::ONE_RAW as f64;

/// A measured share in whole parts; `None` where it is missing.
fn parts(measured: f64) -> Option<i64> {
    (measured.abs() < MOST).then(|| libm::rint(measured * ONE as f64) as i64)
}

/// A wide whole number as a float, by its two machine words: many times faster than at once.
fn float(wide: i128) -> f64 {
    const WORD: f64 = 18_446_744_073_709_551_616.0;
    (wide >> 64) as i64 as f64 * WORD + wide as u64 as f64
}

/// The past of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History {
    beta: Option<i64>,
    /// Daily returns, the newest first, zero where one is missing.
    returns: Option<Box<[i64]>>,
    /// Days back without one.
    gaps: Vec<usize>,
}

impl History {
    /// From what was measured.
    pub fn of(facts: &InstrumentFacts) -> Self {
        let newest = || facts.returns.iter().flat_map(|r| r.iter().rev().map(|r| parts(*r)));
        let missing = newest().enumerate().filter(|(_, r)| r.is_none());
        Self {
            beta: facts.beta.and_then(parts),
            returns: facts.returns.as_ref().map(|_| newest().map(|r| r.unwrap_or(0)).collect()),
            gaps: missing.map(|(back, _)| back).collect(),
        }
    }

    /// Days that it reaches back.
    pub fn days(&self) -> usize {
        self.returns.as_ref().map_or(0, |returns| returns.len())
    }
}

/// Past figures of an account's book: of names whose worth is known, each taken in with that, in raw money.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct BookHistory {
    /// Names without a beta.
    without_beta: u32,
    /// Names without returns.
    without_returns: u32,
    /// Worth times beta of what is held, with every order that adds to it, and with every order that takes from it.
    beta: [i128; 3],
    /// Worth times return of each day, the newest first.
    days: Vec<Day>,
    /// Names without a return on each day.
    gaps: Vec<u32>,
}

/// What a book would have made on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Day {
    /// What is held.
    held: i128,
    /// All open buys.
    bought: i128,
    /// All open sells.
    sold: i128,
    /// Those open orders that would have lost.
    lost: i128,
}

/// Worth in raw money of what is held and ordered of a name, or how much it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Worth {
    /// What is held, signed.
    pub held: i128,
    /// Open buys.
    pub buys: i128,
    /// Open sells.
    pub sells: i128,
}

/// What a book would have made on each day, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    /// What is held, as it is; with all open buys; with all open sells; with all orders; with those orders that would have
    /// lost on the day.
    pub books: [Vec<f64>; 5],
    /// Whether every name has a return on the day.
    pub whole: Vec<bool>,
}

impl BookHistory {
    /// A name is held or ordered from now on.
    pub fn enter(&mut self, history: Option<&History>, days: usize) {
        self.days.resize(days, Day::default());
        self.gaps.resize(days, 0);
        self.count(history, 1);
    }

    /// A name is not any more, and is worth nothing.
    pub fn leave(&mut self, history: Option<&History>) {
        self.count(history, -1);
    }

    fn count(&mut self, history: Option<&History>, sign: i32) {
        let count = |names: &mut u32| *names = names.saturating_add_signed(sign);
        if history.is_none_or(|h| h.beta.is_none()) {
            count(&mut self.without_beta);
        }
        let Some(history) = history.filter(|h| h.returns.is_some()) else {
            return count(&mut self.without_returns);
        };
        let days = self.gaps.len();
        for back in history.gaps.iter().copied().chain(history.days()..days) {
            self.gaps.get_mut(back).into_iter().for_each(count);
        }
    }

    /// A name's worth changed by so much.
    pub fn shift(&mut self, history: Option<&History>, worth: &Worth) {
        let Some(history) = history else { return };
        if let Some(beta) = history.beta {
            let [held, up, down] = &mut self.beta;
            let (adds, takes) =
                if beta < 0 { (-worth.sells, worth.buys) } else { (worth.buys, -worth.sells) };
            *held = plus(*held, worth.held, beta);
            *up = plus(*up, worth.held.wrapping_add(adds), beta);
            *down = plus(*down, worth.held.wrapping_add(takes), beta);
        }
        let Some(returns) = &history.returns else { return };
        if worth.held != 0 {
            let days = self.days.iter_mut().zip(returns);
            days.for_each(|(day, r)| day.held = plus(day.held, worth.held, *r));
        }
        if worth.buys != 0 {
            self.days.iter_mut().zip(returns).for_each(|(day, r)| {
                day.bought = plus(day.bought, worth.buys, *r);
                day.lost = if *r < 0 { plus(day.lost, worth.buys, *r) } else { day.lost };
            });
        }
        if worth.sells != 0 {
            self.days.iter_mut().zip(returns).for_each(|(day, r)| {
                day.sold = plus(day.sold, -worth.sells, *r);
                day.lost = if *r < 0 { day.lost } else { plus(day.lost, -worth.sells, *r) };
            });
        }
    }

    /// Worth times beta of what is held, with the orders that add to it, and with those that take from it; `None` when a
    /// beta is missing.
    pub fn beta(&self) -> Option<[Money; 3]> {
        let whole = |parts| Money::from_raw_wide(divide_half_even(parts, ONE)?).ok();
        let [held, up, down] = self.beta;
        (self.without_beta == 0).then_some([whole(held)?, whole(up)?, whole(down)?])
    }

    /// What the book would have made; `None` when a name has no history. An empty book made nothing on each of `days`.
    pub fn outcomes(&self, days: usize) -> Option<Outcomes> {
        if self.without_returns > 0 {
            return None;
        }
        if self.days.is_empty() {
            return Some(Outcomes { books: [(); 5].map(|()| vec![0.0; days]), whole: vec![true; days] });
        }
        let all = |of: fn(&Day) -> i128| {
            self.days
                .iter()
                .map(|day| float(day.held.wrapping_add(of(day))) / (ONE as f64 * MONEY_ONE))
                .collect()
        };
        let books = [
            all(|_| 0),
            all(|day| day.bought),
            all(|day| day.sold),
            all(|day| day.bought.wrapping_add(day.sold)),
            all(|day| day.lost),
        ];
        Some(Outcomes { books, whole: self.gaps.iter().map(|gaps| *gaps == 0).collect() })
    }
}

/// A sum with worth times parts more. What wraps comes back when it is taken out again, and is never read: such a book's
/// worth does not fit money.
fn plus(sum: i128, worth: i128, parts: i64) -> i128 {
    let times = match i64::try_from(worth) {
        // One multiplication of machine words.
        Ok(worth) => i128::from(worth).wrapping_mul(i128::from(parts)),
        Err(_) => worth.wrapping_mul(i128::from(parts)),
    };
    sum.wrapping_add(times)
}
