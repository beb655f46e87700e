//! A factor file: `date,symbol,<column>…`, sorted by date and symbol, NaN as an empty cell.
//!
//! Values are `f32`, as factors are, or `f64`; either is printed with the digits it needs to read back exactly.
//! Reading accepts plain, gzip and zstd files and `-`, sorts, and can be kept to the columns that are wanted.

use std::io::{self, Read, Write};
use std::path::Path;

use chrono::NaiveDate;
use rayon::prelude::*;

use super::factors::FactorFileError;
use crate::domain::{CleanText, Symbol};
use crate::market::import::Source;

/// Most cells of one file (0.8 GB of single-precision values).
pub const CELLS_MAX: usize = 200_000_000;
/// Most groups that a column of groups may name.
pub const GROUPS_MAX: usize = 10_000;
/// Code of a row without a group.
pub const NO_GROUP: u16 = u16::MAX;
/// Rows that are formatted before they are written.
const ROWS_AT_ONCE: usize = 512;
/// Such pieces of text that are held before they are written.
const TEXTS_AT_ONCE: usize = 16;

/// A number of a table: `f32` as factors are, `f64` where a file may hold more digits.
pub trait Value: Copy + PartialEq + Send + Sync {
    /// What an empty cell is.
    const MISSING: Self;
    /// Reads a cell that is not empty.
    fn read(text: &str) -> Option<Self>;
    /// Writes the shortest digits that read back exactly; nothing for NaN.
    fn print(self, text: &mut Vec<u8>) -> io::Result<()>;
}

impl Value for f32 {
    const MISSING: Self = f32::NAN;

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn print(self, text: &mut Vec<u8>) -> io::Result<()> {
        if self.is_nan() { Ok(()) } else { write!(text, "{self}") }
    }
}

impl Value for f64 {
    const MISSING: Self = f64::NAN;

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn print(self, text: &mut Vec<u8>) -> io::Result<()> {
        match self {
            _ if self.is_nan() => Ok(()),
            _ if f64::from(self as f32) == self => (self as f32).print(text),
            _ => write!(text, "{self}"),
        }
    }
}

/// Values by (date, symbol) and column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FactorTable<V = f32> {
    /// Names of the value columns.
    pub columns: Vec<String>,
    /// Keys, ascending.
    pub keys: Vec<(NaiveDate, Symbol)>,
    /// One list a column, as long as `keys`; NaN is missing.
    pub values: Vec<Vec<V>>,
}

/// A column of names rather than numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Groups {
    /// Names by code, in the order in which they first stand in the file.
    pub names: Vec<String>,
    /// Code of each row, [`NO_GROUP`] where the cell is empty.
    pub codes: Vec<u16>,
}

/// Which columns of a file to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// These columns of numbers in this order; all that there are without it.
    pub values: Option<&'a [&'a str]>,
    /// A column of names.
    pub group: Option<&'a str>,
}

impl<V: Value> FactorTable<V> {
    /// Reads a file; `-` is standard input.
    pub fn read(path: &Path) -> Result<Self, FactorFileError> {
        Ok(Self::read_wanted(path, Wanted::default())?.0)
    }

    /// Reads some columns of a file.
    pub fn read_wanted(path: &Path, wanted: Wanted<'_>) -> Result<(Self, Groups), FactorFileError> {
        let name = CleanText::new(&path.to_string_lossy());
        let reader = Source::open(path)?.into_reader()?;
        Self::parse(reader, &name, wanted)
    }

