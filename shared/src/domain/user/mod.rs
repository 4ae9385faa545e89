//! Users: identifier, name, email address, claims, record.

mod characters;
mod claims;
mod email;
mod email_domain;
mod groups;
mod name;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

pub(in crate::domain) use self::claims::{json_length, largest as largest_claim};
pub use self::{
    claims::{ClaimsError, MAX_BYTES as MAX_CLAIMS_BYTES, MAX_TOTAL_BYTES as MAX_TOTAL_CLAIMS_BYTES, UserClaims},
    email::{Email, EmailError, MAX_BYTES as MAX_EMAIL_BYTES},
    email_domain::EmailDomain,
    groups::{GroupError, check_group},
    name::{MAX_BYTES as MAX_NAME_BYTES, Name, NameError},
};

/// The public identifier of a user: a UUID in lower case with hyphens (RFC 9562 section 4), version 4 unless the user
/// was imported.
///
/// ```
/// # use shared::domain::user::PublicId;
/// let id = PublicId::random();
/// assert_eq!(PublicId::parse(&id.to_string()), Some(id));
/// assert_eq!(PublicId::parse(&id.to_string().to_uppercase()), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct PublicId(Uuid);

impl PublicId {
    /// A new identifier, with 122 bits from the operating system's random generator.
    #[expect(clippy::disallowed_methods, reason = "identifiers come from the operating system's generator")]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Parses the canonical form. Other forms of a UUID (upper case, braces, no hyphens) are rejected.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(text).ok()?;
        (uuid.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(Self(uuid))
    }

    /// Parses a UUID in any form that other systems write: upper case, no hyphens, braces, or a URN. The nil UUID and
    /// the max UUID identify no user.
    pub fn parse_any_form(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().filter(|uuid| !uuid.is_nil() && !uuid.is_max()).map(Self)
    }

    /// The 16 bytes of the UUID.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The identifier with these 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for PublicId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a UUID in lower case with hyphens"))
    }
}

/// A user as every authenticated client may see them.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PublicUser {
    /// The identifier.
    pub public_id: PublicId,
    /// The name, as typed.
    pub name: String,
    /// The canonical email address.
    pub email: String,
}

/// A user's record: the public part, and what determines access.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The part that other users see.
    pub profile: PublicUser,
    /// Groups that the operator assigned, such as `admin`.
    pub groups: Vec<String>,
    /// The user's own claims.
    pub claims: UserClaims,
    /// Disabled by the operator: all tokens of the user are rejected.
    pub disabled: bool,
    /// How often all sessions of the user were ended together. Sessions and tokens of another version are revoked.
    pub version: u64,
}

/// A user to be created.
#[derive(Clone)]
pub struct NewUser {
    /// Generated for this sign-up.
    pub public_id: PublicId,
    /// Display name.
    pub name: Name,
    /// E-mail address.
    pub email: Email,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_of_an_identifier_is_accepted() {
        let id = PublicId::random();
        let text = id.to_string();
        assert_eq!(PublicId::parse(&text), Some(id));
        for other in [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!("{text} "),
        ] {
            assert_eq!(PublicId::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn identifiers_of_other_systems_are_uuids_in_any_form() {
        let id = PublicId::random();
        let text = id.to_string();
        let hex = text.replace('-', "");
        let (braces, urn) = (format!("{{{text}}}"), format!("urn:uuid:{text}"));
        for form in [&text, &text.to_uppercase(), &hex, &hex.to_uppercase(), &braces, &urn] {
            assert_eq!(PublicId::parse_any_form(form), Some(id), "{form}");
        }
        for other in ["", "17", &hex[1..], &text[1..], &format!("{hex}0"), &format!("{text} "), &format!("{hex}-")] {
            assert_eq!(PublicId::parse_any_form(other), None, "{other}");
        }
        for digit in ["0", "f"] {
            assert_eq!(PublicId::parse_any_form(&digit.repeat(32)), None);
        }
    }
}
