//! Drawing: a whole frame and one after a single quote changed, in time and in bytes to the terminal; the same while
//! 200,000 ticks a second of 1,000 symbols come in. And how long a demo home takes to make.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod tick;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use divan::Bencher;
use qlib_pro::config::Settings;
use qlib_pro::domain::{Clock, Exchange, InstrumentId, Price, Role, UserName};
use qlib_pro::market::live::{LiveEvent, Stream};
use qlib_pro::observe::{LogRing, SystemClock};
use qlib_pro::service::access;
use qlib_pro::service::demo;
use qlib_pro::service::desk::Desk;
use qlib_pro::service::door::Door;
use qlib_pro::service::house::{self, House, Parts};
use qlib_pro::service::permit::ViewMarket;
use qlib_pro::service::simulate::SYMBOLS_DEFAULT;
use qlib_pro::service::view::Screen;
use qlib_pro::tui::draw::draw;
use qlib_pro::tui::state::{Input, UiState};
use qlib_pro::tui::terminal::Canvas;
use qlib_pro::tui::theme::Theme;
use qlib_pro::tui::update::update;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns and rows.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 60)];
/// Time between two frames, as the terminal has it when data changes.
const FRAME: Duration = Duration::from_millis(33);
/// Frames that are timed under load and without.
const FRAMES: u32 = 450;
/// Symbols on the screen's watchlist while they tick.
const WATCHED: usize = 500;
/// Most ticks of one read.
const READ_MAX: i64 = 4_000;

fn main() {
    let screen = screen();
    for (width, height) in SIZES {
        let (mut before, mut after) = (state(screen.clone()), state(after_a_quote(&screen)));
        let mut canvas = Canvas::new(width, height);
        let whole = canvas.bytes(frame(&mut before, width, height), None).unwrap().len();
        let change = canvas.bytes(frame(&mut after, width, height), None).unwrap().len();
        println!("{width}x{height}: whole frame {whole} bytes, after one quote {change} bytes");
    }
    under_load();
    divan::main();
}

/// Ticks at a steady rate by the wall's clock.
#[derive(Debug)]
struct Load {
    symbols: Vec<InstrumentId>,
    began: Option<Instant>,
    said: i64,
}

#[async_trait]
impl Stream for Load {
    fn name(&self) -> &'static str {
        "polygon"
    }

    async fn subscribe(&mut self, _: &BTreeSet<InstrumentId>) {}

    async fn next(&mut self, out: &mut Vec<LiveEvent>) -> bool {
        if self.began.is_none() {
            out.push(LiveEvent::Connected);
        }
        let elapsed = self.began.get_or_insert_with(Instant::now).elapsed();
        let due = (elapsed.as_secs_f64() * tick::TICKS_PER_SECOND as f64) as i64;
        if due == self.said {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (now, upto) = (SystemClock.now(), due.min(self.said + READ_MAX));
        out.extend((self.said..upto).map(|number| tick::tick(number, &self.symbols, now)));
        self.said = upto;
        true
    }
}

/// Times of frames, each with the newest screen, at the terminal's own pace; and how late each of them began.
fn frames_of(desk: &Desk, (width, height): (u16, u16)) -> (Vec<Duration>, Vec<Duration>) {
    let mut shown = state(desk.screen());
    let mut canvas = Canvas::new(width, height);
    let (mut took, mut late) = (Vec::new(), Vec::new());
    let began = Instant::now();
    for number in 0..FRAMES {
        let due = began + FRAME * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let starts = Instant::now();
        update(&mut shown, Input::Screen(desk.screen()));
        canvas.bytes(frame(&mut shown, width, height), None).unwrap();
        took.push(starts.elapsed());
        late.push(starts - due);
    }
    took.sort();
    late.sort();
    (took, late)
}

