//! Panels of given files: a bars file, or a Qlib data folder.
//!
//! Values are taken as they stand, an empty cell is missing. Columns `sector` and `industry` of a bars file say what a
//! symbol belonged to on each day. A Qlib folder's lists say on which days its symbols are shown and ranked; windows
//! reach back over all their rows all the same, as Qlib's do.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::factors::FactorFileError;
use super::table::{BAD_DATE, BAD_NUMBER, bad, parse_date, parse_value};
use crate::domain::{CleanText, Exchange, InstrumentId, QuarantineReason, Symbol};
use crate::factor::panel::{FIELDS, Group, InstrumentRows, Panel, PanelBuilder, PanelError};
use crate::market::import::{ALL, Listed, QLIB_FIELDS, QlibFolder, Source, parse_symbol};

/// Columns that a bars file may leave out: their values are missing then, and no expression is refused for them.
const OPTIONAL: [&str; 3] = ["vwap", "change", "factor"];
/// Columns that say what a symbol belonged to on the day of the row.
const GROUPS: [(&str, Group); 2] = [("sector", Group::Sector), ("industry", Group::Industry)];
/// Most rows of a bars file.
const ROWS_MAX: usize = 100_000_000;

/// Which files to compute on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A bars file; `-` is standard input. The sessions are the dates of the bars without a calendar.
    Bars {
        /// Bars.
        file: PathBuf,
        /// File with one date a line.
        calendar: Option<PathBuf>,
    },
    /// A Qlib data folder.
    Qlib {
        /// The folder.
        folder: PathBuf,
        /// One of its lists of instruments; `all` when missing.
        universe: Option<String>,
    },
}

/// A panel to compute on, perhaps as the members of a universe see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Values.
    pub panel: Panel,
}

impl Sheet {
    /// Whether an instrument has a row to show there.
    pub fn shows(&self, instrument: usize, row: usize) -> bool {
        self.panel.span(instrument).contains(&row) && self.panel.is_member(instrument, row)
    }
}

/// Reads the files.
pub fn read(input: &Input) -> Result<Sheet, FactorFileError> {
    match input {
        Input::Bars { file, calendar } => {
            let calendar = calendar.as_deref().map(read_calendar).transpose()?;
            Ok(Sheet { panel: Bars::read(file)?.panel(calendar)? })
        }
        Input::Qlib { folder, universe } => read_qlib(folder, universe.as_deref().unwrap_or(ALL)),
    }
}

/// A symbol as files and people write it.
pub(super) fn symbol_named(text: &str) -> Result<Symbol, QuarantineReason> {
    parse_symbol(text, Exchange::Xnys)
}

/// On a file a symbol is enough; the exchange only completes the id.
fn on_file(symbol: Symbol) -> InstrumentId {
    InstrumentId::new(symbol, Exchange::Xnys)
}

/// One date a line; a first line that is no date is a header.
fn read_calendar(path: &Path) -> Result<Vec<NaiveDate>, FactorFileError> {
    let name = CleanText::new(&path.to_string_lossy());
    let reader = BufReader::new(Source::open(path)?.into_reader()?);
    let mut days = Vec::new();
    for (index, line) in reader.lines().enumerate() {
        let number = index as u64 + 1;
        let line = line.map_err(|e| bad(&name, number, &format!("cannot be read: {e}")))?;
        let text = line.trim().trim_start_matches('\u{feff}');
        match parse_date(text) {
            Some(day) => days.push(day),
            None if index == 0 || text.is_empty() => {}
            None => return Err(bad(&name, number, BAD_DATE)),
        }
    }
    Ok(days)
}

/// The rows of a bars file, in flat lists.
#[derive(Debug, Default)]
struct Bars {
    /// Symbols in the order of their first rows.
    symbols: Vec<Symbol>,
    /// Symbol (its place among `symbols`) and day of each row.
    keys: Vec<(u32, NaiveDate)>,
    /// Fields of each row.
    fields: Vec<&'static str>,
    /// `fields.len()` values a row.
    values: Vec<f32>,
    /// Groupings of the file, each with its names and a name's place for each row.
    groups: Vec<(Group, Vec<String>, Vec<u32>)>,
}

