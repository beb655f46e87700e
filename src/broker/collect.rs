//! Asking a broker everything a reconciliation needs. All answers or none: half a picture is not compared.

use std::collections::BTreeSet;

use super::{Broker, BrokerError, Cursor, Listed};
use crate::domain::broker::{OrderReport, VenueView};
use crate::domain::{BrokerId, VenueOrderId};
use crate::execution::reconcile::{AboutOrder, Questions};

/// Most pages of executions of one reconciliation.
const PAGES_MAX: usize = 1_000;

/// Asks. Orders that are not among the open ones are asked for one by one, under their last and the name before it.
pub async fn collect(broker: &dyn Broker, questions: &Questions) -> Result<VenueView, BrokerError> {
    let Listed { items: open, mut unread } = broker.open_orders().await?;
    let known: BTreeSet<_> = open.iter().filter_map(|o| o.id.map(|id| (id, o.amend_seq))).collect();
    let mut asked = Vec::new();
    for about in &questions.orders {
        let is_named = |name| open.iter().any(|o| o.venue_id == name);
        let is_open = known.contains(&(about.id, about.changes)) || about.venue_id.is_some_and(is_named);
        if !is_open {
            asked.extend(ask(broker, about).await?.into_iter().map(|found| (about.id, found)));
        }
    }
    let mut fills = Vec::new();
    let mut cursor = Some(Cursor::Since(questions.since));
    for _ in 0..PAGES_MAX {
        let Some(from) = cursor.take() else { break };
        let page = broker.fills_since(&from).await?;
        fills.extend(page.items);
        unread.extend(page.unread);
        cursor = page.next;
    }
    if cursor.is_some() {
        let reason = "the pages of executions do not end".into();
        let broker: BrokerId = broker.capabilities().broker;
        return Err(BrokerError::Malformed { broker, what: "executions", reason });
    }
    let positions = broker.positions().await?;
    unread.extend(positions.unread);
    unread.sort_unstable();
    unread.dedup();
    Ok(VenueView { open, asked, elsewhere: Vec::new(), fills, positions: positions.items, unread })
}

/// Asks for orders by the venue's names, and takes what is found into the view.
pub async fn introduce(
    broker: &dyn Broker,
    names: &BTreeSet<VenueOrderId>,
    view: &mut VenueView,
) -> Result<(), BrokerError> {
    for name in names {
        view.elsewhere.extend(broker.order_by_venue_id(*name).await?);
    }
    Ok(())
}

/// One order under the names it may have; a lone `None` when the venue knows none of them.
async fn ask(broker: &dyn Broker, about: &AboutOrder) -> Result<Vec<Option<OrderReport>>, BrokerError> {
    let mut found = Vec::new();
    if let Some(venue_id) = about.venue_id {
        found.extend(broker.order_by_venue_id(venue_id).await?);
    }
    // An order of a group has no name of ours at the venue before it is changed: the one it was sent with tells it.
    if let Some((lead, changes)) = about.lead {
        let told = broker.order_by_client_id(lead, changes).await?;
        found.extend(told.filter(|lead| !lead.legs.is_empty()));
    }
    let first = about.changes.saturating_sub(1);
    for changes in first..=about.changes {
        let named = broker.order_by_client_id(about.id, changes).await?;
        let is_new = |r: &OrderReport| found.iter().all(|f: &OrderReport| f.venue_id != r.venue_id);
        let named = named.filter(is_new);
        found.extend(named);
    }
    Ok(if found.is_empty() { vec![None] } else { found.into_iter().map(Some).collect() })
}
