//! What expressions say: values across the universe, how well they foresaw, a column, a screen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::domain::{CleanText, InstrumentId};
use crate::factor::sets;
use crate::service::files::factors::FactorRow as Listed;

/// One name's value.
#[derive(Debug, Clone, PartialEq)]
pub struct NameValue {
    /// Symbol and exchange.
    pub instrument: InstrumentId,
    /// Company name; empty when unknown.
    pub name: String,
    /// Value at the newest session; 1 and 0 where the expression is true or false.
    pub value: f64,
    /// 1 is the highest value; equal values go in the order of their names.
    pub rank: u32,
}

/// How well an expression foresaw the label over the last year.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// First and last session with a coefficient.
    pub sessions: (NaiveDate, NaiveDate),
    /// Sessions with a coefficient.
    pub days: usize,
    /// Mean of the daily correlations of value and label (Pearson).
    pub ic: f64,
    /// Mean over standard deviation of the daily IC; not annualised.
    pub icir: f64,
    /// Mean of the daily correlations of ranks (Spearman).
    pub rank_ic: f64,
    /// Mean over standard deviation of the daily rank IC.
    pub rank_icir: f64,
    /// IC by session, oldest first.
    pub daily: Vec<Option<f64>>,
    /// Mean label of each fifth of the ranking, highest values first, or of the names for which the expression is
    /// true and those for which it is not; `None` where a group was always empty.
    pub groups: Vec<(&'static str, Option<f64>)>,
    /// Share of the highest fifth that was not in it the session before.
    pub turnover: Option<f64>,
    /// Correlation of the values with those of the session before.
    pub autocorrelation: Option<f64>,
}

impl Evidence {
    /// The return that is foreseen: bought at the next close, sold at the one after, as Qlib has it.
    pub const LABEL: &'static str = "Ref($close,-2)/Ref($close,-1)-1";
}

/// The expression under the pen.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// Its text.
    pub text: String,
    /// True or false instead of a number.
    pub truth: bool,
    /// Sessions it looks ahead.
    pub ahead: usize,
    /// Values at the newest session, highest first; names without a value are left out.
    pub values: Vec<NameValue>,
    /// Names without a value.
    pub missing: usize,
    /// How well it foresaw; `None` until that is computed, or where nothing can be said.
    pub evidence: Option<Evidence>,
    /// The evidence is still being computed.
    pub pending: bool,
    /// Its series for one instrument, oldest first, sessions without a value left out.
    pub series: Option<(InstrumentId, Vec<(NaiveDate, f64)>)>,
    /// Why there are no values; empty when there are.
    pub problem: String,
}

/// An expression as a column of the watchlist.
#[derive(Debug, Clone, PartialEq)]
pub struct FormulaColumn {
    /// Its text.
    pub text: String,
    /// True or false instead of a number.
    pub truth: bool,
    /// Value of every name that has one.
    pub values: BTreeMap<InstrumentId, f64>,
    /// Why there are none; empty when there are.
    pub problem: String,
}

/// An expression as a screen: the names for which it is true.
#[derive(Debug, Clone, PartialEq)]
pub struct FormulaScreen {
    /// Its text.
    pub text: String,
    /// Names for which it is true at the newest session.
    pub passing: BTreeSet<InstrumentId>,
    /// Names that were asked.
    pub names: usize,
    /// Why it says nothing; empty when it does. A screen with a problem hides nothing.
    pub problem: String,
}

/// What the registered expressions say, as one immutable snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Research {
    /// Number of the wish it answers.
    pub generation: u64,
    /// Last session that was over and whose data was used.
    pub session: Option<NaiveDate>,
    /// The running session, where its prints so far are the newest values' provisional row.
    pub running: Option<NaiveDate>,
    /// Names in the panel.
    pub names: usize,
    /// The expression under the pen.
    pub formula: Option<Formula>,
    /// The watchlist's column.
    pub column: Option<FormulaColumn>,
    /// The screen in force.
    pub screen: Option<FormulaScreen>,
    /// Why nothing can be computed at all; empty when it can.
    pub problem: String,
}

/// A factor that can be looked up and loaded into the editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorRow {
    /// Family or set it belongs to.
    pub family: String,
    /// Name.
    pub name: String,
    /// Sessions before the one asked for that it reads.
    pub back: usize,
    /// What its values are measured in, as far as that can be told.
    pub unit: String,
    /// How it is computed.
    pub expression: String,
    /// What it measures; may be empty.
    pub doc: String,
    /// The person's own, from their file.
    pub own: bool,
}

impl From<Listed> for FactorRow {
    fn from(row: Listed) -> Self {
        let family = match row.set.as_str() {
            sets::FAMILIES | sets::USER => row.family,
            set if row.family == set => row.family,
            set => format!("{set}/{}", row.family),
        };
        Self {
            own: row.set == sets::USER,
            family: CleanText::new(&family).to_string(),
            name: CleanText::new(&row.name).to_string(),
            back: row.lookback,
            unit: row.unit,
            expression: row.expression,
            doc: CleanText::new(&row.doc).to_string(),
        }
    }
}
