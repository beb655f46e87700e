//! Qlib Pro: a local-first trading workstation.
//!
//! This is the map of the house. Each line is a room and what it promises; `tests/architecture.rs` holds who may
//! name whom. The pure rooms take values and return values: no clock, file, socket, database or randomness.
//!
//! | room | promise |
//! |---|---|
//! | [`domain`] | the nouns; pure, integer money |
//! | [`factor`] | panel, expressions, families, ranking; pure, NaN means missing and never turns into 0 |
//! | [`model`] | features to scores and confidence; pure, only outcomes known by then |
//! | [`portfolio`] | positions, ledger, P/L, target weights; pure, postings sum to zero per asset |
//! | [`risk`] | limits and the one gate; pure, only [`risk`] makes an approved order |
//! | [`execution`] | the engine: command or market event in, events out; pure, deterministic |
//! | [`market`] | bars from files and vendors, and the simulated exchange |
//! | [`broker`] | the venues: paper and Alpaca paper trading; what is not certain is unknown, nothing is sent twice |
//! | [`store`] | three SQLite files; one writer each; what was acknowledged is on disk |
//! | [`secret`] | password hashes |
//! | [`notify`] | events to notices |
//! | [`insight`] | plain sentences for customers; names no signal |
//! | [`config`] | settings and paths; the only reader of configuration files |
//! | [`observe`] | clock, log, health |
//! | [`service`] | the one door: sessions, permits, and every use of a home |
//! | [`tui`] | the terminal |
//! | [`cli`] | the command line |
//! | [`app`] | the composition root |

pub mod app;
pub mod broker;
pub mod cli;
pub mod config;
pub mod domain;
pub mod execution;
pub mod factor;
pub mod insight;
pub mod market;
pub mod model;
pub mod notify;
pub mod observe;
pub mod portfolio;
pub mod risk;
pub mod secret;
pub mod service;
pub mod store;
pub mod tui;
