//! JSON Lines, the format that `admin users import --from jsonl` reads (docs/reference/import-format.md).

use serde::Serialize;
use serde_json::{Map, Value};
use shared::domain::{password::PasswordHash, time::UnixSeconds};

use super::{ExportedUser, Written, append_json};

#[derive(Serialize)]
struct Line<'a> {
    public_id: String,
    name: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "Map::is_empty")]
    claims: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    disabled: bool,
}

pub(super) fn user(user: &ExportedUser, out: &mut Vec<u8>) -> Written {
    let line = Line {
        public_id: user.public_id.to_string(),
        name: &user.name,
        email: &user.email,
        password_hash: user.password_hash.as_ref().map(PasswordHash::as_str),
        created_at: user.created_at,
        groups: &user.groups,
        claims: user.claims.as_object(),
        email_verified: user.email_verified,
        disabled: user.disabled,
    };
    append_json(&line, out);
    out.push(b'\n');
    Written::Complete
}
