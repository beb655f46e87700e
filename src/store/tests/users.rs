//! People: credentials, independence, throttle, log, watchlists, notices.

use super::super::users::{AccessEntry, Credential, FAILURES_PER_NAME_MAX, NOTICES_MAX};
use super::super::{StoreError, UsersReader, UsersStore};
use super::{at, id, name};
use crate::domain::notice::{Notice, NoticeLevel};
use crate::domain::role::RiskTolerance;
use crate::domain::user::{SubscriptionTier, User};
use crate::domain::{CleanText, Role};

const DAY: i64 = 86_400;

fn user(text: &str, role: Role) -> User {
    User {
        name: name(text),
        role,
        disabled: false,
        email: CleanText::default(),
        risk_tolerance: RiskTolerance::Moderate,
        subscription_tier: SubscriptionTier::Free,
        created_at: at(0),
        last_login: None,
    }
}

fn store() -> (tempfile::TempDir, UsersStore) {
    let home = tempfile::tempdir().unwrap();
    let mut store = UsersStore::open(home.path()).unwrap();
    assert!(store.found(&user("root", Role::Admin), &Credential::Hash("h0".to_owned())).unwrap());
    store.add_user(&user("ana", Role::Trader), &Credential::None, name("root")).unwrap();
    (home, store)
}

fn notice(n: i64) -> Notice {
    Notice {
        id: 0,
        user: name("ana"),
        time: at(n),
        level: NoticeLevel::Warning,
        title: CleanText::new("Fill"),
        text: CleanText::new(&n.to_string()),
        read: false,
    }
}

#[test]
fn people_are_added_once_and_found_by_name() {
    let (home, mut store) = store();
    assert!(!store.found(&user("eve", Role::Admin), &Credential::None).unwrap());
    let again = store.add_user(&user("ana", Role::Admin), &Credential::None, name("root"));
    assert!(matches!(again, Err(StoreError::UserExists(_))));
    let reader = UsersReader::open(home.path()).unwrap();
    let names: Vec<String> = reader.users().unwrap().iter().map(|p| p.user.name.to_string()).collect();
    assert_eq!(names, ["ana", "root"]);
    assert_eq!(reader.user(name("ana")).unwrap().unwrap().user, user("ana", Role::Trader));
    assert_eq!(reader.credential(name("ana")).unwrap(), Some(Credential::None));
    assert_eq!(reader.credential(name("eve")).unwrap(), None);
}

#[test]
fn role_password_and_disabling_raise_the_epoch() {
    let (_home, mut store) = store();
    let epoch = |store: &UsersStore| store.read().user(name("ana")).unwrap().unwrap().epoch;
    let before = epoch(&store);
    store.set_role(name("ana"), Role::Risk).unwrap();
    store.set_password(name("ana"), "h1", name("ana"), at(5)).unwrap();
    store.disable(name("ana"), at(6)).unwrap();
    assert_eq!(epoch(&store), before + 3);
    assert!(matches!(store.set_role(name("eve"), Role::Risk), Err(StoreError::UnknownUser(_))));
}

#[test]
fn who_made_or_reset_an_account_is_no_second_person_for_seven_days() {
    let (_home, mut store) = store();
    let ties = |s: &UsersStore, who: &str, day: i64| s.read().ties(name(who), at(day * DAY)).unwrap();
    assert_eq!(ties(&store, "ana", 1), [name("root")]);
    assert_eq!(ties(&store, "root", 1), [name("ana")]);
    assert_eq!(ties(&store, "ana", 8), []);
    store.set_password(name("ana"), "mine", name("ana"), at(2 * DAY)).unwrap();
    assert_eq!(ties(&store, "root", 3), [], "its owner changed it themselves");
    store.set_password(name("ana"), "theirs", name("root"), at(4 * DAY)).unwrap();
    assert_eq!(ties(&store, "ana", 5), [name("root")]);
}

