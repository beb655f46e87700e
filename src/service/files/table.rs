//! A factor file: `date,symbol,<column>…`, sorted by date and symbol, NaN as an empty cell.
//!
//! Values are `f64`; one that is exactly an `f32` is printed with the digits an `f32` needs, so both read back
//! exactly. Reading accepts plain, gzip and zstd files and `-`.

use std::io::{self, Read, Write};
use std::path::Path;

use chrono::NaiveDate;

use super::factors::FactorFileError;
use crate::domain::{CleanText, Symbol};
use crate::market::import::Source;

/// Most cells of one file (about 1.6 GB of values).
pub const CELLS_MAX: usize = 200_000_000;

/// Values by (date, symbol) and column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FactorTable {
    /// Names of the value columns.
    pub columns: Vec<String>,
    /// Keys, ascending.
    pub keys: Vec<(NaiveDate, Symbol)>,
    /// One list a column, as long as `keys`; NaN is missing.
    pub values: Vec<Vec<f64>>,
}

impl FactorTable {
    /// Reads a file; `-` is standard input.
    pub fn read(path: &Path) -> Result<Self, FactorFileError> {
        let name = CleanText::new(&path.to_string_lossy());
        let reader = Source::open(path)?.into_reader()?;
        Self::parse(reader, &name)
    }

    /// Reads from any reader; `name` is what messages call it.
    pub fn parse(reader: impl Read, name: &CleanText) -> Result<Self, FactorFileError> {
        let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
        let header = csv.headers().map_err(|e| bad(name, 1, &e.to_string()))?.clone();
        let place = |wanted: &str| header.iter().position(|h| h == wanted);
        let missing = |column: &str| bad(name, 1, &format!("there is no column '{column}'; name one so"));
        let date_at = place("date").ok_or_else(|| missing("date"))?;
        let symbol_at = place("symbol").ok_or_else(|| missing("symbol"))?;
        let value_at: Vec<usize> = (0..header.len()).filter(|i| *i != date_at && *i != symbol_at).collect();
        let columns: Vec<String> =
            value_at.iter().filter_map(|i| header.get(*i)).map(str::to_owned).collect();
        let mut rows: Vec<((NaiveDate, Symbol), Vec<f64>)> = Vec::new();
        for record in csv.records() {
            let record = record.map_err(|e| bad(name, line_of(&e), &e.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            let text = |at: usize| record.get(at).unwrap_or("");
            let date = parse_date(text(date_at)).ok_or_else(|| bad(name, line, BAD_DATE))?;
            let symbol = text(symbol_at).parse().map_err(|e| bad(name, line, &format!("{e}")))?;
            let values: Option<Vec<f64>> = value_at.iter().map(|at| parse_value(text(*at))).collect();
            rows.push(((date, symbol), values.ok_or_else(|| bad(name, line, BAD_NUMBER))?));
            if rows.len() * columns.len().max(1) > CELLS_MAX {
                return Err(bad(name, line, "the file has more cells than one run takes; split it by date"));
            }
        }
        rows.sort_by_key(|(key, _)| *key);
        if let Some(((date, symbol), _)) = rows.windows(2).find_map(|w| match w {
            [a, b] if a.0 == b.0 => Some(b),
            _ => None,
        }) {
            return Err(bad(name, 0, &format!("{symbol} is there twice on {date}; keep one row")));
        }
        let mut values = vec![Vec::with_capacity(rows.len()); columns.len()];
        let mut keys = Vec::with_capacity(rows.len());
        for (key, row) in rows {
            keys.push(key);
            values.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        Ok(Self { columns, keys, values })
    }

    /// Writes `date,symbol,<column>…`.
    pub fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(writer);
        let names = self.columns.iter().map(String::as_str);
        csv.write_record(["date", "symbol"].into_iter().chain(names)).map_err(io::Error::from)?;
        for (row, (date, symbol)) in self.keys.iter().enumerate() {
            csv.write_field(date.to_string()).map_err(io::Error::from)?;
            csv.write_field(symbol.as_str()).map_err(io::Error::from)?;
            for column in &self.values {
                csv.write_field(printed(column.get(row).copied())).map_err(io::Error::from)?;
            }
            csv.write_record(None::<&[u8]>).map_err(io::Error::from)?;
        }
        csv.flush()
    }

    /// Values of a column by name.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        let at = self.columns.iter().position(|c| c == name)?;
        self.values.get(at).map(Vec::as_slice)
    }

    /// The days in order, each with its rows.
    pub fn days(&self) -> Vec<(NaiveDate, std::ops::Range<usize>)> {
        let mut days: Vec<(NaiveDate, std::ops::Range<usize>)> = Vec::new();
        for (row, (date, _)) in self.keys.iter().enumerate() {
            match days.last_mut() {
                Some((day, rows)) if day == date => rows.end = row + 1,
                _ => days.push((*date, row..row + 1)),
            }
        }
        days
    }
}

pub(super) const BAD_DATE: &str = "the date is none; write dates as YYYY-MM-DD";
pub(super) const BAD_NUMBER: &str = "a value is no number; leave missing cells empty";

pub(super) fn bad(file: &CleanText, line: u64, what: &str) -> FactorFileError {
    FactorFileError::Content { file: file.clone(), line, what: CleanText::new(what) }
}

fn line_of(error: &csv::Error) -> u64 {
    error.position().map_or(0, csv::Position::line)
}

/// `YYYY-MM-DD`, with or without a time behind it.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    let day = text.split(['T', ' ']).next()?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = day.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)
}

