//! `admin users import`.

mod hash;
mod reject;
mod report;
mod row;
mod runs;
mod sources;
mod times;
mod writer;

use std::{
    collections::BTreeSet,
    io,
    io::{Read as _, Write as _},
    ops::ControlFlow,
    sync::Arc,
    thread,
};

use serde_json::{Map, Value};
use shared::{
    aws::store::admin::{Import, ImportedUser},
    domain::time::UnixMillis,
};
use tokio::sync::{mpsc, oneshot};

use self::{
    hash::FirebaseProject,
    report::Summary,
    row::{Checker, Row},
    sources::{Context, Unreadable},
    writer::{End, Settled, Writer},
};
use super::{
    audit::Audit,
    connection::{Connection, Table},
    files::{beside, check_distinct},
    progress::Progress,
};
use crate::{
    failure::Failure,
    options::users::{ImportFormat, ImportUsers},
    print_error,
    report::Report,
};

/// Rows between the reader and the writer.
const QUEUE: usize = 128;

/// Longest file of `--firebase-hash-config`, in bytes.
const MAX_HASH_CONFIG: u64 = 16 * 1024;

pub(super) async fn run(options: &ImportUsers, started: UnixMillis) -> Result<Report, Failure> {
    let now = started.seconds();
    check_files(options)?;
    let firebase = firebase_project(options)?;
    // Before a file is created or a call is made.
    sources::check(options.from, &options.file).map_err(|error| Failure::Failed(error.to_string()))?;
    let connection = Connection::open(&options.common, &Table::ACCOUNT).await?;
    let mut audit = if options.dry_run { None } else { Some(Audit::open(&connection, &options.common, now).await?) };
    let earlier = if options.dry_run { BTreeSet::new() } else { incomplete_runs(options)? };
    let mut summary = summary(options)?;
    if let Some(audit) = &mut audit {
        let written = audit.record_in_file(runs::STARTED, None, run_member(started));
        written.map_err(|problem| Failure::Failed(format!("nothing is written: {problem}")))?;
    }
    let (mut rows, unreadable) = read(options, Context { firebase, now });
    let writer = Writer {
        store: Arc::new(connection.store.clone()),
        now: started,
        earlier: Arc::new(earlier),
        dry_run: options.dry_run,
        rate: options.rate,
    };
    let progress = Progress::new("users");
    let end = writer
        .run(&mut rows, |settled| {
            progress.add(1);
            settle(settled, &mut summary, audit.as_mut(), &progress)
        })
        .await;
    drop((rows, progress));
    let unreadable = match &end {
        End::Complete => unreadable.await.unwrap_or_else(|_| Err(sources::lost(&options.file))).err(),
        _ => None,
    };
    // If no row could be read, the report of an earlier run stays.
    let is_read = unreadable.is_none() || summary.read > 0;
    let reported = if is_read { summary.finish_report().map_err(|error| unwritable(&error)) } else { Ok(()) };
    let completed = matches!(end, End::Complete) && unreadable.is_none() && reported.is_ok();
    let recorded = match &mut audit {
        Some(audit) => record_end(audit, &summary, started, completed),
        None => Ok(()),
    };
    finish(options, &connection, &summary, (end, unreadable, reported.and(recorded))).await
}

/// The earlier runs in the audit log that were not completed.
fn incomplete_runs(options: &ImportUsers) -> Result<BTreeSet<UnixMillis>, Failure> {
    let Some(path) = &options.common.audit_log else { return Ok(BTreeSet::new()) };
    runs::incomplete(path).map_err(|error| {
        Failure::Failed(format!("nothing is written: cannot read the audit log {}: {error}", path.display()))
    })
}

fn run_member(started: UnixMillis) -> Map<String, Value> {
    Map::from_iter([("run".to_owned(), started.get().into())])
}

/// Records the end of a run. Standard error has no line if no user was created.
fn record_end(audit: &mut Audit, summary: &Summary, started: UnixMillis, completed: bool) -> Result<(), Failure> {
    let mut details = run_member(started);
    details.insert("completed".to_owned(), completed.into());
    details.extend(summary.counts());
    if summary.created == 0 {
        return audit.record_in_file(runs::ENDED, None, details).map_err(Failure::Failed);
    }
    audit.record(runs::ENDED, None, details)
}

/// Prints the summary. The command fails unless every row was imported.
async fn finish(
    options: &ImportUsers,
    connection: &Connection,
    summary: &Summary,
    (end, unreadable, written): (End, Option<Unreadable>, Result<(), Failure>),
) -> Result<Report, Failure> {
    let text = if options.common.json {
        let completed = matches!(end, End::Complete) && unreadable.is_none() && written.is_ok();
        format!("{}\n", summary.json(completed))
    } else {
        summary.text() + advice(options, summary, &end, unreadable.is_some(), written.is_ok())
    };
    let failure = match (end, unreadable, written) {
        (End::Failed(error), ..) => Some(connection.failure(error).await),
        (End::Unwritable(failure), ..) | (.., Err(failure)) => Some(failure),
        (End::Interrupted, ..) => Some(Failure::Failed("interrupted".to_owned())),
        (End::Complete, Some(unreadable), _) => Some(Failure::Failed(unreadable.to_string())),
        (End::Complete, None, Ok(())) => match summary.rejected() {
            0 => None,
            1 => Some(Failure::Failed("1 row was rejected".to_owned())),
            rejected => Some(Failure::Failed(format!("{rejected} rows were rejected"))),
        },
    };
    match failure {
        None if summary.read == 0 => {
            let note = format!("{} has no users; is it another kind of file?", options.file.display());
            Ok(Report { text, notes: vec![note] })
        }
        None => Ok(Report::from(text)),
        Some(failure) => {
            let mut out = io::stdout().lock();
            // The failure itself is more important than one to print.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            Err(failure)
        }
    }
}

