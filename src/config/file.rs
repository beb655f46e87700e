//! Reading and writing `settings.toml`. Writing keeps comments and order, and replaces the file as a whole.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, DocumentMut, Item, TableLike, Value};

use super::registry::{Kind, SETTINGS, find};
use super::settings::Settings;
use super::{ConfigError, vendors};
use crate::domain::CleanText;

/// Largest settings file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One thing that is wrong in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub what: CleanText,
}

/// Problems as `file:line: what`, one a line.
pub(super) fn listing(path: &Path, problems: &[Problem]) -> String {
    let path = CleanText::new(&path.to_string_lossy());
    let lines: Vec<String> = problems.iter().map(|p| format!("{path}:{}: {}", p.line, p.what)).collect();
    lines.join("\n")
}

/// Reads a settings file; a missing one means the defaults. Addresses in variables must be allowed, too.
pub fn load(path: &Path) -> Result<Settings, ConfigError> {
    vendors::check_addresses()?;
    let Some(text) = read(path)? else {
        return Ok(Settings::default());
    };
    parse(&text).map_err(|problems| ConfigError::Problems { path: path.to_path_buf(), problems })
}

pub(super) fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let io = |source| ConfigError::Io { path: path.to_path_buf(), doing: "read it", source };
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
        Ok(facts) if facts.len() > FILE_BYTES_MAX => {
            return Err(io(std::io::Error::other("it is larger than 1 MiB")));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path).map(Some).map_err(io)
}

/// Settings from the text of a file, or everything that is wrong with it.
pub fn parse(text: &str) -> Result<Settings, Vec<Problem>> {
    let document = Document::parse(text).map_err(|error| {
        let line = line_of(text, error.span());
        let what = format!("is no TOML: {}; correct the line", error.message());
        vec![Problem { line, what: CleanText::new(&what) }]
    })?;
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    walk(text, "", document.as_table(), &mut settings, &mut problems);
    if problems.is_empty() {
        return Ok(settings);
    }
    problems.sort_by_key(|p| p.line);
    Err(problems)
}

pub(super) fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let upto = span.map_or(0, |s| s.start);
    1 + text.bytes().take(upto).filter(|b| *b == b'\n').count()
}

fn walk(
    text: &str,
    prefix: &str,
    table: &dyn TableLike,
    settings: &mut Settings,
    problems: &mut Vec<Problem>,
) {
    for (name, item) in table.iter() {
        let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
        let line = line_of(text, span);
        let mut problem = |what: String| problems.push(Problem { line, what: CleanText::new(&what) });
        match (find(&key), item) {
            (Some(setting), Item::Value(value)) => match scalar(value) {
                Some(given) => {
                    if let Err(what) = setting.apply(settings, &given) {
                        problem(format!("{key}: {what}"));
                    }
                }
                None => problem(format!("{key}: give {}", setting.kind.expected())),
            },
            (Some(setting), Item::None | Item::Table(_) | Item::ArrayOfTables(_)) => {
                problem(format!("{key}: give {}", setting.kind.expected()));
            }
            (None, _) => match item.as_table_like() {
                Some(inner) if SETTINGS.iter().any(|s| s.key.starts_with(&format!("{key}."))) => {
                    walk(text, &key, inner, settings, problems);
                }
                Some(_) | None => problem(format!("{key}: there is no such setting; {}", nearest(&key))),
            },
        }
    }
}

/// The text of a plain value, exactly as it was written.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.display_repr().trim().to_owned()),
        Value::Float(number) => Some(number.display_repr().trim().to_owned()),
        Value::Boolean(flag) => Some(flag.value().to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => None,
    }
}

fn nearest(key: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    let close = SETTINGS.iter().find(|s| s.key.ends_with(last) || s.key.starts_with(key));
    match close {
        Some(setting) => format!("did you mean {}?", setting.key),
        None => "remove the line".to_owned(),
    }
}

/// Sets one key in the file, keeping comments and order, and returns the settings that hold from now on.
pub fn set(path: &Path, key: &str, value: &str) -> Result<Settings, ConfigError> {
    let setting = find(key).ok_or_else(|| ConfigError::Unknown(CleanText::new(key)))?;
    let mut settings = load(path)?;
    setting.apply(&mut settings, value).map_err(|what| ConfigError::BadValue { key: setting.key, what })?;
    let text = read(path)?.unwrap_or_default();
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let what = CleanText::new(error.message());
        let problems = vec![Problem { line: line_of(&text, error.span()), what }];
        ConfigError::Problems { path: path.to_path_buf(), problems }
    })?;
    write_key(document.as_table_mut(), setting.key, typed(setting.kind, value));
    replace(path, &document.to_string())?;
    Ok(settings)
}

fn typed(kind: Kind, value: &str) -> Value {
    match kind {
        Kind::Bool => Value::from(value == "true"),
        Kind::Integer { .. } => value.parse::<i64>().map_or_else(|_| Value::from(value), Value::from),
        Kind::Decimal
        | Kind::Choice(_)
        | Kind::Name
        | Kind::Address(_)
        | Kind::File
        | Kind::Vendors
        | Kind::VendorsOfKind
        | Kind::SyncKinds
        | Kind::FeeTiers => Value::from(value),
    }
}

