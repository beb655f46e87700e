//! What the examples share: a home in a temporary folder, with its engine on a thread.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use qlib_pro::config::Settings;
use qlib_pro::observe::{LogRing, SystemClock};
use qlib_pro::service::house::{self, House, Parts};

/// Opens a home; the engine ends when the house is dropped.
pub fn open(folder: &Path) -> anyhow::Result<(Arc<House>, Option<JoinHandle<()>>)> {
    let (house, engine) = house::open(Parts {
        home: folder.to_path_buf(),
        clock: Arc::new(SystemClock),
        settings: Settings::default(),
        log: LogRing::default(),
        process: "example".into(),
        runs_as: "example".into(),
        own: true,
        keyring: false,
    })?;
    Ok((house, engine.map(|e| std::thread::spawn(move || e.run()))))
}
