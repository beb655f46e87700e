//! A demo home's screen as an SVG: the same cells that the terminal would get, as rectangles and text.
//!
//! Nothing is drawn by hand: the home is made by the service, the cells by the terminal's own drawing.

use std::fmt::Write as _;
use std::sync::Arc;

use qlib_pro::config::Settings;
use qlib_pro::domain::Role;
use qlib_pro::observe::{LogRing, SystemClock};
use qlib_pro::service::demo;
use qlib_pro::service::door::Door;
use qlib_pro::service::house::{self, Parts};
use qlib_pro::tui::draw::draw;
use qlib_pro::tui::state::UiState;
use qlib_pro::tui::theme::Theme;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

/// Seed and names of the demo's market.
const MARKET: (u64, usize) = (2_024, 60);
/// A cell, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
/// Size of the letters, in pixels.
const LETTERS: f64 = 14.0;
/// What stands for the terminal's own colours.
const INK: &str = "#d0d0d0";
const PAPER: &str = "#0d1117";

/// The first screen of a demo person.
pub fn picture(role: Role, (width, height): (u16, u16)) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let (house, engine) = house::open(Parts {
        home: folder.path().to_path_buf(),
        clock: Arc::new(SystemClock),
        settings: Settings::default(),
        log: LogRing::default(),
        process: "screenshot".to_owned(),
        runs_as: "docs".to_owned(),
        own: true,
        keyring: false,
    })?;
    let engine = engine.map(|engine| std::thread::spawn(move || engine.run()));
    house.prime()?;
    demo::found(&house, MARKET.0, MARKET.1)?;
    let door = Door::new(Arc::clone(&house));
    let desk = door.sign_in(role.demo_name().parse()?, None)?;
    let mut state = UiState::new(desk.screen(), Theme::load(Theme::DEFAULT, false, false)?, false);
    let mut cells = Buffer::empty(Rect::new(0, 0, width, height));
    let drawn = draw(&state, &mut cells);
    state.drawn(drawn);
    door.sign_out();
    drop((desk, door, house));
    if let Some(engine) = engine {
        engine.join().map_err(|_| anyhow::anyhow!("the engine's thread ended badly"))?;
    }
    Ok(svg(&cells))
}

fn svg(cells: &Buffer) -> String {
    let (wide, high) = (f64::from(cells.area.width) * CELL.0, f64::from(cells.area.height) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.1} {high:.1}\" font-size=\"{LETTERS}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\">\n\
         <rect width=\"{wide:.1}\" height=\"{high:.1}\" fill=\"{PAPER}\"/>\n"
    );
    for y in 0..cells.area.height {
        let row: Vec<&Cell> = (0..cells.area.width).filter_map(|x| cells.cell((x, y))).collect();
        let mut x = 0;
        for run in row.chunk_by(|a, b| look(a) == look(b)) {
            write_run(&mut out, run, x, usize::from(y));
            x += run.len();
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Ink, paper and attributes of a cell; reversed ones are turned here.
fn look(cell: &Cell) -> (String, String, Modifier) {
    let (ink, paper) = (colour(cell.fg, INK), colour(cell.bg, PAPER));
    match cell.modifier.contains(Modifier::REVERSED) {
        true => (paper, ink, cell.modifier),
        false => (ink, paper, cell.modifier),
    }
}

fn colour(colour: Color, own: &str) -> String {
    let named = match colour {
        Color::Rgb(r, g, b) => return format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Black => "#000000",
        Color::Red | Color::LightRed => "#ff7b72",
        Color::Green | Color::LightGreen => "#3fb950",
        Color::Yellow | Color::LightYellow => "#d29922",
        Color::Blue | Color::LightBlue => "#79c0ff",
        Color::Magenta | Color::LightMagenta => "#d2a8ff",
        Color::Cyan | Color::LightCyan => "#76e3ea",
        Color::Gray | Color::White => "#d0d0d0",
        Color::DarkGray => "#6e7681",
        Color::Reset | Color::Indexed(_) => own,
    };
    named.to_owned()
}

/// One run of cells that look the same: its ground, then its words, each where its first cell is.
fn write_run(out: &mut String, run: &[&Cell], x: usize, y: usize) {
    let Some(first) = run.first() else { return };
    let (ink, paper, attributes) = look(first);
    let (left, top) = (x as f64 * CELL.0, y as f64 * CELL.1);
    let mut tag = |text: std::fmt::Arguments<'_>| out.write_fmt(text).unwrap_or_default();
    if paper != PAPER {
        let wide = run.len() as f64 * CELL.0;
        let high = CELL.1;
        tag(format_args!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" fill=\"{paper}\"/>\n"
        ));
    }
    let bold = if attributes.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let line = if attributes.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    let mut at = 0;
    for word in run.chunk_by(|a, b| (a.symbol() == " ") == (b.symbol() == " ")) {
        if word.first().is_some_and(|c| c.symbol() != " ") {
            let text: String = word.iter().map(|c| escaped(c.symbol())).collect();
            let (left, wide) = ((x + at) as f64 * CELL.0, word.len() as f64 * CELL.0);
            let base = top + CELL.1 * 0.76;
            tag(format_args!(
                "<text x=\"{left:.1}\" y=\"{base:.1}\" fill=\"{ink}\" textLength=\"{wide:.1}\"{bold}{line}>{text}</text>\n"
            ));
        }
        at += word.len();
    }
}

fn escaped(symbol: &str) -> String {
    symbol.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
