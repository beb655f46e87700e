//! The reference page of the language, `docs/operators.md`: made of the operator table and [`ENTRIES`], so that it
//! cannot fall behind the code. A test makes it anew, compares, and works out every example.

mod entries;

use std::fmt::Write;

use super::registry::{ArgKind, OPERATORS, Operator, Reach};
use super::{DEPTH_MAX, LENGTH_MAX, LOOKBACK_MAX, WINDOW_MAX};
use crate::factor::panel::FIELDS;
pub use entries::{ENTRIES, Entry};

/// Sessions of the example.
pub const EXAMPLE_DAYS: [&str; 5] = ["2024-01-29", "2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"];

/// A missing value.
const NO: f32 = f32::NAN;

/// One instrument of the example: open, high, low, close and volume of each session.
#[derive(Debug, Clone, Copy)]
pub struct ExampleInstrument {
    /// Symbol.
    pub symbol: &'static str,
    /// Sector.
    pub sector: &'static str,
    /// Open, high, low, close, volume by session.
    pub bars: [[f32; 5]; 5],
}

/// Names of the columns of an example's bars.
pub const EXAMPLE_FIELDS: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// The instruments of the example; values are told for the first.
pub const EXAMPLE: [ExampleInstrument; 4] = [
    ExampleInstrument {
        symbol: "A",
        sector: "Technology",
        bars: [
            [10.0, 11.0, 9.0, 10.0, 100.0],
            [10.0, 12.0, 10.0, 11.0, 200.0],
            [NO, NO, NO, NO, NO],
            [13.0, 14.0, 11.0, 12.0, 400.0],
            [12.0, 15.0, 12.0, 14.0, 300.0],
        ],
    },
    ExampleInstrument {
        symbol: "B",
        sector: "Technology",
        bars: [
            [20.0, 21.0, 19.0, 20.0, 500.0],
            [20.0, 21.0, 19.0, 20.0, 500.0],
            [21.0, 23.0, 20.0, 22.0, 500.0],
            [22.0, 22.0, 20.0, 21.0, 500.0],
            [21.0, 21.0, 19.0, 20.0, 500.0],
        ],
    },
    ExampleInstrument {
        symbol: "C",
        sector: "Banks",
        bars: [
            [30.0, 31.0, 29.0, 30.0, 100.0],
            [31.0, 34.0, 30.0, 33.0, 100.0],
            [33.0, 34.0, 29.0, 30.0, 100.0],
            [31.0, 37.0, 31.0, 36.0, 100.0],
            [36.0, 37.0, 34.0, 35.0, 100.0],
        ],
    },
    ExampleInstrument {
        symbol: "D",
        sector: "Banks",
        bars: [
            [40.0, 41.0, 39.0, 40.0, 400.0],
            [40.0, 40.0, 37.0, 38.0, 400.0],
            [38.0, 39.0, 35.0, 36.0, 400.0],
            [36.0, 38.0, 35.0, 37.0, 400.0],
            [37.0, 37.0, 33.0, 34.0, 400.0],
        ],
    },
];

/// Earnings per share of A: known on, of the period that ends on, figure.
pub const EXAMPLE_FIGURES: [(&str, &str, f64); 3] =
    [("2024-01-29", "2023-09-30", 1.0), ("2024-02-01", "2023-12-31", 1.5), ("2024-02-02", "2023-09-30", 1.2)];

/// The whole page, as Markdown.
pub fn page() -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _written = write_page(&mut page);
    page
}

fn write_page(page: &mut String) -> std::fmt::Result {
    write_head(page)?;
    write_fields(page)?;
    write_example(page)?;
    for entry in ENTRIES {
        match entry {
            Entry::Title { title, text } => {
                writeln!(page, "\n## {title}")?;
                if !text.is_empty() {
                    writeln!(page, "\n{text}")?;
                }
            }
            Entry::Operator { name, formula, missing, quirk, examples } => {
                let operator = OPERATORS.iter().find(|o| o.name == *name);
                writeln!(page, "\n### {}\n", operator.map_or((*name).to_owned(), signature))?;
                writeln!(page, "{}.\n\n- Formula: {formula}", doc_of(operator))?;
                let link = if *missing == "never" { "" } else { "where " };
                writeln!(page, "- Missing: {link}{missing}")?;
                if !quirk.is_empty() {
                    writeln!(page, "- Note: {quirk}")?;
                }
                for (text, value) in *examples {
                    writeln!(page, "- `{text}` is {value}")?;
                }
            }
        }
    }
    Ok(())
}

fn doc_of(operator: Option<&Operator>) -> String {
    let mut doc = operator.map_or("", |o| o.doc).to_owned();
    if let Some(first) = doc.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    doc
}

