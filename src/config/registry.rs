//! The table of settings: key, kind, meaning, and how a value gets into and out of [`Settings`].

use std::str::FromStr;

use super::market::{LiveVendor, kind_words, kinds_of, vendor_words, vendors_of};
use super::settings::{Settings, UpDown};
use super::tiers::{TIERS_EXPECTED, tier_words, tiers_of};
use crate::domain::vendor::{ALPACA_HOSTS, DataKind, STREAM_HOSTS, SYNC_KINDS, VendorId};
use crate::domain::venue::LimitFill;
use crate::domain::{Address, Capability, CleanText, Money, Price, Ratio};

/// What kind of value a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number, both bounds included.
    Integer {
        /// Least.
        min: u32,
        /// Largest.
        max: u32,
    },
    /// A plain decimal of zero or more.
    Decimal,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A name.
    Name,
    /// A web address: one of these hosts, or this machine.
    Address(&'static [&'static str]),
    /// A path of a file, or nothing.
    File,
    /// Names of vendors of market data, each at most once, with commas between them.
    Vendors,
    /// The same, or nothing for the general order.
    VendorsOfKind,
    /// Kinds of data that a sync fetches, each at most once, with commas between them.
    SyncKinds,
    /// Tiers of a fee.
    FeeTiers,
}

impl Kind {
    /// What would do, in words.
    pub fn expected(self) -> String {
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Decimal => "a plain decimal of zero or more, such as 0.005".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Address(_) => "an address such as https://127.0.0.1:8443".to_owned(),
            Kind::File => "a path of a file".to_owned(),
            Kind::Vendors => VENDORS_EXPECTED.to_owned(),
            Kind::VendorsOfKind => format!("{VENDORS_EXPECTED}, or nothing for the order of sync.vendors"),
            Kind::SyncKinds => {
                let words: Vec<&str> = SYNC_KINDS.iter().map(|(word, _)| *word).collect();
                format!("kinds of data ({}), each once, with commas between", words.join(", "))
            }
            Kind::FeeTiers => TIERS_EXPECTED.to_owned(),
            Kind::Name => "a name of letters, digits, - and _".to_owned(),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Key in the file; a dot stands for a table.
    pub key: &'static str,
    /// Kind of value.
    pub kind: Kind,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// What a person must be allowed to do to change it.
    pub needs: Capability,
    write: fn(&mut Settings, &str) -> Option<()>,
    show: fn(&Settings) -> String,
}

impl Setting {
    /// Its value as text.
    pub fn value(&self, settings: &Settings) -> String {
        (self.show)(settings)
    }

    /// Its default as text.
    pub fn default_value(&self) -> String {
        self.value(&Settings::default())
    }

