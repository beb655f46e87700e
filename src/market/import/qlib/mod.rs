//! A Qlib data folder: `calendars/day.txt`, `instruments/<market>.txt`, `features/<symbol>/<field>.day.bin`.
//!
//! A `.bin` is little-endian `f32` throughout: the place in the calendar of its first value, then one value a calendar
//! day, NaN for none. Opening a folder reads calendar and instruments and checks the head of every file that may be
//! used, so that what condemns the folder is found before anything is stored. Paths are made from symbols that are
//! plain file names only; nothing outside the folder is named.

mod rows;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

pub use write::{QlibOut, QlibSeries};

use super::{ImportError, when};
use crate::domain::{CleanText, Symbol};

/// Fields that are used; others are listed as ignored.
pub const FIELDS: [&str; 8] = ["open", "high", "low", "close", "volume", "vwap", "factor", "change"];
/// Largest calendar or list of instruments.
const TEXT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most days of a calendar: `f32` counts no further in steps of one.
const DAYS_MAX: usize = 1 << 24;
/// Bytes of one value.
const VALUE_BYTES: usize = 4;
/// What stands before a symbol that some systems take for a device.
const DEVICE_PREFIX: &str = "_qlib_";
/// The list of instruments that stands for all.
pub const ALL: &str = "all";

/// A period in which an instrument is listed or a member; both days belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Instrument.
    pub symbol: Symbol,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// One field of one instrument.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Feature {
    /// Place in the calendar of the first value.
    pub start: usize,
    /// Values, NaN for none.
    pub values: Vec<f32>,
}

impl Feature {
    /// The value on a day of the calendar.
    pub fn at(&self, day: usize) -> f32 {
        day.checked_sub(self.start).and_then(|at| self.values.get(at)).copied().unwrap_or(f32::NAN)
    }

    /// Days of the calendar that it covers.
    pub fn days(&self) -> Range<usize> {
        self.start..self.start + self.values.len()
    }
}

/// A folder whose calendar, instruments and file heads are good.
#[derive(Debug)]
pub struct QlibFolder {
    root: PathBuf,
    calendar: Vec<NaiveDate>,
    universes: BTreeMap<String, Vec<Listed>>,
    /// Fields that each listed instrument has a file of; nothing for one without a folder.
    present: BTreeMap<Symbol, BTreeSet<&'static str>>,
    ignored: Vec<CleanText>,
}

/// The folder's name for a symbol; `None` when it is no plain file name.
fn folder_of(symbol: Symbol) -> Option<String> {
    let name = symbol.as_str();
    if name.starts_with('.') || name.contains(['/', '\\']) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        let rest = lower.strip_prefix(device);
        rest.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    });
    let device = numbered || matches!(lower.as_str(), "con" | "prn" | "aux" | "nul");
    Some(if device { format!("{DEVICE_PREFIX}{lower}") } else { lower })
}

fn fault(path: &Path, what: impl Into<String>) -> ImportError {
    ImportError::Folder { file: shown(path), what: what.into() }
}

fn shown(path: &Path) -> CleanText {
    CleanText::new(&path.to_string_lossy())
}

impl QlibFolder {
    /// Reads calendar and instruments and checks the head of every file that may be used.
    pub fn open(root: &Path) -> Result<Self, ImportError> {
        let calendar = read_calendar(&root.join("calendars").join("day.txt"))?;
        let universes = read_universes(&root.join("instruments"))?;
        let mut folder = Self {
            root: root.to_path_buf(),
            calendar,
            universes,
            present: BTreeMap::new(),
            ignored: Vec::new(),
        };
        let features = root.join("features");
        if !features.is_dir() {
            return Err(fault(
                &features,
                "is no folder; a Qlib folder holds features/<symbol>/<field>.day.bin",
            ));
        }
        let mut ignored = BTreeSet::new();
        for symbol in folder.symbols() {
            let present = folder.look_at(symbol, &mut ignored)?;
            folder.present.insert(symbol, present);
        }
        folder.ignored = ignored.into_iter().map(|name| CleanText::new(&name)).collect();
        Ok(folder)
    }

