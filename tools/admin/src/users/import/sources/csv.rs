//! Supabase: the table `auth.users` as CSV with a header, as its dashboard and `psql` export it.

use std::{fs::File, io::BufReader, path::Path};

use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use shared::domain::time::UnixSeconds;

use super::{
    super::{
        reject::{Reason, Rejection},
        row::{Row, SourceUser},
        times,
    },
    MAX_ROW, Sink, Unreadable,
    limited::{Limited, Meter, is_too_long},
    members,
    quotes::Quotes,
};

const BUFFER: usize = 64 * 1024;

pub(super) fn supabase(
    file: BufReader<File>,
    path: &Path,
    now: UnixSeconds,
    sink: &mut Sink<'_>,
) -> Result<(), Unreadable> {
    let meter = Meter::new();
    let quotes = Quotes::new(Limited::new(file, &meter), &meter);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(BUFFER).from_reader(quotes);
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord| {
        meter.limit();
        let next = meter.lines() + 1;
        let found = reader.read_byte_record(record);
        // Blank lines are skipped, and a quoted field may have several lines. The parser's own count is wrong for CRLF.
        let found = found.map_err(|error| unreadable(path, meter.row().max(next), &error))?;
        Ok(found.then(|| meter.row()))
    };
    next(&mut record)?.ok_or_else(|| Unreadable(format!("{} is empty", path.display())))?;
    let header = Header::of(&record, path)?;
    while let Some(number) = next(&mut record)? {
        let (email, user) = match fields(&record, header.0.len()) {
            Ok(fields) => {
                let get = |name: &str| header.field(&fields, name);
                (get("email").to_owned(), user(get, now))
            }
            Err(rejection) => (String::new(), Err(rejection)),
        };
        if sink(Row { number, email, user }).is_break() {
            break;
        }
    }
    Ok(())
}

/// The names of the columns.
struct Header(Vec<String>);

impl Header {
    fn of(record: &ByteRecord, path: &Path) -> Result<Self, Unreadable> {
        let names = record.iter().map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase());
        let header = Self(names.collect());
        for column in ["id", "email", "encrypted_password"] {
            if !header.0.iter().any(|name| name == column) {
                let detail = format!("{} has no column {column}: the first line must name the columns", path.display());
                return Err(Unreadable(detail));
            }
        }
        Ok(header)
    }

    /// A field, empty if the column is missing or the value is NULL in any of its forms.
    fn field<'f>(&self, fields: &[&'f str], name: &str) -> &'f str {
        let column = self.0.iter().position(|column| column == name);
        let field = column.and_then(|column| fields.get(column).copied()).unwrap_or_default();
        if matches!(field, "null" | "NULL" | "\\N") { "" } else { field }
    }
}

fn fields(record: &ByteRecord, expected: usize) -> Result<Vec<&str>, Rejection> {
    if record.len() != expected {
        let detail = format!("it has {} fields instead of {expected}", record.len());
        return Err(Rejection::new(Reason::MalformedRow, detail));
    }
    let fields: Result<_, _> = record.iter().map(std::str::from_utf8).collect();
    fields.map_err(|_| Rejection::new(Reason::MalformedRow, "invalid UTF-8"))
}

fn user<'f>(get: impl Fn(&str) -> &'f str, now: UnixSeconds) -> Result<SourceUser, Rejection> {
    if !get("deleted_at").is_empty() {
        return Err(Rejection::new(Reason::Deleted, "the user is deleted in the source"));
    }
    // Only the server writes these; users write raw_user_meta_data themselves.
    let mut claims = members::parsed("raw_app_meta_data", get("raw_app_meta_data"))?;
    for own in ["provider", "providers"] {
        claims.remove(own);
    }
    let groups = members::texts(&claims, "groups")?;
    claims.remove("groups");
    let metadata = members::parsed("raw_user_meta_data", get("raw_user_meta_data"))?;
    let names = ["full_name", "name", "display_name"].map(|name| members::text(&metadata, name).unwrap_or_default());
    let created_at = times::parse("created_at", get("created_at"))?;
    Ok(SourceUser {
        id: get("id").to_owned(),
        email: get("email").to_owned(),
        names: names.to_vec(),
        password_hash: get("encrypted_password").to_owned(),
        groups,
        claims,
        created_at,
        email_verified: Some(!get("email_confirmed_at").is_empty()),
        disabled: is_banned(get("banned_until"), now)?,
    })
}

fn is_banned(until: &str, now: UnixSeconds) -> Result<bool, Rejection> {
    if until == "infinity" {
        return Ok(true);
    }
    let until = times::parse("banned_until", until)?;
    Ok(until.is_some_and(|until| until > now))
}

fn unreadable(path: &Path, line: i64, error: &csv::Error) -> Unreadable {
    let problem = match error.kind() {
        ErrorKind::Io(error) if is_too_long(error) => {
            format!("the row is longer than {MAX_ROW} bytes; is a quotation mark missing?")
        }
        ErrorKind::Io(error) => error.to_string(),
        _ => "it is not CSV".to_owned(),
    };
    Unreadable(format!("{} cannot be read from line {line} on: {problem}", path.display()))
}
