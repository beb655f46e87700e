//! `advance`: market time moves; stored bars (on SIM: generated ones) reach the engine.

use chrono::NaiveDate;
use clap::Args;

use super::Env;
use crate::cli::args::exchange_parser;
use crate::cli::errors::Failure;
use crate::domain::Exchange;
use crate::service::advance::Until;
use crate::service::deed::Deed;

/// `advance`.
#[derive(Debug, Args)]
pub struct Advance {
    /// Up to and including this session.
    #[arg(long, value_name = "DATE", conflicts_with = "sessions")]
    to: Option<NaiveDate>,
    /// This many sessions (one, when neither is given).
    #[arg(long, value_name = "N")]
    sessions: Option<u32>,
    /// Exchange to play; the desk's by default.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true)]
    exchange: Option<Exchange>,
}

impl Advance {
    /// Plays the sessions and says what came of them.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let until = self.to.map_or(Until::Sessions(self.sessions.unwrap_or(1)), Until::Date);
        let mut progress = env.progress();
        let deed = Deed::Advance { exchange: self.exchange, until };
        let report = env.hand()?.act(deed, |date| progress(format_args!("playing {date}")))?.advanced()?;
        progress(format_args!(""));
        env.out.record(&report)
    }
}
