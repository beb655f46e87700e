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
//! `--synthetic` answers every symbol with made-up prices as well, and makes them move: Polygon's stream is at
//! `ws://127.0.0.1:PORT/polygon/stocks`, with `--ticks-per-second` trades and quotes of all symbols together, the same
//! ones for the same `--seed`. The network can be cut and restored:
//!
//! ```text
//! curl -d '{"cut":true,"refuse_seconds":20}' http://127.0.0.1:PORT/__stream      # "rest":true: all requests too
//! curl -d '{"restore":true}' http://127.0.0.1:PORT/__stream
//! curl -d '{"auth":"refuse"}' http://127.0.0.1:PORT/__stream                     # keys of new connections
//! curl -d '{"say":"[{\"ev\":\"X\"}]"}' http://127.0.0.1:PORT/__stream             # any text, to everybody
//! ```

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
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use market::Market;
use server::Server;

const USAGE: &str =
    "usage: vendor_server [--data DIR] [--port N] [--synthetic] [--ticks-per-second N] [--seed N]";
/// How often the clock is moved on, in milliseconds.
const CLOCK_MS: u64 = 2;

#[allow(clippy::disallowed_methods, reason = "the server's clock starts at the present")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// The clock goes as fast as the wall's, from wherever it is set.
async fn run_clock(clock: Arc<AtomicI64>) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(CLOCK_MS)).await;
        let now = Instant::now();
        clock.fetch_add(i64::try_from((now - last).as_nanos()).unwrap_or(0), Ordering::SeqCst);
        last = now;
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (mut data, mut port, mut synthetic) = (None, 0_u16, false);
    let (mut ticks_per_second, mut seed) = (20_u32, 1_u64);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--data" => data = args.next().map(PathBuf::from),
            "--port" => port = args.next().and_then(|text| text.parse().ok()).expect(USAGE),
            "--synthetic" => synthetic = true,
            "--ticks-per-second" => {
                ticks_per_second = args.next().and_then(|text| text.parse().ok()).expect(USAGE);
            }
            "--seed" => seed = args.next().and_then(|text| text.parse().ok()).expect(USAGE),
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
    tokio::spawn(run_clock(Arc::clone(&clock)));
    if synthetic {
        let market = Arc::new(Market::new(clock));
        market.live(&server, seed, ticks_per_second);
        server.set_maker(Arc::new(move |seen| market.answer(seen)));
    }
    println!("{}", server.address);
    std::future::pending::<()>().await;
}
