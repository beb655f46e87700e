//! Appending orders to the journal beside bare SQLite, which writes the same rows in the same batches: one durable
//! answer for each order, and one for 256. Both take turns on the same file system with the same settings; the orders
//! are made before the clock runs, and so are the columns of the bare rows. Processor time is given beside time on the
//! wall, which other programs on the machine stretch. Figures are printed, never judged.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

#[path = "flow/clock.rs"]
mod clock;
mod flow;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use clock::{cpu, median};
use flow::{Flow, start};
use qlib_pro::domain::journal::{ChainHash, ENCODING_VERSION, kind};
use qlib_pro::domain::row::Row;
use qlib_pro::domain::{AccountId, Batch, InstrumentId, Money, Quantity};
use qlib_pro::store::{HeldBy, TRADES_FILE, TradesStore};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};

/// Times that both take their turns.
const ROUNDS: usize = 9;
/// Orders of a round that are answered one at a time.
const SINGLES: usize = 200;
/// Orders that share an answer.
const GROUP: usize = 256;
/// Groups of a round: enough for the kernel's coarse count of processor time.
const GROUPS: usize = 32;

const TABLES: [&str; 5] = ["journal", "postings", "orders", "executions", "portfolios"];
/// Statements of the bare writer: table, columns.
const INSERTS: [(&str, usize); 5] = [
    ("INSERT INTO journal VALUES", 9),
    ("INSERT INTO postings (seq, account, ledger, asset, phase, amount) VALUES", 6),
    ("INSERT OR REPLACE INTO orders VALUES", 23),
    ("INSERT INTO executions VALUES", 10),
    ("INSERT OR REPLACE INTO portfolios VALUES", 8),
];
const SETTINGS: &str = "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA cache_size = -65536; \
                        PRAGMA foreign_keys = on; PRAGMA trusted_schema = off; \
                        PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 8192;";

/// A row for the bare writer: which statement, and its columns.
type Line = (usize, Vec<Value>);

fn int(raw: i64) -> Value {
    Value::Integer(raw)
}

fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}

fn json(of: &impl serde::Serialize) -> Value {
    Value::Text(serde_json::to_string(of).unwrap())
}

fn opt<T>(of: Option<T>, value: impl FnOnce(T) -> Value) -> Value {
    of.map_or(Value::Null, value)
}

/// What accounts hold, by name.
type Held = BTreeMap<AccountId, BTreeMap<InstrumentId, (Quantity, Money)>>;

fn row(row: &Row, held: &mut Held) -> Line {
    match row {
        Row::Order(o) => {
            let s = &o.spec;
            let mut v = vec![text(s.account), text(s.id), text(s.instrument), text(s.side.as_str())];
            v.extend([text(s.order_type.as_str()), int(s.quantity.raw())]);
            v.extend([opt(s.limit_price, |p| int(p.raw())), json(s.as_ref()), text(o.status.as_str())]);
            v.extend([int(o.filled.raw()), int(o.filled_notional.raw()), int(o.fees.raw())]);
            v.extend([int(o.given_at.nanos()), int(o.changed_at.nanos()), opt(o.code, |c| text(c.as_str()))]);
            v.extend([text(&o.reason), text(o.actor), int(o.triggered.into())]);
            v.extend([opt(o.stop, |p| int(p.raw())), opt(o.cap, |q| int(q.raw()))]);
            v.extend([opt(o.remote.as_ref(), json), int(o.hold.raw())]);
            v.push(opt(o.valued_at, |p| int(p.raw())));
            (2, v)
        }
        Row::Execution(e) => {
            let mut v = vec![int(e.seq.cast_signed()), int(e.time.nanos()), text(e.account), text(e.id)];
            v.extend([text(e.instrument), text(e.side.as_str()), int(e.quantity.raw())]);
            v.extend([int(e.price.raw()), int(e.fee.raw()), int(e.realized.raw())]);
            (3, v)
        }
        Row::Portfolio(p) => {
            let mut v = vec![text(p.account), opt(p.owner, text), text(p.kind.as_str())];
            v.extend([opt(p.exchange, |x| text(x.code())), text(p.currency.as_str())]);
            let held = held.entry(p.account).or_default();
            held.extend(
                p.holdings.iter().map(|(instrument, quantity, cost)| (*instrument, (*quantity, *cost))),
            );
            held.retain(|_, (quantity, _)| !quantity.is_zero());
            let holdings: Vec<_> = held.iter().map(|(i, (quantity, cost))| (i, quantity, cost)).collect();
            v.extend([int(p.cash.raw()), int(p.unsettled.raw()), json(&holdings)]);
            (4, v)
        }
        Row::RiskEvent(_) | Row::RiskAck(_) | Row::Limit(_) => unreachable!("no limit is set"),
    }
}

