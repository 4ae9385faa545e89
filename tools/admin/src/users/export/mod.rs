//! `admin users export`: all users, in a format that another system reads.

mod accounts;
mod format;
mod output;
mod user;

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::{Map, Value};
use shared::domain::time::UnixSeconds;

use self::{
    accounts::Accounts,
    format::{Writer, Written},
    output::Output,
};
use super::{
    audit::Audit,
    connection::{Connection, Table},
    files::check_distinct,
    output::json_line,
    progress::Progress,
    signals::Signals,
};
use crate::{failure::Failure, options::users::ExportUsers, print_error, report::Report};

pub(crate) async fn run(options: &ExportUsers, now: UnixSeconds) -> Result<Report, Failure> {
    let mut signals = Signals::new()?;
    check_distinct(&[("--output", options.output.as_deref()), ("--audit-log", options.common.audit_log.as_deref())])?;
    let interrupted = |state| failed(options, state, "interrupted", "start it again for a complete export");
    let opened = tokio::select! {
        opened = prepare(options, now) => opened,
        () = signals.next() => Err(interrupted(State::Nothing)),
    };
    let (output, connection, mut audit) = opened?;
    let mut export = Export::new(options, if output.is_replaced() { State::Nothing } else { State::Incomplete });
    let outcome = tokio::select! {
        outcome = export.write(output, &connection) => outcome,
        () = signals.next() => Err(interrupted(export.state)),
    };
    // What was written to standard output or a device has left the system, even if the rest is missing.
    if outcome.is_ok() || (export.state == State::Incomplete && export.counts.exported > 0) {
        audit.record("users-exported", None, export.details(outcome.is_ok()))?;
    }
    outcome?;
    export.report()
}

async fn prepare(options: &ExportUsers, now: UnixSeconds) -> Result<(Output, Connection, Audit), Failure> {
    let output = open(options).await?;
    let connection = Connection::open(&options.common, &Table::ACCOUNT).await?;
    let audit = Audit::open(&connection, &options.common, now).await?;
    Ok((output, connection, audit))
}

/// Opens the output. A terminal would keep the hashes in its history.
async fn open(options: &ExportUsers) -> Result<Output, Failure> {
    let output = match &options.output {
        Some(path) => Output::file(path).await,
        None => Output::stdout(),
    };
    let output = output.map_err(|error| unwritten(options, State::Nothing, &error))?;
    if options.with_hashes && output.is_terminal() {
        let hint = "password hashes are not written to a terminal; give --output FILE, or leave out --with-hashes";
        return Err(Failure::Usage(hint.to_owned()));
    }
    Ok(output)
}

/// What a failure leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The output is as it was before.
    Nothing,
    /// The output may have some of the users.
    Incomplete,
}

/// An export in progress.
struct Export<'a> {
    options: &'a ExportUsers,
    state: State,
    writer: Writer,
    counts: Counts,
}

/// The summary with `--json`.
#[derive(Default, Serialize)]
struct Counts {
    exported: u64,
    /// Of the exported users, those without the hash that was requested.
    without_hash: u64,
    /// Of the exported users, those whose name the format cannot represent.
    without_name: u64,
    /// Users that the format cannot represent.
    left_out: u64,
    /// Users whose items are invalid.
    invalid: u64,
}

impl<'a> Export<'a> {
    fn new(options: &'a ExportUsers, state: State) -> Self {
        Self { options, state, writer: Writer::new(options.to, options.with_hashes), counts: Counts::default() }
    }

