//! The audit line of a change: one JSON object on standard error and, if requested, in a file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
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
        let line = self.line(event, public_id, details);
        // Standard error may be closed; the file may not.
        let _ = io::stderr().write_all(line.as_bytes());
        self.write(&line)
    }

    /// Records one of many changes of a command in the file only.
    pub(crate) fn record_in_file(&mut self, event: &str, public_id: Option<PublicId>) -> Result<(), Failure> {
        if self.file.is_none() {
            return Ok(());
        }
        let line = self.line(event, public_id, Map::new());
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

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        if let Some((path, file)) = &mut self.file {
            // One write, so that lines of concurrent commands do not mix.
            file.write_all(line.as_bytes()).map_err(|error| {
                let path = path.display();
                Failure::Failed(format!("the change is made, but the audit log {path} could not be written: {error}"))
            })?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}
