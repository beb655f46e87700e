//! Processor time of this process: beside other programs it says more than the clock on the wall.

use std::time::Duration;

/// Hundredths of a second that the kernel counts in.
const TICKS_A_SECOND: u64 = 100;

/// Processor time that this process has used so far, in user and kernel mode, to 10 ms; `None` where the system does
/// not tell it in this way.
pub fn cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold blanks.
    let behind = text.rsplit_once(')')?.1;
    let ticks: Vec<u64> = behind.split_whitespace().skip(11).take(2).filter_map(|n| n.parse().ok()).collect();
    Some(Duration::from_millis(ticks.iter().sum::<u64>() * 1_000 / TICKS_A_SECOND))
}

/// The middle of some figures.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}
