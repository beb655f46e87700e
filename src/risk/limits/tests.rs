//! Versions wait, begin, end and overtake each other as the rules say.

use super::*;
use crate::domain::ChangeSetId;
use crate::domain::limit::{LimitTerms, WorkingOrders};

const NOW: UnixNanos = UnixNanos::ZERO;

fn draft(name: LimitName, hard: Option<&str>, soft: Option<&str>) -> LimitDraft {
    LimitDraft {
        name,
        scope: Scope::Firm,
        hard: hard.map(str::to_owned),
        soft: soft.map(str::to_owned),
        reason: "test".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    }
}

fn set(book: &mut LimitBook, draft: &LimitDraft) {
    let rita = "rita".parse().unwrap();
    book.approve(book.version() + 1, draft, (rita, rita), false, UnixNanos::ZERO).unwrap();
}

#[test]
fn only_a_looser_value_waits() {
    let name = LimitName::MaxOrderNotional;
    let mut book = LimitBook::default();
    assert_eq!(book.judge(&draft(name, Some("100"), None), NOW), Ok(LimitChange::AtOnce));
    set(&mut book, &draft(name, Some("100"), Some("50")));
    for (hard, soft, change) in [
        (Some("100"), Some("50"), LimitChange::AtOnce),
        (Some("90"), Some("40"), LimitChange::AtOnce),
        (Some("101"), Some("50"), LimitChange::Waits),
        (Some("90"), Some("60"), LimitChange::Waits),
        (Some("90"), None, LimitChange::Waits),
        (Some("51"), None, LimitChange::Waits),
        (Some("50"), None, LimitChange::AtOnce),
        (Some("20"), None, LimitChange::AtOnce),
        (None, Some("40"), LimitChange::Waits),
        (None, None, LimitChange::Waits),
    ] {
        assert_eq!(book.judge(&draft(name, hard, soft), NOW), Ok(change), "{hard:?} {soft:?}");
    }
}

#[test]
fn what_is_refused_and_what_is_held_decide_not_which_value_says_so() {
    use LimitChange::{AtOnce, Waits};
    let (minimum, window) = (LimitName::MinOrderQuantity, LimitName::LossCooldown);
    let (restricted, allowed) = (LimitName::RestrictedSymbols, LimitName::AllowedSymbols);
    let own = LimitName::MaxSelfTrades;
    for (name, old, new, change) in [
        // A minimum: higher is tighter, and the soft value lies above the hard one.
        (minimum, (Some("10"), Some("40")), (Some("40"), None), AtOnce),
        (minimum, (Some("10"), Some("40")), (Some("50"), None), AtOnce),
        (minimum, (Some("10"), Some("40")), (Some("39"), None), Waits),
        (minimum, (Some("10"), Some("40")), (Some("9"), Some("60")), Waits),
        (window, (Some("60"), Some("90")), (Some("120"), None), AtOnce),
        (window, (Some("60"), Some("90")), (Some("80"), None), Waits),
        // Only held before, refused now; and refused before, only held now.
        (LimitName::MaxOrderNotional, (None, Some("100")), (Some("100"), None), AtOnce),
        (LimitName::MaxOrderNotional, (None, Some("100")), (Some("101"), None), Waits),
        (LimitName::MaxOrderNotional, (Some("100"), None), (None, Some("100")), Waits),
        (LimitName::MaxOrderNotional, (Some("100"), None), (Some("100"), Some("100")), AtOnce),
        // Lists: what either names is not let pass.
        (restricted, (Some("A"), Some("B")), (Some("A,B"), None), AtOnce),
        (restricted, (Some("A"), Some("B")), (Some("A,C"), None), Waits),
        (restricted, (Some("A,B"), None), (Some("A"), Some("B")), Waits),
        (restricted, (None, Some("B")), (Some("B"), None), AtOnce),
        (allowed, (Some("A,B,C"), Some("A,B")), (Some("A"), None), AtOnce),
        (allowed, (Some("A,B,C"), Some("A,B")), (Some("B,C"), None), Waits),
        (allowed, (Some("A"), None), (Some("A,B"), Some("A")), Waits),
        // Another way to prevent self-trades is another rule.
        (own, (Some("5"), Some("2")), (Some("1"), None), AtOnce),
        (own, (Some("5"), Some("2")), (Some("1 cancel_newest"), None), Waits),
        (own, (Some("1 cancel_newest"), None), (Some("1"), None), AtOnce),
    ] {
        let mut book = LimitBook::default();
        set(&mut book, &draft(name, old.0, old.1));
        assert_eq!(book.judge(&draft(name, new.0, new.1), NOW), Ok(change), "{name} {old:?} {new:?}");
    }
}

