//! The recorded shapes that the venue answers with.

use std::path::Path;

use serde_json::Value;

pub(super) struct Shapes {
    pub(super) order: Value,
    pub(super) account: Value,
    pub(super) position: Value,
    pub(super) update: Value,
    pub(super) not_found: String,
    pub(super) duplicate: String,
    pub(super) buying_power: String,
    pub(super) unauthorized: String,
    pub(super) too_many: String,
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

impl Shapes {
    pub(super) fn load(shared: &Path) -> Self {
        let folder = shared.join("vendors/alpaca");
        let value = |name: &str| serde_json::from_str::<Value>(&read(&folder, name)).unwrap();
        let updates = read(&folder, "handmade/ws_trade_updates.jsonl");
        let update = updates.lines().find(|l| l.contains("partial_fill")).unwrap();
        Self {
            order: value("trading_limit_order_1.json"),
            account: value("trading_get_account_1.json"),
            position: value("trading_get_all_positions_1.json")[0].clone(),
            update: serde_json::from_str(update).unwrap(),
            not_found: read(&folder, "handmade/error_404_order.json"),
            duplicate: read(&folder, "handmade/error_422_client_order_id.json"),
            buying_power: read(&folder, "handmade/error_403_buying_power.json"),
            unauthorized: read(&folder, "handmade/error_401.json"),
            too_many: read(&folder, "handmade/error_429.json"),
        }
    }
}
