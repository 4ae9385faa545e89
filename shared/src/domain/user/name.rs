//! Display names.

use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};

use super::characters::{is_blank, is_emoji, is_han, is_letter, is_mark, is_stacked_mark};

/// Longest name, in characters (Unicode scalar values).
const MAX_CHARACTERS: usize = 100;

/// Longest name, in bytes of UTF-8. In JSON it is not longer: the characters that need an escape there are ASCII.
pub const MAX_BYTES: usize = 4 * MAX_CHARACTERS;

/// Most marks on one letter (UTS 39 section 5.4). More would cover the lines above and below.
const MAX_MARKS: usize = 4;

const NO_BREAK_SPACE: char = '\u{a0}';
/// The space between Japanese and Chinese names.
const IDEOGRAPHIC_SPACE: char = '\u{3000}';

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// A mark that makes a keycap of a digit.
const KEYCAP: char = '\u{20e3}';

/// The class of marks that suppress a vowel in the scripts of India (UAX 44).
const VIRAMA: u8 = 9;

/// A display name: 1 to 100 characters after trimming, of which at least one is visible. Stored as typed, in any
/// script.
///
/// Characters that are invisible, or that change the direction of the text after them, are rejected, because they make
/// two names look the same or a name look like another. Those that spelling and emoji need are accepted where they have
/// an effect: joiners and variation selectors.
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
    /// Empty after trimming, or without a visible character.
    #[error("must not be empty")]
    Empty,
    /// More than 100 characters (Unicode scalar values).
    #[error("must not exceed 100 characters")]
    TooLong,
    /// A character of category Cc, such as a line break.
    #[error("must not contain line breaks or other control characters")]
    ControlCharacter,
    /// A separator other than a space; a format, private-use, unassigned or default-ignorable character; or more than
    /// four marks on one letter.
    #[error("must not contain invisible characters, or more than four accents on one letter")]
    NotPrintable,
}

