//! Postern's own format: one JSON object a line. docs/reference/import-format.md describes it.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use shared::domain::{time::UnixSeconds, user::PublicId};

use super::{
    super::{
        reject::{Reason, Rejection},
        row::{Row, SourceUser},
    },
    MAX_ROW, Sink, Unreadable,
    json::kind,
    members::{self, Object, malformed},
};

const MEMBERS: [&str; 9] =
    ["public_id", "name", "email", "password_hash", "created_at", "groups", "claims", "email_verified", "disabled"];

pub(super) fn read(file: BufReader<File>, path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let mut lines = Lines::new(file);
    while let Some((number, line)) = lines.next(path)? {
        let user = match line {
            Line::TooLong => Err(Rejection::new(Reason::MalformedRow, format!("longer than {MAX_ROW} bytes"))),
            Line::Text(line) => object(line).and_then(|object| user(&object)),
        };
        if sink(Row { number, email: String::new(), user }).is_break() {
            break;
        }
    }
    Ok(())
}

fn object(line: &[u8]) -> Result<Object, Rejection> {
    let members: Members = serde_json::from_slice(line)
        .map_err(|error| Rejection::new(Reason::MalformedRow, format!("not a JSON object: {}", kind(&error))))?;
    let mut object = Object::new();
    for (name, value) in members.0 {
        if !MEMBERS.contains(&name.as_str()) {
            let name: String = name.chars().take(64).collect();
            return Err(Rejection::new(Reason::UnknownMember, format!("member {name:?} is not known")));
        }
        if object.contains_key(&name) {
            return Err(Rejection::new(Reason::MalformedRow, format!("member {name:?} is given twice")));
        }
        object.insert(name, value);
    }
    Ok(object)
}

fn user(object: &Object) -> Result<SourceUser, Rejection> {
    let id = members::text(object, "public_id")?;
    let canonical = PublicId::parse(&id.trim().to_ascii_lowercase());
    if !id.is_empty() && canonical.is_none() {
        return Err(Rejection::new(Reason::InvalidId, "public_id must be a UUID with hyphens"));
    }
    let created_at = match object.get("created_at") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_u64().ok_or_else(|| malformed("created_at", "seconds since 1970"))?),
    };
    Ok(SourceUser {
        id,
        email: members::text(object, "email")?,
        names: vec![members::text(object, "name")?],
        password_hash: members::text(object, "password_hash")?,
        groups: members::texts(object, "groups")?,
        claims: members::object(object, "claims")?,
        created_at: created_at.map(UnixSeconds::new),
        email_verified: members::boolean(object, "email_verified")?,
        disabled: members::boolean(object, "disabled")?.unwrap_or(false),
    })
}

/// All members of an object, those that are given twice too.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Every;
        impl<'de> Visitor<'de> for Every {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        json.deserialize_map(Every)
    }
}

/// The lines of a file that are not blank, with their numbers.
pub(super) struct Lines<R> {
    file: R,
    number: u64,
    line: Vec<u8>,
}

pub(super) enum Line<'l> {
    Text(&'l [u8]),
    /// Longer than [`MAX_ROW`]. The rest was skipped.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, number: 0, line: Vec::new() }
    }

    pub(super) fn next(&mut self, path: &Path) -> Result<Option<(u64, Line<'_>)>, Unreadable> {
        loop {
            let read = self.read_line();
            let is_whole = read.map_err(|error| {
                Unreadable(format!("cannot read {} after line {}: {error}", path.display(), self.number))
            })?;
            let Some(is_whole) = is_whole else { return Ok(None) };
            self.number += 1;
            if !is_whole {
                return Ok(Some((self.number, Line::TooLong)));
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some((self.number, Line::Text(&self.line))));
            }
        }
    }

    /// Whether the line is whole, or `None` at the end of the file.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let (mut is_whole, mut is_end) = (true, true);
        loop {
            let buffer = self.file.fill_buf()?;
            if buffer.is_empty() {
                return Ok((!is_end).then_some(is_whole));
            }
            is_end = false;
            let end = buffer.iter().position(|&b| b == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            is_whole &= self.line.len() + length <= MAX_ROW;
            if is_whole {
                self.line.extend_from_slice(&buffer[..length]);
            }
            self.file.consume(length);
            if end.is_some() {
                return Ok(Some(is_whole));
            }
        }
    }
}
