//! The nouns every room speaks: ids, numbers, instruments, market facts, orders, events, people.
//!
//! Values only: no clock, file, socket, database or randomness is named here (see `tests/architecture.rs`).
//! Money and quantities are scaled integers; floats live only in [`signal`] and [`facts`].

pub mod account;
pub mod address;
pub mod broker;
pub mod by_name;
pub mod calendar;
pub mod command;
pub mod decision;
pub mod event;
pub mod facts;
pub mod fixed;
pub mod id;
pub mod import;
pub mod instrument;
pub mod journal;
pub mod key;
pub mod limit;
pub mod listed;
pub mod market;
pub mod notice;
pub mod order;
pub mod order_state;
pub mod posting;
pub mod refusal;
pub mod role;
pub mod row;
pub mod serial;
pub mod signal;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod time;
pub mod user;
pub mod vendor;
pub mod venue;

pub use account::{AccountKind, AccountSpec, LotMethod, Margin, TriggerType};
pub use address::{Address, AddressError};
pub use broker::BrokerId;
pub use by_name::{ByInstrument, ByName, NameHash};
pub use command::Command;
pub use event::{Event, EventBody};
pub use fixed::{Money, NumberError, Price, Quantity, Ratio, Volume};
pub use id::{
    AccountId, ChangeSetId, Currency, Exchange, InstrumentId, OrderId, Seq, StrategyId, Symbol, TradeId,
    UserName, VenueOrderId,
};
pub use import::{ImportReport, QuarantineReason, Quarantined};
pub use instrument::Instrument;
pub use journal::Batch;
pub use market::{Bar, MarketEvent, Quote, Trade};
pub use order::{OrderSpec, OrderType, Side, SizedBy, TimeInForce, Trail};
pub use order_state::{Order, OrderStatus, OrderStep};
pub use refusal::RefusalCode;
pub use role::{Capability, Role};
pub use text::CleanText;
pub use time::{Clock, UnixNanos};
