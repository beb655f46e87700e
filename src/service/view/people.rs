//! Insights, notices, users, settings, log and health.

use serde::Serialize;

use crate::domain::notice::NoticeLevel;
use crate::domain::role::{RiskTolerance, Role};
use crate::domain::{UnixNanos, UserName};

/// One insight in plain language.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InsightRow {
    /// A few words.
    pub headline: String,
    /// One or two sentences.
    pub text: String,
    /// Ticker it is about; empty when it is about the whole account.
    pub symbol: String,
    /// Good (1), neutral (0) or something to watch (-1).
    pub tone: i8,
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoticeRow {
    /// Its place in the person's list.
    pub id: i64,
    /// Market time.
    pub time: UnixNanos,
    /// How loudly.
    pub level: NoticeLevel,
    /// Two or three words.
    pub title: String,
    /// What happened and what to do.
    pub text: String,
    /// Seen before.
    pub read: bool,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserRow {
    /// Login name.
    pub name: UserName,
    /// Role.
    pub role: Role,
    /// May not log in.
    pub disabled: bool,
    /// How much risk a customer wants to take.
    pub risk_tolerance: RiskTolerance,
    /// Wall time of creation.
    pub created_at: UnixNanos,
    /// Wall time of the last login.
    pub last_login: Option<UnixNanos>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingRow {
    /// Key, such as `theme`.
    pub key: String,
    /// Value in force.
    pub value: String,
    /// Value without any file.
    pub default: String,
    /// Values that may be chosen; empty when free.
    pub choices: Vec<String>,
    /// What it does.
    pub doc: String,
}

/// One line of the system log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogRow {
    /// Wall time.
    pub time: UnixNanos,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`.
    pub level: String,
    /// Room that spoke.
    pub target: String,
    /// What it said.
    pub text: String,
}

/// One fact about the system's health.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthRow {
    /// What is measured.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// Its value with its unit.
    pub value: String,
}