#[test]
fn failures_are_counted_by_name_bounded_and_forgotten_after_a_login() {
    let (home, mut store) = store();
    for n in 0..FAILURES_PER_NAME_MAX + 20 {
        store.record_failure(name("ana"), at(100 + i64::from(n))).unwrap();
    }
    store.record_failure(name("nobody"), at(100)).unwrap();
    let other = UsersReader::open(home.path()).unwrap();
    let all = other.failures_since(name("ana"), at(0)).unwrap();
    assert_eq!((all.count, all.last), (FAILURES_PER_NAME_MAX, Some(at(219))));
    assert_eq!(other.failures_since(name("ana"), at(217)).unwrap().count, 2);
    assert_eq!(other.failures_since(name("nobody"), at(0)).unwrap().count, 1);
    store.record_login(name("ana"), "s1", at(300)).unwrap();
    assert_eq!(other.failures_since(name("ana"), at(0)).unwrap().count, 0);
    assert_eq!(other.user(name("ana")).unwrap().unwrap().user.last_login, Some(at(300)));
    assert_eq!(other.access_log(1).unwrap()[0].outcome.as_str(), "allowed");
}

#[test]
fn sessions_begin_are_used_and_end() {
    let (_home, mut store) = store();
    store.record_login(name("ana"), "s1", at(10)).unwrap();
    store.touch_session("s1", at(20)).unwrap();
    assert_eq!(store.read().open_sessions().unwrap()[0].last_seen, at(20));
    store.end_session("s1", at(30)).unwrap();
    store.touch_session("s1", at(40)).unwrap();
    let session = store.read().session("s1").unwrap().unwrap();
    assert_eq!((session.last_seen, session.ended), (at(20), Some(at(30))));
    assert!(store.read().open_sessions().unwrap().is_empty());
}

#[test]
fn the_access_log_can_be_copied_from_where_one_stopped() {
    let (_home, mut store) = store();
    for n in 0..5 {
        let text = |t: &str| CleanText::new(t);
        let (user, what, outcome) = (text("kim"), text("trade for the desk"), text("denied"));
        let entry =
            AccessEntry { id: 0, wall: at(n), user, what, outcome, detail: text("needs role trader") };
        store.log_access(&entry).unwrap();
    }
    let first = store.read().access_log_after(0, 3).unwrap();
    let rest = store.read().access_log_after(first[2].id, 100).unwrap();
    assert_eq!((first.len(), rest.len()), (3, 2));
    assert_eq!(rest[1].wall, at(4));
}

#[test]
fn watchlists_keep_their_order_and_preferences_their_value() {
    let (_home, mut store) = store();
    for symbol in ["MSFT.XNYS", "AAPL.XNYS", "BHP.XASX"] {
        assert!(store.watch(name("ana"), "main", &[id(symbol)]).unwrap() == 1);
    }
    assert_eq!(store.watch(name("ana"), "main", &[id("AAPL.XNYS")]).unwrap(), 0);
    assert!(store.unwatch(name("ana"), "main", id("MSFT.XNYS")).unwrap());
    assert!(!store.unwatch(name("ana"), "main", id("MSFT.XNYS")).unwrap());
    let lists = store.read().watchlists(name("ana")).unwrap();
    assert_eq!(lists["main"], [id("AAPL.XNYS"), id("BHP.XASX")]);
    let value = serde_json::json!({"bell": true});
    store.set_preference(name("ana"), "notifications", &value).unwrap();
    assert_eq!(store.read().preference(name("ana"), "notifications").unwrap(), Some(value));
}

#[test]
fn notices_are_delivered_once_bounded_and_read() {
    let (_home, mut store) = store();
    let many: Vec<_> =
        (0..i64::from(NOTICES_MAX) + 30).map(|n| (notice(n), Some(format!("journal:{n}")))).collect();
    assert_eq!(store.add_notices(&many).unwrap(), NOTICES_MAX + 30);
    let last = many.last().cloned().unwrap();
    assert_eq!(store.add_notices(std::slice::from_ref(&last)).unwrap(), 0);
    let stranger = Notice { user: name("nobody"), ..notice(1) };
    assert_eq!(store.add_notices(&[(stranger, None)]).unwrap(), 0);
    assert_eq!(store.read().unread(name("ana")).unwrap(), NOTICES_MAX);
    let newest = store.read().notices(name("ana"), 2).unwrap();
    assert_eq!(newest[0].text, last.0.text);
    store.mark_read(name("ana"), newest[1].id).unwrap();
    assert_eq!(store.read().unread(name("ana")).unwrap(), 1);
}
