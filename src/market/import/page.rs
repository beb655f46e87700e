//! Files with their header read, and pages of their rows.
//!
//! Everything that can condemn a whole file is found when it is opened, before a row is yielded. After that a page
//! holds what up to [`PAGE_LINES_MAX`] lines gave: good rows with their line numbers, and quarantined ones with reasons.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ImportError;
use super::lines::{BYTE_ORDER_MARK, Line, Lines};
use super::record::{Bare, Column, Fault, Fields, Header, Record};
use super::source::Source;
use crate::domain::import::QUARANTINED_RAW_MAX;
use crate::domain::{CleanText, ImportReport, InstrumentId, QuarantineReason, Quarantined};

/// Most lines a page is made from.
pub const PAGE_LINES_MAX: u64 = 4_096;

/// Longest symbol or date shown with a quarantined row, in characters.
const FIELD_CHARS_MAX: usize = 64;

/// A good row and the line it stood on.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<T> {
    /// Line in its file, from 1.
    pub line: u64,
    /// The row.
    pub value: T,
}

/// What up to [`PAGE_LINES_MAX`] lines gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Good rows, in file order.
    pub rows: Vec<Row<T>>,
    /// Rows that must not be stored.
    pub quarantine: Vec<Quarantined>,
    /// Rows read: good, duplicate and quarantined.
    pub read: u64,
    /// Rows that repeat an earlier one exactly.
    pub duplicates: u64,
    /// Bytes of the file consumed so far, before decompression.
    pub bytes_read: u64,
}

impl<T> Page<T> {
    /// Adds the page's own counts and quarantine to a report.
    pub fn count_into(&self, report: &mut ImportReport) {
        report.read += self.read;
        report.duplicates += self.duplicates;
        report.quarantined += self.quarantine.len() as u64;
        report.list_quarantined(&self.quarantine);
    }
}

/// What a row turned out to be.
pub(super) enum Verdict<T> {
    Good(T),
    Duplicate,
    Quarantine(Fault),
    /// The whole file.
    Refuse(Refusal),
}

/// Why a row condemns its whole file.
pub(super) struct Refusal {
    /// The known column that says so.
    pub column: usize,
    /// What is wrong and what to do.
    pub what: String,
}

/// Where a kind of file has the symbol, the date and the source kept with a quarantined row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub symbol: usize,
    pub date: Option<usize>,
    pub source: Option<usize>,
}

/// A file whose header is known to be good.
pub(super) struct OpenFile {
    pub name: CleanText,
    pub header: Header,
    /// Whether it has no header line.
    pub is_bare: bool,
    /// Instruments that are spelled otherwise than symbols are read.
    pub odd: Arc<BTreeSet<InstrumentId>>,
    columns: &'static [Column],
    lines: Lines,
    fields: Fields,
    shown: Shown,
    bytes_read: Arc<AtomicU64>,
}

impl OpenFile {
    /// Reads the header. Every error here means that nothing of the file may be stored.
    pub(super) fn open(
        source: Source,
        columns: &'static [Column],
        shown: Shown,
    ) -> Result<Self, ImportError> {
        Self::open_either(source, columns, None, shown)
    }

    /// The same for a kind of file that has a form without a header line.
    pub(super) fn open_either(
        source: Source,
        columns: &'static [Column],
        bare: Option<&Bare>,
        shown: Shown,
    ) -> Result<Self, ImportError> {
        let (name, bytes_read) = (source.name.clone(), Arc::clone(&source.bytes_read));
        let (reader, compressed) = source.decompressed()?;
        let mut lines = Lines::new(reader, compressed);
        let (header, is_bare) = read_header(&name, &mut lines, columns, bare)?;
        let (fields, odd) = (Fields::default(), Arc::default());
        Ok(Self { name, header, is_bare, odd, columns, lines, fields, shown, bytes_read })
    }

    fn quarantined(&self, fault: Fault, with_fields: bool) -> Quarantined {
        let record = Record { header: &self.header, fields: &self.fields, odd: &self.odd, lossy: false };
        let show = |column| {
            if with_fields { shown(record.field(column), FIELD_CHARS_MAX) } else { CleanText::default() }
        };
        Quarantined {
            file: self.name.clone(),
            line: self.lines.number(),
            symbol: show(self.shown.symbol),
            date: self.shown.date.map(show).unwrap_or_default(),
            source: self.shown.source.map(show).unwrap_or_default(),
            reason: fault.reason,
            field: fault.column.map_or("", |column| self.name_of(column)).into(),
            raw: shown(&String::from_utf8_lossy(self.lines.text()), QUARANTINED_RAW_MAX),
        }
    }

