//! Aligned columns for people: numbers to the right, text to the left, a dash for what is missing.

use std::io::{self, Write};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::row::Fields;
use crate::domain::CleanText;

/// Spaces between columns.
const GAP: &str = "  ";
/// Widest column, in cells; longer text is cut with an ellipsis.
const COLUMN_CELLS_MAX: usize = 120;

/// A value as one cell of text; empty when it is missing.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => CleanText::new(text).to_string(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_string(),
        Value::Number(number) => plain(number),
        Value::Array(items) => {
            let nested = items.iter().any(|i| i.is_array() || i.is_object());
            let parts: Vec<String> = items.iter().map(cell).collect();
            parts.join(if nested { ", " } else { " " })
        }
        Value::Object(fields) => {
            let parts: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={}", cell(v))).collect();
            parts.join(" ")
        }
    }
}

fn plain(number: &serde_json::Number) -> String {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (None, None, Some(float)) => format!("{float}"),
        _ => number.to_string(),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Cuts text to so many cells.
fn cut(text: String) -> String {
    if text.width() <= COLUMN_CELLS_MAX {
        return text;
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if kept.width() >= COLUMN_CELLS_MAX {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

/// A header and aligned rows. Columns are those of the first row.
pub fn write(writer: &mut dyn Write, rows: &[Fields]) -> io::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let mut columns: Vec<Vec<String>> = Vec::with_capacity(first.len());
    for (index, (name, _)) in first.iter().enumerate() {
        let cells = rows.iter().map(|row| row.get(index).map_or(String::new(), |(_, v)| cut(cell(v))));
        columns.push(std::iter::once(name.clone()).chain(cells).collect());
    }
    let mut lines = vec![String::new(); rows.len() + 1];
    for (index, column) in columns.iter().enumerate() {
        let body = column.get(1..).unwrap_or(&[]);
        let numeric = body.iter().any(|c| !c.is_empty()) && body.iter().all(|c| c.is_empty() || is_number(c));
        let shown: Vec<&str> = column.iter().map(|c| if c.is_empty() { "-" } else { c.as_str() }).collect();
        let width = shown.iter().map(|c| c.width()).max().unwrap_or(0);
        for (line, text) in lines.iter_mut().zip(shown) {
            let space = " ".repeat(width.saturating_sub(text.width()));
            line.push_str(if index == 0 { "" } else { GAP });
            if numeric {
                line.push_str(&space);
                line.push_str(text);
            } else {
                line.push_str(text);
                line.push_str(&space);
            }
        }
    }
    lines.iter().try_for_each(|line| writeln!(writer, "{}", line.trim_end()))
}

/// One record as two columns: name and value.
pub fn write_record(writer: &mut dyn Write, record: &Fields) -> io::Result<()> {
    let width = record.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    for (name, value) in record {
        let text = cell(value);
        let shown = if text.is_empty() { "-" } else { &text };
        writeln!(writer, "{name}{}{GAP}{shown}", " ".repeat(width.saturating_sub(name.width())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(pairs: &[(&str, Value)]) -> Fields {
        pairs.iter().map(|(k, v)| ((*k).to_string(), v.clone())).collect()
    }

    #[test]
    fn numbers_go_right_text_left_and_missing_is_a_dash() {
        let rows = [
            row(&[("symbol", json!("AAPL")), ("quantity", json!("5")), ("name", json!("東京 Ltd"))]),
            row(&[("symbol", json!("F")), ("quantity", json!("-1200.5")), ("name", Value::Null)]),
        ];
        let mut out = Vec::new();
        write(&mut out, &rows).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "symbol  quantity  name\nAAPL           5  東京 Ltd\nF        -1200.5  -\n");
    }

    #[test]
    fn lists_and_records_fit_into_a_cell() {
        assert_eq!(cell(&json!([["momentum", 0.5], ["value", null]])), "momentum 0.5, value ");
        assert_eq!(cell(&json!({"a": 1, "b": "x\u{1b}"})), "a=1 b=x");
        assert_eq!(cell(&json!(1e-9)), "0.000000001");
    }
}
