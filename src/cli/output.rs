//! What a command prints: any list of records as table, JSON or CSV, by `--format`.
//!
//! Everything goes through one locked, buffered standard output; control characters from outside are taken out.
//! A reader that goes away ends the command quietly. Nothing here decides what is printed.

mod json;
mod names;
mod row;
mod sink;
mod table;

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use clap::ValueEnum;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::errors::Failure;
use crate::domain::CleanText;
use row::Fields;
pub use sink::Sink;

/// How lists are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Aligned columns for people.
    #[default]
    Table,
    /// One JSON document; lists are arrays of objects.
    Json,
    /// A header and rows.
    Csv,
}

/// Standard output in one format.
#[derive(Debug)]
pub struct Out {
    format: Format,
    quiet: bool,
    writer: BufWriter<StdoutLock<'static>>,
}

impl Out {
    /// Standard output in this format; `quiet` keeps remarks away.
    pub fn new(format: Format, quiet: bool) -> Self {
        Self { format, quiet, writer: BufWriter::new(io::stdout().lock()) }
    }

    /// The format asked for.
    pub fn format(&self) -> Format {
        self.format
    }

    /// A list of records; `nothing` is the remark for people when it is empty.
    pub fn rows<T: Serialize>(&mut self, rows: &[T], nothing: &str) -> Result<(), Failure> {
        match self.format {
            Format::Json => json::write(&mut self.writer, rows)?,
            Format::Csv => write_csv(&mut self.writer, &all_fields(rows)?)?,
            Format::Table if rows.is_empty() => self.remark(nothing)?,
            Format::Table => table::write(&mut self.writer, &all_fields(rows)?, terminal_cells())?,
        }
        Ok(())
    }

    /// The same for a list that may be empty: as CSV its header stands all the same.
    pub fn list<T: Serialize + DeserializeOwned>(
        &mut self,
        rows: &[T],
        nothing: &str,
    ) -> Result<(), Failure> {
        if self.format == Format::Csv && rows.is_empty() {
            let header = names::names::<T>().iter().map(|n| ((*n).to_string(), Value::Null)).collect();
            return write_header(&mut csv::Writer::from_writer(&mut self.writer), &header);
        }
        self.rows(rows, nothing)
    }

    /// What a command did: a sentence for people, a record for programs.
    pub fn told<T: Serialize>(&mut self, record: &T, sentence: &str) -> Result<(), Failure> {
        if self.format == Format::Table { self.remark(sentence) } else { self.record(record) }
    }

    /// One record.
    pub fn record<T: Serialize>(&mut self, record: &T) -> Result<(), Failure> {
        match self.format {
            Format::Json => json::write(&mut self.writer, record)?,
            Format::Csv => write_csv(&mut self.writer, &all_fields(std::slice::from_ref(record))?)?,
            Format::Table => {
                table::write_record(&mut self.writer, &row::fields(record).map_err(Failure::of)?)?;
            }
        }
        Ok(())
    }

    /// One JSON document whatever the format: a line of a stream.
    pub fn json_line<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        json::write(&mut self.writer, value)?;
        Ok(self.writer.flush()?)
    }

    /// A sentence for people: only with tables, and not with `--quiet`.
    pub fn remark(&mut self, text: &str) -> Result<(), Failure> {
        if self.format == Format::Table && !self.quiet && !text.is_empty() {
            writeln!(self.writer, "{}", CleanText::new(text))?;
        }
        Ok(())
    }

    /// Bytes as they are: scripts, completions, files.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.writer.write_all(bytes)?)
    }

    /// All that a reader gives.
    pub fn copy(&mut self, from: &mut dyn io::Read) -> Result<(), Failure> {
        io::copy(from, &mut self.writer)?;
        Ok(self.writer.flush()?)
    }

    /// An empty line between tables for people.
    pub fn blank(&mut self) -> Result<(), Failure> {
        Ok(self.writer.write_all(b"\n")?)
    }

    /// For tables that are made to be read by programs: this format, unless another one than the default was asked for.
    pub fn prefer(&mut self, format: Format) {
        if self.format == Format::default() {
            self.format = format;
        }
    }

    /// Everything reaches the reader now.
    pub fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }
}

/// Width of the terminal that reads this; `None` where a file or program does.
fn terminal_cells() -> Option<usize> {
    let size = io::stdout().is_terminal().then(crossterm::terminal::size)?.ok()?;
    Some(usize::from(size.0)).filter(|cells| *cells > 0)
}

fn all_fields<T: Serialize>(rows: &[T]) -> Result<Vec<Fields>, Failure> {
    rows.iter().map(|row| row::fields(row).map_err(Failure::of)).collect()
}

/// A value in a CSV cell: as in a table, but `true` and `false`, nested values as JSON, and text that a spreadsheet
/// would run as a formula behind a quote.
fn csv_cell(value: &Value) -> Result<String, Failure> {
    match value {
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Array(_) | Value::Object(_) => {
            let mut text = Vec::new();
            json::write(&mut text, value)?;
            Ok(String::from_utf8_lossy(&text).trim_end().to_string())
        }
        Value::Null | Value::Number(_) => Ok(table::cell(value)),
        Value::String(_) => {
            let text = table::cell(value);
            let formula = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
            Ok(if formula { format!("'{text}") } else { text })
        }
    }
}

/// The names of a record's fields as one line.
fn write_header(csv: &mut csv::Writer<impl Write>, record: &Fields) -> Result<(), Failure> {
    csv.write_record(record.iter().map(|(name, _)| name)).map_err(csv_failure)?;
    Ok(csv.flush()?)
}

/// A header from the first record, then one line a record. An empty list prints nothing.
fn write_csv(writer: &mut dyn Write, rows: &[Fields]) -> Result<(), Failure> {
    let mut csv = csv::Writer::from_writer(writer);
    if let Some(first) = rows.first() {
        write_header(&mut csv, first)?;
    }
    for row in rows {
        let cells = row.iter().map(|(_, value)| csv_cell(value)).collect::<Result<Vec<String>, Failure>>()?;
        csv.write_record(cells).map_err(csv_failure)?;
    }
    Ok(csv.flush()?)
}

fn csv_failure(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => Failure::failed(format!("writing CSV failed: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sample {
        symbol: &'static str,
        weight: f64,
        held: bool,
        note: Option<&'static str>,
    }

    #[test]
    fn csv_quotes_text_and_leaves_missing_cells_empty() {
        let rows = [
            Sample { symbol: "A,B", weight: 1e-8, held: true, note: None },
            Sample { symbol: "C\u{1b}\"D\"", weight: 2.0, held: false, note: Some("x\ny") },
        ];
        let mut out = Vec::new();
        write_csv(&mut out, &all_fields(&rows).unwrap()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "symbol,weight,held,note\n\"A,B\",0.00000001,true,\n\"C\"\"D\"\"\",2,false,x y\n");
    }

    #[test]
    fn a_formula_is_quoted_a_negative_number_is_not_and_nesting_is_json() {
        let cell = |value: Value| csv_cell(&value).unwrap();
        assert_eq!(cell("=1+1".into()), "'=1+1");
        assert_eq!(cell("-12.50".into()), "-12.50");
        assert_eq!(cell(serde_json::json!([["a", 1e-7]])), "[[\"a\",0.0000001]]");
    }
}
