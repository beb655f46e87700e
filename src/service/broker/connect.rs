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
use super::super::keys::{NOT_SET, TROUBLE};
use super::super::permit::{ManageData, Permit};
use super::super::vendor_test::{ALL_SECONDS, row, within};
use super::super::view::HealthRow;

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

    /// Asks the broker how the account of its keys is.
    pub fn test_broker(&self, _: &Permit<ManageData>) -> HealthRow {
        row(format!("broker {}", BrokerId::Alpaca), self.broker_said())
    }

    fn broker_said(&self) -> Result<String, String> {
        let mut with = Vec::new();
        for slot in [KeySlot::Alpaca, KeySlot::AlpacaSecret] {
            let (place, id) = self.slot_place(slot);
            if place == NOT_SET {
                return Ok(format!("no keys; set them with 'qlib-pro key set {}'", BrokerId::Alpaca));
            }
            if place.starts_with(TROUBLE) {
                return Err(format!("its keys {place}"));
            }
            with.extend(
                id.filter(|_| slot == KeySlot::Alpaca).map(|id| format!("key {id} in the {place}; ")),
            );
        }
        let with = with.concat();
        let asks = async {
            let broker = self.connect(BrokerId::Alpaca).map_err(|e| e.to_string())?;
            broker.account().await.map_err(|e| e.to_string())
        };
        let seen = within(ALL_SECONDS, asks)?;
        let seen = seen.unwrap_or_else(|| Err(format!("not reachable: no answer within {ALL_SECONDS} s")));
        let seen = seen.map_err(|said| format!("{with}{said}"))?;
        let money = format!("{}, equity {}, cash {}", seen.currency, seen.equity, seen.cash);
        if !seen.can_trade {
            return Err(format!("{with}it answers; the paper account may not trade now; {money}"));
        }
        let short = if seen.can_short { "may trade and sell short" } else { "may trade, not sell short" };
        Ok(format!("{with}it answers; paper account, {short}; {money}"))
    }
}