    /// Days, ascending.
    pub fn calendar(&self) -> &[NaiveDate] {
        &self.calendar
    }

    /// Names of the lists of instruments.
    pub fn universes(&self) -> impl Iterator<Item = &str> {
        self.universes.keys().map(String::as_str)
    }

    /// Periods of a list of instruments, by symbol and day.
    pub fn listed(&self, universe: &str) -> Option<&[Listed]> {
        self.universes.get(&universe.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// Every symbol of every list, ascending.
    pub fn symbols(&self) -> Vec<Symbol> {
        let all: BTreeSet<Symbol> = self.universes.values().flatten().map(|l| l.symbol).collect();
        all.into_iter().collect()
    }

    /// Fields in the folder that are not used.
    pub fn ignored(&self) -> &[CleanText] {
        &self.ignored
    }

    /// Whether there is a file of a field of a symbol.
    pub fn has(&self, symbol: Symbol, field: &str) -> bool {
        self.present.get(&symbol).is_some_and(|fields| fields.contains(field))
    }

    /// Name of a symbol's folder, as messages show it.
    pub fn name_of(&self, symbol: Symbol) -> CleanText {
        shown(&self.folder(symbol).unwrap_or_else(|| self.root.clone()))
    }

    fn folder(&self, symbol: Symbol) -> Option<PathBuf> {
        Some(self.root.join("features").join(folder_of(symbol)?))
    }

    /// One field of one symbol; `None` when there is no such file.
    pub fn feature(&self, symbol: Symbol, field: &str) -> Result<Option<Feature>, ImportError> {
        let Some(folder) = self.folder(symbol).filter(|_| self.has(symbol, field)) else { return Ok(None) };
        let path = folder.join(format!("{field}.day.bin"));
        plain(&path)?;
        let bytes = fs::read(&path).map_err(|source| ImportError::Open { file: shown(&path), source })?;
        let start = self.check(&path, &bytes, bytes.len() as u64)?;
        let values = bytes.as_chunks::<VALUE_BYTES>().0.iter().skip(1).map(|b| f32::from_le_bytes(*b));
        Ok(Some(Feature { start, values: values.collect() }))
    }

    /// The fields of one symbol, their files' heads checked.
    fn look_at(
        &self,
        symbol: Symbol,
        ignored: &mut BTreeSet<String>,
    ) -> Result<BTreeSet<&'static str>, ImportError> {
        let mut present = BTreeSet::new();
        let Some(folder) = self.folder(symbol) else { return Ok(present) };
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(present) };
        for entry in entries {
            let entry = entry.map_err(|source| ImportError::Open { file: shown(&folder), source })?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(field) = name.strip_suffix(".day.bin") else { continue };
            let Some(known) = FIELDS.into_iter().find(|known| *known == field) else {
                ignored.insert(field.to_owned());
                continue;
            };
            let path = entry.path();
            let failed = |source| ImportError::Open { file: shown(&path), source };
            plain(&path)?;
            let mut file = File::open(&path).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            let mut head = Vec::with_capacity(VALUE_BYTES);
            file.by_ref().take(VALUE_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
            self.check(&path, &head, length)?;
            present.insert(known);
        }
        Ok(present)
    }

    /// Checks a file of `length` bytes that begins with `head`; the place of its first value.
    fn check(&self, path: &Path, head: &[u8], length: u64) -> Result<usize, ImportError> {
        let Some(head) =
            head.first_chunk::<VALUE_BYTES>().filter(|_| length.is_multiple_of(VALUE_BYTES as u64))
        else {
            let what = format!("is {length} bytes long; it must be one f32 and more, 4 bytes each");
            return Err(fault(path, what));
        };
        let start = f32::from_le_bytes(*head);
        let days = self.calendar.len();
        let values = usize::try_from(length).unwrap_or(usize::MAX) / VALUE_BYTES - 1;
        let whole = start >= 0.0 && start.fract() == 0.0 && start < DAYS_MAX as f32;
        if !whole || (start as usize).saturating_add(values) > days {
            let what = format!(
                "begins at day {start} and has {values} values, but the calendar has {days} days; fetch it again"
            );
            return Err(fault(path, what));
        }
        Ok(start as usize)
    }
}

/// Refuses what is no regular file before it is opened: opening a pipe waits for a writer, perhaps for ever.
fn plain(path: &Path) -> Result<(), ImportError> {
    let about = fs::metadata(path).map_err(|source| ImportError::Open { file: shown(path), source })?;
    if about.is_file() { Ok(()) } else { Err(fault(path, "is no regular file; fetch it again".to_owned())) }
}

/// A text file of the folder, by lines that are not blank, with their numbers.
fn read_lines(path: &Path) -> Result<Vec<(usize, String)>, ImportError> {
    let failed = |source| ImportError::Open { file: shown(path), source };
    plain(path)?;
    let file = File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end().to_owned()));
    Ok(lines.filter(|(_, line)| !line.is_empty()).collect())
}

