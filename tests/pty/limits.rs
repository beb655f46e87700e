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
    terminal.keys("Tab Tab Tab Tab Tab");
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
        maker.shows("is 50,000 and becomes 60,000");
        maker.keys("Enter");
        maker.shows("raj began it");
        maker.quit();
        let mut other = Terminal::log_in(&home, size, "rita");
        other.row(&["max order notional", "50,000"]);
        other.command("filter max order");
        other.keys("A");
        other.shows("is 50,000 and becomes 60,000");
        other.shows("Asked by raj");
        other.keys("Enter");
        other.row(&["max order notional", "60,000"]);
        other.quit();
    }
}

#[test]
fn a_temporary_override_is_approved_by_another_person_and_can_be_reverted() {
    for size in SIZES {
        let home = Home::staffed();
        let mut maker = Terminal::log_in(&home, size, "raj");
        maker.command("limit max_order_notional");
        maker.shows("Limit draft");
        maker.keys("Ctrl-U");
        maker.types("60000");
        maker.keys("Tab Tab Tab Tab");
        maker.row(&[">Until"]);
        maker.types("+2d");
        maker.keys("Tab");
        maker.types("a large client today");
        maker.keys("Enter");
        maker.shows("A temporary override: until");
        maker.shows("waits until a second person approves");
        maker.keys("Enter");
        maker.hides("kept with who");
        maker.quit();
        let mut other = Terminal::log_in(&home, size, "rita");
        other.command("filter max order notional");
        other.keys("A");
        other.shows("Asked by raj: a large client today");
        other.keys("Enter");
        other.row(&["max order notional", "60,000"]);
        let history = home.json("rita", &["limits", "history"]);
        let of = |hard: &str| {
            let all = history.as_array().unwrap().iter();
            let mut own = all.filter(|v| v["name"] == "max_order_notional");
            own.find(|v| v["hard"].as_str().unwrap().starts_with(hard)).unwrap().clone()
        };
        assert!(of("60000")["expires_at"].is_string() && of("60000")["approver"] == "rita");
        other.keys("V");
        other.shows(&format!("goes back to 50,000 as in version {}", of("50000")["version"]));
        other.keys("Enter");
        other.row(&["max order notional", "50,000"]);
        other.quit();
    }
}

#[test]
fn a_draft_that_somebody_overtook_is_refused_in_plain_words() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "raj");
        previews(&mut terminal, "40000");
        terminal.shows("This tightens");
        // Passed to the workstation that is open.
        let set = ["limits", "set", "max_order_notional", "45000", "--reason", "meanwhile"];
        assert_eq!(home.json("rita", &set)["maker"], "rita");
        terminal.keys("Enter");
        terminal.shows("rita changed max_order_notional for firm to 45000");
        terminal.keys("Esc");
        terminal.hides("kept with who");
        terminal.row(&["max order notional", "45,000"]);
        terminal.quit();
    }
}

/// Drafts one limit into the change set.
fn collects(terminal: &mut Terminal, name: &str, value: &str, is_first: bool) {
    terminal.command(&format!("limit {name}"));
    terminal.shows("Limit draft");
    terminal.keys("Ctrl-U");
    terminal.types(value);
    if is_first {
        terminal.keys("Tab Tab Tab Tab Tab Tab");
        terminal.row(&[">Set it"]);
        terminal.types(" ");
    }
    terminal.shows("[IN THE CHANGE SET]");
    terminal.keys("Enter");
    terminal.shows("Enter puts it into the change set");
    terminal.keys("Enter");
    terminal.hides("kept with who");
}

#[test]
fn a_change_set_is_collected_submitted_and_approved_or_turned_down_as_one() {
    for size in SIZES {
        let home = Home::staffed();
        let mut maker = Terminal::log_in(&home, size, "raj");
        collects(&mut maker, "max_order_notional", "60000", true);
        collects(&mut maker, "max_open_orders", "40", false);
        maker.keys("B");
        maker.shows("Change set draft");
        maker.shows("REFUSES");
        maker.row(&["max order notional", "50,000", "60,000"]);
        maker.row(&["max open orders", "40"]);
        maker.shows("decisions in the last 20 days it would have refused");
        maker.types("a larger desk");
        maker.row(&[">Reason", "a larger desk"]);
        maker.keys("Enter");
        maker.hides("Change set draft");
        maker.row(&["max order notional", "50,000"]);
        maker.shows("2 waiting");
        maker.row(&["version 11 makes it 40 once a second person agrees"]);
        maker.keys("B");
        maker.shows("Asked by raj: a larger desk");
        maker.keys("Enter");
        maker.shows("raj began it");
        maker.keys("Esc");
        maker.hides("Asked by raj");
        maker.quit();
        let mut other = Terminal::log_in(&home, size, "rita");
        other.shows("2 waiting");
        other.keys("B");
        other.shows("Asked by raj: a larger desk");
        other.row(&["max open orders", "40"]);
        other.keys("Enter");
        other.hides("Asked by raj");
        other.row(&["max order notional", "60,000"]);
        let history = home.json("rita", &["limits", "history"]);
        let own: Vec<_> = history.as_array().unwrap().iter().filter(|v| v["approver"] == "rita").collect();
        assert_eq!(own.len(), 2, "{history}");
        let set = own[0]["set"].as_str().unwrap().to_owned();
        other.command(&format!("revert {set}"));
        other.shows("Take back the whole change set");
        other.keys("Enter");
        other.hides("Revert a change set");
        other.shows("2 waiting");
        other.keys("B");
        other.shows(&format!("Asked by rita: takes back change set {set}"));
        other.row(&["max order notional", "60,000", "50,000"]);
        other.keys("Down Tab");
        other.types("we keep it");
        other.keys("Enter");
        other.hides("Asked by rita");
        other.row(&["max order notional", "60,000"]);
        other.quit();
        let history = home.json("rita", &["limits", "history"]);
        let down = history.as_array().unwrap().iter().filter(|v| v["status"] == "withdrawn");
        assert_eq!(down.count(), 2, "{history}");
    }
}
