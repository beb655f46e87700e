//! The cache file: header, index, values; all numbers little-endian.
//!
//! | part | holds |
//! |---|---|
//! | header, 64 bytes | magic, format version, CRC-32 of the index, its length, file length, revision, CRC-32 of the header |
//! | index | sessions (days since 1970-01-01), then for each series: symbol, exchange, source, basis, source number, bars, whether it has vwap, place and CRC-32 of its values, and a bit for each session |
//! | values | for each series open, high, low, close, volume (and vwap), each a list of `i64` at the store's scales |
//!
//! What does not fit the checks is damaged: it is never believed and never an error.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::super::super::codec::day;
use super::super::super::error::StoreError;
use super::scan::{Lists, date_of};
use super::{Body, HistorySeries, Origin, PriceHistory, Revision, WORD};
use crate::domain::market::Basis;
use crate::domain::{CleanText, InstrumentId, Symbol};

const MAGIC: &[u8; 8] = b"QLPRICES";
/// Version of the layout.
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 64;
/// Most bytes of an index; 100,000 series over 10,000 sessions take less.
const INDEX_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Refuses what is no regular file before it is opened: opening a pipe waits for a writer, perhaps for ever.
pub(super) fn plain(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.is_file() { Ok(()) } else { Err(io::Error::other("it is no regular file")) }
}

