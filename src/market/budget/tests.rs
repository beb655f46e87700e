use proptest::prelude::*;

use super::*;

const FREE: &[Allowance] =
    &[Allowance { seconds: 60, requests: 5 }, Allowance { seconds: 86_400, requests: 25 }];

fn at(seconds: i64) -> UnixNanos {
    UnixNanos::from_seconds(1_700_000_000 + seconds)
}

/// Times at which requests go when as many as possible are sent.
fn greedy(allowances: &[Allowance], requests: usize) -> Vec<i64> {
    let (mut state, mut now, mut times) = (BudgetState::default(), at(0), Vec::new());
    while times.len() < requests {
        match ask(&mut state, allowances, now) {
            Verdict::Grant => times.push(now.since(at(0)) / NANOS_PER_SECOND),
            Verdict::Wait { until, .. } => {
                assert!(until > now);
                now = until;
            }
        }
    }
    times
}

#[test]
fn the_minute_and_then_the_day_hold_requests_back() {
    let times = greedy(FREE, 26);
    assert_eq!(times[..11], [0, 0, 0, 0, 0, 60, 60, 60, 60, 60, 120]);
    assert_eq!(times[25], 86_400);
}

#[test]
fn the_reason_names_the_window() {
    let mut state = BudgetState::default();
    for _ in 0..5 {
        assert_eq!(ask(&mut state, FREE, at(0)), Verdict::Grant);
    }
    let Verdict::Wait { until, why } = ask(&mut state, FREE, at(1)) else { panic!("a sixth went") };
    assert_eq!((until, why.as_str()), (at(60), "this minute's 5 requests are used up"));
    assert_eq!(usage(&state, FREE, at(1))[0], Usage { seconds: 60, used: 5, of: 5 });
    assert_eq!(usage(&state, FREE, at(61))[0].used, 0);
    assert_eq!(next_try(&state, FREE, at(1)), at(60));
}

proptest! {
    #[test]
    fn no_stretch_of_a_windows_length_holds_more_than_it_allows(
        seconds in 1_u32..100, requests in 1_u32..80, pauses in proptest::collection::vec(0_i64..9_000, 1..200),
    ) {
        let allowances = [Allowance { seconds, requests }];
        let (mut state, mut now, mut granted) = (BudgetState::default(), at(0), Vec::new());
        for pause in pauses {
            now = now.plus_millis(pause);
            match ask(&mut state, &allowances, now) {
                Verdict::Grant => granted.push(now),
                Verdict::Wait { until, .. } => prop_assert!(until > now),
            }
            prop_assert!(state.windows.len() <= PARTS as usize + 2);
        }
        for (i, first) in granted.iter().enumerate() {
            let inside = granted[i..].iter().take_while(|t| t.since(*first) < i64::from(seconds) * NANOS_PER_SECOND);
            prop_assert!(inside.count() <= requests as usize);
        }
    }

    #[test]
    fn pauses_stay_between_half_and_the_whole(failures in 0_u32..40, jitter in 0_u16..=1_000) {
        let whole = (500_i64 << failures.min(16)).min(30_000);
        let pause = backoff_ms(failures, jitter);
        prop_assert!(pause >= whole / 2 && pause <= whole);
    }
}

#[test]
fn a_large_window_is_remembered_in_few_parts_and_still_used_fully() {
    let plan = [Allowance { seconds: 3_600, requests: 2_000 }];
    let times = greedy(&plan, 2_001);
    assert_eq!((times[1_999], times[2_000]), (0, 3_600 + 3_600 / 32));
}

#[test]
fn five_failures_open_the_circuit_and_one_probe_decides() {
    let mut state = BudgetState::default();
    for _ in 0..4 {
        note(&mut state, Outcome::Failed("status 500"), at(0));
        assert_eq!(ask(&mut state, &[], at(0)), Verdict::Grant);
    }
    note(&mut state, Outcome::Failed("status 500"), at(0));
    assert!(matches!(ask(&mut state, &[], at(29)), Verdict::Wait { until, .. } if until == at(30)));
    assert_eq!(ask(&mut state, &[], at(30)), Verdict::Grant);
    assert_eq!(state.circuit, Circuit::HalfOpen);
    assert!(matches!(ask(&mut state, &[], at(31)), Verdict::Wait { .. }), "one probe at a time");
    note(&mut state, Outcome::Failed("status 500"), at(31));
    assert!(matches!(ask(&mut state, &[], at(90)), Verdict::Wait { until, .. } if until == at(91)));
    assert_eq!(ask(&mut state, &[], at(91)), Verdict::Grant);
    note(&mut state, Outcome::Good, at(92));
    assert_eq!((state.circuit, state.failures, state.blocked_until), (Circuit::Closed, 0, None));
    assert_eq!(state.last_error, Some((at(31), "status 500".into())));
}

