//! Auth0: the export with password hashes that its support provides, and files for its bulk import.

use std::{fs::File, io::BufReader, path::Path};

use serde_json::Value;
use shared::domain::time::UnixSeconds;

use super::{
    super::{hash, reject::Rejection, row::SourceUser, times},
    Sink, Unreadable, json,
    layout::Shape,
    members::{self, Object},
};

pub(super) fn read(file: BufReader<File>, path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let shape = Shape { member: Some("users"), lines: true };
    json::users(file, path, shape, sink, members::email, user)
}

fn user(object: &Object) -> Result<SourceUser, Rejection> {
    let email = members::text(object, "email")?;
    let full = members::full_name(&members::text(object, "given_name")?, &members::text(object, "family_name")?);
    // Auth0 sets the name to the address if there is no name.
    let mut names = vec![members::text(object, "name")?, full, members::text(object, "nickname")?];
    names.retain(|name| *name != email);
    let mut claims = members::object(object, "app_metadata")?;
    let groups = members::texts(&claims, "groups")?;
    claims.remove("groups");
    Ok(SourceUser {
        id: id(object)?,
        email,
        names,
        password_hash: password_hash(object)?,
        groups,
        claims,
        created_at: created_at(object)?,
        email_verified: members::boolean(object, "email_verified")?,
        disabled: members::boolean(object, "blocked")?.unwrap_or(false),
    })
}

/// `user_id`, or the key of the document in the export: `{"_id":{"$oid":"…"}}`.
fn id(object: &Object) -> Result<String, Rejection> {
    let id = members::text(object, "user_id")?;
    if !id.is_empty() {
        return Ok(id);
    }
    match object.get("_id") {
        Some(Value::Object(id)) => members::text(id, "$oid"),
        _ => members::text(object, "_id"),
    }
}

/// A text, or `{"$date":"…"}`, in which MongoDB's extended JSON also writes milliseconds.
fn created_at(object: &Object) -> Result<Option<UnixSeconds>, Rejection> {
    let (object, member) = match object.get("created_at") {
        Some(Value::Object(date)) => (date, "$date"),
        _ => (object, "created_at"),
    };
    match object.get(member) {
        Some(Value::Number(millis)) => times::millis(millis.as_u64()).map(Some),
        _ => times::parse(&members::text(object, member)?),
    }
}

fn password_hash(object: &Object) -> Result<String, Rejection> {
    for member in ["passwordHash", "password_hash"] {
        let hash = members::text(object, member)?;
        if !hash.is_empty() {
            return Ok(hash);
        }
    }
    let custom = members::object(object, "custom_password_hash")?;
    let hash = members::object(&custom, "hash")?;
    let value = members::text(&hash, "value")?;
    match members::text(&custom, "algorithm")?.as_str() {
        // The value is a whole hash.
        "" | "bcrypt" | "argon2" | "pbkdf2" => Ok(value),
        "scrypt" => {
            let salt = members::object(&custom, "salt")?;
            let cost = |name: &str, default: &str| match members::identifier(&custom, name) {
                Ok(text) if text.is_empty() => Ok(default.to_owned()),
                other => other,
            };
            let (n, r, p) = (cost("cost", "16384")?, cost("blockSize", "8")?, cost("parallelization", "1")?);
            hash::scrypt([&hash::log2(&n)?, &r, &p], &decoded(&salt)?, &decoded(&hash)?)
        }
        // MD5, SHA and HMAC by their names.
        weak => hash::convert(&format!("${weak}$")),
    }
}

/// The bytes of a value in its encoding.
fn decoded(object: &Object) -> Result<Vec<u8>, Rejection> {
    let value = members::text(object, "value")?;
    match members::text(object, "encoding")?.as_str() {
        "base64" => hash::base64(&value),
        "hex" => hash::hex(&value),
        _ => Ok(value.into_bytes()),
    }
}
