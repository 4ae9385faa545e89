//! Postern's own format: one JSON object a line. docs/reference/import-format.md describes it.

use std::{fs::File, io::BufReader, path::Path};

use serde_json::Value;
use shared::domain::{time::UnixSeconds, user::PublicId};

use super::{
    super::{
        reject::{Reason, Rejection},
        row::{Row, SourceUser},
    },
    Sink, Unreadable, json,
    lines::Lines,
    members::{self, Object, malformed},
    repeated::Repeated,
};

const MEMBERS: [&str; 9] =
    ["public_id", "name", "email", "password_hash", "created_at", "groups", "claims", "email_verified", "disabled"];

pub(super) fn read(file: BufReader<File>, path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let mut lines = Lines::new(file);
    while let Some((number, line)) = lines.next(path)? {
        let object = json::parse::<Object>(&line);
        let email =
            object.as_ref().ok().and_then(|object| object.get("email")?.as_str()).unwrap_or_default().to_owned();
        let user = object.and_then(|object| {
            check_members(&object)?;
            match json::parse(&line)? {
                Repeated(Some(name)) => {
                    Err(Rejection::new(Reason::MalformedRow, format!("member {:?} is given twice", short(&name))))
                }
                Repeated(None) => user(&object),
            }
        });
        if sink(Row { number, email, user }).is_break() {
            break;
        }
    }
    Ok(())
}

fn check_members(object: &Object) -> Result<(), Rejection> {
    match object.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        Some(name) => Err(Rejection::new(Reason::UnknownMember, format!("member {:?} is not known", short(name)))),
        None => Ok(()),
    }
}

/// The start of a name, for a message.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
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
