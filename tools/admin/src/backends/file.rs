//! A file with keys.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::value::{BackendError, SetKind, StoredValue, unique};

pub(super) struct FileBackend {
    path: PathBuf,
    /// The bytes that were read. `None`: the file did not exist.
    bytes: Option<Vec<u8>>,
}

impl FileBackend {
    pub(super) fn read(path: &Path) -> Result<(StoredValue, Self), BackendError> {
        let path = resolve(path).map_err(BackendError::unreadable)?;
        let bytes = read_bytes(&path).map_err(BackendError::unreadable)?;
        let value = match bytes.clone().map(String::from_utf8) {
            None => StoredValue::Missing,
            Some(Err(_)) => StoredValue::Binary,
            Some(Ok(text)) => StoredValue::Text(text.into()),
        };
        Ok((value, Self { path, bytes }))
    }

    pub(super) fn replace(&self, text: &str, kind: SetKind) -> Result<(), BackendError> {
        let new = TemporaryFile::beside(&self.path);
        new.write(text, kind).map_err(BackendError::unwritten)?;
        // Writers compare one after another. The lock is on the directory, because the file itself is replaced. Some
        // file systems have no locks; the comparison alone still detects most conflicts there.
        let directory = self.path.parent().and_then(|directory| File::open(directory).ok());
        let _ = directory.as_ref().map(File::lock);
        if read_bytes(&self.path).map_err(BackendError::unwritten)? != self.bytes {
            return Err(BackendError::changed());
        }
        new.rename(&self.path).map_err(BackendError::unwritten)
    }
}

/// Reads a file. `None` if it does not exist. Devices and pipes are refused: a read could block, and the rename would
/// replace them with a file.
fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => fs::read(path).map(Some),
        Ok(_) => Err(io::Error::other("not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A new private file, which replaces an existing one when it is complete. A device or a pipe is written to directly.
pub(crate) struct NewFile {
    /// Absent for a device or a pipe.
    temporary: Option<TemporaryFile>,
    path: PathBuf,
}

impl NewFile {
    /// Also returns the file to write to.
    pub(crate) fn create(path: &Path) -> io::Result<(Self, File)> {
        let path = resolve(path)?;
        match fs::metadata(&path) {
            Ok(file) if !file.is_file() => {
                let file = OpenOptions::new().write(true).open(&path)?;
                return Ok((Self { temporary: None, path }, file));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let temporary = TemporaryFile::beside(&path);
        let file = temporary.create(SetKind::Private)?;
        Ok((Self { temporary: Some(temporary), path }, file))
    }

    /// The path, without symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file gets its name only at the end.
    pub(crate) fn is_replaced(&self) -> bool {
        self.temporary.is_some()
    }

    /// Gives the file its name, after [`sync`].
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.temporary.as_ref().map_or(Ok(()), |temporary| temporary.rename(&self.path))
    }
}

/// Waits until a file is on the disk, because some file systems report a full disk only then. Pipes and devices cannot
/// be synchronized.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    if file.metadata()?.is_file() { file.sync_all() } else { Ok(()) }
}

/// A temporary file. Removed on drop unless it was renamed.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    /// In the same directory as `path`, and so on the same file system.
    fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self(path.with_file_name(format!(".{name}.{}.tmp", unique())))
    }

    /// Creates the file, which only the owner can read if it is private.
    fn create(&self, kind: SetKind) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if kind == SetKind::Private {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        options.open(&self.0)
    }

    fn write(&self, text: &str, kind: SetKind) -> io::Result<()> {
        let mut file = self.create(kind)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// Gives the file its final name.
    fn rename(&self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)?;
        // Some file systems cannot sync a directory. The file is already renamed, so this is best effort.
        let _ = path.parent().and_then(|directory| File::open(directory).ok()).map(|directory| directory.sync_all());
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Fails after the rename, or if the file could not be created.
        let _ = fs::remove_file(&self.0);
    }
}

/// Whether two paths lead to the same file, which need not exist.
pub(crate) fn is_same_path(one: &Path, other: &Path) -> bool {
    match (resolve(one), resolve(other)) {
        (Ok(one), Ok(other)) => one == other,
        // Links in a circle, which cannot be opened.
        _ => one == other,
    }
}

/// Most symbolic links of a path, as on Linux.
const MAX_LINKS: usize = 40;

/// Follows symbolic links, so that a write replaces the target and not the link. Also works for a file that does not
/// exist yet, and for links to it. Links in a circle are an error.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    // Without a slash at the end, which would hide that the last part is a link.
    let mut path: PathBuf = path.components().collect();
    for _ in 0..MAX_LINKS {
        if let Ok(found) = path.canonicalize() {
            return Ok(found);
        }
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(".".as_ref());
        let Ok(target) = path.read_link() else {
            let found = directory.canonicalize().ok().zip(path.file_name());
            return Ok(found.map_or_else(|| path.clone(), |(directory, name)| directory.join(name)));
        };
        path = directory.join(target).components().collect();
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_to_missing_files_are_followed_and_circles_are_an_error() {
        let folder = std::env::temp_dir().join(format!("postern-resolve-{}", std::process::id()));
        fs::create_dir_all(folder.join("directory")).unwrap();
        let folder = folder.canonicalize().unwrap();
        let path = |name: &str| folder.join(name);
        for (target, link) in [
            ("new", "link"),
            ("./link", "second"),
            ("directory", "to-directory"),
            ("to-directory/new", "inside"),
            ("../new", "directory/up"),
            ("new/", "slash"),
            ("missing/new", "nowhere"),
            ("b", "a"),
            ("a", "b"),
            ("self", "self"),
        ] {
            symlink(target, path(link)).unwrap();
        }
        symlink(path("new"), path("absolute")).unwrap();
        for name in ["new", "link", "link/", "second", "./second/", "absolute", "directory/up", "slash"] {
            assert_eq!(resolve(&path(name)).unwrap(), path("new"), "{name}");
        }
        for name in ["inside", "inside/", "to-directory/new"] {
            assert_eq!(resolve(&path(name)).unwrap(), path("directory/new"), "{name}");
        }
        for name in ["nowhere", "missing/new"] {
            assert_eq!(resolve(&path(name)).unwrap(), path("missing/new"), "{name}");
        }
        for name in ["a", "b", "self", "self/"] {
            assert!(resolve(&path(name)).unwrap_err().to_string().contains("symbolic links"), "{name}");
        }
        // A new file is written to the target.
        let (new, _) = NewFile::create(&path("link/")).unwrap();
        new.finish().unwrap();
        assert!(path("link").is_symlink() && path("new").is_file());
        assert_eq!(resolve(&path("slash/")).unwrap(), path("new"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
