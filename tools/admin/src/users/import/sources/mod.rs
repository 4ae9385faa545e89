//! Readers of export files. Each reads one row at a time, in bounded memory.

mod auth0;
mod csv;
mod django;
mod firebase;
mod json;
mod jsonl;
mod keycloak;
mod kratos;
mod layout;
mod limited;
mod lines;
mod members;
mod quotes;
mod repeated;
mod sqlite;
mod sqlite_file;

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    ops::ControlFlow,
    path::Path,
};

use shared::domain::time::UnixSeconds;

use super::{
    hash::FirebaseProject,
    reject::{Reason, Rejection},
    row::{Row, SourceUser},
};
use crate::options::users::ImportFormat;

/// Longest row, in bytes.
const MAX_ROW: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const SQLITE_HEADER: &[u8] = b"SQLite format 3\0";

/// Receives rows until it breaks: the import was stopped.
pub(super) type Sink<'s> = dyn FnMut(Row<SourceUser>) -> ControlFlow<()> + 's;

/// The file cannot be read further: one line for the operator. Rows before are imported.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(pub(super) String);

/// What a source needs beside its file.
pub(super) struct Context {
    pub(super) firebase: Option<FirebaseProject>,
    pub(super) now: UnixSeconds,
}

/// What the number of a row counts.
pub(super) fn unit(source: ImportFormat) -> &'static str {
    match source {
        ImportFormat::Jsonl | ImportFormat::Supabase => "line",
        ImportFormat::Flask => "row",
        _ => "entry",
    }
}

/// The name of a source, which is part of the identifiers that are derived for it.
pub(super) fn name(source: ImportFormat) -> &'static str {
    match source {
        ImportFormat::Jsonl => "jsonl",
        ImportFormat::Flask => "flask",
        ImportFormat::Django => "django",
        ImportFormat::Supabase => "supabase",
        ImportFormat::Firebase => "firebase",
        ImportFormat::Auth0 => "auth0",
        ImportFormat::Keycloak => "keycloak",
        ImportFormat::Kratos => "kratos",
    }
}

/// Reads every row of `path`.
pub(super) fn read(
    source: ImportFormat,
    path: &Path,
    context: &Context,
    sink: &mut Sink<'_>,
) -> Result<(), Unreadable> {
    let mut file = open(path)?;
    let start = file.fill_buf().map_err(|error| unreadable(path, &error))?;
    let is_sqlite = start.starts_with(SQLITE_HEADER);
    // All of them: the CSV parser would skip a second one, before a quotation mark for example.
    let marks = start.chunks(BYTE_ORDER_MARK.len()).take_while(|&part| part == BYTE_ORDER_MARK).count();
    file.consume(marks * BYTE_ORDER_MARK.len());
    if is_sqlite && !fs::metadata(path).is_ok_and(|file| file.is_file()) {
        return Err(piped(path));
    }
    match (source, is_sqlite) {
        (ImportFormat::Flask, true) => sqlite::flask(path, sink),
        (ImportFormat::Django, true) => sqlite::django(path, sink),
        (ImportFormat::Flask, false) => Err(Unreadable(format!("{} is not an SQLite database", path.display()))),
        (_, true) => Err(Unreadable(format!("{} is an SQLite database: --from flask reads it", path.display()))),
        (ImportFormat::Jsonl, false) => jsonl::read(file, path, sink),
        (ImportFormat::Supabase, false) => csv::supabase(file, path, context.now, sink),
        (ImportFormat::Django, false) => django::read(file, path, sink),
        (ImportFormat::Firebase, false) => firebase::read(file, path, context.firebase.as_ref(), sink),
        (ImportFormat::Auth0, false) => auth0::read(file, path, sink),
        (ImportFormat::Keycloak, false) => keycloak::read(file, path, sink),
        (ImportFormat::Kratos, false) => kratos::read(file, path, sink),
    }
}

/// Checks that a file can be opened. A pipe is not opened: its writer would be disconnected.
pub(super) fn check(source: ImportFormat, path: &Path) -> Result<(), Unreadable> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(Unreadable(format!("{} is a directory", path.display())));
    }
    match metadata.is_file() {
        true => open(path).map(drop),
        false if source == ImportFormat::Flask => Err(piped(path)),
        false => Ok(()),
    }
}

/// SQLite reads its file in any order.
fn piped(path: &Path) -> Unreadable {
    let problem = "an SQLite database in a pipe cannot be read; give the name of the file instead";
    Unreadable(format!("{} is not a file: {problem}", path.display()))
}

/// The reading thread ended without an outcome.
pub(super) fn lost(path: &Path) -> Unreadable {
    Unreadable(format!("{} could not be read to its end", path.display()))
}

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> Result<BufReader<File>, Unreadable> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok(BufReader::with_capacity(64 * 1024, file))
}

/// The row is longer than [`MAX_ROW`].
fn too_long() -> Rejection {
    Rejection::new(Reason::MalformedRow, format!("longer than {MAX_ROW} bytes"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Unreadable {
    Unreadable(format!("cannot read {}: {error}", path.display()))
}
