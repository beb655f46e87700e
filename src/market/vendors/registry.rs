//! The vendors there are.

use std::sync::Arc;

use super::Vendor;
use super::alpha_vantage::AlphaVantage;
use super::asx::AsxSite;
use super::polygon::Polygon;
use super::yahoo::Yahoo;
use crate::domain::calendar::Calendars;
use crate::domain::vendor::VendorId;

/// One vendor, with the calendars that tell sessions.
pub fn vendor(id: VendorId, calendars: &Calendars) -> Arc<dyn Vendor> {
    let calendars = calendars.clone();
    match id {
        VendorId::AlphaVantage => Arc::new(AlphaVantage::new(calendars)),
        VendorId::Yahoo => Arc::new(Yahoo::new(calendars)),
        VendorId::Polygon => Arc::new(Polygon::new(calendars)),
        VendorId::Asx => Arc::new(AsxSite::new(calendars)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Address;

    #[test]
    fn every_vendor_answers_to_its_name_and_its_own_address_is_allowed() {
        let calendars = Calendars::bundled().unwrap();
        for id in VendorId::ALL {
            let vendor = vendor(*id, &calendars);
            assert_eq!(vendor.id(), *id);
            assert!(Address::parse(vendor.url(), vendor.hosts()).is_ok(), "{id}: {}", vendor.url());
        }
    }
}
