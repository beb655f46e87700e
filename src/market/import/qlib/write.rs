//! Writing a Qlib data folder: beside its name, renamed when it is whole.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::{ALL, Listed, folder_of, shown};
use crate::domain::{CleanText, Symbol};
use crate::market::import::ImportError;

/// The features of one instrument to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct QlibSeries {
    /// Instrument.
    pub symbol: Symbol,
    /// Place in the calendar of the first value of every field.
    pub start: usize,
    /// Field and values, NaN for none.
    pub fields: Vec<(&'static str, Vec<f32>)>,
}

/// A folder under construction.
#[derive(Debug)]
pub struct QlibOut {
    target: PathBuf,
    stage: tempfile::TempDir,
    /// Folders written so far, with the symbols they belong to.
    folders: BTreeMap<String, Symbol>,
}

impl QlibOut {
    /// Begins a folder; there must be nothing at its name, or an empty folder.
    pub fn create(target: &Path, calendar: &[NaiveDate]) -> Result<Self, ImportError> {
        let taken = fs::read_dir(target).map(|mut entries| entries.next().is_some());
        match taken {
            Ok(false) => {}
            Ok(true) => return Err(refused(target, "is not empty; name a new folder")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return Err(refused(target, "is there and is no folder; name a new one")),
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(failed(parent))?;
        let stage = tempfile::Builder::new().prefix(".qlib-").tempdir_in(parent).map_err(failed(parent))?;
        let out = Self { target: target.to_path_buf(), stage, folders: BTreeMap::new() };
        let days: Vec<String> = calendar.iter().map(ToString::to_string).collect();
        out.put("calendars", "day.txt", lines(&days).as_bytes())?;
        Ok(out)
    }

    /// Writes one instrument's features.
    pub fn series(&mut self, series: &QlibSeries) -> Result<(), ImportError> {
        let name = series.symbol;
        let no_name =
            || refused(&self.target, &format!("symbol {name} can be no folder; leave it out with --symbols"));
        let folder = folder_of(name).ok_or_else(no_name)?;
        if let Some(other) = self.folders.insert(folder.clone(), name).filter(|other| *other != name) {
            let what = format!("symbols {other} and {name} would share the folder '{folder}'; leave one out");
            return Err(refused(&self.target, &what));
        }
        for (field, values) in &series.fields {
            let head = [series.start as f32];
            let bytes: Vec<u8> = head.iter().chain(values).flat_map(|v| v.to_le_bytes()).collect();
            self.put(&format!("features/{folder}"), &format!("{field}.day.bin"), &bytes)?;
        }
        Ok(())
    }

    /// Writes a list of instruments; `false` when its name can be no file.
    pub fn universe(&self, name: &str, listed: &[Listed]) -> Result<bool, ImportError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return Ok(false);
        }
        let rows: Vec<String> =
            listed.iter().map(|l| format!("{}\t{}\t{}", l.symbol, l.from, l.to)).collect();
        self.put("instruments", &format!("{}.txt", name.to_ascii_lowercase()), lines(&rows).as_bytes())?;
        Ok(true)
    }

    /// Writes the list of all instruments and gives the folder its name.
    pub fn finish(self, all: &[Listed]) -> Result<(), ImportError> {
        self.universe(ALL, all)?;
        // Some systems do not rename onto an empty folder.
        match fs::remove_dir(&self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&self.target)(error)),
        }
        let path = self.stage.keep();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed(&path))?;
        }
        fs::rename(&path, &self.target).map_err(failed(&self.target))
    }

    fn put(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<(), ImportError> {
        let folder = self.stage.path().join(folder);
        fs::create_dir_all(&folder).map_err(failed(&self.target))?;
        fs::write(folder.join(name), bytes).map_err(failed(&self.target))
    }
}

fn lines(rows: &[String]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

fn refused(path: &Path, what: &str) -> ImportError {
    ImportError::Folder { file: shown(path), what: CleanText::new(what).to_string() }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ImportError + use<> {
    let file = shown(path);
    move |source| ImportError::Folder { file, what: format!("cannot be written: {source}") }
}