impl Name {
    /// Trims and validates `text`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.chars().nth(MAX_CHARACTERS).is_some() {
            return Err(NameError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        if !text.chars().any(|c| !is_blank(c) && !is_mark(c)) {
            return Err(NameError::Empty);
        }
        if !text.char_indices().all(|(at, c)| is_printable(&text[..at], c, &text[at + c.len_utf8()..])) {
            return Err(NameError::NotPrintable);
        }
        if most_marks(text) > MAX_MARKS {
            return Err(NameError::NotPrintable);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character has a visible effect between these texts.
fn is_printable(before: &str, c: char, after: &str) -> bool {
    match c {
        ' ' | NO_BREAK_SPACE | IDEOGRAPHIC_SPACE => true,
        ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER => is_joined(before, after),
        // Text or emoji presentation.
        '\u{fe0e}' | '\u{fe0f}' => match before.chars().next_back() {
            Some(base) if base.is_ascii() => is_emoji(base) && after.starts_with(KEYCAP),
            base => base.is_some_and(is_emoji),
        },
        // Variants of Chinese characters, which Japanese names use.
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => before.chars().next_back().is_some_and(is_han),
        _ => !is_blank(c),
    }
}

/// Whether a joiner is in its place: after a virama (RFC 5892 A.1 and A.2), between two letters, or between two emoji.
fn is_joined(before: &str, after: &str) -> bool {
    let base = before.chars().rev().find(|c| !is_mark(*c));
    let is_around = |is: fn(char) -> bool| base.is_some_and(is) && after.chars().next().is_some_and(is);
    before.chars().next_back().is_some_and(|last| canonical_combining_class(last) == VIRAMA)
        || is_around(is_letter)
        || is_around(|c| is_emoji(c) && !c.is_ascii())
}

/// The number of marks on the letter that has most of them.
fn most_marks(text: &str) -> usize {
    let (mut most, mut marks) = (0, 0);
    for c in text.nfd() {
        marks = if is_stacked_mark(c) { marks + 1 } else { 0 };
        most = most.max(marks);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> Option<NameError> {
        Name::parse(text).err()
    }

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

    #[test]
    fn a_name_without_a_visible_character_is_empty() {
        for name in [
            "\u{3164}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{200b}",
            "\u{200d}",
            "\u{feff}\u{2060}",
            "\u{202e}",
            "\u{2800}\u{2800}",
            "\u{ad}",
            "\u{fe0f}",
            "\u{e0041}",
            "\u{e000}",
            "\u{301}",
            "\u{a0}\u{301} \u{200b}",
        ] {
            assert_eq!(error(name), Some(NameError::Empty), "{name:?}");
        }
    }

    #[test]
    fn invisible_characters_are_not_printable() {
        let format = "\u{ad}\u{61c}\u{180e}\u{200b}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\
                      \u{2061}\u{2066}\u{2067}\u{2068}\u{2069}\u{206a}\u{feff}\u{fff9}\u{e0001}\u{e0067}";
        let separators = "\u{1680}\u{2000}\u{2003}\u{2007}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}";
        let others = "\u{34f}\u{115f}\u{1160}\u{17b4}\u{180b}\u{2800}\u{3164}\u{fe00}\u{fe0e}\u{fe0f}\u{ffa0}\u{e0100}\
                      \u{e000}\u{f0000}\u{10fffd}\u{378}\u{fdd0}\u{10ffff}";
        for c in format.chars().chain(separators.chars()).chain(others.chars()) {
            for name in [format!("a{c}b"), format!("a {c} b")] {
                assert_eq!(error(&name), Some(NameError::NotPrintable), "{name:?}");
            }
            // At the ends, white space is trimmed.
            let at_the_ends = [format!("{c}a"), format!("a{c}")];
            assert!(c.is_whitespace() || at_the_ends.iter().all(|name| error(name).is_some()), "{c:?}");
        }
    }

    #[test]
    fn joiners_and_variation_selectors_are_printable_where_they_have_an_effect() {
        for name in [
            "نیک\u{200c}نام",
            "ශ්\u{200d}රී",
            "क्\u{200d}ष",
            "മോഹന്\u{200d}",
            "किर्\u{200c}ति",
            "👩🏽\u{200d}🚀",
            "❤\u{fe0f}\u{200d}🔥",
            "🏳\u{fe0f}\u{200d}🌈",
            "🧔\u{200d}♂\u{fe0f}",
            "Ada ❤\u{fe0f}",
            "Ada 1\u{fe0f}\u{20e3}",
            "©\u{fe0e}",
            "葛\u{e0100}城",
            "🇹🇷 山田\u{3000}太郎",
        ] {
            assert_eq!(error(name), None, "{name:?}");
        }
        for name in [
            "Ada\u{200d}",
            "\u{200c}Ada",
            "Ada\u{200d} Lovelace",
            "Ada\u{200d}\u{200d}Lovelace",
            "1\u{200d}2",
            "👩\u{200d}",
            "👩\u{200d}a",
            "a\u{200d}👩",
            "Ada\u{fe0f}",
            "1\u{fe0f}",
            "❤\u{fe0f}\u{fe0f}",
            "é\u{e0100}",
            "葛\u{e0100}\u{e0101}城",
        ] {
            assert_eq!(error(name), Some(NameError::NotPrintable), "{name:?}");
        }
    }

    #[test]
    fn a_letter_has_at_most_four_marks() {
        for name in ["Việt", "Vie\u{302}\u{323}t", "שּׁ\u{5b8}\u{5bd}לום", "བསྒྲུབས", "a\u{301}\u{302}\u{303}\u{304}"]
        {
            assert_eq!(error(name), None, "{name:?}");
        }
        for name in [
            "Z\u{301}\u{302}\u{303}\u{304}\u{306}algo",
            "a\u{489}\u{489}\u{489}\u{489}\u{489}",
            "ệ\u{301}\u{303}\u{304}",
            &format!("a{}", "\u{335}".repeat(99)),
        ] {
            assert_eq!(error(name), Some(NameError::NotPrintable), "{name:?}");
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
