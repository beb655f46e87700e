//! Damaged files: bits that flip, files cut short, pages of zeros, a bad write-ahead log. Each is detected when the
//! home is opened or verified, or leaves every figure as it was.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use qlib_pro::config::Settings;
use qlib_pro::domain::role::Role;
use qlib_pro::domain::{Clock, UnixNanos};
use qlib_pro::observe::LogRing;
use qlib_pro::service::access::{self, Password, Session};
use qlib_pro::service::house::{self, House, Parts};
use qlib_pro::service::permit::{Administer, Audit, ViewLimits, ViewPortfolio};
use qlib_pro::store::trades::Period;

use super::home::Home;
use super::{Log, kill, last_event, line, scramble, share, trade_and_kill};

/// Damages of a full run, and of every change.
const DAMAGES_LONG: u64 = 1_000;
const DAMAGES_SHORT: u64 = 20;
/// Orders after the last kill in mid-flight.
const ORDERS_AT_REST: u64 = 40;
/// Bytes of a page of the store.
const PAGE: usize = 4_096;
/// Who looks, without a password.
const VIEWER: &str = "viewer";

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> UnixNanos {
        UnixNanos::from_seconds(1_790_000_000)
    }
}

/// Runs on an open home; an error of the opening is an answer.
fn with_house<T>(at: &Path, act: impl FnOnce(&Arc<House>) -> Result<T, String>) -> Result<T, String> {
    let parts = Parts {
        home: at.to_path_buf(),
        clock: Arc::new(Standing),
        settings: Settings::default(),
        log: LogRing::default(),
        process: "test".into(),
        runs_as: "tester".into(),
        own: true,
        keyring: false,
    };
    let (house, engine) = house::open(parts).map_err(|e| e.to_string())?;
    let engine = engine.map(|engine| std::thread::spawn(move || engine.run()));
    let done = act(&house);
    drop(house);
    if let Some(thread) = engine {
        thread.join().unwrap();
    }
    done
}

/// Everything a person could read off the home, as text.
fn figures(session: &Session) -> Result<String, String> {
    fn text<T: serde::Serialize>(rows: Result<T, qlib_pro::service::ServiceError>) -> Result<String, String> {
        rows.map_err(|e| e.to_string()).map(|rows| serde_json::to_string(&rows).unwrap())
    }
    let permit = session.permit::<ViewPortfolio>().map_err(|e| e.to_string())?;
    let limits = session.permit::<ViewLimits>().map_err(|e| e.to_string())?;
    let house = session.house();
    let parts = [
        text(house.portfolios(&permit, None))?,
        text(house.orders(&permit, None, Period::ALL))?,
        text(house.history(&permit, None, Period::ALL, u32::MAX))?,
        text(house.limit_history(&limits))?,
        text(house.breaches(&limits))?,
    ];
    Ok(parts.join("\n"))
}

fn viewer(house: &Arc<House>) -> Result<Session, String> {
    access::login(house, VIEWER.parse().unwrap(), None).map_err(|e| e.to_string())
}

