//! What people see: plain values, made by the service, drawn by the terminal and printed by the command line.
//!
//! One set of types serves both, so a figure on screen equals the figure in `--format json`. Field names are those
//! of `replay`. Nothing here computes: values arrive finished, missing ones are `None`, never zero.

pub mod account;
pub mod data;
pub mod expression;
pub mod people;
pub mod reconcile;
pub mod research;
pub mod risk;
pub mod screen;
pub mod vendor;

pub use account::{Account, HistoryRow, LotRow, OrderRow, Portfolio, Position};
pub use data::{AskedPrice, Chart, Instrument, NewsRow, PriceRow, WatchRow};
pub use expression::{Evidence, FactorRow, Formula, FormulaColumn, FormulaScreen, NameValue, Research};
pub use people::{HealthRow, InsightRow, LogRow, NoticeRow, SettingRow, UserRow};
pub use reconcile::{AskedFor, ClaimRow, DifferenceRow, Differences};
pub use research::{BasketRow, SignalRow, Signals};
pub use risk::{
    BreachRow, HaltRow, LimitChange, LimitRow, LimitVersionRow, LimitsView, PreviewView, SetPreviewView,
    WhatIf, drill_told,
};
pub use screen::{DataState, Mode, Ownership, Screen};
pub use vendor::{
    Awaited, DataHealth, FeedLine, KeyRow, ListingRow, SetAside, SourceRow, SyncLine, VendorRow, VendorState,
    WindowRow,
};
