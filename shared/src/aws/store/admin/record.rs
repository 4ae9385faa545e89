//! Items as an operator sees them, including those that the functions would reject.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Number, Value};

use crate::{
    aws::store::item::{Item, is_disabled, is_loggable},
    domain::{
        password::PasswordHash,
        time::{UnixMillis, UnixSeconds},
        user::{PublicId, UserClaims},
    },
};

/// An item in Users.
#[derive(Clone, Default)]
pub struct UserRecord {
    /// The key, as it is stored.
    pub public_id: String,
    /// The display name.
    pub name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// Groups, sorted.
    pub groups: Vec<String>,
    /// The user's own claims.
    pub claims: UserClaims,
    /// The claims as they are stored, for conditions: the same claims have many texts.
    pub(super) stored_claims: Option<AttributeValue>,
    /// When the user signed up.
    pub created_at: Option<UnixSeconds>,
    /// Whether the address is verified. `None`: unknown.
    pub email_verified: Option<bool>,
    /// Disabled by the operator.
    pub disabled: bool,
    /// How often all sessions were ended together.
    pub version: u64,
    /// Attributes that Postern does not write.
    pub other: BTreeMap<String, Value>,
    /// Names of the attributes whose type or value Postern does not write.
    pub invalid: Vec<&'static str>,
}

/// An item in Credentials.
#[derive(Clone, Default)]
pub struct CredentialsRecord {
    /// The key, as it is stored.
    pub email: String,
    /// The user.
    pub public_id: Option<PublicId>,
    /// Hash of the password. It must not be printed.
    pub password_hash: Option<PasswordHash>,
    /// When the user chose the password.
    pub password_set_at: Option<UnixMillis>,
    /// Whether the address is verified. `None`: unknown.
    pub email_verified: Option<bool>,
    /// Disabled by the operator.
    pub disabled: bool,
    /// How often all sessions were ended together.
    pub version: u64,
    /// Attributes that Postern does not write.
    pub other: BTreeMap<String, Value>,
    /// Names of the attributes whose type or value Postern does not write.
    pub invalid: Vec<&'static str>,
}

/// An item in Sessions, without the hashes of its tokens.
#[derive(Clone, Default)]
pub struct SessionRecord {
    /// The identifier, `sid` in tokens.
    pub session_id: String,
    /// When the session started. `None`: before this was stored.
    pub created_at: Option<UnixSeconds>,
    /// When it was used last. `None`: before this was stored.
    pub used_at: Option<UnixSeconds>,
    /// When its refresh token was rotated last.
    pub rotated_at: Option<UnixMillis>,
    /// The network from which it was started.
    pub network: Option<String>,
    /// The browser in short form.
    pub agent: Option<String>,
    /// When it expires without further use.
    pub expires_at: Option<UnixSeconds>,
    /// When it expires in any case.
    pub ends_at: Option<UnixSeconds>,
    /// The version of the user at which it is valid.
    pub version: u64,
    /// Attributes that Postern does not write.
    pub other: BTreeMap<String, Value>,
    /// Names of the attributes whose type or value Postern does not write.
    pub invalid: Vec<&'static str>,
}

impl UserRecord {
    pub(super) fn read(item: Item) -> Self {
        let disabled = is_disabled(&item);
        let stored_claims = item.get("claims").cloned();
        let mut reader = Reader::new(item);
        let public_id = reader.text("public_id");
        if public_id.as_deref().and_then(PublicId::parse).is_none() {
            reader.invalid.push("public_id");
        }
        Self {
            public_id: public_id.unwrap_or_default(),
            name: reader.required_text("name"),
            email: reader.required_text("email"),
            groups: reader.groups(),
            claims: reader.claims(),
            stored_claims,
            created_at: reader.number("created_at").map(UnixSeconds::new),
            email_verified: reader.flag("email_verified"),
            disabled,
            version: reader.number("version").unwrap_or_default(),
            other: reader.rest(&["disabled"]),
            invalid: reader.invalid,
        }
    }

    /// The key, if it is an identifier.
    pub fn id(&self) -> Option<PublicId> {
        PublicId::parse(&self.public_id)
    }

    /// The key, if it may be printed: that of an item that Postern did not write may be an email address.
    pub fn printable_id(&self) -> Option<&str> {
        Some(self.public_id.as_str()).filter(|id| !id.is_empty() && is_loggable(id))
    }
}

impl CredentialsRecord {
    pub(super) fn read(item: Item) -> Self {
        let disabled = is_disabled(&item);
        let mut reader = Reader::new(item);
        let email = reader.required_text("email").unwrap_or_default();
        let public_id = reader.text("public_id").and_then(|id| PublicId::parse(&id));
        if public_id.is_none() {
            reader.invalid.push("public_id");
        }
        Self {
            email,
            public_id,
            password_hash: reader.required_text("password_hash").map(PasswordHash::from_stored),
            password_set_at: reader.number("password_set_at").map(UnixMillis::new),
            email_verified: reader.flag("email_verified"),
            disabled,
            version: reader.number("version").unwrap_or_default(),
            // `sessions` is an estimate of what `SessionRecord`s show exactly.
            other: reader.rest(&["disabled", "sessions"]),
            invalid: reader.invalid,
        }
    }
}

