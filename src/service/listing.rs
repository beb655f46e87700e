//! Instruments as a table that `import instruments` takes: one row for each sector that one has had, with whose sectors
//! they are, since when, and on which day that was told last.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, ViewMarket};
use crate::domain::{Currency, Exchange, Price, Quantity, Ratio, Symbol};
use crate::store::market::GroupChange;

/// One exported instrument, or one sector of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedInstrument {
    /// Ticker.
    pub symbol: Symbol,
    /// Name.
    pub name: String,
    /// Exchange.
    pub exchange: Exchange,
    /// Currency.
    pub currency: Currency,
    /// Sector; empty when unknown.
    pub sector: String,
    /// Industry; empty when unknown.
    pub industry: String,
    /// In whose scheme they are named; empty when not told.
    pub scheme: String,
    /// First day of them; none where nobody said since when, or 0001-01-01 where others follow.
    pub from: Option<NaiveDate>,
    /// On which day they were told last.
    pub told_on: Option<NaiveDate>,
    /// Smallest step of its price.
    pub tick: Price,
    /// Smallest step of its quantity.
    pub lot: Quantity,
    /// Whether it can be sold short.
    pub shortable: bool,
    /// How many shares can be borrowed; none for as many as are wanted.
    pub borrowable: Option<Quantity>,
    /// What borrowed shares of it cost a year, of their value; none for what the paper exchange takes for all.
    pub borrow_rate: Option<Ratio>,
}

impl House {
    /// Instruments of one exchange or of all, by symbol and day.
    pub fn export_instruments(
        &self,
        _: &Permit<ViewMarket>,
        exchange: Option<Exchange>,
    ) -> Result<Vec<ExportedInstrument>, ServiceError> {
        let market = lock(self.market_store());
        let mut groups: BTreeMap<_, Vec<GroupChange>> = BTreeMap::new();
        for of in Exchange::ALL.into_iter().filter(|of| exchange.is_none_or(|wanted| wanted == *of)) {
            for change in market.read().group_history(of)? {
                groups.entry(change.instrument).or_default().push(change);
            }
        }
        let mut rows = Vec::new();
        for known in market.read().instruments(exchange)? {
            let plain = ExportedInstrument {
                symbol: known.id.symbol,
                name: known.name.to_string(),
                exchange: known.id.exchange,
                currency: known.currency,
                sector: known.sector.to_string(),
                industry: String::new(),
                scheme: String::new(),
                from: None,
                told_on: None,
                tick: known.tick,
                lot: known.lot,
                shortable: known.shortable,
                borrowable: known.borrowable,
                borrow_rate: known.borrow_rate,
            };
            match groups.remove(&known.id) {
                None => rows.push(plain),
                Some(changes) => rows.extend(changes.iter().map(|change| ExportedInstrument {
                    // Without its day the oldest of several would be read back as the newest.
                    from: if changes.len() > 1 { Some(change.from) } else { change.since() },
                    sector: change.sector.to_string(),
                    industry: change.industry.to_string(),
                    scheme: change.scheme.to_string(),
                    told_on: change.told_on,
                    ..plain.clone()
                })),
            }
        }
        Ok(rows)
    }
}