    /// Puts a value given as text into `settings`; says what would do when it will not.
    pub fn apply(&self, settings: &mut Settings, text: &str) -> Result<(), String> {
        let bounded = match self.kind {
            Kind::Integer { min, max } => text.parse::<u32>().is_ok_and(|n| (min..=max).contains(&n)),
            Kind::Choice(words) => words.contains(&text),
            Kind::Name => {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.chars().all(plain)
            }
            Kind::Address(hosts) => {
                Address::parse(text, hosts).map_err(|refused| refused.to_string())?;
                text.len() <= ADDRESS_BYTES_MAX
            }
            Kind::Decimal => !text.starts_with('-'),
            Kind::File => text.len() <= FILE_BYTES_MAX && !text.chars().any(char::is_control),
            Kind::Bool | Kind::Vendors | Kind::VendorsOfKind | Kind::SyncKinds | Kind::FeeTiers => true,
        };
        let done = if bounded { (self.write)(settings, text) } else { None };
        done.ok_or_else(|| format!("'{}' will not do; give {}", CleanText::new(text), self.kind.expected()))
    }
}

/// What an order of vendors is, in words.
const VENDORS_EXPECTED: &str =
    "names of vendors (alpha_vantage, yahoo, polygon, asx), each once, with commas between";

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Longest address, in bytes.
const ADDRESS_BYTES_MAX: usize = 256;
/// Longest path of a file, in bytes.
const FILE_BYTES_MAX: usize = 4_096;

/// Basis points in a whole.
const BPS: i64 = 10_000;

fn write<T: FromStr>(slot: &mut T, text: &str) -> Option<()> {
    *slot = text.parse().ok()?;
    Some(())
}

fn write_bps(slot: &mut Ratio, text: &str) -> Option<()> {
    *slot = bps(text)?;
    Some(())
}

/// A share given in basis points: at most one, with no more digits than can be kept.
pub(super) fn bps(text: &str) -> Option<Ratio> {
    let bps: Ratio = text.parse().ok()?;
    let share = Ratio::from_raw(bps.raw() / BPS);
    (bps.raw() % BPS == 0 && share <= ONE).then_some(share)
}

pub(super) fn show_bps(ratio: Ratio) -> String {
    Ratio::from_raw(ratio.raw().saturating_mul(BPS)).to_string()
}

const ONE: Ratio = Ratio::from_raw(Ratio::ONE_RAW);

macro_rules! vendor_url {
    ($vendor:ident, $id:ident, $name:literal) => {
        Setting {
            key: concat!("vendors.", stringify!($vendor), ".url"),
            kind: Kind::Address(VendorId::$id.hosts()),
            doc: concat!("Address of ", $name, ": its own host or a loopback address."),
            needs: Capability::Administer,
            write: |s, t| write(&mut s.vendors.$vendor.url, t),
            show: |s| s.vendors.$vendor.url.clone(),
        }
    };
}

macro_rules! vendor_enabled {
    ($vendor:ident, $name:literal) => {
        Setting {
            key: concat!("vendors.", stringify!($vendor), ".enabled"),
            kind: Kind::Bool,
            doc: concat!("Whether ", $name, " is asked for market data."),
            needs: Capability::ManageData,
            write: |s, t| write(&mut s.vendors.$vendor.enabled, t),
            show: |s| s.vendors.$vendor.enabled.to_string(),
        }
    };
}

macro_rules! vendor_rate {
    ($vendor:ident, $field:ident, $window:literal, $name:literal) => {
        Setting {
            key: concat!("vendors.", stringify!($vendor), ".", stringify!($field)),
            kind: Kind::Integer { min: 0, max: 1_000_000 },
            doc: concat!(
                "Requests a ",
                $window,
                " that your plan at ",
                $name,
                " allows; 0: the smallest plan's."
            ),
            needs: Capability::ManageData,
            write: |s, t| write(&mut s.vendors.$vendor.$field, t),
            show: |s| s.vendors.$vendor.$field.to_string(),
        }
    };
}

macro_rules! vendors_for {
    ($word:literal, $kind:ident) => {
        Setting {
            key: concat!("sync.vendors_for.", $word),
            kind: Kind::VendorsOfKind,
            doc: concat!(
                "Vendors in the order in which they are asked for ",
                $word,
                "; nothing: as sync.vendors."
            ),
            needs: Capability::ManageData,
            write: |s, t| {
                let order = if t.is_empty() { Vec::new() } else { vendors_of(t)? };
                s.sync_vendors.set(DataKind::$kind, order);
                Some(())
            },
            show: |s| s.sync_vendors.own_of(DataKind::$kind).map(vendor_words).unwrap_or_default(),
        }
    };
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "theme",
        kind: Kind::Name,
        doc: "Theme of the terminal.",
        needs: Capability::ViewMarket,
        write: |s, t| write(&mut s.theme, t),
        show: |s| s.theme.clone(),
    },
    Setting {
        key: "ascii",
        kind: Kind::Bool,
        doc: "Draw with ASCII characters only.",
        needs: Capability::ViewMarket,
        write: |s, t| write(&mut s.ascii, t),
        show: |s| s.ascii.to_string(),
    },
    Setting {
        key: "colors",
        kind: Kind::Choice(&UpDown::WORDS),
        doc: "Colours of rising and falling prices.",
        needs: Capability::ViewMarket,
        write: |s, t| {
            s.colors =
                [UpDown::GreenUp, UpDown::RedUp, UpDown::BlueUp].into_iter().find(|c| c.as_str() == t)?;
            Some(())
        },
        show: |s| s.colors.as_str().to_owned(),
    },
    Setting {
        key: "idle_lock_minutes",
        kind: Kind::Integer { min: 1, max: 480 },
        doc: "Minutes without a key after which the workstation locks.",
        needs: Capability::Administer,
        write: |s, t| write(&mut s.idle_lock_minutes, t),
        show: |s| s.idle_lock_minutes.to_string(),
    },
    Setting {
        key: "simulation.speed",
        kind: Kind::Integer { min: 0, max: 3_600 },
        doc: "Simulated seconds that pass in a second; 0 starts paused.",
        needs: Capability::ManageData,
        write: |s, t| write(&mut s.simulation_speed, t),
        show: |s| s.simulation_speed.to_string(),
    },
    Setting {
        key: "paper.fee_per_share",
        kind: Kind::Decimal,
        doc: "Fee of a paper fill per share, in the account's currency.",
        needs: Capability::Administer,
        write: |s, t| write::<Price>(&mut s.venue.fee.per_share, t),
        show: |s| s.venue.fee.per_share.to_string(),
    },
    Setting {
        key: "paper.fee_min",
        kind: Kind::Decimal,
        doc: "Least fee of a paper order, in the account's currency.",
        needs: Capability::Administer,
        write: |s, t| write::<Money>(&mut s.venue.fee.min, t),
        show: |s| s.venue.fee.min.to_string(),
    },
    Setting {
        key: "paper.fee_bps",
        kind: Kind::Decimal,
        doc: "Fee of a paper fill in basis points of its value.",
        needs: Capability::Administer,
        write: |s, t| write_bps(&mut s.venue.fee.rate, t),
        show: |s| show_bps(s.venue.fee.rate),
    },
    Setting {
        key: "paper.fee_max_bps",
        kind: Kind::Decimal,
        doc: "Largest fee of a paper order in basis points of its value, even below paper.fee_min; 0 is no bound.",
        needs: Capability::Administer,
        write: |s, t| write_bps(&mut s.venue.fee.max_rate, t),
        show: |s| show_bps(s.venue.fee.max_rate),
    },
    Setting {
        key: "paper.fee_tiers",
        kind: Kind::FeeTiers,
        doc: "Fees per share (and basis points) that take the place of paper.fee_per_share and paper.fee_bps from so many \
              shares on that the account has filled in the calendar month, such as 300000:0.002, 3000000:0.0015.",
        needs: Capability::Administer,
        write: |s, t| {
            s.venue.fee.tiers = tiers_of(t)?;
            Some(())
        },
        show: |s| tier_words(&s.venue.fee.tiers),
    },
    Setting {
        key: "paper.sell_fee_per_share",
        kind: Kind::Decimal,
        doc: "What regulators levy per share sold, on top of the fee, in the account's currency.",
        needs: Capability::Administer,
        write: |s, t| write::<Price>(&mut s.venue.fee.sell_per_share, t),
        show: |s| s.venue.fee.sell_per_share.to_string(),
    },
    Setting {
        key: "paper.sell_fee_bps",
        kind: Kind::Decimal,
        doc: "What regulators levy on the value of a sale, on top of the fee, in basis points.",
        needs: Capability::Administer,
        write: |s, t| write_bps(&mut s.venue.fee.sell_rate, t),
        show: |s| show_bps(s.venue.fee.sell_rate),
    },
    Setting {
        key: "paper.slippage_bps",
        kind: Kind::Decimal,
        doc: "Slippage of market orders on bars, in basis points of the price.",
        needs: Capability::Administer,
        write: |s, t| write_bps(&mut s.venue.slippage, t),
        show: |s| show_bps(s.venue.slippage),
    },
    Setting {
        key: "paper.slippage_ticks",
        kind: Kind::Integer { min: 0, max: 1_000 },
        doc: "Ticks of slippage of market orders on bars, on top of the basis points.",
        needs: Capability::Administer,
        write: |s, t| write(&mut s.venue.slippage_ticks, t),
        show: |s| s.venue.slippage_ticks.to_string(),
    },
    Setting {
        key: "paper.volume_impact",
        kind: Kind::Decimal,
        doc: "How far taking all of a bar's volume would move its price, as a share of the price (0.1 is common); an \
              order that takes a part of it slips by the square of that part. Below 1; 0 is none.",
        needs: Capability::Administer,
        write: |s, t| {
            write(&mut s.venue.volume_impact, t)?;
            (s.venue.volume_impact < ONE).then_some(())
        },
        show: |s| s.venue.volume_impact.to_string(),
    },
    Setting {
        key: "paper.participation",
        kind: Kind::Decimal,
        doc: "Share of a bar's volume that paper fills may take together, above 0 and at most 1.",
        needs: Capability::Administer,
        write: |s, t| {
            write(&mut s.venue.participation, t)?;
            (s.venue.participation.is_positive() && s.venue.participation <= ONE).then_some(())
        },
        show: |s| s.venue.participation.to_string(),
    },
    Setting {
        key: "paper.settlement_days",
        kind: Kind::Integer { min: 0, max: 5 },
        doc: "Sessions after which the proceeds of a sale settle.",
        needs: Capability::Administer,
        write: |s, t| write(&mut s.venue.settlement_days, t),
        show: |s| s.venue.settlement_days.to_string(),
    },
    Setting {
        key: "paper.borrow_rate",
        kind: Kind::Decimal,
        doc: "Yearly fee for borrowed shares as a share of their value (act/360), below 1; an instrument may have its own.",
        needs: Capability::Administer,
        write: |s, t| {
            write(&mut s.venue.borrow_rate, t)?;
            (s.venue.borrow_rate < ONE).then_some(())
        },
        show: |s| s.venue.borrow_rate.to_string(),
    },
    Setting {
        key: "paper.limit_fill",
        kind: Kind::Choice(&["through", "touch", "chance"]),
        doc: "Whether a limit order fills where the market goes through its price, only touches it, or touches it and \
              has the luck of paper.limit_chance.",
        needs: Capability::Administer,
        write: |s, t| {
            s.venue.limit_fill = match t {
                "touch" => LimitFill::Touch,
                "chance" => LimitFill::Chance,
                _ => LimitFill::Through,
            };
            Some(())
        },
        show: |s| match s.venue.limit_fill {
            LimitFill::Through => "through".to_owned(),
            LimitFill::Touch => "touch".to_owned(),
            LimitFill::Chance => "chance".to_owned(),
        },
    },
    Setting {
        key: "paper.limit_chance",
        kind: Kind::Decimal,
        doc: "Chance of a fill at the limit itself where paper.limit_fill is chance, from 0 to 1.",
        needs: Capability::Administer,
        write: |s, t| {
            write(&mut s.venue.limit_chance, t)?;
            (s.venue.limit_chance <= ONE).then_some(())
        },
        show: |s| s.venue.limit_chance.to_string(),
    },
    Setting {
        key: "paper.latency_ms",
        kind: Kind::Integer { min: 0, max: 60_000 },
        doc: "Milliseconds between giving a paper order and its reaching the market.",
        needs: Capability::Administer,
        write: |s, t| write(&mut s.venue.latency_ms, t),
        show: |s| s.venue.latency_ms.to_string(),
    },
    Setting {
        key: "paper.stale_after_ms",
        kind: Kind::Integer { min: 0, max: 86_400_000 },
        doc: "Age in milliseconds from which a quote no longer fills a paper order; 0 is never. The simulated market's \
              quotes stand until the next one.",
        needs: Capability::Administer,
        write: |s, t| {
            let ms: u32 = t.parse().ok()?;
            s.venue.stale_after_ms = (ms > 0).then_some(ms);
            Some(())
        },
        show: |s| s.venue.stale_after_ms.unwrap_or(0).to_string(),
    },
    Setting {
        key: "vendors.alpaca.url",
        kind: Kind::Address(ALPACA_HOSTS),
        doc: "Address of Alpaca's paper trading: its own host or a loopback address.",
        needs: Capability::Administer,
        write: |s, t| write(&mut s.alpaca_url, t),
        show: |s| s.alpaca_url.clone(),
    },
    Setting {
        key: "sync.vendors",
        kind: Kind::Vendors,
        doc: "Vendors in the order in which they are asked; the next one is asked when one cannot.",
        needs: Capability::ManageData,
        write: |s, t| {
            s.sync_vendors.general = vendors_of(t)?;
            Some(())
        },
        show: |s| vendor_words(&s.sync_vendors.general),
    },
    vendors_for!("prices", Daily),
    vendors_for!("minutes", Minutes),
    vendors_for!("quotes", Quotes),
    vendors_for!("fundamentals", Fundamentals),
    vendors_for!("news", News),
    vendors_for!("listings", Directory),
    vendors_for!("search", Search),
    Setting {
        key: "sync.auto",
        kind: Kind::Bool,
        doc: "Sync again after each session's close what was synced before, while the workstation is open.",
        needs: Capability::ManageData,
        write: |s, t| write(&mut s.sync_auto, t),
        show: |s| s.sync_auto.to_string(),
    },
    Setting {
        key: "sync.kinds",
        kind: Kind::SyncKinds,
        doc: "Kinds of data that are synced after each close, in this order, such as prices,news.",
        needs: Capability::ManageData,
        write: |s, t| {
            s.sync_kinds = kinds_of(t)?;
            Some(())
        },
        show: |s| kind_words(&s.sync_kinds),
    },
    Setting {
        key: "live.vendor",
        kind: Kind::Choice(&LiveVendor::WORDS),
        doc: "Who sends prices as they happen: nobody, Polygon's stream, or the replay of a recorded file; polled asks the \
              vendors of quotes for last prices in rounds.",
        needs: Capability::ManageData,
        write: |s, t| {
            s.live.vendor = LiveVendor::ALL.into_iter().find(|vendor| vendor.as_str() == t)?;
            Some(())
        },
        show: |s| s.live.vendor.as_str().to_owned(),
    },
    Setting {
        key: "live.url",
        kind: Kind::Address(STREAM_HOSTS),
        doc: "Address of Polygon's stream: real-time, delayed (https://delayed.massive.com) or loopback.",
        needs: Capability::ManageData,
        write: |s, t| write(&mut s.live.url, t),
        show: |s| s.live.url.clone(),
    },
    Setting {
        key: "live.file",
        kind: Kind::File,
        doc: "The recorded file of ticks that is replayed.",
        needs: Capability::ManageData,
        write: |s, t| write(&mut s.live.file, t),
        show: |s| s.live.file.clone(),
    },
    Setting {
        key: "live.speed",
        kind: Kind::Integer { min: 0, max: 100_000 },
        doc: "Seconds of the recorded file in a second; 0 is as fast as it can be read.",
        needs: Capability::ManageData,
        write: |s, t| write(&mut s.live.speed, t),
        show: |s| s.live.speed.to_string(),
    },
    Setting {
        key: "live.exchange",
        kind: Kind::Choice(&["XNYS", "XASX"]),
        doc: "Exchange on which the instruments of the recorded file trade.",
        needs: Capability::ManageData,
        write: |s, t| write(&mut s.live.exchange, t),
        show: |s| s.live.exchange.to_string(),
    },
    Setting {
        key: "live.poll_seconds",
        kind: Kind::Integer { min: 10, max: 3_600 },
        doc: "Seconds between two rounds in which last prices are asked for that no stream tells.",
        needs: Capability::ManageData,
        write: |s, t| write(&mut s.live.poll_seconds, t),
        show: |s| s.live.poll_seconds.to_string(),
    },
    vendor_url!(alpha_vantage, AlphaVantage, "Alpha Vantage"),
    vendor_enabled!(alpha_vantage, "Alpha Vantage"),
    vendor_rate!(alpha_vantage, per_minute, "minute", "Alpha Vantage"),
    vendor_rate!(alpha_vantage, per_day, "day", "Alpha Vantage"),
    vendor_url!(yahoo, Yahoo, "Yahoo Finance"),
    vendor_enabled!(yahoo, "Yahoo Finance"),
    vendor_rate!(yahoo, per_minute, "minute", "Yahoo Finance"),
    vendor_rate!(yahoo, per_day, "day", "Yahoo Finance"),
    vendor_url!(polygon, Polygon, "Polygon"),
    vendor_enabled!(polygon, "Polygon"),
    vendor_rate!(polygon, per_minute, "minute", "Polygon"),
    vendor_rate!(polygon, per_day, "day", "Polygon"),
    vendor_url!(asx, Asx, "the Australian exchange's site"),
    vendor_enabled!(asx, "the Australian exchange's site"),
    vendor_rate!(asx, per_minute, "minute", "the Australian exchange's site"),
    vendor_rate!(asx, per_day, "day", "the Australian exchange's site"),
];

/// The row of a key.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|s| s.key == key)
}
