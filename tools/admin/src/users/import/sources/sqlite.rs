//! SQLite files: the table `user` of the Flask tutorials, and Django's `auth_user`.
//!
//! The file is opened read-only, and nothing is written beside it. It is read in pages, so that an application that is
//! still running can write between them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, Params, Row as SqlRow,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};

use super::{
    super::{
        reject::{Reason, Rejection},
        row::{Row, SourceUser},
        times,
    },
    MAX_ROW, Sink, Unreadable,
    members::full_name,
};

/// Rows that are read together.
const PAGE: usize = 200;

/// Reads the table `user` of a tutorial, or `users`.
pub(super) fn flask(path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let file = SqliteFile::open(path)?;
    let table = file.table(&["user", "users"])?;
    let columns = file.columns(table)?;
    let password = file.column(table, &columns, &["password", "password_hash"])?;
    let email = file.column(table, &columns, &["email"])?;
    let optional = |names: &[&str]| {
        let found = names.iter().find(|name| columns.iter().any(|column| column == *name));
        found.map_or("NULL".to_owned(), |name| format!("\"{name}\""))
    };
    let (id, name, admin) =
        (optional(&["public_id"]), optional(&["name", "username"]), optional(&["admin", "is_admin"]));
    let sql = format!(
        "SELECT rowid, \"{email}\", \"{password}\", {id}, {name}, {admin} FROM \"{table}\" \
         WHERE rowid > ? ORDER BY rowid LIMIT {PAGE}"
    );
    file.pages(&sql, sink, |row| {
        let admin: Text = row.get(5)?;
        let groups = if admin.is_true() { vec!["admin".to_owned()] } else { Vec::new() };
        let (id, name) = (row.get::<_, Text>(3)?.checked(), row.get::<_, Text>(4)?.checked());
        let (email, password) = (row.get::<_, Text>(1)?.checked(), row.get::<_, Text>(2)?.checked());
        Ok(Fields { email, password, id, names: vec![name], groups, ..Fields::default() })
    })
}

/// Reads Django's own table of users, with their groups.
pub(super) fn django(path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let file = SqliteFile::open(path)?;
    let table = file.table(&["auth_user"])?;
    let sql = format!(
        "SELECT id, email, password, first_name, last_name, username, is_active, date_joined, \
         (SELECT group_concat(name, char(10)) FROM auth_user_groups JOIN auth_group \
          ON auth_group.id = group_id WHERE user_id = auth_user.id) \
         FROM \"{table}\" WHERE id > ? ORDER BY id LIMIT {PAGE}"
    );
    file.pages(&sql, sink, |row| {
        let text = |column| row.get::<_, Text>(column).map(Text::checked);
        let full = match (text(3)?, text(4)?) {
            (Ok(first), Ok(last)) => Ok(full_name(&first, &last)),
            (Err(rejection), _) | (_, Err(rejection)) => Err(rejection),
        };
        Ok(Fields {
            email: text(1)?,
            password: text(2)?,
            // As in a dump, so that either of them can be imported after the other.
            id: Ok(format!("auth.user {}", row.get::<_, i64>(0)?)),
            names: vec![full, text(5)?],
            groups: text(8)?.unwrap_or_default().lines().map(str::to_owned).collect(),
            created_at: text(7)?,
            disabled: !row.get::<_, Text>(6)?.is_true(),
        })
    })
}

/// The columns of a row that a user is made of.
struct Fields {
    email: Result<String, Rejection>,
    password: Result<String, Rejection>,
    id: Result<String, Rejection>,
    names: Vec<Result<String, Rejection>>,
    groups: Vec<String>,
    created_at: Result<String, Rejection>,
    disabled: bool,
}

impl Default for Fields {
    fn default() -> Self {
        let empty = || Ok(String::new());
        Self {
            email: empty(),
            password: empty(),
            id: empty(),
            names: Vec::new(),
            groups: Vec::new(),
            created_at: empty(),
            disabled: false,
        }
    }
}

impl Fields {
    fn into_user(self) -> Result<SourceUser, Rejection> {
        Ok(SourceUser {
            id: self.id?,
            email: self.email?,
            names: self.names.into_iter().collect::<Result<_, _>>()?,
            password_hash: self.password?,
            groups: self.groups,
            created_at: times::parse(&self.created_at?)?,
            disabled: self.disabled,
            ..SourceUser::default()
        })
    }
}

