//! How domain values stand in SQLite columns, and how they are read back and checked.
//!
//! Instants are nanoseconds, sessions are days since 1970-01-01, numbers are their raw scaled integers, names and
//! words are text. A value that does not parse is an error of the column, never a default.

use std::error::Error;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{CleanText, UnixNanos};

/// Days from 0001-01-01 (day 1) to 1970-01-01.
const EPOCH_DAY_CE: i32 = 719_163;

/// Days since 1970-01-01.
pub(super) fn day(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAY_CE
}

/// A conversion error of a column.
pub(super) fn bad(column: usize, why: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

/// A date from days since 1970-01-01.
pub(super) fn date(row: &Row<'_>, column: usize) -> rusqlite::Result<NaiveDate> {
    let days: i32 = row.get(column)?;
    let ce = days.checked_add(EPOCH_DAY_CE);
    ce.and_then(NaiveDate::from_num_days_from_ce_opt).ok_or_else(|| bad(column, "the day is out of range"))
}

/// A date, or nothing.
pub(super) fn date_opt(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<NaiveDate>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => date(row, column).map(Some),
    }
}

/// An instant from nanoseconds.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<UnixNanos> {
    row.get(column).map(UnixNanos::from_nanos)
}

/// An instant, or nothing.
pub(super) fn time_opt(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UnixNanos>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(UnixNanos::from_nanos))
}

/// A value that parses itself (ids, names).
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    row.get_ref(column)?.as_str()?.parse().map_err(|e: T::Err| bad(column, e))
}

/// A value that parses itself, or nothing.
pub(super) fn parsed_opt<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|t| t.parse().map_err(|e: T::Err| bad(column, e))).transpose()
}

/// An enum from the word it is written as.
pub(super) fn word<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_value(serde_json::Value::String(text)).map_err(|e| bad(column, e))
}

/// An enum from its word, or nothing.
pub(super) fn word_opt<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => word(row, column).map(Some),
    }
}

/// Text from outside, cleaned again.
pub(super) fn clean(row: &Row<'_>, column: usize) -> rusqlite::Result<CleanText> {
    Ok(CleanText::new(row.get_ref(column)?.as_str()?))
}

/// A value kept as JSON, or nothing.
pub(super) fn json_opt<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => json(row, column).map(Some),
    }
}

/// A value kept as JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|e| bad(column, e))
}

/// A value as JSON text.
pub(super) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}

/// Spells something into a text that is used again and again.
pub(super) fn spell(into: &mut String, what: &impl std::fmt::Display) {
    use std::fmt::Write as _;
    into.clear();
    // A string takes everything.
    write!(into, "{what}").unwrap_or_default();
}

/// A count from SQLite.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|n| u64::try_from(n).unwrap_or(0))
}
