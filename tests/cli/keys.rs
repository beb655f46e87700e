//! Keys of vendors: where they are kept, who may touch them, and that no file and no output ever shows one.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::bench::{Bench, PASSWORD, Ran, finish};

/// Keys that nobody else uses.
const CANARY: &str = "CANARYkey7Qw3Zt9";
const SECOND: &str = "CANARYsecret4Xv8";

/// Everything below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// A text as it is, in base64 at each place, and in hexadecimal.
fn disguises(key: &str) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    let hex: String = key.bytes().map(|b| format!("{b:02x}")).collect();
    vec![key.as_bytes().to_vec(), engine.encode(key).into_bytes(), hex.into_bytes()]
}

#[track_caller]
fn nowhere(bench: &Bench, said: &[Ran]) {
    let mut found = Vec::new();
    files(&bench.path("."), &mut found);
    assert!(found.len() > 5);
    for key in [CANARY, SECOND] {
        for disguise in disguises(key) {
            let shows = |bytes: &[u8]| bytes.windows(disguise.len()).any(|w| w == disguise);
            for path in &found {
                assert!(!shows(&std::fs::read(path).unwrap()), "{} shows it", path.display());
            }
            for ran in said {
                assert!(!shows(ran.out.as_bytes()) && !shows(ran.err.as_bytes()), "{ran:?}");
            }
        }
    }
}

/// Runs as root with these variables and lines on standard input.
fn with(bench: &Bench, env: &[(&str, &str)], args: &[&str], input: &str) -> Ran {
    let mut command = bench.bare();
    command.env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD);
    command.envs(env.iter().copied()).args(args);
    finish(command, input)
}

fn row<'a>(list: &'a serde_json::Value, vendor: &str, part: &str) -> &'a serde_json::Value {
    let mut rows = list.as_array().unwrap().iter();
    rows.find(|r| r["vendor"] == vendor && r["part"] == part).unwrap()
}

/// A vendor at a loopback port that gives everybody one answer and keeps what it was asked.
fn vendor(status: &'static str, body: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
            while !request.windows(4).any(|w| w == b"\r\n\r\n") {
                match stream.read(&mut chunk) {
                    Ok(n @ 1..) => request.extend_from_slice(&chunk[..n]),
                    _ => break,
                }
            }
            let head = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_string();
            seen.lock().unwrap().push(head);
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap_or_default();
        }
    });
    (address, asked)
}

/// All vendors but one are off, so that nothing leaves this machine.
fn only(bench: &Bench, vendor: &str) {
    let mut text = String::new();
    for other in ["alpha_vantage", "yahoo", "polygon", "asx"].iter().filter(|v| **v != vendor) {
        text.push_str(&format!("[vendors.{other}]\nenabled = false\n"));
    }
    bench.file("home/settings.toml", text);
}

