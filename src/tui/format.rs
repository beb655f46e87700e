//! Numbers, times and text as people read them: one place, so that a figure looks the same in every pane.
//!
//! Money carries thousands separators, percentages a sign, ages one unit. Text is measured in terminal cells
//! (East Asian characters are two wide) and cut by cells, never in the middle of a character. What is unknown is
//! shown as [`MISSING`], never as zero. Nothing here reads a clock.

use chrono::{Duration, NaiveDateTime};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{Money, Price, Quantity, Ratio, UnixNanos, Volume};
use crate::service::view::DataState;

/// Shown where a figure is unknown.
pub const MISSING: &str = "-";

/// Farthest a zone may be from UTC, in minutes.
const ZONE_OFFSET_MAX_MINUTES: i64 = 14 * 60;

/// Width of `text` in terminal cells.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` cut to at most `cells`; a cut is marked with `…` (`~` in ASCII).
pub fn truncate(text: &str, cells: usize, ascii: bool) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let Some(room) = cells.checked_sub(1) else { return String::new() };
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w > room {
            break;
        }
        used += w;
        out.push(c);
    }
    out.push(if ascii { '~' } else { '…' });
    out
}

/// `text` cut to `cells` and filled with spaces on the right.
pub fn pad_right(text: &str, cells: usize, ascii: bool) -> String {
    let mut out = truncate(text, cells, ascii);
    let missing = cells.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// `text` cut to `cells` and filled with spaces on the left.
pub fn pad_left(text: &str, cells: usize, ascii: bool) -> String {
    let out = truncate(text, cells, ascii);
    let missing = cells.saturating_sub(width(&out));
    format!("{}{out}", " ".repeat(missing))
}

/// Digits of a whole number in groups of three.
pub fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `raw / 10^scale` rounded half away from zero to `places` digits, with thousands separators.
fn decimal(raw: i64, scale: u32, places: u32) -> String {
    let places = places.min(scale);
    let unit = 10_u64.pow(scale - places);
    let rounded = (raw.unsigned_abs() + unit / 2) / unit;
    let whole = 10_u64.pow(places);
    let sign = if raw < 0 && rounded > 0 { "-" } else { "" };
    let head = grouped(&(rounded / whole).to_string());
    if places == 0 {
        return format!("{sign}{head}");
    }
    format!("{sign}{head}.{:0w$}", rounded % whole, w = places as usize)
}

/// A leading `+` on what is above zero.
fn signed(text: String, positive: bool) -> String {
    if positive && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) { format!("+{text}") } else { text }
}

/// Money with two digits: `1,234,567.89`.
pub fn money(value: Money) -> String {
    decimal(value.raw(), 6, 2)
}

/// Money in whole units: `1,234,568`.
pub fn money_whole(value: Money) -> String {
    decimal(value.raw(), 6, 0)
}

/// Money with two digits and a sign.
pub fn money_signed(value: Money) -> String {
    signed(money(value), value.is_positive())
}

/// Money in whole units with a sign.
pub fn money_whole_signed(value: Money) -> String {
    signed(money_whole(value), value.is_positive())
}

/// A price: two digits, or as many as it needs up to four (six below one).
pub fn price(value: Price) -> String {
    let most = if value.raw().unsigned_abs() < Price::ONE_RAW.unsigned_abs() { 6 } else { 4 };
    let needed = (2..most).find(|p| value.raw() % 10_i64.pow(9 - p) == 0).unwrap_or(most);
    decimal(value.raw(), 9, needed)
}

/// A price that was reckoned and lies on no tick, such as an adjusted one: two digits, four below one.
pub fn price_rounded(value: Price) -> String {
    let below_one = value.raw().unsigned_abs() < Price::ONE_RAW.unsigned_abs();
    decimal(value.raw(), 9, if below_one { 4 } else { 2 })
}

/// A price with the digits of its tick.
pub fn price_on_tick(value: Price, tick: Price) -> String {
    let places = (0..9).find(|p| tick.raw() % 10_i64.pow(9 - p) == 0).unwrap_or(9);
    decimal(value.raw(), 9, places.max(2))
}

/// How many digits the values of an expression need: the same for a whole column, so that they line up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    places: usize,
    large: bool,
}

impl Figures {
    /// Most digits behind the point.
    const PLACES_MAX: f64 = 9.0;
    /// Values from which figures are shortened (`12.3M`).
    const LARGE: f64 = 1e7;

