//! The shape of the house, held by a test: who may name whom, what the pure rooms never touch, how long a file and
//! a function may be, who may print. Every check is shown on a bad sample that it can fail.
//!
//! To change an arrow, change [`ARROWS`] and the table in `docs/architecture.md` in the same commit.

// This whole file is a test: a panic is a failed test.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "architecture/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use source::{Source, functions, macro_calls, paths, words};

/// Longest file, in lines.
const FILE_LINES_MAX: usize = 600;
/// Longest function, in lines.
const FUNCTION_LINES_MAX: usize = 70;

/// Rooms that nothing but values may enter.
const PURE: &[&str] = &["domain", "factor", "model", "portfolio", "risk", "execution", "backtest"];

/// Room, and the rooms it may name beside itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("factor", &["domain"]),
    ("model", &["domain", "factor"]),
    ("portfolio", &["domain"]),
    ("risk", &["domain", "portfolio"]),
    ("execution", &["domain", "portfolio", "risk"]),
    ("backtest", &["domain", "portfolio", "risk", "execution", "factor", "model"]),
    ("market", &["domain"]),
    ("store", &["domain"]),
    ("secret", &["domain"]),
    ("notify", &["domain"]),
    ("insight", &["domain"]),
    ("broker", &["domain", "risk", "execution"]),
    ("config", &["domain"]),
    ("observe", &["domain"]),
    ("service", BELOW_SERVICE),
    ("tui", &["service", "domain"]),
    ("gateway", &["service", "domain"]),
    ("cli", &["service", "domain"]),
    ("app", EVERYTHING),
    ("main", &["app"]),
];

const BELOW_SERVICE: &[&str] = &[
    "domain",
    "factor",
    "model",
    "portfolio",
    "risk",
    "execution",
    "backtest",
    "market",
    "store",
    "secret",
    "notify",
    "insight",
    "broker",
    "config",
    "observe",
];

const EVERYTHING: &[&str] = &[
    "domain",
    "factor",
    "model",
    "portfolio",
    "risk",
    "execution",
    "backtest",
    "market",
    "store",
    "secret",
    "notify",
    "insight",
    "broker",
    "config",
    "observe",
    "service",
    "tui",
    "gateway",
    "cli",
];

/// Paths that no pure room names: the start of a path, or one of its parts.
const IMPURE_STARTS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "std::os",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::path::Path::exists",
    "std::sync::mpsc",
    "std::future",
    "rusqlite",
    "tokio",
    "getrandom",
    "rand",
    "fastrand",
    "tempfile",
    "crossbeam_channel",
    "crossterm",
    "ratatui",
    "tracing",
    "signal_hook",
    "etcetera",
    "jiff::Zoned::now",
    "jiff::Timestamp::now",
    "chrono::Local",
];
const IMPURE_WORDS: &[&str] = &["SystemTime", "Instant", "async", "await", "RandomState"];

/// Pure rooms whose jobs run on the compute pool.
const PARALLEL: &[&str] = &["factor", "model"];

/// (file, function, reason): functions that are a table of data and may be longer.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

/// (file, reason): files that are a table of data and may be longer.
const LONG_FILES: &[(&str, &str)] = &[];

/// Rooms whose numbers are whole: money, quantities and what is decided on them.
const WHOLE: &[&str] = &["domain", "portfolio", "risk", "execution"];

/// (file, reason): files of those rooms that name floats.
const FLOATS: &[(&str, &str)] = &[
    ("src/domain/facts.rs", "facts of the market's past are statistics"),
    ("src/domain/signal.rs", "scores are statistics"),
    ("src/domain/fixed.rs", "whole numbers become floats for statistics and drawing, and back"),
    ("src/domain/market.rs", "fundamental figures are input of factors"),
    ("src/risk/facts.rs", "past outcomes of a book, summed whole, become statistics"),
    ("src/risk/tail.rs", "value at risk and shortfall are statistics"),
];

/// Macros that write to the terminal.
const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All project files below `folder` whose name ends in one of `endings`, in order of their paths.
fn files_below(folder: &Path, endings: &[&str], found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap().to_string_lossy().to_string();
        if entry.is_dir() && !matches!(name.as_str(), "target" | ".git" | "data") {
            files_below(&entry, endings, found);
        } else if entry.is_file() && endings.iter().any(|e| name.ends_with(e)) {
            let inside = entry.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            let bytes = fs::read(&entry).unwrap();
            found.push((inside, String::from_utf8_lossy(&bytes).to_string()));
        }
    }
}

