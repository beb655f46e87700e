//! Whether a home can be written and has room: tried with a file of its own, which is gone again afterwards.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, Write};
use std::path::Path;

use super::StoreError;

/// How much room a home should have at least, in chunks.
const CHUNKS: usize = 16;
/// Size of a chunk, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// Writes and takes away a file in the home; how many bytes there was room for.
pub fn room(home: &Path) -> Result<usize, StoreError> {
    let path = home.join(format!(".room-{}", std::process::id()));
    let failed =
        |source| StoreError::Io { path: home.to_path_buf(), doing: "write 16 MiB to try it", source };
    let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    let written = fill(file);
    let removed = remove_file(&path);
    written.and(removed).map_err(failed)?;
    Ok(CHUNKS * CHUNK_BYTES)
}

fn fill(mut file: File) -> io::Result<()> {
    let chunk = vec![0x5a_u8; CHUNK_BYTES];
    for _ in 0..CHUNKS {
        file.write_all(&chunk)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_tried_and_nothing_stays_behind() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(room(home.path()).unwrap(), 16 << 20);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
        let gone = home.path().join("not there");
        let said = room(&gone).unwrap_err().to_string();
        assert!(said.contains("not there") && said.contains("free space"), "{said}");
    }
}