fn write_key(table: &mut dyn TableLike, key: &str, mut value: Value) {
    let (name, rest) = key.split_once('.').map_or((key, None), |(name, rest)| (name, Some(rest)));
    let item = table.entry(name).or_insert(if rest.is_some() { toml_edit::table() } else { Item::None });
    match rest {
        Some(rest) => {
            if let Some(inner) = item.as_table_like_mut() {
                write_key(inner, rest, value);
            }
        }
        None => {
            // The decor of a value is the blanks and the comment beside it.
            if let Some(old) = item.as_value() {
                *value.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(value);
        }
    }
}

pub(super) fn replace(path: &Path, text: &str) -> Result<(), ConfigError> {
    let io = |source| ConfigError::Io { path: path.to_path_buf(), doing: "write it", source };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(io)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|e| io(e.error)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vendor::{DataKind, VendorId};
    use crate::domain::{Price, Ratio};

    #[test]
    fn a_file_sets_what_it_names_and_leaves_the_rest() {
        let text =
            "ascii = true\ncolors = \"red_up\"\n[paper]\nfee_per_share = 0.0035\nslippage_bps = \"2.5\"\n";
        let settings = parse(text).unwrap();
        assert!(settings.ascii);
        assert_eq!(settings.venue.fee.per_share, "0.0035".parse::<Price>().unwrap());
        assert_eq!(settings.venue.slippage, "0.00025".parse::<Ratio>().unwrap());
        assert_eq!(settings.idle_lock_minutes, 15);
    }

    #[test]
    fn every_problem_is_told_with_its_line() {
        let text =
            "theme = \"dark\"\nidle_lock_minutes = 0\nthem = 1\n[paper]\nparticipation = \"1.5\"\nfee = 1\n";
        let problems = parse(text).unwrap_err();
        let lines: Vec<usize> = problems.iter().map(|p| p.line).collect();
        assert_eq!(lines, [2, 3, 5, 6]);
        let shown = listing(Path::new("/h/settings.toml"), &problems);
        assert!(
            shown.starts_with("/h/settings.toml:2: idle_lock_minutes: '0' will not do; give a whole number")
        );
    }

    #[test]
    fn an_address_that_is_not_the_vendors_is_told_with_its_line_and_key() {
        let text = "[vendors.yahoo]\nurl = \"http://127.0.0.1.evil.invalid/\"\n[vendors.alpaca]\n\
                    url = \"https://api.alpaca.markets\"\n[live]\nurl = \"https://me:pw@evil.invalid\"\n";
        let problems = parse(text).unwrap_err();
        let shown = listing(Path::new("s.toml"), &problems);
        let lines: Vec<&str> = shown.lines().collect();
        let begins = [
            "s.toml:2: vendors.yahoo.url: the",
            "s.toml:4: vendors.alpaca.url: the",
            "s.toml:6: live.url: the",
        ];
        for (line, begin) in lines.iter().zip(begins) {
            assert!(line.starts_with(begin) && line.contains("is not allowed; give https://"), "{line}");
        }
        assert!(lines.len() == 3 && !shown.contains("pw"), "{shown}");
        let own =
            "[vendors.yahoo]\nurl = \"http://127.0.0.1:9\"\n[live]\nurl = \"https://delayed.massive.com\"\n";
        assert_eq!(parse(own).unwrap().vendors.yahoo.url, "http://127.0.0.1:9");
    }

    #[test]
    fn a_kind_of_data_has_an_order_of_vendors_beside_the_general_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("settings.toml");
        set(&path, "sync.vendors", "yahoo,polygon").unwrap();
        let order = set(&path, "sync.vendors_for.news", "asx,yahoo").unwrap().sync_vendors;
        assert_eq!(order.of(DataKind::News), [VendorId::Asx, VendorId::Yahoo]);
        assert_eq!(order.of(DataKind::Daily), [VendorId::Yahoo, VendorId::Polygon]);
        let twice = set(&path, "sync.vendors_for.news", "asx,asx").unwrap_err().to_string();
        assert!(
            twice.starts_with("setting sync.vendors_for.news: 'asx,asx' will not do; give names"),
            "{twice}"
        );
        let order = set(&path, "sync.vendors_for.news", "").unwrap().sync_vendors;
        assert_eq!(order.of(DataKind::News), order.general);
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let problems = parse("ascii = true\ntheme = \n").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 2);
    }

    #[test]
    fn setting_a_key_keeps_comments_and_other_lines() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("settings.toml");
        fs::write(&path, "# mine\nascii = false # for the old terminal\n\n[paper]\nfee_min = \"2\"\n")
            .unwrap();
        assert!(set(&path, "ascii", "true").unwrap().ascii);
        set(&path, "simulation.speed", "5").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("# mine\nascii = true # for the old terminal\n\n[paper]\nfee_min = \"2\"\n"),
            "{text}"
        );
        assert_eq!(load(&path).unwrap().simulation_speed, 5);
    }

    #[test]
    fn a_refused_value_leaves_the_file_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("settings.toml");
        assert!(matches!(set(&path, "colors", "pink"), Err(ConfigError::BadValue { key: "colors", .. })));
        assert!(matches!(set(&path, "colour", "pink"), Err(ConfigError::Unknown(_))));
        assert!(!path.exists());
        assert_eq!(load(&path).unwrap(), Settings::default());
    }

    #[test]
    fn every_default_in_the_table_is_a_value_the_table_takes() {
        for setting in SETTINGS {
            let mut settings = Settings::default();
            setting.apply(&mut settings, &setting.default_value()).unwrap();
            assert_eq!(settings, Settings::default(), "{}", setting.key);
        }
    }
}