/// All Rust files of the project; those that only tests include have no live code.
fn rust_sources() -> Vec<Source> {
    let mut files = Vec::new();
    files_below(root(), &[".rs"], &mut files);
    let mut sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
    let tests: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let covers =
            |t: &String| source.path == format!("{t}.rs") || source.path.starts_with(&format!("{t}/"));
        if tests.iter().any(covers) || !source.path.starts_with("src/") {
            source.live = String::new();
        }
    }
    sources
}

/// The room a path leads to, seen from a module `depth` below the crate root.
fn room_named(path: &str, depth: usize) -> Option<&str> {
    let mut parts = path.split("::");
    match parts.next()? {
        "crate" | "qlib_pro" => parts.next(),
        "super" => {
            let mut climbed = 1;
            let mut part = parts.next()?;
            while part == "super" {
                climbed += 1;
                part = parts.next()?;
            }
            (climbed >= depth).then_some(part)
        }
        _ => None,
    }
}

fn broken_arrows(source: &Source) -> Vec<String> {
    let Some(room) = source.room() else { return Vec::new() };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}: the room '{room}' has no row in ARROWS", source.path)];
    };
    let known = |name: &str| ARROWS.iter().any(|(room, _)| *room == name);
    let named = paths(&source.live);
    let bad = named.iter().filter_map(|(line, path)| {
        let to = room_named(path, source.depth())?;
        (to != room && known(to) && !allowed.contains(&to))
            .then(|| format!("{}:{line}: {room} may not name {to} ({path})", source.path))
    });
    bad.collect()
}

fn impurities(source: &Source) -> Vec<String> {
    let Some(room) = source.room().filter(|r| PURE.contains(r)) else { return Vec::new() };
    let starts = |path: &str| {
        let mut rests = IMPURE_STARTS.iter().filter_map(|start| path.strip_prefix(start));
        rests.any(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let by_path = paths(&source.live).into_iter().filter(|(_, p)| starts(p));
    let by_word = words(&source.live).into_iter().filter(|(_, w)| IMPURE_WORDS.contains(&w.as_str()));
    let rayon =
        paths(&source.live).into_iter().filter(|(_, p)| p.starts_with("rayon") && !PARALLEL.contains(&room));
    let now = paths(&source.live).into_iter().filter(|(_, p)| p.ends_with("Utc::now"));
    let all = by_path.chain(by_word).chain(rayon).chain(now);
    all.map(|(line, what)| format!("{}:{line}: {room} is pure and may not use {what}", source.path)).collect()
}

fn named_floats(source: &Source) -> impl Iterator<Item = (usize, String)> {
    words(&source.live).into_iter().filter(|(_, word)| word == "f32" || word == "f64")
}

fn floats(source: &Source) -> Vec<String> {
    let Some(room) = source.room().filter(|room| WHOLE.contains(room)) else { return Vec::new() };
    if FLOATS.iter().any(|(file, _)| *file == source.path) {
        return Vec::new();
    }
    let bad = named_floats(source);
    bad.map(|(line, word)| format!("{}:{line}: numbers of {room} are whole, not {word}", source.path))
        .collect()
}

fn named_roles(source: &Source) -> Vec<String> {
    if source.path == "src/domain/role.rs" {
        return Vec::new();
    }
    let names_role = |path: &str| {
        let parts: Vec<&str> = path.split("::").collect();
        parts
            .windows(2)
            .any(|w| w[0] == "Role" && matches!(w[1], "Customer" | "Trader" | "Risk" | "Admin" | "*"))
    };
    let bad = paths(&source.live).into_iter().filter(|(_, p)| names_role(p));
    bad.map(|(line, p)| format!("{}:{line}: {p}: ask for a capability instead", source.path)).collect()
}

fn long_parts(source: &Source) -> Vec<String> {
    let mut bad = Vec::new();
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX && !LONG_FILES.iter().any(|(file, _)| *file == source.path) {
        bad.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.path));
    }
    for (name, line, length) in functions(&source.code) {
        let excepted = LONG_FUNCTIONS.iter().any(|(file, f, _)| *file == source.path && *f == name);
        if length > FUNCTION_LINES_MAX && !excepted {
            bad.push(format!("{}:{line}: fn {name} has {length} lines, at most 70", source.path));
        }
    }
    bad
}

fn prints(source: &Source) -> Vec<String> {
    if matches!(source.room(), Some("cli" | "main")) {
        return Vec::new();
    }
    let calls = macro_calls(&source.live, PRINTING);
    calls
        .iter()
        .map(|(line, name)| format!("{}:{line}: {name}! outside the command line", source.path))
        .collect()
}

