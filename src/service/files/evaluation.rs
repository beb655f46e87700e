//! How well a column of a factor file foresaw another: by day, over all days, over horizons and by sector.
//!
//! Only the columns asked for are read. A label is taken in single precision, as Qlib's are; the rules of the figures
//! are those of [`crate::factor::evaluate`]. A horizon counts days of the file: 1 is the label of the score's own day,
//! `h` that of `h - 1` days later, so a label of one day's return shows how the foresight of a score fades.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Serialize;

use super::factors::FactorFileError;
use super::table::{FactorTable, Groups, NO_GROUP, Wanted, bad};
use crate::domain::{CleanText, Symbol};
use crate::factor::evaluate::{self, DayQuality, InformationSummary, Judgement, Members, Returns, Sections};
use crate::market::import::Source;

/// Most quantiles.
pub const QUANTILES_MAX: usize = 100;
/// Most horizons of one run.
pub const HORIZONS_MAX: usize = 50;
/// Farthest horizon, in days of the file.
pub const HORIZON_DAYS_MAX: usize = 1_000;

/// What to judge, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Factor file; `-` is standard input.
    pub input: PathBuf,
    /// Column to judge.
    pub score: String,
    /// Column that says what came.
    pub label: String,
    /// Groups that a day's names are split into by score.
    pub quantiles: usize,
    /// Horizons over which the score is followed.
    pub horizons: Vec<usize>,
    /// Where the sector of a name stands.
    pub sectors: SectorSource,
}

/// Where sectors come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SectorSource {
    /// They are not asked for.
    #[default]
    None,
    /// A column of the factor file, known on the day.
    Column(String),
    /// A file with `symbol,sector`.
    File(PathBuf),
}

/// One day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Day {
    /// Session.
    pub date: NaiveDate,
    /// Pearson's correlation of score and label.
    pub ic: Option<f64>,
    /// The same of their ranks.
    pub rank_ic: Option<f64>,
    /// Names with both values.
    pub names: usize,
    /// Half of the mean label of the best fifth less that of the worst.
    pub long_short: Option<f64>,
    /// Mean label of all names.
    pub long_average: Option<f64>,
    /// Mean label of each quantile of the score, lowest first.
    pub quantile_returns: Vec<Option<f64>>,
    /// Share of the top quantile that was not in it the day before.
    pub turnover: Option<f64>,
    /// Correlation of the score with that of the day before.
    pub autocorrelation: Option<f64>,
}

/// Figures over all days.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    /// Days with a coefficient.
    pub days: usize,
    /// Mean IC.
    pub ic: Option<f64>,
    /// Mean IC over its deviation.
    pub icir: Option<f64>,
    /// Mean rank IC.
    pub rank_ic: Option<f64>,
    /// Mean rank IC over its deviation.
    pub rank_icir: Option<f64>,
    /// Mean long-short return of a day.
    pub long_short: Option<f64>,
    /// The same × 252.
    pub long_short_annual: Option<f64>,
    /// Mean over deviation, × √252.
    pub long_short_sharpe: Option<f64>,
    /// Mean return of holding every name alike.
    pub long_average: Option<f64>,
    /// The same × 252.
    pub long_average_annual: Option<f64>,
    /// Mean over deviation, × √252.
    pub long_average_sharpe: Option<f64>,
    /// Mean turnover of the top quantile.
    pub turnover: Option<f64>,
    /// Mean correlation of the score with that of the day before.
    pub autocorrelation: Option<f64>,
    /// Mean label of each quantile over the days, lowest first.
    pub quantile_returns: Vec<Option<f64>>,
}

/// How well the score foresaw the label of a later day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Horizon {
    /// 1 is the label of the same day.
    pub horizon: usize,
    /// Days with a coefficient.
    pub days: usize,
    /// Mean IC.
    pub ic: Option<f64>,
    /// Mean IC over its deviation.
    pub icir: Option<f64>,
    /// Mean rank IC.
    pub rank_ic: Option<f64>,
    /// Mean rank IC over its deviation.
    pub rank_icir: Option<f64>,
}

/// The figures within one sector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sector {
    /// Its name.
    pub sector: String,
    /// Mean number of names with both values on a day with any.
    pub names: Option<f64>,
    /// Figures over all days, each day judged within the sector.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures, horizons and sectors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Over all days and names.
    #[serde(flatten)]
    pub figures: Figures,
    /// Over horizons.
    pub decay: Vec<Horizon>,
    /// By sector, in the order of their names; empty when not asked for.
    pub sectors: Vec<Sector>,
}

