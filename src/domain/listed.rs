//! Names on the lists of limits, read as a person may spell them: a symbol, an instrument as it is printed
//! (`AAA.XNYS`), either in any case.

use std::collections::{BTreeMap, BTreeSet};

use super::limit::{LimitDraft, LimitUnit};
use super::{InstrumentId, Symbol};

/// The symbols of known instruments, by all ways to spell them.
#[derive(Debug, Clone, Default)]
pub struct Spelled {
    symbols: BTreeSet<Symbol>,
    /// Symbols by their name, and by the printed name of their instrument, in capitals.
    alike: BTreeMap<String, BTreeSet<Symbol>>,
}

/// A name on a list that stands for no symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListedError {
    /// No known instrument.
    #[error("symbol '{0}' is not known; {REMEDY}")]
    Unknown(String),
    /// Several symbols that differ in case only.
    #[error("symbol '{0}' may be any of {1}: give one of them as it stands here")]
    Ambiguous(String, String),
}

impl ListedError {
    /// What to do about a symbol that is not known.
    pub const REMEDY: &'static str = REMEDY;
}

const REMEDY: &str = "import it first, or correct its name";

impl FromIterator<InstrumentId> for Spelled {
    fn from_iter<I: IntoIterator<Item = InstrumentId>>(known: I) -> Self {
        let mut spelled = Self::default();
        for id in known {
            spelled.symbols.insert(id.symbol);
            for name in [id.symbol.to_string(), id.to_string()] {
                spelled.alike.entry(name.to_ascii_uppercase()).or_default().insert(id.symbol);
            }
        }
        spelled
    }
}

impl Spelled {
    fn read(&self, name: &str) -> Result<Symbol, ListedError> {
        let exact = name.parse().ok().filter(|symbol| self.symbols.contains(symbol));
        let alike = self.alike.get(&name.to_ascii_uppercase());
        let mut found = exact.into_iter().chain(alike.into_iter().flatten().copied());
        let shown = || name.escape_default().to_string();
        match (found.next(), found.next()) {
            (None, _) => Err(ListedError::Unknown(shown())),
            (Some(one), None) => Ok(one),
            (Some(one), Some(_)) if exact == Some(one) => Ok(one),
            (Some(_), Some(_)) => {
                let all: Vec<&str> = alike.into_iter().flatten().map(Symbol::as_str).collect();
                Err(ListedError::Ambiguous(shown(), all.join(", ")))
            }
        }
    }

    /// A draft whose lists name symbols as they stand; `otherwise` says what another name may stand for. A draft without
    /// lists is the same.
    pub fn draft(
        &self,
        draft: LimitDraft,
        otherwise: impl Fn(&str) -> Option<Symbol>,
    ) -> Result<LimitDraft, ListedError> {
        if draft.name.unit() != LimitUnit::Symbols {
            return Ok(draft);
        }
        let read = |text: String| -> Result<String, ListedError> {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            let symbols = names.map(|name| self.read(name).or_else(|error| otherwise(name).ok_or(error)));
            let symbols = symbols.collect::<Result<Vec<Symbol>, _>>()?;
            Ok(symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(","))
        };
        let hard = draft.hard.map(read).transpose()?;
        let soft = draft.soft.map(read).transpose()?;
        Ok(LimitDraft { hard, soft, ..draft })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limit::{LimitName, LimitTerms, Scope, WorkingOrders};

    fn read(known: &[&str], list: &str, before: &[&str]) -> Result<String, ListedError> {
        let known: Spelled = known.iter().map(|name| name.parse::<InstrumentId>().unwrap()).collect();
        let draft = LimitDraft {
            name: LimitName::RestrictedSymbols,
            scope: Scope::Firm,
            hard: Some(list.to_owned()),
            soft: None,
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        };
        let otherwise = |name: &str| before.contains(&name).then(|| name.parse().unwrap());
        known.draft(draft, otherwise).map(|draft| draft.hard.unwrap_or_default())
    }

    #[test]
    fn a_listed_name_is_a_known_symbol_however_it_is_spelled() {
        let known = ["AAA.XNYS", "BRK.B.XNYS", "aaa.XASX", "BBB.XNYS", "BBB.XASX"];
        for (list, told) in [
            ("BBB", Ok("BBB")),
            (" bbb , brk.b", Ok("BBB,BRK.B")),
            ("BBB.XNYS,bbb.xasx,BRK.B.XNYS", Ok("BBB,BBB,BRK.B")),
            ("AAA,aaa", Ok("AAA,aaa")),
            ("AAA.XNYS", Ok("AAA")),
            ("", Ok("")),
            ("BBB,NOPE", Err(ListedError::Unknown("NOPE".into()))),
            ("BBB.XASE", Err(ListedError::Unknown("BBB.XASE".into()))),
            ("Aaa", Err(ListedError::Ambiguous("Aaa".into(), "AAA, aaa".into()))),
        ] {
            assert_eq!(read(&known, list, &[]), told.map(str::to_owned), "{list}");
        }
        assert_eq!(read(&known, "BBB,OLD", &["OLD"]), Ok("BBB,OLD".into()), "what is let stay stays");
        assert!(read(&known, "BBB,OLDER", &["OLD"]).is_err());
    }
}
