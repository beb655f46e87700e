//! Lines of bounded length from a stream that may break off.
//!
//! A line is what stands between line feeds; a carriage return before one is dropped. A record never spans lines.
//! Memory is one line and one buffer. When a compressed stream breaks off, the unfinished line is thrown away: half a
//! number must not pass for a whole one.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

/// Longest line, in bytes without its line break.
pub const LINE_BYTES_MAX: usize = 65_536;
/// Read buffer, in bytes.
const BUFFER_BYTES: usize = 65_536;
/// What may stand before the first line.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What came next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::market) enum Line {
    /// A line; see [`Lines::text`].
    Text,
    /// A line over [`LINE_BYTES_MAX`]; its rest was skipped.
    TooLong,
    /// The compressed stream ended in the middle.
    Truncated,
    /// The compressed stream is damaged.
    Damaged,
    /// The end.
    End,
}

/// Reads lines one by one.
pub(in crate::market) struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    compressed: bool,
    line: Vec<u8>,
    number: u64,
    ended: bool,
    /// Whether the line last read is to be read once more.
    again: bool,
}

impl Lines {
    pub(in crate::market) fn new(reader: Box<dyn Read + Send>, compressed: bool) -> Self {
        let reader = BufReader::with_capacity(BUFFER_BYTES, reader);
        Self { reader, compressed, line: Vec::new(), number: 0, ended: false, again: false }
    }

    /// The bytes of the line last read, without its line break.
    pub(in crate::market) fn text(&self) -> &[u8] {
        self.line.strip_suffix(b"\r").unwrap_or(&self.line)
    }

    /// Number of the line last read, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Makes the line last read the next one too, without a byte order mark.
    pub(super) fn repeat(&mut self) {
        if self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        self.again = true;
    }

    /// Reads the next line. An error is a failing disk or pipe, not a damaged file.
    pub(in crate::market) fn advance(&mut self) -> io::Result<Line> {
        if std::mem::take(&mut self.again) {
            return Ok(Line::Text);
        }
        self.line.clear();
        if self.ended {
            return Ok(Line::End);
        }
        self.number += 1;
        let mut too_long = false;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return self.broken(error),
            };
            let end = available.iter().position(|b| *b == b'\n');
            let part = available.get(..end.unwrap_or(available.len())).unwrap_or(available);
            // One byte more than a line may have: room for a carriage return.
            too_long |= self.line.len() + part.len() > LINE_BYTES_MAX + 1;
            if !too_long {
                self.line.extend_from_slice(part);
            }
            let at_end = available.is_empty();
            let taken = part.len() + usize::from(end.is_some());
            self.reader.consume(taken);
            if at_end {
                self.ended = true;
                let nothing = self.line.is_empty() && !too_long;
                return Ok(if nothing { Line::End } else { self.finished(too_long) });
            }
            if end.is_some() {
                return Ok(self.finished(too_long));
            }
        }
    }

    fn finished(&self, too_long: bool) -> Line {
        if too_long || self.text().len() > LINE_BYTES_MAX { Line::TooLong } else { Line::Text }
    }

    /// A stream that broke off: by damage in the file, or by a failing disk or pipe.
    fn broken(&mut self, error: io::Error) -> io::Result<Line> {
        self.ended = true;
        if !self.compressed || error.raw_os_error().is_some() {
            return Err(error);
        }
        let truncated = error.kind() == ErrorKind::UnexpectedEof;
        Ok(if truncated { Line::Truncated } else { Line::Damaged })
    }
}