/// The screen of a trader who watches 500 names, without the ticks of 1,000 and with them.
fn under_load() {
    let folder = tempfile::tempdir().unwrap();
    let (house, _engine) = demo_home(folder.path());
    let name: UserName = Role::Trader.demo_name().parse().unwrap();
    let symbols = tick::symbols();
    let watches = access::login(&house, name, None).unwrap();
    let permit = watches.permit::<ViewMarket>().unwrap();
    house.watch(&permit, symbols.get(..WATCHED).unwrap()).unwrap();
    let desk = Door::new(Arc::clone(&house)).sign_in(name, None).unwrap();
    let told =
        |sorted: &[Duration], of: usize| sorted.get(sorted.len() * of / 1_000).copied().unwrap_or_default();
    let print = |size: (u16, u16), what: &str, (took, late): (Vec<Duration>, Vec<Duration>)| {
        println!(
            "{}x{} {what}: frame median {:.2?}, p99 {:.2?}, longest {:.2?}; began late by p99 {:.2?}",
            size.0,
            size.1,
            told(&took, 500),
            told(&took, 990),
            told(&took, 999),
            told(&late, 990)
        );
    };
    for size in SIZES {
        print(size, "without load", frames_of(&desk, size));
    }
    let load = Load { symbols, began: None, said: 0 };
    let guard = house.start_feed_of(Box::new(load), Exchange::Xnys).unwrap();
    for size in SIZES {
        let (from, began) = (house.feed_status().unwrap().counts, Instant::now());
        let times = frames_of(&desk, size);
        let (upto, seconds) = (house.feed_status().unwrap().counts, began.elapsed().as_secs_f64());
        let rate = |from: u64, upto: u64| (upto - from) as f64 / seconds;
        print(size, "under load", times);
        println!("  {:.0} ticks/s in, {:.0} out", rate(from.ticks, upto.ticks), rate(from.given, upto.given));
    }
    drop(guard);
}

fn demo_home(folder: &Path) -> (Arc<House>, JoinHandle<()>) {
    let parts = Parts {
        home: folder.to_path_buf(),
        clock: Arc::new(SystemClock),
        settings: Settings::default(),
        log: LogRing::default(),
        process: "bench".to_string(),
        runs_as: "bench".to_string(),
        own: true,
        keyring: false,
    };
    let (house, engine) = house::open(parts).unwrap();
    let engine = std::thread::spawn(move || engine.unwrap().run());
    demo::found(&house, 2_024, SYMBOLS_DEFAULT).unwrap();
    (house, engine)
}

/// What the demo's trader sees first.
fn screen() -> Arc<Screen> {
    let folder = tempfile::tempdir().unwrap();
    let (house, _engine) = demo_home(folder.path());
    let desk = Door::new(house).sign_in(Role::Trader.demo_name().parse().unwrap(), None).unwrap();
    desk.screen()
}

/// The same with another price on the first line of the watchlist.
fn after_a_quote(screen: &Screen) -> Arc<Screen> {
    let mut screen = screen.clone();
    let row = screen.watchlist.first_mut().unwrap();
    let tick = Price::from_raw(Price::ONE_RAW / 100);
    row.last_price = row.last_price.and_then(|p| p.checked_add(tick));
    Arc::new(screen)
}

fn state(screen: Arc<Screen>) -> UiState {
    UiState::new(screen, Theme::load(Theme::DEFAULT, false, false).unwrap(), false)
}

fn frame(state: &mut UiState, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let drawn = draw(state, &mut buffer);
    state.drawn(drawn);
    buffer
}

#[divan::bench(args = SIZES)]
fn whole_frame(bencher: Bencher<'_, '_>, (width, height): (u16, u16)) {
    let mut state = state(screen());
    bencher.bench_local(|| {
        let mut canvas = Canvas::new(width, height);
        canvas.bytes(frame(&mut state, width, height), None).unwrap()
    });
}

#[divan::bench(args = SIZES)]
fn frame_after_one_quote(bencher: Bencher<'_, '_>, (width, height): (u16, u16)) {
    let screen = screen();
    let mut states = [state(after_a_quote(&screen)), state(screen)];
    let mut canvas = Canvas::new(width, height);
    bencher.bench_local(|| {
        states.rotate_left(1);
        let [shown, _] = &mut states;
        canvas.bytes(frame(shown, width, height), None).unwrap()
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn demo_home_of_60_names(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| tempfile::tempdir().unwrap()).bench_values(|folder| {
        let made = demo_home(folder.path());
        (folder, made)
    });
}