#[test]
fn a_probe_that_never_came_back_is_followed_by_another() {
    let mut state = BudgetState { circuit: Circuit::Open, ..BudgetState::default() };
    assert_eq!(ask(&mut state, &[], at(0)), Verdict::Grant);
    assert!(matches!(ask(&mut state, &[], at(59)), Verdict::Wait { .. }));
    assert_eq!(ask(&mut state, &[], at(60)), Verdict::Grant);
}

#[test]
fn nothing_goes_before_the_time_a_vendor_named() {
    let mut state = BudgetState::default();
    note(&mut state, Outcome::Limited(at(7), "too many requests"), at(0));
    note(&mut state, Outcome::Good, at(1));
    let waits = ask(&mut state, FREE, at(6));
    assert_eq!(waits, Verdict::Wait { until: at(7), why: "too many requests".into() });
    assert_eq!(ask(&mut state, FREE, at(7)), Verdict::Grant);
    note(&mut state, Outcome::Limited(at(1_000_000_000), "x"), at(8));
    assert_eq!(state.blocked_until, Some(at(8 + 86_400)), "no vendor may lock us out for good");
}

#[test]
fn its_own_count_stops_us_before_it_does() {
    let mut state = BudgetState::default();
    note_remaining(&mut state, 3, at(50).nanos() / NANOS_PER_SECOND, at(0));
    assert_eq!(ask(&mut state, &[], at(0)), Verdict::Grant);
    note_remaining(&mut state, 0, at(50).nanos() / NANOS_PER_SECOND, at(0));
    assert!(matches!(ask(&mut state, &[], at(49)), Verdict::Wait { until, .. } if until == at(50)));
    assert_eq!(ask(&mut state, &[], at(50)), Verdict::Grant);
}

#[test]
fn a_wall_for_robots_pauses_the_vendor_at_once() {
    let mut state = BudgetState::default();
    note(&mut state, Outcome::Blocked("a page for people came instead of data"), at(0));
    assert_eq!(state.circuit, Circuit::Open);
    assert!(matches!(ask(&mut state, &[], at(899)), Verdict::Wait { .. }));
    assert_eq!(ask(&mut state, &[], at(900)), Verdict::Grant);
}

#[test]
fn a_refused_kind_is_asked_again_after_a_week() {
    let mut state = BudgetState::default();
    note(&mut state, Outcome::Refused(DataKind::Minutes, "refused", "a premium endpoint"), at(0));
    assert!(is_refused(&state, DataKind::Minutes, at(86_400)));
    assert!(!is_refused(&state, DataKind::Daily, at(0)));
    assert!(!is_refused(&state, DataKind::Minutes, at(8 * 86_400)));
}

#[test]
fn retry_after_is_read_in_both_forms() {
    let now = UnixNanos::from_seconds(1_700_000_000);
    assert_eq!(retry_after(" 7 ", now), Some(now.plus_millis(7_000)));
    assert_eq!(retry_after("Tue, 14 Nov 2023 22:13:27 GMT", now), Some(now.plus_millis(7_000)));
    assert_eq!(retry_after("soon", now), None);
    assert_eq!(retry_after("-5", now), None);
}

#[test]
fn a_clock_that_was_put_back_locks_nobody_out() {
    let mut state = BudgetState::default();
    for _ in 0..5 {
        ask(&mut state, FREE, at(100_000));
    }
    let Verdict::Wait { until, .. } = ask(&mut state, FREE, at(0)) else { panic!() };
    assert_eq!(until, at(60));
}

