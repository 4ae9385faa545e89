//! The audit line of a change: one JSON object on standard error and, if requested, in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use shared::domain::{time::UnixSeconds, user::PublicId};

use super::{connection::Connection, files};
use crate::{failure::Failure, options::users::Common, utc::utc};

/// The audit log, opened before the change: without it, nothing is changed.
pub(crate) struct Audit {
    caller: String,
    time: String,
    file: Option<(PathBuf, File)>,
}

impl Audit {
    /// Identifies the caller and opens the file.
    pub(crate) async fn open(connection: &Connection, options: &Common, now: UnixSeconds) -> Result<Self, Failure> {
        let caller = connection.caller().await?.to_owned();
        let file = match &options.audit_log {
            Some(path) => {
                let file = files::open(path, open).await.map_err(|error| {
                    Failure::Failed(format!(
                        "nothing is written: cannot open the audit log {}: {error}",
                        path.display()
                    ))
                })?;
                Some((path.clone(), file))
            }
            None => None,
        };
        Ok(Self { caller, time: utc(now).unwrap_or_default(), file })
    }

    /// Records a change that was made. The line has no email address: the log outlives the account.
    pub(crate) fn record(
        &mut self,
        event: &str,
        public_id: Option<PublicId>,
        details: Map<String, Value>,
    ) -> Result<(), Failure> {
        self.print_and_write(event, public_id, details)
            .map_err(|problem| Failure::Failed(format!("the change is made, but {problem}")))
    }

    /// Records a change that failed and may have been made all the same, and returns the failure of the command.
    /// `command` shows whether the change was made.
    pub(crate) fn record_unknown(
        &mut self,
        (event, public_id, mut details): (&str, Option<PublicId>, Map<String, Value>),
        failure: &Failure,
        command: &str,
    ) -> Failure {
        details.insert("outcome".to_owned(), "unknown".into());
        let recorded = self.print_and_write(event, public_id, details);
        let problem = recorded.err().map(|problem| format!("; {problem}")).unwrap_or_default();
        let text = format!("{failure}; the outcome is unknown: `{command}` shows whether the change was made{problem}");
        Failure::Failed(text)
    }

    /// Records a part of a command in the file only. Fails with the problem.
    pub(crate) fn record_in_file(
        &mut self,
        event: &str,
        public_id: Option<PublicId>,
        details: Map<String, Value>,
    ) -> Result<(), String> {
        if self.file.is_none() {
            return Ok(());
        }
        let line = self.line(event, public_id, details);
        self.write(&line)
    }

    fn print_and_write(
        &mut self,
        event: &str,
        public_id: Option<PublicId>,
        details: Map<String, Value>,
    ) -> Result<(), String> {
        let line = self.line(event, public_id, details);
        // Standard error may be closed; the file may not.
        let _ = io::stderr().write_all(line.as_bytes());
        self.write(&line)
    }

    fn line(&self, event: &str, public_id: Option<PublicId>, details: Map<String, Value>) -> String {
        let mut line = Map::new();
        line.insert("event".to_owned(), event.into());
        if let Some(id) = public_id {
            line.insert("public_id".to_owned(), id.to_string().into());
        }
        line.extend(details);
        line.insert("caller".to_owned(), self.caller.as_str().into());
        line.insert("time".to_owned(), self.time.as_str().into());
        Value::Object(line).to_string() + "\n"
    }

    fn write(&mut self, line: &str) -> Result<(), String> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        // One write, so that lines of concurrent commands do not mix.
        let written = file.write_all(line.as_bytes());
        written.map_err(|error| format!("the audit log {} could not be written: {error}", path.display()))
    }
}

/// Opens the file to append to it. The beginning of a line, which a full disk may leave, is ended.
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    if ends_within_a_line(path).unwrap_or(false) {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn ends_within_a_line(path: &Path) -> io::Result<bool> {
    if !fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
