//! A user's own claims: facts that the operator stores with a user, such as a department.

use serde::Serialize;
use serde_json::{Map, Value};

/// Longest text form of the claims, in bytes.
pub const MAX_BYTES: usize = 2048;

/// Longest JSON object of name, address, groups and claims together, in bytes. A token with all of them fits into a
/// cookie.
pub const MAX_TOTAL_BYTES: usize = 2150;

/// Most levels of arrays and objects in a value. Parsers of JSON have limits, and serde_json's is 128.
const MAX_DEPTH: usize = 32;

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
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
    /// More than 32 levels.
    #[error("claim {0} must not have more than {MAX_DEPTH} levels of arrays and objects")]
    TooDeep(String),
    /// More than [`MAX_BYTES`].
    #[error("claims must not exceed {MAX_BYTES} bytes; the largest is {0}")]
    TooLarge(String),
    /// More than [`MAX_TOTAL_BYTES`].
    #[error("name, address, groups and claims together must not exceed {MAX_TOTAL_BYTES} bytes; the largest is {0}")]
    TooLargeTogether(String),
}

impl UserClaims {
    /// Parses a JSON object.
    pub fn parse(json: &str) -> Result<Self, ClaimsError> {
        serde_json::from_str(json).map_err(|_| ClaimsError::NotAnObject).and_then(Self::from_object)
    }

    /// The claims of an object.
    pub fn from_object(claims: Map<String, Value>) -> Result<Self, ClaimsError> {
        for (name, value) in &claims {
            check_name(name)?;
            if depth(value) > MAX_DEPTH {
                return Err(ClaimsError::TooDeep(name.clone()));
            }
        }
        if json_length(&claims) > MAX_BYTES {
            return Err(ClaimsError::TooLarge(largest(&claims)));
        }
        Ok(Self(claims))
    }

