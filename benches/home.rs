//! A home with a million events: opening it with its snapshots and without, and a backup on the way there.
//!
//! The journal grows by what the pure engine makes (orders filled at once, orders that rest and are canceled), in
//! groups; the home is opened and closed whenever the workstation would have made a snapshot. Given a folder
//! (`cargo bench --bench home -- FOLDER`), the home is kept there, and opened as it is when it is there already.
//! Figures are printed, never judged.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod flow;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::{Flow, start};
use qlib_pro::config::Settings;
use qlib_pro::domain::{Batch, OrderSpec};
use qlib_pro::observe::{LogRing, SystemClock};
use qlib_pro::service::house::{self, Parts};
use qlib_pro::store::{self, HeldBy, TRADES_FILE, TradesReader, TradesStore};

/// Events of the journal.
const EVENTS: u64 = 1_000_000;
/// Events between two snapshots of a workstation that stays open.
const PIECE: u64 = 20_000;
/// Batches that share a sync.
const GROUP: usize = 256;
/// From this size of the trades store on, a backup is timed.
const BACKUP_BYTES: u64 = 100_000_000;
/// Times that a home is opened, or backed up.
const TIMES: usize = 5;

/// Opens a home as the program does, closes it again, and tells what the opening took.
fn open(home: &Path) -> Duration {
    let began = Instant::now();
    let (house, engine) = house::open(Parts {
        home: home.to_path_buf(),
        clock: Arc::new(SystemClock),
        settings: Settings::default(),
        log: LogRing::default(),
        process: "bench".into(),
        runs_as: "bench".into(),
        own: true,
        keyring: false,
    })
    .unwrap();
    let engine = std::thread::spawn(move || engine.unwrap().run());
    house.prime().unwrap();
    let took = began.elapsed();
    drop(house);
    engine.join().unwrap();
    took
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap()
}

fn bytes(path: &Path) -> f64 {
    std::fs::metadata(path).unwrap().len() as f64 / 1e6
}

fn backup(home: &Path) {
    let target = home.with_extension("backup");
    let one = |_| {
        let began = Instant::now();
        store::backup(home, &[], &target).unwrap();
        began.elapsed()
    };
    let took: Vec<Duration> = (0..TIMES).map(one).collect();
    let whole: f64 = store::files(home).iter().map(|(_, path)| bytes(path)).sum();
    println!(
        "backup of {whole:.0} MB into {:.0} MB: median {:.2?} of {took:.2?}",
        bytes(&target),
        middle(took.clone())
    );
    std::fs::remove_file(target).unwrap();
}

/// Appends the next piece; the orders that rest are ended 64 pairs later.
fn grow(home: &Path, flow: &mut Flow, made: &mut Vec<Batch>, resting: &mut Vec<OrderSpec>, to: u64) {
    let holder = HeldBy::this_process("bench", "bench", start());
    let mut store = TradesStore::open_owner(home, &holder).unwrap();
    while flow.engine.state().seq() < to {
        while made.len() < GROUP {
            let (order, batches) = flow.pair();
            made.extend(batches);
            resting.push(order);
            if resting.len() > 64 {
                made.push(flow.cancel(&resting.remove(0)));
            }
        }
        store.append_all(&*made).unwrap();
        made.clear();
    }
    // A workstation that stays open has told whom these events concern.
    store.delivered("notices", flow.engine.state().seq(), start()).unwrap();
}

fn build(home: &Path) {
    let (mut flow, mut made) = Flow::new();
    let (mut resting, mut backed_up, began) = (Vec::new(), false, Instant::now());
    for to in (PIECE..=EVENTS).step_by(PIECE as usize) {
        grow(home, &mut flow, &mut made, &mut resting, to);
        open(home);
        if !backed_up && bytes(&home.join(TRADES_FILE)) * 1e6 >= BACKUP_BYTES as f64 {
            println!("at {to} events:");
            backup(home);
            backed_up = true;
        }
    }
    println!("built in {:.0?}", began.elapsed());
}

fn main() {
    let given = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).map(PathBuf::from);
    let folder = tempfile::tempdir().unwrap();
    let home = given.unwrap_or_else(|| folder.path().join("home"));
    if !home.exists() {
        build(&home);
    }
    let (events, _) = TradesReader::open(&home).unwrap().head().unwrap();
    println!("a journal of {events} events, {:.0} MB", bytes(&home.join(TRADES_FILE)));
    let took: Vec<Duration> = (0..TIMES).map(|_| open(&home)).collect();
    println!("opened with snapshots: median {:.2?} of {took:.2?}", middle(took.clone()));
    let (kept, aside) = (home.join("snapshots"), home.join("snapshots.aside"));
    std::fs::rename(&kept, &aside).unwrap();
    println!("opened without: {:.2?}", open(&home));
    std::fs::remove_dir_all(&kept).unwrap();
    std::fs::rename(&aside, &kept).unwrap();
    backup(&home);
}
