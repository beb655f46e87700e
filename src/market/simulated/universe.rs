//! The names of the SIM exchange and their lasting traits.
//!
//! Every ticker is [`TICKER_PREFIX`] and three letters (`ZQBAL`), so that it cannot be mistaken for a listed
//! company; company names are made of invented syllables. Traits are stratified: each is spread over the
//! quantiles of its distribution and dealt out by a shuffle, so that ten names are as typical as two hundred.

use crate::domain::{CleanText, Exchange, Instrument, InstrumentId, Symbol};

use super::calendar::HISTORY_SESSIONS;
use super::news::{Templates, templates};
use super::rng::{Rng, normal_quantile};

/// Reserved first letters of every simulated ticker.
pub const TICKER_PREFIX: &str = "ZQ";
/// Most names one simulation may have.
pub const SYMBOLS_MAX: usize = 500;
/// Sectors of the simulated market: our own neutral list, no vendor's scheme.
pub const SECTORS: [&str; 11] = [
    "Energy",
    "Materials",
    "Industry",
    "Consumer Goods",
    "Retail and Leisure",
    "Health",
    "Finance",
    "Technology",
    "Media and Telecom",
    "Utilities",
    "Property",
];

const NAME_PARTS: &str = include_str!("../../../data/sim/names.txt");
const STREAM_NAMES: u64 = 1;
const STREAM_TRAITS: u64 = 2;

/// Share of names that pay no dividend.
const NO_DIVIDEND: f64 = 0.25;
/// Normal rank above which a name splits once in history: one in eight, 0.025 a name and year.
const SPLITTING_ABOVE: f64 = 1.150_349;

/// What stays the same about one name.
#[derive(Debug, Clone)]
pub struct Traits {
    /// Number of its sector in [`SECTORS`].
    pub sector: usize,
    /// Exposure to the market factor.
    pub beta: f64,
    /// Exposure to its sector's factor.
    pub sector_beta: f64,
    /// Standard deviation of its own daily return, jumps apart.
    pub own_vol: f64,
    /// First price in dollars.
    pub first_price: f64,
    /// Typical daily volume in shares of the first day.
    pub base_volume: f64,
    /// Shares outstanding on the first day.
    pub shares: f64,
    /// Dividend yield a year; 0 for names that pay none.
    pub dividend_yield: f64,
    /// Session of the quarter (1..=62 of 63) on which the name goes ex dividend.
    pub dividend_phase: u32,
    /// Session of history on which it splits; dealt to names with a high first price.
    pub split_session: Option<u32>,
    /// Days from the end of a quarter to the usual report.
    pub report_lag_days: u32,
    /// Usual earnings over price.
    pub earnings_yield: f64,
    /// Usual book value over price.
    pub book_to_price: f64,
    /// Usual sales over market value.
    pub sales_to_price: f64,
    /// Usual bid-ask spread as a share of the price.
    pub spread: f64,
}

/// The names and their traits, in instrument order.
#[derive(Debug)]
pub struct Universe {
    /// Seed of everything.
    pub seed: u64,
    /// Instruments in id order.
    pub instruments: Vec<Instrument>,
    /// Traits in the same order.
    pub traits: Vec<Traits>,
    /// Headline templates.
    pub templates: Templates,
}

impl Universe {
    /// Invents `symbols` names (held to 1..=[`SYMBOLS_MAX`]).
    pub fn invent(seed: u64, symbols: usize) -> Self {
        let count = symbols.clamp(1, SYMBOLS_MAX);
        let mut rng = Rng::keyed(seed, [STREAM_NAMES, 0, 0]);
        let mut stems = stems();
        rng.shuffle(&mut stems);
        stems.truncate(count);
        stems.sort_unstable();
        let mut sectors: Vec<usize> = (0..count).map(|i| i % SECTORS.len()).collect();
        rng.shuffle(&mut sectors);
        let traits = invent_traits(seed, &sectors);
        let named = stems.iter().zip(&sectors);
        let instruments = named.filter_map(|(stem, &s)| instrument(stem, s, &mut rng)).collect();
        Self { seed, instruments, traits, templates: templates() }
    }
}

/// Lines of the part file under `[section]`.
fn parts(section: &str) -> Vec<&'static str> {
    let lines = NAME_PARTS.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let inside = lines.skip_while(move |l| l.trim_matches(['[', ']']) != section).skip(1);
    inside.take_while(|l| !l.starts_with('[')).collect()
}

/// Three-letter stems, consonant vowel consonant, in alphabetical order of their parts.
fn stems() -> Vec<String> {
    let unwanted = parts("unwanted");
    let mut found = Vec::new();
    for onset in parts("onsets") {
        for vowel in ["a", "e", "i", "o", "u"] {
            for coda in parts("codas") {
                let stem = format!("{onset}{vowel}{coda}");
                if !unwanted.contains(&stem.as_str()) {
                    found.push(stem);
                }
            }
        }
    }
    found
}

