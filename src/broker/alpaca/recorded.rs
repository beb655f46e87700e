//! Every recorded answer of the venue: what is ours to read is read to what it says, and the rest is named as not asked
//! for. Some recordings are cut out of another program's tests and have a stray mark behind a symbol, an order without
//! a quantity, or a placeholder: those are refused in words, not guessed at.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::wire::{WireAccount, WireError, WireMessage, WireOrder, WirePosition};
use crate::domain::broker::BrokerReport;

/// Orders: file and what is told of it, or why it is refused.
const ORDERS: [(&str, &str); 11] = [
    ("trading_close_position_with_id_1.json", "AAPL.XNYS filled 0 limit None"),
    ("trading_close_position_with_percentage_1.json", "symbol"),
    ("trading_close_position_with_qty_1.json", "symbol"),
    ("trading_close_position_with_symbol_1.json", "symbol"),
    ("trading_get_order_by_id_1.json", "symbol 'AAPL`'"),
    ("trading_get_orders_1.json", "Buy 1 SPY.XNYS filled 0 limit None Working"),
    ("trading_limit_order_1.json", "symbol 'AAPL`'"),
    ("trading_market_order_1.json", "symbol 'AAPL`'"),
    ("trading_order_position_intent_1.json", "symbol 'SPY`'"),
    ("trading_order_position_intent_2.json", "symbol 'AAPL`'"),
    ("trading_replace_order_1.json", "symbol 'AAPL`'"),
];
/// Positions.
const POSITIONS: [(&str, &str); 3] = [
    ("trading_get_all_positions_1.json", "5 AAPL.XNYS"),
    ("trading_get_open_position_with_asset_id_1.json", "5 AAPL.XNYS"),
    ("trading_get_open_position_with_symbol_1.json", "symbol '{…}'"),
];
/// Errors: file, code and words.
const ERRORS: [(&str, Option<i64>, &str); 7] = [
    ("go_alpaca_TestCancelAllPositions_2.json", Some(42_210_000), "error"),
    ("go_alpaca_TestDefaultDo_Error_1.json", Some(1_234_567), "custom error message"),
    ("handmade/error_401.json", None, "unauthorized."),
    ("handmade/error_403_buying_power.json", Some(40_310_000), "insufficient buying power"),
    ("handmade/error_404_order.json", Some(40_410_000), "order not found"),
    ("handmade/error_422_client_order_id.json", Some(40_010_001), "client_order_id must be unique"),
    ("handmade/error_429.json", Some(42_910_000), "rate limit exceeded"),
];
/// Read by tests of their own here.
const OTHERS: [&str; 2] = ["handmade/ws_trade_updates.jsonl", "trading_get_account_1.json"];
/// Answers to what is not asked of this venue: market data comes from vendors of market data.
const NOT_ASKED_FOR: [&str; 33] = [
    "data_get_bars_1.json",
    "data_get_bars_desc_1.json",
    "data_get_bars_single_empty_response_1.json",
    "data_get_corporate_actions_1.json",
    "data_get_corporate_actions_2.json",
    "data_get_latest_quote_1.json",
    "data_get_latest_trade_1.json",
    "data_get_market_movers_1.json",
    "data_get_news_1.json",
    "data_get_news_2.json",
    "data_get_trades_1.json",
    "data_stock_latest_bar_1.json",
    "go_alpaca_TestCancelAllPositions_1.json",
    "go_alpaca_TestGetAssetFromJSON_1.json",
    "go_marketdata_TestDefaultDo_Retry_1.json",
    "go_marketdata_TestGetBars_Adjustment_1.json",
    "go_marketdata_TestGetBars_Asof_1.json",
    "go_marketdata_TestGetBars_Asof_2.json",
    "go_marketdata_TestGetNews_1.json",
    "go_marketdata_TestGetNews_2.json",
    "go_marketdata_TestGetQuotes_SortDesc_1.json",
    "go_marketdata_TestLatestBar_1.json",
    "go_marketdata_TestLatestBar_Feed_1.json",
    "go_marketdata_TestLatestBar_Feed_2.json",
    "go_marketdata_TestLatestBars_1.json",
    "go_marketdata_TestLatestQuote_1.json",
    "go_marketdata_TestLatestQuotes_1.json",
    "go_marketdata_TestLatestTrade_1.json",
    "go_marketdata_TestLatestTrades_1.json",
    "go_marketdata_TestSnapshots_1.json",
    "handmade/ws_marketdata_iex.jsonl",
    "trading_get_announcements_1.json",
    "trading_get_asset_1.json",
];

