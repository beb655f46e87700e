//! [`OpenOrders`]: open orders by name, each held by reference, so that an order that ends moves as a pointer and a
//! row of it, or a copy of the book, shares it. An order changes for one holder only: who keeps it beside this keeps it
//! as it stood.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{AccountId, ByName, Order, OrderId};

use super::book::OrderKey;

/// Open orders of every account, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenOrders(ByName<OrderKey, Arc<Order>>);

impl OpenOrders {
    /// An open order.
    pub fn get(&self, key: &OrderKey) -> Option<&Order> {
        self.shared(key).map(Arc::as_ref)
    }

    /// The same, to be kept as it stands.
    pub fn shared(&self, key: &OrderKey) -> Option<&Arc<Order>> {
        self.0.get(key)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &OrderKey) -> Option<&mut Order> {
        self.0.get_mut(key).map(Arc::make_mut)
    }

    /// Whether an order is open.
    pub fn contains_key(&self, key: &OrderKey) -> bool {
        self.0.contains_key(key)
    }

    /// Takes an order in.
    pub fn insert(&mut self, key: OrderKey, order: Order) {
        self.0.insert(key, Arc::new(order));
    }

    /// Takes an order out.
    pub fn remove(&mut self, key: &OrderKey) -> Option<Arc<Order>> {
        self.0.remove(key)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and orders, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OrderKey, &Order)> {
        self.0.iter().map(|(key, order)| (key, order.as_ref()))
    }

    /// Names in their order.
    pub fn keys(&self) -> impl Iterator<Item = &OrderKey> {
        self.0.keys()
    }

    /// Orders by name.
    pub fn values(&self) -> impl Iterator<Item = &Order> {
        self.all_shared().map(Arc::as_ref)
    }

    /// The same, to be kept as they stand.
    pub fn all_shared(&self) -> impl Iterator<Item = &Arc<Order>> {
        self.0.values()
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
        self.0.range(first..).map(|(key, order)| (key, order.as_ref()))
    }
}

impl FromIterator<(OrderKey, Order)> for OpenOrders {
    fn from_iter<I: IntoIterator<Item = (OrderKey, Order)>>(orders: I) -> Self {
        Self(orders.into_iter().map(|(key, order)| (key, Arc::new(order))).collect())
    }
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