    /// Reads from any reader; `name` is what messages call it.
    pub fn parse(
        reader: impl Read,
        name: &CleanText,
        wanted: Wanted<'_>,
    ) -> Result<(Self, Groups), FactorFileError> {
        let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
        let header = csv.headers().map_err(|e| bad(name, 1, &e.to_string()))?.clone();
        let places = Places::find(&header, name, wanted)?;
        let names = places.values.iter().filter_map(|at| header.get(*at)).map(str::to_owned);
        let mut table = Self {
            columns: names.collect(),
            keys: Vec::new(),
            values: vec![Vec::new(); places.values.len()],
        };
        let mut groups = Groups::default();
        let mut record = csv::StringRecord::new();
        while csv.read_record(&mut record).map_err(|e| bad(name, line_of(&e), &e.to_string()))? {
            let line = record.position().map_or(0, csv::Position::line);
            let text = |at: usize| record.get(at).unwrap_or("");
            let date = parse_date(text(places.date)).ok_or_else(|| bad(name, line, BAD_DATE))?;
            let symbol = text(places.symbol).parse().map_err(|e| bad(name, line, &format!("{e}")))?;
            table.keys.push((date, symbol));
            for (column, at) in table.values.iter_mut().zip(&places.values) {
                let cell = text(*at);
                let value = if cell.is_empty() { Some(V::MISSING) } else { V::read(cell) };
                column.push(value.ok_or_else(|| bad(name, line, BAD_NUMBER))?);
            }
            if let Some(at) = places.group {
                groups.push(text(at)).ok_or_else(|| bad(name, line, "there are more groups than 10,000"))?;
            }
            if table.keys.len() * table.columns.len().max(1) > CELLS_MAX {
                return Err(bad(name, line, "the file has more cells than one run takes; split it by date"));
            }
        }
        table.sort(&mut groups, name)?;
        Ok((table, groups))
    }

