use std::path::Path;

use chrono::NaiveDate;

use super::*;
use crate::domain::market::Fundamental;
use crate::factor::expr::{Expression, compute};
use crate::factor::panel::{Group, Panel, PanelBuilder};

fn example() -> Panel {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let mut builder = PanelBuilder::new(EXAMPLE_DAYS.map(day).to_vec());
    for instrument in &EXAMPLE {
        let id = format!("{}.SIM", instrument.symbol).parse().unwrap();
        builder.member(Group::Sector, id, day(EXAMPLE_DAYS[0]), instrument.sector);
        for (session, bar) in EXAMPLE_DAYS.iter().zip(instrument.bars) {
            let values: Vec<(&str, f32)> = EXAMPLE_FIELDS.into_iter().zip(bar).collect();
            builder.row(id, day(session), &values).unwrap();
        }
    }
    let figures = EXAMPLE_FIGURES.map(|(known, end, value)| Fundamental {
        instrument: "A.SIM".parse().unwrap(),
        known_at: day(known),
        period_end: day(end),
        field: "eps".into(),
        value,
    });
    builder.fundamentals(&figures);
    builder.build()
}

#[test]
fn every_example_gives_its_value() {
    let panel = example();
    let mut wrong = Vec::new();
    for entry in ENTRIES {
        let Entry::Operator { name, examples, .. } = entry else { continue };
        assert!(!examples.is_empty(), "{name} has no example");
        for (text, value) in *examples {
            let expression = Expression::parse(text).unwrap_or_else(|e| panic!("{}", e.pointed(text)));
            let columns = compute(&panel, &[expression], 0..EXAMPLE_DAYS.len()).unwrap();
            let found = columns[0].get(0, EXAMPLE_DAYS.len() - 1);
            // Eight digits are written down; a float has seven and a bit.
            if (found - value).abs() > 3e-6 * value.abs() || found.is_nan() {
                wrong.push(format!("{text} is {found}, not {value}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_operator_is_on_the_page_once_and_in_order() {
    let named: Vec<&str> = ENTRIES
        .iter()
        .filter_map(|e| if let Entry::Operator { name, .. } = e { Some(*name) } else { None })
        .collect();
    assert_eq!(named, OPERATORS.iter().map(|o| o.name).collect::<Vec<_>>());
}

#[test]
fn an_example_names_its_operator() {
    for entry in ENTRIES {
        let Entry::Operator { name, examples, .. } = entry else { continue };
        let sign = OPERATORS.iter().find(|o| o.name == *name).and_then(|o| o.sign);
        let sign = if *name == "Neg" { Some("-") } else { sign };
        let uses = |text: &str| text.contains(&format!("{name}(")) || sign.is_some_and(|s| text.contains(s));
        assert!(examples.iter().any(|(text, _)| uses(text)), "{name}");
    }
}

#[test]
fn the_page_in_the_docs_is_the_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(kept == page(), "docs/operators.md is old: renew it with `cargo run --example operators`");
}

#[test]
fn signatures_show_what_may_be_left_out() {
    let of = |name: &str| signature(OPERATORS.iter().find(|o| o.name == name).unwrap());
    assert_eq!(of("Mean"), "Mean(x, N)");
    assert_eq!(of("Add"), "Add(a, b) or a + b");
    assert_eq!(of("TsRegBeta"), "TsRegBeta(y, x, N)");
    assert_eq!(of("CSRank"), "CSRank(x[, group])");
    assert_eq!(of("If"), "If(c, a, b)");
    assert_eq!(of("ChangeInstrument"), "ChangeInstrument('symbol', x)");
}

#[test]
fn the_factor_file_on_the_page_is_read() {
    let toml = OWN_FACTORS.split("```").nth(1).and_then(|block| block.strip_prefix("toml")).unwrap();
    let families = crate::factor::sets::parse_user(toml).unwrap();
    assert_eq!((families[0].name.as_str(), families[0].factors[0].name.as_str()), ("user", "gap"));
}