/// The figures of a home, and whether a verification finds it sound.
fn look(at: &Path) -> Result<(String, bool), String> {
    with_house(at, |house| {
        let session = viewer(house)?;
        let shown = figures(&session)?;
        let audit = session.permit::<Audit>().map_err(|e| e.to_string())?;
        let report = house.verify_audit(&audit, None).map_err(|e| e.to_string())?;
        Ok((shown, report.sound))
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Damages one file of a home; says how.
fn damage(at: &Path, seed: u64) -> String {
    let chance = |n: u64| scramble(seed * 31 + n);
    let wal = at.join("trades.db-wal");
    let in_wal = wal.exists() && chance(0).is_multiple_of(3);
    let path = if in_wal { wal } else { at.join("trades.db") };
    let mut bytes = fs::read(&path).unwrap();
    let at_byte = (chance(1) % bytes.len() as u64) as usize;
    let said = match chance(2) % 5 {
        0 => {
            bytes.truncate(at_byte);
            format!("cut at {at_byte}")
        }
        1 => {
            let page = at_byte / PAGE * PAGE;
            bytes.iter_mut().skip(page).take(PAGE).for_each(|byte| *byte = 0);
            format!("zeros from {page}")
        }
        2 if in_wal => {
            fs::remove_file(&path).unwrap();
            return "the log is gone".to_string();
        }
        _ => {
            let bit = chance(3) % 8;
            bytes[at_byte] ^= 1 << bit;
            format!("bit {bit} of byte {at_byte}")
        }
    };
    fs::write(&path, bytes).unwrap();
    format!("{}: {said}", path.file_name().unwrap().to_string_lossy())
}

/// A home that was killed while it traded, so that its write-ahead log is full of what was acknowledged.
fn damaged_home() -> Home {
    let home = Home::trading();
    with_house(&home.file(""), |house| {
        let password = Password::new("correct horse battery".to_string());
        let root = access::login(house, "root".parse().unwrap(), Some(&password)).unwrap();
        let permit = root.permit::<Administer>().unwrap();
        house.add_user(&permit, VIEWER.parse().unwrap(), Role::FOUNDER, None).map_err(|e| e.to_string())
    })
    .unwrap();
    let mut log = Log::default();
    trade_and_kill(&home, 1, &mut log);
    home.json(&["advance"]);
    trade_and_kill(&home, 2, &mut log);
    trade_and_rest(&home, 3);
    home
}

/// Orders of which each answer was read, then a kill: all that is in the log was acknowledged. What was being written
/// when a process died was promised to nobody, and a log that lost it is as good as one that never had it.
fn trade_and_rest(home: &Home, round: u64) {
    let mut stream = home.stream();
    for number in 0..ORDERS_AT_REST {
        stream.write(&line(round, number));
        stream.answer().unwrap();
    }
    kill(&mut stream.child);
    let anchor = fs::read_to_string(home.file("trades.anchor")).unwrap();
    let noted: i64 = anchor.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(noted, last_event(home), "every answer comes after its note");
}

/// Where two homes' figures part.
fn first_difference(shown: &str, expected: &str) -> String {
    const AROUND: usize = 240;
    let at = shown.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| {
        let from = at.saturating_sub(AROUND);
        String::from_utf8_lossy(&text.as_bytes()[from..text.len().min(at + AROUND)]).into_owned()
    };
    let (lines, table) =
        (expected[..at].matches('\n').count(), ["portfolios", "orders", "history", "limits", "breaches"]);
    format!("{} differ:\n  shown    {}\n  expected {}", table[lines], part(shown), part(expected))
}

#[test]
fn damage_is_detected_or_changes_no_figure() {
    let home = damaged_home();
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    copy(&home.file(""), &whole);
    let (expected, sound) = look(&whole).unwrap();
    assert!(sound && expected.contains("S01"));
    let (mut detected, mut harmless, mut silent) = (0, 0, Vec::new());
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let damages = share(DAMAGES_LONG, DAMAGES_SHORT);
    for seed in 0..damages {
        let at = folder.path().join("damaged");
        copy(&home.file(""), &at);
        let how = damage(&at, seed);
        match catch_unwind(AssertUnwindSafe(|| look(&at))) {
            Ok(Err(_) | Ok((_, false))) => detected += 1,
            Ok(Ok((shown, _))) if shown == expected => harmless += 1,
            Ok(Ok((shown, _))) => silent.push(format!("{how}: {}", first_difference(&shown, &expected))),
            Err(_) => silent.push(format!("{how}: a panic")),
        }
        fs::remove_dir_all(&at).unwrap();
    }
    std::panic::set_hook(quiet);
    assert!(silent.is_empty(), "{silent:#?}");
    println!("{damages} damages: {detected} detected, {harmless} without effect");
}

#[test]
fn a_forged_or_damaged_snapshot_changes_no_figure() {
    let home = damaged_home();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("with");
    copy(&home.file(""), &at);
    let (expected, _) = look(&at).unwrap();
    let states = |at: &Path| -> Vec<_> {
        let entries = fs::read_dir(at.join("snapshots")).unwrap().flatten().map(|e| e.path());
        entries.filter(|path| path.extension().is_some_and(|e| e == "state" || e == "done")).collect()
    };
    // Enough events that closing makes a snapshot.
    let at_home = home.file("");
    let mut stream = home.stream();
    let mut number = 0;
    while number < 1_100 {
        stream.write(&serde_json::json!({"do": "submit", "id": format!("n{number}"), "symbol": "S05", "side": "buy", "quantity": "1", "limit_price": "1.00"}));
        stream.answer().unwrap();
        number += 1;
    }
    drop(stream.input);
    stream.child.wait().unwrap();
    assert!(states(&at).is_empty() && !states(&at_home).is_empty());
    let (expected, before) = (look(&at_home).unwrap().0, expected);
    assert_ne!(expected, before);
    for (turn, path) in states(&at_home).into_iter().enumerate() {
        let bytes = fs::read(&path).unwrap();
        for seed in 0..share(200, 5) {
            let mut damaged = bytes.clone();
            let byte = (scramble(seed * 7 + turn as u64) % bytes.len() as u64) as usize;
            damaged[byte] ^= 1 << (seed % 8);
            fs::write(&path, damaged).unwrap();
            let (shown, sound) = look(&at_home).unwrap();
            assert!(sound && shown == expected, "{}: byte {byte}", path.display());
        }
        fs::write(&path, bytes).unwrap();
    }
    // A snapshot of another home, with other figures and a sound tag of that home's key.
    let (theirs, ours) = (Home::trading(), states(&at_home));
    let key = fs::read(theirs.file("snapshots/key")).unwrap();
    fs::write(at_home.join("snapshots/key"), key).unwrap();
    let (shown, sound) = look(&at_home).unwrap();
    assert!(sound && shown == expected && !ours.is_empty());
}