/// A number; empty and `nan` are missing, `inf` and `-inf` are themselves. `None` when it is none of these.
pub(super) fn parse_value(text: &str) -> Option<f64> {
    if text.is_empty() { Some(f64::NAN) } else { text.parse().ok() }
}

fn printed(value: Option<f64>) -> String {
    match value.filter(|v| !v.is_nan()) {
        None => String::new(),
        Some(value) if f64::from(value as f32) == value => (value as f32).to_string(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<FactorTable, FactorFileError> {
        FactorTable::parse(text.as_bytes(), &"f.csv".into())
    }

    #[test]
    fn values_read_back_exactly_whether_single_or_double() {
        let values = [0.1_f32 as f64, 0.1, 1e-30_f32 as f64, f64::NAN, f64::NEG_INFINITY, 16_777_217.0];
        for value in values {
            let back = parse_value(&printed(Some(value))).unwrap();
            let single = f64::from(value as f32) == value;
            let same = if single { (back as f32) == (value as f32) } else { back == value };
            assert!(same || (back.is_nan() && value.is_nan()), "{value} {back}");
        }
        assert_eq!(printed(Some(f64::from(0.1_f32))), "0.1");
    }

    #[test]
    fn a_file_is_sorted_and_written_as_it_was() {
        let table = parse("symbol,date,x\nB,2024-01-02,1\nA,2024-01-03,\nA,2024-01-02,2.5\n").unwrap();
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "date,symbol,x\n2024-01-02,A,2.5\n2024-01-02,B,1\n2024-01-03,A,\n"
        );
        assert_eq!(table.days().len(), 2);
        assert_eq!(table.days()[0].1, 0..2);
    }

    #[test]
    fn faults_name_file_line_and_remedy() {
        let said = |text: &str| parse(text).unwrap_err().to_string();
        assert!(said("date,x\n").contains("'f.csv', line 1: there is no column 'symbol'"));
        assert!(said("date,symbol,x\n2024-13-01,A,1\n").contains("line 2"));
        assert!(said("date,symbol,x\n2024-01-02,A,one\n").contains("no number"));
        assert!(said("date,symbol,x\n2024-01-02,A,1\n2024-01-02,A,2\n").contains("twice"));
    }
}
