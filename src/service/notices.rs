//! A person's notices.

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, ViewMarket};
use super::view::NoticeRow;

impl House {
    /// The person's newest notices, newest first, and how many are unread.
    pub fn notices(
        &self,
        permit: &Permit<ViewMarket>,
        most: u32,
    ) -> Result<(Vec<NoticeRow>, u32), ServiceError> {
        let users = lock(self.users());
        let rows = users.read().notices(permit.user(), most)?;
        let unread = users.read().unread(permit.user())?;
        let rows = rows
            .into_iter()
            .map(|n| NoticeRow {
                id: n.id,
                time: n.time,
                level: n.level,
                title: n.title.to_string(),
                text: n.text.to_string(),
                read: n.read,
            })
            .collect();
        Ok((rows, unread))
    }

    /// Marks all of the person's notices as read.
    pub fn read_notices(&self, permit: &Permit<ViewMarket>) -> Result<(), ServiceError> {
        let mut users = lock(self.users());
        let newest = users.read().notices(permit.user(), 1)?.first().map_or(0, |n| n.id);
        Ok(users.mark_read(permit.user(), newest)?)
    }
}
