//! `quote`: last prices as the vendors tell them; kept nowhere. Exit 1 when a symbol was not had.

use std::sync::Mutex;

use clap::Args;

use super::Env;
use super::sync::{line_of, vendor_parser};
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::domain::vendor::VendorId;
use crate::service::permit::ManageData;
use crate::service::sync::{Progress, QuoteRow, SyncWish, stopper};

/// Last prices from the vendors, with who told them and how late they are; nothing is stored.
#[derive(Debug, Args)]
pub struct Quote {
    /// Symbols such as AAPL, AAPL.XNYS or BHP.AX.
    #[arg(value_name = "SYMBOL", required = true)]
    symbols: Vec<String>,
    /// Only from this vendor; by default those of the settings, in their order.
    #[arg(long, value_parser = vendor_parser(), value_name = "NAME")]
    vendor: Option<VendorId>,
}

impl Quote {
    /// Asks the vendors.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ManageData>()?;
        let house = session.house();
        env.open_keys(house)?;
        let instruments = house.instruments_named(&self.symbols, None)?;
        let wish = SyncWish { vendor: self.vendor, instruments, ..SyncWish::default() };
        let shown = Mutex::new(env.progress());
        let progress = |seen: &Progress| {
            if let Ok(mut show) = shown.lock() {
                show(format_args!("{}", line_of(seen)));
            }
        };
        let (_stopper, stop) = stopper();
        let rows = house.vendor_quotes(&permit, &wish, &house.sync_control(stop, &progress))?;
        progress(&Progress::default());
        env.out.rows(&rows, "")?;
        let mut failed = rows.iter().filter(|row| !row.code.is_empty());
        match failed.next() {
            Some(QuoteRow { said, .. }) => {
                let (n, of) = (failed.count() + 1, rows.len());
                Err(Failure::failed(format!("{n} of {of} were not had: {said}")))
            }
            None => Ok(()),
        }
    }
}
