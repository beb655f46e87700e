//! Past moments in long journals: found by blocks, and always what a walk through all events finds.

use proptest::prelude::*;
use rusqlite::Connection;

use super::super::TRADES_FILE;
use super::super::TradesStore;
use super::journal::another;
use super::{at, name, owner};
use crate::domain::{Batch, Event};

const MARKET: &str = "engine";

/// Events whose times go on, now and then back to those of another exchange or ahead to the wall.
fn events(draws: &[(u8, u8)]) -> Vec<Event> {
    let mut times = [1_000_i64, 400];
    let next = |(seq, (kind, step)): (u64, &(u8, u8))| {
        let exchange = usize::from(kind % 2);
        times[exchange] += i64::from(step % 4);
        let (by, seconds) = match kind % 16 {
            0 => ("ana", times[exchange] + 5_000),
            1..4 => ("ben", times[exchange]),
            _ => (MARKET, times[exchange]),
        };
        let mut event = another(seq).events.remove(0);
        (event.t, event.by) = (at(seconds), name(by));
        event
    };
    (1..).zip(draws).map(next).collect()
}

/// What a walk finds: the last event at or before a moment, and of those the last that was known.
fn walked(events: &[Event], seconds: i64) -> (u64, u64) {
    let market = name(MARKET);
    let passed = events.iter().position(|e| e.by == market && e.t > at(seconds)).unwrap_or(events.len());
    let last = |upto: usize| events[..upto].iter().rev().find(|e| e.t <= at(seconds)).map_or(0, |e| e.seq);
    (last(events.len()), last(passed))
}

fn found(store: &TradesStore, seconds: i64) -> (u64, u64) {
    let read = store.read();
    (read.last_at(at(seconds)).unwrap(), read.known_at(at(seconds), MARKET).unwrap())
}

fn append(store: &mut TradesStore, events: &[Event], size: usize) {
    for chunk in events.chunks(size) {
        store.append(&Batch::new(chunk.to_vec(), Vec::new(), Vec::new()).unwrap()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_moment_is_where_a_walk_through_the_journal_finds_it(
        draws in prop::collection::vec(any::<(u8, u8)>(), 900..4_500),
        size in 1_usize..3_000,
    ) {
        let home = tempfile::tempdir().unwrap();
        let mut store = owner(home.path());
        let events = events(&draws);
        // Few transactions, of any length against the blocks.
        append(&mut store, &events, size.max(400));
        let last = events.iter().map(|e| e.t.nanos() / 1_000_000_000).max().unwrap();
        for seconds in (395..last + 5).step_by(97).chain([0, 400, 1_000, last - 1, last]) {
            prop_assert_eq!(found(&store, seconds), walked(&events, seconds), "at {}", seconds);
        }
        prop_assert!(store.read().verify().unwrap().is_sound());
    }
}

#[test]
fn a_home_of_an_earlier_release_gets_its_blocks_and_wrong_ones_are_found() {
    let home = tempfile::tempdir().unwrap();
    let draws: Vec<(u8, u8)> = (0..2_600_u32).map(|n| ((n * 7 % 251) as u8, (n * 13 % 241) as u8)).collect();
    let events = events(&draws);
    append(&mut owner(home.path()), &events, 2_000);
    let raw = || Connection::open(home.path().join(TRADES_FILE)).unwrap();
    let earlier = "DROP TABLE standing; DROP TABLE journal_spans; DELETE FROM schema_migrations WHERE version > 4; \
         PRAGMA user_version = 4";
    raw().execute_batch(earlier).unwrap();
    let store = owner(home.path());
    assert!(store.read().verify().unwrap().is_sound());
    for seconds in [0, 450, 1_200, 2_000, 9_000] {
        assert_eq!(found(&store, seconds), walked(&events, seconds), "at {seconds}");
    }
    raw().execute("UPDATE journal_spans SET most = most - 1 WHERE block = 1 AND by = 'engine'", []).unwrap();
    let findings = store.read().verify().unwrap().findings;
    assert!(findings[0].as_str().contains("events from 1025 on"), "{findings:?}");
}
