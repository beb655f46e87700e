//! The factor engine on 800 names and 3,400 sessions: every value of Alpha158 and Alpha360, the latest day, one kernel
//! of each family. `scripts/rivals/run` times it beside pyqlib and KunQuant on one panel.

#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;

use divan::{Bencher, counter::ItemsCount};
use qlib_pro::factor::expr::{Expression, Watch, compute_into, latest};
use qlib_pro::factor::panel::{Panel, PanelBuilder, PanelError};
use qlib_pro::factor::sets;

const NAMES: usize = 800;
const SESSIONS: usize = 3_400;
/// One session in so many is missing.
const GAP: u64 = 12;

fn main() {
    divan::main();
}

/// Random walks with gaps, the same every time.
fn panel() -> &'static Panel {
    static PANEL: OnceLock<Panel> = OnceLock::new();
    PANEL.get_or_init(|| {
        let first: chrono::NaiveDate = "2010-01-04".parse().unwrap();
        let ids: Vec<_> = (0..NAMES).map(|i| format!("N{i:04}.SIM").parse().unwrap()).collect();
        let fields = ["open", "high", "low", "close", "volume", "vwap"];
        let builder = PanelBuilder::new(first.iter_days().take(SESSIONS).collect());
        builder
            .build_from(
                &ids,
                &fields,
                || (),
                |(), at, rows| {
                    let mut seed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    let mut price = 50.0_f32;
                    let mut series = vec![Vec::with_capacity(SESSIONS); fields.len()];
                    for _ in 0..SESSIONS {
                        seed = seed
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        let part = |shift: u32| (seed >> shift & 0xFFFF) as f32 / 65_536.0 - 0.5;
                        price = (price * (1.0 + 0.04 * part(16))).max(0.5);
                        let open = price * (1.0 + 0.01 * part(32));
                        let (high, low) = (price.max(open) * 1.01, price.min(open) * 0.99);
                        let values = [open, high, low, price, 1e6 * (1.0 + part(48)), (high + low) / 2.0];
                        let gap = (seed >> 20).is_multiple_of(GAP);
                        for (list, value) in series.iter_mut().zip(values) {
                            list.push(if gap { f32::NAN } else { value });
                        }
                    }
                    let given =
                        fields.iter().zip(&series).try_for_each(|(field, list)| rows.series(field, 0, list));
                    given.map_err(|e: PanelError| e)
                },
            )
            .unwrap()
    })
}

fn of_set(name: &str) -> Vec<Expression> {
    sets::named(name, &[]).unwrap().into_iter().map(|d| d.expression).collect()
}

/// All values into memory that is there already, on so many threads.
fn whole(bencher: Bencher<'_, '_>, factors: &[Expression], threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (panel, mut held) = (panel(), Vec::new());
    let mut run =
        || pool.install(|| compute_into(panel, factors, 0..SESSIONS, &Watch::default(), &mut held).unwrap());
    run();
    bencher.counter(ItemsCount::new(NAMES * SESSIONS * factors.len())).bench_local(run);
}

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn alpha158(bencher: Bencher<'_, '_>, threads: usize) {
    whole(bencher, &of_set("alpha158"), threads);
}

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn alpha360(bencher: Bencher<'_, '_>, threads: usize) {
    whole(bencher, &of_set("alpha360"), threads);
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn alpha158_of_the_latest_day(bencher: Bencher<'_, '_>) {
    let (panel, factors) = (panel(), of_set("alpha158"));
    bencher.bench_local(|| latest(panel, &factors, &Watch::default()).unwrap());
}

/// One kernel of each family, at a window of twenty rows.
#[divan::bench(sample_count = 5, sample_size = 1, args = [
    "Mean($close,20)", "Std($close,20)", "Rsquare($close,20)", "Max($high,20)", "Quantile($close,20,0.8)",
    "Corr($close,$volume,20)", "EMA($close,20)", "Skew($close,20)", "CSRank($close)", "Log($volume)",
])]
fn kernel(bencher: Bencher<'_, '_>, text: &str) {
    whole(bencher, &[Expression::parse(text).unwrap()], 1);
}
