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
fn a_halt_cancels_open_orders_and_another_person_resumes_by_a_typed_word() {
    for size in SIZES {
        let home = Home::staffed();
        home.run("ana", &["order", "submit", "buy", "10", "S03", "--limit", "30", "--id", "low"]);
        let mut risk = Terminal::log_in(&home, size, "raj");
        risk.keys("H");
        risk.shows("and cancel open ones");
        risk.keys("Down Enter");
        risk.row(&["HALTED firm", "no new orders", "raj"]);
        assert_eq!(home.json("ana", &["order", "show", "low"])["status"], "canceled");
        risk.keys("R");
        risk.shows("Who halted cannot be");
        risk.types("resume");
        risk.keys("Enter");
        risk.shows("somebody else");
        risk.quit();
        let mut other = Terminal::log_in(&home, size, "rita");
        other.row(&["HALTED firm"]);
        other.keys("R");
        other.shows("Lift the halt of firm (by raj)");
        other.keys("Enter");
        other.shows("type resume to go on");
        other.types("resume");
        other.keys("Enter");
        other.hides("HALTED firm");
        other.quit();
    }
}

#[test]
fn a_bracket_waits_for_its_entry_and_a_change_is_reviewed() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "ana");
        terminal.command("watch S03");
        terminal.row(&["S03", "%"]);
        terminal.keys("b");
        terminal.shows("New order");
        terminal.types("100");
        terminal.keys("Tab Tab Tab Tab Tab Right");
        terminal.row(&[">Exits", "[BRACKET]"]);
        terminal.keys("Tab");
        terminal.types("60");
        terminal.keys("Tab");
        terminal.types("30");
        terminal.row(&["Profit", "60", ">Loss", "30"]);
        terminal.shows("passes all checks");
        terminal.keys("Enter");
        terminal.shows("take profit 60.00, stop loss 30.00");
        terminal.keys("Enter");
        terminal.shows("2 exits wait for it");
        terminal.keys("3");
        terminal.row(&["SELL", "S03", "HELD"]);
        terminal.shows("trigger 30.00, waits for fills of");
        terminal.command("filter BUY");
        terminal.keys("m");
        terminal.shows("Change order");
        terminal.keys("Tab");
        terminal.types("42.5");
        terminal.row(&[">Limit", "42.5", "changes"]);
        terminal.keys("Enter");
        terminal.shows("nothing is changed before Enter");
        terminal.keys("Enter");
        terminal.hides("nothing is changed before Enter");
        terminal.row(&["BUY", "S03", "0/100", "42.50"]);
        terminal.quit();
        let orders = home.json("ana", &["order", "list"]);
        assert_eq!(orders.as_array().unwrap().len(), 3);
    }
}

#[test]
fn a_ticket_measures_by_risk_and_shows_what_a_kind_of_order_needs() {
    for size in SIZES {
        let home = Home::staffed();
        let mut terminal = Terminal::log_in(&home, size, "ana");
        terminal.command("watch S03");
        terminal.row(&["S03", "%"]);
        terminal.keys("b");
        terminal.shows("New order");
        terminal.keys("BackTab Down Down Down");
        terminal.row(&[">Type", "[TRAILING STOP]", "5/11"]);
        terminal.row(&["Trail", "0.50 or 2%"]);
        terminal.keys("Up");
        terminal.row(&["Limit", "Trigger"]);
        terminal.keys("Up Up BackTab Right");
        terminal.row(&[">Size by", "[RISK]"]);
        terminal.keys("Tab Tab");
        terminal.types("0.1");
        terminal.row(&[">Risk %", "0.1"]);
        terminal.keys("Tab Tab Tab");
        terminal.row(&[">Stop"]);
        terminal.types("40");
        terminal.row(&["Risk %", "sh"]);
        terminal.shows("passes all checks");
        terminal.keys("Esc");
        terminal.hides("New order");
        terminal.command("discard");
        terminal.hides("draft kept");
        terminal.quit();
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
