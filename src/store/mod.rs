//! The three stores of a home: people ([`users`]), market data ([`market`]), and the journal ([`trades`]).
//!
//! Each is one SQLite file with one schema, one write connection (`…Store`) and any number of read-only ones
//! (`…Reader`). Methods speak the language of the domain; no SQL leaves this room. What a method of the users or
//! trades store acknowledged is on disk. The stores never name each other: what must agree lives in one file
//! (trades), effects outside it go through its outbox cursor.
//!
//! Promises: files 0600 in a home 0700; append-only migrations checked at every open; the trades store has one
//! owner at a time; nothing here reads a clock, an environment variable or a setting.

mod backup;
mod codec;
mod db;
mod error;
pub mod fail;
pub mod market;
mod migrate;
mod ownership;
mod room;
pub mod snapshots;
pub mod trades;
mod unsound;
pub mod users;

#[cfg(test)]
mod tests;

pub use backup::{BackupReport, backup, restore};
pub use error::StoreError;
pub use market::{MarketReader, MarketStore};
pub use ownership::{HeldBy, holder};
pub use room::room;
pub use trades::{TradesReader, TradesStore};
pub use unsound::{lift_unsound, mark_unsound, unsound};
pub use users::{UsersReader, UsersStore};

use std::path::{Path, PathBuf};

/// File of the users store in a home.
pub const USERS_FILE: &str = "users.db";
/// File of the market store in a home.
pub const MARKET_FILE: &str = "market.db";
/// File of the trades store in a home.
pub const TRADES_FILE: &str = "trades.db";

/// The three store files of a home, with their names.
pub fn files(home: &Path) -> [(&'static str, PathBuf); 3] {
    [USERS_FILE, MARKET_FILE, TRADES_FILE].map(|name| (name, home.join(name)))
}

/// Whether a folder holds any store.
pub fn is_home(home: &Path) -> bool {
    files(home).iter().any(|(_, path)| path.exists())
}

/// The folder that a file is in.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What a person has written to a file never takes the place of a file of a home.
pub fn refuse_inside_home(file: &Path) -> Result<(), StoreError> {
    if is_home(folder_of(file)) {
        return Err(StoreError::InsideHome { path: file.to_path_buf() });
    }
    Ok(())
}

/// The newest schema version this program knows of a store file; 0 for any other name.
fn newest_version(name: &str) -> u32 {
    match name {
        USERS_FILE => migrate::newest(users::MIGRATIONS),
        MARKET_FILE => migrate::newest(market::MIGRATIONS),
        TRADES_FILE => migrate::newest(trades::MIGRATIONS),
        _ => 0,
    }
}
