//! Ory Kratos: identities with the credentials of the method `password`.

use std::{fs::File, io::BufReader, path::Path};

use serde_json::Value;

use super::{
    super::{reject::Rejection, row::SourceUser, times},
    Sink, Unreadable, json,
    layout::Shape,
    members::{self, Object},
};

pub(super) fn read(file: BufReader<File>, path: &Path, sink: &mut Sink<'_>) -> Result<(), Unreadable> {
    let shape = Shape { member: Some("identities"), lines: true };
    json::users(file, path, shape, sink, email, user)
}

fn user(object: &Object) -> Result<SourceUser, Rejection> {
    let email = email(object)?;
    let traits = members::object(object, "traits")?;
    Ok(SourceUser {
        id: members::text(object, "id")?,
        names: names(&traits)?,
        password_hash: members::text(&members::object(&password(object)?, "config")?, "hashed_password")?,
        groups: Vec::new(),
        claims: members::object(object, "metadata_public")?,
        created_at: times::parse("created_at", &members::text(object, "created_at")?)?,
        email_verified: is_verified(members::array(object, "verifiable_addresses")?, &email),
        disabled: members::text(object, "state")? == "inactive",
        email,
    })
}

/// The trait `email`, or the identifier that the user logs in with.
fn email(object: &Object) -> Result<String, Rejection> {
    let email = members::text(&members::object(object, "traits")?, "email")?;
    if !email.is_empty() {
        return Ok(email);
    }
    let identifiers = members::texts(&password(object)?, "identifiers")?;
    Ok(identifiers.into_iter().find(|identifier| identifier.contains('@')).unwrap_or_default())
}

/// The credentials of the method `password`.
fn password(object: &Object) -> Result<Object, Rejection> {
    members::object(&members::object(object, "credentials")?, "password")
}

/// The trait `name`: a text, or the members `first` and `last`.
fn names(traits: &Object) -> Result<Vec<String>, Rejection> {
    match traits.get("name") {
        Some(Value::Object(name)) => {
            Ok(vec![members::full_name(&members::text(name, "first")?, &members::text(name, "last")?)])
        }
        _ => Ok(vec![members::text(traits, "name")?]),
    }
}

fn is_verified(addresses: &[Value], email: &str) -> Option<bool> {
    let address = addresses.iter().find(|address| address["value"].as_str().is_some_and(|value| value == email))?;
    address["verified"].as_bool()
}
