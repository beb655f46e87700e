//! Coming in: first run, login, lock.

use crate::home::{Home, PASSWORD};
use crate::terminal::{SIZES, Terminal};

#[test]
fn the_first_person_is_made_in_the_terminal_and_is_the_admin() {
    for size in SIZES {
        let home = Home::empty();
        let mut terminal = Terminal::start(&home, size, &[], &[]);
        terminal.shows("nobody can log in yet");
        terminal.keys("Enter");
        terminal.shows("> Password");
        terminal.types("short");
        terminal.keys("Enter");
        terminal.shows("> Again");
        terminal.types("short");
        terminal.keys("Enter");
        terminal.shows("at least 8 characters.");
        terminal.shows("> Password");
        (0..5).for_each(|_| terminal.keys("Backspace"));
        terminal.types(PASSWORD);
        terminal.keys("Enter");
        terminal.shows("> Again");
        (0..5).for_each(|_| terminal.keys("Backspace"));
        terminal.types(PASSWORD);
        terminal.keys("Enter");
        let screen = terminal.shows("[PAPER]");
        assert!(screen.contains("admin"), "{screen}");
        assert!(!screen.contains(PASSWORD));
        terminal.shows("no prices");
        terminal.quit();
        let people = home.json("admin", &["user", "list"]);
        assert_eq!((people[0]["name"].as_str(), people[0]["role"].as_str()), (Some("admin"), Some("admin")));
    }
}

#[test]
fn a_wrong_password_says_so_and_the_right_one_lets_in() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::start(&home, size, &[], &[]);
        terminal.shows("Name and password of this home");
        terminal.types("ana");
        terminal.keys("Enter");
        terminal.shows("> Password");
        terminal.types("not the password");
        terminal.shows("••••••••••••••••");
        terminal.keys("Enter");
        let screen = terminal.shows("the name or the password is wrong");
        assert!(!screen.contains('•'), "the password is wiped: {screen}");
        terminal.types(PASSWORD);
        terminal.keys("Enter");
        terminal.shows(">1 Desk<");
        terminal.quit();
    }
}

#[test]
fn a_locked_screen_shows_nothing_until_the_password_is_typed() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "ana");
        terminal.keys("Ctrl-K");
        let screen = terminal.shows("ana is still logged in.");
        assert!(!screen.contains("Watchlist") && !screen.contains("S00"), "{screen}");
        terminal.types("not the password");
        terminal.keys("Enter");
        terminal.shows("wrong");
        terminal.types(PASSWORD);
        terminal.keys("Enter");
        terminal.shows("Watchlist");
        terminal.quit();
    }
}

#[test]
fn a_second_process_imports_and_a_second_workstation_only_reads() {
    let home = Home::staffed();
    let first = Terminal::log_in(&home, SIZES[0], "ana");
    let file =
        home.file("more.csv", "date,symbol,open,high,low,close,volume\n2018-02-12,ZZZ,10,11,9,10.5,1000\n");
    let done = home.json("root", &["import", "bars", &file]);
    assert_eq!(done["stored"], 1);
    for size in SIZES {
        let mut second = Terminal::log_in(&home, size, "raj");
        let row = second.row(&["READ ONLY"]);
        assert!(row.contains("workstation"), "says what holds it: {row}");
        second.keys("H");
        second.shows("may only read");
        second.quit();
    }
    first.quit();
}
