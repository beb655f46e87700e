//! Rows of JSON as CSV: a header of all keys in the order in which they first appear, then one line a row.
//!
//! Nested values are written as JSON text. Fields that a spreadsheet would run as a formula get a leading quote.

use std::collections::BTreeSet;

use serde_json::Value;

/// The rows as CSV text.
pub fn csv(rows: &[Value]) -> String {
    let mut keys: Vec<&String> = Vec::new();
    let mut seen = BTreeSet::new();
    for row in rows.iter().filter_map(Value::as_object) {
        keys.extend(row.keys().filter(|k| seen.insert((*k).clone())));
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail; a record of another length is not made here.
    writer.write_record(&keys).unwrap_or_default();
    for row in rows {
        writer.write_record(keys.iter().map(|k| field(row.get(k.as_str())))).unwrap_or_default();
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn field(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => harmless(text),
        Some(other) => other.to_string(),
    }
}

/// A text that starts like a formula and is no number is quoted, as spreadsheets ask for.
fn harmless(text: &str) -> String {
    let risky = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
    if risky { format!("'{text}") } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_gets_a_column_and_formulas_are_defused() {
        let rows =
            [serde_json::json!({"a": "-1.5", "b": null}), serde_json::json!({"a": "=SUM(A1)", "c": [1]})];
        assert_eq!(csv(&rows), "a,b,c\n-1.5,,\n'=SUM(A1),,[1]\n");
    }
}
