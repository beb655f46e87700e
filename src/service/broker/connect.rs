//! How a home reaches its brokers: addresses from the settings and the environment, keys from where they are kept.

use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::alpaca::{self, AlpacaBroker, Keys, Timing};
use crate::config;
use crate::domain::BrokerId;
use crate::domain::key::KeySlot;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;

impl House {
    /// A client of a broker; nothing is asked yet.
    pub(in crate::service) fn connect(&self, broker: BrokerId) -> Result<Arc<dyn Broker>, ServiceError> {
        match broker {
            BrokerId::Paper => Err(ServiceError::Invalid("the paper exchange is part of the home".into())),
            BrokerId::Alpaca => {
                let address = config::vendors::alpaca_url();
                let address = address.unwrap_or_else(|| lock(self.settings()).alpaca_url.clone());
                let address = alpaca::address(&address)?;
                let none = || crate::broker::BrokerError::NoKeys { broker: BrokerId::Alpaca };
                let key = self.key(KeySlot::Alpaca)?.ok_or_else(none)?;
                let secret = self.key(KeySlot::AlpacaSecret)?.ok_or_else(none)?;
                let keys = Keys { key, secret };
                Ok(Arc::new(AlpacaBroker::new(address, keys, self.clock_arc(), Timing::default())?))
            }
        }
    }
}
