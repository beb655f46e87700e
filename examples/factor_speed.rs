//! Times the factor engine on a panel that `scripts/rivals/make_panel.py` wrote: one line of JSON a timed run.
//!
//! `cargo run --release --example factor_speed -- PANEL.f32 WORKLOAD THREADS`, WORKLOAD one of `alpha158`, `proxy14`,
//! `latest`, `alpha360`. `alpha158` is timed three ways: results in fresh memory, in memory that is there already, and
//! part by part through one buffer as a file is written. `proxy14` begins with reading the file.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use qlib_pro::domain::InstrumentId;
use qlib_pro::factor::expr::{Expression, Watch, compute, compute_into, latest, stream};
use qlib_pro::factor::panel::{Panel, PanelBuilder, PanelError};
use qlib_pro::factor::processors::{Change, Fields, run as run_change};
use qlib_pro::factor::sets;

/// Rows of a part when results go through one buffer.
const PART_ROWS: usize = 256;
/// Fourteen factors like those of Qlib's own table, whose list is not published, and the label.
const PROXY: [&str; 14] = [
    "Ref($close,1)/$close",
    "Ref($close,5)/$close",
    "Mean($close,5)/$close",
    "Mean($close,20)/$close",
    "Std($close,5)/$close",
    "Std($close,20)/$close",
    "Max($high,20)/$close",
    "Min($low,20)/$close",
    "($close-$open)/$open",
    "($high-$low)/$open",
    "Corr($close,Log($volume+1),20)",
    "Mean($volume,5)/($volume+1e-12)",
    "Std($volume,20)/($volume+1e-12)",
    "Ref($close,-2)/Ref($close,-1)-1",
];

#[derive(serde::Deserialize)]
struct Header {
    rows: usize,
    fields: Vec<String>,
    calendar: Vec<NaiveDate>,
    symbols: Vec<String>,
    spans: Vec<(usize, usize)>,
}

fn read(path: &str) -> anyhow::Result<Panel> {
    let bytes = std::fs::read(path).with_context(|| format!("'{path}' cannot be read"))?;
    let end = bytes.iter().position(|b| *b == b'\n').context("no line of JSON at the start")?;
    let (header, rest) = bytes.split_at(end);
    let header: Header = serde_json::from_slice(header)?;
    let values = rest.get(1..).unwrap_or(&[]).as_chunks().0;
    let mut instruments: Vec<(InstrumentId, usize)> = Vec::new();
    for (at, symbol) in header.symbols.iter().enumerate() {
        instruments.push((format!("{symbol}.XNYS").parse()?, at));
    }
    instruments.sort_unstable();
    let ids: Vec<InstrumentId> = instruments.iter().map(|(id, _)| *id).collect();
    let fields: Vec<&str> = header.fields.iter().map(String::as_str).collect();
    let builder = PanelBuilder::new(header.calendar.clone());
    let panel = builder.build_from(&ids, &fields, Vec::new, |scratch: &mut Vec<f32>, at, rows| {
        let Some((_, at)) = instruments.get(at) else { return Ok(()) };
        let (first, end) = header.spans.get(*at).copied().unwrap_or((0, header.rows));
        for (k, field) in fields.iter().enumerate() {
            let from = (k * ids.len() + at) * header.rows;
            let cells = values.get(from + first..from + end).unwrap_or(&[]);
            scratch.clear();
            scratch.extend(cells.iter().map(|b| f32::from_le_bytes(*b)));
            rows.series(field, first, scratch)?;
        }
        Ok::<_, PanelError>(())
    })?;
    Ok(panel)
}

/// Processor time of this process so far, in seconds; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_A_SECOND
}

/// Most memory this process has held, in MB.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Runs `work`, which says how many values it made, and prints the line.
fn timed(name: &str, threads: usize, work: impl FnOnce() -> anyhow::Result<usize>) -> anyhow::Result<()> {
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let values = work()?;
    let wall = start.elapsed().as_secs_f64();
    let line = serde_json::json!({
        "name": name, "threads": threads, "wall_s": wall, "cpu_s": cpu_seconds() - cpu,
        "peak_rss_mb": peak_mb(), "values": values,
    });
    println!("{line}");
    Ok(())
}

