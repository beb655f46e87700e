//! The vendors there are.

use std::sync::Arc;

use super::Vendor;
use crate::domain::calendar::Calendars;
use crate::domain::vendor::VendorId;

/// One vendor; `None` when this build has none of that name.
pub fn vendor(id: VendorId, calendars: &Calendars) -> Option<Arc<dyn Vendor>> {
    let _ = calendars;
    match id {
        VendorId::AlphaVantage | VendorId::Yahoo | VendorId::Polygon | VendorId::Asx => None,
    }
}
