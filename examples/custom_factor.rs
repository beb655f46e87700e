//! Computes a factor of one's own, written as in Qlib, over a simulated market; needs no home.
//!
//! `cargo run --example custom_factor -- 'Mean($close,5)/Mean($close,20)-1'`

#![allow(clippy::print_stdout, reason = "an example prints")]

use qlib_pro::factor::expr::{Expression, compute};
use qlib_pro::factor::panel::PanelBuilder;
use qlib_pro::market::simulated::Simulation;

fn main() -> anyhow::Result<()> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "Mean($close,5)/Mean($close,20)-1".to_string());
    let expression = match Expression::parse(&text) {
        Ok(expression) => expression,
        Err(error) => anyhow::bail!("{}", error.pointed(&text)),
    };
    let market = Simulation::new(7, 10);
    let mut builder = PanelBuilder::new(market.bars().iter().map(|b| b.session).collect());
    for bar in market.bars() {
        builder.bar(bar, 1.0, 1.0)?;
    }
    let panel = builder.build();
    let last = panel.sessions().len() - 1;
    println!("{text}, look-back {} sessions, SIMULATED prices", expression.lookback());
    for column in compute(&panel, &[expression], last..last + 1)? {
        for (number, instrument) in panel.symbols().iter().enumerate() {
            println!("{instrument:12} {:+.5}", column.get(number, 0));
        }
    }
    Ok(())
}
