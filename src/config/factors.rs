//! A user's own factors: `factors.toml` in the home, in the shape of the families that ship.
//!
//! This file reads and writes text; what the text means is checked by whoever asked. Writing keeps comments and
//! order, and replaces the file as a whole.

use std::path::Path;
use std::time::SystemTime;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::ConfigError;
use super::file::{Problem, line_of, read, replace};
use crate::domain::CleanText;

/// Changes whenever the file does: its time and length; `None` without a file.
pub type Stamp = Option<(SystemTime, u64)>;

/// What a file is like now, without reading it.
pub fn stamp(path: &Path) -> Stamp {
    let facts = std::fs::metadata(path).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}

/// The text of the file; `None` when there is none.
pub fn text(path: &Path) -> Result<Option<String>, ConfigError> {
    read(path)
}

/// One factor to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewFactor<'a> {
    /// Family.
    pub family: &'a str,
    /// Name; a factor of that name is replaced.
    pub name: &'a str,
    /// Expression.
    pub expression: &'a str,
    /// What it measures.
    pub doc: &'a str,
}

/// The text with one more factor, or with the one of its name replaced in its place (its family and sign stay).
pub fn with(path: &Path, text: &str, new: &NewFactor<'_>) -> Result<String, ConfigError> {
    let refused = |line: usize, what: &str| {
        let problems = vec![Problem { line, what: CleanText::new(what) }];
        ConfigError::Problems { path: path.to_path_buf(), problems }
    };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        refused(line_of(text, error.span()), &format!("is no TOML: {}; correct the line", error.message()))
    })?;
    if document.as_table().is_empty() && !text.is_empty() {
        // Nothing but comments: they stay on top.
        let line_end = if text.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{text}{line_end}{}", with(path, "", new)?));
    }
    let item = document.as_table_mut().entry("factor").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(factors) = item.as_array_of_tables_mut() else {
        return Err(refused(1, "'factor' is no list of [[factor]] tables; write it so"));
    };
    let named = |t: &&mut Table| t.get("name").and_then(Item::as_str) == Some(new.name);
    let found = factors.iter_mut().find(named);
    match found {
        Some(table) => fill(table, new),
        None => {
            let mut table = Table::new();
            table.insert("family", value(new.family));
            table.insert("name", value(new.name));
            table.insert("sign", value(1));
            fill(&mut table, new);
            factors.push(table);
        }
    }
    Ok(document.to_string())
}

fn fill(table: &mut Table, new: &NewFactor<'_>) {
    table.insert("expression", value(new.expression));
    table.insert("doc", value(new.doc));
}

/// Replaces the file as a whole.
pub fn write(path: &Path, text: &str) -> Result<(), ConfigError> {
    replace(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: NewFactor<'_> =
        NewFactor { family: "user", name: "gap", expression: "$open/Ref($close,1)-1", doc: "night" };

    #[test]
    fn a_factor_is_added_and_replaced_in_its_place() {
        let path = Path::new("/h/factors.toml");
        let first = with(path, "# mine\n", &NEW).unwrap();
        assert!(
            first.starts_with("# mine\n")
                && first.contains("[[factor]]\nfamily = \"user\"\nname = \"gap\"\n")
        );
        let edited = first.replace("sign = 1", "sign = -1 # low is good");
        let both = with(path, &edited, &NewFactor { name: "other", ..NEW }).unwrap();
        let again = with(path, &both, &NewFactor { expression: "$open", ..NEW }).unwrap();
        assert_eq!(again.matches("[[factor]]").count(), 2);
        assert!(again.contains("sign = -1 # low is good\nexpression = \"$open\"\n"), "{again}");
    }

    #[test]
    fn a_broken_file_is_not_written_over() {
        let said = |text: &str| with(Path::new("/h/factors.toml"), text, &NEW).unwrap_err().to_string();
        assert!(
            said("\n[[factor]\n").starts_with("/h/factors.toml:2: is no TOML"),
            "{}",
            said("\n[[factor]\n")
        );
        assert!(said("factor = 1\n").contains("no list of [[factor]] tables"));
    }

    #[test]
    fn a_stamp_follows_the_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("factors.toml");
        assert!(stamp(&path).is_none() && text(&path).unwrap().is_none());
        write(&path, "a").unwrap();
        let before = stamp(&path);
        write(&path, "ab").unwrap();
        assert!(before.is_some() && stamp(&path) != before);
        assert_eq!(text(&path).unwrap().as_deref(), Some("ab"));
    }
}