    /// By date and symbol; a key may stand only once.
    fn sort(&mut self, groups: &mut Groups, name: &CleanText) -> Result<(), FactorFileError> {
        if !self.keys.is_sorted() {
            let mut order: Vec<usize> = (0..self.keys.len()).collect();
            order.sort_by_key(|row| self.keys.get(*row));
            permute(&mut self.keys, &order);
            permute(&mut groups.codes, &order);
            self.values.iter_mut().for_each(|column| permute(column, &order));
        }
        match self.keys.windows(2).find(|pair| pair.first() == pair.last()) {
            Some([(date, symbol), _]) => {
                Err(bad(name, 0, &format!("{symbol} is there twice on {date}; keep one row")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Writes `date,symbol,<column>…` and the rows.
    pub fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        self.write_header(writer)?;
        self.write_rows(writer)
    }

    /// Writes `date,symbol,<column>…`.
    pub fn write_header(&self, writer: &mut dyn Write) -> io::Result<()> {
        let names = self.columns.iter().map(String::as_str);
        let mut csv = csv::Writer::from_writer(writer);
        csv.write_record(["date", "symbol"].into_iter().chain(names)).map_err(io::Error::from)?;
        csv.flush()
    }

    /// Writes the rows; they are turned into text in parallel.
    pub fn write_rows(&self, writer: &mut dyn Write) -> io::Result<()> {
        for (turn, keys) in self.keys.chunks(ROWS_AT_ONCE * TEXTS_AT_ONCE).enumerate() {
            let texts: Vec<Vec<u8>> = keys
                .par_chunks(ROWS_AT_ONCE)
                .enumerate()
                .map(|(k, keys)| self.text((turn * TEXTS_AT_ONCE + k) * ROWS_AT_ONCE, keys))
                .collect::<io::Result<_>>()?;
            texts.iter().try_for_each(|text| writer.write_all(text))?;
        }
        writer.flush()
    }

    /// The lines of some keys, the first of which stands at row `first`.
    fn text(&self, first: usize, keys: &[(NaiveDate, Symbol)]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        for (row, (date, symbol)) in (first..).zip(keys) {
            write!(text, "{date},{}", symbol.as_str())?;
            for column in &self.values {
                text.push(b',');
                column.get(row).copied().unwrap_or(V::MISSING).print(&mut text)?;
            }
            text.push(b'\n');
        }
        Ok(text)
    }

    /// Values of a column by name.
    pub fn column(&self, name: &str) -> Option<&[V]> {
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

/// Where the columns stand.
struct Places {
    date: usize,
    symbol: usize,
    values: Vec<usize>,
    group: Option<usize>,
}

impl Places {
    fn find(
        header: &csv::StringRecord,
        name: &CleanText,
        wanted: Wanted<'_>,
    ) -> Result<Self, FactorFileError> {
        let plain = |h: &str| CleanText::new(h).as_str() == h;
        if let Some(odd) = header.iter().map(|h| h.trim_start_matches('\u{feff}')).find(|h| !plain(h)) {
            let what = format!("the name of column '{odd}' has control or invisible characters; rename it");
            return Err(bad(name, 1, &what));
        }
        let place = |wanted: &str| header.iter().position(|h| h.trim_start_matches('\u{feff}') == wanted);
        let missing = |column: &str| bad(name, 1, &format!("there is no column '{column}'; name one so"));
        let date = place("date").ok_or_else(|| missing("date"))?;
        let symbol = place("symbol").ok_or_else(|| missing("symbol"))?;
        let others: Vec<usize> = (0..header.len()).filter(|i| *i != date && *i != symbol).collect();
        let known: Vec<&str> = others.iter().filter_map(|at| header.get(*at)).collect();
        let named = |column: &str| {
            let unknown = || {
                let column = CleanText::new(column);
                let known = CleanText::new(&known.join(", "));
                FactorFileError::Asked(format!("there is no column '{column}'; there are {known}"))
            };
            place(column).filter(|at| others.contains(at)).ok_or_else(unknown)
        };
        let group = wanted.group.map(named).transpose()?;
        let values = match wanted.values {
            Some(columns) => columns.iter().map(|column| named(column)).collect::<Result<_, _>>()?,
            None => others.into_iter().filter(|at| Some(*at) != group).collect(),
        };
        Ok(Self { date, symbol, values, group })
    }
}

impl Groups {
    /// Adds a row; `None` when there are too many groups.
    pub(super) fn push(&mut self, name: &str) -> Option<()> {
        let code = match self.names.iter().position(|known| known == name) {
            _ if name.is_empty() => NO_GROUP,
            Some(code) => u16::try_from(code).ok()?,
            None if self.names.len() >= GROUPS_MAX => return None,
            None => {
                self.names.push(name.to_owned());
                u16::try_from(self.names.len() - 1).ok()?
            }
        };
        self.codes.push(code);
        Some(())
    }
}

fn permute<T: Copy>(list: &mut Vec<T>, order: &[usize]) {
    if !list.is_empty() {
        *list = order.iter().filter_map(|row| list.get(*row)).copied().collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<FactorTable, FactorFileError> {
        Ok(FactorTable::parse(text.as_bytes(), &"f.csv".into(), Wanted::default())?.0)
    }

    #[test]
    fn a_column_whose_name_could_trick_a_terminal_is_refused() {
        for odd in ["a\u{1b}[31mb", "\"a\nb\"", "a\u{202e}b"] {
            let refused = parse(&format!("date,symbol,{odd}\n2024-01-02,A,1\n")).unwrap_err().to_string();
            assert!(refused.contains("line 1: the name of column 'a"), "{refused}");
            assert!(!refused.contains(char::is_control) && !refused.contains('\u{202e}'), "{refused:?}");
        }
        assert!(parse("\u{feff}date,symbol,größe (%)\n2024-01-02,A,1\n").is_ok());
    }

    #[test]
    fn values_read_back_exactly_whether_single_or_double() {
        fn printed<V: Value>(value: V) -> String {
            let mut text = Vec::new();
            value.print(&mut text).unwrap();
            String::from_utf8(text).unwrap()
        }
        for value in [0.1_f32, 1e-30, f32::NEG_INFINITY, 16_777_216.0, f32::MAX] {
            assert_eq!(f32::read(&printed(value)), Some(value));
            assert_eq!(printed(f64::from(value)), printed(value));
        }
        for value in [0.1_f64, 16_777_217.0, 1e300] {
            assert_eq!(f64::read(&printed(value)), Some(value));
        }
        assert_eq!((printed(0.1_f32).as_str(), printed(f64::NAN).as_str()), ("0.1", ""));
    }

    #[test]
    fn only_what_is_wanted_is_read_and_names_become_codes() {
        let text =
            "date,symbol,note,x,sector\n2024-01-02,B,hm,1,Tech\n2024-01-02,A,hm,2,\n2024-01-02,C,,3,Tech\n";
        let wanted = Wanted { values: Some(&["x"]), group: Some("sector") };
        let (table, groups) = FactorTable::<f64>::parse(text.as_bytes(), &"f.csv".into(), wanted).unwrap();
        assert_eq!(table.values, [vec![2.0, 1.0, 3.0]]);
        assert_eq!((groups.names, groups.codes), (vec!["Tech".to_string()], vec![NO_GROUP, 0, 0]));
        let unknown = Wanted { values: Some(&["y"]), group: None };
        let said =
            FactorTable::<f64>::parse(text.as_bytes(), &"f.csv".into(), unknown).unwrap_err().to_string();
        assert!(said.contains("'y'") && said.contains("note, x, sector"), "{said}");
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
