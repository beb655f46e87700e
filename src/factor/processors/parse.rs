//! Reads steps: `Name(argument, key=value);Name`, Python's spelling of values included.

use chrono::NaiveDate;

use super::{Change, Fields, STEPS_MAX, Step, StepError};

impl Step {
    /// Reads all steps of a text.
    pub fn parse_all(text: &str) -> Result<Vec<Step>, StepError> {
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        let steps: Vec<Step> = parts.map(parse).collect::<Result<_, _>>()?;
        if steps.len() > STEPS_MAX { Err(StepError::TooMany) } else { Ok(steps) }
    }
}

fn parse(text: &str) -> Result<Step, StepError> {
    read(text).ok_or_else(|| StepError::Unknown(text.escape_default().to_string()))
}

/// `None` when a name, an argument or a value is not known.
fn read(text: &str) -> Option<Step> {
    let (name, inside) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')')?),
        None => (text, ""),
    };
    let mut given = Arguments::split(inside)?;
    let fields = match given.take("fields_group").as_deref() {
        None | Some("None") => None,
        Some("feature") => Some(Fields::Features),
        Some("label") => Some(Fields::Labels),
        Some(_) => return None,
    };
    let change = |change| Some(Step::Change(change, fields.unwrap_or_default()));
    let step = match name {
        "CSZScoreNorm" => {
            let robust = given.flag("robust", false)?;
            let method = given.take("method").map_or(Some(robust), |method| match method.as_str() {
                "zscore" => Some(false),
                "robust" => Some(true),
                _ => None,
            });
            change(Change::CrossZScore { robust: method? })
        }
        "CSRankNorm" => change(Change::CrossRank),
        "CSZFillna" => change(Change::CrossFill),
        "Fillna" => {
            let value = given.take("fill_value").or_else(|| given.first());
            // Values are in single precision.
            let finite = |v: String| v.parse().ok().filter(|v: &f64| (*v as f32).is_finite());
            change(Change::Fill(value.map_or(Some(0.0), finite)?))
        }
        "ZScoreNorm" => change(Change::ZScore),
        "RobustZScoreNorm" => change(Change::RobustZScore { clip: given.flag("clip_outlier", true)? }),
        "MinMaxNorm" => change(Change::MinMax),
        "ProcessInf" => change(Change::FillInfinite),
        "TanhProcess" => Some(Step::Change(Change::Tanh, fields.unwrap_or(Fields::Features))),
        "DropnaProcessor" => Some(Step::DropMissing(fields.unwrap_or_default())),
        "DropnaLabel" => Some(Step::DropMissing(fields.unwrap_or(Fields::Labels))),
        "DropCol" => Some(Step::DropColumns(given.list())),
        "FilterCol" => Some(Step::KeepColumns(fields.unwrap_or(Fields::Features), given.list())),
        "TimeRangeFlt" => {
            Some(Step::Reaching { from: given.date("start_time")?, to: given.date("end_time")? })
        }
        "HashStockFormat" => Some(Step::Storage),
        _ => None,
    };
    step.filter(|_| given.0.is_empty())
}

/// What stands between the brackets: (key, value), the key empty for a bare value. What is taken is gone, so that
/// something left over is seen.
struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Splits at the commas outside of square brackets.
    fn split(text: &str) -> Option<Self> {
        let mut parts = vec![String::new()];
        let mut depth = 0_i32;
        for c in text.chars() {
            depth += i32::from(c == '[') - i32::from(c == ']');
            match c {
                ',' if depth == 0 => parts.push(String::new()),
                _ => parts.last_mut()?.push(c),
            }
        }
        let pair = |part: &String| match part.split_once('=') {
            Some((key, value)) => (key.trim().to_string(), bare(value)),
            None => (String::new(), bare(part)),
        };
        let given = parts.iter().filter(|part| !part.trim().is_empty());
        (depth == 0).then(|| Self(given.map(pair).collect()))
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(at).1)
    }

    fn first(&mut self) -> Option<String> {
        self.take("")
    }

    fn flag(&mut self, key: &str, default: bool) -> Option<bool> {
        match self.take(key).as_deref() {
            None => Some(default),
            Some("true" | "True") => Some(true),
            Some("false" | "False") => Some(false),
            Some(_) => None,
        }
    }

    fn date(&mut self, key: &str) -> Option<Option<NaiveDate>> {
        match self.take(key).or_else(|| self.first()) {
            None => Some(None),
            Some(text) if text == "None" => Some(None),
            Some(text) => NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().map(Some),
        }
    }

    /// `A, B`, `[A, B]` or `col_list=[A, B]`.
    fn list(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(text) = self.take("col_list").or_else(|| self.first()) {
            let inside = text.trim_start_matches('[').trim_end_matches(']');
            names.extend(inside.split(',').map(bare).filter(|name| !name.is_empty()));
        }
        names
    }
}

/// Without blanks and quotes around it.
fn bare(text: &str) -> String {
    text.trim().trim_matches(['\'', '"']).to_string()
}
