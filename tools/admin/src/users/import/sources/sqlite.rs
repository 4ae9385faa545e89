//! SQLite files: the table `user` of the Flask tutorials, and Django's `auth_user`.
//!
//! The file is opened read-only, and nothing is written beside it. It is read in pages, so that an application that is
//! still running can write between them.

use std::path::Path;

use rusqlite::{
    Row as SqlRow,
    types::{FromSql, FromSqlResult, ValueRef},
};

use super::{
    super::{
        reject::{Reason, Rejection},
        row::{Row, SourceUser},
        times,
    },
    MAX_ROW, Sink, Unreadable,
    members::full_name,
    sqlite_file::{PAGE, SqliteFile},
    too_long,
};

/// Reads the table `user` of a tutorial, or `users`.
pub(super) fn flask(path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let file = SqliteFile::open(path)?;
    let table = file.table(&["user", "users"])?;
    let columns = file.columns(table)?;
    let password = file.column(table, &columns, &["password", "password_hash"])?;
    let email = file.column(table, &columns, &["email"])?;
    let rowid = file.rowid(table, &columns)?;
    let first =
        |names: &[&'static str]| names.iter().copied().find(|name| columns.iter().any(|column| column == *name));
    let optional = |name: Option<&str>| name.map_or("NULL".to_owned(), |name| format!("\"{name}\""));
    let admin_column = first(&["admin", "is_admin"]);
    let (id, name, admin) =
        (optional(first(&["public_id"])), optional(first(&["name", "username"])), optional(admin_column));
    let sql = format!(
        "SELECT {rowid}, \"{email}\", \"{password}\", {id}, {name}, {admin} FROM \"{table}\" \
         WHERE {rowid} > ? ORDER BY {rowid} LIMIT {PAGE}"
    );
    let read = |row: &SqlRow<'_>| {
        let admin = row.get::<_, Text>(5)?.flag(admin_column.unwrap_or_default());
        let groups = admin.map(|admin| if admin { vec!["admin".to_owned()] } else { Vec::new() });
        let (id, name) = (row.get::<_, Text>(3)?.checked(), row.get::<_, Text>(4)?.checked());
        let (email, password) = (row.get::<_, Text>(1)?.checked(), row.get::<_, Text>(2)?.checked());
        let fields = Fields { email, password, id, names: vec![name], groups, ..Fields::default() };
        Ok(fields.into_row(row.get(0)?))
    };
    file.pages(&sql, sink, read)
}

/// Reads Django's own table of users, with their groups.
pub(super) fn django(path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let file = SqliteFile::open(path)?;
    let users = ["id", "email", "password", "first_name", "last_name", "username", "is_active", "date_joined"];
    let rowid = file.rowid("auth_user", &file.require("auth_user", &users)?)?;
    file.require("auth_group", &["id", "name"])?;
    file.require("auth_user_groups", &["user_id", "group_id"])?;
    // A group may have any name, even one with a line break.
    let sql = format!(
        "SELECT {rowid}, email, password, first_name, last_name, username, is_active, date_joined, \
         (SELECT json_group_array(CAST(name AS TEXT)) FROM auth_user_groups JOIN auth_group \
          ON auth_group.id = group_id WHERE user_id = auth_user.id), id \
         FROM auth_user WHERE {rowid} > ? ORDER BY {rowid} LIMIT {PAGE}"
    );
    let read = |row: &SqlRow<'_>| {
        let text = |column| row.get::<_, Text>(column).map(Text::checked);
        let full = match (text(3)?, text(4)?) {
            (Ok(first), Ok(last)) => Ok(full_name(&first, &last)),
            (Err(rejection), _) | (_, Err(rejection)) => Err(rejection),
        };
        let fields = Fields {
            email: text(1)?,
            password: text(2)?,
            // As in a dump, so that either of them can be imported after the other.
            id: text(9)?.map(|id| format!("auth.user {id}")),
            names: vec![full, text(5)?],
            groups: text(8)?.and_then(|names| group_names(&names)),
            created_at: text(7)?,
            disabled: row.get::<_, Text>(6)?.flag("is_active").map(|is_active| !is_active),
        };
        Ok(fields.into_row(row.get(0)?))
    };
    file.pages(&sql, sink, read)
}

/// The names in a JSON array.
fn group_names(names: &str) -> Result<Vec<String>, Rejection> {
    serde_json::from_str(names).map_err(|_| Rejection::new(Reason::InvalidGroups, "a group has no name"))
}

/// The columns of a row that a user is made of.
struct Fields {
    email: Result<String, Rejection>,
    password: Result<String, Rejection>,
    id: Result<String, Rejection>,
    names: Vec<Result<String, Rejection>>,
    groups: Result<Vec<String>, Rejection>,
    created_at: Result<String, Rejection>,
    disabled: Result<bool, Rejection>,
}

impl Default for Fields {
    fn default() -> Self {
        let empty = || Ok(String::new());
        Self {
            email: empty(),
            password: empty(),
            id: empty(),
            names: Vec::new(),
            groups: Ok(Vec::new()),
            created_at: empty(),
            disabled: Ok(false),
        }
    }
}

impl Fields {
    /// The row with this key.
    fn into_row(self, number: i64) -> Row<SourceUser> {
        Row { number, email: self.email.clone().unwrap_or_default(), user: self.into_user() }
    }

    fn into_user(self) -> Result<SourceUser, Rejection> {
        Ok(SourceUser {
            id: self.id?,
            email: self.email?,
            names: self.names.into_iter().collect::<Result<_, _>>()?,
            password_hash: self.password?,
            groups: self.groups?,
            created_at: times::parse("date_joined", &self.created_at?)?,
            disabled: self.disabled?,
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
            Self::TooLong => Err(too_long()),
        }
    }

    /// A truth value in the forms that applications store. What else there is may mean either.
    fn flag(self, column: &str) -> Result<bool, Rejection> {
        match self.checked()?.to_ascii_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
            "" | "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
            _ => Err(Rejection::new(Reason::MalformedRow, format!("{column} is neither true nor false"))),
        }
    }
}

impl FromSql for Text {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = match value {
            ValueRef::Null => return Ok(Self::Known(String::new())),
            ValueRef::Integer(number) => return Ok(Self::Known(number.to_string())),
            ValueRef::Real(number) => return Ok(Self::Known(number.to_string())),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        };
        if bytes.len() > MAX_ROW {
            return Ok(Self::TooLong);
        }
        Ok(std::str::from_utf8(bytes).map_or(Self::NotUtf8, |text| Self::Known(text.to_owned())))
    }
}
