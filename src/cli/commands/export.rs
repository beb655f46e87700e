//! `export prices|minutes|instruments|orders|fills|positions|signals|limits|audit|repairs|disagreements|gaps|quarantine`: tables out,
//! under the right of the table.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::{Env, audit, period};
use crate::cli::args::{exchange_parser, one_of};
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::cli::output::Format;
use crate::domain::{AccountId, Exchange};
use crate::service::access::Session;
use crate::service::market::Adjust;
use crate::service::minutes::{BarLength, MinutesWish, PriceSide};
use crate::service::permit::{ViewLimits, ViewMarket, ViewPortfolio, ViewSignals};
use crate::service::qlib::QlibExport;
use crate::service::trading::LISTING_MAX;

/// Terms in which prices can be had.
const TERMS: &[(&str, Adjust)] =
    &[("stored", Adjust::Stored), ("split", Adjust::Split), ("total", Adjust::Total)];

/// Lengths of bars.
const LENGTHS: &[(&str, BarLength)] = &[
    ("1m", BarLength::Minutes(1)),
    ("5m", BarLength::Minutes(5)),
    ("15m", BarLength::Minutes(15)),
    ("30m", BarLength::Minutes(30)),
    ("1h", BarLength::Minutes(60)),
    ("1d", BarLength::Minutes(1_440)),
    ("session", BarLength::Session),
];

/// What minute prices are of.
const SIDES: &[(&str, PriceSide)] =
    &[("trade", PriceSide::Trade), ("bid", PriceSide::Bid), ("ask", PriceSide::Ask)];

/// Tables that can be had. They are CSV unless `--format json` asks for JSON.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Daily prices with their source and basis.
    Prices(Prices),
    /// Stored minutes, as they are or joined to longer bars.
    Minutes(Minutes),
    /// Instruments with names, steps, and sectors with whose they are and when they were told.
    Instruments(Instruments),
    /// Orders and what became of them.
    Orders(Rows),
    /// Fills.
    Fills(Rows),
    /// Holdings.
    Positions(Rows),
    /// The latest ranked signals.
    Signals(Rows),
    /// Headlines of what you watch and hold, up to market time, with our tone and the vendor's.
    News(Rows),
    /// Every version of every limit.
    Limits,
    /// The audit trail.
    Audit,
    /// What was repaired of fetched data, by which rule, with what it was.
    Repairs,
    /// Where two sources of an instrument differ.
    Disagreements,
    /// Sessions without a row between the first and the last of each source.
    Gaps,
    /// Rows that were not stored, with what was decided about them.
    Quarantine,
    /// A Qlib data folder that pyqlib reads: prices restated for splits and dividends, universes.
    Qlib(Qlib),
}

/// `export instruments`.
#[derive(Debug, Args)]
pub struct Instruments {
    /// Only those of one exchange.
    #[arg(long, value_parser = exchange_parser(), value_name = "CODE")]
    exchange: Option<Exchange>,
}

/// `export qlib`.
#[derive(Debug, Args)]
pub struct Qlib {
    /// Folder to write; it must be new or empty.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Exchange of the symbols; the desk's by default.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true)]
    exchange: Option<Exchange>,
    /// Only these symbols.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    symbols: Vec<String>,
    /// First day.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
}

/// `export prices`.
#[derive(Debug, Args)]
pub struct Prices {
    /// Symbols such as AAPL, AAPL.XNYS or BHP.AX.
    #[arg(long, value_delimiter = ',', required = true, value_name = "A,B")]
    symbols: Vec<String>,
    /// Exchange of symbols that name none; the desk's by default.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true)]
    exchange: Option<Exchange>,
    /// Source; the instrument's preferred one by default.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// First day.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// As stored, or restated for splits, or for splits and dividends.
    #[arg(long, value_parser = one_of(TERMS), default_value = "stored")]
    adjust: Adjust,
}

/// `export minutes`.
#[derive(Debug, Args)]
pub struct Minutes {
    /// Symbol such as AAPL, AAPL.XNYS or BHP.AX.
    symbol: String,
    /// Exchange of a symbol that names none; the desk's by default.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true)]
    exchange: Option<Exchange>,
    /// Source, such as file, polygon or ticks.
    #[arg(long, value_name = "NAME", default_value = "file")]
    source: String,
    /// Trades, bids or asks.
    #[arg(long, value_parser = one_of(SIDES), default_value = "trade")]
    side: PriceSide,
    /// Length of the bars: from multiples of it in UTC, or a session of the exchange.
    #[arg(long, value_parser = one_of(LENGTHS), default_value = "1m")]
    interval: BarLength,
    /// First day.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
}

