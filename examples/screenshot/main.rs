//! Draws the desk of a demo home into `docs/screen.svg`, or the file named: `cargo run --example screenshot`.

mod svg;

use std::path::PathBuf;

use qlib_pro::domain::Role;

fn main() -> anyhow::Result<()> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/screen.svg");
    let path = std::env::args_os().nth(1).map_or_else(beside, PathBuf::from);
    std::fs::write(path, svg::picture(Role::Trader, (120, 36))?)?;
    Ok(())
}
