//! Where an export goes: a new file, or standard output.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    os::fd::AsFd as _,
    path::Path,
    thread,
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    backends::{NewFile, sync},
    users::files,
};

/// Pages that wait for a slow disk or reader.
const WAITING: usize = 1;

/// Writes on a thread of its own: a write to a pipe can block forever, and a signal must end the command even then.
pub(super) struct Output {
    pages: mpsc::Sender<Vec<u8>>,
    outcome: oneshot::Receiver<io::Result<()>>,
    /// Absent for standard output.
    target: Option<NewFile>,
    is_terminal: bool,
}

impl Output {
    pub(super) async fn file(path: &Path) -> io::Result<Self> {
        let (target, file) = files::open(path, NewFile::create).await?;
        Self::start(file, Some(target))
    }

    /// A copy of the file descriptor, because Rust's standard output would flush after every line.
    pub(super) fn stdout() -> io::Result<Self> {
        Self::start(io::stdout().as_fd().try_clone_to_owned()?.into(), None)
    }

    fn start(mut file: File, target: Option<NewFile>) -> io::Result<Self> {
        let (pages, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING);
        let (result, outcome) = oneshot::channel();
        let is_terminal = file.is_terminal();
        thread::Builder::new().spawn(move || {
            let mut write_all = || {
                while let Some(page) = waiting.blocking_recv() {
                    file.write_all(&page)?;
                }
                sync(&file)
            };
            // Fails if the command has ended already.
            let _ = result.send(write_all());
        })?;
        Ok(Self { pages, outcome, target, is_terminal })
    }

    /// Whether the output gets its name only at the end. Anything else receives each user at once.
    pub(super) fn is_replaced(&self) -> bool {
        self.target.as_ref().is_some_and(NewFile::is_replaced)
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    pub(super) async fn write(&mut self, page: Vec<u8>) -> io::Result<()> {
        if self.pages.send(page).await.is_ok() {
            return Ok(());
        }
        // The thread has ended, which only an error causes.
        Err((&mut self.outcome).await.ok().and_then(Result::err).unwrap_or_else(stopped))
    }

    /// Waits until everything is written, and gives the file its name.
    pub(super) async fn finish(self) -> io::Result<()> {
        drop(self.pages);
        self.outcome.await.unwrap_or_else(|_| Err(stopped()))?;
        self.target.map_or(Ok(()), |target| target.finish())
    }
}

fn stopped() -> io::Error {
    io::Error::other("the writing thread has stopped")
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;

    /// `/dev/full` fails like a full disk.
    #[tokio::test]
    async fn a_failed_write_removes_the_temporary_file_and_keeps_the_old_one() {
        let folder = std::env::temp_dir().join(format!("postern-output-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("users.jsonl");
        fs::write(&path, "old").unwrap();
        let (target, _) = NewFile::create(&path).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);

        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut output = Output::start(full, Some(target)).unwrap();
        // The first failed write ends the thread, and a later one reports it.
        let error = loop {
            if let Err(error) = output.write(vec![0; 4096]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        drop(output);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        fs::remove_dir_all(&folder).unwrap();
    }
}
