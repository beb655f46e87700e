//! The factors of a home: those that ship and a user's own in `factors.toml`, read anew whenever the file changes.
//!
//! A wrong file takes nothing of what ships away: lists carry its problem beside them, and only a strategy or a set
//! that names one of its families is refused, with the file, the line, the factor and the place.

use std::path::Path;

use crate::config::Paths;
use crate::config::factors::{self as file, NewFactor, Stamp};
use crate::domain::CleanText;
use crate::factor::Expression;
use crate::factor::sets::{self, Family};
use crate::model::Strategy;
use crate::store;

use super::engine::lock;
use super::error::ServiceError;
use super::files::factors::FactorRow;
use super::house::House;
use super::permit::{Permit, TradeDesk, ViewSignals};

/// A user's own factors, or why there are none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserFactors {
    /// Families, in file order.
    pub families: Vec<Family>,
    /// What is wrong with the file: file, line, factor, place.
    pub problem: Option<String>,
}

impl UserFactors {
    /// Reads a file; without one there are none.
    pub fn read(path: &Path) -> Self {
        let text = match file::text(path) {
            Ok(text) => text.unwrap_or_default(),
            Err(error) => return Self { families: Vec::new(), problem: Some(error.to_string()) },
        };
        match sets::parse_user(&text) {
            Ok(families) => Self { families, problem: None },
            Err(error) => Self { families: Vec::new(), problem: Some(told(path, &error)) },
        }
    }
}

impl UserFactors {
    /// Those in a folder that is no home yet. `None` where it is one: its factors are the desk's, and
    /// [`House::own_factors`] asks for a permit.
    pub fn of_folder(folder: &Path) -> Option<Self> {
        (!store::is_home(folder)).then(|| Self::read(&Paths::at(folder).factors()))
    }
}

fn told(path: &Path, error: &sets::SetError) -> String {
    format!("{}: {error}", CleanText::new(&path.to_string_lossy()))
}

/// The file as it was last read.
#[derive(Debug, Default)]
pub(super) struct FactorFile {
    read: Option<(Stamp, UserFactors)>,
}

/// Every factor of a home.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorList {
    /// Families that ship, the user's own, the published sets.
    pub rows: Vec<FactorRow>,
    /// What is wrong with the user's file, when something is.
    pub problem: Option<String>,
}

impl House {
    /// The user's own factors as the file stands now.
    pub(super) fn user_factors(&self) -> UserFactors {
        let path = Paths::at(self.home()).factors();
        let mut kept = lock(self.factor_file());
        let now = file::stamp(&path);
        if let Some((stamp, factors)) = &kept.read
            && *stamp == now
        {
            return factors.clone();
        }
        let factors = UserFactors::read(&path);
        if let Some(problem) = &factors.problem {
            tracing::warn!(problem, "the user's factors cannot be used");
        }
        kept.read = Some((now, factors.clone()));
        factors
    }

    /// The user's own factors, for somebody who may see them.
    pub fn own_factors(&self, _: &Permit<ViewSignals>) -> UserFactors {
        self.user_factors()
    }

    /// Families that ship and the user's own; what is wrong with the latter, when something is.
    pub(super) fn factor_families(&self) -> Result<(Vec<Family>, Option<String>), ServiceError> {
        let UserFactors { families, problem } = self.user_factors();
        let shipped = sets::builtin().map_err(|e| ServiceError::Data(e.to_string()))?;
        Ok(([shipped, families].concat(), problem))
    }

    /// Every factor with its set, family, look-back, unit and description.
    pub fn factor_definitions(&self, _: &Permit<ViewSignals>) -> Result<FactorList, ServiceError> {
        let UserFactors { families, problem } = self.user_factors();
        let all = sets::definitions(&families).map_err(|e| ServiceError::Data(e.to_string()))?;
        Ok(FactorList { rows: all.iter().map(FactorRow::of).collect(), problem })
    }

    /// Writes one factor of the user's own into `factors.toml`; one of that name is replaced.
    pub fn save_factor(
        &self,
        permit: &Permit<TradeDesk>,
        name: &str,
        expression: &str,
        doc: &str,
    ) -> Result<(), ServiceError> {
        if let Err(error) = Expression::parse(expression) {
            return Err(ServiceError::Invalid(format!(
                "the factor is not saved: {}",
                error.pointed(expression)
            )));
        }
        let path = Paths::at(self.home()).factors();
        let mut kept = lock(self.factor_file());
        let before = file::text(&path)?.unwrap_or_default();
        let doc = CleanText::new(doc);
        let new = NewFactor { family: sets::USER, name, expression, doc: doc.as_str() };
        let after = file::with(&path, &before, &new)?;
        sets::parse_user(&after).map_err(|error| {
            ServiceError::Invalid(format!("the factor is not saved: {}", told(&path, &error)))
        })?;
        file::write(&path, &after)?;
        kept.read = None;
        tracing::info!(user = %permit.user(), factor = name, "factor saved");
        Ok(())
    }

    /// Families and strategy of a strategy's text, or of the default one. A user's file that is wrong only matters
    /// to a strategy that does not do without it.
    pub(super) fn strategy_of(&self, text: Option<&str>) -> Result<(Vec<Family>, Strategy), ServiceError> {
        let (all, problem) = self.factor_families()?;
        let read = match text {
            Some(text) => Strategy::parse(text, &all),
            None => Strategy::builtin(&all),
        };
        let strategy = read.map_err(|error| {
            let beside = problem.map_or(String::new(), |p| format!("; the user's factors are left out: {p}"));
            ServiceError::Invalid(format!("strategy: {error}{beside}"))
        })?;
        let mut families = [all, strategy.own.clone()].concat();
        families.retain(|f| strategy.weights.iter().any(|w| w.family == f.name));
        Ok((families, strategy))
    }
}
