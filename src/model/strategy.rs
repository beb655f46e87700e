//! A strategy: which families at which weights, how many names, how much of the equity. Read from TOML. It may bring
//! factors of its own (`[[factor]]`, as in a factor file), whose families it can then weigh.
//!
//! Holds plain values; reading checks every bound, so that a strategy that exists can run.

use serde::Deserialize;

use crate::domain::order::{OrderType, TimeInForce};
use crate::domain::{CleanText, Ratio};
use crate::factor::sets::{self, Family, SetError};

/// The strategy that runs when none is named.
const DEFAULT: &str = include_str!("../../data/strategy/default.toml");
/// Most names a strategy may hold.
pub const TOP_K_MAX: u32 = 1_000;

/// Why a strategy could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StrategyError {
    /// Not TOML of the right shape.
    #[error("the strategy cannot be read: {0}")]
    Shape(#[from] toml::de::Error),
    /// A factor of its own is wrong.
    #[error("the strategy's own factors: {0}")]
    Factor(#[from] SetError),
    /// A value outside its bounds.
    #[error("strategy: {field} {reason}")]
    Bound {
        /// The key.
        field: String,
        /// What is wrong and what would do.
        reason: String,
    },
}

/// Weight of one family.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyWeight {
    /// Family.
    pub family: String,
    /// Weight; all weights sum to 1.
    pub weight: f64,
}

/// What to hold and how to trade into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategy {
    /// Name; also the name of its signals' model.
    pub name: CleanText,
    /// Named universe; `None` is every instrument of the account's exchange.
    pub universe: Option<CleanText>,
    /// Families, in the order of the families given.
    pub weights: Vec<FamilyWeight>,
    /// Families of its own factors.
    pub own: Vec<Family>,
    /// Names held.
    pub top_k: u32,
    /// Share of the equity invested.
    pub gross_target: Ratio,
    /// Changes under this share of the equity are not traded.
    pub no_trade_band: Ratio,
    /// Kind of order.
    pub order_type: OrderType,
    /// How long orders work.
    pub tif: TimeInForce,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: CleanText,
    universe: Option<CleanText>,
    top_k: u32,
    gross_target: Ratio,
    no_trade_band: Ratio,
    order_type: OrderType,
    tif: TimeInForce,
    weights: std::collections::BTreeMap<String, f64>,
    #[serde(default)]
    factor: Vec<sets::Entry>,
}

impl Strategy {
    /// Reads a strategy over the families there are and those it brings. Weights are scaled to sum to 1.
    pub fn parse(text: &str, families: &[Family]) -> Result<Self, StrategyError> {
        let mut file: Document = toml::from_str(text)?;
        let own = sets::of_entries(std::mem::take(&mut file.factor), text)?;
        if let Some(both) = own.iter().find(|f| families.iter().any(|known| known.name == f.name)) {
            let reason = format!("brings a family '{}' that there is already: rename it", both.name);
            return Err(StrategyError::Bound { field: "factor".into(), reason });
        }
        let families = &[families, &own].concat();
        check(&file, families)?;
        let total: f64 = file.weights.values().sum();
        let weights = families
            .iter()
            .filter_map(|f| file.weights.get(&f.name).map(|w| (f, *w)))
            .filter(|(_, w)| *w > 0.0)
            .map(|(f, w)| FamilyWeight { family: f.name.clone(), weight: w / total })
            .collect();
        Ok(Self {
            name: file.name,
            universe: file.universe,
            weights,
            own,
            top_k: file.top_k,
            gross_target: file.gross_target,
            no_trade_band: file.no_trade_band,
            order_type: file.order_type,
            tif: file.tif,
        })
    }

    /// The strategy that runs when none is named.
    pub fn builtin(families: &[Family]) -> Result<Self, StrategyError> {
        Self::parse(DEFAULT, families)
    }
}

fn check(file: &Document, families: &[Family]) -> Result<(), StrategyError> {
    let wrong = |field: &str, reason: String| Err(StrategyError::Bound { field: field.into(), reason });
    if file.name.is_empty() {
        return wrong("name", "is empty".into());
    }
    if !(1..=TOP_K_MAX).contains(&file.top_k) {
        return wrong("top_k", format!("must be 1 to {TOP_K_MAX}"));
    }
    if file.gross_target.raw() <= 0 || file.gross_target.raw() > Ratio::ONE_RAW {
        return wrong("gross_target", "must be above 0 and at most 1".into());
    }
    if file.no_trade_band.raw() < 0 || file.no_trade_band.raw() > Ratio::ONE_RAW {
        return wrong("no_trade_band", "must be 0 to 1".into());
    }
    if file.order_type != OrderType::Market {
        return wrong("order_type", "must be market: a strategy states no limit price".into());
    }
    for (name, weight) in &file.weights {
        let field = format!("weights.{}", CleanText::new(name));
        if !families.iter().any(|f| f.name == *name) {
            let known: Vec<&str> = families.iter().map(|f| f.name.as_str()).collect();
            return wrong(&field, format!("is no family; known are {}", known.join(", ")));
        }
        if !weight.is_finite() || *weight < 0.0 {
            return wrong(&field, "must be a number of at least 0".into());
        }
    }
    if !file.weights.values().any(|w| *w > 0.0) {
        return wrong("weights", "give no family any weight".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::sets;

    #[test]
    fn the_default_is_four_equal_families_and_twenty_names() {
        let s = Strategy::builtin(&sets::builtin().unwrap()).unwrap();
        assert!(s.weights.len() == 4 && s.weights.iter().all(|w| w.weight == 0.25));
        assert_eq!((s.top_k, s.gross_target.to_string().as_str()), (20, "0.95"));
    }

    #[test]
    fn a_strategy_brings_factors_of_its_own() {
        let families = sets::builtin().unwrap();
        let own = "[[factor]]\nfamily = \"gap\"\nname = \"gap_1\"\nexpression = \"$open/Ref($close,1)-1\"\n";
        let text = format!("{}\n{own}", DEFAULT.replace("sentiment = 0.25", "gap = 0.25"));
        let s = Strategy::parse(&text, &families).unwrap();
        assert_eq!((s.own.len(), s.weights.last().unwrap().family.as_str()), (1, "gap"));
        let wrong = Strategy::parse(&text.replace("$open", "$opn"), &families).unwrap_err().to_string();
        assert!(wrong.contains("factor 'gap_1': at character 1: there is no field $opn"), "{wrong}");
        let taken =
            Strategy::parse(&text.replace("\"gap\"", "\"value\""), &families).unwrap_err().to_string();
        assert!(taken.contains("family that ships"), "{taken}");
    }

    #[test]
    fn bounds_and_unknown_families_are_refused_in_words() {
        let families = sets::builtin().unwrap();
        let read = |from: &str, to: &str| {
            Strategy::parse(&DEFAULT.replace(from, to), &families).unwrap_err().to_string()
        };
        assert_eq!(read("top_k = 20", "top_k = 0"), "strategy: top_k must be 1 to 1000");
        assert!(read("value =", "valeu =").contains("weights.valeu is no family; known are momentum"));
        assert!(read("0.95", "1.5").contains("gross_target must be above 0"));
        assert!(read("tif", "tiff").contains("unknown field"));
    }
}
