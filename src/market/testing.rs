//! Finds the shared test data, which is not part of the repository.

use std::path::PathBuf;

/// Path of a shared file, or `None` (said on stdout) where there is no shared data.
#[allow(clippy::disallowed_methods)]
pub(super) fn shared(file: &str) -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = std::env::var_os("QLIB_PRO_TEST_DATA").map_or(default, PathBuf::from).join(file);
    if !path.exists() {
        println!("skipped: no shared data");
        return None;
    }
    Some(path)
}