    /// Writes all users, page by page.
    async fn write(&mut self, mut output: Output, connection: &Connection) -> Result<(), Failure> {
        let progress = Progress::new("users exported");
        let mut accounts = Accounts::new(&connection.store, self.options.with_hashes);
        let mut bytes = Vec::new();
        self.writer.start(&mut bytes);
        loop {
            let page = match accounts.next().await {
                Ok(page) => page,
                Err(error) => {
                    let failure = connection.failure(error).await;
                    return Err(self.failed(&failure.to_string()));
                }
            };
            let Some(page) = page else { break };
            progress.add(page.len());
            for user in page {
                self.add(user, &mut bytes, &progress);
            }
            let page = std::mem::take(&mut bytes);
            output.write(page).await.map_err(|error| self.unwritten(&error))?;
        }
        self.writer.end(&mut bytes);
        output.write(bytes).await.map_err(|error| self.unwritten(&error))?;
        output.finish().await.map_err(|error| self.unwritten(&error))
    }

    fn failed(&self, problem: &str) -> Failure {
        failed(self.options, self.state, problem, "start it again for a complete export")
    }

    fn unwritten(&self, error: &io::Error) -> Failure {
        unwritten(self.options, self.state, error)
    }

    fn add(&mut self, user: Result<user::ExportedUser, user::Invalid>, bytes: &mut Vec<u8>, progress: &Progress) {
        let (public_id, problem) = match user {
            Err(user::Invalid { public_id, problem }) => {
                self.counts.invalid += 1;
                (public_id, format!("left out: {problem}"))
            }
            Ok(user) => match self.writer.user(&user, bytes) {
                Written::Complete => {
                    self.counts.exported += 1;
                    return;
                }
                Written::WithoutHash(problem) => {
                    self.counts.exported += 1;
                    self.counts.without_hash += 1;
                    (user.public_id.to_string(), format!("exported without the password: {problem}"))
                }
                Written::WithoutName(problem) => {
                    self.counts.exported += 1;
                    self.counts.without_name += 1;
                    (user.public_id.to_string(), format!("exported without the name: {problem}"))
                }
                Written::LeftOut(problem) => {
                    self.counts.left_out += 1;
                    (user.public_id.to_string(), format!("left out: {problem}"))
                }
            },
        };
        progress.suspend(|| print_error(&format!("{public_id}: {problem}")));
    }

    /// The details of the audit line.
    fn details(&self, is_complete: bool) -> Map<String, Value> {
        let details: [(&str, Value); 4] = [
            ("count", self.counts.exported.into()),
            ("format", format::name(self.options.to).into()),
            ("with_hashes", self.options.with_hashes.into()),
            ("complete", is_complete.into()),
        ];
        details.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }

    /// The summary, on standard output unless that has the export. A user who is missing is a failure.
    fn report(&self) -> Result<Report, Failure> {
        let Counts { exported, without_hash, without_name, left_out, invalid } = &self.counts;
        if self.options.common.json {
            let line = json_line(&self.counts)?;
            // A failure is ignored: there is no other place to report it.
            let _ = match self.options.output {
                Some(_) => io::stdout().write_all(line.as_bytes()),
                None => io::stderr().write_all(line.as_bytes()),
            };
        } else {
            print_error(&format!("{exported} users exported"));
        }
        if without_hash + without_name + left_out + invalid > 0 {
            return Err(Failure::Failed(format!(
                "{without_hash} users were exported without their password, {without_name} without their name, \
                 {left_out} were left out, and {invalid} have invalid items; each is listed above"
            )));
        }
        Ok(Report { text: String::new(), notes: self.writer.notes() })
    }
}

/// A failed write, and what the operator can do about it.
fn unwritten(options: &ExportUsers, state: State, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::BrokenPipe => "the reader ended before the export did",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space, or write to another file system"
        }
        _ => "correct the cause, or write to another file",
    };
    failed(options, state, &error.to_string(), hint)
}

/// A failure, and what it leaves behind.
fn failed(options: &ExportUsers, state: State, problem: &str, hint: &str) -> Failure {
    let path = options.output.as_ref().map(|path| path.display().to_string());
    let left = match (path, state) {
        (Some(path), State::Nothing) => format!("nothing was written to {path}"),
        (path, _) => format!("{} is incomplete", path.as_deref().unwrap_or("standard output")),
    };
    Failure::Failed(format!("the export failed: {problem}; {left}; {hint}"))
}
