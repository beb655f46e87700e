//! A header and the fields of a line.
//!
//! Columns are found by name, in any order and any ASCII case. Fields may be quoted (`"a, b"`, a quote inside written
//! twice) but end on their line. A row must have as many fields as the header.

use std::collections::BTreeSet;

use super::ImportError;
use super::ticker::parse_symbol_among;
use crate::domain::{CleanText, Exchange, InstrumentId, QuarantineReason, Symbol};

/// A column a kind of file knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub name: &'static str,
    pub required: bool,
}

pub(super) const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

pub(super) const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// What is wrong with a row, and in which known column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub reason: QuarantineReason,
    /// `None` where it is the row as a whole.
    pub column: Option<usize>,
}

impl From<QuarantineReason> for Fault {
    fn from(reason: QuarantineReason) -> Self {
        Self { reason, column: None }
    }
}

impl Fault {
    pub(super) const fn at(reason: QuarantineReason, column: usize) -> Self {
        Self { reason, column: Some(column) }
    }
}

/// Says of a reason which column it is about.
pub(super) trait At<T> {
    fn at(self, column: usize) -> Result<T, Fault>;
}

impl<T> At<T> for Result<T, QuarantineReason> {
    fn at(self, column: usize) -> Result<T, Fault> {
        self.map_err(|reason| Fault::at(reason, column))
    }
}

/// A form of a file without a header line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bare {
    /// Whether a first line can only be a row of this form.
    pub is_row: fn(&str) -> bool,
    /// Place of each known column, in the order of the kind's columns.
    pub places: &'static [Option<usize>],
}

/// Which field of a line holds which known column.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// Field index by known column, in the order of the kind's columns.
    fields: Vec<Option<usize>>,
    /// Number of fields in the header line.
    width: usize,
    pub ignored: Vec<CleanText>,
}

impl Header {
    /// Whether a known column is there.
    pub(super) fn has(&self, column: usize) -> bool {
        self.fields.get(column).is_some_and(Option::is_some)
    }

    /// Of a form that has no header line: each known column's place.
    pub(super) fn bare(form: &Bare) -> Self {
        let width = form.places.iter().flatten().max().map_or(0, |last| last + 1);
        Self { fields: form.places.to_vec(), width, ignored: Vec::new() }
    }

    pub(super) fn parse(file: &CleanText, line: &str, columns: &[Column]) -> Result<Self, ImportError> {
        let mut split = Fields::default();
        let broken = |_| ImportError::BadHeader { file: file.clone() };
        split.split(line).map_err(broken)?;
        let names: Vec<String> = split.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let mut fields = Vec::with_capacity(columns.len());
        for column in columns {
            let mut places = names.iter().enumerate().filter(|(_, name)| *name == column.name);
            fields.push(places.next().map(|(place, _)| place));
            if places.next().is_some() {
                return Err(ImportError::RepeatedColumn { file: file.clone(), column: column.name });
            }
        }
        let absent = columns.iter().zip(&fields).filter(|(column, field)| column.required && field.is_none());
        let missing: Vec<&str> = absent.map(|(column, _)| column.name).collect();
        let found = split.iter().map(|name| name.trim()).collect::<Vec<_>>().join(", ");
        if !missing.is_empty() {
            let (missing, found) = (missing.join(", "), CleanText::new(shortened(&found)));
            return Err(ImportError::MissingColumns { file: file.clone(), missing, found });
        }
        let is_known = |name: &str| columns.iter().any(|column| column.name == name);
        let unknown = split.iter().zip(&names).filter(|(_, name)| !is_known(name));
        let ignored = unknown.map(|(shown, _)| CleanText::new(shown.trim())).collect();
        Ok(Self { fields, width: names.len(), ignored })
    }
}

