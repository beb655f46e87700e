//! Plain-language insights for customers.

use crate::domain::AccountId;

use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, ViewInsights};
use super::view::InsightRow;

impl House {
    /// x
    pub fn insights(&self, _: &Permit<ViewInsights>, _: AccountId) -> Result<Vec<InsightRow>, ServiceError> {
        Ok(Vec::new())
    }
}
