//! A screen full of everything, for tests of panes and of the terminal around them.

use crate::domain::role::Role;
use crate::domain::{Capability, UnixNanos};
use crate::service::view::*;

/// Market time of the fixture: half past two in New York on 2024-11-20.
pub const MARKET_TIME: &str = "2024-11-20T19:30:00Z";

fn market_time() -> UnixNanos {
    MARKET_TIME.parse().unwrap()
}

/// Nothing but a person: every list is empty.
pub fn empty(role: Role) -> Screen {
    Screen {
        version: 1,
        wall: market_time(),
        user: role.demo_name().parse().unwrap(),
        role,
        capabilities: Capability::all()
            .filter(|c| role.reach(*c) != crate::domain::role::Reach::None)
            .collect(),
        mode: Mode::Paper,
        ownership: Ownership::Owner,
        data: DataState {
            simulated: false,
            session_open: true,
            market_time: Some(market_time()),
            market_clock: "2024-11-20 14:30 New York".to_owned(),
            live: false,
            speed: 0,
            text: "file: 12 names to 2024-11-19".to_owned(),
            warning: false,
        },
        account: None,
        accounts: Vec::new(),
        watchlist: Vec::new(),
        chart: None,
        positions: Vec::new(),
        equity: Vec::new(),
        orders: Vec::new(),
        history: Vec::new(),
        signals: None,
        limits: None,
        breaches: None,
        halted: Vec::new(),
        insights: Vec::new(),
        news: Vec::new(),
        notices: Vec::new(),
        unread: 0,
        users: None,
        log: None,
        health: None,
        settings: Vec::new(),
    }
}

/// The trader's screen.
pub fn screen() -> Screen {
    empty(Role::Trader)
}