/// Starts of paths that exist only on somebody's machine (written in two parts, so that this file is clean).
fn machine_paths() -> [String; 4] {
    [["/wo", "rk/"], ["/ho", "me/"], ["/ro", "ot/"], ["/Use", "rs/"]].map(|parts| parts.concat())
}

fn machine_path_lines(path: &str, text: &str) -> Vec<String> {
    let starts = machine_paths();
    let named = |line: &str| {
        starts.iter().any(|start| {
            line.match_indices(start.as_str()).any(|(at, _)| {
                let before = line.get(..at).and_then(|l| l.chars().next_back());
                !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}'))
            })
        })
    };
    let bad = text.lines().enumerate().filter(|(_, line)| named(line));
    bad.map(|(n, line)| format!("{path}:{}: {}", n + 1, line.trim())).collect()
}

fn assert_none(what: &str, bad: Vec<String>) {
    assert!(bad.is_empty(), "{what}:\n{}", bad.join("\n"));
}

fn check_all(what: &str, check: fn(&Source) -> Vec<String>) {
    assert_none(what, rust_sources().iter().flat_map(check).collect());
}

#[test]
fn rooms_name_only_what_lies_below_them() {
    check_all("arrows", broken_arrows);
}

#[test]
fn pure_rooms_touch_no_clock_file_socket_or_randomness() {
    check_all("pure rooms", impurities);
}

#[test]
fn money_and_what_is_decided_on_it_is_never_a_float() {
    check_all("floats", floats);
}

#[test]
fn roles_are_named_in_one_file() {
    check_all("roles", named_roles);
}

#[test]
fn files_and_functions_stay_readable() {
    check_all("lengths", long_parts);
}

#[test]
fn only_the_command_line_prints() {
    check_all("printing", prints);
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let mut files = Vec::new();
    let endings = [".rs", ".md", ".toml", ".yml", ".sql", ".sh", ".csv", ".json", "run", "long"];
    files_below(root(), &endings, &mut files);
    assert_none("machine paths", files.iter().flat_map(|(p, t)| machine_path_lines(p, t)).collect());
}