fn read_calendar(path: &Path) -> Result<Vec<NaiveDate>, ImportError> {
    let mut days: Vec<NaiveDate> = Vec::new();
    for (number, line) in read_lines(path)? {
        let day = when::parse_day(line.trim());
        let day = day.ok_or_else(|| fault(path, format!("line {number} is no date; write YYYY-MM-DD")))?;
        if days.last().is_some_and(|last| *last >= day) {
            return Err(fault(
                path,
                format!("line {number} is not after the day before it; sort the calendar"),
            ));
        }
        days.push(day);
    }
    if days.is_empty() || days.len() > DAYS_MAX {
        return Err(fault(path, format!("has {} days; it must have 1 to {DAYS_MAX}", days.len())));
    }
    Ok(days)
}

fn read_universes(folder: &Path) -> Result<BTreeMap<String, Vec<Listed>>, ImportError> {
    let entries = fs::read_dir(folder).map_err(|source| ImportError::Open { file: shown(folder), source })?;
    let mut universes = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|source| ImportError::Open { file: shown(folder), source })?.path();
        let is_list = path.extension().is_some_and(|e| e == "txt");
        if let Some(name) = path.file_stem().and_then(|s| s.to_str()).filter(|_| is_list) {
            universes.insert(name.to_ascii_lowercase(), read_instruments(&path)?);
        }
    }
    if !universes.contains_key(ALL) {
        return Err(fault(
            &folder.join("all.txt"),
            "is not there; it lists every symbol with its first and last day",
        ));
    }
    Ok(universes)
}

fn read_instruments(path: &Path) -> Result<Vec<Listed>, ImportError> {
    let mut listed = Vec::new();
    for (number, line) in read_lines(path)? {
        let bad = |what: &str| fault(path, format!("line {number}: {what}"));
        let mut parts = line.split('\t');
        let (Some(name), Some(from), Some(to)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("is not 'symbol, first day, last day' with tabs between them"));
        };
        let symbol: Symbol = name.trim().to_ascii_uppercase().parse().map_err(|e| bad(&format!("{e}")))?;
        if folder_of(symbol).is_none() {
            return Err(bad("the symbol is no plain file name; it must not hold '/' nor begin with '.'"));
        }
        let day = |text: &str| {
            when::parse_day(text.trim()).ok_or_else(|| bad("a day is no date; write YYYY-MM-DD"))
        };
        let (from, to) = (day(from)?, day(to)?);
        if to < from {
            return Err(bad("the last day is before the first"));
        }
        listed.push(Listed { symbol, from, to });
    }
    listed.sort_unstable();
    listed.dedup();
    Ok(listed)
}

#[cfg(test)]
mod tests;
