//! Keys that a person must open: the passphrase asked for on a terminal and in the workstation.

use crate::home::{Home, PASSWORD};
use crate::terminal::{SIZES, Terminal};

const PASSPHRASE: &str = "open sesame";
const KEY: &str = "CANARYpass6Yh1Rk5";

/// A home with a key of polygon in a vault under a passphrase.
fn sealed() -> Home {
    let home = Home::staffed();
    home.file("home/settings.toml", "[sync]\nauto = false\nvendors = \"polygon\"\n");
    home.pipe("root", &["key", "set", "polygon"], &[("QLIB_PRO_VAULT_PASSWORD", PASSPHRASE)], KEY);
    home
}

#[test]
fn the_workstation_opens_without_a_question_and_data_asks_once() {
    for size in SIZES {
        let home = sealed();
        let mut terminal = Terminal::start(&home, size, &["--user", "ana"], &[]);
        terminal.shows("Log in");
        terminal.types(PASSWORD);
        terminal.keys("Enter");
        terminal.row(&["QLIB PRO [", "ana"]);
        terminal.keys("g a");
        terminal.shows("passphrase of the vault");
        terminal.types("sesame");
        terminal.keys("Enter");
        terminal.shows("passphrase does not open the vault");
        terminal.row(&["polygon", "X key"]);
        terminal.keys("K");
        terminal.shows("passphrase of the vault");
        terminal.types(PASSPHRASE);
        assert!(!terminal.text().contains(PASSPHRASE));
        terminal.keys("Enter");
        terminal.shows("the vault of keys is open");
        terminal.row(&["polygon", "not asked"]);
        terminal.quit();
    }
}

#[test]
fn a_sync_and_a_doctor_ask_for_the_passphrase_on_a_terminal() {
    for args in [&["--user", "root", "sync", "AAPL"][..], &["--user", "root", "doctor"]] {
        let home = sealed();
        let nobody = [("QLIB_PRO_POLYGON_URL", "http://127.0.0.1:9"), ("QLIB_PRO_PASSWORD", PASSWORD)];
        let mut terminal = Terminal::start(&home, SIZES[0], args, &nobody);
        terminal.asks_unseen("Passphrase of the vault");
        terminal.types(PASSPHRASE);
        terminal.keys("Enter");
        terminal.shows(if args.contains(&"sync") { "polygon" } else { "vault (passphrase)" });
        assert!(!terminal.text().contains(PASSPHRASE) && !terminal.text().contains("is locked"));
    }
}
