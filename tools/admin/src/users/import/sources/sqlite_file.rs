//! A SQLite file, its tables and their rows.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Params, Row as SqlRow};

use super::{
    super::row::{Row, SourceUser},
    Sink, Unreadable,
};
use crate::users::files::beside;

/// Rows that are read together.
pub(super) const PAGE: usize = 200;

pub(super) struct SqliteFile {
    connection: Connection,
    path: PathBuf,
}

impl SqliteFile {
    pub(super) fn open(path: &Path) -> Result<Self, Unreadable> {
        let (wal, shm) = (beside(path, "-wal"), beside(path, "-shm"));
        let has_log = wal.metadata().is_ok_and(|log| log.len() > 0);
        if has_log && !shm.exists() {
            return Err(Unreadable(format!(
                "{} was not closed: changes are left in {}. Stop the application, and run: sqlite3 {} 'PRAGMA \
                 wal_checkpoint(TRUNCATE)'",
                path.display(),
                wal.display(),
                crate::shell::quote(&path.display().to_string())
            )));
        }
        // A database in WAL mode would otherwise get new files beside it. Without a log, the file is complete.
        let is_wal = is_in_wal_mode(path) && !shm.exists();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let uri = format!("file:{}?mode=ro{}", percent_encoded(path), if is_wal { "&immutable=1" } else { "" });
        let file = Connection::open_with_flags(uri, flags).and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(2))?;
            Ok(connection)
        });
        let connection = file.map_err(|error| failed(path, &error))?;
        let file = Self { connection, path: path.to_owned() };
        file.check()?;
        Ok(file)
    }

    /// Reading a damaged file finds invented rows, or only some of the rows, mostly without an error.
    fn check(&self) -> Result<(), Unreadable> {
        // They may call functions of the application, and matter only for what is written.
        let ignored = self.connection.pragma_update(None, "ignore_check_constraints", true);
        ignored.map_err(|error| failed(&self.path, &error))?;
        match self.names("PRAGMA quick_check(1)", [])?.as_slice() {
            [outcome] if outcome == "ok" => Ok(()),
            findings => {
                let path = self.path.display();
                Err(Unreadable(format!("{path} is damaged: {}; copy the file again", shorten(findings))))
            }
        }
    }

    /// The one of these tables that exists. If several do, the first that has rows.
    pub(super) fn table(&self, names: &[&'static str]) -> Result<&'static str, Unreadable> {
        let tables =
            self.names("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", [])?;
        let is_table = |name: &&&str| tables.iter().any(|table| table.eq_ignore_ascii_case(name));
        let found: Vec<&'static str> = names.iter().filter(is_table).copied().collect();
        if let [_, _, ..] = found.as_slice() {
            for table in &found {
                if !self.names(&format!("SELECT 'x' FROM \"{table}\" LIMIT 1"), [])?.is_empty() {
                    return Ok(*table);
                }
            }
        }
        found.first().copied().ok_or_else(|| {
            let list = if tables.is_empty() { "none".to_owned() } else { shorten(&tables) };
            Unreadable(format!("{} has no table \"{}\"; its tables: {list}", self.path.display(), names[0]))
        })
    }

    /// The name of the key by which a table is stored.
    pub(super) fn rowid(&self, table: &str, columns: &[String]) -> Result<&'static str, Unreadable> {
        let without = self.names("SELECT name FROM pragma_table_list(?) WHERE wr", [table])?;
        let free = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !columns.iter().any(|column| column == name));
        free.filter(|_| without.is_empty()).ok_or_else(|| {
            let path = self.path.display();
            Unreadable(format!(
                "the table \"{table}\" in {path} is created WITHOUT ROWID, which the import cannot read: copy it with \
                 CREATE TABLE ... AS SELECT into a new file"
            ))
        })
    }

    pub(super) fn columns(&self, table: &str) -> Result<Vec<String>, Unreadable> {
        let columns = self.names("SELECT name FROM pragma_table_info(?)", [table])?;
        Ok(columns.into_iter().map(|column| column.to_ascii_lowercase()).collect())
    }

    pub(super) fn column<'n>(&self, table: &str, columns: &[String], names: &[&'n str]) -> Result<&'n str, Unreadable> {
        names.iter().copied().find(|name| columns.iter().any(|column| column == name)).ok_or_else(|| {
            let (path, list) = (self.path.display(), shorten(columns));
            Unreadable(format!("the table \"{table}\" in {path} has no column \"{}\"; its columns: {list}", names[0]))
        })
    }

    /// The columns of a table that must exist with at least these.
    pub(super) fn require(&self, table: &'static str, required: &[&str]) -> Result<Vec<String>, Unreadable> {
        let columns = self.columns(self.table(&[table])?)?;
        for name in required {
            self.column(table, &columns, &[*name])?;
        }
        Ok(columns)
    }

    fn names(&self, sql: &str, parameters: impl Params) -> Result<Vec<String>, Unreadable> {
        let failed = |error: rusqlite::Error| failed(&self.path, &error);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let names = statement.query_map(parameters, |row| row.get(0)).map_err(failed)?;
        names.collect::<Result<_, _>>().map_err(failed)
    }

    /// Sends the rows of every page. The parameter of the query is the key of the row before, which is its number.
    pub(super) fn pages(
        &self,
        sql: &str,
        sink: &mut Sink<'_>,
        read: impl Fn(&SqlRow<'_>) -> rusqlite::Result<Row<SourceUser>>,
    ) -> Result<(), Unreadable> {
        let failed = |error: rusqlite::Error| failed(&self.path, &error);
        let mut last = i64::MIN;
        loop {
            let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
            let page = statement.query_map([last], &read).map_err(failed)?;
            let page = page.collect::<Result<Vec<_>, _>>().map_err(failed)?;
            drop(statement);
            let is_last = page.len() < PAGE;
            for row in page {
                last = row.number;
                if sink(row).is_break() {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

/// The file format versions 18 and 19 of the header are 2 in WAL mode.
fn is_in_wal_mode(path: &Path) -> bool {
    use std::io::Read as _;
    let mut header = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18] == 2
}

/// A path in the form that SQLite's URIs need.
fn percent_encoded(path: &Path) -> String {
    use std::{fmt::Write as _, os::unix::ffi::OsStrExt as _};
    let mut uri = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

fn shorten(names: &[String]) -> String {
    let names: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
    names.join(", ")
}

fn failed(path: &Path, error: &rusqlite::Error) -> Unreadable {
    let path = path.display();
    Unreadable(match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("{path} is locked by another program: stop the application, or try again")
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => format!("{path} is damaged or encrypted"),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            format!(
                "{path} has unfinished changes of an application that was killed: start and stop it, then try again"
            )
        }
        _ => format!("cannot read {path}: {error}"),
    })
}