#[test]
fn what_a_clock_of_next_year_noted_does_not_count() {
    let year = 365 * 86_400;
    let mut state = BudgetState::default();
    note(&mut state, Outcome::Refused(DataKind::Minutes, "refused", "a premium endpoint"), at(year));
    note(&mut state, Outcome::Limited(at(year + 3_600), "used up"), at(year));
    note(&mut state, Outcome::Blocked("a page for people"), at(year));
    assert!(!is_ahead(&state, at(year)));
    assert!(is_ahead(&state, at(0)));
    assert_eq!(next_try(&state, FREE, at(0)), at(0));
    assert!(!is_refused(&state, DataKind::Minutes, at(0)));
    assert_eq!(ask(&mut state, FREE, at(0)), Verdict::Grant);
    assert!(!is_ahead(&state, at(0)) && state.refused.is_empty() && state.last_error.is_none());
    // Programs side by side may differ by moments.
    let mut state = BudgetState::default();
    note(&mut state, Outcome::Limited(at(90), "used up"), at(30));
    assert!(matches!(ask(&mut state, FREE, at(29)), Verdict::Wait { until, .. } if until == at(90)));
}

/// Requests that rounds send, one a minute at most, while a session is open from `open` on for 390 minutes.
fn rounds(state: &mut BudgetState, plan: &[Allowance], open: i64) -> Vec<i64> {
    let share = Share { seconds: 86_400, requests: 13, over: Some((at(open), at(open + 390 * 60))) };
    let asks = (0..390).map(|minute| (minute, at(open + minute * 60)));
    asks.filter(|(_, now)| ask_within(state, plan, &[share], *now) == Verdict::Grant)
        .map(|(m, _)| m)
        .collect()
}

#[test]
fn a_share_of_a_day_grows_with_each_session_anew_whatever_went_before_it() {
    let spread: Vec<i64> =
        (0..13).map(|n| if n == 0 { 0 } else { (n + 1) * 30 }).take_while(|m| *m < 390).collect();
    let (mut state, day) = (BudgetState::default(), &FREE[1..]);
    assert_eq!(rounds(&mut state, day, 0), spread);
    // In the evening somebody else takes a part of what is left.
    for second in 0..5 {
        assert_eq!(ask(&mut state, day, at(40_000 + second)), Verdict::Grant);
    }
    assert_eq!(rounds(&mut state, day, 86_400), spread, "the second day");
    assert_eq!(rounds(&mut state, day, 2 * 86_400), spread, "the third");
    // What others take while it is open is held against it.
    let (mut state, now) = (BudgetState::default(), at(3_600));
    for _ in 0..5 {
        assert_eq!(ask(&mut state, day, now), Verdict::Grant);
    }
    let share = Share { seconds: 86_400, requests: 13, over: Some((at(0), at(390 * 60))) };
    let Verdict::Wait { until, why } = ask_within(&mut state, day, &[share], now) else { panic!("room") };
    assert_eq!((until, why.as_str()), (at(6 * 1_800), "the day's share of 2 requests is used up"));
    assert_eq!(ask_within(&mut state, day, &[share], until), Verdict::Grant);
}

#[test]
fn a_share_of_a_large_day_counts_what_its_own_session_asked_to_the_request() {
    // Kept in parts of 45 minutes: one of them has begun before the open.
    let plan = [Allowance { seconds: 86_400, requests: 5_000 }];
    let share = Share { seconds: 86_400, requests: 2_500, over: Some((at(1_800), at(1_800 + 390 * 60))) };
    let mut state = BudgetState::default();
    for _ in 0..1_000 {
        assert_eq!(ask(&mut state, &plan, at(0)), Verdict::Grant);
    }
    let mut granted = 0;
    for second in 0..390 {
        let now = at(1_800 + second * 60);
        while ask_within(&mut state, &plan, &[share], now) == Verdict::Grant {
            granted += 1;
        }
        assert!(granted == (2_500 * second / 390).max(1), "{granted} after {second} minutes");
    }
    assert_eq!(usage(&state, &plan, at(1_800 + 389 * 60))[0].used, 1_000 + granted as u32);
}

#[test]
fn a_share_is_held_where_the_plan_is_kept_in_parts_and_the_share_would_be_kept_one_by_one() {
    let plan = [Allowance { seconds: 60, requests: 60 }];
    let half = Share { seconds: 60, requests: 30, over: None };
    let mut state = BudgetState::default();
    // A sync asks forty times a minute.
    for tick in 0..120 {
        let now = at(0).plus_millis(tick * 1_500);
        assert_eq!(ask(&mut state, &plan, now), Verdict::Grant);
        let used = usage(&state, &plan, now)[0].used;
        let verdict = ask_within(&mut state, &plan, &[half], now);
        assert!(used < 30 || matches!(verdict, Verdict::Wait { .. }), "{used} at {now}");
    }
}
