//! Taking turns at a vendor: one request at a time over all processes of a home, so that two runs never fetch the same.
//!
//! The lock is the kernel's and vanishes with its process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::time::Duration;

use crate::domain::vendor::VendorId;
use crate::market::fetch::Stop;

use super::super::error::ServiceError;
use super::super::house::House;

/// Pause between two tries.
const PAUSE_MS: u64 = 25;

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _file: File,
}

/// Waits for a turn; `None` when it is stopped meanwhile.
pub(super) async fn take(house: &House, vendor: VendorId, stop: &Stop) -> Result<Option<Turn>, ServiceError> {
    let path = house.home().join(format!("sync-{vendor}.lock"));
    let failed = |source| ServiceError::File {
        path: path.clone(),
        doing: "the lock of a vendor cannot be taken; check that the home is yours",
        source,
    };
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(&path).map_err(failed)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(Turn { _file: file })),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        tokio::select! {
            () = stop.wait() => return Ok(None),
            () = tokio::time::sleep(Duration::from_millis(PAUSE_MS)) => {}
        }
    }
}
