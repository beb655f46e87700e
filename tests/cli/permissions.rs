//! What each role may do, for every command there is: a command without a row here fails the test.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory};
use qlib_pro::cli::args::Cli;

use crate::bench::{Bench, bars};

/// Command, arguments to try it with, and who may: customer, trader, risk, admin.
const RIGHTS: &[(&str, &str, [bool; 4])] = &[
    ("account open", "extra --cash 1000", [false, false, false, true]),
    ("account list", "", [true, true, true, true]),
    ("import bars", "missing.csv", [false, true, false, true]),
    ("import minutes", "missing.csv", [false, true, false, true]),
    ("import instruments", "missing.csv", [false, true, false, true]),
    ("import actions", "missing.csv", [false, true, false, true]),
    ("import fundamentals", "missing.csv", [false, true, false, true]),
    ("import news", "missing.csv", [false, true, false, true]),
    ("import universe", "missing.csv", [false, true, false, true]),
    ("import renames", "missing.csv", [false, true, false, true]),
    ("import delistings", "missing.csv", [false, true, false, true]),
    ("import qlib", "missing", [false, true, false, true]),
    ("sync", "AAPL --vendor asx", [false, true, false, true]),
    ("search", "apple", [false, true, false, true]),
    ("quote", "AAPL --vendor asx", [false, true, false, true]),
    ("advance", "", [false, true, false, true]),
    ("signal run", "", [false, true, false, true]),
    ("signal show", "", [false, true, true, true]),
    ("rebalance", "--account desk --dry-run", [false, true, false, true]),
    ("order submit", "buy 1 AAPL --account desk", [false, true, false, true]),
    ("order list", "", [true, true, true, true]),
    ("order show", "nothing", [true, true, true, true]),
    ("order amend", "nothing --qty 1 --account desk", [false, true, false, true]),
    ("order cancel", "--all --account desk", [false, true, false, true]),
    ("order approve", "nothing", [false, false, true, true]),
    ("portfolio", "", [true, true, true, true]),
    ("history", "", [true, true, true, true]),
    ("limits show", "", [false, true, true, true]),
    ("limits history", "", [false, true, true, true]),
    ("limits diff", "1 2", [false, true, true, true]),
    ("limits set", "max_order_quantity 100", [false, false, true, true]),
    ("limits approve", "1", [false, false, true, true]),
    ("limits reject", "1 --reason no", [false, false, true, true]),
    ("limits revert", "1", [false, false, true, true]),
    ("risk list", "", [false, true, true, true]),
    ("risk ack", "1 --reason seen", [false, false, true, true]),
    ("halt", "symbol:ZZZ", [false, false, true, true]),
    ("reconcile list", "", [false, false, true, true]),
    ("reconcile adopt", "desk ZZZ", [false, false, true, true]),
    ("flatten", "symbol:ZZZ --confirm", [false, false, true, true]),
    ("resume", "symbol:ZZZ", [false, false, true, true]),
    ("user add", "new --role customer", [false, false, false, true]),
    ("user list", "", [false, false, false, true]),
    ("user role", "nobody trader", [false, false, false, true]),
    ("user password", "nobody", [false, false, false, true]),
    ("user disable", "nobody", [false, false, false, true]),
    ("key set", "polygon", [false, false, false, true]),
    ("key list", "", [false, false, false, true]),
    ("key remove", "polygon", [false, false, false, true]),
    ("export prices", "--symbols AAPL", [true, true, true, true]),
    ("export minutes", "AAPL", [true, true, true, true]),
    ("export orders", "", [true, true, true, true]),
    ("export fills", "", [true, true, true, true]),
    ("export positions", "", [true, true, true, true]),
    ("export news", "", [true, true, true, true]),
    ("export signals", "", [false, true, true, true]),
    ("export limits", "", [false, true, true, true]),
    ("export audit", "", [false, false, true, true]),
    ("export instruments", "", [true, true, true, true]),
    ("export repairs", "", [false, true, false, true]),
    ("export disagreements", "", [false, true, false, true]),
    ("export gaps", "", [false, true, false, true]),
    ("export quarantine", "", [false, true, false, true]),
    ("export qlib", "target", [true, true, true, true]),
    ("audit verify", "", [false, false, true, true]),
    ("audit accept", "", [false, false, false, true]),
    ("audit export", "", [false, false, true, true]),
    ("backup", "copy.backup", [false, false, false, true]),
    ("restore", "copy.backup --replace", [false, false, false, true]),
];