#[test]
fn taking_a_symbol_off_the_list_waits_and_spaces_mean_nothing() {
    let name = LimitName::RestrictedSymbols;
    let mut book = LimitBook::default();
    set(&mut book, &draft(name, Some("B, A"), None));
    assert_eq!(book.judge(&draft(name, Some("A,B"), None), NOW), Ok(LimitChange::AtOnce));
    assert_eq!(book.judge(&draft(name, Some("A,B,C"), None), NOW), Ok(LimitChange::AtOnce));
    assert_eq!(book.judge(&draft(name, Some("A"), None), NOW), Ok(LimitChange::Waits));
}

#[test]
fn an_overtaken_proposal_cannot_be_approved() {
    let name = LimitName::MaxOrderNotional;
    let mut book = LimitBook::default();
    set(&mut book, &draft(name, Some("100"), None));
    book.propose(2, draft(name, Some("200"), None), "rita".parse().unwrap(), (NOW, NOW));
    assert!(book.waiting(2).is_ok());
    set(&mut book, &draft(name, Some("50"), None));
    assert_eq!(book.waiting(2), Err(LimitError::Overtaken(2)));
    assert_eq!(book.waiting(9), Err(LimitError::UnknownVersion(9)));
}

fn with_terms(hard: &str, terms: LimitTerms) -> LimitDraft {
    LimitDraft { terms, ..draft(LimitName::MaxOrderNotional, Some(hard), None) }
}

fn hard(book: &LimitBook) -> Option<String> {
    let now = book.get(LimitName::MaxOrderNotional, Scope::Firm)?;
    now.hard.as_ref().map(ToString::to_string)
}

/// What turns where all exchanges have the same time.
fn next(book: &LimitBook, now: UnixNanos) -> Option<(UnixNanos, u32, Turn)> {
    book.next_turn(|_| Reached { first: now, last: now })
}

#[test]
fn a_window_begins_and_ends_and_gives_back_what_stood_before() {
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    let at = UnixNanos::from_seconds;
    let window =
        LimitTerms { effective_from: Some(at(10)), expires_at: Some(at(20)), ..LimitTerms::default() };
    let lower = with_terms("40", window.clone());
    assert_eq!(book.judge(&lower, NOW), Ok(LimitChange::AtOnce));
    assert_eq!(book.judge(&with_terms("400", window), NOW), Ok(LimitChange::Waits));
    set(&mut book, &lower);
    assert_eq!((hard(&book), next(&book, at(9))), (Some("100.00".into()), None));
    assert_eq!(next(&book, at(10)), Some((at(10), 2, Turn::Begins)));
    book.turn(2, Turn::Begins).unwrap();
    assert_eq!((hard(&book), next(&book, at(19))), (Some("40.00".into()), None));
    // What stands only for a while makes no room: 70 is looser than 40, 120 than what stands beneath.
    assert_eq!(book.judge(&with_terms("70", LimitTerms::default()), at(15)), Ok(LimitChange::Waits));
    book.turn(2, Turn::Ends).unwrap();
    assert_eq!((hard(&book), next(&book, at(99))), (Some("100.00".into()), None));
    let empty =
        LimitTerms { effective_from: Some(at(20)), expires_at: Some(at(20)), ..LimitTerms::default() };
    assert_eq!(book.judge(&with_terms("1", empty), NOW), Err(LimitError::EmptyWindow));
}