/// A column as text, whatever its type is: SQLite's columns have none of their own.
enum Text {
    Known(String),
    NotUtf8,
    TooLong,
}

impl Text {
    fn checked(self) -> Result<String, Rejection> {
        match self {
            Self::Known(text) => Ok(text),
            Self::NotUtf8 => Err(Rejection::new(Reason::MalformedRow, "invalid UTF-8")),
            Self::TooLong => Err(Rejection::new(Reason::MalformedRow, format!("longer than {MAX_ROW} bytes"))),
        }
    }

    fn is_true(&self) -> bool {
        matches!(self, Self::Known(text) if !matches!(text.to_ascii_lowercase().as_str(), "" | "0" | "false" | "f"))
    }
}

impl FromSql for Text {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = match value {
            ValueRef::Null => return Ok(Self::Known(String::new())),
            ValueRef::Integer(number) => return Ok(Self::Known(number.to_string())),
            ValueRef::Real(_) => return Err(FromSqlError::InvalidType),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        };
        if bytes.len() > MAX_ROW {
            return Ok(Self::TooLong);
        }
        Ok(std::str::from_utf8(bytes).map_or(Self::NotUtf8, |text| Self::Known(text.to_owned())))
    }
}

struct SqliteFile {
    connection: Connection,
    path: PathBuf,
}

impl SqliteFile {
    fn open(path: &Path) -> Result<Self, Unreadable> {
        let beside = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let (wal, shm) = (beside("-wal"), beside("-shm"));
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
        file.map(|connection| Self { connection, path: path.to_owned() }).map_err(|error| failed(path, &error))
    }

    /// The one of these tables that exists.
    fn table(&self, names: &[&'static str]) -> Result<&'static str, Unreadable> {
        let tables =
            self.names("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", [])?;
        let found = names.iter().find(|name| tables.iter().any(|table| table.eq_ignore_ascii_case(name)));
        found.copied().ok_or_else(|| {
            let list = if tables.is_empty() { "none".to_owned() } else { shorten(&tables) };
            Unreadable(format!("{} has no table \"{}\"; its tables: {list}", self.path.display(), names[0]))
        })
    }

    fn columns(&self, table: &str) -> Result<Vec<String>, Unreadable> {
        let columns = self.names("SELECT name FROM pragma_table_info(?)", [table])?;
        Ok(columns.into_iter().map(|column| column.to_ascii_lowercase()).collect())
    }

    fn column<'n>(&self, table: &str, columns: &[String], names: &[&'n str]) -> Result<&'n str, Unreadable> {
        names.iter().copied().find(|name| columns.iter().any(|column| column == name)).ok_or_else(|| {
            let (path, list) = (self.path.display(), shorten(columns));
            Unreadable(format!("the table \"{table}\" in {path} has no column \"{}\"; its columns: {list}", names[0]))
        })
    }

    fn names(&self, sql: &str, parameters: impl Params) -> Result<Vec<String>, Unreadable> {
        let failed = |error: rusqlite::Error| failed(&self.path, &error);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let names = statement.query_map(parameters, |row| row.get(0)).map_err(failed)?;
        names.collect::<Result<_, _>>().map_err(failed)
    }

    /// Sends the rows of every page. The parameter of the query is the key of the row before.
    fn pages(
        &self,
        sql: &str,
        sink: &mut Sink<'_>,
        fields: impl Fn(&SqlRow<'_>) -> rusqlite::Result<Fields>,
    ) -> Result<(), Unreadable> {
        let failed = |error: rusqlite::Error| failed(&self.path, &error);
        let mut last = i64::MIN;
        loop {
            let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
            let page = statement.query_map([last], |row| Ok((row.get::<_, i64>(0)?, fields(row)?))).map_err(failed)?;
            let page = page.collect::<Result<Vec<_>, _>>().map_err(failed)?;
            drop(statement);
            let is_last = page.len() < PAGE;
            for (key, fields) in page {
                last = key;
                let email = fields.email.clone().unwrap_or_default();
                let number = u64::try_from(key).unwrap_or_default();
                if sink(Row { number, email, user: fields.into_user() }).is_break() {
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