/// Opens a cache file; `None` when there is none, the fault in words when it cannot be used.
pub(super) fn open(path: &Path) -> Result<Option<PriceHistory>, String> {
    let mut file = match plain(path).and_then(|()| File::open(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    let mut header = [0_u8; HEADER_BYTES];
    file.read_exact(&mut header).map_err(|_| "it is too short".to_owned())?;
    let header = Header::decode(&header)?;
    if header.file_bytes != length || header.index_bytes > INDEX_BYTES_MAX.min(length) {
        return Err("its length is not the one it names".to_owned());
    }
    let mut index = vec![0; usize::try_from(header.index_bytes).unwrap_or(0)];
    file.read_exact(&mut index).map_err(|e| e.to_string())?;
    if crc32fast::hash(&index) != header.index_checksum {
        return Err("its index is damaged".to_owned());
    }
    let (sessions, series) = decode(&index, length).ok_or("its index makes no sense")?;
    let body = Body::File(path.to_path_buf());
    Ok(Some(PriceHistory { revision: header.revision, sessions, series, body, origin: Origin::Cache }))
}

struct Header {
    index_checksum: u32,
    index_bytes: u64,
    file_bytes: u64,
    revision: Revision,
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend(MAGIC);
        out.extend(FORMAT.to_le_bytes());
        out.extend(self.index_checksum.to_le_bytes());
        out.extend(self.index_bytes.to_le_bytes());
        out.extend(self.file_bytes.to_le_bytes());
        out.extend(self.revision.number.to_le_bytes());
        out.extend(self.revision.mark.to_le_bytes());
        out.resize(HEADER_BYTES - 4, 0);
        let checksum = crc32fast::hash(&out);
        out.extend(checksum.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, String> {
        let damaged = || "its header is damaged".to_owned();
        let (body, checksum) = bytes.split_at(HEADER_BYTES - 4);
        let mut input = Input(body);
        if input.take(MAGIC.len()) != Some(MAGIC) {
            return Err("it is no cache of prices".to_owned());
        }
        if input.u32() != Some(FORMAT) {
            return Err("it is of another version".to_owned());
        }
        if Input(checksum).u32() != Some(crc32fast::hash(body)) {
            return Err(damaged());
        }
        let mut read = || {
            Some(Self {
                index_checksum: input.u32()?,
                index_bytes: input.u64()?,
                file_bytes: input.u64()?,
                revision: Revision { number: input.u64()?.cast_signed(), mark: input.u64()?.cast_signed() },
            })
        };
        read().ok_or_else(damaged)
    }
}

/// Bytes to be read from the front.
struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn encode(history: &PriceHistory) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend((history.sessions.len() as u32).to_le_bytes());
    history.sessions.iter().for_each(|date| out.extend(day(*date).to_le_bytes()));
    out.extend((history.series.len() as u32).to_le_bytes());
    for series in &history.series {
        put_text(&mut out, series.instrument.symbol.as_str());
        put_text(&mut out, series.instrument.exchange.code());
        put_text(&mut out, series.source.as_str());
        put_text(&mut out, series.basis.as_str());
        out.extend(series.source_id.to_le_bytes());
        out.extend((series.bars as u64).to_le_bytes());
        out.extend(u32::from(series.has_vwap).to_le_bytes());
        out.extend(series.place.to_le_bytes());
        out.extend(series.checksum.to_le_bytes());
        series.days.iter().for_each(|word| out.extend(word.to_le_bytes()));
    }
    out
}

/// Sessions and series of an index; `None` when it is none, or points outside a file of `length` bytes.
fn decode(index: &[u8], length: u64) -> Option<(Vec<chrono::NaiveDate>, Vec<HistorySeries>)> {
    let mut input = Input(index);
    let count = input.u32()? as usize;
    let days = input.take(count.checked_mul(4)?)?;
    let dates = days.as_chunks::<4>().0.iter().map(|d| date_of(i32::from_le_bytes(*d)));
    let sessions: Vec<chrono::NaiveDate> = dates.collect::<Option<_>>()?;
    let ascending = sessions.is_sorted_by(|a, b| a < b);
    let mut series = Vec::new();
    for _ in 0..input.u32()? {
        series.push(decode_series(&mut input, sessions.len(), length)?);
    }
    let ordered = series.is_sorted_by(|a, b| a.instrument < b.instrument);
    (ascending && ordered && input.0.is_empty()).then_some((sessions, series))
}

fn decode_series(input: &mut Input<'_>, sessions: usize, length: u64) -> Option<HistorySeries> {
    let symbol: Symbol = input.text()?.parse().ok()?;
    let instrument = InstrumentId::new(symbol, input.text()?.parse().ok()?);
    let source = CleanText::new(input.text()?);
    let basis = Basis::parse(input.text()?)?;
    let source_id = input.u64()?.cast_signed();
    let bars = usize::try_from(input.u64()?).ok()?;
    let has_vwap = input.u32()? != 0;
    let (place, checksum) = (input.u64()?, input.u32()?);
    let words = input.take(sessions.div_ceil(WORD).checked_mul(8)?)?;
    let days: Vec<u64> = words.as_chunks::<8>().0.iter().map(|w| u64::from_le_bytes(*w)).collect();
    let set: usize = days.iter().map(|w| w.count_ones() as usize).sum();
    let series =
        HistorySeries { instrument, source, basis, source_id, days, bars, has_vwap, place, checksum };
    let end = place.checked_add(u64::try_from(series.bytes()?).ok()?)?;
    let beyond = series.days.last().copied().unwrap_or(0).checked_shr((sessions % WORD) as u32).unwrap_or(0);
    let inside = sessions.is_multiple_of(WORD) || beyond == 0;
    (set == bars && inside && end <= length).then_some(series)
}

/// The bytes of a series' values.
fn pack(lists: &Lists, columns: usize, into: &mut Vec<u8>) {
    into.clear();
    for column in lists.columns.iter().take(columns) {
        column.iter().for_each(|value| into.extend(value.to_le_bytes()));
    }
}

/// Removes what a process left behind that was killed while it wrote. One that is still writing merely fails to.
fn sweep(folder: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(prefix)) {
        // What cannot be removed is left for the next time.
        drop(std::fs::remove_file(entry.path()));
    }
}

/// Writes a history that was read from the store, beside the name and renamed.
pub(super) fn write(path: &Path, history: &mut PriceHistory) -> Result<(), StoreError> {
    let Body::Memory(lists) = &history.body else { return Ok(()) };
    let mut values = Vec::new();
    let mut place = 0_u64;
    let folder = path.parent().unwrap_or(Path::new("."));
    let io = || StoreError::io(path, "write the cache of prices");
    let prefix = format!(".{}-", path.file_name().unwrap_or_default().to_string_lossy());
    sweep(folder, &prefix);
    let file = tempfile::Builder::new().prefix(&prefix).tempfile_in(folder).map_err(io())?;
    let mut out = BufWriter::new(file);
    // The index stands first and names checksums: its length is known before its content.
    let index_bytes = encode(history).len() as u64;
    for (series, lists) in history.series.iter_mut().zip(lists) {
        pack(lists, series.columns(), &mut values);
        series.checksum = crc32fast::hash(&values);
        series.place = HEADER_BYTES as u64 + index_bytes + place;
        place += values.len() as u64;
    }
    let index = encode(history);
    let header = Header {
        index_checksum: crc32fast::hash(&index),
        index_bytes,
        file_bytes: HEADER_BYTES as u64 + index_bytes + place,
        revision: history.revision,
    };
    out.write_all(&header.encode()).map_err(io())?;
    out.write_all(&index).map_err(io())?;
    let Body::Memory(lists) = &history.body else { return Ok(()) };
    for (series, lists) in history.series.iter().zip(lists) {
        pack(lists, series.columns(), &mut values);
        out.write_all(&values).map_err(io())?;
    }
    let file = out.into_inner().map_err(|e| io()(e.into_error()))?;
    file.persist(path).map_err(|e| io()(e.error))?;
    Ok(())
}
