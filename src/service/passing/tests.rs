//! A holder with its socket, and who comes to it: with a good login, a bad one, or none of the manners.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::*;
use crate::domain::limit::Scope;
use crate::domain::role::Role;
use crate::domain::{InstrumentId, OrderStatus, Side};
use crate::secret::Password;
use crate::service::deed::{Control, Deed, Done};
use crate::service::tests::{Home, name, wish};
use crate::service::{ErrorKind, ServiceError};

fn reached(home: &Path) -> Passage {
    match reach(home).unwrap() {
        Reach::Reached(passage) => passage,
        Reach::Nobody => panic!("nobody listens"),
    }
}

fn hand(home: &Path, role: Role) -> Hand {
    let mut passage = reached(home);
    passage.log_in(name(role.demo_name()), None).unwrap();
    Hand::Passed(passage)
}

fn held(home: &Home) -> InstrumentId {
    home.screen(Role::Trader).positions[0].instrument
}

fn act(hand: &mut Hand, deed: Deed) -> Result<Done, ServiceError> {
    hand.act(deed, |_| {})
}

#[test]
fn what_is_passed_is_done_by_the_holder_under_the_callers_own_login() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let listening = listen(&home.house).unwrap().unwrap();
    let mode = std::fs::metadata(folder.path().join(SOCKET_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut trader = hand(folder.path(), Role::Trader);
    let order = wish("far", Side::Buy, held(&home), 1, Some("0.01".parse().unwrap()));
    let row =
        act(&mut trader, Deed::Submit { account: None, order: order.clone() }).unwrap().order().unwrap();
    assert_eq!(
        (row.id.as_str(), row.status, row.actor.as_str()),
        ("far", OrderStatus::Accepted, Role::Trader.demo_name())
    );
    let again = act(&mut trader, Deed::Submit { account: None, order }).unwrap().order().unwrap();
    assert_eq!(again, row, "the same id and content is the same order");
    let rows = act(&mut trader, Deed::CancelAll { account: None, symbol: None }).unwrap().orders().unwrap();
    assert!(rows.iter().any(|r| r.id == row.id && r.status == OrderStatus::Canceled));
    drop((trader, listening));
    assert!(!folder.path().join(SOCKET_FILE).exists());
    home.close();
}

#[test]
fn a_passed_login_reaches_as_far_as_its_role_and_a_wrong_one_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let _listening = listen(&home.house).unwrap().unwrap();
    let halt = || {
        Deed::Control(Control::Halt {
            scope: Scope::Firm,
            mode: Default::default(),
            cancel: false,
            reason: Default::default(),
        })
    };
    let refused = act(&mut hand(folder.path(), Role::Trader), halt()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert!(refused.to_string().starts_with("NOT_PERMITTED_ROLE"), "{refused}");
    act(&mut hand(folder.path(), Role::Risk), halt()).unwrap();
    assert_eq!(home.screen(Role::Trader).halted.len(), 1);
    let wrong = Password::new("not it at all".into());
    for _ in 0..crate::service::access::FAILURES_ALLOWED {
        let denied = reached(folder.path()).log_in(name(Role::Trader.demo_name()), Some(&wrong)).unwrap_err();
        assert_eq!((denied.kind(), denied.to_string()), (ErrorKind::Denied, throttled().to_string()));
    }
    let now = reached(folder.path()).log_in(name(Role::Trader.demo_name()), None).unwrap_err();
    assert_eq!(now.to_string(), throttled().to_string(), "tries through the socket count like any other");
}

fn throttled() -> ServiceError {
    ServiceError::LoginFailed
}

#[test]
fn a_login_that_ends_elsewhere_ends_here() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let _listening = listen(&home.house).unwrap().unwrap();
    let mut trader = hand(folder.path(), Role::Trader);
    let admin = home.login(Role::Admin);
    let permit = admin.permit::<crate::service::permit::Administer>().unwrap();
    home.house.disable_user(&permit, name(Role::Trader.demo_name())).unwrap();
    let over = act(&mut trader, Deed::CancelAll { account: None, symbol: None }).unwrap_err();
    assert_eq!(over.kind(), ErrorKind::Denied);
}

#[test]
fn bad_bytes_end_their_connection_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let _listening = listen(&home.house).unwrap().unwrap();
    let long = vec![b'x'; REQUEST_BYTES_MAX as usize + 1];
    let deeds_first = b"{\"deed\":{\"resume\":\"firm\"}}\n".to_vec();
    for bytes in [b"\xff\0\n".to_vec(), b"{}\n".to_vec(), b"{\"user\":\"trader".to_vec(), deeds_first, long] {
        let mut stream = UnixStream::connect(folder.path().join(SOCKET_FILE)).unwrap();
        // The holder may close before it has read all of it.
        stream.write_all(&bytes).unwrap_or_default();
        stream.shutdown(std::net::Shutdown::Write).unwrap_or_default();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap_or_default();
        assert_eq!(said.iter().filter(|b| **b == b'\n').count(), 1, "only the greeting is answered");
    }
    hand(folder.path(), Role::Trader);
}

#[test]
fn what_a_killed_holder_left_is_nobody_and_the_next_one_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let socket = folder.path().join(SOCKET_FILE);
    assert!(matches!(reach(folder.path()).unwrap(), Reach::Nobody), "there is no socket");
    drop(UnixListener::bind(&socket).unwrap());
    assert!(matches!(reach(folder.path()).unwrap(), Reach::Nobody), "nobody is behind it");
    let listening = listen(&home.house).unwrap().unwrap();
    hand(folder.path(), Role::Trader);
    let second = Home::open(folder.path());
    assert!(listen(&second.house).unwrap().is_none(), "who does not hold the trades does not listen");
    drop(listening);
    home.close();
}

#[test]
fn one_more_than_there_is_place_for_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let _listening = listen(&home.house).unwrap().unwrap();
    let all: Vec<Hand> = (0..CONNECTIONS_MAX).map(|_| hand(folder.path(), Role::Trader)).collect();
    assert!(reach(folder.path()).unwrap_err().to_string().contains("as many commands as it can"));
    drop(all);
}

#[test]
fn connections_that_say_nothing_keep_no_command_out() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::demo(folder.path(), 4);
    let _listening = listen(&home.house).unwrap().unwrap();
    let socket = folder.path().join(SOCKET_FILE);
    let silent: Vec<_> = (0..3 * CONNECTIONS_MAX).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let begin = std::time::Instant::now();
    let mut trader = hand(folder.path(), Role::Trader);
    assert!(trader.act(Deed::CancelAll { account: None, symbol: None }, |_| {}).is_ok());
    assert!(begin.elapsed().as_secs() < super::LOGIN_SECONDS_MAX, "it waited for them");
    drop(silent);
}

#[test]
#[cfg(target_os = "linux")]
fn a_home_on_a_long_path_is_reached_too() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(100)).join("e".repeat(100));
    std::fs::create_dir_all(&deep).unwrap();
    let home = Home::demo(&deep, 3);
    let listening = listen(&home.house).unwrap().unwrap();
    let mode = std::fs::metadata(deep.join(SOCKET_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut trader = hand(&deep, Role::Trader);
    let order = wish("far", Side::Buy, held(&home), 1, None);
    let done = act(&mut trader, Deed::Submit { account: None, order });
    assert!(matches!(done, Ok(Done::Order(_))), "{done:?}");
    drop((trader, listening));
    assert!(!deep.join(SOCKET_FILE).exists());
}
