//! The CSV file of a user import job of Amazon Cognito.
//!
//! Its rules differ from RFC 4180: no quotes, and a backslash before each comma of a value ("Formatting the .csv file"
//! in Cognito's developer guide). All standard attributes are present, in any order.

use shared::domain::password::PasswordHash;

use super::{ExportedUser, Written, hash::HashParts};

const USERNAME: &str = "cognito:username";
const PASSWORD_HASH: &str = "cognito:password_hash";

/// The columns of a pool without custom attributes, as `aws cognito-idp get-csv-header` prints them.
const COLUMNS: [&str; 21] = [
    USERNAME,
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    "cognito:mfa_enabled",
];

/// The highest Argon2id cost that the import accepts.
const MAX_MEMORY_KIB: u32 = 19_456;
const MAX_PASSES: u32 = 2;
const MAX_LANES: u32 = 1;

/// Most users of a file.
const MAX_USERS: u64 = 500_000;

/// Longest row, in characters.
const MAX_ROW: usize = 16_000;

pub(super) fn header(with_hashes: bool, out: &mut Vec<u8>) {
    let columns: Vec<&str> = COLUMNS.into_iter().chain(with_hashes.then_some(PASSWORD_HASH)).collect();
    out.extend_from_slice(columns.join(",").as_bytes());
    out.push(b'\n');
}

pub(super) fn user(user: &ExportedUser, with_hashes: bool, out: &mut Vec<u8>) -> Written {
    if user.disabled {
        return Written::LeftOut("disabled, and Cognito's import would enable the user".to_owned());
    }
    if !is_representable(&user.email) {
        return Written::LeftOut(format!("the email address has {UNREPRESENTABLE}"));
    }
    let hash = user.password_hash.as_ref().map(PasswordHash::as_str);
    if let Some(reason) = hash.and_then(refusal) {
        return Written::LeftOut(reason);
    }
    let mut row = COLUMNS.map(|column| escape(&value(column, user))).join(",");
    if with_hashes {
        row.push(',');
        row.push_str(&escape(hash.unwrap_or_default()));
    }
    if row.chars().count() > MAX_ROW {
        return Written::LeftOut(format!("the row would exceed {MAX_ROW} characters"));
    }
    row.push('\n');
    out.extend_from_slice(row.as_bytes());
    if is_representable(&user.name) {
        Written::Complete
    } else {
        Written::WithoutName(format!("it has {UNREPRESENTABLE}"))
    }
}

pub(super) fn notes(users: u64, unverified: u64) -> Vec<String> {
    let mut notes = Vec::new();
    if unverified > 0 {
        notes.push(format!(
            "the addresses of {unverified} users are not verified; Cognito rejects them if the user pool verifies \
             addresses"
        ));
    }
    if users > MAX_USERS {
        notes.push(format!("{users} users are more than the {MAX_USERS} of one import job; split the file"));
    }
    notes
}

fn value(column: &str, user: &ExportedUser) -> String {
    match column {
        USERNAME | "email" => user.email.clone(),
        "name" if is_representable(&user.name) => user.name.clone(),
        // The identifier that other services know the user by. Cognito assigns a `sub` of its own.
        "preferred_username" => user.public_id.to_string(),
        "email_verified" => user.email_verified.unwrap_or_default().to_string(),
        "phone_number_verified" | "cognito:mfa_enabled" => "false".to_owned(),
        _ => String::new(),
    }
}

/// What the file has no form for: it has neither quotes nor an escape for a backslash.
const UNREPRESENTABLE: &str = "a quotation mark, a backslash or a line break, for which Cognito's CSV has no form";

fn is_representable(value: &str) -> bool {
    !value.contains(|c: char| c.is_control() || matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}'))
}

fn escape(value: &str) -> String {
    value.replace(',', "\\,")
}

/// Why the import would reject a hash.
fn refusal(hash: &str) -> Option<String> {
    let Some(parts) = HashParts::parse(hash).filter(|parts| parts.scheme == "argon2id") else {
        return Some("the hash is not Argon2id; the user's next log-in replaces it".to_owned());
    };
    let is_within = |name, limit| parts.parameter(name).is_some_and(|value| value <= limit);
    let is_accepted = parts.version == Some("v=19")
        && is_within("m", MAX_MEMORY_KIB)
        && is_within("t", MAX_PASSES)
        && is_within("p", MAX_LANES);
    (!is_accepted).then(|| {
        format!("the hash exceeds Argon2id with m={MAX_MEMORY_KIB},t={MAX_PASSES},p={MAX_LANES}, which Cognito accepts")
    })
}