#[test]
fn every_room_of_the_tree_has_a_row_and_every_exception_a_use() {
    let sources = rust_sources();
    let rooms: BTreeSet<&str> = sources.iter().filter_map(Source::room).collect();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    assert_eq!(rooms.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
    for (file, function, _) in LONG_FUNCTIONS {
        let source = sources.iter().find(|s| s.path == *file).expect(file);
        let long = functions(&source.code).iter().any(|f| f.0 == *function && f.2 > FUNCTION_LINES_MAX);
        assert!(long, "{file}: {function} needs no exception any more");
    }
    for (file, _) in LONG_FILES {
        let source = sources.iter().find(|s| s.path == *file).expect(file);
        assert!(source.text.lines().count() > FILE_LINES_MAX, "{file} needs no exception any more");
    }
    for (file, _) in FLOATS {
        let source = sources.iter().find(|s| s.path == *file).expect(file);
        assert!(named_floats(source).count() > 0, "{file} needs no exception any more");
    }
}

/// How many complaints a check has about a sample at this place.
fn complaints(check: fn(&Source) -> Vec<String>, path: &str, text: &str) -> usize {
    check(&Source::new(path, text)).len()
}

#[test]
fn arrows_are_seen_in_trees_in_line_and_through_super() {
    let bad = |path, text| complaints(broken_arrows, path, text);
    assert_eq!(bad("src/risk/gate.rs", "use crate::{domain::Price, store::Reader, portfolio};"), 1);
    assert_eq!(bad("src/risk/gate.rs", "fn f() -> crate::execution::Engine { g() }"), 1);
    assert_eq!(bad("src/risk/gate.rs", "use super::super::store;"), 1);
    assert_eq!(
        bad("src/risk/gate.rs", "use super::store; use crate::risk::x; use crate::portfolio::Book;"),
        0
    );
    assert_eq!(bad("src/cli/mod.rs", "use crate::store::trades::Reader as R;"), 1);
    assert_eq!(bad("src/main.rs", "fn main() { qlib_pro::store::open() }"), 1);
    assert_eq!(bad("src/risk/gate.rs", "// crate::store\nconst A: &str = \"crate::store::x\";"), 0);
    assert_eq!(bad("src/risk/gate.rs", "#[cfg(test)]\nmod tests { use crate::execution::E; }"), 0);
    assert_eq!(bad("src/cellar/mod.rs", ""), 1);
}

#[test]
fn impurity_is_seen_whole_grouped_and_by_word() {
    let bad = |path, text| complaints(impurities, path, text);
    assert_eq!(bad("src/model/a.rs", "use std::{fmt, fs};"), 1);
    assert_eq!(bad("src/risk/a.rs", "use rayon::prelude::*;"), 1);
    assert_eq!(bad("src/model/a.rs", "fn f() { std::env::var(x); }"), 1);
    assert_eq!(bad("src/model/a.rs", "use std::time::{Duration, Instant};"), 1);
    assert_eq!(bad("src/model/a.rs", "async fn f() {}"), 1);
    assert_eq!(bad("src/factor/a.rs", "use rayon::prelude::*; use std::fmt;"), 0);
    assert_eq!(bad("src/model/a.rs", "let t = chrono::Utc::now();"), 1);
    assert_eq!(bad("src/store/a.rs", "use std::fs;"), 0);
}

#[test]
fn a_float_among_whole_numbers_is_seen() {
    let bad = |path: &str, text: &str| complaints(floats, path, text);
    assert_eq!(bad("src/portfolio/a.rs", "fn f(x: f64) -> Vec<f32> { x as f64 }"), 3);
    assert_eq!(bad("src/execution/a.rs", "// f64\n fn f() { g(\"f64\") }"), 0);
    assert_eq!(bad("src/execution/a.rs", "#[cfg(test)] mod tests { fn f(x: f64) {} }"), 0);
    assert_eq!(bad("src/domain/facts.rs", "pub struct Facts(f64);"), 0);
    assert_eq!(bad("src/factor/a.rs", "fn f(x: f64) {}"), 0);
}

#[test]
fn a_role_outside_its_file_is_seen() {
    let bad = |path, text| complaints(named_roles, path, text);
    assert_eq!(bad("src/service/a.rs", "if role == Role::Admin {}"), 1);
    assert_eq!(bad("src/service/a.rs", "use crate::domain::role::Role::{Customer, Trader};"), 2);
    assert_eq!(bad("src/service/a.rs", "use crate::domain::Role; let r = Role::FOUNDER;"), 0);
    assert_eq!(bad("src/domain/role.rs", "Role::Admin"), 0);
    assert_eq!(bad("src/service/a.rs", "#[cfg(test)] mod tests { fn f() { Role::Admin; } }"), 0);
}

#[test]
fn a_long_file_and_a_long_function_are_seen() {
    let bad = |text: String| complaints(long_parts, "src/risk/a.rs", &text);
    assert_eq!(bad("\n".repeat(600)), 0);
    assert_eq!(bad("\n".repeat(601)), 1);
    assert_eq!(bad(format!("fn f(a: [u8; 2]) -> X {{{}}}", "\n".repeat(69))), 0);
    assert_eq!(bad(format!("fn f(a: [u8; 2]) -> X {{{}}}", "\n".repeat(70))), 1);
    assert_eq!(bad(format!("trait T {{ fn f(); {} fn g() {{}} }}", "\n".repeat(80))), 0);
}

#[test]
fn printing_and_machine_paths_are_seen() {
    assert_eq!(complaints(prints, "src/tui/a.rs", "fn f() { eprintln!(\"x\"); }"), 1);
    assert_eq!(complaints(prints, "src/cli/a.rs", "fn f() { println!(\"x\"); }"), 0);
    assert_eq!(complaints(prints, "src/tui/a.rs", "// println!(\n fn f() { format!(\"print!(\"); }"), 0);
    for start in machine_paths() {
        assert_eq!(machine_path_lines("a", &format!("see {start}x")).len(), 1);
        assert_eq!(machine_path_lines("a", &format!("see src{start}x")).len(), 0);
    }
}

#[test]
fn source_text_is_read_as_code_comment_or_literal() {
    let code = source::blank_comments_and_strings(
        "a /* b /* c */ d */ e \"f \\\" g\" h 'i' j '\\'' k r#\"l \" m\"# n b\"o\" 'p: loop // q\nr",
    );
    let kept: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(kept, ["a", "e", "h", "j", "k", "n", "'p:", "loop", "r"]);
    let parent = Source::new("src/domain/calendar/mod.rs", "#[cfg(test)]\nmod tests;\nmod zone;");
    assert_eq!(parent.test_modules(), ["src/domain/calendar/tests"]);
    assert_eq!(parent.depth(), 2);
}
