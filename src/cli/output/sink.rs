//! Where a command's file goes: standard output, or a file that is written beside and renamed when it is complete.
//!
//! The name says the compression (`.gz`, `.zst`). A sink that is dropped before [`Sink::finish`] leaves nothing.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use crate::cli::errors::Failure;
use crate::domain::CleanText;
use crate::service::refuse_inside_home;

/// Level of zstd files: the library's own default.
const ZSTD_LEVEL: i32 = 3;

type Temporary = BufWriter<NamedTempFile>;

enum Target {
    Stdout(BufWriter<io::StdoutLock<'static>>),
    Plain(Temporary),
    Gzip(GzEncoder<Temporary>),
    Zstd(zstd::Encoder<'static, Temporary>),
}

/// A place to write a whole file to.
pub struct Sink {
    path: PathBuf,
    target: Target,
}

impl Sink {
    /// `-` is standard output; anything else a file.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let target = if path == Path::new("-") {
            Target::Stdout(BufWriter::new(io::stdout().lock()))
        } else {
            let failed = |error: io::Error| cannot_write(path, &error);
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            refuse_inside_home(path).map_err(Failure::of)?;
            let file = BufWriter::new(NamedTempFile::new_in(folder).map_err(failed)?);
            match path.extension().and_then(|e| e.to_str()) {
                Some("gz") => Target::Gzip(GzEncoder::new(file, Compression::default())),
                Some("zst") => Target::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL).map_err(failed)?),
                _ => Target::Plain(file),
            }
        };
        Ok(Self { path: path.to_path_buf(), target })
    }

    /// Completes the file and puts it in its place.
    pub fn finish(self) -> Result<(), Failure> {
        let failed = |error: io::Error| cannot_write(&self.path, &error);
        let file = match self.target {
            Target::Stdout(mut out) => return Ok(out.flush()?),
            Target::Plain(file) => file,
            Target::Gzip(encoder) => encoder.finish().map_err(failed)?,
            Target::Zstd(encoder) => encoder.finish().map_err(failed)?,
        };
        let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.path).map_err(|e| failed(e.error))?;
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Stdout(out) => out.write(bytes),
            Target::Plain(file) => file.write(bytes),
            Target::Gzip(encoder) => encoder.write(bytes),
            Target::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Stdout(out) => out.flush(),
            Target::Plain(file) => file.flush(),
            Target::Gzip(encoder) => encoder.flush(),
            Target::Zstd(encoder) => encoder.flush(),
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let name = CleanText::new(&path.to_string_lossy());
    Failure::failed(format!("cannot write '{name}': {error}; check the folder, its permissions and the disk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut sink = Sink::create(&path).unwrap();
        sink.write_all(b"half").unwrap();
        drop(sink);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut sink = Sink::create(&path).unwrap();
        sink.write_all(b"whole\n").unwrap();
        sink.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole\n");
    }

    #[test]
    fn a_file_of_a_home_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.db");
        std::fs::write(&path, b"people").unwrap();
        for name in ["users.db", "settings.toml", "new.csv"] {
            let Err(error) = Sink::create(&folder.path().join(name)) else { panic!("{name} was taken") };
            assert!(format!("{error:?}").contains("among the files of a home"), "{error:?}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"people");
    }

    #[test]
    fn the_name_says_the_compression() {
        let folder = tempfile::tempdir().unwrap();
        for (name, magic) in [("a.csv.gz", [0x1f, 0x8b]), ("a.csv.zst", [0x28, 0xb5])] {
            let path = folder.path().join(name);
            let mut sink = Sink::create(&path).unwrap();
            sink.write_all(b"x").unwrap();
            sink.finish().unwrap();
            assert_eq!(std::fs::read(&path).unwrap()[..2], magic);
        }
    }
}
