//! Limits: a draft with its preview, tightening at once, loosening by a second person.

use crate::home::Home;
use crate::terminal::{SIZES, Terminal};

/// Opens the editor on one limit and previews a new hard value.
fn previews(terminal: &mut Terminal, value: &str) {
    terminal.command("limit max_order_notional");
    terminal.shows("Limit draft");
    terminal.keys("Ctrl-U");
    terminal.types(value);
    terminal.row(&["Hard", value]);
    terminal.keys("Enter");
    terminal.shows("type a reason");
    terminal.keys("Tab Tab Tab");
    terminal.row(&[">Reason"]);
    terminal.types("a quiet season");
    terminal.row(&[">Reason", "a quiet season"]);
    terminal.keys("Enter");
    terminal.shows("decisions in the last 20 days");
}

#[test]
fn a_tighter_limit_is_in_force_after_its_preview() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "raj");
        terminal.row(&["max order notional", "50,000"]);
        previews(&mut terminal, "40000");
        let screen = terminal.shows("This tightens");
        assert!(screen.contains("50,000 -> 40,000"), "{screen}");
        terminal.keys("Enter");
        terminal.hides("kept with who");
        terminal.row(&["max order notional", "40,000"]);
        terminal.quit();
        let limits = home.json("raj", &["limits", "show"]);
        let row = limits.as_array().unwrap().iter().find(|l| l["name"] == "max_order_notional").unwrap();
        assert_eq!(row["hard"].as_str().map(|h| h.trim_end_matches(".00")), Some("40000"));
    }
}

#[test]
fn a_looser_limit_waits_for_another_person() {
    for size in SIZES {
        let home = Home::staffed();
        let mut maker = Terminal::log_in(&home, size, "raj");
        previews(&mut maker, "60000");
        maker.shows("waits until a second person approves");
        maker.keys("Enter");
        maker.hides("kept with who");
        maker.row(&["max order notional", "50,000"]);
        maker.command("filter max order");
        maker.keys("A");
        maker.shows("becomes 60000");
        maker.keys("Enter");
        maker.shows("X raj proposed it");
        maker.quit();
        let mut other = Terminal::log_in(&home, size, "rita");
        other.row(&["max order notional", "50,000"]);
        other.command("filter max order");
        other.keys("A");
        other.shows("becomes 60000");
        other.shows("Asked by raj");
        other.keys("Enter");
        other.row(&["max order notional", "60,000"]);
        other.quit();
    }
}