    /// Checks that a token with the name, the address, the groups and the claims of a user fits into a cookie. Every
    /// write of one of them must check it.
    ///
    /// ```
    /// # use shared::domain::user::UserClaims;
    /// let claims = UserClaims::parse(r#"{"department":"research"}"#).unwrap();
    /// assert!(claims.check_total("Ada", "ada@example.com", &["admin".to_owned()]).is_ok());
    /// let error = claims.check_total("Ada", "ada@example.com", &["x".repeat(2150)]).unwrap_err();
    /// assert!(error.to_string().ends_with("the largest is groups"));
    /// ```
    pub fn check_total(&self, name: &str, email: &str, groups: &[String]) -> Result<(), ClaimsError> {
        let mut all = self.0.clone();
        all.insert("name".to_owned(), name.into());
        all.insert("email".to_owned(), email.into());
        all.insert("groups".to_owned(), groups.into());
        if json_length(&all) > MAX_TOTAL_BYTES { Err(ClaimsError::TooLargeTogether(largest(&all))) } else { Ok(()) }
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

/// The name of the member with the longest value.
pub(in crate::domain) fn largest(claims: &Map<String, Value>) -> String {
    let longest = claims.iter().max_by_key(|(_, value)| value.to_string().len());
    longest.map(|(name, _)| name.clone()).unwrap_or_default()
}

/// The number of levels of arrays and objects.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The length of a value as JSON text, in bytes.
pub(in crate::domain) fn json_length(value: &impl Serialize) -> usize {
    /// Above every limit, and small enough for sums.
    const TOO_LONG: usize = 1 << 20;
    // Only maps whose names are not text have no JSON form.
    serde_json::to_string(value).map_or(TOO_LONG, |json| json.len())
}

fn check_name(name: &str) -> Result<(), ClaimsError> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_allowed) {
        return Err(ClaimsError::Name);
    }
    // Go's encoding/json, for one, ignores case: there `Sub` would replace `sub`.
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        Err(ClaimsError::Reserved(name.to_owned()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_and_malformed_names_are_rejected() {
        for name in RESERVED {
            let claims = UserClaims::default().with(name, Value::from(1));
            assert_eq!(claims, Err(ClaimsError::Reserved(name.to_owned())));
            let upper = name.to_uppercase();
            assert_eq!(UserClaims::check_name(&upper), Err(ClaimsError::Reserved(upper.clone())));
        }
        for name in ["", "two words", "zoë", "a\"b", "a\n", &"a".repeat(65)] {
            assert_eq!(UserClaims::default().with(name, Value::from(1)), Err(ClaimsError::Name), "{name}");
        }
        for name in ["department", "https://example.com/role", "a".repeat(64).as_str(), "subs"] {
            assert!(UserClaims::default().with(name, Value::from(1)).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_reference_lists_the_reserved_names() {
        let reference = include_str!("../../../../docs/reference/data-model.md");
        let list = reference.split("are reserved, whatever their case:").nth(1).unwrap();
        let names: Vec<&str> = list.split("\n- ").next().unwrap().split('`').skip(1).step_by(2).collect();
        assert_eq!(names, RESERVED);
    }

    #[test]
    fn more_than_2048_bytes_are_rejected_with_the_name_of_the_largest_claim() {
        let claims = UserClaims::parse(r#"{"small":1}"#).unwrap();
        let fits = claims.clone().with("large", Value::from("x".repeat(2026))).unwrap();
        assert_eq!(fits.to_json().len(), MAX_BYTES);
        assert_eq!(claims.with("large", Value::from("x".repeat(2027))), Err(ClaimsError::TooLarge("large".to_owned())));
    }

    #[test]
    fn name_address_groups_and_claims_have_a_common_limit_and_the_largest_is_named() {
        let total = |json: &str, name: &str, email: &str, groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
            UserClaims::parse(json).unwrap().check_total(name, email, &groups)
        };
        let too_large = |claim: &str| Err(ClaimsError::TooLargeTogether(claim.to_owned()));
        let of_2048 = format!(r#"{{"note":"{}"}}"#, "x".repeat(2037));
        assert_eq!(of_2048.len(), MAX_BYTES);
        assert_eq!(total(&of_2048, "Ada Lovelace", "ada@example.com", &["admin"]), Ok(()));
        assert_eq!(total(&of_2048, &"\u{1f469}".repeat(100), "ada@example.com", &[]), too_large("note"));
        assert_eq!(total("{}", "Ada", "ada@example.com", &["\u{1}".repeat(360).as_str()]), too_large("groups"));
        assert_eq!(total("{}", &"\u{1f469}".repeat(100), &"e".repeat(254), &[]), Ok(()), "every sign-up fits");
        let empty = r#"{"name":"","email":"","groups":[""]}"#.len();
        let groups = "g".repeat(MAX_TOTAL_BYTES - empty);
        assert_eq!(total("{}", "", "", &[groups.as_str()]), Ok(()));
        assert_eq!(total("{}", "", "", &[format!("{groups}g").as_str()]), too_large("groups"));
    }

    #[test]
    fn a_value_has_at_most_32_levels() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let with = |levels| UserClaims::default().with("x", serde_json::from_str(&nested(levels)).unwrap());
        assert_eq!(UserClaims::parse(&with(32).unwrap().to_json()), with(32), "what is stored can be read");
        for levels in [33, 127] {
            assert_eq!(with(levels), Err(ClaimsError::TooDeep("x".to_owned())));
        }
        let objects = format!(r#"{{"x":{}1{}}}"#, r#"{"a":"#.repeat(33), "}".repeat(33));
        assert_eq!(UserClaims::parse(&objects), Err(ClaimsError::TooDeep("x".to_owned())));
    }

    #[test]
    fn only_an_object_is_accepted() {
        for json in ["", "[]", "null", "1", "{", "{} x"] {
            assert_eq!(UserClaims::parse(json), Err(ClaimsError::NotAnObject), "{json}");
        }
        assert!(UserClaims::parse("{}").unwrap().is_empty());
    }
}
