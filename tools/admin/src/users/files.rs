//! The files of a command, which must not be each other.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
};

use tokio::sync::oneshot;

use crate::{backends::is_same_path, failure::Failure};

/// Checks that no two of these are the same file, under any name. Before anything is opened: a log that is added to a
/// database damages it, and an output that replaces the source destroys it.
pub(super) fn check_distinct(files: &[(&str, Option<&Path>)]) -> Result<(), Failure> {
    let given: Vec<_> = files.iter().filter_map(|(name, path)| Some((*name, (*path)?))).collect();
    for (index, (name, path)) in given.iter().enumerate() {
        if let Some((other, _)) = given[..index].iter().find(|(_, earlier)| is_same(earlier, path)) {
            return Err(Failure::Usage(format!("{name} must be another file than {other}")));
        }
    }
    Ok(())
}

/// A path with another ending, as SQLite names the files beside a database.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Opens a file to write to. A pipe is opened on a thread of its own, because the call waits for the reader, and a
/// signal must end the command even then.
pub(super) async fn open<T: Send + 'static>(path: &Path, open: fn(&Path) -> io::Result<T>) -> io::Result<T> {
    if !fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        return open(path);
    }
    let (sender, opened) = oneshot::channel();
    let path = path.to_owned();
    thread::Builder::new().spawn(move || sender.send(open(&path)))?;
    opened.await.unwrap_or_else(|_| Err(io::Error::other("the thread that opens it has stopped")))
}

fn is_same(one: &Path, other: &Path) -> bool {
    // A terminal or /dev/null may be used for several purposes.
    let is_device = |path: &Path| {
        use std::os::unix::fs::FileTypeExt as _;
        fs::metadata(path).is_ok_and(|file| file.file_type().is_char_device())
    };
    let inode = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let is_linked = inode(one).is_some_and(|inode_of_one| Some(inode_of_one) == inode(other));
    (is_same_path(one, other) || is_linked) && !is_device(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_under_another_name_is_found() {
        let folder = std::env::temp_dir().join(format!("postern-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| folder.join(name);
        fs::write(path("a"), "").unwrap();
        fs::write(path("b"), "").unwrap();
        fs::hard_link(path("a"), path("hard")).unwrap();
        for (target, link) in [("a", "soft"), ("new", "dangling"), ("dangling", "second"), ("circle", "circle")] {
            std::os::unix::fs::symlink(target, path(link)).unwrap();
        }
        let is_rejected = |one: &Path, other: &Path| check_distinct(&[("x", Some(one)), ("y", Some(other))]).is_err();
        for same in [path("a"), path("./a"), path("hard"), path("soft")] {
            assert!(is_rejected(&path("a"), &same), "{}", same.display());
        }
        for same in ["./new", "dangling", "dangling/", "second"] {
            assert!(is_rejected(&path("new"), &path(same)), "{same}: files that do not exist yet");
            assert!(is_rejected(&path(same), &path("second")) && !is_rejected(&path(same), &path("a")), "{same}");
        }
        assert!(!is_rejected(&path("circle"), &path("a")) && !is_rejected(&path("circle"), &path("new")));
        assert!(!is_rejected(&path("a"), &path("b")) && !is_rejected(&path("new"), &path("newer")));
        assert!(!is_rejected(Path::new("/dev/null"), Path::new("/dev/null")));
        assert!(check_distinct(&[("x", None), ("y", None), ("z", Some(&path("a")))]).is_ok());
        fs::remove_dir_all(&folder).unwrap();
    }
}