/// At most 200 characters of a text.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(200).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The fields of one line, unquoted. Reused from line to line.
#[derive(Debug, Default)]
pub(super) struct Fields {
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    fn get(&self, index: usize) -> Option<&str> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..*self.ends.get(index)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).filter_map(|index| self.get(index))
    }

    fn end_field(&mut self) {
        self.ends.push(self.text.len());
    }

    /// Splits a line at its commas. On broken quotes the fields before them are kept.
    pub(super) fn split(&mut self, line: &str) -> Result<(), QuarantineReason> {
        self.text.clear();
        self.ends.clear();
        if line.contains('"') {
            return self.split_quoted(line);
        }
        for field in line.split(',') {
            self.text.push_str(field);
            self.end_field();
        }
        Ok(())
    }

    fn split_quoted(&mut self, line: &str) -> Result<(), QuarantineReason> {
        let mut rest = line;
        loop {
            if let Some(quoted) = rest.strip_prefix('"') {
                rest = self.take_quoted(quoted)?;
            } else {
                let (field, _) = rest.split_once(',').unwrap_or((rest, ""));
                self.text.push_str(field);
                rest = rest.get(field.len()..).unwrap_or("");
            }
            self.end_field();
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None if rest.is_empty() => return Ok(()),
                None => return Err(QuarantineReason::BadQuotes),
            }
        }
    }

    /// Takes up to the closing quote; what is left begins behind it.
    fn take_quoted<'a>(&mut self, mut rest: &'a str) -> Result<&'a str, QuarantineReason> {
        loop {
            let (inside, behind) = rest.split_once('"').ok_or(QuarantineReason::BadQuotes)?;
            self.text.push_str(inside);
            match behind.strip_prefix('"') {
                Some(more) => {
                    self.text.push('"');
                    rest = more;
                }
                None => return Ok(behind),
            }
        }
    }
}

/// One row, seen through its header.
pub(super) struct Record<'a> {
    pub header: &'a Header,
    pub fields: &'a Fields,
    /// Instruments that are spelled otherwise than symbols are read.
    pub odd: &'a BTreeSet<InstrumentId>,
    /// Whether bytes that are not UTF-8 were replaced by U+FFFD.
    pub lossy: bool,
}

impl Record<'_> {
    /// The trimmed field of a known column; empty when the file or row has no such field.
    pub(super) fn field(&self, column: usize) -> &str {
        let place = self.header.fields.get(column).copied().flatten();
        place.and_then(|place| self.fields.get(place)).unwrap_or("").trim()
    }

    /// The symbol that a known column names.
    pub(super) fn symbol(&self, column: usize, exchange: Exchange) -> Result<Symbol, Fault> {
        parse_symbol_among(self.field(column), exchange, self.odd).at(column)
    }

    /// A reason against the whole row: its width, or used bytes that are no text.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.fields.ends.len() != self.header.width {
            return Err(QuarantineReason::FieldCount.into());
        }
        let is_broken = |column: usize| self.field(column).contains('\u{fffd}');
        let broken = (0..self.header.fields.len()).find(|column| self.lossy && is_broken(*column));
        broken.map_or(Ok(()), |column| Err(Fault::at(QuarantineReason::BadText, column)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, QuarantineReason> {
        let mut fields = Fields::default();
        fields.split(line)?;
        Ok(fields.iter().map(str::to_owned).collect())
    }

    #[test]
    fn quotes_hold_commas_and_quotes() {
        assert_eq!(split("a,,b").unwrap(), ["a", "", "b"]);
        assert_eq!(split("\"a, \"\"b\"\"\",c").unwrap(), ["a, \"b\"", "c"]);
        assert_eq!(split("\"\",").unwrap(), ["", ""]);
        assert_eq!(split("5\" pipe,x").unwrap(), ["5\" pipe", "x"]);
        assert_eq!(split("").unwrap(), [""]);
    }

    #[test]
    fn an_open_quote_or_text_behind_a_quote_is_refused() {
        assert_eq!(split("a,\"b,c"), Err(QuarantineReason::BadQuotes));
        assert_eq!(split("a,\"b\"c,d"), Err(QuarantineReason::BadQuotes));
    }
}
