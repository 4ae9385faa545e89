//! Postern's own format: one JSON object a line. docs/reference/import-format.md describes it.

use std::{fmt, fs::File, io::BufReader, path::Path};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
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
        let members = json::parse(&line);
        let email = members.as_ref().map_or_else(|_| String::new(), Members::email);
        let user = members.and_then(object).and_then(|object| match json::parse(&line)? {
            Repeated(true) => Err(Rejection::new(Reason::MalformedRow, "a member of an object is given twice")),
            Repeated(false) => user(&object),
        });
        if sink(Row { number, email, user }).is_break() {
            break;
        }
    }
    Ok(())
}

fn object(members: Members) -> Result<Object, Rejection> {
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

impl Members {
    /// The address for the report, or empty text.
    fn email(&self) -> String {
        let email = self.0.iter().find(|(name, _)| name == "email").and_then(|(_, value)| value.as_str());
        email.unwrap_or_default().to_owned()
    }
}

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
