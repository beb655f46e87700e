//! Orders: from the ticket to the fill, drafts, halts, and what a customer must not see.

use crate::home::Home;
use crate::terminal::{SIZES, Terminal};

/// Opens a ticket for a watched name and takes it to a working order.
fn buys(terminal: &mut Terminal, quantity: &str, symbol: &str) {
    terminal.command(&format!("watch {symbol}"));
    terminal.row(&[symbol, "%"]);
    terminal.keys("b");
    terminal.shows("New order");
    terminal.types(quantity);
    terminal.shows("WHAT-IF");
    terminal.shows("max order notional");
    terminal.shows("passes all checks");
    terminal.keys("Enter");
    terminal.shows("nothing is sent before Enter");
    terminal.keys("Enter");
    terminal.hides("nothing is sent before Enter");
    terminal.shows("1 working");
}

#[test]
fn a_ticket_leads_to_a_working_order_and_the_next_session_fills_it() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "ana");
        buys(&mut terminal, "100", "S03");
        terminal.keys("3");
        terminal.row(&["BUY", "S03", "0/100", "WORKING"]);
        terminal.keys(".");
        terminal.shows("the next session; it cannot be moved back");
        terminal.keys("Enter");
        terminal.row(&["BUY", "S03", "100/100", "FILLED"]);
        terminal.shows("0 working");
        terminal.keys("4");
        terminal.row(&["S03", "100"]);
        terminal.keys("n");
        terminal.row(&["Filled", "buy 100 S03"]);
        terminal.keys("Esc");
        terminal.hides("buy 100 S03");
        terminal.quit();
        let orders = home.json("ana", &["order", "list"]);
        assert_eq!((&orders[0]["status"], &orders[0]["quantity"]), (&"filled".into(), &"100".into()));
    }
}

#[test]
fn a_refused_ticket_names_the_limit_and_offers_what_passes() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "ana");
        terminal.command("watch S05");
        terminal.row(&["S05", "%"]);
        terminal.keys("b");
        terminal.shows("New order");
        terminal.types("90000");
        terminal.shows("Largest allowed");
        terminal.shows("blocked: fix X first");
        terminal.keys("Enter");
        terminal.keys("u");
        terminal.hides("Largest allowed");
        terminal.shows("passes all checks");
        terminal.keys("Esc");
        terminal.hides("New order");
        terminal.shows("draft kept");
        terminal.keys("q");
        let screen = terminal.shows("Leave");
        assert!(screen.contains("draft"), "{screen}");
        // The safe answer stands first.
        terminal.keys("Down Enter");
        assert_eq!(terminal.ended(std::time::Duration::from_secs(20)), Ok(0));
        assert_eq!(home.json("ana", &["order", "list"]), serde_json::json!([]));
    }
}

#[test]
fn a_halt_is_a_banner_for_the_trader_and_refuses_orders() {
    for size in SIZES {
        let home = Home::staffed();
        let mut risk = Terminal::log_in(&home, size, "raj");
        risk.keys("H");
        risk.shows("Enter halts at once");
        risk.keys("Enter");
        risk.row(&["HALTED firm", "no new orders", "raj"]);
        risk.quit();
        let mut trader = Terminal::log_in(&home, size, "ana");
        trader.row(&["HALTED firm", "no new orders", "raj"]);
        trader.command("watch S04");
        trader.row(&["S04", "%"]);
        trader.keys("b");
        trader.shows("New order");
        trader.types("10");
        trader.shows("blocked: fix X first");
        trader.keys("Esc");
        trader.hides("New order");
        trader.shows("draft kept");
        trader.command("discard");
        trader.hides("draft kept");
        trader.quit();
    }
}

#[test]
fn a_customer_sees_no_word_of_signals_limits_or_logs() {
    for size in SIZES {
        let home = Home::staffed();
        home.run("ana", &["signal", "run"]);
        let mut terminal = Terminal::log_in(&home, size, "kim");
        let mut seen = terminal.shows("Home");
        for key in ["2", "3", "4", "5", "6"] {
            terminal.keys(key);
            seen.push_str(&terminal.shows(&format!(">{key} ")));
            for _ in 0..3 {
                terminal.keys("Tab");
                terminal.keys("Ctrl-L");
            }
            seen.push_str(&terminal.text());
        }
        terminal.command("limit");
        terminal.shows("needs role");
        for word in
            ["Signals", "Explain", "rank ", "RANK", "momentum", "Limits", "VaR", "max_order", "System log"]
        {
            assert!(!seen.contains(word), "a customer sees '{word}'");
        }
        terminal.quit();
    }
}
