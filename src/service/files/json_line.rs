//! A line of JSON that a person or a script wrote, and what is said where it cannot be read: the field at fault, what is
//! wrong with it, and how to write it. Names of our own types are never said.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::domain::CleanText;

/// Keys that say what a line is; the other fields mean nothing without them.
const TAGS: [&str; 2] = ["do", "market"];
/// What the parser says of kinds of values, and what is said instead.
const KINDS: [(&str, &str); 7] = [
    ("expected u32", "expected a whole number from 0 to 4294967295"),
    ("expected u64", "expected a whole number of zero or more"),
    ("expected a formatted date string", "expected a day such as \"2026-01-31\""),
    ("expected a sequence", "expected a list"),
    ("type: map", "type: object"),
    ("type: sequence", "type: list"),
    ("unknown variant", "unknown word"),
];

/// A value that is written as one word in quotes. By itself serde reads a word from `{"buy": null}` as well.
#[derive(Debug, Default)]
pub struct Word<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(AsWord(PhantomData)).map(Self)
    }
}

struct AsWord<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AsWord<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        T::deserialize(StrDeserializer::new(word))
    }
}

/// A value that is written as an object with named fields. By itself serde reads one from a list as well, by place.
#[derive(Debug)]
pub struct Table<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(AsTable(PhantomData)).map(Self)
    }
}

struct AsTable<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AsTable<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// The text of a line of a file without the mark of UTF-8 that some editors put before the first one.
pub fn without_mark(text: &str, line: usize) -> &str {
    text.strip_prefix('\u{feff}').filter(|_| line == 1).unwrap_or(text)
}

/// Reads a line; the error names the field, what is wrong and what to write, without file and line.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if !text.trim_start().starts_with('{') {
        return Err("is not a JSON object".to_owned());
    }
    let reason = |error: serde_json::Error| {
        let error = error.to_string();
        let (why, column) = error.split_once(" at line 1 column ").unwrap_or((&error, "1"));
        let Ok(line) = serde_json::from_str::<Value>(text) else {
            return format!("is not JSON: {why} at column {column}; write one object a line");
        };
        // The values once more, since a few are worded differently there.
        let why = serde_json::from_value::<T>(line.clone()).err().map_or(why.to_owned(), |e| e.to_string());
        said(&why, &line, &|part| serde_json::from_value::<T>(part).is_err_and(|e| e.to_string() == why))
    };
    serde_json::from_str(text).map_err(|error| CleanText::new(&reason(error)).as_str().to_owned())
}

fn said(why: &str, line: &Value, fails: &dyn Fn(Value) -> bool) -> String {
    if why.starts_with("missing field") {
        return format!("{why}; add it");
    }
    if why.starts_with("unknown field") || why.starts_with("duplicate field") {
        return format!("{why}; correct its name or take it out");
    }
    let mut path = String::new();
    let value = at_fault(line, fails, &mut path);
    let is_date = ["input ", "premature end", "trailing input"].iter().any(|start| why.starts_with(start));
    let mut what = KINDS.iter().fold(why.to_owned(), |text, (from, to)| text.replace(from, to));
    let remedy = match value {
        Value::String(text) if is_date => {
            what = format!("'{}' is no date", text.escape_default());
            "; write it as \"2026-01-31\""
        }
        Value::Number(_) if ["a string", "a text"].iter().any(|end| what.ends_with(end)) => {
            "; write it in quotes"
        }
        _ if what.ends_with("an object") => "; write its fields by name within { }",
        _ if what.ends_with("a list") => "; write its items within [ ]",
        _ if what.contains("digits behind the point") => "; round it",
        _ if what.contains("plain decimal") => "; write it as \"12.50\"",
        _ => "",
    };
    format!("field '{}': {what}{remedy}", path.trim_start_matches('.'))
}

