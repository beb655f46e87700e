//! Whose prices a file of bars has and in what terms they are: its columns `source` and `basis`, as `export prices`
//! writes them.
//!
//! What a file says of itself is never dropped: a basis other than the one that was asked for, or two sources or bases
//! for one symbol, refuse the file.

use std::collections::HashMap;
use std::sync::Arc;

use super::bars::{BASIS, SOURCE};
use super::page::Refusal;
use super::record::{Fault, Record};
use crate::domain::market::{Basis, DailyBar};
use crate::domain::{CleanText, QuarantineReason, Symbol};

/// Where prices come from unless somebody says otherwise.
pub const DEFAULT_SOURCE: &str = "file";
/// Longest name of a source, in characters.
const SOURCE_CHARS_MAX: usize = 64;

/// Whose prices, and in what terms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Terms {
    /// Name of the source.
    pub source: CleanText,
    /// In what terms the prices are stated.
    pub basis: Basis,
}

/// What was asked for; what is not named is read from the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the source of all rows.
    pub source: Option<CleanText>,
    /// In what terms all prices are stated.
    pub basis: Option<Basis>,
}

impl Wanted {
    /// The source of a row, by what its file says.
    pub fn source_or<'a>(&'a self, told: &'a str) -> &'a str {
        let told = if told.is_empty() { DEFAULT_SOURCE } else { told };
        self.source.as_ref().map_or(told, CleanText::as_str)
    }
}

/// A bar of a file with its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBar {
    /// The bar.
    pub bar: DailyBar,
    /// Whose it is and in what terms.
    pub terms: Arc<Terms>,
}

/// What is wrong with the terms of a row.
pub(super) enum Wrong {
    /// The row by itself.
    Row(Fault),
    /// The whole file.
    File(Refusal),
}

/// The terms of each symbol of one import.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub wanted: Wanted,
    of: HashMap<Symbol, Arc<Terms>>,
}

impl Book {
    /// The terms of a row of a symbol.
    pub(super) fn terms(&mut self, record: &Record<'_>, symbol: Symbol) -> Result<Arc<Terms>, Wrong> {
        let (source, basis) = (record.field(SOURCE), record.field(BASIS));
        let bad = |column| Wrong::Row(Fault::at(QuarantineReason::BadField, column));
        let told = if basis.is_empty() { None } else { Some(Basis::parse(basis).ok_or_else(|| bad(BASIS))?) };
        if CleanText::new(source).as_str() != source || source.chars().count() > SOURCE_CHARS_MAX {
            return Err(bad(SOURCE));
        }
        if let (Some(told), Some(wanted)) = (told, self.wanted.basis)
            && told != wanted
        {
            let (told, wanted) = (told.as_str(), wanted.as_str());
            let what = format!("the prices are '{told}', not '{wanted}'; import them with --basis {told}");
            return Err(Wrong::File(Refusal { column: BASIS, what }));
        }
        let basis = told.or(self.wanted.basis).unwrap_or(Basis::Raw);
        let source = self.wanted.source_or(source);
        let Some(known) = self.of.get(&symbol) else {
            let terms = Arc::new(Terms { source: source.into(), basis });
            self.of.insert(symbol, Arc::clone(&terms));
            return Ok(terms);
        };
        let other = |column, here: &str, before: &str, remedy: &str| {
            let what = format!("{symbol} is '{here}' here and '{before}' before; {remedy}");
            Err(Wrong::File(Refusal { column, what }))
        };
        if known.basis != basis {
            let remedy = "put each basis into a file of its own and import them one by one";
            return other(BASIS, basis.as_str(), known.basis.as_str(), remedy);
        }
        if known.source.as_str() != source {
            let remedy = "import each source by itself, or give all rows one name with --source NAME";
            return other(SOURCE, source, known.source.as_str(), remedy);
        }
        Ok(Arc::clone(known))
    }
}
