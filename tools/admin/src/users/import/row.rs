//! Rows of a source, checked by the rules that sign-up and log-in have.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};
use shared::{
    aws::store::admin::ImportedUser,
    domain::{
        password::{PasswordHash, UnusableHash},
        time::UnixSeconds,
        user::{ClaimsError, Email, Name, NewUser, PublicId, UserClaims, check_group},
    },
};

use super::{
    hash,
    reject::{Reason, Rejection},
};

/// Longest address in a report, in characters.
const MAX_REPORTED: usize = 254;

/// A row of a source: its number, and a user or why it is rejected.
pub(super) struct Row<T> {
    /// Line or position, from 1, or primary key.
    pub(super) number: i64,
    /// The address as the source has it, for the report.
    pub(super) email: String,
    pub(super) user: Result<T, Rejection>,
}

/// A user as the source has it.
#[derive(Default)]
pub(super) struct SourceUser {
    /// The identifier in the source. It is kept if it is a UUID.
    pub(super) id: String,
    pub(super) email: String,
    /// Names, the best one first. The first that is not blank is used.
    pub(super) names: Vec<String>,
    /// In the format of the source; empty if the user has no password.
    pub(super) password_hash: String,
    pub(super) groups: Vec<String>,
    pub(super) claims: Map<String, Value>,
    pub(super) created_at: Option<UnixSeconds>,
    pub(super) email_verified: Option<bool>,
    pub(super) disabled: bool,
}

/// Checks rows one after the other, and remembers the addresses and identifiers of all of them.
pub(super) struct Checker {
    /// Part of identifiers that are derived, so that those of two sources differ.
    source: &'static str,
    unit: &'static str,
    keep_claims: bool,
    /// The creation time of users whose source has none.
    now: UnixSeconds,
    /// The number of a row by each of its keys, which are truncated SHA-256 hashes. All rows of an import are in
    /// memory, so both are byte arrays, which need no padding. A collision would reject a row as a duplicate.
    rows: HashMap<[u8; 12], [u8; 8]>,
}

impl Checker {
    pub(super) fn new(source: &'static str, unit: &'static str, keep_claims: bool, now: UnixSeconds) -> Self {
        Self { source, unit, keep_claims, now, rows: HashMap::new() }
    }

    pub(super) fn check(&mut self, row: Row<SourceUser>) -> Row<ImportedUser> {
        let Row { number, mut email, user } = row;
        let user = user.and_then(|user| {
            email.clone_from(&user.email);
            self.user(number, user)
        });
        // Text of a rejected row, which may be of any length.
        if email.len() > MAX_REPORTED {
            email = email.chars().take(MAX_REPORTED).collect();
        }
        Row { number, email, user }
    }

    fn user(&mut self, number: i64, user: SourceUser) -> Result<ImportedUser, Rejection> {
        if user.email.trim().is_empty() {
            return Err(Rejection::new(Reason::NoEmail, "the user has no email address"));
        }
        // Log-in accepts these addresses. Sign-up is stricter, which must not lock existing users out.
        let email = Email::parse(&user.email)
            .map_err(|error| Rejection::new(Reason::InvalidEmail, format!("the email address {error}")))?;
        let name = name(&user.names, &email)?;
        let password_hash = PasswordHash::from_stored(hash::convert(&user.password_hash)?);
        password_hash.inspect().map_err(|error| unusable(&error))?;
        let claims = if self.keep_claims { claims(user.claims)? } else { UserClaims::default() };
        let groups = groups(user.groups)?;
        claims.check_total(name.as_str(), email.as_str(), &groups).map_err(|error| invalid_claims(&error))?;
        let created_at = user.created_at.unwrap_or(self.now);
        if created_at > UnixSeconds::LATEST {
            return Err(Rejection::new(Reason::InvalidTime, "the creation time is after the year 9999"));
        }
        let public_id = PublicId::parse_any_form(user.id.trim()).unwrap_or_else(|| self.derived_id(&user.id, &email));
        let id = (!user.id.is_empty()).then(|| (key(&format!("id {public_id}")), "identifier"));
        let address = (key(&format!("email {}", email.as_str())), "email address");
        self.register(&id.into_iter().chain([address]).collect::<Vec<_>>(), number)?;
        Ok(ImportedUser {
            user: NewUser { public_id, name, email },
            password_hash,
            groups,
            claims,
            created_at,
            email_verified: user.email_verified,
            disabled: user.disabled,
        })
    }

    /// The same in every run, so that a second run recognizes the users of the first one: a UUID v8 (RFC 9562).
    fn derived_id(&self, id: &str, email: &Email) -> PublicId {
        let (kind, value) = if id.is_empty() { ("email", email.as_str()) } else { ("id", id) };
        let hash = digest(&SHA256, format!("postern import\0{}\0{kind}\0{value}", self.source).as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_ref()[..16]);
        PublicId::from_bytes(*uuid::Builder::from_custom_bytes(bytes).into_uuid().as_bytes())
    }

    /// Remembers a row by its keys, or by none of them if an earlier row has one: a rejected row claims nothing.
    fn register(&mut self, keys: &[([u8; 12], &str)], number: i64) -> Result<(), Rejection> {
        for (key, what) in keys {
            if let Some(earlier) = self.rows.get(key) {
                let detail = format!("{} {} has the same {what}", self.unit, i64::from_ne_bytes(*earlier));
                return Err(Rejection::new(Reason::Duplicate, detail));
            }
        }
        self.rows.extend(keys.iter().map(|(key, _)| (*key, number.to_ne_bytes())));
        Ok(())
    }
}

fn key(value: &str) -> [u8; 12] {
    let mut key = [0; 12];
    key.copy_from_slice(&digest(&SHA256, value.as_bytes()).as_ref()[..12]);
    key
}

/// The first name that is not blank, or the local part of the address.
fn name(names: &[String], email: &Email) -> Result<Name, Rejection> {
    let local = email.as_str().rsplit_once('@').map_or("", |(local, _)| local);
    let name = names.iter().map(|name| name.trim()).find(|name| !name.is_empty()).unwrap_or(local);
    Name::parse(name).map_err(|error| Rejection::new(Reason::InvalidName, format!("the name {error}")))
}

fn unusable(error: &UnusableHash) -> Rejection {
    let reason = match error {
        UnusableHash::UnknownFormat => Reason::UnsupportedHash,
        UnusableHash::Malformed(_) => Reason::MalformedHash,
        UnusableHash::TooExpensive(_) => Reason::ExpensiveHash,
    };
    Rejection::new(reason, error.to_string())
}

fn claims(claims: Map<String, Value>) -> Result<UserClaims, Rejection> {
    UserClaims::from_object(claims).map_err(|error| invalid_claims(&error))
}

fn invalid_claims(error: &ClaimsError) -> Rejection {
    Rejection::new(Reason::InvalidClaims, format!("{error}; --no-claims imports users without claims"))
}

/// DynamoDB's sets have no order and no duplicates.
fn groups(mut groups: Vec<String>) -> Result<Vec<String>, Rejection> {
    groups.sort_unstable();
    groups.dedup();
    let invalid = groups.iter().find_map(|group| check_group(group).err());
    match invalid {
        Some(error) => Err(Rejection::new(Reason::InvalidGroups, error.to_string())),
        None => Ok(groups),
    }
}
