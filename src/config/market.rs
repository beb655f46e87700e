//! What can be set of market data: its vendors, in which order they are asked for each kind, what a sync fetches, and
//! prices as they happen.

use std::collections::BTreeMap;

use crate::domain::Exchange;
use crate::domain::vendor::{DataKind, SYNC_KINDS, VendorId};

/// In which order vendors are asked: one order for all, and those of kinds that have their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorOrder {
    /// Where a kind has no order of its own.
    pub general: Vec<VendorId>,
    own: BTreeMap<DataKind, Vec<VendorId>>,
}

impl Default for VendorOrder {
    fn default() -> Self {
        let general = vec![VendorId::Polygon, VendorId::Yahoo, VendorId::AlphaVantage, VendorId::Asx];
        Self { general, own: BTreeMap::new() }
    }
}

impl VendorOrder {
    /// The order of a kind, with or without one of its own. Whole days of a market, splits and dividends go with prices.
    pub fn of(&self, kind: DataKind) -> &[VendorId] {
        self.own_of(kind).unwrap_or(&self.general)
    }

    /// The own order of a kind.
    pub fn own_of(&self, kind: DataKind) -> Option<&[VendorId]> {
        let kind = match kind {
            DataKind::GroupedDaily | DataKind::Actions => DataKind::Daily,
            other => other,
        };
        self.own.get(&kind).map(Vec::as_slice)
    }

    /// Gives a kind an order of its own, or none when it is empty.
    pub fn set(&mut self, kind: DataKind, order: Vec<VendorId>) {
        if order.is_empty() {
            self.own.remove(&kind);
        } else {
            self.own.insert(kind, order);
        }
    }
}

/// Names of vendors with commas between, each at most once.
pub(super) fn vendors_of(text: &str) -> Option<Vec<VendorId>> {
    let mut order = Vec::new();
    for name in text.split(',') {
        let vendor = name.trim().parse().ok()?;
        if order.contains(&vendor) {
            return None;
        }
        order.push(vendor);
    }
    Some(order)
}

/// Kinds of data that a sync fetches, with commas between, each at most once.
pub(super) fn kinds_of(text: &str) -> Option<Vec<DataKind>> {
    let mut kinds = Vec::new();
    for word in text.split(',') {
        let (_, kind) = SYNC_KINDS.iter().find(|(known, _)| *known == word.trim())?;
        if kinds.contains(kind) {
            return None;
        }
        kinds.push(*kind);
    }
    Some(kinds)
}

/// As they are written.
pub(super) fn kind_words(kinds: &[DataKind]) -> String {
    kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(",")
}

/// As they are written.
pub(super) fn vendor_words(order: &[VendorId]) -> String {
    order.iter().map(|vendor| vendor.as_str()).collect::<Vec<_>>().join(",")
}

/// Where prices come from as they happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSetting {
    /// Who sends them.
    pub vendor: LiveVendor,
    /// Where Polygon's stream is.
    pub url: String,
    /// The recorded file to be replayed.
    pub file: String,
    /// Seconds of the file in a second.
    pub speed: u32,
    /// Where the instruments of the file trade.
    pub exchange: Exchange,
    /// Seconds between two rounds in which prices are asked for that no stream tells.
    pub poll_seconds: u32,
}

/// Who sends prices as they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiveVendor {
    /// Nobody.
    #[default]
    None,
    /// Polygon's WebSocket.
    Polygon,
    /// The replay of a recorded file.
    Ticks,
    /// Nobody: last prices are asked for in rounds.
    Polled,
}

impl LiveVendor {
    pub(super) const ALL: [LiveVendor; 4] =
        [LiveVendor::None, LiveVendor::Polygon, LiveVendor::Ticks, LiveVendor::Polled];
    pub(super) const WORDS: [&'static str; 4] = ["none", "polygon", "ticks", "polled"];

    /// The word used in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            LiveVendor::None => "none",
            LiveVendor::Polygon => "polygon",
            LiveVendor::Ticks => "ticks",
            LiveVendor::Polled => "polled",
        }
    }
}

impl Default for LiveSetting {
    fn default() -> Self {
        Self {
            vendor: LiveVendor::None,
            url: "https://socket.massive.com".to_owned(),
            file: String::new(),
            speed: 1,
            exchange: Exchange::Xnys,
            poll_seconds: 60,
        }
    }
}

/// What can be set of one vendor of market data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorSetting {
    /// Its address.
    pub url: String,
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Requests a minute that the plan allows; 0: those of the smallest plan.
    pub per_minute: u32,
    /// Requests a day that the plan allows; 0: those of the smallest plan.
    pub per_day: u32,
}

impl VendorSetting {
    fn at(url: &str) -> Self {
        Self { url: url.to_owned(), enabled: true, per_minute: 0, per_day: 0 }
    }
}

/// The settings of every vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorTable {
    /// Alpha Vantage.
    pub alpha_vantage: VendorSetting,
    /// Yahoo Finance.
    pub yahoo: VendorSetting,
    /// Polygon.
    pub polygon: VendorSetting,
    /// ASX.
    pub asx: VendorSetting,
}

impl VendorTable {
    /// Those of one vendor.
    pub const fn of(&self, vendor: VendorId) -> &VendorSetting {
        match vendor {
            VendorId::AlphaVantage => &self.alpha_vantage,
            VendorId::Yahoo => &self.yahoo,
            VendorId::Polygon => &self.polygon,
            VendorId::Asx => &self.asx,
        }
    }
}

impl Default for VendorTable {
    fn default() -> Self {
        Self {
            alpha_vantage: VendorSetting::at("https://www.alphavantage.co"),
            yahoo: VendorSetting::at("https://query2.finance.yahoo.com"),
            polygon: VendorSetting::at("https://api.massive.com"),
            asx: VendorSetting::at("https://asx.api.markitdigital.com"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_without_an_order_of_its_own_has_the_general_one_and_prices_lend_theirs() {
        let mut order = VendorOrder::default();
        order.set(DataKind::Daily, vec![VendorId::Yahoo]);
        assert_eq!(order.of(DataKind::News), order.general);
        for kind in [DataKind::Daily, DataKind::GroupedDaily, DataKind::Actions] {
            assert_eq!(order.of(kind), [VendorId::Yahoo], "{kind}");
        }
        order.set(DataKind::Daily, Vec::new());
        assert_eq!(order.of(DataKind::Daily), order.general);
    }

    #[test]
    fn an_order_names_every_vendor_once() {
        assert_eq!(vendors_of("asx, yahoo"), Some(vec![VendorId::Asx, VendorId::Yahoo]));
        for text in ["", "yahoo,yahoo", "goggle", "yahoo,"] {
            assert_eq!(vendors_of(text), None, "{text}");
        }
    }

    #[test]
    fn kinds_of_a_sync_have_their_words_once() {
        assert_eq!(kinds_of("prices, news"), Some(vec![DataKind::Daily, DataKind::News]));
        for text in ["", "news,news", "daily", "prices,"] {
            assert_eq!(kinds_of(text), None, "{text}");
        }
    }
}
