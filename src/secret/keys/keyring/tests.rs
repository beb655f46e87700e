//! That the keyring is never waited for longer than said, and a round through a real one where there is one.

use std::time::Instant;

use super::*;

#[test]
fn what_does_not_answer_is_given_up() {
    let started = Instant::now();
    let (_keep, never) = mpsc::channel::<()>();
    assert_eq!(within(50, move || never.recv().is_ok()), None);
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(within(1_000, || 7), Some(7));
}

#[test]
fn one_that_was_given_up_is_not_asked_again() {
    let keyring = Keyring::new(Path::new("/nowhere"));
    keyring.give_up("no bus".to_owned());
    assert!(!keyring.is_locked());
    let told = keyring.usable().map_err(|e| e.to_string());
    assert_eq!(told, Err("the system's keyring cannot be used: no bus".to_owned()));
}

#[test]
fn a_look_takes_no_longer_than_it_may() {
    let started = Instant::now();
    let usable = Keyring::new(Path::new("/nowhere")).usable();
    assert!(matches!(usable, Ok(()) | Err(KeyError::Keyring(_))));
    assert!(started.elapsed() < Duration::from_millis(LOOK_MS_MAX + 1_000));
}