    fn name_of(&self, column: usize) -> &'static str {
        self.columns.get(column).map_or("", |column| column.name)
    }

    /// Judges the line just read.
    fn judge<T>(&mut self, accept: &mut dyn FnMut(&Record<'_>) -> Verdict<T>) -> Verdict<T> {
        let bytes = self.lines.text();
        let text = String::from_utf8_lossy(bytes);
        let lossy = matches!(text, std::borrow::Cow::Owned(_));
        if let Err(reason) = self.fields.split(&text) {
            return Verdict::Quarantine(reason.into());
        }
        let record = Record { header: &self.header, fields: &self.fields, odd: &self.odd, lossy };
        match record.check() {
            Ok(()) => accept(&record),
            Err(fault) => Verdict::Quarantine(fault),
        }
    }

    /// Reads one page; one without rows read is the end.
    fn page<T>(&mut self, accept: &mut dyn FnMut(&Record<'_>) -> Verdict<T>) -> Result<Page<T>, ImportError> {
        let mut page =
            Page { rows: Vec::new(), quarantine: Vec::new(), read: 0, duplicates: 0, bytes_read: 0 };
        while page.read < PAGE_LINES_MAX {
            let next = self.lines.advance();
            let line = self.lines.number();
            let failed = |source| ImportError::Read { file: self.name.clone(), line, source };
            let fault = match next.map_err(failed)? {
                Line::End => break,
                Line::Text if self.lines.text().trim_ascii().is_empty() => continue,
                Line::Text => None,
                Line::TooLong => Some(QuarantineReason::LineTooLong),
                Line::Truncated => Some(QuarantineReason::Truncated),
                Line::Damaged => Some(QuarantineReason::Damaged),
            };
            page.read += 1;
            if let Some(reason) = fault {
                page.quarantine.push(self.quarantined(reason.into(), false));
                continue;
            }
            match self.judge(accept) {
                Verdict::Good(value) => page.rows.push(Row { line, value }),
                Verdict::Duplicate => page.duplicates += 1,
                Verdict::Quarantine(fault) => page.quarantine.push(self.quarantined(fault, true)),
                Verdict::Refuse(Refusal { column, what }) => {
                    let (file, column) = (self.name.clone(), self.name_of(column));
                    return Err(ImportError::Refused { file, line, column, what: CleanText::new(&what) });
                }
            }
        }
        page.bytes_read = self.bytes_read.load(Ordering::Relaxed);
        Ok(page)
    }
}

/// At most `max` characters of a text, cleaned.
fn shown(text: &str, max: usize) -> CleanText {
    let end = text.char_indices().nth(max).map_or(text.len(), |(end, _)| end);
    CleanText::new(text.get(..end).unwrap_or(text))
}

/// Finds and reads the header line, past a byte order mark and blank lines; tells whether there is none because the
/// file has the form without one.
fn read_header(
    name: &CleanText,
    lines: &mut Lines,
    columns: &[Column],
    bare: Option<&Bare>,
) -> Result<(Header, bool), ImportError> {
    loop {
        let failed = |source| ImportError::Read { file: name.clone(), line: 1, source };
        let next = lines.advance().map_err(failed)?;
        let bytes = lines.text();
        let is_wide =
            bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.contains(&0);
        if is_wide {
            return Err(ImportError::NotUtf8 { file: name.clone() });
        }
        match next {
            Line::End => return Err(ImportError::Empty { file: name.clone() }),
            Line::TooLong => return Err(ImportError::BadHeader { file: name.clone() }),
            Line::Truncated | Line::Damaged => return Err(ImportError::Damaged { file: name.clone() }),
            Line::Text => {}
        }
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let line = String::from_utf8_lossy(bytes);
        if let Some(form) = bare.filter(|form| (form.is_row)(&line)) {
            lines.repeat();
            return Ok((Header::bare(form), true));
        }
        return Header::parse(name, &line, columns).map(|header| (header, false));
    }
}

type Accept<'a, T> = Box<dyn FnMut(&Record<'_>) -> Verdict<T> + 'a>;

/// The pages of one file. An error ends it; pages before it stand.
pub struct Pages<'a, T> {
    file: OpenFile,
    accept: Accept<'a, T>,
    ended: bool,
}

impl<'a, T> Pages<'a, T> {
    pub(super) fn new(file: OpenFile, accept: Accept<'a, T>) -> Self {
        Self { file, accept, ended: false }
    }
}

impl<T> Iterator for Pages<'_, T> {
    type Item = Result<Page<T>, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let page = self.file.page(&mut *self.accept);
        self.ended = page.as_ref().is_ok_and(|page| page.read == 0) || page.is_err();
        if self.ended && page.is_ok() { None } else { Some(page) }
    }
}
