//! The vendors there are.

use std::sync::Arc;

use super::Vendor;
use super::alpha_vantage::AlphaVantage;
use super::asx::AsxSite;
use super::polygon::Polygon;
use super::yahoo::Yahoo;
use crate::domain::calendar::Calendars;
use crate::domain::vendor::VendorId;

/// One vendor; `None` when this build has none of that name.
pub fn vendor(id: VendorId, calendars: &Calendars) -> Option<Arc<dyn Vendor>> {
    match id {
        VendorId::AlphaVantage => Some(Arc::new(AlphaVantage::new(calendars.clone()))),
        VendorId::Yahoo => Some(Arc::new(Yahoo::new(calendars.clone()))),
        VendorId::Polygon => Some(Arc::new(Polygon::new(calendars.clone()))),
        VendorId::Asx => Some(Arc::new(AsxSite::new(calendars.clone()))),
    }
}