/// Days and summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// By day.
    pub daily: Vec<Day>,
    /// Over all days.
    pub summary: Summary,
}

/// The rows of a file as sections: one instrument a symbol.
struct FileSections {
    days: Vec<Range<usize>>,
    /// Instrument of each row.
    places: Vec<usize>,
    instruments: usize,
    scores: Vec<f64>,
    labels: Vec<f64>,
}

impl FileSections {
    fn new(table: FactorTable<f64>, days: Vec<Range<usize>>) -> (Self, Vec<Symbol>) {
        let mut symbols: Vec<Symbol> = table.keys.iter().map(|key| key.1).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let place = |symbol| symbols.binary_search(symbol).unwrap_or(0);
        let places = table.keys.iter().map(|key| place(&key.1)).collect();
        let mut values = table.values.into_iter();
        let scores = values.next().unwrap_or_default();
        let mut labels = values.next().unwrap_or_default();
        labels.iter_mut().for_each(|label| *label = f64::from(*label as f32));
        (Self { days, places, instruments: symbols.len(), scores, labels }, symbols)
    }

    /// A day's rows spread over the instruments.
    fn spread<T: Copy>(&self, day: usize, of_rows: &[T], missing: T) -> Vec<T> {
        let mut section = vec![missing; self.instruments];
        for row in self.days.get(day).cloned().unwrap_or(0..0) {
            let slot = self.places.get(row).and_then(|place| section.get_mut(*place));
            if let Some((slot, value)) = slot.zip(of_rows.get(row)) {
                *slot = *value;
            }
        }
        section
    }
}

impl Sections for FileSections {
    fn days(&self) -> usize {
        self.days.len()
    }

    fn scores(&self, day: usize) -> Vec<f64> {
        self.spread(day, &self.scores, f64::NAN)
    }

    fn labels(&self, day: usize) -> Vec<f64> {
        self.spread(day, &self.labels, f64::NAN)
    }

    fn listed(&self, day: usize) -> Vec<bool> {
        let mut there = vec![false; self.instruments];
        for row in self.days.get(day).cloned().unwrap_or(0..0) {
            if let Some(slot) = self.places.get(row).and_then(|place| there.get_mut(*place)) {
                *slot = true;
            }
        }
        there
    }
}

/// Judges a score by a label.
pub fn evaluate(request: &Request) -> Result<Evaluation, FactorFileError> {
    check(request)?;
    let group = match &request.sectors {
        SectorSource::Column(name) => Some(name.as_str()),
        SectorSource::None | SectorSource::File(_) => None,
    };
    let values = [request.score.as_str(), request.label.as_str()];
    let wanted = Wanted { values: Some(&values), group };
    let (table, mut groups) = FactorTable::<f64>::read_wanted(&request.input, wanted)?;
    if let SectorSource::File(path) = &request.sectors {
        groups = of_symbols(path, &table)?;
    }
    let (dates, days): (Vec<NaiveDate>, Vec<Range<usize>>) = table.days().into_iter().unzip();
    let (sections, _) = FileSections::new(table, days);
    let found = evaluate::judge(&sections, request.quantiles);
    let decay = evaluate::decay(&sections, &request.horizons).into_iter().map(horizon).collect();
    let summary = Summary {
        figures: figures(&found),
        decay,
        sectors: by_sector(&sections, &groups, request.quantiles),
    };
    Ok(Evaluation { daily: dates.into_iter().zip(found.daily).map(day).collect(), summary })
}

fn check(request: &Request) -> Result<(), FactorFileError> {
    if !(1..=QUANTILES_MAX).contains(&request.quantiles) {
        return Err(FactorFileError::Asked(format!("--quantiles must be from 1 to {QUANTILES_MAX}")));
    }
    let near = |horizon: &usize| (1..=HORIZON_DAYS_MAX).contains(horizon);
    if request.horizons.len() > HORIZONS_MAX || !request.horizons.iter().all(near) {
        return Err(FactorFileError::Asked(format!(
            "--horizons takes up to {HORIZONS_MAX} numbers of days from 1 to {HORIZON_DAYS_MAX}"
        )));
    }
    Ok(())
}