/// How to go on if the import is not complete.
fn advice(options: &ImportUsers, summary: &Summary, end: &End, is_unreadable: bool, is_written: bool) -> &'static str {
    match end {
        End::Complete if !is_unreadable && is_written => "",
        // The failure says it all.
        End::Complete if is_unreadable && summary.read == 0 => "",
        _ if options.dry_run => "The dry run is not complete.\n",
        End::Interrupted => {
            "The import is not complete. Run the same command again: users that exist are left as they are.\n"
        }
        End::Complete if is_unreadable => {
            "The import is not complete: only the rows before the error were imported. Repair the file and run the \
             command again: users that exist are left as they are.\n"
        }
        _ => {
            "The import is not complete. Fix the error and run the same command again: users that exist are left as \
             they are.\n"
        }
    }
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::Failed(format!("the report cannot be written: {error}"))
}

/// Counts a row, and adds it to the audit log or the report.
fn settle(
    settled: Settled,
    summary: &mut Summary,
    audit: Option<&mut Audit>,
    progress: &Progress,
) -> Result<(), Failure> {
    summary.read += 1;
    match settled.outcome {
        Ok(outcome) => {
            summary.count(outcome);
            match (outcome, audit) {
                // The line of an earlier run may be missing.
                (Import::Created | Import::CreatedEarlier, Some(audit)) => audit
                    .record_in_file("user-imported", settled.public_id, Map::new())
                    .map_err(|problem| Failure::Failed(format!("a user is created, but {problem}"))),
                _ => Ok(()),
            }
        }
        Err(rejection) => {
            let line =
                summary.reject(settled.number, &settled.email, &rejection).map_err(|error| unwritable(&error))?;
            if let Some(line) = line {
                progress.suspend(|| print_error(&line));
            }
            Ok(())
        }
    }
}

/// No file is written that is read, and no file is written twice.
fn check_files(options: &ImportUsers) -> Result<(), Failure> {
    let is_database = matches!(options.from, ImportFormat::Flask | ImportFormat::Django);
    let parts = ["-wal", "-shm", "-journal"].map(|ending| is_database.then(|| beside(&options.file, ending)));
    let mut files = vec![
        ("the file to import", Some(options.file.as_path())),
        ("--firebase-hash-config", options.firebase_hash_config.as_deref()),
    ];
    files.extend(parts.iter().map(|part| ("a part of the database to import", part.as_deref())));
    files.push(("--report", options.report.as_deref()));
    files.push(("--audit-log", options.common.audit_log.as_deref()));
    check_distinct(&files)
}

fn summary(options: &ImportUsers) -> Result<Summary, Failure> {
    let unit = sources::unit(options.from);
    Summary::new(unit, options.dry_run, options.report.as_deref()).map_err(|error| unwritable(&error))
}

/// Reads and checks rows in a thread of its own. It ends with the file, or when the receiver is dropped.
fn read(
    options: &ImportUsers,
    context: Context,
) -> (mpsc::Receiver<Row<ImportedUser>>, oneshot::Receiver<Result<(), Unreadable>>) {
    let (sender, rows) = mpsc::channel(QUEUE);
    let (ended, outcome) = oneshot::channel();
    let (source, path) = (options.from, options.file.clone());
    let mut checker = Checker::new(sources::name(source), sources::unit(source), !options.no_claims, context.now);
    thread::spawn(move || {
        let mut sink = |row| match sender.blocking_send(checker.check(row)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let outcome = sources::read(source, &path, &context, &mut sink);
        // The receiver is dropped if the import was stopped.
        let _ = ended.send(outcome);
    });
    (rows, outcome)
}

fn firebase_project(options: &ImportUsers) -> Result<Option<FirebaseProject>, Failure> {
    let path = match (options.from, &options.firebase_hash_config) {
        (ImportFormat::Firebase, Some(path)) => path,
        (ImportFormat::Firebase, None) => {
            let detail = "--from firebase needs --firebase-hash-config: the password hash parameters of the project";
            return Err(Failure::Usage(detail.to_owned()));
        }
        (_, Some(_)) => return Err(Failure::Usage("--firebase-hash-config is for --from firebase only".to_owned())),
        (_, None) => return Ok(None),
    };
    let mut text = String::new();
    let file = sources::open(path).map_err(|error| Failure::Failed(error.to_string()))?;
    let read = file.take(MAX_HASH_CONFIG).read_to_string(&mut text);
    read.map_err(|error| Failure::Failed(format!("cannot read {}: {error}", path.display())))?;
    let project = FirebaseProject::parse(&text);
    project.map(Some).map_err(|problem| Failure::Failed(format!("{}: {problem}", path.display())))
}
