//! Renews `docs/operators.md`: `cargo run --example operators`.

use std::path::Path;

use qlib_pro::factor::expr::reference;

fn main() -> std::io::Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    std::fs::write(page, reference::page())
}