fn instrument(stem: &str, sector: usize, rng: &mut Rng) -> Option<Instrument> {
    let symbol: Symbol = format!("{TICKER_PREFIX}{}", stem.to_ascii_uppercase()).parse().ok()?;
    let sector_name = SECTORS.get(sector)?;
    let ending = *rng.pick(&parts("endings"))?;
    let trade = *rng.pick(&parts(sector_name))?;
    let mut letters = stem.chars();
    let first = letters.next()?.to_ascii_uppercase();
    Some(Instrument {
        name: CleanText::new(&format!("{first}{}{ending} {trade}", letters.as_str())),
        sector: CleanText::new(sector_name),
        ..Instrument::with_defaults(InstrumentId::new(symbol, Exchange::Sim))
    })
}

/// `count` normal quantiles in shuffled order.
fn stratified(count: usize, rng: &mut Rng) -> Vec<f64> {
    let mut values: Vec<f64> = (0..count).map(|i| normal_quantile((i as f64 + 0.5) / count as f64)).collect();
    rng.shuffle(&mut values);
    values
}

fn invent_traits(seed: u64, sectors: &[usize]) -> Vec<Traits> {
    let count = sectors.len();
    let mut rng = Rng::keyed(seed, [STREAM_TRAITS, 0, 0]);
    let mut column = || stratified(count, &mut rng).into_iter();
    let (mut vol, mut beta, mut gamma, mut price) = (column(), column(), column(), column());
    let (mut dollars, mut pays, mut value, mut book) = (column(), column(), column(), column());
    let mut split = column();
    let mut rest = Rng::keyed(seed, [STREAM_TRAITS, 1, 0]);
    let next = |c: &mut dyn Iterator<Item = f64>| c.next().unwrap_or(0.0);
    let traits = sectors.iter().map(|&sector| {
        let z_vol = next(&mut vol);
        let z_dollars = next(&mut dollars);
        let splits = next(&mut split) > SPLITTING_ABOVE;
        let first_price = if splits { 120.0 } else { 58.0 } * libm::exp(0.55 * next(&mut price));
        let daily_dollars = 126e6 * libm::exp(if z_dollars < 0.0 { 0.68 } else { 1.0 } * z_dollars);
        let pay = 0.5 * libm::erfc(-next(&mut pays) / std::f64::consts::SQRT_2);
        let size = libm::exp(0.35 * rest.normal());
        Traits {
            sector,
            beta: 1.0 + 0.277 * (0.45 * z_vol + 0.893 * next(&mut beta)),
            sector_beta: 1.0 + 0.15 * next(&mut gamma),
            own_vol: own_vol(z_vol),
            first_price,
            base_volume: daily_dollars / (first_price * MEDIAN_GROWTH),
            shares: daily_dollars * 170.0 * size / first_price,
            dividend_yield: if pay < NO_DIVIDEND { 0.0 } else { 0.008 + 0.036 * (pay - NO_DIVIDEND) },
            dividend_phase: 1 + rest.below(62),
            split_session: splits.then(|| 20 + rest.below(HISTORY_SESSIONS - 20)),
            report_lag_days: 24 + rest.below(29),
            earnings_yield: 0.052 + 0.021 * next(&mut value),
            book_to_price: 0.36 * libm::exp(0.45 * next(&mut book)),
            sales_to_price: 0.55 * libm::exp(0.5 * rest.normal()),
            spread: 0.00035 * libm::exp(-0.3 * z_dollars),
        }
    });
    traits.collect()
}

/// Growth of the price from the first day to the middle of history, so that dollar volume is typical there.
const MEDIAN_GROWTH: f64 = 1.08;

/// Own daily volatility by normal rank: wider above the median than below, as measured.
fn own_vol(z: f64) -> f64 {
    0.0092 * libm::exp(if z < 0.0 { 0.33 } else { 0.42 } * z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_ticker_carries_the_reserved_prefix_and_is_unique() {
        let universe = Universe::invent(3, SYMBOLS_MAX);
        assert_eq!(universe.instruments.len(), SYMBOLS_MAX);
        assert_eq!(universe.traits.len(), SYMBOLS_MAX);
        let symbols: BTreeSet<&str> = universe.instruments.iter().map(|i| i.id.symbol.as_str()).collect();
        assert_eq!(symbols.len(), SYMBOLS_MAX);
        assert!(symbols.iter().all(|s| s.starts_with(TICKER_PREFIX) && s.len() == 5));
        let ids: Vec<_> = universe.instruments.iter().map(|i| i.id).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn names_are_words_and_sectors_are_evenly_filled() {
        let universe = Universe::invent(5, 110);
        for sector in SECTORS {
            assert_eq!(universe.instruments.iter().filter(|i| i.sector.as_str() == sector).count(), 10);
        }
        assert!(universe.instruments.iter().all(|i| i.name.as_str().split(' ').count() >= 2));
    }

    #[test]
    fn a_quarter_of_the_names_pays_no_dividend() {
        let universe = Universe::invent(1, 200);
        assert_eq!(universe.traits.iter().filter(|t| t.dividend_yield == 0.0).count(), 50);
    }
}