#[test]
fn an_override_of_one_order_binds_that_order_alone() {
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    let key: OrderKey = ("A".parse().unwrap(), "o1".parse().unwrap());
    let wider = with_terms("900", LimitTerms { order: Some(key), ..LimitTerms::default() });
    assert_eq!(book.judge(&wider, NOW), Ok(LimitChange::Waits));
    set(&mut book, &wider);
    let target = Target { account: key.0, kind: AccountKind::Paper, symbol: None, strategy: None };
    let seen = |book: &LimitBook, key| {
        book.binding_order(&target, key).map(|(_, _, v)| v.hard.as_ref().unwrap().to_string()).next().unwrap()
    };
    assert_eq!(seen(&book, key), "900.00");
    assert_eq!(seen(&book, (key.0, "o2".parse().unwrap())), "100.00");
    assert_eq!(book.given_to(&key), [2]);
    book.turn(2, Turn::Ends).unwrap();
    assert_eq!(seen(&book, key), "100.00");
}

#[test]
fn a_value_for_one_order_binds_it_without_a_standing_limit_until_one_is_taken_away() {
    let key: OrderKey = ("A".parse().unwrap(), "o1".parse().unwrap());
    let one = |hard| with_terms(hard, LimitTerms { order: Some(key), ..LimitTerms::default() });
    let target = |account| Target { account, kind: AccountKind::Paper, symbol: None, strategy: None };
    let seen = |book: &LimitBook, target: &Target, key| {
        book.binding_order(target, key).map(|(_, _, v)| v.version).collect::<Vec<_>>()
    };
    let mut book = LimitBook::default();
    set(&mut book, &one("900"));
    set(&mut book, &one("800"));
    let a = target(key.0);
    assert!(!book.is_silent());
    assert_eq!(seen(&book, &a, key), [2], "the later of two");
    assert!(seen(&book, &a, (key.0, "o2".parse().unwrap())).is_empty());
    let foreign = LimitDraft { scope: Scope::Account("B".parse().unwrap()), ..one("1") };
    set(&mut book, &foreign);
    assert_eq!(seen(&book, &a, key), [2], "a scope that does not bind the order");
    book.turn(2, Turn::Ends).unwrap();
    assert_eq!(seen(&book, &a, key), [1]);
    // What was an exception from a limit is none from its absence: nobody agreed to that.
    set(&mut book, &with_terms("100", LimitTerms::default()));
    set(&mut book, &one("900"));
    assert_eq!(seen(&book, &a, key), [5]);
    set(&mut book, &draft(LimitName::MaxOrderNotional, None, None));
    assert!(seen(&book, &a, key).is_empty());
}

#[test]
fn an_override_of_one_order_always_waits_and_is_void_beside_a_later_limit() {
    let key: OrderKey = ("A".parse().unwrap(), "o1".parse().unwrap());
    let one = LimitTerms { order: Some(key), ..LimitTerms::default() };
    let target = Target { account: key.0, kind: AccountKind::Paper, symbol: None, strategy: None };
    let seen = |book: &LimitBook| {
        book.binding_order(&target, key).map(|(_, _, v)| v.hard.as_ref().unwrap().to_string()).next().unwrap()
    };
    let mut book = LimitBook::default();
    for value in ["900", "1"] {
        let later = LimitTerms { effective_from: Some(UnixNanos::from_seconds(9)), ..one.clone() };
        for terms in [one.clone(), later] {
            assert_eq!(book.judge(&with_terms(value, terms), NOW), Ok(LimitChange::Waits), "{value}");
        }
    }
    // As an older journal may say it was: in force before any limit, and at the value of the one that stood.
    set(&mut book, &with_terms("100", one.clone()));
    set(&mut book, &with_terms("100", LimitTerms::default()));
    set(&mut book, &with_terms("100", one));
    assert_eq!(book.judge(&with_terms("50", LimitTerms::default()), NOW), Ok(LimitChange::AtOnce));
    let until = LimitTerms { expires_at: Some(UnixNanos::from_seconds(20)), ..LimitTerms::default() };
    set(&mut book, &with_terms("50", until));
    assert_eq!(seen(&book), "50.00");
    assert_eq!(book.given_to(&key), [1, 3], "both are used up with the order");
    book.turn(4, Turn::Ends).unwrap();
    assert_eq!(book.binding_order(&target, key).map(|(_, _, v)| v.version).collect::<Vec<_>>(), [3]);
    set(&mut book, &with_terms("40", LimitTerms::default()));
    assert_eq!(seen(&book), "40.00");
}

