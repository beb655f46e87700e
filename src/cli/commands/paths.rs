//! `paths`: where the home and everything in it lives.

use clap::Args;
use serde::Serialize;

use super::Env;
use crate::cli::errors::Failure;

/// `paths`.
#[derive(Debug, Args)]
pub struct PathsArgs {}

#[derive(Debug, Serialize)]
struct Place {
    name: &'static str,
    path: String,
}

impl PathsArgs {
    /// Prints the places, whether they exist or not.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let places = (env.context.places)(env.globals.home.as_deref())?;
        let rows: Vec<Place> =
            places.into_iter().map(|(name, path)| Place { name, path: path.display().to_string() }).collect();
        env.out.rows(&rows, "no places")
    }
}
