//! Shared by the test binaries: where the shared test data lies.

use std::path::PathBuf;

/// The shared data folder (`QLIB_PRO_TEST_DATA`, default `../shared` beside the package), when it is there.
#[allow(clippy::disallowed_methods, clippy::print_stdout)]
pub fn shared_data() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("QLIB_PRO_TEST_DATA").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no shared data");
    None
}
