//! Keycloak: `kc.sh export --realm NAME --users realm_file`, or the files of users of another export.

use std::{fs::File, io::BufReader, path::Path};

use serde_json::Value;
use shared::domain::time::UnixSeconds;

use super::{
    super::{hash, reject::Rejection, row::SourceUser, times},
    Sink, Unreadable, json,
    layout::Shape,
    members::{self, Object, malformed},
};

pub(super) fn read(file: BufReader<File>, path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let shape = Shape { member: Some("users"), lines: false };
    json::users(file, path, shape, sink, members::email, user)
}

fn user(object: &Object) -> Result<SourceUser, Rejection> {
    let (first, last) = (members::text(object, "firstName")?, members::text(object, "lastName")?);
    let username = members::text(object, "username")?;
    let email = match members::text(object, "email")? {
        // Realms may use the address as the username.
        email if email.is_empty() && username.contains('@') => username.clone(),
        email => email,
    };
    // A path, such as /staff/editors.
    let groups = members::texts(object, "groups")?;
    Ok(SourceUser {
        id: members::text(object, "id")?,
        email,
        names: vec![members::full_name(&first, &last), username],
        password_hash: password_hash(members::array(object, "credentials")?)?,
        groups: groups.iter().map(|path| path.trim_start_matches('/').to_owned()).collect(),
        claims: attributes(&members::object(object, "attributes")?),
        created_at: created_at(object)?,
        email_verified: members::boolean(object, "emailVerified")?,
        disabled: members::boolean(object, "enabled")? == Some(false),
    })
}

fn created_at(object: &Object) -> Result<Option<UnixSeconds>, Rejection> {
    let member = "createdTimestamp";
    object.get(member).map(|time| times::millis(member, time.as_u64())).transpose()
}

/// Attributes have any number of values. One value becomes a text, several an array.
fn attributes(attributes: &Object) -> Object {
    let claim = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([one]) => one.clone(),
        _ => value.clone(),
    };
    attributes.iter().map(|(name, value)| (name.clone(), claim(value))).collect()
}

fn password_hash(credentials: &[Value]) -> Result<String, Rejection> {
    let is_password = |credential: &&Object| credential.get("type").is_some_and(|kind| kind == "password");
    let Some(credential) = credentials.iter().filter_map(Value::as_object).find(is_password) else {
        return Ok(String::new());
    };
    let secret = members::parsed("secretData", &members::text(credential, "secretData")?)?;
    let data = members::parsed("credentialData", &members::text(credential, "credentialData")?)?;
    let (salt, value) = (members::text(&secret, "salt")?, members::text(&secret, "value")?);
    if value.is_empty() {
        return Ok(String::new());
    }
    let rounds = members::identifier(&data, "hashIterations")?;
    match members::text(&data, "algorithm")?.as_str() {
        "pbkdf2" => hash::pbkdf2("sha1", &rounds, &hash::base64(&salt)?, &hash::base64(&value)?),
        "pbkdf2-sha256" => hash::pbkdf2("sha256", &rounds, &hash::base64(&salt)?, &hash::base64(&value)?),
        "pbkdf2-sha512" => hash::pbkdf2("sha512", &rounds, &hash::base64(&salt)?, &hash::base64(&value)?),
        "argon2" => argon2(&members::object(&data, "additionalParameters")?, &rounds, &salt, &value),
        // Providers of third parties store the whole hash as the value.
        "bcrypt" => Ok(value),
        _ => Err(hash::unsupported("a hash of this algorithm")),
    }
}

fn argon2(parameters: &Object, rounds: &str, salt: &str, value: &str) -> Result<String, Rejection> {
    let first = |name: &str| members::texts(parameters, name).map(|texts| texts.first().cloned().unwrap_or_default());
    let version = match first("version")?.as_str() {
        "1.3" => 19,
        "1.0" => 16,
        _ => return Err(malformed("version", "1.0 or 1.3")),
    };
    let (variant, memory, lanes) = (first("type")?, first("memory")?, first("parallelism")?);
    let trim = |text: &str| text.trim_end_matches('=').to_owned();
    Ok(format!("$argon2{variant}$v={version}$m={memory},t={rounds},p={lanes}${}${}", trim(salt), trim(value)))
}
