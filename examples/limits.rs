//! Renews `docs/limits.md`: `cargo run --example limits`.

use std::path::Path;

use qlib_pro::risk::reference;

fn main() -> std::io::Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/limits.md");
    std::fs::write(page, reference::page())
}
