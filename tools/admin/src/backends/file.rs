//! A file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{Contents, Privacy, Problem, resolved};

pub(super) struct KeptFile {
    path: PathBuf,
    /// `None`: it was not there.
    octets: Option<Vec<u8>>,
}

impl KeptFile {
    pub(super) fn read(path: &Path) -> Result<(Contents, Self), Problem> {
        let path = resolved(path);
        let octets = octets(&path).map_err(Problem::unreadable)?;
        let contents = match octets.clone().map(String::from_utf8) {
            None => Contents::Nothing,
            Some(Err(_)) => Contents::NoText,
            Some(Ok(text)) => Contents::Text(text.into()),
        };
        Ok((contents, Self { path, octets }))
    }

    pub(super) fn replace(&self, text: &str, privacy: Privacy) -> Result<(), Problem> {
        let new = Temporary::beside(&self.path);
        new.write(text, privacy).map_err(Problem::unwritten)?;
        // Of two at once, the second one compares when the first one is done. The directory is locked, since the file itself is about
        // to be another one. Not every file system has such locks, and the comparison is better than nothing.
        let directory = self.path.parent().and_then(|directory| File::open(directory).ok());
        let _ = directory.as_ref().map(File::lock);
        if octets(&self.path).map_err(Problem::unwritten)? != self.octets {
            return Err(Problem::changed());
        }
        fs::rename(&new.0, &self.path).map_err(Problem::unwritten)?;
        // Not every file system does this for a directory, and the file is in its place already.
        let _ = directory.as_ref().map(File::sync_all);
        Ok(())
    }
}

/// What a file holds, or `None` if it is not there. A device or a pipe is no place for keys: reading would wait, and renaming would
/// put a file in its stead.
fn octets(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => fs::read(path).map(Some),
        Ok(_) => Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file that goes when it was not renamed.
struct Temporary(PathBuf);

impl Temporary {
    /// In the same directory, hence in the same file system.
    fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self(path.with_file_name(format!(".{name}.{}.tmp", Uuid::new_v4())))
    }

    fn write(&self, text: &str, privacy: Privacy) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if privacy == Privacy::Private {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(&self.0)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the renaming, or where it could not be made, there is nothing of this name.
        let _ = fs::remove_file(&self.0);
    }
}
