//! Imports the real sample that ships, moves market time to its end, and ranks its names.
//!
//! `cargo run --example import_and_rank`

#![allow(clippy::print_stdout, reason = "an example prints")]

mod common;

use qlib_pro::domain::Exchange;
use qlib_pro::domain::market::Basis;
use qlib_pro::service::access;
use qlib_pro::service::advance::Until;
use qlib_pro::service::import::{BarImport, Wanted};
use qlib_pro::service::permit::{ManageData, TradeDesk};
use qlib_pro::service::research::SignalWish;

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (house, engine) = common::open(folder.path())?;
    let session = access::found(&house, "root".parse()?, None, Exchange::Xnys)?;
    let wish = BarImport {
        files: vec!["data/real/wiki_2000_2013.csv.gz".into()],
        exchange: Exchange::Xnys,
        wanted: Wanted { source: Some("wiki".into()), basis: Some(Basis::Raw) },
    };
    let report = house.import_bars(&session.permit::<ManageData>()?, &wish, |_| {})?;
    println!("{} rows read, {} stored, {} flagged", report.read, report.stored, report.flagged);
    let day = chrono::NaiveDate::from_ymd_opt(2013, 3, 1).unwrap_or_default();
    let played = house.advance(&session.permit::<ManageData>()?, None, Until::Date(day), |_| {})?;
    println!("{} sessions played", played.sessions);
    let signals = house.run_signals(&session.permit::<TradeDesk>()?, &SignalWish::default())?;
    signals.omissions.iter().for_each(|line| println!("{line}"));
    for row in &signals.rows {
        println!("{:>2} {:6} {:+.3}", row.rank, row.symbol, row.score);
    }
    drop((session, house));
    engine.map_or(Ok(()), |e| e.join()).map_err(|_| anyhow::anyhow!("the engine ended badly"))
}