/// Commands that ask nobody who they are, as long as they are kept to what ships and to files.
const OPEN: &[&str] = &[
    "demo",
    "factor list",
    "factor compute",
    "factor process",
    "factor evaluate",
    "replay",
    "doctor",
    "paths",
    "completions",
    "man",
];

fn leaves(command: &Command, prefix: &str, found: &mut BTreeSet<String>) {
    for child in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let name = format!("{prefix}{}", child.get_name());
        if child.has_subcommands() {
            leaves(child, &format!("{name} "), found);
        } else {
            found.insert(name);
        }
    }
}

#[test]
fn every_command_has_its_row_of_rights() {
    let mut commands = BTreeSet::new();
    leaves(&Cli::command(), "", &mut commands);
    let listed = RIGHTS.iter().map(|(name, ..)| *name).chain(OPEN.iter().copied());
    let listed: BTreeSet<String> = listed.map(str::to_string).collect();
    assert_eq!(commands, listed);
}

/// Tries every command as one person: exit 3 where they may not, anything else where they may.
fn try_all(name: &str, column: usize) {
    let bench = Bench::staffed();
    for (command, args, rights) in RIGHTS {
        let path = bench.path("copy.backup");
        let args = args.replace("copy.backup", path.to_str().unwrap());
        let words: Vec<&str> = command.split(' ').chain(args.split_whitespace()).collect();
        let ran = bench.run(name, &words);
        assert_eq!(ran.code != 3, rights[column], "{name}: {command}: exit {} {}", ran.code, ran.err);
        assert_ne!(ran.code, 2, "{command}: {}", ran.err);
        if !rights[column] {
            assert!(ran.err.contains("NOT_PERMITTED_ROLE"), "{command}: {}", ran.err);
        }
    }
}

#[test]
fn a_customer_may_do_what_the_matrix_says() {
    try_all("kim", 0);
}

#[test]
fn a_trader_may_do_what_the_matrix_says() {
    try_all("ana", 1);
}

#[test]
fn a_risk_manager_may_do_what_the_matrix_says() {
    try_all("raj", 2);
}

#[test]
fn an_admin_may_do_what_the_matrix_says() {
    try_all("root", 3);
}

#[test]
fn the_formulas_of_a_desk_are_for_those_who_may_see_signals() {
    let bench = Bench::staffed();
    let own = "[[factor]]\nfamily = \"mine\"\nname = \"gap\"\nexpression = \"$open/Ref($close,7)-1\"\n";
    bench.file("home/factors.toml", own);
    let file = bench.file("bars.csv", bars(2, 3));
    let formula = "Ref($close,7)";
    for set in ["user", "mine", "gap"] {
        let compute = ["factor", "compute", "--set", set, "--bars", &file];
        for (name, code) in [("", 3), ("kim", 3), ("ana", 0), ("raj", 0), ("root", 0)] {
            let listed = bench.run(name, &["factor", "list", "--set", set]);
            assert_eq!(
                (listed.code, listed.out.contains(formula)),
                (code, code == 0),
                "{name}: {}",
                listed.err
            );
            let computed = bench.run(name, &compute);
            assert_eq!(
                (computed.code, computed.out.is_empty()),
                (code, code != 0),
                "{name}: {}",
                computed.err
            );
        }
    }
    for (name, seen) in [("", false), ("kim", false), ("ana", true)] {
        let listed = bench.run(name, &["factor", "list", "--format", "csv"]);
        assert_eq!((listed.out.contains(formula), listed.err.is_empty()), (seen, seen), "{}", listed.err);
        assert!(listed.ended(0).contains("momentum"));
    }
    bench.run("", &["factor", "compute", "--set", "momentum", "--bars", &file]).ended(0);
    bench.file("home/factors.toml", own.replace("$open", "$secret"));
    let doctor = bench.run("", &["doctor"]);
    assert!(!doctor.out.contains("secret"), "{}", doctor.out);
}