/// The folder of recordings; `None` (said on stdout) where there is no shared data.
#[allow(clippy::disallowed_methods, reason = "tests may be pointed at the shared data")]
fn folder() -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("QLIB_PRO_TEST_DATA").map_or(default, PathBuf::from);
    let folder = shared.join("vendors/alpaca");
    if !folder.exists() {
        println!("skipped: no shared data");
        return None;
    }
    Some(folder)
}

fn text(name: &str) -> Option<String> {
    Some(std::fs::read_to_string(folder()?.join(name)).unwrap())
}

/// A value, alone or the first of a list.
fn first<T: DeserializeOwned>(text: &str) -> T {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let value = value.as_array().map_or(&value, |list| &list[0]);
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn every_file_is_named_here() {
    let Some(folder) = folder() else { return };
    let files = |below: &str| {
        let entries = std::fs::read_dir(folder.join(below)).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.path().is_file());
        files.map(|e| format!("{below}{}", e.file_name().to_string_lossy())).collect::<Vec<_>>()
    };
    let found: BTreeSet<String> = files("").into_iter().chain(files("handmade/")).collect();
    let named = ORDERS.iter().chain(&POSITIONS).map(|row| row.0).chain(ERRORS.iter().map(|row| row.0));
    let named: BTreeSet<String> = named.chain(OTHERS).chain(NOT_ASKED_FOR).map(str::to_owned).collect();
    assert_eq!(found.symmetric_difference(&named).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn orders_and_positions_are_what_they_say_or_are_refused_in_words() {
    for (name, wanted) in ORDERS {
        let Some(text) = text(name) else { return };
        let told = match first::<WireOrder>(&text).report() {
            Ok(o) => format!(
                "{:?} {} {} filled {} limit {:?} {:?}",
                o.side, o.quantity, o.instrument, o.filled, o.limit_price, o.status
            ),
            Err(unread) => unread.to_string(),
        };
        assert!(told.contains(wanted), "{name}: {told}");
    }
    for (name, wanted) in POSITIONS {
        let told = match first::<WirePosition>(&text(name).unwrap()).report() {
            Ok(position) => format!("{} {}", position.quantity, position.instrument),
            Err(unread) => unread.to_string(),
        };
        assert!(told.contains(wanted), "{name}: {told}");
    }
}

#[test]
fn errors_keep_their_code_and_words() {
    for (name, code, message) in ERRORS {
        let Some(text) = text(name) else { return };
        let error = first::<WireError>(&text);
        assert_eq!((error.code, error.message.as_str()), (code, message), "{name}");
    }
}

#[test]
fn the_account_and_the_reports_of_an_order_are_read() {
    let Some(account) = text("trading_get_account_1.json") else { return };
    let account = first::<WireAccount>(&account).report().unwrap();
    assert_eq!(
        (account.cash.to_string(), account.equity.to_string()),
        ("-23140.20".into(), "103820.56".into())
    );
    assert!(account.can_trade);
    let lines = text("handmade/ws_trade_updates.jsonl").unwrap();
    let mut fills = Vec::new();
    for line in lines.lines() {
        let Ok(WireMessage::TradeUpdates(update)) = serde_json::from_str(line) else { continue };
        for report in update.reports().unwrap() {
            if let BrokerReport::Fill(fill) = report {
                fills.push(format!("{} {} of {}", fill.trade, fill.quantity, fill.cum));
            }
        }
    }
    assert_eq!(fills, ["e-2 4 of 4", "e-3 6 of 10"]);
}
