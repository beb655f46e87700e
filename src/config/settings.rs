//! [`Settings`]: everything that can be set, with its value and its default.

use super::market::{LiveSetting, VendorOrder, VendorTable};
use crate::domain::vendor::DataKind;
use crate::domain::venue::VenueModel;

/// Colours of rising and falling prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpDown {
    /// Green rises, red falls.
    #[default]
    GreenUp,
    /// Red rises, green falls.
    RedUp,
    /// Blue rises, orange falls: safe for most colour-blind people.
    BlueUp,
}

impl UpDown {
    pub(super) const WORDS: [&'static str; 3] = ["green_up", "red_up", "blue_up"];

    /// The word used in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            UpDown::GreenUp => "green_up",
            UpDown::RedUp => "red_up",
            UpDown::BlueUp => "blue_up",
        }
    }
}

/// Everything that can be set, with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of the theme.
    pub theme: String,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// Colours of rising and falling prices.
    pub colors: UpDown,
    /// Minutes without a key after which the workstation locks.
    pub idle_lock_minutes: u32,
    /// Simulated seconds that pass in a second; 0 starts paused.
    pub simulation_speed: u32,
    /// Fees, slippage and participation of new paper fills.
    pub venue: VenueModel,
    /// Where Alpaca's paper trading is reached.
    pub alpaca_url: String,
    /// The vendors of market data.
    pub vendors: VendorTable,
    /// Which vendor is asked first, second and so on, for each kind of data.
    pub sync_vendors: VendorOrder,
    /// Whether what was synced before is synced again after each session's close.
    pub sync_auto: bool,
    /// What is synced then.
    pub sync_kinds: Vec<DataKind>,
    /// Prices as they happen.
    pub live: LiveSetting,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: "dark".to_owned(),
            ascii: false,
            colors: UpDown::default(),
            idle_lock_minutes: 15,
            simulation_speed: 20,
            venue: VenueModel::home(),
            alpaca_url: "https://paper-api.alpaca.markets".to_owned(),
            vendors: VendorTable::default(),
            sync_vendors: VendorOrder::default(),
            sync_auto: true,
            sync_kinds: vec![DataKind::Daily],
            live: LiveSetting::default(),
        }
    }
}
