//! What tests of this room share: where the shared data is, which is not part of the repository, and plain bars.

use std::path::PathBuf;

use chrono::{Days, NaiveDate};

use crate::domain::market::DailyBar;
use crate::domain::{InstrumentId, Price, Volume};

/// Path of a shared file, or `None` (said on stdout) where there is no shared data.
#[allow(clippy::disallowed_methods)]
pub(super) fn shared(file: &str) -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = std::env::var_os("QLIB_PRO_TEST_DATA").map_or(default, PathBuf::from).join(file);
    if !path.exists() {
        println!("skipped: no shared data");
        return None;
    }
    Some(path)
}

/// A bar for each day from `first`, at one price all day, ten shares each.
pub(super) fn flat_bars(instrument: InstrumentId, first: NaiveDate, closes: &[f64]) -> Vec<DailyBar> {
    let bar = |(session, close): (NaiveDate, &f64)| {
        let close = Price::from_f64(*close).unwrap();
        let (open, high, low, volume) = (close, close, close, Volume::from_whole(10).unwrap());
        DailyBar { instrument, session, open, high, low, close, volume, vwap: None }
    };
    let days = (0..).map(|day| first + Days::new(day));
    days.zip(closes).map(bar).collect()
}
