//! Display names.

/// A display name: 1 to 100 characters after trimming, without control characters. Stored as typed, in any script.
///
/// ```
/// # use shared::domain::user::{Name, NameError};
/// assert_eq!(Name::parse("  Ada Lovelace ").unwrap().as_str(), "Ada Lovelace");
/// assert_eq!(Name::parse("   ").err(), Some(NameError::Empty));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

/// Why a name is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty after trimming.
    #[error("must not be empty")]
    Empty,
    /// More than 100 characters (Unicode scalar values).
    #[error("must not exceed 100 characters")]
    TooLong,
    /// A character of category Cc, such as a line break.
    #[error("must not contain line breaks or other control characters")]
    ControlCharacter,
}

impl Name {
    /// Trims and validates `text`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_stored_as_typed() {
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
        fn every_input_is_a_name_or_an_error(text in any::<String>()) {
            if let Ok(name) = Name::parse(&text) {
                prop_assert_eq!(name.as_str(), text.trim());
                prop_assert!((1..=100).contains(&name.as_str().chars().count()));
            }
        }
    }
}
