//! Aligned columns for people: numbers to the right, text to the left, a dash for what is missing.

use std::io::{self, Write};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::row::Fields;
use crate::domain::CleanText;

/// Spaces between columns.
const GAP: &str = "  ";
/// Widest column, in cells; longer text is cut with an ellipsis. The last column is never cut.
const COLUMN_CELLS_MAX: usize = 120;
/// Narrowest last column that is broken into lines on a terminal, in cells.
const WRAP_CELLS_MIN: usize = 24;

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

/// Text in lines of so many cells, broken between words; a word that is longer has a line of its own.
fn wrapped(text: &str, cells: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { continue };
        if !line.is_empty() && line.width() + 1 + word.width() > cells {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

/// A header and aligned rows. Columns are those of the first row. On a terminal of so many `cells` the last column goes
/// on below itself.
pub fn write(writer: &mut dyn Write, rows: &[Fields], cells: Option<usize>) -> io::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let last = first.len().saturating_sub(1);
    let mut columns: Vec<Vec<String>> = Vec::with_capacity(first.len());
    for (index, (name, _)) in first.iter().enumerate() {
        let whole = |value: &Value| if index == last { cell(value) } else { cut(cell(value)) };
        let cells = rows.iter().map(|row| row.get(index).map_or(String::new(), |(_, v)| whole(v)));
        columns.push(std::iter::once(name.clone()).chain(cells).collect());
    }
    let mut lines = vec![String::new(); rows.len() + 1];
    for (index, column) in columns.iter().enumerate() {
        let body = column.get(1..).unwrap_or(&[]);
        let numeric = body.iter().any(|c| !c.is_empty()) && body.iter().all(|c| c.is_empty() || is_number(c));
        let shown: Vec<&str> = column.iter().map(|c| if c.is_empty() { "-" } else { c.as_str() }).collect();
        let width = shown.iter().map(|c| c.width()).max().unwrap_or(0);
        let before = lines.first().map_or(0, |line| line.width() + GAP.len());
        let room = cells.map(|cells| cells.saturating_sub(before)).filter(|room| *room >= WRAP_CELLS_MIN);
        if let Some(room) = room.filter(|room| index == last && !numeric && *room < width) {
            for (line, text) in lines.iter_mut().zip(shown) {
                let below = format!("\n{}", " ".repeat(before));
                line.push_str(GAP);
                line.push_str(&wrapped(text, room).join(&below));
            }
            break;
        }
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
        write(&mut out, &rows, None).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "symbol  quantity  name\nAAPL           5  東京 Ltd\nF        -1200.5  -\n");
    }

    #[test]
    fn a_long_last_column_is_whole_and_goes_on_below_itself_on_a_terminal() {
        let long = "word ".repeat(40);
        let rows = [row(&[("name", json!("polygon")), ("value", json!(long.trim_end()))])];
        let mut out = Vec::new();
        write(&mut out, &rows, None).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().matches("word").count(), 40);
        let mut out = Vec::new();
        write(&mut out, &rows, Some(40)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.width() <= 40) && text.matches("word").count() == 40, "{text}");
        assert!(text.lines().skip(2).all(|line| line.starts_with("         word")), "{text}");
    }

    #[test]
    fn lists_and_records_fit_into_a_cell() {
        assert_eq!(cell(&json!([["momentum", 0.5], ["value", null]])), "momentum 0.5, value ");
        assert_eq!(cell(&json!({"a": 1, "b": "x\u{1b}"})), "a=1 b=x");
        assert_eq!(cell(&json!(1e-9)), "0.000000001");
    }
}