fn expressions<'a>(texts: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Vec<Expression>> {
    texts.into_iter().map(|t| Expression::parse(t).map_err(|e| anyhow::anyhow!("{}", e.pointed(t)))).collect()
}

/// Part by part through one buffer; each part is summed, as a sink that reads every value.
fn streamed(panel: &Panel, factors: &[Expression]) -> anyhow::Result<usize> {
    let (rows, mut sum) = (panel.sessions().len(), 0_u64);
    stream(panel, factors, 0..rows, PART_ROWS, &Watch::default(), |_, columns| {
        let bits = columns.iter().flat_map(|c| c.values()).map(|v| u64::from(v.to_bits()));
        sum = sum.wrapping_add(bits.fold(0_u64, u64::wrapping_add));
        Ok::<(), anyhow::Error>(())
    })?;
    black_box(sum);
    Ok(rows * panel.symbols().len() * factors.len())
}

/// Reading, the factors, rows without a label left out, the label in standard deviations of its day.
fn proxy(path: &str) -> anyhow::Result<usize> {
    let panel = read(path)?;
    let (rows, factors) = (panel.sessions().len(), expressions(PROXY)?);
    let columns = compute(&panel, &factors, 0..rows)?;
    let label = columns.last().context("a label")?;
    let (mut values, mut days) = (Vec::new(), Vec::new());
    for row in 0..rows {
        let first = values.len();
        values.extend(label.cross_section(row).into_iter().filter(|v| !v.is_nan()));
        days.push(first..values.len());
    }
    let kept = values.len();
    let mut labels = [values];
    let names = ["LABEL0".to_owned()];
    run_change(Change::CrossZScore { robust: false }, Fields::Labels, &names, &mut labels, &days, 0..kept)?;
    black_box((&labels, &columns));
    Ok(kept * factors.len())
}

fn run(path: &str, workload: &str, threads: usize) -> anyhow::Result<()> {
    if workload == "proxy14" {
        return timed("proxy14", threads, || proxy(path));
    }
    let panel = read(path)?;
    let (rows, cells) = (panel.sessions().len(), panel.sessions().len() * panel.symbols().len());
    let set = sets::named(if workload == "alpha360" { "alpha360" } else { "alpha158" }, &[])?;
    let factors: Vec<Expression> = set.into_iter().map(|d| d.expression).collect();
    match workload {
        "alpha158" => {
            timed("alpha158 through one buffer", threads, || streamed(&panel, &factors))?;
            let mut held = Vec::new();
            timed("alpha158", threads, || {
                compute_into(&panel, &factors, 0..rows, &Watch::default(), &mut held)?;
                Ok(cells * factors.len())
            })?;
            timed("alpha158 into held memory", threads, || {
                compute_into(&panel, &factors, 0..rows, &Watch::default(), &mut held)?;
                Ok(cells * factors.len())
            })
        }
        "latest" => {
            latest(&panel, &factors, &Watch::default())?;
            timed("latest", threads, || {
                Ok(latest(&panel, &factors, &Watch::default())?.len() * panel.symbols().len())
            })
        }
        "alpha360" => {
            let mut held = Vec::new();
            compute_into(&panel, &factors, 0..rows, &Watch::default(), &mut held)?;
            timed("alpha360 into held memory", threads, || {
                compute_into(&panel, &factors, 0..rows, &Watch::default(), &mut held)?;
                Ok(cells * factors.len())
            })?;
            let mut copy = held.clone();
            timed("a copy of alpha360's bytes", threads, || {
                for (to, from) in copy.iter_mut().zip(&held) {
                    let blocks = to.blocks_mut();
                    let size = from.values().len().div_ceil(blocks.len().max(1)).max(1);
                    blocks.zip(from.values().chunks(size)).for_each(|(to, from)| to.copy_from_slice(from));
                }
                Ok(cells * factors.len())
            })?;
            black_box(&copy);
            Ok(())
        }
        other => bail!("there is no workload '{other}': alpha158, proxy14, latest, alpha360"),
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, workload, threads] = arguments.as_slice() else {
        bail!("usage: factor_speed PANEL.f32 WORKLOAD THREADS");
    };
    let threads: usize = threads.parse()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| run(path, workload, threads))
}