#[test]
fn a_window_planted_ahead_of_a_tightening_loosens_nothing() {
    let at = UnixNanos::from_seconds;
    let week = |begin, end| LimitTerms {
        effective_from: Some(at(begin)),
        expires_at: Some(at(end)),
        ..LimitTerms::default()
    };
    let until = |end| LimitTerms { expires_at: Some(at(end)), ..LimitTerms::default() };
    let from = |begin| LimitTerms { effective_from: Some(at(begin)), ..LimitTerms::default() };
    // Equal to what stood when it was set, so that one person sufficed; then somebody tightens, for good, for longer,
    // or from a moment within it.
    for tighter in [LimitTerms::default(), until(90), from(15), week(15, 90)] {
        let mut book = LimitBook::default();
        set(&mut book, &with_terms("100", LimitTerms::default()));
        let planted = with_terms("100", week(10, 20));
        assert_eq!(book.judge(&planted, NOW), Ok(LimitChange::AtOnce));
        set(&mut book, &planted);
        set(&mut book, &with_terms("10", tighter.clone()));
        while let Some((_, version, turn)) = next(&book, at(16)) {
            let overtaken = turn == Turn::Begins && book.is_overtaken(version);
            book.turn(version, if overtaken { Turn::Overtaken } else { turn }).unwrap();
        }
        assert_eq!(hard(&book), Some("10.00".into()), "{tighter:?}");
    }
}

#[test]
fn a_stale_draft_is_told_who_changed_what() {
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    set(&mut book, &with_terms("90", LimitTerms::default()));
    let based = |on| with_terms("80", LimitTerms { based_on: Some(on), ..LimitTerms::default() });
    assert_eq!(book.judge(&based(2), NOW), Ok(LimitChange::AtOnce));
    let error = book.judge(&based(1), NOW).unwrap_err().to_string();
    assert!(error.starts_with("rita changed max_order_notional for firm to 90 (version 2)"), "{error}");
}

#[test]
fn a_set_waits_as_a_whole() {
    let mut book = LimitBook::default();
    let set: ChangeSetId = "june".parse().unwrap();
    let of_set = with_terms("10", LimitTerms { set: Some(set), ..LimitTerms::default() });
    assert_eq!(book.judge(&of_set, NOW), Ok(LimitChange::Waits));
    assert_eq!(book.waiting_set(set), Err(LimitError::UnknownSet(set)));
    book.propose(1, of_set.clone(), "rita".parse().unwrap(), (NOW, NOW));
    book.propose(2, of_set, "rita".parse().unwrap(), (NOW, NOW));
    assert_eq!(book.waiting_set(set).unwrap().len(), 2);
    assert_eq!(hard(&book), None);
}

#[test]
fn a_new_change_set_has_no_number_for_its_name_and_one_of_an_older_journal_keeps_its_own() {
    let of_set = |name: &str| {
        with_terms("10", LimitTerms { set: Some(name.parse().unwrap()), ..LimitTerms::default() })
    };
    let mut book = LimitBook::default();
    for name in ["10", "007", "99999999999"] {
        let refused = Err(LimitError::SetOfDigits(name.parse().unwrap()));
        assert_eq!(book.judge(&of_set(name), NOW), refused, "{name}");
        assert_eq!(book.judge_set(&[of_set(name)], NOW).map(|()| LimitChange::Waits), refused, "{name}");
    }
    for name in ["10a", "set-10", "1.0"] {
        assert_eq!(book.judge(&of_set(name), NOW), Ok(LimitChange::Waits), "{name}");
    }
    // It waits in a journal that was written before: it can still be looked at.
    book.propose(1, of_set("10"), "rita".parse().unwrap(), (NOW, NOW));
    assert_eq!(book.judge(&of_set("10"), NOW), Ok(LimitChange::Waits));
}

