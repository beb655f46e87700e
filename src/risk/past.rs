//! What an account did in its last minute and its last sessions, as the controls count it.
//!
//! A minute is counted by whole seconds of market time, so that it costs the same however much is given in it. Of
//! sessions only the last five are kept. Both are folded from the journal and never reach beyond it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{InstrumentId, Money, UnixNanos};

/// Window of the rate limits, in seconds.
const PACE_SECONDS: i64 = 60;
/// Sessions over which stops and losses of a name are counted.
const SESSIONS: i64 = 5;

/// Messages of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Second {
    at: i64,
    messages: u32,
    refused: u32,
}

/// Orders and changes of the last minute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pace(VecDeque<Second>);

impl Pace {
    /// Counts what was given or refused now.
    pub fn note(&mut self, now: UnixNanos, messages: u32, refused: u32) {
        let at = now.nanos().div_euclid(NANOS_PER_SECOND);
        match self.0.back_mut().filter(|last| last.at >= at) {
            Some(last) => {
                last.messages = last.messages.saturating_add(messages);
                last.refused = last.refused.saturating_add(refused);
            }
            None => self.0.push_back(Second { at, messages, refused }),
        }
        while self.0.front().is_some_and(|first| at - first.at >= PACE_SECONDS) {
            self.0.pop_front();
        }
    }

    /// Messages of the minute that ends now, and the refused ones of them.
    pub fn within(&self, now: UnixNanos) -> (u32, u32) {
        let now = now.nanos().div_euclid(NANOS_PER_SECOND);
        let inside = self.0.iter().filter(|second| now - second.at < PACE_SECONDS);
        inside.fold((0, 0), |(messages, refused), second| {
            (second.messages.saturating_add(messages), second.refused.saturating_add(refused))
        })
    }
}

/// What one account did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Past {
    /// Its last minute.
    pub pace: Pace,
    /// Stops that closed what was held, by session.
    stop_outs: BTreeMap<i64, u32>,
    /// Profit and loss realised, by session and name.
    #[serde(with = "crate::domain::serial::pairs")]
    realized: BTreeMap<(i64, InstrumentId), Money>,
}

impl Past {
    /// Counts a fill that closed something: what it made, and whether a stop order made it.
    pub fn note_close(&mut self, session: i64, instrument: InstrumentId, realized: Money, stop: bool) {
        self.turn_to(session);
        if stop {
            let count = self.stop_outs.entry(session).or_default();
            *count = count.saturating_add(1);
        }
        let sum = self.realized.entry((session, instrument)).or_insert(Money::ZERO);
        *sum = Money::from_raw(sum.raw().saturating_add(realized.raw()));
    }

    /// Goes on to a session; what lies too far back is forgotten.
    pub fn turn_to(&mut self, session: i64) {
        self.stop_outs.retain(|at, _| at + SESSIONS > session);
        self.realized.retain(|(at, _), _| at + SESSIONS > session);
    }

    /// Stops that closed what was held.
    pub fn stop_outs(&self) -> u32 {
        self.stop_outs.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Names in which something was closed, and how much was lost in each; a profit is no loss.
    pub fn lost(&self) -> BTreeMap<InstrumentId, Money> {
        let mut sums: BTreeMap<InstrumentId, Money> = BTreeMap::new();
        for ((_, instrument), realized) in &self.realized {
            let sum = sums.entry(*instrument).or_insert(Money::ZERO);
            *sum = Money::from_raw(sum.raw().saturating_sub(realized.raw()));
        }
        sums.values_mut().for_each(|lost| *lost = (*lost).max(Money::ZERO));
        sums
    }

    /// What was closed under one symbol counts under another.
    pub fn change_symbol(&mut self, from: InstrumentId, to: InstrumentId) {
        let moved: Vec<(i64, InstrumentId)> =
            self.realized.keys().filter(|(_, instrument)| *instrument == from).copied().collect();
        for key in moved {
            if let Some(realized) = self.realized.remove(&key) {
                let sum = self.realized.entry((key.0, to)).or_insert(Money::ZERO);
                *sum = Money::from_raw(sum.raw().saturating_add(realized.raw()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_sixty_whole_seconds() {
        let mut pace = Pace::default();
        let at = |second| UnixNanos::from_seconds(second).plus_millis(700);
        pace.note(at(100), 1, 0);
        pace.note(at(100), 1, 1);
        pace.note(at(130), 3, 0);
        assert_eq!(pace.within(at(159)), (5, 1));
        assert_eq!(pace.within(at(160)), (3, 0));
        pace.note(at(190), 1, 0);
        assert_eq!((pace.0.len(), pace.within(at(190))), (1, (1, 0)));
    }

    #[test]
    fn five_sessions_are_kept_and_follow_a_name() {
        let (old, new): (InstrumentId, InstrumentId) =
            ("OLD.XNYS".parse().unwrap(), "NEW.XNYS".parse().unwrap());
        let money = |whole| Money::from_whole(whole).unwrap();
        let mut past = Past::default();
        past.note_close(1, old, money(-50), true);
        past.note_close(5, old, money(20), false);
        past.note_close(5, new, money(5), true);
        assert_eq!(
            (past.stop_outs(), past.lost()),
            (2, BTreeMap::from([(old, money(30)), (new, Money::ZERO)]))
        );
        past.change_symbol(old, new);
        assert_eq!(past.lost(), BTreeMap::from([(new, money(25))]));
        past.turn_to(6);
        assert_eq!((past.stop_outs(), past.lost()), (1, BTreeMap::from([(new, Money::ZERO)])));
    }
}