/// Where a header has what.
struct Places {
    date: usize,
    symbol: usize,
    values: Vec<usize>,
    groups: Vec<usize>,
}

impl Bars {
    fn read(path: &Path) -> Result<Self, FactorFileError> {
        let name = CleanText::new(&path.to_string_lossy());
        let mut csv =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(Source::open(path)?.into_reader()?);
        let header = csv.headers().map_err(|e| bad(&name, 1, &e.to_string()))?.clone();
        let (mut bars, places) = Self::of_header(&header, &name)?;
        let mut numbers: HashMap<Symbol, u32> = HashMap::new();
        let mut codes: Vec<HashMap<String, u32>> = vec![HashMap::new(); places.groups.len()];
        let mut record = csv::StringRecord::new();
        loop {
            let more = csv.read_record(&mut record);
            let more =
                more.map_err(|e| bad(&name, e.position().map_or(0, csv::Position::line), &e.to_string()))?;
            if !more {
                return Ok(bars);
            }
            let line = record.position().map_or(0, csv::Position::line);
            let text = |at: usize| record.get(at).unwrap_or("");
            let date = parse_date(text(places.date)).ok_or_else(|| bad(&name, line, BAD_DATE))?;
            let symbol =
                symbol_named(text(places.symbol)).map_err(|reason| bad(&name, line, reason.remedy()))?;
            let number = *numbers.entry(symbol).or_insert_with(|| {
                bars.symbols.push(symbol);
                bars.symbols.len() as u32 - 1
            });
            if bars.keys.len() >= ROWS_MAX {
                return Err(bad(
                    &name,
                    line,
                    "the file has more rows than one run takes; split it by symbol",
                ));
            }
            bars.keys.push((number, date));
            for at in &places.values {
                let value = parse_value(text(*at)).ok_or_else(|| bad(&name, line, BAD_NUMBER))?;
                bars.values.push(value as f32);
            }
            for ((at, codes), (_, names, rows)) in places.groups.iter().zip(&mut codes).zip(&mut bars.groups)
            {
                let group = CleanText::new(text(*at));
                let code = codes.get(group.as_str()).copied().unwrap_or_else(|| {
                    names.push(group.to_string());
                    codes.insert(group.to_string(), names.len() as u32 - 1);
                    names.len() as u32 - 1
                });
                rows.push(code);
            }
        }
    }

    fn of_header(header: &csv::StringRecord, name: &CleanText) -> Result<(Self, Places), FactorFileError> {
        let place = |wanted: &str| header.iter().position(|h| h.trim_start_matches('\u{feff}') == wanted);
        let missing = |column: &str| bad(name, 1, &format!("there is no column '{column}'; name one so"));
        let (fields, values) = FIELDS.iter().filter_map(|f| Some((f.name, place(f.name)?))).unzip();
        let found = GROUPS.iter().filter_map(|(column, group)| Some((*group, place(column)?)));
        let (groups, group_places): (Vec<Group>, Vec<usize>) = found.unzip();
        let groups = groups.into_iter().map(|group| (group, Vec::new(), Vec::new())).collect();
        let places = Places {
            date: place("date").ok_or_else(|| missing("date"))?,
            symbol: place("symbol").ok_or_else(|| missing("symbol"))?,
            values,
            groups: group_places,
        };
        Ok((Self { fields, groups, ..Self::default() }, places))
    }

    /// The panel of the rows, on the days of a calendar or their own.
    fn panel(self, calendar: Option<Vec<NaiveDate>>) -> Result<Panel, FactorFileError> {
        let sessions = calendar.unwrap_or_else(|| self.keys.iter().map(|(_, date)| *date).collect());
        let mut builder = PanelBuilder::new(sessions);
        let mut rows: BTreeMap<InstrumentId, Vec<u32>> = BTreeMap::new();
        let mut by_symbol: Vec<Vec<u32>> = vec![Vec::new(); self.symbols.len()];
        for (row, (symbol, _)) in self.keys.iter().enumerate() {
            if let Some(own) = by_symbol.get_mut(*symbol as usize) {
                own.push(row as u32);
            }
        }
        for (symbol, mut own) in self.symbols.iter().zip(by_symbol) {
            own.sort_by_key(|row| self.day(*row));
            self.add_groups(&mut builder, on_file(*symbol), &own);
            rows.insert(on_file(*symbol), own);
        }
        let (ids, rows): (Vec<InstrumentId>, Vec<Vec<u32>>) = rows.into_iter().unzip();
        let mut fields = self.fields.clone();
        fields.extend(OPTIONAL.iter().filter(|f| !self.fields.contains(f)));
        let sessions = builder.sessions().to_vec();
        let panel = builder.build_from(&ids, &fields, Vec::new, |series, at, into| {
            let own = rows.get(at).map_or(&[][..], Vec::as_slice);
            self.write(&sessions, own, series, into)
        })?;
        Ok(panel)
    }

