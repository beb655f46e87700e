//! Figures: what the screen shows is what the command line prints, and a restart shows the same.

use crate::home::Home;
use crate::terminal::{SIZES, Terminal};

/// A home with three filled orders and one that rests.
fn traded() -> Home {
    let home = Home::staffed();
    for (quantity, symbol) in [("100", "S03"), ("55", "S07"), ("200", "S09")] {
        home.run("ana", &["order", "submit", "buy", quantity, symbol]);
    }
    home.run("ana", &["advance"]);
    home.run("ana", &["order", "submit", "buy", "10", "S05", "--limit", "39", "--tif", "gtc"]);
    home.run("ana", &["advance"]);
    home
}

/// A number as the screen writes it, without separators and sign of gain.
fn plain(text: &str) -> String {
    text.replace([',', '+'], "")
}

/// Rounds a decimal text to whole units.
fn whole(text: &serde_json::Value) -> i64 {
    text.as_str().unwrap().parse::<f64>().unwrap().round() as i64
}

/// Money in JSON with the two digits that the screen shows.
fn cents(text: &serde_json::Value) -> String {
    format!("{:.2}", text.as_str().unwrap().parse::<f64>().unwrap())
}

/// The word behind a label on the screen.
fn after(screen: &str, label: &str) -> String {
    let line =
        screen.lines().find(|l| l.contains(label)).unwrap_or_else(|| panic!("no {label} in\n{screen}"));
    let rest = &line[line.find(label).unwrap() + label.len()..];
    plain(rest.split_whitespace().next().unwrap())
}

/// Cells of the row that begins with this symbol.
fn cells_of(row: &str, symbol: &str) -> Vec<String> {
    row[row.find(symbol).unwrap()..].split_whitespace().map(plain).collect()
}

#[test]
fn every_figure_on_screen_is_what_the_command_line_prints() {
    for size in SIZES {
        let home = traded();
        let mut terminal = Terminal::log_in(&home, size, "ana");
        terminal.keys("4");
        terminal.shows(">4 ");
        let rows: Vec<(&str, String)> =
            ["S03", "S07", "S09"].map(|s| (s, terminal.row(&[&format!("{s} ")]))).to_vec();
        let totals = if size.0 < 100 {
            terminal.keys("Tab");
            terminal.shows("[Trade history]");
            terminal.keys("Tab");
            terminal.shows("[Account]")
        } else {
            terminal.shows("Equity  ")
        };
        terminal.keys("3");
        let order = terminal.row(&["S05", "WORKING"]);
        terminal.quit();

        let book = home.json("ana", &["portfolio"]);
        let book = &book[0];
        assert_eq!(after(&totals, "Equity"), cents(&book["equity"]));
        assert_eq!(after(&totals, "Cash"), cents(&book["cash"]));
        for (symbol, row) in rows {
            let cells = cells_of(&row, symbol);
            let positions = book["positions"].as_array().unwrap();
            let held = positions.iter().find(|p| p["symbol"] == symbol).unwrap();
            assert_eq!(cells[1], held["quantity"].as_str().unwrap(), "{row}");
            let profit = whole(&held["profit"]).to_string();
            assert!(cells.contains(&profit), "{symbol}: P/L {profit} is not in {row}");
        }
        let orders = home.json("ana", &["order", "list"]);
        let working = orders.as_array().unwrap().iter().find(|o| o["symbol"] == "S05").unwrap();
        assert!(order.contains(&format!("0/{}", working["quantity"].as_str().unwrap())), "{order}");
        assert_eq!(working["limit_price"].as_str().map(|p| p.parse::<f64>().unwrap()), Some(39.0));
        assert!(order.contains("39.00"), "{order}");
    }
}

#[test]
fn limits_on_screen_are_those_in_force() {
    let home = Home::staffed();
    let terminal = Terminal::log_in(&home, SIZES[0], "raj");
    let shown = [
        ("max_order_notional", terminal.row(&["max order notional", "50,000"])),
        ("max_position_weight", terminal.row(&["max position weight", "10.0%"])),
        ("max_daily_loss", terminal.row(&["max daily loss", "20,000"])),
    ];
    terminal.quit();
    let limits = home.json("raj", &["limits", "show"]);
    for ((name, row), value) in shown.iter().zip([50_000.0, 0.1, 20_000.0]) {
        let limit = limits.as_array().unwrap().iter().find(|l| l["name"] == *name).unwrap();
        assert_eq!(limit["hard"].as_str().and_then(|h| h.parse::<f64>().ok()), Some(value), "{row}");
    }
}

#[test]
fn a_restart_shows_the_same() {
    for size in SIZES {
        let home = traded();
        let pages = |terminal: &mut Terminal| -> Vec<String> {
            let mut pages = Vec::new();
            for (key, wanted) in [("4", "S09"), ("3", "WORKING")] {
                terminal.keys(key);
                terminal.shows(&format!(">{key} "));
                let text = terminal.shows(wanted);
                pages.push(text.lines().skip(1).take(usize::from(size.1) - 3).collect::<Vec<_>>().join("\n"));
            }
            pages
        };
        let mut first = Terminal::log_in(&home, size, "ana");
        let before = pages(&mut first);
        first.quit();
        let mut again = Terminal::log_in(&home, size, "ana");
        assert_eq!(pages(&mut again), before);
        again.quit();
    }
}
