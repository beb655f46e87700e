//! A paper session from code: a simulated market, an order, its check, its fill, and the proof of the journal.
//!
//! `cargo run --example paper_session`

#![allow(clippy::print_stdout, reason = "an example prints")]

mod common;

use qlib_pro::domain::{Exchange, Side};
use qlib_pro::service::access;
use qlib_pro::service::advance::Until;
use qlib_pro::service::ordering::OrderWish;
use qlib_pro::service::permit::{Audit, ManageData, ViewMarket, ViewPortfolio};

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (house, engine) = common::open(folder.path())?;
    let session = access::found(&house, "root".parse()?, None, Exchange::Sim)?;
    house.advance(&session.permit::<ManageData>()?, None, Until::Sessions(1), |_| {})?;
    let found = house.find_instruments(&session.permit::<ViewMarket>()?, "ZQ")?;
    let Some(name) = found.first() else { anyhow::bail!("the simulated market has no names") };
    let wish = OrderWish::plain(name.symbol, Side::Buy, "50".parse()?, None);
    let permit = session.trade_permit(None)?;
    let seen = house.what_if(&permit, &wish)?;
    println!("{} checks, largest allowed {:?}", seen.checks.len(), seen.largest.map(|q| q.to_string()));
    let order = house.submit(&permit, &wish)?;
    println!("order {} is {}", order.id, order.status.as_str());
    house.advance(&session.permit::<ManageData>()?, None, Until::Sessions(1), |_| {})?;
    for portfolio in house.portfolios(&session.permit::<ViewPortfolio>()?, None)? {
        for held in portfolio.positions {
            println!(
                "{} {} at {:?} SIMULATED",
                held.quantity,
                held.symbol,
                held.average_price.map(|p| p.to_string())
            );
        }
    }
    let proof = house.verify_audit(&session.permit::<Audit>()?, None)?;
    println!("{} events, sound: {}", proof.events, proof.sound);
    drop((permit, session, house));
    engine.map_or(Ok(()), |e| e.join()).map_err(|_| anyhow::anyhow!("the engine ended badly"))
}
