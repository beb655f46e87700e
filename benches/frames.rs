//! Drawing: a whole frame and one after a single quote changed, in time and in bytes to the terminal. And how long a
//! demo home takes to make.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use divan::Bencher;
use qlib_pro::config::Settings;
use qlib_pro::domain::{Price, Role};
use qlib_pro::observe::{LogRing, SystemClock};
use qlib_pro::service::demo;
use qlib_pro::service::door::Door;
use qlib_pro::service::house::{self, House, Parts};
use qlib_pro::service::simulate::SYMBOLS_DEFAULT;
use qlib_pro::service::view::Screen;
use qlib_pro::tui::draw::draw;
use qlib_pro::tui::state::UiState;
use qlib_pro::tui::terminal::Canvas;
use qlib_pro::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns and rows.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 60)];

fn main() {
    let screen = screen();
    for (width, height) in SIZES {
        let (mut before, mut after) = (state(screen.clone()), state(after_a_quote(&screen)));
        let mut canvas = Canvas::new(width, height);
        let whole = canvas.bytes(frame(&mut before, width, height), None).unwrap().len();
        let change = canvas.bytes(frame(&mut after, width, height), None).unwrap().len();
        println!("{width}x{height}: whole frame {whole} bytes, after one quote {change} bytes");
    }
    divan::main();
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