/// Sectors of the rows from a file of `symbol,sector`.
fn of_symbols(path: &Path, table: &FactorTable<f64>) -> Result<Groups, FactorFileError> {
    let name = CleanText::new(&path.to_string_lossy());
    let mut csv =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(Source::open(path)?.into_reader()?);
    let header = csv.headers().map_err(|e| bad(&name, 1, &e.to_string()))?.clone();
    let place = |wanted: &str| {
        let missing = || bad(&name, 1, &format!("there is no column '{wanted}'; name one so"));
        header.iter().position(|h| h.trim_start_matches('\u{feff}') == wanted).ok_or_else(missing)
    };
    let (symbol_at, sector_at) = (place("symbol")?, place("sector")?);
    let mut known: BTreeMap<Symbol, String> = BTreeMap::new();
    for record in csv.records() {
        let at = |e: &csv::Error| e.position().map_or(0, csv::Position::line);
        let record = record.map_err(|e| bad(&name, at(&e), &e.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let symbol = record.get(symbol_at).unwrap_or("").parse();
        let symbol = symbol.map_err(|e| bad(&name, line, &format!("{e}")))?;
        known.insert(symbol, record.get(sector_at).unwrap_or("").to_owned());
    }
    let mut groups = Groups::default();
    for (_, symbol) in &table.keys {
        let sector = known.get(symbol).map_or("", String::as_str);
        groups.push(sector).ok_or_else(|| bad(&name, 0, "there are more sectors than one run takes"))?;
    }
    Ok(groups)
}

fn by_sector(sections: &FileSections, groups: &Groups, quantiles: usize) -> Vec<Sector> {
    let of_day = |day: usize| sections.spread(day, &groups.codes, NO_GROUP);
    let judged = |(code, name): (u16, &String)| {
        let found = evaluate::judge(&Members { all: sections, groups: &of_day, code }, quantiles);
        let pairs = |day: &DayQuality| Some(day.information.pairs as f64).filter(|pairs| *pairs > 0.0);
        Sector { sector: name.clone(), names: found.mean(pairs), figures: figures(&found) }
    };
    let mut sectors: Vec<Sector> = (0..).zip(&groups.names).map(judged).collect();
    sectors.sort_by(|a, b| a.sector.cmp(&b.sector));
    sectors
}

fn day((date, day): (NaiveDate, DayQuality)) -> Day {
    Day {
        date,
        ic: day.information.ic,
        rank_ic: day.information.rank_ic,
        names: day.information.pairs,
        long_short: day.long_short,
        long_average: day.long_average,
        quantile_returns: day.quantile_returns,
        turnover: day.turnover,
        autocorrelation: day.autocorrelation,
    }
}

/// A figure that is a number.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn figures(found: &Judgement) -> Figures {
    let means = found.information();
    let of = |figure: fn(&InformationSummary) -> f64| means.as_ref().map(figure).and_then(finite);
    let (short, average) = (found.long_short(), found.long_average());
    let part = |returns: Option<Returns>, figure: fn(Returns) -> f64| returns.map(figure).and_then(finite);
    Figures {
        days: means.map_or(0, |m| m.days),
        ic: of(|m| m.ic),
        icir: of(|m| m.icir),
        rank_ic: of(|m| m.rank_ic),
        rank_icir: of(|m| m.rank_icir),
        long_short: part(short, |r| r.mean),
        long_short_annual: part(short, |r| r.annual),
        long_short_sharpe: part(short, |r| r.sharpe),
        long_average: part(average, |r| r.mean),
        long_average_annual: part(average, |r| r.annual),
        long_average_sharpe: part(average, |r| r.sharpe),
        turnover: found.mean(|day| day.turnover),
        autocorrelation: found.mean(|day| day.autocorrelation),
        quantile_returns: found.quantile_returns(),
    }
}

fn horizon(decay: evaluate::Decay) -> Horizon {
    let of = |figure: fn(InformationSummary) -> f64| decay.information.map(figure).and_then(finite);
    Horizon {
        horizon: decay.horizon,
        days: decay.information.map_or(0, |found| found.days),
        ic: of(|m| m.ic),
        icir: of(|m| m.icir),
        rank_ic: of(|m| m.rank_ic),
        rank_icir: of(|m| m.rank_icir),
    }
}

#[cfg(test)]
mod tests;
