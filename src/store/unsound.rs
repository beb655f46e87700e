//! The mark of a home whose trades were found unsound: a file of its own, so that damage to a store cannot take it
//! away. Every process that holds or reads the home sees it from the moment it is there.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::db::{make_private_file, sync_dir};
use super::error::StoreError;
use crate::domain::CleanText;

/// The file in a home.
const UNSOUND_FILE: &str = "trades.unsound";
/// Longest text read from it, in bytes.
const TEXT_BYTES_MAX: u64 = 4_096;

/// Marks a home as unsound; what it says stays until the next mark, also when the power fails.
pub fn mark_unsound(home: &Path, said: &CleanText) -> Result<(), StoreError> {
    let path = home.join(UNSOUND_FILE);
    let mut file = make_private_file(&path)?;
    let written = file.set_len(0).and_then(|()| file.write_all(said.as_str().as_bytes()));
    written.and_then(|()| file.sync_all()).map_err(StoreError::io(&path, "note what is wrong"))?;
    sync_dir(home)
}

/// Takes the mark away, where there is one.
pub fn lift_unsound(home: &Path) -> Result<(), StoreError> {
    let path = home.join(UNSOUND_FILE);
    match fs::remove_file(&path) {
        Ok(()) => sync_dir(home),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io(&path, "take the mark away")(error)),
    }
}

/// What was found wrong; `None` for a home without a mark. A mark that cannot be read is one.
pub fn unsound(home: &Path) -> Option<CleanText> {
    let mut text = Vec::new();
    let read = fs::File::open(home.join(UNSOUND_FILE))
        .and_then(|file| file.take(TEXT_BYTES_MAX).read_to_end(&mut text));
    match read {
        Ok(_) => Some(CleanText::new(&String::from_utf8_lossy(&text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(CleanText::new(&format!("{UNSOUND_FILE} cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_is_wrong_until_it_is_lifted() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(unsound(home.path()), None);
        lift_unsound(home.path()).unwrap();
        mark_unsound(home.path(), &CleanText::new("event 3 was changed")).unwrap();
        mark_unsound(home.path(), &CleanText::new("event 2")).unwrap();
        assert_eq!(unsound(home.path()).unwrap().as_str(), "event 2");
        lift_unsound(home.path()).unwrap();
        assert_eq!(unsound(home.path()), None);
        fs::create_dir(home.path().join(UNSOUND_FILE)).unwrap();
        assert!(unsound(home.path()).is_some(), "what cannot be read is a mark");
    }
}
