//! Where the tests of file work find answers computed by others.

use std::path::{Path, PathBuf};

/// One file of the oracle of factors; `None`, and said so, in a clone without shared data.
#[allow(clippy::disallowed_methods, reason = "tests find the shared data by this variable")]
pub fn oracle(name: &str) -> Option<PathBuf> {
    let given = std::env::var("QLIB_PRO_TEST_DATA").ok().map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let path = root.join("oracle/qlib").join(name);
    if !path.exists() {
        println!("skipped: no shared data");
    }
    path.exists().then_some(path)
}