    fn day(&self, row: u32) -> NaiveDate {
        self.keys.get(row as usize).map_or(NaiveDate::MIN, |(_, day)| *day)
    }

    /// What a symbol belonged to, from each day on which that changed.
    fn add_groups(&self, builder: &mut PanelBuilder, id: InstrumentId, rows: &[u32]) {
        for (group, names, codes) in &self.groups {
            let mut held = None;
            for row in rows {
                let code = codes.get(*row as usize).copied();
                if let Some(name) = code.filter(|_| code != held).and_then(|c| names.get(c as usize)) {
                    builder.member(*group, id, self.day(*row), name);
                    held = code;
                }
            }
        }
    }

    /// Writes one symbol's rows, which are in the order of their days.
    fn write(
        &self,
        sessions: &[NaiveDate],
        rows: &[u32],
        series: &mut Vec<f32>,
        into: &mut InstrumentRows<'_, '_>,
    ) -> Result<(), PanelError> {
        let instrument = into.instrument();
        let mut places: Vec<usize> = Vec::with_capacity(rows.len());
        for row in rows {
            let session = self.day(*row);
            let unknown = |_| PanelError::UnknownSession { instrument, session };
            let place = sessions.binary_search(&session).map_err(unknown)?;
            if places.last() == Some(&place) {
                return Err(PanelError::Duplicate { instrument, session });
            }
            places.push(place);
        }
        let (Some(first), Some(last)) = (places.first().copied(), places.last().copied()) else {
            return Ok(());
        };
        for (at, field) in self.fields.iter().enumerate() {
            series.clear();
            series.resize(last + 1 - first, f32::NAN);
            for (row, place) in rows.iter().zip(&places) {
                let value = self.values.get(*row as usize * self.fields.len() + at);
                if let Some((slot, value)) = series.get_mut(place - first).zip(value) {
                    *slot = *value;
                }
            }
            into.series(field, first, series)?;
        }
        into.cover(first..last + 1);
        Ok(())
    }
}

/// The panel of a Qlib folder, as the members of one of its lists see it.
fn read_qlib(folder: &Path, universe: &str) -> Result<Sheet, FactorFileError> {
    let folder = QlibFolder::open(folder)?;
    let Some(listed) = folder.listed(universe) else {
        let known: Vec<&str> = folder.universes().collect();
        let (name, known) = (CleanText::new(universe), CleanText::new(&known.join(", ")));
        return Err(FactorFileError::Asked(format!("the folder has no list '{name}'; it has {known}")));
    };
    let symbols = folder.symbols();
    let ids: Vec<InstrumentId> = symbols.iter().map(|symbol| on_file(*symbol)).collect();
    let builder = PanelBuilder::new(folder.calendar().to_vec());
    let panel = builder.build_from(
        &ids,
        &QLIB_FIELDS,
        || (),
        |(), _, rows| {
            for field in QLIB_FIELDS {
                if let Some(feature) = folder.feature(rows.instrument().symbol, field)? {
                    rows.series(field, feature.start, &feature.values)?;
                }
            }
            Ok::<_, FactorFileError>(())
        },
    )?;
    let days = folder.calendar();
    let rows = |l: &Listed| days.partition_point(|d| *d < l.from)..days.partition_point(|d| *d <= l.to);
    let own = |symbol: &Symbol| listed.iter().filter(|l| l.symbol == *symbol).map(rows).collect();
    Ok(Sheet { panel: panel.seen_by(symbols.iter().map(own).collect()) })
}

#[cfg(test)]
mod tests;
