//! Who may come in: the first person, wrong passwords, missing ones, new ones.

use crate::bench::{Bench, PASSWORD, finish};

#[test]
fn the_first_person_runs_the_home_and_needs_no_login() {
    let bench = Bench::empty();
    let mut command = bench.bare();
    command.env("QLIB_PRO_PASSWORD", PASSWORD).args(["user", "add", "root"]);
    finish(command, "").ended(0);
    let people = bench.json("root", &["user", "list"]);
    assert_eq!((people[0]["name"].as_str(), people[0]["role"].as_str()), (Some("root"), Some("admin")));
    let accounts = bench.json("root", &["account", "list"]);
    assert_eq!(accounts[0]["account"], "desk");
    assert_eq!((&accounts[0]["kind"], &accounts[0]["exchange"]), (&"paper".into(), &"XNYS".into()));
    assert_eq!(accounts[0]["cash"], "1000000.00");
}

#[test]
fn the_first_person_can_have_no_other_role_and_needs_a_password() {
    let bench = Bench::empty();
    bench.run("", &["user", "add", "ana", "--role", "trader"]).ended(2);
    let mut command = bench.bare();
    command.args(["user", "add", "root"]);
    let ran = finish(command, "");
    assert!(ran.err.contains("QLIB_PRO_NEW_PASSWORD"), "{}", ran.err);
    ran.ended(2);
}

#[test]
fn a_second_person_needs_the_admin_and_a_password_of_their_own() {
    let bench = Bench::founded();
    let mut command = bench.bare();
    command.env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD);
    command.args(["user", "add", "ana", "--role", "trader"]);
    finish(command, "").ended(2);
    let mut command = bench.bare();
    command.env("QLIB_PRO_NEW_PASSWORD", PASSWORD).args(["user", "add", "ana", "--role", "trader"]);
    finish(command, "").ended(3);
    bench.run("root", &["user", "add", "ana"]).ended(2);
    bench.run("root", &["user", "add", "ana", "--role", "trader"]).ended(0);
    bench.run("ana", &["user", "add", "eve", "--role", "admin"]).ended(3);
}

#[test]
fn a_wrong_name_and_a_wrong_password_read_the_same_and_nobody_is_said_so() {
    let bench = Bench::founded();
    let attempt = |name: &str, password: &str| {
        let mut command = bench.bare();
        command.env("QLIB_PRO_PASSWORD", password).args(["--user", name, "portfolio"]);
        finish(command, "")
    };
    let wrong_password = attempt("root", "not the password");
    let wrong_name = attempt("nobody", PASSWORD);
    assert_eq!((wrong_password.code, wrong_name.code), (3, 3));
    assert_eq!(wrong_password.err, wrong_name.err);
    let nobody = bench.run("", &["portfolio"]);
    assert!(nobody.err.contains("NOT_AUTHENTICATED"), "{}", nobody.err);
    nobody.ended(3);
}

#[test]
fn a_disabled_person_stays_out_and_a_reset_password_lets_in() {
    let bench = Bench::staffed();
    bench.run("root", &["user", "disable", "ana"]).ended(0);
    bench.run("ana", &["portfolio"]).ended(3);
    let reset = |new: &str| {
        let mut command = bench.bare();
        command.env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD);
        command.env("QLIB_PRO_NEW_PASSWORD", new).args(["user", "password", "raj"]);
        finish(command, "").ended(0)
    };
    reset("another long password");
    bench.run("raj", &["portfolio"]).ended(3);
    reset(PASSWORD);
    bench.run("raj", &["portfolio"]).ended(0);
    bench.run("root", &["user", "role", "root", "trader"]).ended(1);
}

#[test]
fn a_home_without_users_lets_nobody_do_anything() {
    let bench = Bench::empty();
    let ran = bench.run("root", &["portfolio"]);
    assert!(ran.err.contains("there is no home") && ran.err.contains("user add"), "{}", ran.err);
    ran.ended(3);
    assert!(!bench.path("home").exists(), "none was made");
}