    /// The digits that these values need.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let largest =
            values.into_iter().filter(|v| v.is_finite()).fold(0.0, |most: f64, v| most.max(v.abs()));
        if largest >= Self::LARGE {
            return Self { places: 0, large: true };
        }
        let scale = if largest > 0.0 { libm::ceil(libm::log10(largest)) } else { 0.0 };
        let significant = if largest < 1.0 { 4.0 } else { 5.0 };
        Self { places: (significant - scale).clamp(0.0, Self::PLACES_MAX) as usize, large: false }
    }

    /// Fewer digits, so that both ends of a scale fit into some cells.
    pub fn fitting(low: f64, high: f64, cells: usize) -> Self {
        let mut figures = Self::of([low, high]);
        let wide = |f: Self| width(&f.show(low)).max(width(&f.show(high)));
        while figures.places > 0 && wide(figures) > cells {
            figures.places -= 1;
        }
        figures
    }

    /// A value; infinity keeps its name.
    pub fn show(self, value: f64) -> String {
        if value.is_nan() {
            return MISSING.to_owned();
        }
        if value.is_infinite() {
            return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
        }
        if self.large {
            let sign = if value < 0.0 { "-" } else { "" };
            return format!("{sign}{}", compact(value.abs()));
        }
        let places = self.places;
        let text = format!("{value:.places$}");
        if text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            text
        } else {
            text.trim_start_matches('-').to_owned()
        }
    }
}

/// An optional price.
pub fn price_or_missing(value: Option<Price>) -> String {
    value.map_or_else(|| MISSING.to_owned(), price)
}

/// Shares with thousands separators; a fraction only where there is one.
pub fn quantity(value: Quantity) -> String {
    let places = (0..9).find(|p| value.raw() % 10_i64.pow(9 - p) == 0).unwrap_or(9);
    decimal(value.raw(), 9, places)
}

/// A share as a percentage with a sign and two digits: `+1.12%`.
pub fn percent_signed(value: Ratio) -> String {
    let text = decimal(value.raw(), 7, 2);
    format!("{}%", signed(text, value.is_positive()))
}

/// A share as a percentage with one digit: `14.6%`.
pub fn percent(value: Ratio) -> String {
    format!("{}%", decimal(value.raw(), 7, 1))
}

/// A share held as a float as a whole percentage: `0.934` is `93%`. Not finite is [`MISSING`].
pub fn percent_float(value: f64) -> String {
    if value.is_finite() { format!("{:.0}%", value * 100.0) } else { MISSING.to_owned() }
}

/// A score with a sign and two digits.
pub fn score(value: f64) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let text = format!("{value:+.2}");
    if text == "-0.00" || text == "+0.00" { "0.00".to_owned() } else { text }
}

/// A volume in three digits and a unit: `980`, `12.4K`, `41.2M`, `217M`, `1.32B`.
pub fn volume(value: Volume) -> String {
    compact(value.to_f64())
}

/// A number in about three digits and a unit.
pub fn compact(value: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")];
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let magnitude = value.abs();
    for (unit, name) in UNITS {
        let shown = value / unit;
        if magnitude >= unit {
            let places = match shown.abs() {
                s if s < 9.995 => 2,
                s if s < 99.95 => 1,
                _ => 0,
            };
            return format!("{shown:.places$}{name}");
        }
    }
    format!("{value:.0}")
}

/// How long ago in one unit: `1s`, `20m`, `5h`, `3d`. What lies ahead is `0s`.
pub fn age(now: UnixNanos, then: UnixNanos) -> String {
    let seconds = now.since(then).max(0) / NANOS_PER_SECOND;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Whether a number is above, below or at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Above zero.
    Up,
    /// Below zero.
    Down,
    /// Zero.
    Flat,
}

impl Direction {
    /// Of a raw scaled integer.
    pub const fn of(raw: i64) -> Self {
        match raw {
            0 => Direction::Flat,
            1.. => Direction::Up,
            _ => Direction::Down,
        }
    }

    /// The arrow that goes with the colour.
    pub const fn arrow(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Direction::Up, false) => "▲",
            (Direction::Down, false) => "▼",
            (Direction::Up, true) => "^",
            (Direction::Down, true) => "v",
            (Direction::Flat, _) => "=",
        }
    }
}

/// The clock by which times are shown: the exchange's where the screen tells it, else UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalClock {
    offset_minutes: i64,
    known: bool,
}

impl LocalClock {
    /// Reads the offset off the screen's market clock (`2017-12-29 16:00 New York`) and market time.
    pub fn of(data: &DataState) -> Self {
        let shown = data.market_clock.get(..16).unwrap_or("");
        let local = NaiveDateTime::parse_from_str(shown, "%Y-%m-%d %H:%M").ok();
        let offset = data.market_time.zip(local).map(|(time, local)| {
            let utc = time.to_datetime().naive_utc();
            let seconds = (local - utc).num_seconds();
            (seconds + 450).div_euclid(900) * 15
        });
        match offset.filter(|minutes| minutes.abs() <= ZONE_OFFSET_MAX_MINUTES) {
            Some(offset_minutes) => Self { offset_minutes, known: true },
            None => Self { offset_minutes: 0, known: false },
        }
    }

    /// UTC.
    pub const fn utc() -> Self {
        Self { offset_minutes: 0, known: false }
    }