impl SessionRecord {
    pub(super) fn read(item: Item) -> Self {
        let mut reader = Reader::new(item);
        Self {
            session_id: reader.required_text("session_id").unwrap_or_default(),
            created_at: reader.number("created_at").map(UnixSeconds::new),
            used_at: reader.number("used_at").map(UnixSeconds::new),
            rotated_at: reader.number("rotated_at").filter(|at| *at > 0).map(UnixMillis::new),
            network: reader.text("network"),
            agent: reader.text("agent"),
            expires_at: reader.number("expires_at").map(UnixSeconds::new),
            ends_at: reader.number("ends_at").map(UnixSeconds::new),
            version: reader.number("version").unwrap_or_default(),
            other: reader.rest(&["public_id", "older_at", "salt", "older_salt"]),
            invalid: reader.invalid,
        }
    }
}

/// Takes attributes from an item and collects the names of invalid ones.
pub(super) struct Reader {
    item: Item,
    pub(super) invalid: Vec<&'static str>,
}

impl Reader {
    pub(super) fn new(item: Item) -> Self {
        Self { item, invalid: Vec::new() }
    }

    fn take<T>(&mut self, name: &'static str, parse: impl FnOnce(AttributeValue) -> Option<T>) -> Option<T> {
        let value = parse(self.item.remove(name)?);
        if value.is_none() {
            self.invalid.push(name);
        }
        value
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.take(name, |value| if let AttributeValue::S(text) = value { Some(text) } else { None })
    }

    fn required_text(&mut self, name: &'static str) -> Option<String> {
        if !self.item.contains_key(name) {
            self.invalid.push(name);
        }
        self.text(name)
    }

    pub(super) fn number(&mut self, name: &'static str) -> Option<u64> {
        self.take(name, |value| value.as_n().ok().and_then(|number| number.parse().ok()))
    }

    fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.take(name, |value| value.as_bool().ok().copied())
    }

    fn groups(&mut self) -> Vec<String> {
        let groups = |value| if let AttributeValue::Ss(groups) = value { Some(groups) } else { None };
        let mut groups = self.take("groups", groups).unwrap_or_default();
        groups.sort();
        groups
    }

    fn claims(&mut self) -> UserClaims {
        let claims = |value: AttributeValue| value.as_s().ok().and_then(|json| UserClaims::parse(json).ok());
        self.take("claims", claims).unwrap_or_default()
    }

    /// The remaining attributes as JSON, without `known` ones.
    pub(super) fn rest(&mut self, known: &[&str]) -> BTreeMap<String, Value> {
        let rest = std::mem::take(&mut self.item).into_iter().filter(|(name, _)| !known.contains(&name.as_str()));
        rest.filter(|(name, _)| !is_secret(name)).map(|(name, value)| (name, json(value))).collect()
    }
}

/// Whether an attribute may contain a hash or a secret, by its name.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["hash", "password", "secret", "token"].iter().any(|word| name.contains(word))
}

/// Binary values are described by their length.
fn json(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(number) => number.parse::<Number>().map_or(Value::String(number), Value::Number),
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => texts.into_iter().map(Value::String).collect(),
        AttributeValue::L(values) => values.into_iter().map(json).collect(),
        AttributeValue::M(values) => {
            Value::Object(values.into_iter().map(|(name, value)| (name, json(value))).collect::<Map<_, _>>())
        }
        AttributeValue::B(bytes) => Value::String(format!("{} bytes", bytes.as_ref().len())),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::store::item::{bytes, number, text};

    fn item(attributes: &[(&str, AttributeValue)]) -> Item {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn invalid_attributes_are_named_and_the_others_are_read() {
        let user = UserRecord::read(item(&[
            ("public_id", text("4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55")),
            ("name", number(7)),
            ("created_at", text("yesterday")),
            ("claims", text(r#"{"sub":"x"}"#)),
            ("groups", AttributeValue::Ss(vec!["b".to_owned(), "a".to_owned()])),
            ("disabled", text("no")),
            ("phone", text("555")),
        ]));
        assert_eq!(user.invalid, ["name", "email", "claims", "created_at"]);
        assert_eq!((user.groups, user.disabled), (vec!["a".to_owned(), "b".to_owned()], true));
        assert_eq!(user.other, BTreeMap::from([("phone".to_owned(), Value::from("555"))]));
    }

    #[test]
    fn hashes_and_salts_are_never_among_the_other_attributes() {
        let session = SessionRecord::read(item(&[
            ("session_id", text("s")),
            ("token_hash", bytes(b"1")),
            ("previous_hash", bytes(b"2")),
            ("salt", bytes(b"3")),
            ("older_salt", bytes(b"4")),
            ("LastPasswordHash", text("5")),
        ]));
        assert!(session.other.is_empty());
    }
}
