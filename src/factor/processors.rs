//! Qlib's processors on columns of factor values: `CSZScoreNorm(robust=true);Fillna(0)`.
//!
//! Rows are grouped by day. Cross-sectional steps look at one day; fitted ones learn from the fit rows and apply to
//! all. NaN is missing and stays missing unless a step fills it. Rules and single-precision arithmetic are those of
//! `qlib.data.dataset.processor` on pandas 2.2 and numpy, overflow included. A step may be kept to the labels or the
//! features (`fields_group=label`); a label is a column whose name contains "label".

mod apply;
mod parse;
mod single;

use chrono::NaiveDate;

pub use apply::{complete_rows, run};

/// Most steps of one run.
pub const STEPS_MAX: usize = 100;

/// Every processor with its argument, for messages.
pub const NAMES: &str = "CSZScoreNorm(robust=), CSRankNorm, CSZFillna, Fillna(value), ZScoreNorm, \
                         RobustZScoreNorm(clip_outlier=), MinMaxNorm, ProcessInf, TanhProcess, DropnaProcessor, \
                         DropnaLabel, DropCol(A,B), FilterCol(A,B), TimeRangeFlt(start_time=,end_time=), \
                         HashStockFormat; those that take columns also fields_group=feature|label";

/// Which columns a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fields {
    /// All of them.
    #[default]
    All,
    /// Those that are no label.
    Features,
    /// Labels only.
    Labels,
}

impl Fields {
    /// Whether a column of that name is meant.
    pub fn include(self, column: &str) -> bool {
        let label = column.to_ascii_uppercase().contains("LABEL");
        match self {
            Fields::All => true,
            Fields::Features => !label,
            Fields::Labels => label,
        }
    }
}

/// What a step does to every column it is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Per day: less the mean over the sample deviation, or the robust form clipped to ±3.
    CrossZScore {
        /// Median and MAD instead.
        robust: bool,
    },
    /// Per day: average rank as a share, less a half, stretched.
    CrossRank,
    /// Per day: missing becomes the mean.
    CrossFill,
    /// Missing becomes a value.
    Fill(f64),
    /// Less the mean over the population deviation of the fit rows.
    ZScore,
    /// Less the median over the scaled MAD of the fit rows.
    RobustZScore {
        /// Clip to ±3.
        clip: bool,
    },
    /// From 0 at the least to 1 at the largest of the fit rows.
    MinMax,
    /// Per day: infinite becomes the mean of the others.
    FillInfinite,
    /// tanh(x - 1).
    Tanh,
}

impl Change {
    /// Whether it learns from the fit rows; its name then.
    pub fn learns(self) -> Option<&'static str> {
        match self {
            Change::ZScore => Some("ZScoreNorm"),
            Change::RobustZScore { .. } => Some("RobustZScoreNorm"),
            Change::MinMax => Some("MinMaxNorm"),
            Change::CrossZScore { .. }
            | Change::CrossRank
            | Change::CrossFill
            | Change::Fill(_)
            | Change::FillInfinite
            | Change::Tanh => None,
        }
    }
}

/// One processor.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Values change.
    Change(Change, Fields),
    /// Rows go in which one of these columns has no value.
    DropMissing(Fields),
    /// Columns of these names go.
    DropColumns(Vec<String>),
    /// Of these columns only those of the names stay, and all others.
    KeepColumns(Fields, Vec<String>),
    /// Only instruments whose rows reach from the first day on or after the start to the last on or before the end
    /// stay. It knows the future.
    Reaching {
        /// Start, when asked for.
        from: Option<NaiveDate>,
        /// End, when asked for.
        to: Option<NaiveDate>,
    },
    /// Nothing: how Qlib keeps a frame in memory.
    Storage,
}

/// Why steps cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// No processor of that name, or not with that argument.
    #[error("'{0}' is no processor; known are {NAMES}")]
    Unknown(String),
    /// Too many.
    #[error("at most {STEPS_MAX} steps can be run at once")]
    TooMany,
    /// A fitted step without rows to learn from.
    #[error("{0} learns from a range of days: give --fit-from and --fit-to that hold rows")]
    NoFit(&'static str),
    /// Nothing is called a label.
    #[error("the step is about labels, and no column has 'label' in its name: rename the label's column")]
    NoLabel,
    /// The range holds no day of the file.
    #[error("TimeRangeFlt asks for a range without a day of the file: change start_time or end_time")]
    NoDays,
}

#[cfg(test)]
mod tests;