#[test]
fn a_key_that_was_set_is_used_and_shown_nowhere() {
    let bench = Bench::founded();
    let answer = r#"{"Global Quote": {"01. symbol": "AAPL", "05. price": "190.5", "06. volume": "10", "07. latest trading day": "2024-01-31"}}"#;
    let (address, asked) = vendor("200 OK", answer);
    let account = r#"{"currency": "USD", "cash": "90000", "equity": "100000", "buying_power": "180000", "status": "ACTIVE", "shorting_enabled": true}"#;
    let (broker, _) = vendor("200 OK", account);
    only(&bench, "alpha_vantage");
    let keys = format!("{CANARY}\n{SECOND}\n");
    let mut said = vec![
        with(&bench, &[], &["key", "set", "alpha_vantage"], &format!("{CANARY}\n")),
        with(&bench, &[], &["key", "set", "alpaca"], &keys),
        with(&bench, &[], &["--format", "json", "key", "list"], ""),
        with(
            &bench,
            &[("QLIB_PRO_ALPHA_VANTAGE_URL", &address), ("QLIB_PRO_ALPACA_URL", &broker)],
            &["--log-level", "trace", "doctor"],
            "",
        ),
        with(
            &bench,
            &[("QLIB_PRO_ALPHA_VANTAGE_URL", "http://127.0.0.1:1")],
            &["--log-level", "trace", "sync", "AAPL"],
            "",
        ),
    ];
    assert!(said[..4].iter().all(|r| r.code == 0), "{said:?}");
    assert!(said[3].out.contains("it answers; allows quotes;"), "{}", said[3].out);
    assert!(
        said[3].out.contains("paper account, may trade and sell short; USD, equity 100000"),
        "{}",
        said[3].out
    );
    assert!(asked.lock().unwrap()[0].contains(CANARY), "the vendor itself gets it");
    // Who owns the trades takes acts of others into the trail.
    said.push(with(&bench, &[], &["account", "open", "extra", "--cash", "1000"], ""));
    let backup = bench.path("copy.backup");
    let audit = bench.path("audit.json");
    said.push(with(&bench, &[], &["backup", backup.to_str().unwrap()], ""));
    let exported = with(&bench, &[], &["--format", "json", "audit", "export"], "");
    std::fs::write(audit, &exported.out).unwrap();
    assert!(exported.out.contains("set the key of alpha_vantage"), "{}", exported.out);
    said.push(exported);
    nowhere(&bench, &said);
    let list = serde_json::from_str(&said[2].out).unwrap();
    assert_eq!(row(&list, "alpha_vantage", "key")["kept"], "vault (key file)");
    assert_eq!(row(&list, "alpaca", "secret")["key_id"].as_str().unwrap().len(), 8);
    assert_eq!(row(&list, "yahoo", "")["kept"], "none needed");
    assert!(said[2].err.contains("keyring"), "what is missing is said: {}", said[2].err);
    let removed = bench.run("root", &["key", "remove", "alpha_vantage"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    let list = bench.json("root", &["key", "list"]);
    assert_eq!(row(&list, "alpha_vantage", "key")["kept"], "not set");
    assert!(row(&list, "alpaca", "key")["set_at"].is_string());
}

#[test]
fn the_environment_comes_last() {
    let bench = Bench::founded();
    let variable = [("QLIB_PRO_POLYGON_KEY", "from-the-environment")];
    let kept = |env: &[(&str, &str)]| {
        let list = with(&bench, env, &["--format", "json", "key", "list"], "").json(0);
        let row = row(&list, "polygon", "key").clone();
        (row["kept"].as_str().unwrap().to_string(), row["key_id"].as_str().unwrap_or_default().to_string())
    };
    let first = kept(&variable);
    assert_eq!(first.0, "environment");
    with(&bench, &variable, &["key", "set", "polygon"], CANARY).ended(0);
    let second = kept(&variable);
    assert_eq!(second.0, "vault (key file)");
    assert_ne!(first.1, second.1);
    let removed = with(&bench, &variable, &["key", "remove", "polygon"], "");
    assert!(removed.err.contains("environment"), "{removed:?}");
    assert_eq!(kept(&variable), first);
}

#[test]
fn a_wrong_passphrase_and_a_damaged_vault_change_nothing() {
    let bench = Bench::founded();
    let right = [("QLIB_PRO_VAULT_PASSWORD", "open sesame")];
    with(&bench, &right, &["key", "set", "polygon"], CANARY).ended(0);
    let vault = bench.path("home/vault");
    assert!(!bench.path("home/vault.key").exists());
    let before = std::fs::read(&vault).unwrap();
    let wrong = with(&bench, &[("QLIB_PRO_VAULT_PASSWORD", "sesame")], &["key", "set", "polygon"], SECOND);
    assert!(wrong.code == 1 && wrong.err.contains("passphrase does not open"), "{wrong:?}");
    let locked = with(&bench, &[], &["key", "set", "polygon"], SECOND);
    assert!(locked.code == 1 && locked.err.contains("QLIB_PRO_VAULT_PASSWORD"), "{locked:?}");
    assert_eq!(std::fs::read(&vault).unwrap(), before);
    let list = with(&bench, &right, &["--format", "json", "key", "list"], "").json(0);
    assert_eq!(row(&list, "polygon", "key")["kept"], "vault (passphrase)");
    let mut bad = before.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&vault, &bad).unwrap();
    for args in [&["key", "set", "polygon"][..], &["key", "remove", "polygon"]] {
        let ran = with(&bench, &right, args, SECOND);
        assert!(ran.code == 1 && ran.err.contains("damaged"), "{ran:?}");
        assert_eq!(std::fs::read(&vault).unwrap(), bad, "it was touched");
    }
    nowhere(&bench, &[wrong, locked]);
}

#[test]
fn what_is_no_key_or_needs_none_is_refused() {
    let bench = Bench::founded();
    with(&bench, &[], &["key", "set", "yahoo"], CANARY).ended(2);
    with(&bench, &[], &["key", "set", "nobody"], CANARY).ended(2);
    with(&bench, &[], &["key", "set", "polygon"], "").ended(1);
    with(&bench, &[], &["key", "set", "polygon"], "two words\n").ended(1);
    with(&bench, &[], &["key", "set", "alpaca"], "only-one\n").ended(1);
    with(&bench, &[], &["key", "set", "polygon", CANARY], "").ended(2);
    let list = bench.json("root", &["key", "list"]);
    assert!(list.as_array().unwrap().iter().all(|r| r["key_id"].is_null()), "{list}");
}

#[test]
fn doctor_says_what_the_plan_allows_and_what_is_wrong() {
    let bench = Bench::founded();
    let rows = |command: &mut Command| {
        command.args(["--format", "json", "doctor"]);
        let mut taken = bench.bare();
        std::mem::swap(&mut taken, command);
        let ran = finish(taken, "");
        let rows: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let found = rows.as_array().unwrap().iter().find(|r| {
            let name = r["name"].as_str().unwrap();
            name == "vendors" || name == "vendor alpha_vantage"
        });
        (ran.code, found.unwrap()["value"].as_str().unwrap().to_string())
    };
    let named = |env: &[(&str, &str)]| {
        let mut command = bench.bare();
        command.env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD);
        command.envs(env.iter().copied());
        rows(&mut command)
    };
    only(&bench, "alpha_vantage");
    let (code, said) = rows(&mut bench.bare());
    assert!(code == 0 && said.contains("not asked"), "{said}");
    let (code, said) = named(&[]);
    assert!(code == 0 && said.contains("no key"), "{said}");
    let key = ("QLIB_PRO_ALPHA_VANTAGE_KEY", "one");
    let (code, said) = named(&[key, ("QLIB_PRO_ALPHA_VANTAGE_URL", "http://127.0.0.1:1")]);
    assert!(code == 1 && said.contains("not reachable"), "{said}");
    let refusal = r#"{"Error Message": "the parameter apikey is invalid or missing. Please claim your free API key on (https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds."}"#;
    let (address, _) = vendor("200 OK", refusal);
    let (code, said) =
        named(&[("QLIB_PRO_ALPHA_VANTAGE_KEY", "two"), ("QLIB_PRO_ALPHA_VANTAGE_URL", &address)]);
    assert!(code == 1 && said.contains("the key is refused"), "{said}");
}