/// The rows of a batch as columns, the chain included.
fn lines(batch: &Batch, hash: &mut ChainHash, held: &mut Held) -> Vec<Line> {
    let mut lines = Vec::new();
    for (event, payload) in batch.events.iter().zip(&batch.texts) {
        let before = std::mem::replace(hash, hash.next(payload.as_bytes()));
        let mut v = vec![int(event.seq.cast_signed()), int(event.t.nanos()), int(event.wall.nanos())];
        v.extend([text(event.by), text(kind(payload).unwrap()), int(ENCODING_VERSION.into()), text(payload)]);
        v.extend([Value::Blob(before.bytes().to_vec()), Value::Blob(hash.bytes().to_vec())]);
        lines.push((0, v));
    }
    for p in &batch.postings {
        let mut v = vec![int(p.seq.cast_signed()), text(p.account), text(p.ledger.as_str())];
        v.extend([text(p.asset), text(p.phase.as_str()), int(p.amount)]);
        lines.push((1, v));
    }
    lines.extend(batch.rows.iter().map(|changed| row(changed, held)));
    lines
}

/// Bare SQLite with our tables.
fn bare(folder: &Path) -> Connection {
    let conn = Connection::open(folder.join(TRADES_FILE)).unwrap();
    conn.execute_batch(SETTINGS).unwrap();
    conn.execute_batch(include_str!("../src/store/schema/trades/001.sql")).unwrap();
    conn.execute_batch(include_str!("../src/store/schema/trades/002.sql")).unwrap();
    conn.execute_batch(include_str!("../src/store/schema/trades/003.sql")).unwrap();
    conn
}

fn prepare(conn: &Connection) -> Vec<Statement<'_>> {
    let sql = |(insert, columns): &(&str, usize)| format!("{insert} ({})", vec!["?"; *columns].join(", "));
    INSERTS.iter().map(|insert| conn.prepare(&sql(insert)).unwrap()).collect()
}

