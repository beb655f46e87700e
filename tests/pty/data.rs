//! Data: vendors, stored prices, rows set aside and the sync, driven by keys at both sizes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use crate::home::{Home, PASSWORD};
use crate::terminal::{SIZES, Terminal};

/// A vendor at a loopback port that takes questions and never answers, until it is told to go.
fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            held.push(stream.unwrap());
        }
    });
    address
}

/// A vendor that has too many requests.
fn busy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let mut chunk = [0; 4096];
            while matches!(stream.read(&mut chunk), Ok(1..)) {}
            let answer = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 3000\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap_or_default();
        }
    });
    address
}

fn opened(home: &Home, size: (u16, u16), env: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::start(home, size, &["--user", "ana"], env);
    terminal.shows("Log in");
    terminal.types(PASSWORD);
    terminal.keys("Enter");
    terminal.row(&["QLIB PRO [", "ana"]);
    terminal.keys("g a");
    terminal.row(&["Vendors"]);
    terminal
}

#[test]
fn a_home_of_files_shows_its_prices_and_what_was_set_aside() {
    for size in SIZES {
        let home = Home::staffed();
        let bad =
            "date,symbol,open,high,low,close,volume\n2018-03-12,S00,50,49,51,50,100\n2018-03-13,S00,,,,,\n";
        let file = home.file("bad.csv", bad);
        home.fails("ana", &["import", "bars", &file], 5);
        home.file("home/settings.toml", "[sync]\nauto = false\n");
        let mut terminal = opened(&home, size, &[]);
        terminal.row(&["alpha_vantage", "no key"]);
        terminal.row(&["yahoo", "not asked"]);
        terminal.command("SRC");
        terminal.row(&["S00.XNYS", "file"]);
        terminal.command("QUAR");
        terminal.row(&["S00", "2018-03-13", "MISSING_PRICE"]);
        terminal.row(&["S00", "2018-03-12", "BROKEN_HIGH_LOW"]);
        terminal.keys("Enter");
        terminal.shows("Esc close");
        terminal.keys("Esc");
        terminal.hides("Esc close");
        terminal.keys("t");
        terminal.shows("As read: 2018-03-13,S00");
        terminal.keys("Esc");
        terminal.hides("As read:");
        terminal.keys("o");
        terminal.shows("asked for");
        terminal.keys("i");
        terminal.shows("left out for good");
        terminal.keys("Down Enter");
        terminal.hides("2018-03-13  MISSING_PRICE");
        terminal.row(&["S00", "2018-03-12", "BROKEN_HIGH_LOW"]);
        terminal.command("FEED");
        terminal.shows("Nothing was fetched");
        terminal.quit();
    }
}

#[test]
fn a_sync_begins_by_a_key_shows_itself_and_is_stopped_by_a_key() {
    for size in SIZES {
        let home = Home::staffed();
        home.file("home/settings.toml", "[sync]\nauto = false\nvendors = \"yahoo\"\n");
        let address = silent();
        let mut terminal = opened(&home, size, &[("QLIB_PRO_YAHOO_URL", &address)]);
        terminal.command("FEED");
        terminal.shows("Nothing was fetched");
        terminal.command("sync AAPL");
        terminal.row(&["yahoo", "0/1"]);
        terminal.row(&["Requests"]);
        terminal.keys("I");
        terminal.shows("stopped before its end");
        terminal.quit();
    }
}

#[test]
fn a_vendor_that_has_enough_is_shown_to_wait_with_its_reason() {
    for size in SIZES {
        let home = Home::staffed();
        home.file("home/settings.toml", "[sync]\nauto = false\nvendors = \"yahoo\"\n");
        let address = busy();
        let mut terminal = opened(&home, size, &[("QLIB_PRO_YAHOO_URL", &address)]);
        terminal.row(&["yahoo", "not asked"]);
        terminal.command("sync AAPL");
        terminal.shows("the sync has begun");
        terminal.command("FEED");
        terminal.shows("last run");
        terminal.command("VEND");
        terminal.row(&["yahoo", "! waits"]);
        terminal.quit();
    }
}

#[test]
fn who_may_not_manage_data_has_no_such_workspace() {
    let home = Home::staffed();
    let mut terminal = Terminal::log_in(&home, SIZES[0], "kim");
    terminal.keys("g a");
    terminal.shows("needs role trader or admin");
    terminal.command("sync AAPL");
    terminal.shows("needs role trader or admin");
    terminal.quit();
}
