//! The table of settings: key, kind, meaning, and how a value gets into and out of [`Settings`].

use std::str::FromStr;

use crate::domain::venue::{LimitFill, VenueModel};
use crate::domain::{CleanText, Money, Price, Ratio};

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
    const WORDS: [&'static str; 3] = ["green_up", "red_up", "blue_up"];

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
        }
    }
}

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
    /// A web address.
    Address,
}

impl Kind {
    /// What would do, in words.
    pub fn expected(self) -> String {
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Decimal => "a plain decimal of zero or more, such as 0.005".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Address => "an address such as https://127.0.0.1:8443".to_owned(),
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
            Kind::Address => {
                let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
                let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '@' | '?' | '#');
                text.len() <= ADDRESS_BYTES_MAX && rest.is_some_and(|r| !r.is_empty() && r.chars().all(plain))
            }
            Kind::Decimal => !text.starts_with('-'),
            Kind::Bool => true,
        };
        let done = if bounded { (self.write)(settings, text) } else { None };
        done.ok_or_else(|| format!("'{}' will not do; give {}", CleanText::new(text), self.kind.expected()))
    }
}

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Longest address, in bytes.
const ADDRESS_BYTES_MAX: usize = 256;

/// Basis points in a whole.
const BPS: i64 = 10_000;

fn write<T: FromStr>(slot: &mut T, text: &str) -> Option<()> {
    *slot = text.parse().ok()?;
    Some(())
}

fn write_bps(slot: &mut Ratio, text: &str) -> Option<()> {
    let bps: Ratio = text.parse().ok()?;
    *slot = Ratio::from_raw(bps.raw() / BPS);
    (bps.raw() % BPS == 0 && *slot <= ONE).then_some(())
}

fn show_bps(ratio: Ratio) -> String {
    Ratio::from_raw(ratio.raw().saturating_mul(BPS)).to_string()
}

const ONE: Ratio = Ratio::from_raw(Ratio::ONE_RAW);

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "theme",
        kind: Kind::Name,
        doc: "Theme of the terminal.",
        write: |s, t| write(&mut s.theme, t),
        show: |s| s.theme.clone(),
    },
    Setting {
        key: "ascii",
        kind: Kind::Bool,
        doc: "Draw with ASCII characters only.",
        write: |s, t| write(&mut s.ascii, t),
        show: |s| s.ascii.to_string(),
    },
    Setting {
        key: "colors",
        kind: Kind::Choice(&UpDown::WORDS),
        doc: "Colours of rising and falling prices.",
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
        write: |s, t| write(&mut s.idle_lock_minutes, t),
        show: |s| s.idle_lock_minutes.to_string(),
    },
    Setting {
        key: "simulation.speed",
        kind: Kind::Integer { min: 0, max: 3_600 },
        doc: "Simulated seconds that pass in a second; 0 starts paused.",
        write: |s, t| write(&mut s.simulation_speed, t),
        show: |s| s.simulation_speed.to_string(),
    },
    Setting {
        key: "paper.fee_per_share",
        kind: Kind::Decimal,
        doc: "Fee of a paper fill per share, in the account's currency.",
        write: |s, t| write::<Price>(&mut s.venue.fee.per_share, t),
        show: |s| s.venue.fee.per_share.to_string(),
    },
    Setting {
        key: "paper.fee_min",
        kind: Kind::Decimal,
        doc: "Least fee of a paper order, in the account's currency.",
        write: |s, t| write::<Money>(&mut s.venue.fee.min, t),
        show: |s| s.venue.fee.min.to_string(),
    },
    Setting {
        key: "paper.fee_bps",
        kind: Kind::Decimal,
        doc: "Fee of a paper fill in basis points of its value.",
        write: |s, t| write_bps(&mut s.venue.fee.rate, t),
        show: |s| show_bps(s.venue.fee.rate),
    },
    Setting {
        key: "paper.slippage_bps",
        kind: Kind::Decimal,
        doc: "Slippage of market orders on bars, in basis points of the price.",
        write: |s, t| write_bps(&mut s.venue.slippage, t),
        show: |s| show_bps(s.venue.slippage),
    },
    Setting {
        key: "paper.participation",
        kind: Kind::Decimal,
        doc: "Share of a bar's volume that paper fills may take together, above 0 and at most 1.",
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
        write: |s, t| write(&mut s.venue.settlement_days, t),
        show: |s| s.venue.settlement_days.to_string(),
    },
    Setting {
        key: "paper.borrow_rate",
        kind: Kind::Decimal,
        doc: "Yearly fee for borrowed shares as a share of their value (act/360), below 1.",
        write: |s, t| {
            write(&mut s.venue.borrow_rate, t)?;
            (s.venue.borrow_rate < ONE).then_some(())
        },
        show: |s| s.venue.borrow_rate.to_string(),
    },
    Setting {
        key: "paper.limit_fill",
        kind: Kind::Choice(&["through", "touch"]),
        doc: "Whether a limit order fills on a bar that goes through its price or only touches it.",
        write: |s, t| {
            s.venue.limit_fill = if t == "touch" { LimitFill::Touch } else { LimitFill::Through };
            Some(())
        },
        show: |s| match s.venue.limit_fill {
            LimitFill::Through => "through".to_owned(),
            LimitFill::Touch => "touch".to_owned(),
        },
    },
    Setting {
        key: "vendors.alpaca.url",
        kind: Kind::Address,
        doc: "Address of Alpaca's paper trading: its own host or a loopback address.",
        write: |s, t| write(&mut s.alpaca_url, t),
        show: |s| s.alpaca_url.clone(),
    },
];

/// The row of a key.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|s| s.key == key)
}