#[test]
fn a_wider_window_for_duplicates_is_tighter() {
    let name = LimitName::DuplicateOrderWindow;
    let mut book = LimitBook::default();
    set(&mut book, &draft(name, Some("10"), None));
    assert_eq!(book.judge(&draft(name, Some("20"), None), NOW), Ok(LimitChange::AtOnce));
    assert_eq!(book.judge(&draft(name, Some("5"), None), NOW), Ok(LimitChange::Waits));
    assert!(matches!(book.judge(&draft(name, Some("61"), None), NOW), Err(LimitError::BadValue(_))));
}

#[test]
fn firm_limits_never_bind_a_simulation_account() {
    let (account, symbol) = ("sim-kim".parse().unwrap(), "XYZ".parse().unwrap());
    let target = |kind| Target { account, kind, symbol: Some(symbol), strategy: None };
    assert!(!target(AccountKind::Simulation).is_bound_by(Scope::Firm));
    assert!(!target(AccountKind::Simulation).is_bound_by(Scope::Symbol(symbol)));
    assert!(target(AccountKind::Simulation).is_bound_by(Scope::Account(account)));
    assert!(target(AccountKind::Paper).is_bound_by(Scope::Firm));
}

#[test]
fn what_begins_later_gives_way_to_a_newer_version_and_lies_beneath_a_passing_one() {
    let at = UnixNanos::from_seconds;
    let later = LimitTerms { effective_from: Some(at(10)), ..LimitTerms::default() };
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    set(&mut book, &with_terms("400", later.clone()));
    assert!(!book.is_overtaken(2));
    // The emergency: tightened at once after the loosening was agreed on.
    set(&mut book, &with_terms("10", LimitTerms::default()));
    assert!(book.is_overtaken(2));
    book.turn(2, Turn::Overtaken).unwrap();
    assert_eq!((hard(&book), next(&book, at(99))), (Some("10.00".into()), None));
    assert_eq!(book.versions()[1].status, VersionStatus::Overtaken);
    // A journal that says it began all the same changes nothing either.
    let mut old = LimitBook::default();
    set(&mut old, &with_terms("400", later.clone()));
    set(&mut old, &with_terms("10", LimitTerms::default()));
    old.turn(1, Turn::Begins).unwrap();
    assert_eq!(hard(&old), Some("10.00".into()));

    // Tightened only for a while: what was agreed on comes when the while is over.
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    set(&mut book, &with_terms("80", later));
    set(&mut book, &with_terms("10", LimitTerms { expires_at: Some(at(20)), ..LimitTerms::default() }));
    assert!(!book.is_overtaken(2));
    book.turn(2, Turn::Begins).unwrap();
    assert_eq!(hard(&book), Some("10.00".into()));
    book.turn(3, Turn::Ends).unwrap();
    assert_eq!(hard(&book), Some("80.00".into()));
}

#[test]
fn a_window_within_a_window_gives_back_the_outer_one() {
    let at = UnixNanos::from_seconds;
    let until = |end| LimitTerms { expires_at: Some(at(end)), ..LimitTerms::default() };
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    set(&mut book, &with_terms("50", until(30)));
    set(&mut book, &with_terms("20", until(10)));
    book.turn(3, Turn::Ends).unwrap();
    assert_eq!(hard(&book), Some("50.00".into()));
    book.turn(2, Turn::Ends).unwrap();
    assert_eq!(hard(&book), Some("100.00".into()));
}

