//! What widget and pane tests share: a buffer with a margin that nothing may touch, and its text.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Cells around the drawn area.
const MARGIN: u16 = 2;

/// Draws at `width` by `height` and returns the lines; panics when anything outside was touched.
pub fn lines(width: u16, height: u16, draw: impl FnOnce(Rect, &mut Buffer)) -> Vec<String> {
    let buf = buffer(width, height, draw);
    let row = |y: u16| {
        let mut text = String::new();
        let mut skip = 0;
        for x in 0..width {
            let symbol = buf[(x + MARGIN, y + MARGIN)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = crate::tui::format::width(symbol).saturating_sub(1);
            text.push_str(symbol);
        }
        text.trim_end().to_owned()
    };
    (0..height).map(row).collect()
}

/// The lines as one text.
pub fn text(width: u16, height: u16, draw: impl FnOnce(Rect, &mut Buffer)) -> String {
    lines(width, height, draw).join("\n")
}

/// The lines as one text, each behind a bar, for snapshots that keep their spaces.
pub fn framed(width: u16, height: u16, draw: impl FnOnce(Rect, &mut Buffer)) -> String {
    let lines = lines(width, height, draw);
    lines.iter().map(|line| format!("|{line}")).collect::<Vec<_>>().join("\n")
}

/// The whole buffer with its margin; panics when the margin was touched.
pub fn buffer(width: u16, height: u16, draw: impl FnOnce(Rect, &mut Buffer)) -> Buffer {
    let whole = Rect::new(0, 0, width + 2 * MARGIN, height + 2 * MARGIN);
    let area = Rect::new(MARGIN, MARGIN, width, height);
    let mut buf = Buffer::empty(whole);
    let blank = buf[(0, 0)].clone();
    draw(area, &mut buf);
    for y in 0..whole.height {
        for x in 0..whole.width {
            let inside = x >= area.x && x < area.right() && y >= area.y && y < area.bottom();
            assert!(inside || buf[(x, y)] == blank, "wrote outside at {x},{y}: {:?}", buf[(x, y)]);
        }
    }
    buf
}
