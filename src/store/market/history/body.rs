//! The values of a history, series by series, from memory or from the cache file.
//!
//! A series read from the file is checked against its checksum, so a damaged file is noticed, never believed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::super::super::codec::day;
use super::super::super::error::StoreError;
use super::super::prices::Chosen;
use super::scan::Lists;
use super::{Body, HistorySeries, PriceHistory};
use crate::domain::{Price, Volume};

/// Columns that every series has: open, high, low, close, volume.
const COLUMNS: usize = 5;
/// Bytes of one value.
pub(super) const VALUE_BYTES: usize = 8;

/// Bars of one series, a list a column; used again and again.
#[derive(Debug, Default)]
pub struct PriceLists {
    /// Places of the bars' sessions, counted from the first session asked for.
    pub sessions: Vec<usize>,
    /// First prices.
    pub open: Vec<Price>,
    /// Highest prices.
    pub high: Vec<Price>,
    /// Lowest prices.
    pub low: Vec<Price>,
    /// Last prices.
    pub close: Vec<Price>,
    /// Volumes.
    pub volume: Vec<Volume>,
    /// Volume-weighted average prices; empty when the source has none.
    pub vwap: Vec<Option<Price>>,
    bytes: Vec<u8>,
}

/// Reads a history; one for each thread.
#[derive(Debug)]
pub struct HistoryReader<'h> {
    history: &'h PriceHistory,
    file: Option<File>,
}

impl HistorySeries {
    /// Number of columns.
    pub(super) fn columns(&self) -> usize {
        COLUMNS + usize::from(self.has_vwap)
    }

    /// Size of its values in the file.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.bars.checked_mul(self.columns())?.checked_mul(VALUE_BYTES)
    }
}

impl PriceHistory {
    /// A reader of its own for one thread.
    pub fn reader(&self) -> HistoryReader<'_> {
        HistoryReader { history: self, file: None }
    }
}

impl HistoryReader<'_> {
    /// Reads the bars of a series within a range of sessions (places in the history).
    pub fn read(
        &mut self,
        series: usize,
        sessions: &Range<usize>,
        into: &mut PriceLists,
    ) -> Result<(), StoreError> {
        into.sessions.clear();
        let Some(about) = self.history.series.get(series) else { return Ok(()) };
        let before = about.sessions_in(sessions, &mut into.sessions);
        into.sessions.iter_mut().for_each(|session| *session -= sessions.start);
        let bars = before..before + into.sessions.len();
        match &self.history.body {
            Body::Memory(lists) => {
                let Some(lists) = lists.get(series) else { return Ok(()) };
                let column = |at: usize| {
                    let list = lists.columns.get(at).and_then(|c| c.get(bars.clone())).unwrap_or(&[]);
                    list.iter().copied()
                };
                fill(into, column, about.has_vwap);
            }
            Body::File(path) => {
                load(&mut self.file, path, about, &mut into.bytes)?;
                let bytes = std::mem::take(&mut into.bytes);
                let column = |at: usize| {
                    let start = at * about.bars;
                    let range = (start + bars.start) * VALUE_BYTES..(start + bars.end) * VALUE_BYTES;
                    values(bytes.get(range).unwrap_or(&[]))
                };
                fill(into, column, about.has_vwap);
                into.bytes = bytes;
            }
        }
        Ok(())
    }
}

/// Little-endian values.
fn values(bytes: &[u8]) -> impl Iterator<Item = i64> + '_ {
    bytes.as_chunks::<VALUE_BYTES>().0.iter().map(|chunk| i64::from_le_bytes(*chunk))
}

fn fill<I: Iterator<Item = i64>>(into: &mut PriceLists, column: impl Fn(usize) -> I, has_vwap: bool) {
    let lists = [&mut into.open, &mut into.high, &mut into.low, &mut into.close];
    for (at, list) in lists.into_iter().enumerate() {
        list.clear();
        list.extend(column(at).map(Price::from_raw));
    }
    into.volume.clear();
    into.volume.extend(column(4).map(Volume::from_raw));
    into.vwap.clear();
    if has_vwap {
        into.vwap.extend(column(5).map(|raw| (raw != i64::MIN).then(|| Price::from_raw(raw))));
    }
}

/// Reads a series' bytes from the file and checks them.
fn load(
    file: &mut Option<File>,
    path: &Path,
    about: &HistorySeries,
    bytes: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let damaged = || StoreError::DamagedCache { path: path.to_path_buf() };
    let opened = match file.take() {
        Some(opened) => opened,
        None => super::file::plain(path).and_then(|()| File::open(path)).map_err(|_| damaged())?,
    };
    let file = file.insert(opened);
    bytes.resize(about.bytes().ok_or_else(damaged)?, 0);
    file.seek(SeekFrom::Start(about.place)).map_err(|_| damaged())?;
    file.read_exact(bytes).map_err(|_| damaged())?;
    if crc32fast::hash(bytes) == about.checksum { Ok(()) } else { Err(damaged()) }
}

/// Hands out the values of an older cache, for series that have only grown since.
pub(super) struct RawLists<'h> {
    reader: HistoryReader<'h>,
    bytes: Vec<u8>,
}

impl<'h> RawLists<'h> {
    pub(super) fn new(base: &'h PriceHistory) -> Self {
        Self { reader: base.reader(), bytes: Vec::new() }
    }

    /// The values of a chosen source up to the older cache's last bar; `None` when they must be read again.
    pub(super) fn unchanged(&mut self, chosen: &Chosen) -> Option<Lists> {
        let base = self.reader.history;
        let Body::File(path) = &base.body else { return None };
        let at = base.series.binary_search_by_key(&chosen.instrument, |s| s.instrument).ok()?;
        let about = base.series.get(at)?;
        if about.source_id != chosen.id || chosen.rewritten > base.revision.number {
            return None;
        }
        load(&mut self.reader.file, path, about, &mut self.bytes).ok()?;
        let mut places = Vec::with_capacity(about.bars);
        about.sessions_in(&(0..base.sessions.len()), &mut places);
        let dates = places.iter().filter_map(|place| base.sessions.get(*place));
        let mut lists = Lists { days: dates.map(|d| day(*d)).collect(), ..Lists::default() };
        for (at, column) in lists.columns.iter_mut().enumerate() {
            let start = at * about.bars * VALUE_BYTES;
            let range = start..start + about.bars * VALUE_BYTES;
            column.extend(self.bytes.get(range).map(values).into_iter().flatten());
            column.resize(about.bars, i64::MIN);
        }
        (lists.days.len() == about.bars).then_some(lists)
    }
}
