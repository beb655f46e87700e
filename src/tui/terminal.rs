//! The terminal itself: taking it over, giving it back, and writing frames.
//!
//! A frame is one `write` of one block between the marks of synchronized output, cursor included, so that it cannot
//! tear. It holds only cells that differ; a frame without a difference writes nothing. Giving back happens once,
//! whoever asks first (the end, an error, a panic), and never panics, not even on a terminal that is gone.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{cursor, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The terminal is ours; whoever puts this back to `false` gives it back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Largest text handed to the terminal's clipboard, in bytes.
const COPY_MAX: usize = 64 * 1024;

/// Holds the terminal; gives it back when dropped.
#[derive(Debug)]
pub struct TerminalGuard(());

impl TerminalGuard {
    /// Takes the terminal over: raw mode, alternate screen, mouse, paste and focus reports.
    pub fn take() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let guard = Self(());
        // Colours are decided by the theme; the library must not strip them, for it strips attributes with them.
        crossterm::style::force_color_output(true);
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, EnableFocusChange)?;
        queue!(bytes, cursor::Hide, Clear(ClearType::All))?;
        write_all(&bytes)?;
        Ok(guard)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back as it was. Does so once; never fails loudly.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = Vec::new();
    let queued = queue!(
        bytes,
        EndSynchronizedUpdate,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        cursor::Show
    );
    if queued.is_ok() {
        // The terminal may be gone; there is nobody left to tell.
        drop(write_all(&bytes));
    }
    drop(crossterm::terminal::disable_raw_mode());
}

/// Lets a panic give the terminal back before its message is printed.
pub fn install_panic_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        give_back();
        before(info);
    }));
}

/// Whether both ends of the terminal are still there.
pub fn is_alive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Writes past the library's buffer: what a dead terminal refused must not wait there to fail once more at the end.
fn write_all(bytes: &[u8]) -> io::Result<()> {
    let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
    std::fs::File::from(descriptor).write_all(bytes)
}

/// Collects the bytes of one frame; flushing is left to [`Canvas::show`].
#[derive(Debug, Default)]
struct FrameBytes(Vec<u8>);

impl Write for FrameBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the terminal shows, and how to show something else with as few bytes as will do.
#[derive(Debug)]
pub struct Canvas {
    shown: Buffer,
    cursor: Option<Position>,
    whole: bool,
}

impl Canvas {
    /// A canvas of this size that shows nothing yet.
    pub fn new(width: u16, height: u16) -> Self {
        Self { shown: Buffer::empty(Rect::new(0, 0, width, height)), cursor: None, whole: true }
    }

    /// The area to draw on.
    pub const fn area(&self) -> Rect {
        self.shown.area
    }

    /// The terminal has another size now.
    pub fn resize(&mut self, width: u16, height: u16) {
        if (width, height) != (self.shown.area.width, self.shown.area.height) {
            *self = Self::new(width, height);
        }
    }

    /// The next frame is written whole.
    pub const fn repaint(&mut self) {
        self.whole = true;
    }

    /// The bytes that turn what is shown into `next`; empty when nothing differs.
    pub fn bytes(&mut self, next: Buffer, cursor_at: Option<Position>) -> io::Result<Vec<u8>> {
        let mut frame = FrameBytes::default();
        queue!(frame, BeginSynchronizedUpdate)?;
        if self.whole {
            queue!(frame, cursor::Hide, Clear(ClearType::All))?;
            self.shown = Buffer::empty(next.area);
        }
        let changed = self.shown.diff(&next);
        if changed.is_empty() && self.cursor == cursor_at && !self.whole {
            return Ok(Vec::new());
        }
        let hides = self.cursor.is_some() && !changed.is_empty();
        if hides {
            queue!(frame, cursor::Hide)?;
        }
        if !changed.is_empty() {
            CrosstermBackend::new(&mut frame).draw(changed.into_iter())?;
        }
        match cursor_at {
            Some(at) => queue!(frame, cursor::MoveTo(at.x, at.y), cursor::Show)?,
            None if self.cursor.is_some() => queue!(frame, cursor::Hide)?,
            None => {}
        }
        queue!(frame, EndSynchronizedUpdate)?;
        self.shown = next;
        self.cursor = cursor_at;
        self.whole = false;
        Ok(frame.0)
    }

    /// Shows a frame in one write.
    pub fn show(&mut self, next: Buffer, cursor_at: Option<Position>) -> io::Result<()> {
        let bytes = self.bytes(next, cursor_at)?;
        if bytes.is_empty() { Ok(()) } else { write_all(&bytes) }
    }
}

/// Hands text to the terminal's clipboard (OSC 52); what is too long is cut.
pub fn copy(text: &str) -> io::Result<()> {
    use base64::Engine as _;
    let end = (0..=text.len().min(COPY_MAX)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let encoded = base64::engine::general_purpose::STANDARD.encode(text.get(..end).unwrap_or(""));
    write_all(format!("\x1b]52;c;{encoded}\x07").as_bytes())
}

/// Rings.
pub fn bell() -> io::Result<()> {
    write_all(b"\x07")
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Style};

    use super::*;

    const BEGIN: &[u8] = b"\x1b[?2026h";
    const END: &[u8] = b"\x1b[?2026l";

    fn screen(text: &str) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        buffer.set_string(0, 0, text, Style::new().fg(Color::Green));
        buffer
    }

    #[test]
    fn a_frame_is_one_block_with_its_cursor_inside() {
        let mut canvas = Canvas::new(10, 2);
        let bytes = canvas.bytes(screen("hello"), Some(Position::new(3, 1))).unwrap();
        assert!(bytes.starts_with(BEGIN) && bytes.ends_with(END));
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("hello") && text.contains("\x1b[2;4H\x1b[?25h"), "{text:?}");
        assert_eq!(text.matches("\x1b[?2026").count(), 2);
    }

    #[test]
    fn a_frame_that_changes_nothing_is_no_bytes() {
        let mut canvas = Canvas::new(10, 2);
        assert!(!canvas.bytes(screen("hello"), None).unwrap().is_empty());
        assert!(canvas.bytes(screen("hello"), None).unwrap().is_empty());
        canvas.repaint();
        assert!(!canvas.bytes(screen("hello"), None).unwrap().is_empty());
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut canvas = Canvas::new(10, 2);
        canvas.bytes(screen("hello"), None).unwrap();
        let bytes = canvas.bytes(screen("hexlo"), None).unwrap();
        assert!(bytes.len() < 80, "{}", bytes.len());
        assert!(!String::from_utf8_lossy(&bytes).contains("\x1b[2J"));
    }

    #[test]
    fn giving_back_what_was_never_taken_writes_nothing() {
        give_back();
        assert!(!TAKEN.load(Ordering::SeqCst));
    }
}
