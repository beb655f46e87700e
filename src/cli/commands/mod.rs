//! One file a command, and what they share: [`Env`].

pub mod completions;
pub mod factor;
pub mod man;

use super::args::Globals;
use super::output::Out;

/// What a command works with.
#[derive(Debug)]
pub struct Env {
    /// Flags that every command has.
    pub globals: Globals,
    /// Where results go.
    pub out: Out,
}

impl Env {
    /// From the global flags.
    pub fn new(globals: Globals) -> Self {
        let out = Out::new(globals.format, globals.quiet);
        Self { globals, out }
    }
}
