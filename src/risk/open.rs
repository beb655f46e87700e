//! [`OpenOrders`]: open orders by name, each held by reference, so that an order that ends moves as a pointer and a
//! row of it, or a copy of the book, shares it. An order changes for one holder only: who keeps it beside this keeps it
//! as it stood.

use std::collections::{BTreeSet, HashMap};
use std::iter;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{AccountId, NameHash, Order, OrderId};

use super::book::OrderKey;

/// Names that wait to be put in order: most orders are done before that.
const FRESH_MAX: usize = 64;

/// Open orders of every account, by name.
#[derive(Debug, Clone, Default)]
pub struct OpenOrders {
    orders: HashMap<OrderKey, Arc<Order>, NameHash>,
    /// Names in their order.
    names: BTreeSet<OrderKey>,
    /// Names that came last and are not among the others yet.
    fresh: Vec<OrderKey>,
}

impl PartialEq for OpenOrders {
    fn eq(&self, other: &Self) -> bool {
        self.orders == other.orders
    }
}

impl Eq for OpenOrders {}

impl OpenOrders {
    /// An open order.
    pub fn get(&self, key: &OrderKey) -> Option<&Order> {
        self.shared(key).map(Arc::as_ref)
    }

    /// The same, to be kept as it stands.
    pub fn shared(&self, key: &OrderKey) -> Option<&Arc<Order>> {
        self.orders.get(key)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &OrderKey) -> Option<&mut Order> {
        self.orders.get_mut(key).map(Arc::make_mut)
    }

    /// Whether an order is open.
    pub fn contains_key(&self, key: &OrderKey) -> bool {
        self.orders.contains_key(key)
    }

    /// Takes an order in.
    pub fn insert(&mut self, key: OrderKey, order: Arc<Order>) {
        if self.orders.insert(key, order).is_some() {
            return;
        }
        if self.fresh.len() >= FRESH_MAX {
            self.names.extend(self.fresh.drain(..));
        }
        self.fresh.push(key);
    }

    /// Takes an order out.
    pub fn remove(&mut self, key: &OrderKey) -> Option<Arc<Order>> {
        let order = self.orders.remove(key)?;
        match self.fresh.iter().rposition(|name| name == key) {
            Some(at) => drop(self.fresh.swap_remove(at)),
            None => drop(self.names.remove(key)),
        }
        Some(order)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Names and orders, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OrderKey, &Order)> {
        self.keys().filter_map(|key| Some((key, self.get(key)?)))
    }

    /// Names in their order.
    pub fn keys(&self) -> impl Iterator<Item = &OrderKey> {
        in_order(self.names.iter(), self.fresh.iter())
    }

    /// Orders by name.
    pub fn values(&self) -> impl Iterator<Item = &Order> {
        self.all_shared().map(Arc::as_ref)
    }

    /// The same, to be kept as they stand.
    pub fn all_shared(&self) -> impl Iterator<Item = &Arc<Order>> {
        self.keys().filter_map(|key| self.shared(key))
    }

    /// Orders of one account, by name.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        // Ids of one account are neighbours; the smallest id is a lone `#`.
        let first = "#".parse::<OrderId>().ok().map(|id| (account, id));
        let from = first.into_iter().flat_map(|first| self.from(first));
        from.take_while(move |(key, _)| key.0 == account).map(|(_, order)| order)
    }

    /// Names and orders from one name on.
    pub fn from(&self, first: OrderKey) -> impl Iterator<Item = (&OrderKey, &Order)> {
        let fresh = self.fresh.iter().filter(move |key| **key >= first);
        let names = in_order(self.names.range(first..), fresh);
        names.filter_map(|key| Some((key, self.get(key)?)))
    }
}

impl FromIterator<(OrderKey, Order)> for OpenOrders {
    fn from_iter<I: IntoIterator<Item = (OrderKey, Order)>>(orders: I) -> Self {
        let orders: HashMap<_, _, NameHash> =
            orders.into_iter().map(|(key, order)| (key, Arc::new(order))).collect();
        let names = orders.keys().copied().collect();
        Self { orders, names, fresh: Vec::new() }
    }
}

/// Names that are in order, and some others put between them.
fn in_order<'n>(
    names: impl Iterator<Item = &'n OrderKey>,
    fresh: impl Iterator<Item = &'n OrderKey>,
) -> impl Iterator<Item = &'n OrderKey> {
    let mut fresh: Vec<&OrderKey> = fresh.collect();
    fresh.sort_unstable();
    let (mut names, mut fresh) = (names.peekable(), fresh.into_iter().peekable());
    iter::from_fn(move || match (names.peek(), fresh.peek()) {
        (Some(name), Some(other)) if other < name => fresh.next(),
        (Some(_), _) => names.next(),
        (None, _) => fresh.next(),
    })
}

impl Serialize for OpenOrders {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for OpenOrders {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<(OrderKey, Order)>::deserialize(from).map(Self::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{OrderSpec, OrderStatus, Quantity, Side, UnixNanos};

    proptest! {
        #[test]
        fn orders_are_gone_through_by_name_whenever_they_came(
            acts in prop::collection::vec((any::<bool>(), 0_u8..200), 0..400),
        ) {
            let (mut own, mut model) = (OpenOrders::default(), BTreeMap::new());
            for (comes, at) in acts {
                let key: OrderKey = ("A".parse().unwrap(), format!("o{at}").parse().unwrap());
                if comes {
                    let trade = (Side::Buy, Quantity::ZERO);
                    let spec = OrderSpec::plain(key.0, key.1, "X.SIM".parse().unwrap(), trade, None);
                    let by = "ann".parse().unwrap();
                    let order = Arc::new(Order::new(spec, OrderStatus::Accepted, UnixNanos::ZERO, by));
                    own.insert(key, Arc::clone(&order));
                    model.insert(key, order);
                } else {
                    prop_assert_eq!(own.remove(&key), model.remove(&key));
                }
                prop_assert!(own.keys().eq(model.keys()) && own.all_shared().eq(model.values()));
                let first: OrderKey = ("A".parse().unwrap(), "o5".parse().unwrap());
                prop_assert!(own.from(first).map(|(key, _)| key).eq(model.range(first..).map(|(key, _)| key)));
            }
            let text = serde_json::to_string(&own).unwrap();
            prop_assert_eq!(serde_json::from_str::<OpenOrders>(&text).unwrap(), own);
        }
    }
}
