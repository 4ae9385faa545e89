//! Firebase Authentication: `firebase auth:export users.json --format=json`.

use std::{fs::File, io::BufReader, path::Path};

use shared::domain::time::UnixSeconds;

use super::{
    super::{
        hash::{self, FirebaseProject},
        reject::Rejection,
        row::SourceUser,
        times,
    },
    Sink, Unreadable, json,
    layout::Shape,
    members::{self, Object},
};

pub(super) fn read(
    file: BufReader<File>,
    path: &Path,
    project: Option<&FirebaseProject>,
    sink: &mut Sink<'_>,
) -> Result<(), Unreadable> {
    let shape = Shape { member: Some("users"), lines: false };
    json::users(file, path, shape, sink, members::email, |object| user(object, project))
}

fn user(object: &Object, project: Option<&FirebaseProject>) -> Result<SourceUser, Rejection> {
    let hash = members::text(object, "passwordHash")?;
    let password_hash = match project {
        _ if hash.is_empty() => String::new(),
        None => return Err(hash::unsupported("Firebase's scrypt without --firebase-hash-config")),
        Some(project) => {
            let salt = members::text(object, "salt")?;
            let bytes = |text: &str| hash::base64(&hash::url_safe_to_standard(text));
            project.hash(&bytes(&salt)?, &bytes(&hash)?)?
        }
    };
    Ok(SourceUser {
        id: members::text(object, "localId")?,
        email: members::text(object, "email")?,
        names: vec![members::text(object, "displayName")?],
        password_hash,
        groups: Vec::new(),
        claims: members::parsed("customAttributes", &members::text(object, "customAttributes")?)?,
        created_at: created_at(object)?,
        email_verified: members::boolean(object, "emailVerified")?,
        disabled: members::boolean(object, "disabled")?.unwrap_or(false),
    })
}

/// Milliseconds since 1970, as a text.
fn created_at(object: &Object) -> Result<Option<UnixSeconds>, Rejection> {
    let member = "createdAt";
    let millis = members::identifier(object, member)?;
    if millis.is_empty() { Ok(None) } else { times::millis(member, millis.parse().ok()).map(Some) }
}
