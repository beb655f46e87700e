//! Notices to people: what happened that they should know.

use serde::{Deserialize, Serialize};

use super::{CleanText, UnixNanos, UserName};

/// How loudly a notice speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Look at it.
    Warning,
    /// Do something.
    Action,
}

impl NoticeLevel {
    /// The word used in stores and exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            NoticeLevel::Info => "info",
            NoticeLevel::Warning => "warning",
            NoticeLevel::Action => "action",
        }
    }

    /// From the word used in stores.
    pub fn parse(text: &str) -> Option<Self> {
        [NoticeLevel::Info, NoticeLevel::Warning, NoticeLevel::Action]
            .into_iter()
            .find(|l| l.as_str() == text)
    }
}

/// One notice to one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Position in the person's list, from 1; 0 before it is stored.
    pub id: i64,
    /// To whom.
    pub user: UserName,
    /// Market time.
    pub time: UnixNanos,
    /// How loudly.
    pub level: NoticeLevel,
    /// What it is about, in two or three words.
    pub title: CleanText,
    /// What happened and what to do.
    pub text: CleanText,
    /// Whether the person has seen it.
    pub read: bool,
}
