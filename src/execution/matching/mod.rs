//! The paper exchange: what an order gets from a bar, a quote or a print. Pure functions of an order and a market
//! fact; the engine turns their answers into fills.
//!
//! How each kind of order starts to work ([`crate::domain::order::Start`]) and whether it has a limit decides all of
//! it; a new kind is a new arm in [`bars`], [`quotes`] and [`prints`]. By which price triggers go is the account's choice
//! ([`triggers`]); a bar has no bids and no single prints, so there all go by its path. Orders come in only as
//! [`crate::risk::Approved`], through [`enter`].

pub mod bars;
pub mod path;
pub mod prints;
pub mod quotes;
pub mod triggers;

use std::sync::Arc;

use crate::domain::decision::DecisionRecord;
use crate::domain::event::Refusal;
use crate::domain::{OrderSpec, RefusalCode, Seq};
use crate::risk::Approved;

/// Lets an approved order in. The approval is used up, and holds only for the book it was given for.
pub fn enter(approved: Approved, book_seq: Seq) -> Result<(Arc<OrderSpec>, Box<DecisionRecord>), Refusal> {
    if approved.book_seq() != book_seq {
        return Err(Refusal::plain(RefusalCode::StaleOrder));
    }
    Ok(approved.into_order())
}