/// The innermost value that fails in the same way when the line has nothing else, and the names on the way to it. What
/// fails so whatever is in it is at fault itself.
fn at_fault<'a>(value: &'a Value, fails: &dyn Fn(Value) -> bool, path: &mut String) -> &'a Value {
    match value {
        Value::Object(_) if fails(Value::Object(Map::new())) => value,
        Value::Object(fields) => {
            let tags: Map<String, Value> = fields
                .iter()
                .filter(|(key, _)| is_tag(key))
                .map(|(key, tag)| (key.clone(), tag.clone()))
                .collect();
            let (first, rest): (Vec<_>, Vec<_>) = fields.iter().partition(|(key, _)| is_tag(key));
            for (key, field) in first.into_iter().chain(rest) {
                let alone = |part: Value| {
                    let mut only = tags.clone();
                    only.insert(key.clone(), part);
                    fails(Value::Object(only))
                };
                if alone(field.clone()) {
                    path.push_str(&format!(".{}", key.escape_default()));
                    return at_fault(field, &alone, path);
                }
            }
            value
        }
        Value::Array(_) if fails(Value::Array(Vec::new())) => value,
        Value::Array(items) => {
            let alone = |part: Value| fails(Value::Array(vec![part]));
            let Some((at, item)) = items.iter().enumerate().find(|(_, item)| alone((*item).clone())) else {
                return value;
            };
            path.push_str(&format!("[{at}]"));
            at_fault(item, &alone, path)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn is_tag(key: &str) -> bool {
    TAGS.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Price, Side};

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "what is read is not looked at")]
    struct Line {
        #[serde(rename = "do")]
        what: String,
        side: Option<Word<Side>>,
        first: Option<Price>,
        second: Option<Price>,
        day: Option<chrono::NaiveDate>,
        count: Option<u32>,
        parts: Option<Vec<Table<Part>>>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code, reason = "what is read is not looked at")]
    struct Part {
        from: Price,
    }

    #[test]
    fn a_line_that_cannot_be_read_names_its_field_and_how_to_write_it() {
        for (text, said) in [
            (
                r#"{"do":"x","second":"NaN"}"#,
                r#"field 'second': 'NaN' is not a plain decimal number; write it as "12.50""#,
            ),
            (
                r#"{"do":"x","first":"1e9","second":"1e9"}"#,
                r#"field 'first': '1e9' is not a plain decimal number; write it as "12.50""#,
            ),
            (
                r#"{"do":"x","first":1.5}"#,
                "field 'first': invalid type: floating point `1.5`, expected a text; write it in quotes",
            ),
            (
                r#"{"do":"x","day":"2026-02-30"}"#,
                r#"field 'day': '2026-02-30' is no date; write it as "2026-01-31""#,
            ),
            (
                r#"{"do":"x","count":-1}"#,
                "field 'count': invalid value: integer `-1`, expected a whole number from 0 to 4294967295",
            ),
            (r#"{"do":"x","side":{}}"#, "field 'side': invalid type: object, expected a string"),
            (
                r#"{"do":"x","day":[]}"#,
                "field 'day': invalid type: list, expected a day such as \"2026-01-31\"",
            ),
            (r#"{"do":"x","side":{"buy":null}}"#, "field 'side': invalid type: object, expected a string"),
            (r#"{"do":"x","side":["buy"]}"#, "field 'side': invalid type: list, expected a string"),
            (
                r#"{"do":"x","parts":{}}"#,
                "field 'parts': invalid type: object, expected a list; write its items within [ ]",
            ),
            (
                r#"{"do":"x","parts":[["1"]]}"#,
                "field 'parts[0]': invalid type: list, expected an object; write its fields by name within { }",
            ),
            (r#"["x"]"#, "is not a JSON object"),
            (r#"{"do":"x","side":"up"}"#, "field 'side': unknown word `up`, expected `buy` or `sell`"),
            (
                r#"{"do":"x","parts":[{"from":"1"},{"from":"a"}]}"#,
                r#"field 'parts[1].from': 'a' is not a plain decimal number; write it as "12.50""#,
            ),
            (
                r#"{"do":"x","parts":["a"]}"#,
                "field 'parts[0]': invalid type: string \"a\", expected an object; write its fields by name within { }",
            ),
            (
                r#"{"count":1,"do":5}"#,
                "field 'do': invalid type: integer `5`, expected a string; write it in quotes",
            ),
            (r#"{"count":1}"#, "missing field `do`; add it"),
            (r#"{"do":"x","do":"y"}"#, "duplicate field `do`; correct its name or take it out"),
            (r#"{"do":"x""#, "is not JSON: EOF while parsing an object at column 9; write one object a line"),
        ] {
            assert_eq!(read::<Line>(text).unwrap_err(), said, "{text}");
        }
        assert!(
            read::<Line>(r#"{"do":"x","no":1}"#)
                .unwrap_err()
                .starts_with("unknown field `no`, expected one of")
        );
    }

    #[test]
    fn only_the_first_line_may_begin_with_a_mark() {
        assert_eq!(without_mark("\u{feff}{}", 1), "{}");
        assert_eq!(without_mark("\u{feff}{}", 2), "\u{feff}{}");
    }
}
