//! How hard trading is stopped.

use serde::{Deserialize, Serialize};

/// How hard a halt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltMode {
    /// Only orders that reduce a position pass.
    Reducing,
    /// No new orders.
    #[default]
    Halted,
}

impl HaltMode {
    /// What holds from then on, for people.
    pub const fn told(self) -> &'static str {
        match self {
            HaltMode::Reducing => "only orders that reduce a position are taken",
            HaltMode::Halted => "trading is halted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HaltMode;

    #[test]
    fn every_mode_says_what_holds_and_the_harder_one_is_greater() {
        let words = [HaltMode::Reducing, HaltMode::Halted].map(|mode| {
            let name = serde_json::to_value(mode).unwrap();
            (name.as_str().unwrap().to_owned(), mode.told())
        });
        let told = [
            ("reducing".to_owned(), "only orders that reduce a position are taken"),
            ("halted".to_owned(), "trading is halted"),
        ];
        assert_eq!(words, told);
        assert!(HaltMode::Halted > HaltMode::Reducing);
        assert_eq!(HaltMode::default(), HaltMode::Halted);
    }
}
