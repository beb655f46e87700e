//! Finding an instrument by name, as the vendors know it.

use std::sync::Arc;

use serde::Serialize;

use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange};
use crate::market::fetch::Watch;
use crate::market::vendors::{Ask, Listing, Page, Payload};

use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ManageData, Permit};
use super::Control;

/// Most finds of one search.
const FOUND_MAX: usize = 50;

/// An instrument that a vendor found by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundRow {
    /// Symbol in our spelling.
    pub symbol: crate::domain::Symbol,
    /// Exchange, when it is one of ours.
    pub exchange: Option<Exchange>,
    /// Name.
    pub name: CleanText,
    /// Currency, when it is one we know.
    pub currency: Option<crate::domain::Currency>,
    /// Who found it.
    pub vendor: VendorId,
}

impl House {
    /// Instruments that the vendors know by a name, best first, from the first vendor that answers.
    pub fn search_vendors(
        &self,
        _: &Permit<ManageData>,
        text: &CleanText,
        control: &Control<'_>,
    ) -> Result<Vec<FoundRow>, ServiceError> {
        let runtime = self.network()?;
        let found = runtime.block_on(async {
            let mut last = None;
            for vendor in self.vendor_order(DataKind::Search) {
                let fetcher = match self.fetcher(vendor, Arc::clone(&control.pace), control.limits) {
                    Ok(fetcher) => fetcher,
                    Err(error) => {
                        tracing::warn!(%vendor, %error, "a vendor cannot be asked for names");
                        last = Some(error);
                        continue;
                    }
                };
                let finds = Exchange::ALL.into_iter().any(|e| fetcher.vendor().has(DataKind::Search, e));
                if !finds || fetcher.lacks_key() {
                    continue;
                }
                let watch = Watch { stop: &control.stop, waiting: &|_| {} };
                match fetcher.page(Ask::Search(text.clone()), watch).await {
                    Ok(page) => return Ok(found_rows(vendor, page)),
                    Err(error) => last = Some(ServiceError::Invalid(error.to_string())),
                }
            }
            last.map_or(Ok(Vec::new()), Err)
        });
        runtime.shutdown_background();
        found
    }
}

fn found_rows(vendor: VendorId, page: Option<Page>) -> Vec<FoundRow> {
    let Some(Payload::Listings(listings)) = page.map(|page| page.payload) else { return Vec::new() };
    let row = |l: Listing| {
        let Listing { symbol, exchange, name, currency, .. } = l;
        FoundRow { symbol, exchange, name, currency, vendor }
    };
    listings.into_iter().take(FOUND_MAX).map(row).collect()
}
