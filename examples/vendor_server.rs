//! A vendor on this machine, to try things without a network: it serves the replies of a folder by its
//! `manifest.json` (or by the built-in one for the recorded replies), and can be told to fail.
//!
//! ```text
//! cargo run --example vendor_server -- --data ../shared/vendors --port 0
//! QLIB_PRO_YAHOO_URL=http://127.0.0.1:PORT/yahoo qlib-pro sync --vendor yahoo NVDA
//! curl -d '{"name":"429_seconds","vendor":"yahoo","times":2}' http://127.0.0.1:PORT/__scenario
//! curl http://127.0.0.1:PORT/__log
//! ```
//!
//! `--synthetic` answers every symbol with made-up prices as well.

// An example prints and may stop with a message.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::indexing_slicing)]

#[path = "../tests/vendors/market/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod market;
#[path = "../tests/vendors/server/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{SystemTime, UNIX_EPOCH};

use market::Market;
use server::Server;

const USAGE: &str = "usage: vendor_server [--data DIR] [--port N] [--synthetic]";

#[allow(clippy::disallowed_methods, reason = "the server's clock starts at the present")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (mut data, mut port, mut synthetic) = (None, 0_u16, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--data" => data = args.next().map(PathBuf::from),
            "--port" => port = args.next().and_then(|text| text.parse().ok()).expect(USAGE),
            "--synthetic" => synthetic = true,
            _ => {
                eprintln!("{USAGE}");
                std::process::exit(2);
            }
        }
    }
    let clock = Arc::new(AtomicI64::new(now()));
    let server = Server::start(port, Arc::clone(&clock)).await.expect("the port can be listened on");
    if let Some(folder) = data {
        let count = server.serve_folder(&folder).expect("the manifest can be read");
        eprintln!("{count} answers from {}", folder.display());
    }
    if synthetic {
        let market = Arc::new(Market::new(clock));
        server.set_maker(Arc::new(move |seen| market.answer(seen)));
    }
    println!("{}", server.address);
    std::future::pending::<()>().await;
}
