//! Who a user is: identifier, name, record.

pub mod email;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::domain::user::email::Email;

/// The identifier that clients see: a UUID v4, written in lower case with hyphens (RFC 9562 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct PublicId(Uuid);

impl PublicId {
    /// A new identifier from 122 random bits of the operating system.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The identifier that `text` spells. Other spellings of a UUID (upper case, braces, no hyphens) are not taken:
    /// an identifier has one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(text).ok()?;
        (uuid.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(Self(uuid))
    }

    /// The 16 octets.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The identifier of these 16 octets.
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

/// What a person wants to be called: 1 to 100 characters after trimming, none of them a control character.
/// Otherwise as it was typed, in any script, octet for octet.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More than 100 characters (Unicode scalar values).
    #[error("must not have more than 100 characters")]
    TooLong,
    /// A character of category Cc, such as a line break.
    #[error("must not contain line breaks or other control characters")]
    ControlCharacter,
}

impl Name {
    /// Trims `text` and checks what is left.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.chars().nth(100).is_some() {
            return Err(NameError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user as every signed-in client may see them.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PublicUser {
    /// The identifier.
    pub public_id: PublicId,
    /// The name, as typed.
    pub name: String,
    /// The address, in its one spelling.
    pub email: String,
}

/// A user's own record: the profile and what decides about access.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// What others see.
    pub profile: PublicUser,
    /// Groups that the operator put the user in, such as `admin`.
    pub groups: Vec<String>,
    /// The operator has shut the user out: no token of theirs is good.
    pub disabled: bool,
    /// How often the user's sessions were ended together. What was begun at another version is over.
    pub version: u64,
}

/// Who is about to become a user.
#[derive(Clone)]
pub struct NewUser {
    /// Drawn at random for this sign-up.
    pub public_id: PublicId,
    /// What to call them.
    pub name: Name,
    /// Their mailbox.
    pub email: Email,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_identifier_has_one_spelling() {
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
    fn a_name_is_kept_as_it_was_typed() {
        for name in ["Ada", "Zoë", "Zoe\u{308}", "李小龍", "أحمد", "👩‍👩‍👧", "O'Brien <b>&amp;</b>", "a\u{a0}b"]
        {
            assert_eq!(Name::parse(&format!("  {name}\n")).map(|n| n.0).as_deref(), Ok(name));
        }
    }

    #[test]
    fn a_name_has_1_to_100_characters_and_no_control_character() {
        assert!(Name::parse(&"李".repeat(100)).is_ok());
        assert_eq!(Name::parse(&"a".repeat(101)).err(), Some(NameError::TooLong));
        assert_eq!(Name::parse(" \u{3000}\t").err(), Some(NameError::Empty));
        for c in ['\r', '\n', '\0', '\t', '\u{7f}', '\u{85}', '\u{9f}'] {
            assert_eq!(Name::parse(&format!("a{c}b")).err(), Some(NameError::ControlCharacter), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_a_refusal(text in any::<String>()) {
            if let Ok(name) = Name::parse(&text) {
                prop_assert_eq!(name.as_str(), text.trim());
                prop_assert!((1..=100).contains(&name.as_str().chars().count()));
            }
        }
    }
}