fn write(conn: &Connection, statements: &mut [Statement<'_>], group: &[Vec<Line>]) {
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    for (table, values) in group.iter().flatten() {
        statements[*table].execute(params_from_iter(values)).unwrap();
    }
    conn.execute_batch("COMMIT").unwrap();
}

/// What a share of the batches took.
#[derive(Default)]
struct Took {
    /// On the wall, answer by answer.
    answers: Vec<Duration>,
    /// Of the processor, all together.
    cpu: Duration,
}

impl Took {
    fn wall(&self) -> f64 {
        self.answers.iter().sum::<Duration>().as_secs_f64()
    }
}

fn timed<T>(groups: std::slice::Chunks<'_, T>, mut one: impl FnMut(&[T])) -> Took {
    let before = cpu();
    let answers = groups
        .map(|group| {
            let began = Instant::now();
            one(group);
            began.elapsed()
        })
        .collect();
    Took { answers, cpu: cpu().zip(before).map(|(now, before)| now - before).unwrap_or_default() }
}

/// One share of the batches through both, ours first or bare first.
fn both<T, U>(
    ours_first: bool,
    (ours, bare): (&[T], &[U]),
    size: usize,
    (mut append, mut write): (impl FnMut(&[T]), impl FnMut(&[U])),
) -> (Took, Took) {
    if ours_first {
        let a = timed(ours.chunks(size), &mut append);
        (a, timed(bare.chunks(size), &mut write))
    } else {
        let b = timed(bare.chunks(size), &mut write);
        (timed(ours.chunks(size), &mut append), b)
    }
}

fn quantile(sorted: &[Duration], share: usize) -> Duration {
    sorted[(sorted.len() - 1) * share / 100]
}

/// The mean of the processor, whose time is counted coarsely.
fn processor(rounds: &[Took]) -> f64 {
    rounds.iter().map(|r| r.cpu.as_secs_f64()).sum::<f64>() / rounds.len() as f64
}

fn say(what: &str, size: usize, orders: usize, rows: f64, ours: &[Took], bare: &[Took]) {
    println!("{what}: {orders} orders in each of {ROUNDS} rounds, {rows:.1} rows an order");
    let micros = |seconds: f64| seconds * 1e6 / orders as f64;
    for (who, rounds) in [("ours", ours), ("bare", bare)] {
        let mut all: Vec<Duration> = rounds.iter().flat_map(|r| &r.answers).copied().collect();
        all.sort_unstable();
        let (p50, p99) = (quantile(&all, 50), quantile(&all, 99));
        let wall = median(rounds.iter().map(Took::wall).collect());
        let cpu = processor(rounds);
        let rate = orders as f64 / wall;
        println!(
            "  {who}: answer of {size} p50 {p50:.1?}, p99 {p99:.1?}; {rate:.0} orders/s, {:.0} rows/s; \
             {:.1} us of the processor an order",
            rate * rows,
            micros(cpu)
        );
    }
    let wall = |rounds: &[Took]| median(rounds.iter().map(Took::wall).collect());
    let (on_wall, of_cpu) = (wall(bare) / wall(ours), processor(bare) / processor(ours));
    println!("  bare / ours: {on_wall:.2} on the wall, {of_cpu:.2} of the processor");
}

fn count(conn: &Connection) -> Vec<i64> {
    let one = |table| conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap();
    TABLES.map(one).to_vec()
}

fn main() {
    let (mut flow, set_up) = Flow::new();
    let per_round = SINGLES + GROUP * GROUPS;
    let batches: Vec<Batch> = (0..ROUNDS * per_round / 2).flat_map(|_| flow.pair().1).collect();
    let mut hash = ChainHash::START;
    let mut held = Held::new();
    let first: Vec<Line> = set_up.iter().flat_map(|batch| lines(batch, &mut hash, &mut held)).collect();
    let prepared: Vec<Vec<Line>> = batches.iter().map(|batch| lines(batch, &mut hash, &mut held)).collect();
    let rows = prepared.iter().map(Vec::len).sum::<usize>() as f64 / prepared.len() as f64;

    let (home, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let holder = HeldBy::this_process("bench", "bench", start());
    let mut store = TradesStore::open_owner(home.path(), &holder).unwrap();
    store.append_all(&set_up).unwrap();
    let conn = bare(beside.path());
    let mut statements = prepare(&conn);
    write(&conn, &mut statements, &[first]);

    let (mut single, mut grouped) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for (at, (ours, bare)) in batches.chunks(per_round).zip(prepared.chunks(per_round)).enumerate() {
        let ((ours_one, ours_many), (bare_one, bare_many)) = (ours.split_at(SINGLES), bare.split_at(SINGLES));
        for (size, of, kept) in
            [(1, (ours_one, bare_one), &mut single), (GROUP, (ours_many, bare_many), &mut grouped)]
        {
            let append = |group: &[Batch]| {
                store.append_all(group).unwrap();
            };
            let write = |group: &[Vec<Line>]| write(&conn, &mut statements, group);
            let (a, b) = both(at.is_multiple_of(2), of, size, (append, write));
            kept.0.push(a);
            kept.1.push(b);
        }
    }
    say("one at a time", 1, SINGLES, rows, &single.0, &single.1);
    say("grouped", GROUP, GROUP * GROUPS, rows, &grouped.0, &grouped.1);
    drop(statements);
    let ours = count(&Connection::open(home.path().join(TRADES_FILE)).unwrap());
    println!("rows in {TABLES:?}: ours {ours:?}, bare {:?}", count(&conn));
}
