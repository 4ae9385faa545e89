//! A user's own claims: facts that the operator stores with a user, such as a department.

use serde_json::{Map, Value};

/// Longest text form of groups and claims together, in bytes. A token with all of them still fits into a cookie.
pub const MAX_BYTES: usize = 2048;

/// Longest name of a claim, in characters.
const MAX_NAME: usize = 64;

/// Names that a user's own claims cannot have: those of Postern's tokens, and those that a service may interpret (RFC
/// 7519 section 4.1, OpenID Connect Core 1.0 sections 2 and 5.1, RFC 7800, RFC 8693, RFC 9068 section 2.2).
const RESERVED: [&str; 36] = [
    "act",
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "email",
    "email_verified",
    "entitlements",
    "exp",
    "family_name",
    "given_name",
    "groups",
    "iat",
    "identity",
    "iss",
    "jti",
    "may_act",
    "name",
    "nbf",
    "nonce",
    "preferred_username",
    "public_id",
    "roles",
    "scope",
    "scp",
    "sid",
    "sub",
    "sub_jwk",
    "typ",
    "updated_at",
    "ver",
];

/// A user's own claims: a JSON object whose names are not reserved.
///
/// ```
/// # use shared::domain::user::UserClaims;
/// let claims = UserClaims::parse(r#"{"department":"research"}"#).unwrap();
/// assert_eq!(claims.get("department").unwrap(), "research");
/// assert!(UserClaims::parse(r#"{"sub":"another user"}"#).is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserClaims(Map<String, Value>);

/// Why claims are rejected. The text names the claim, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Not a JSON object.
    #[error("claims must be a JSON object")]
    NotAnObject,
    /// A name that tokens use already, or that services interpret.
    #[error("claim {0} is reserved")]
    Reserved(String),
    /// A name that is empty, too long, or has other characters.
    #[error("the name of a claim must have 1 to 64 ASCII letters, digits and _ - . : /")]
    Name,
    /// More than 2,048 bytes.
    #[error("groups and claims must not exceed 2048 bytes together; the largest is {0}")]
    TooLarge(String),
}

impl UserClaims {
    /// Parses a JSON object.
    pub fn parse(json: &str) -> Result<Self, ClaimsError> {
        serde_json::from_str(json).map_err(|_| ClaimsError::NotAnObject).and_then(Self::from_object)
    }

    /// The claims of an object.
    pub fn from_object(claims: Map<String, Value>) -> Result<Self, ClaimsError> {
        for name in claims.keys() {
            check_name(name)?;
        }
        let claims = Self(claims);
        let largest = || claims.0.iter().max_by_key(|(_, value)| value.to_string().len()).map(|(name, _)| name.clone());
        if claims.to_json().len() > MAX_BYTES {
            return Err(ClaimsError::TooLarge(largest().unwrap_or_default()));
        }
        Ok(claims)
    }

    /// The same claims with another value of `name`.
    pub fn with(mut self, name: &str, value: Value) -> Result<Self, ClaimsError> {
        self.0.insert(name.to_owned(), value);
        Self::from_object(self.0)
    }

    /// The same claims without `name`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// The value of a claim.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether there is no claim.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims as an object.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The claims as JSON text, which is the stored form.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Whether a claim of this name can be stored.
    pub fn check_name(name: &str) -> Result<(), ClaimsError> {
        check_name(name)
    }
}

fn check_name(name: &str) -> Result<(), ClaimsError> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_allowed) {
        return Err(ClaimsError::Name);
    }
    if RESERVED.contains(&name) { Err(ClaimsError::Reserved(name.to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_and_malformed_names_are_rejected() {
        for name in RESERVED {
            let claims = UserClaims::default().with(name, Value::from(1));
            assert_eq!(claims, Err(ClaimsError::Reserved(name.to_owned())));
        }
        for name in ["", "two words", "zoë", "a\"b", "a\n", &"a".repeat(65)] {
            assert_eq!(UserClaims::default().with(name, Value::from(1)), Err(ClaimsError::Name), "{name}");
        }
        for name in ["department", "https://example.com/role", "a".repeat(64).as_str(), "Sub"] {
            assert!(UserClaims::default().with(name, Value::from(1)).is_ok(), "{name}");
        }
    }

    #[test]
    fn more_than_2048_bytes_are_rejected_with_the_name_of_the_largest_claim() {
        let claims = UserClaims::parse(r#"{"small":1}"#).unwrap();
        let fits = claims.clone().with("large", Value::from("x".repeat(2026))).unwrap();
        assert_eq!(fits.to_json().len(), MAX_BYTES);
        assert_eq!(claims.with("large", Value::from("x".repeat(2027))), Err(ClaimsError::TooLarge("large".to_owned())));
    }

    #[test]
    fn only_an_object_is_accepted() {
        for json in ["", "[]", "null", "1", "{", "{} x"] {
            assert_eq!(UserClaims::parse(json), Err(ClaimsError::NotAnObject), "{json}");
        }
        assert!(UserClaims::parse("{}").unwrap().is_empty());
    }
}
