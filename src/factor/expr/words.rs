//! The words of the language that are neither numbers nor series: groups, calendar periods, ways to sum them up.
//!
//! Each is a closed list with one spelling of ours and the spellings pandas knows; what is not on the list is an
//! error of the parser, never a guess.

use chrono::{Datelike, NaiveDate, Weekday};

pub use crate::factor::panel::Group;

impl Group {
    /// Every group.
    pub const ALL: [Group; 2] = [Group::Sector, Group::Industry];

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Group::Sector => "sector",
            Group::Industry => "industry",
        }
    }

    /// The group of a name.
    pub fn by_name(name: &str) -> Option<Group> {
        Self::ALL.into_iter().find(|g| g.name() == name)
    }
}

/// How often a point-in-time figure comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cadence {
    /// As its records come.
    Any,
    /// One a quarter (`_q`); a quarter without a record is missing.
    Quarter,
    /// One a year (`_a`): the year's last record; a year without one is missing.
    Year,
}

impl Cadence {
    /// Position of a date on this cadence's grid of periods; `None` where records count as they come.
    pub fn slot(self, day: NaiveDate) -> Option<i32> {
        match self {
            Cadence::Any => None,
            Cadence::Quarter => Some(day.year() * 4 + day.month0() as i32 / 3),
            Cadence::Year => Some(day.year()),
        }
    }
}

/// A calendar period that rows are summed up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frequency {
    /// Seven days; days since Monday of its last day (6 is the ISO week, which ends on Sunday).
    Week(u8),
    /// A month.
    Month,
    /// A quarter.
    Quarter,
    /// A year.
    Year,
}

/// Days that the longest period of a kind has; no period has more rows.
const WEEK_DAYS: usize = 7;
const MONTH_DAYS: usize = 31;
const QUARTER_DAYS: usize = 92;
const YEAR_DAYS: usize = 366;

impl Frequency {
    /// The frequency of a spelling: `W`, `W-FRI`, `M`, `Q`, `Y`, and what pandas has for them.
    pub fn by_name(name: &str) -> Option<Frequency> {
        let upper = name.trim().to_ascii_uppercase();
        let name = upper.strip_prefix('1').unwrap_or(&upper);
        if let Some(day) = name.strip_prefix("W-") {
            let weekday: Weekday = day.parse().ok().filter(|_| day.len() == 3)?;
            return Some(Frequency::Week(weekday.num_days_from_monday() as u8));
        }
        match name {
            "W" => Some(Frequency::Week(Weekday::Sun.num_days_from_monday() as u8)),
            "M" | "ME" | "MS" | "BM" | "BME" | "BMS" => Some(Frequency::Month),
            "Q" | "QE" | "QS" | "BQ" | "BQE" | "BQS" | "Q-DEC" | "QE-DEC" => Some(Frequency::Quarter),
            "Y" | "YE" | "YS" | "A" | "AS" | "BY" | "BYE" | "BYS" | "BA" | "Y-DEC" | "YE-DEC" | "A-DEC" => {
                Some(Frequency::Year)
            }
            _ => None,
        }
    }

    /// A number that all days of one period share, and no day of another does.
    pub fn period_of(self, day: NaiveDate) -> i64 {
        match self {
            Frequency::Week(last) => {
                let past_last = i64::from(day.num_days_from_ce()) - 2 - i64::from(last);
                past_last.div_euclid(WEEK_DAYS as i64)
            }
            Frequency::Month => i64::from(day.year()) * 12 + i64::from(day.month0()),
            Frequency::Quarter => i64::from(day.year()) * 4 + i64::from(day.month0() / 3),
            Frequency::Year => i64::from(day.year()),
        }
    }

    /// Most rows that one period has.
    pub fn rows_max(self) -> usize {
        match self {
            Frequency::Week(_) => WEEK_DAYS,
            Frequency::Month => MONTH_DAYS,
            Frequency::Quarter => QUARTER_DAYS,
            Frequency::Year => YEAR_DAYS,
        }
    }
}

/// How the rows of a period become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is its own name")]
pub enum Fold {
    Sum,
    Mean,
    Last,
    First,
    Max,
    Min,
    Median,
    Std,
    Var,
    Count,
}

impl Fold {
    /// Every way.
    pub const ALL: [Fold; 10] = [
        Fold::Sum,
        Fold::Mean,
        Fold::Last,
        Fold::First,
        Fold::Max,
        Fold::Min,
        Fold::Median,
        Fold::Std,
        Fold::Var,
        Fold::Count,
    ];

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Fold::Sum => "sum",
            Fold::Mean => "mean",
            Fold::Last => "last",
            Fold::First => "first",
            Fold::Max => "max",
            Fold::Min => "min",
            Fold::Median => "median",
            Fold::Std => "std",
            Fold::Var => "var",
            Fold::Count => "count",
        }
    }

    /// The way of a name.
    pub fn by_name(name: &str) -> Option<Fold> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_week_ends_on_its_day() {
        let iso = Frequency::by_name("W").unwrap();
        assert_eq!(iso.period_of(day("2024-01-01")), iso.period_of(day("2024-01-07")));
        assert_ne!(iso.period_of(day("2024-01-07")), iso.period_of(day("2024-01-08")));
        let friday = Frequency::by_name("W-FRI").unwrap();
        assert_eq!(friday.period_of(day("2024-01-06")), friday.period_of(day("2024-01-12")));
        assert_ne!(friday.period_of(day("2024-01-05")), friday.period_of(day("2024-01-06")));
    }

    #[test]
    fn pandas_spellings_are_known_and_others_are_not() {
        for (text, found) in [
            ("ME", Some(Frequency::Month)),
            ("1W", Some(Frequency::Week(6))),
            ("QE", Some(Frequency::Quarter)),
            ("A-DEC", Some(Frequency::Year)),
            ("2W", None),
            ("W-FRIDAY", None),
            ("D", None),
            ("", None),
        ] {
            assert_eq!(Frequency::by_name(text), found, "{text}");
        }
    }

    #[test]
    fn quarters_follow_each_other_over_the_year() {
        let slot = |text: &str| Cadence::Quarter.slot(day(text)).unwrap();
        assert_eq!(slot("2024-01-31") - slot("2023-12-31"), 1);
        assert_eq!(slot("2024-03-31"), slot("2024-01-01"));
    }
}
