//! Auth0: the export of password hashes that its support provides, alone or joined with an export of users, and files
//! for its bulk import.

use std::{fs::File, io::BufReader, path::Path};

use serde_json::Value;
use shared::domain::time::UnixSeconds;
use uuid::Uuid;

use super::{
    super::{hash, reject::Rejection, row::SourceUser, times},
    Sink, Unreadable, json,
    layout::Shape,
    members::{self, Object},
};

/// The start of each `user_id` of a database connection.
const CONNECTION: &str = "auth0|";

pub(super) fn read(file: BufReader<File>, path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let shape = Shape { member: Some("users"), lines: true };
    json::users(file, path, shape, sink, email, user)
}

fn user(object: &Object) -> Result<SourceUser, Rejection> {
    let email = email(object)?;
    let email_verified = email_verified(object, &email)?;
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
        email_verified,
        disabled: members::boolean(object, "blocked")?.unwrap_or(false),
    })
}

/// The address of the user, or that among `identifiers`: the export of password hashes may lack the former.
fn email(object: &Object) -> Result<String, Rejection> {
    let email = members::text(object, "email")?;
    if !email.is_empty() {
        return Ok(email);
    }
    identifiers(object)?.next().map_or_else(|| Ok(String::new()), |identifier| members::text(identifier, "value"))
}

/// Whether the user, or the same address among `identifiers`, is verified.
fn email_verified(object: &Object, email: &str) -> Result<Option<bool>, Rejection> {
    let verified = members::boolean(object, "email_verified")?;
    if verified.is_some() {
        return Ok(verified);
    }
    let is_same = |identifier: &&Object| {
        identifier.get("value").and_then(Value::as_str).is_some_and(|value| value.eq_ignore_ascii_case(email))
    };
    identifiers(object)?.find(is_same).map_or(Ok(None), |identifier| members::boolean(identifier, "verified"))
}

/// The email addresses among `identifiers`: `[{"type":"email","value":"…","verified":true}]`.
fn identifiers(object: &Object) -> Result<impl Iterator<Item = &Object>, Rejection> {
    let identifiers = members::array(object, "identifiers")?.iter().filter_map(Value::as_object);
    Ok(identifiers.filter(|identifier| identifier.get("type").is_some_and(|kind| kind == "email")))
}

/// The same identifier from every file: `auth0|` and the identifier in the database connection, or only the latter if
/// it is a UUID. The export of password hashes has the latter as `alt_id` if the customer chose it, and otherwise as
/// the key of the document, `{"_id":{"$oid":"…"}}`. Files for a bulk import have it as `user_id`.
fn id(object: &Object) -> Result<String, Rejection> {
    let mut id = members::text(object, "user_id")?;
    if id.is_empty() {
        id = members::identifier(object, "alt_id")?;
    }
    if id.is_empty() {
        id = match object.get("_id") {
            Some(Value::Object(id)) => members::text(id, "$oid")?,
            _ => members::text(object, "_id")?,
        };
    }
    let own = id.strip_prefix(CONNECTION).unwrap_or(&id);
    // Other strategies have other prefixes, such as `google-oauth2|`.
    let is_complete = own.is_empty() || own.contains('|') || Uuid::try_parse(own).is_ok();
    Ok(if is_complete { own.to_owned() } else { format!("{CONNECTION}{own}") })
}

/// A text, or `{"$date":"…"}`, in which MongoDB's extended JSON also writes milliseconds.
fn created_at(object: &Object) -> Result<Option<UnixSeconds>, Rejection> {
    let (object, member) = match object.get("created_at") {
        Some(Value::Object(date)) => (date, "$date"),
        _ => (object, "created_at"),
    };
    match object.get(member) {
        Some(Value::Number(millis)) => times::millis("created_at", millis.as_u64()).map(Some),
        _ => times::parse("created_at", &members::text(object, member)?),
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