    /// Word for a column title: `TIME`, or `UTC` when the exchange's clock is not known.
    pub const fn title(self) -> &'static str {
        if self.known { "TIME" } else { "UTC" }
    }

    fn local(self, time: UnixNanos) -> NaiveDateTime {
        let utc = time.to_datetime().naive_utc();
        utc.checked_add_signed(Duration::minutes(self.offset_minutes)).unwrap_or(utc)
    }

    /// Time of day: `14:46:08`.
    pub fn time(self, time: UnixNanos) -> String {
        self.local(time).format("%H:%M:%S").to_string()
    }

    /// Date and minute: `2017-12-29 16:00`.
    pub fn minute(self, time: UnixNanos) -> String {
        self.local(time).format("%Y-%m-%d %H:%M").to_string()
    }

    /// Date: `2017-12-29`.
    pub fn date(self, time: UnixNanos) -> String {
        self.local(time).format("%Y-%m-%d").to_string()
    }

    /// Time of day when it lies on the same day as `now`, month, day and minute otherwise.
    pub fn short(self, time: UnixNanos, now: Option<UnixNanos>) -> String {
        let today = now.is_some_and(|n| self.local(n).date() == self.local(time).date());
        if today { self.time(time) } else { self.local(time).format("%m-%d %H:%M").to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_has_separators_and_rounds_once() {
        let money_of = |t: &str| t.parse::<Money>().unwrap();
        assert_eq!(money(money_of("1234567.894")), "1,234,567.89");
        assert_eq!(money(money_of("-0.005")), "-0.01");
        assert_eq!(money(money_of("-0.001")), "0.00");
        assert_eq!(money_whole_signed(money_of("6404.4")), "+6,404");
        assert_eq!(money_signed(money_of("0.001")), "0.00");
        assert_eq!(money_whole(money_of("999.5")), "1,000");
    }

    #[test]
    fn values_of_a_column_share_their_digits() {
        let shown = |values: &[f64]| {
            let figures = Figures::of(values.iter().copied());
            values.iter().map(|v| figures.show(*v)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&[0.35, -0.012_34, -0.000_01]), ["0.3500", "-0.0123", "0.0000"]);
        assert_eq!(shown(&[35.0, 1.5, f64::INFINITY, f64::NAN]), ["35.000", "1.500", "inf", "-"]);
        assert_eq!(shown(&[12_345_678.0, -980.0]), ["12.3M", "-980"]);
        assert_eq!(shown(&[0.0]), ["0.0000"]);
    }

    #[test]
    fn prices_show_what_they_need() {
        let shown = |t: &str| price(t.parse().unwrap());
        assert_eq!(shown("231.4"), "231.40");
        assert_eq!(shown("44.105"), "44.105");
        assert_eq!(shown("0.00125"), "0.00125");
        assert_eq!(shown("12345.678912"), "12,345.6789");
        assert_eq!(price_rounded("41.5267".parse().unwrap()), "41.53");
        assert_eq!(price_rounded("0.41526".parse().unwrap()), "0.4153");
        assert_eq!(price_on_tick("44.1".parse().unwrap(), "0.005".parse().unwrap()), "44.100");
    }

    #[test]
    fn shares_of_one_become_percentages() {
        let ratio = |t: &str| t.parse::<Ratio>().unwrap();
        assert_eq!(percent_signed(ratio("0.0112")), "+1.12%");
        assert_eq!(percent_signed(ratio("-0.0031")), "-0.31%");
        assert_eq!(percent_signed(ratio("0.00001")), "0.00%");
        assert_eq!(percent(ratio("1.5")), "150.0%");
        assert_eq!(percent_float(0.934), "93%");
        assert_eq!(percent_float(f64::NAN), "-");
    }

    #[test]
    fn volumes_and_ages_are_short() {
        let volume_of = |t: &str| volume(t.parse().unwrap());
        assert_eq!(
            ["980", "12400", "41200000", "217000000"].map(volume_of),
            ["980", "12.4K", "41.2M", "217M"]
        );
        let at = UnixNanos::from_seconds;
        let ages = [1, 1_200, 7_200, 260_000].map(|s| age(at(300_000), at(300_000 - s)));
        assert_eq!(ages, ["1s", "20m", "2h", "3d"]);
        assert_eq!(age(at(0), at(5)), "0s");
    }

    #[test]
    fn wide_characters_count_two() {
        assert_eq!(truncate("東京電力", 5, false), "東京…");
        assert_eq!(truncate("東京電力", 4, false), "東…");
        assert_eq!(width(&pad_right("東京", 7, false)), 7);
        assert_eq!(truncate("abc", 0, false), "");
        assert_eq!(pad_left("abcdef", 4, true), "abc~");
    }

    #[test]
    fn the_clock_is_that_of_the_exchange() {
        let mut data = crate::tui::panes::fixture::screen().data;
        data.market_time = Some("2017-12-29T21:00:00Z".parse().unwrap());
        data.market_clock = "2017-12-29 16:00 New York".to_owned();
        let clock = LocalClock::of(&data);
        assert_eq!(clock.time("2017-12-29T15:31:10Z".parse().unwrap()), "10:31:10");
        data.market_clock = "unknown".to_owned();
        assert_eq!(LocalClock::of(&data), LocalClock::utc());
    }

    proptest! {
        #[test]
        fn padded_text_has_exactly_its_width(text in "\\PC{0,20}", cells in 0_usize..30) {
            prop_assert_eq!(width(&pad_right(&text, cells, false)), cells);
            prop_assert_eq!(width(&pad_left(&text, cells, true)), cells);
        }
    }
}
