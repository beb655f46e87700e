//! Where things live: an explicit folder, else `QLIB_PRO_HOME`, else the data folder of the XDG rules.

use std::path::{Path, PathBuf};

use etcetera::{AppStrategy, AppStrategyArgs};

use super::ConfigError;

/// The variable that names a home.
pub const HOME_VARIABLE: &str = "QLIB_PRO_HOME";

/// The settings file of a home.
const SETTINGS_FILE: &str = "settings.toml";
/// The file of a home with a user's own factors.
const FACTORS_FILE: &str = "factors.toml";
/// Texts of a home that people write; none holds a key.
pub const TEXT_FILES: [&str; 2] = [SETTINGS_FILE, FACTORS_FILE];

/// The places of one home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    home: PathBuf,
}

impl Paths {
    /// Finds the home: `explicit`, else the variable, else the XDG data folder.
    pub fn find(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(home) = explicit {
            return Ok(Self::at(home));
        }
        if let Some(home) = home_variable().filter(|h| !h.is_empty()) {
            return Ok(Self { home: home.into() });
        }
        let args = AppStrategyArgs {
            top_level_domain: "pro".to_owned(),
            author: "qlib-pro".to_owned(),
            app_name: "qlib-pro".to_owned(),
        };
        let strategy = etcetera::app_strategy::Xdg::new(args).map_err(|_| ConfigError::NoHome)?;
        Ok(Self { home: strategy.data_dir() })
    }

    /// The places of a given home.
    pub fn at(home: &Path) -> Self {
        Self { home: home.to_path_buf() }
    }

    /// The home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The settings file.
    pub fn settings(&self) -> PathBuf {
        self.home.join(SETTINGS_FILE)
    }

    /// The file of a user's own factors.
    pub fn factors(&self) -> PathBuf {
        self.home.join(FACTORS_FILE)
    }

    /// Folder of the log files.
    pub fn logs(&self) -> PathBuf {
        self.home.join("logs")
    }

    /// Folder of exports.
    pub fn exports(&self) -> PathBuf {
        self.home.join("exports")
    }

    /// Every place with its name, for `paths`.
    pub fn all(&self) -> [(&'static str, PathBuf); 5] {
        [
            ("home", self.home.clone()),
            ("settings", self.settings()),
            ("factors", self.factors()),
            ("logs", self.logs()),
            ("exports", self.exports()),
        ]
    }
}

#[allow(clippy::disallowed_methods, reason = "config resolves the home, so it reads this one variable")]
fn home_variable() -> Option<std::ffi::OsString> {
    std::env::var_os(HOME_VARIABLE)
}
