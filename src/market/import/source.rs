//! Where bytes come from: a file, standard input or any reader; plain, gzip or zstd.
//!
//! Compression is told by the first bytes, not by the name. Bytes are counted before decompression, so that progress
//! can be measured against the file's size. Nothing is read ahead beyond fixed buffers.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{ImportError, Lines};
use crate::domain::CleanText;

/// First bytes of a gzip member.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// First bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Largest zstd window accepted, as a power of two of bytes (128 MiB: what `zstd -19 --long` writes).
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// A named stream of bytes to import.
pub struct Source {
    pub(super) name: CleanText,
    pub(super) reader: Box<dyn Read + Send>,
    pub(super) bytes_read: Arc<AtomicU64>,
    bytes_total: Option<u64>,
}

/// Counts what passes through.
struct Counting<R> {
    inner: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Source {
    /// From any reader; `name` is what messages call it.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Self {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let reader = Box::new(Counting { inner: reader, bytes_read: Arc::clone(&bytes_read) });
        Self { name: CleanText::new(name), reader, bytes_read, bytes_total: None }
    }

    /// Opens a file; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let name = path.to_string_lossy();
        if name == "-" {
            return Ok(Self::from_reader("-", io::stdin()));
        }
        let failed = |source| ImportError::Open { file: CleanText::new(&name), source };
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(ImportError::Directory { file: CleanText::new(&name) });
        }
        let bytes_total = about.is_file().then_some(about.len());
        Ok(Self { bytes_total, ..Self::from_reader(&name, file) })
    }

    /// What messages call it.
    pub const fn name(&self) -> &CleanText {
        &self.name
    }

    /// The decompressed bytes, for files that are read otherwise than as pages of rows.
    pub fn into_reader(self) -> Result<Box<dyn Read + Send>, ImportError> {
        self.decompressed().map(|(reader, _)| reader)
    }

    /// The same as lines.
    pub(in crate::market) fn into_lines(self) -> Result<Lines, ImportError> {
        self.decompressed().map(|(reader, compressed)| Lines::new(reader, compressed))
    }

    /// Size before decompression, where it is known.
    pub const fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }

    /// The decompressed bytes, and whether they were compressed.
    pub(super) fn decompressed(mut self) -> Result<(Box<dyn Read + Send>, bool), ImportError> {
        let failed = |source| ImportError::Read { file: self.name.clone(), line: 1, source };
        let mut start = Vec::with_capacity(ZSTD_MAGIC.len());
        let wanted = ZSTD_MAGIC.len() as u64;
        self.reader.by_ref().take(wanted).read_to_end(&mut start).map_err(failed)?;
        let (gzip, zstd) = (start.starts_with(&GZIP_MAGIC), start.starts_with(&ZSTD_MAGIC));
        let whole = Cursor::new(start).chain(self.reader);
        if gzip {
            return Ok((Box::new(flate2::read::MultiGzDecoder::new(whole)), true));
        }
        if zstd {
            let mut decoder = zstd::stream::read::Decoder::new(whole).map_err(failed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(failed)?;
            return Ok((Box::new(decoder), true));
        }
        Ok((Box::new(whole), false))
    }
}
