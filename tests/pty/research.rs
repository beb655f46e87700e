//! Research: an expression is typed in the real terminal, marked while wrong, ranked when right, kept as a factor.

use crate::home::Home;
use crate::terminal::{SIZES, Terminal};

#[test]
fn an_expression_is_marked_while_wrong_ranked_when_right_and_kept() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "ana");
        terminal.command("watch S03");
        terminal.row(&["S03", "%"]);
        terminal.keys("=");
        terminal.shows("Expression typing");
        terminal.types("$close/Maen($close,5)");
        let screen = terminal.shows("did you mean Mean");
        let line = |what: &str| screen.lines().position(|l| l.contains(what)).unwrap();
        let column = |what: &str| screen.lines().nth(line(what)).unwrap().find(what).unwrap();
        assert_eq!((line("^^^^"), column("^^^^")), (line("Maen(") + 1, column("Maen(")), "{screen}");
        terminal.keys("Ctrl-U");
        terminal.types("$clo");
        terminal.row(&["$close", "last price"]);
        terminal.keys("Tab");
        terminal.types("/Mean($close,20)-1");
        terminal.shows("reads 19 sessions back");
        terminal.row(&["S00", "rank ", " of 10"]);
        terminal.row(&["IC ", "rank IC", "ICIR", "sessions"]);
        terminal.keys("Ctrl-S");
        terminal.shows("save as factor, name:");
        terminal.types("trend20");
        terminal.keys("Enter");
        terminal.shows("trend20 is saved");
        terminal.command("column");
        terminal.shows("has a column FX");
        terminal.keys("1");
        terminal.row(&["SYM", "LAST", "FX"]);
        terminal.command("screen $close > 0");
        terminal.shows("screen 10 of 10");
        terminal.command("screen off");
        terminal.hides("screen 10 of 10");
        terminal.quit();
        let kept = std::fs::read_to_string(home.path().join("factors.toml")).unwrap();
        assert!(kept.contains("trend20") && kept.contains("$close/Mean($close,20)-1"), "{kept}");
    }
}

#[test]
fn a_customer_cannot_type_an_expression() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "kim");
        terminal.keys("=");
        terminal.shows("needs role trader");
        terminal.command("workspace research");
        let screen = terminal.shows("Research: needs role trader");
        assert!(!screen.contains("Expression") && !screen.contains("rank"), "{screen}");
        terminal.quit();
    }
}