fn write_head(page: &mut String) -> std::fmt::Result {
    writeln!(
        page,
        "# The expression language\n\n\
         This page is made by the program (`cargo run --example operators`); a test keeps it true.\n\n\
         An expression is worked out for every instrument and session: `Ref($close, 5) / $close - 1`. Text that Qlib\n\
         understands means the same here and gives the same numbers. It is read by a parser and never run as code. At\n\
         most {LENGTH_MAX} bytes, nested {DEPTH_MAX} deep, windows of {WINDOW_MAX} rows, {LOOKBACK_MAX} rows of look-back \
         in all.\n\n\
         A result is single precision. Missing is missing: it never becomes 0, and is an empty cell in files. Where Qlib\n\
         adds and takes away without end and loses digits by it (`Skew` and `Kurt` of prices that change their scale,\n\
         `Rsquare` of two rows), ours are worked out anew and exact.\n\n\
         A field is `$name`, in any letters. A text stands in quotes of either kind. What is a truth value, a word, a\n\
         point-in-time figure or a number of rows is checked before anything is computed, and a note says what adds a\n\
         price to shares or looks ahead."
    )?;
    writeln!(page, "\n## Factors of your own\n\n{OWN_FACTORS}")
}

/// How a user adds factors.
const OWN_FACTORS: &str = "\
Write them into `factors.toml` in the home (`qlib-pro paths` says where). It is read again whenever it changes.

```toml
[[factor]]
family = \"user\"
name = \"gap\"
sign = 1                # 1 when high is good (the default), -1 when low is
expression = \"$open / Ref($close, 1) - 1\"
doc = \"opening against the last close\"
```

`factor compute --set user` (or a family, or one name) computes them, `factor list` shows them, and a strategy that gives
their family a weight ranks by it. In a home the first two are for those who may see signals: name yourself with `--user`.
A strategy file may carry `[[factor]]` entries of its own beside its weights. Names that
ship cannot be taken, and a factor that looks ahead is refused. A wrong entry is told with its line and place, and takes
nothing that ships away.";

fn write_fields(page: &mut String) -> std::fmt::Result {
    writeln!(page, "\n## Fields\n\n| field | |\n|---|---|")?;
    FIELDS.iter().try_for_each(|field| writeln!(page, "| `${}` | {} |", field.name, field.doc))
}

fn write_example(page: &mut String) -> std::fmt::Result {
    writeln!(
        page,
        "\n## The example\n\nValues below are those of A on its last session here, {}. Rows of A on 2024-01-31 are \
         missing.\n\n| session | instrument | sector | {} |\n|---|---|---|---|---|---|---|---|",
        EXAMPLE_DAYS.last().unwrap_or(&""),
        EXAMPLE_FIELDS.join(" | ")
    )?;
    for instrument in &EXAMPLE {
        for (day, bar) in EXAMPLE_DAYS.iter().zip(instrument.bars) {
            let cell = |v: f32| if v.is_nan() { String::new() } else { v.to_string() };
            let cells = bar.map(cell).join(" | ");
            writeln!(page, "| {day} | {} | {} | {cells} |", instrument.symbol, instrument.sector)?;
        }
    }
    writeln!(page, "\n| known on | earnings per share of A for the period to | figure |\n|---|---|---|")?;
    EXAMPLE_FIGURES
        .iter()
        .try_for_each(|(known, end, figure)| writeln!(page, "| {known} | {end} | {figure} |"))
}

/// `Mean(x, N)` with its sign, where it has one.
pub fn signature(operator: &Operator) -> String {
    let mut text = format!("{}(", operator.name);
    let least = operator.args.len() - operator.optional;
    let values = operator.args.iter().filter(|k| is_value(**k)).count();
    let mut nth = 0;
    for (at, kind) in operator.args.iter().enumerate() {
        let name = argument_name(operator, *kind, nth, values);
        nth += usize::from(is_value(*kind));
        let comma = if at == 0 { "" } else { ", " };
        text += &if at < least { format!("{comma}{name}") } else { format!("[{comma}{name}]") };
    }
    text.push(')');
    match operator.sign {
        Some(sign) => format!("{text} or a {sign} b"),
        None => text,
    }
}

fn is_value(kind: ArgKind) -> bool {
    matches!(kind, ArgKind::Value | ArgKind::Series | ArgKind::Periods)
}

fn argument_name(operator: &Operator, kind: ArgKind, nth: usize, values: usize) -> &'static str {
    match kind {
        ArgKind::Value | ArgKind::Series | ArgKind::Periods if values == 1 => "x",
        ArgKind::Value | ArgKind::Series | ArgKind::Periods if operator.reach == Reach::Window => {
            ["y", "x"].get(nth).copied().unwrap_or("x")
        }
        ArgKind::Value | ArgKind::Series | ArgKind::Periods if values == 3 => {
            ["c", "a", "b"].get(nth).copied().unwrap_or("b")
        }
        ArgKind::Value | ArgKind::Series | ArgKind::Periods => ["a", "b"].get(nth).copied().unwrap_or("b"),
        ArgKind::Truth if operator.reach == Reach::Window => "c",
        ArgKind::Truth => "truth",
        ArgKind::Window | ArgKind::Rows | ArgKind::WindowFrom(_) | ArgKind::Shift | ArgKind::Buckets => "N",
        ArgKind::Fraction | ArgKind::Tail => "q",
        ArgKind::Symbol => "'symbol'",
        ArgKind::Frequency => "'period'",
        ArgKind::Fold => "'how'",
        ArgKind::Group => "group",
        ArgKind::GroupOrSeries => "group or y",
        ArgKind::Period => "period",
        ArgKind::Positive => "a",
    }
}

#[cfg(test)]
mod tests;