/// Which rows of a table.
#[derive(Debug, Args)]
pub struct Rows {
    /// Only this account's.
    #[arg(long)]
    account: Option<AccountId>,
    /// First day of market time.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day of market time.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
}

impl Minutes {
    fn run(self, env: &mut Env<'_>, session: &Session) -> Result<(), Failure> {
        let permit = session.permit::<ViewMarket>()?;
        let house = session.house();
        let wish = MinutesWish {
            instrument: house.instrument_named_on(&self.symbol, self.exchange)?,
            source: self.source,
            side: self.side,
            length: self.interval,
            days: (self.from, self.to),
        };
        env.out.list(&house.export_minutes(&permit, &wish)?, "")
    }
}

impl ExportCommand {
    /// Prints the table.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        if !matches!(self, ExportCommand::Qlib(_)) {
            env.out.prefer(Format::Csv);
        }
        let session = env.session(OpenMode::Read)?;
        let house = session.house();
        match self {
            ExportCommand::Prices(p) => {
                let permit = session.permit::<ViewMarket>()?;
                let ids = house.instruments_named(&p.symbols, p.exchange)?;
                let days = (p.from.unwrap_or(NaiveDate::MIN), p.to.unwrap_or(NaiveDate::MAX));
                let rows = house.export_prices(&permit, &ids, p.source.as_deref(), days, p.adjust)?;
                env.out.list(&rows, "")
            }
            ExportCommand::Minutes(m) => m.run(env, &session),
            ExportCommand::Instruments(i) => {
                let permit = session.permit::<ViewMarket>()?;
                env.out.list(&house.export_instruments(&permit, i.exchange)?, "")
            }
            ExportCommand::Orders(r) => {
                let permit = session.permit::<ViewPortfolio>()?;
                env.out.list(&house.orders(&permit, r.account, period(r.from, r.to))?, "")
            }
            ExportCommand::Fills(r) => {
                let permit = session.permit::<ViewPortfolio>()?;
                env.out.list(&house.history(&permit, r.account, period(r.from, r.to), LISTING_MAX)?, "")
            }
            ExportCommand::Positions(r) => {
                let permit = session.permit::<ViewPortfolio>()?;
                let portfolios = house.portfolios(&permit, r.account)?;
                let rows: Vec<_> = portfolios.into_iter().flat_map(|p| p.positions).collect();
                env.out.list(&rows, "")
            }
            ExportCommand::Signals(r) => {
                let permit = session.permit::<ViewSignals>()?;
                env.out.list(&house.signals(&permit, r.account)?.rows, "")
            }
            ExportCommand::News(r) => {
                env.out.list(&house.news(&session.permit::<ViewMarket>()?, r.account)?, "")
            }
            ExportCommand::Limits => {
                let permit = session.permit::<ViewLimits>()?;
                env.out.list(&house.limit_history(&permit)?, "")
            }
            ExportCommand::Audit => audit::export(env, &session),
            ExportCommand::Repairs => env.out.list(&house.export_repairs(&session.permit()?)?, ""),
            ExportCommand::Disagreements => {
                env.out.list(&house.export_disagreements(&session.permit()?)?, "")
            }
            ExportCommand::Gaps => env.out.list(&house.export_gaps(&session.permit()?)?, ""),
            ExportCommand::Quarantine => env.out.list(&house.export_quarantine(&session.permit()?)?, ""),
            ExportCommand::Qlib(q) => {
                let permit = session.permit::<ViewMarket>()?;
                let exchange = q.exchange.map_or_else(|| house.main_exchange(), Ok)?;
                let wish = QlibExport {
                    folder: q.folder,
                    exchange,
                    instruments: house.instruments_named(&q.symbols, Some(exchange))?,
                    period: (q.from.unwrap_or(NaiveDate::MIN), q.to.unwrap_or(NaiveDate::MAX)),
                };
                env.out.record(&house.export_qlib(&permit, &wish)?)
            }
        }
    }
}