#[test]
fn a_tightening_that_is_still_to_come_is_not_undone_by_one_person() {
    let at = UnixNanos::from_seconds;
    let from = |t| LimitTerms { effective_from: Some(at(t)), ..LimitTerms::default() };
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    set(&mut book, &with_terms("10", from(50)));
    let window = |begin, end| LimitTerms { expires_at: Some(at(end)), ..from(begin) };
    for (hard, terms, change) in [
        ("100", LimitTerms::default(), LimitChange::Waits),
        ("90", from(60), LimitChange::Waits),
        ("90", window(40, 60), LimitChange::Waits),
        // Over before the other begins: nothing of it is undone.
        ("90", window(20, 50), LimitChange::AtOnce),
        ("10", LimitTerms::default(), LimitChange::AtOnce),
        ("9", from(70), LimitChange::AtOnce),
    ] {
        assert_eq!(book.judge(&with_terms(hard, terms.clone()), NOW), Ok(change), "{hard} {terms:?}");
    }
}

#[test]
fn a_proposal_is_turned_down_or_taken_back_once() {
    let (rita, ann): (UserName, UserName) = ("rita".parse().unwrap(), "ann".parse().unwrap());
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    for version in [2, 3] {
        book.propose(version, with_terms("200", LimitTerms::default()), rita, (NOW, NOW));
    }
    book.reject(2, ann, "too much".into(), NOW).unwrap();
    book.reject(3, rita, "no longer needed".into(), NOW).unwrap();
    let status: Vec<VersionStatus> = book.versions().iter().map(|v| v.status).collect();
    assert_eq!(status, [VersionStatus::Approved, VersionStatus::Rejected, VersionStatus::Withdrawn]);
    assert_eq!(book.versions()[1].closed.as_ref().map(|c| c.actor), Some(ann));
    assert_eq!(book.waiting(2).map(|_| ()), Err(LimitError::NotWaiting(2)));
    assert_eq!(book.reject(2, ann, "again".into(), NOW), Err(LimitError::NotWaiting(2)));
}

#[test]
fn what_bound_at_a_version_leaves_out_what_was_to_come_had_ended_or_was_meant_for_one_order() {
    let at = UnixNanos::from_seconds;
    let rita = "rita".parse().unwrap();
    let mut book = LimitBook::default();
    let mut put = |hard: &str, terms: LimitTerms, t: i64| {
        let version = book.version() + 1;
        book.approve(version, &with_terms(hard, terms), (rita, rita), false, at(t)).unwrap();
    };
    put("100", LimitTerms::default(), 0);
    put("40", LimitTerms { effective_from: Some(at(50)), ..LimitTerms::default() }, 1);
    put("30", LimitTerms { expires_at: Some(at(20)), ..LimitTerms::default() }, 2);
    let one = Some(("A".parse().unwrap(), "o1".parse().unwrap()));
    put("900", LimitTerms { order: one, ..LimitTerms::default() }, 3);
    let other = LimitDraft { name: LimitName::MaxOpenOrders, ..with_terms("5", LimitTerms::default()) };
    book.approve(5, &other, (rita, rita), false, at(30)).unwrap();
    book.approve(6, &other, (rita, rita), false, at(60)).unwrap();
    let then = |version| hard(&book.as_of(version).unwrap()).unwrap();
    assert_eq!(["100.00", "100.00", "30.00", "30.00", "100.00", "40.00"], [1, 2, 3, 4, 5, 6].map(then)[..]);
    assert_eq!(book.as_of(9), Err(LimitError::UnknownVersion(9)));
}

#[test]
fn what_was_in_force_before_the_market_had_a_time_bound_at_every_later_version() {
    let at = UnixNanos::from_seconds;
    let (rita, omar) = ("rita".parse().unwrap(), "omar".parse().unwrap());
    let mut book = LimitBook::default();
    // A home is set up by the clock on the wall, years after the days that it then lives through.
    book.approve(1, &with_terms("100", LimitTerms::default()), (rita, rita), false, at(1_000)).unwrap();
    let other = LimitDraft { name: LimitName::MaxOpenOrders, ..with_terms("5", LimitTerms::default()) };
    book.propose(2, other.clone(), rita, (at(10), at(1_010)));
    let later = LimitDraft { name: LimitName::MaxOrdersPerMinute, ..other.clone() };
    book.approve(3, &later, (rita, rita), false, at(20)).unwrap();
    book.approve(2, &other, (rita, omar), false, at(30)).unwrap();
    let then = book.as_of(3).unwrap();
    assert_eq!(hard(&then).unwrap(), "100.00");
    assert!(then.get(LimitName::MaxOpenOrders, other.scope).is_none(), "it was only asked for then");
}

#[test]
fn what_allows_more_turns_when_the_last_exchange_is_there_and_what_does_not_with_the_first() {
    let at = UnixNanos::from_seconds;
    let window = |begin, end| LimitTerms {
        effective_from: Some(at(begin)),
        expires_at: Some(at(end)),
        ..LimitTerms::default()
    };
    for (value, [begins, ends]) in [("40", [true, false]), ("400", [false, true])] {
        let mut book = LimitBook::default();
        set(&mut book, &with_terms("100", LimitTerms::default()));
        set(&mut book, &with_terms(value, window(10, 20)));
        let turns = |book: &LimitBook, first, last| {
            book.next_turn(|_| Reached { first: at(first), last: at(last) }).map(|(_, _, turn)| turn)
        };
        assert_eq!(turns(&book, 10, 9).is_some(), begins, "{value}");
        assert_eq!(turns(&book, 10, 10), Some(Turn::Begins), "{value}");
        book.turn(2, Turn::Begins).unwrap();
        assert_eq!(turns(&book, 20, 19).is_some(), ends, "{value}");
        assert_eq!(turns(&book, 20, 20), Some(Turn::Ends), "{value}");
    }
}

#[test]
fn a_waiting_version_may_be_approved_until_its_end_would_come_at_once() {
    let at = UnixNanos::from_seconds;
    let until = |end| LimitTerms { expires_at: Some(at(end)), ..LimitTerms::default() };
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    book.propose(2, with_terms("400", until(20)), "rita".parse().unwrap(), (NOW, NOW));
    book.propose(3, with_terms("40", until(20)), "rita".parse().unwrap(), (NOW, NOW));
    let judged = |version, first, last| {
        let found = book.approvable(version, |_| Reached { first: at(first), last: at(last) });
        found.map(|v| v.version)
    };
    assert_eq!(judged(2, 19, 19), Ok(2));
    // Its end allows less: the first exchange counts; that of the tighter one waits for the last.
    assert_eq!(judged(2, 20, 10), Err(LimitError::WindowOver { version: 2, ended: at(20) }));
    assert_eq!((judged(3, 20, 10), judged(3, 20, 20).is_err()), (Ok(3), true));
    assert_eq!(judged(9, 0, 0), Err(LimitError::UnknownVersion(9)));
}

#[test]
fn a_tightening_under_another_one_stays_until_the_last_exchange_is_there() {
    let at = UnixNanos::from_seconds;
    let until = |end| LimitTerms { expires_at: Some(at(end)), ..LimitTerms::default() };
    let mut book = LimitBook::default();
    set(&mut book, &with_terms("100", LimitTerms::default()));
    set(&mut book, &with_terms("50", until(30)));
    set(&mut book, &with_terms("30", until(20)));
    let turns = |book: &LimitBook, first, last| {
        book.next_turn(|_| Reached { first: at(first), last: at(last) }).map(|(_, version, _)| version)
    };
    assert_eq!((turns(&book, 40, 10), turns(&book, 40, 20)), (None, Some(3)));
    book.turn(3, Turn::Ends).unwrap();
    assert_eq!(hard(&book), Some("50.00".into()));
    assert_eq!((turns(&book, 40, 29), turns(&book, 40, 30)), (None, Some(2)));
}
