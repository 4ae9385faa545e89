//! E-mail addresses, in the one spelling that stands for a mailbox.

use std::fmt;

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup},
};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// Longest address, in octets (RFC 5321 4.5.3.1.3, less the angle brackets).
pub const MAX_BYTES: usize = 254;

/// Longest part before the `@`, in octets (RFC 5321 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// An address as `local@domain`: trimmed, NFC, lower case, the domain in its ASCII form (RFC 5890 A-labels).
///
/// Two spellings of one mailbox are equal. Quoted local parts (`"a b"@…`) and address literals (`@[192.0.2.1]`)
/// are refused: they have more than one spelling, and no person has such an address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// The text has not the form `local@domain`, with a domain that could be in DNS.
    #[error("is not an e-mail address, like name@example.com")]
    Malformed,
    /// The address is longer than [`MAX_BYTES`], or its local part than 64 octets.
    #[error("is longer than an e-mail address can be (254 octets, 64 of them before the @)")]
    TooLong,
}

impl Email {
    /// Brings `text` into the one spelling of its mailbox.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        // A generous bound first: the exact one needs the normal form, which costs time on long input.
        if text.len() > 4 * MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::Malformed)?;
        let local = local_part(local)?;
        let domain = domain_part(domain)?;
        if local.len() + 1 + domain.len() > MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    /// The address in its one spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prints no address: addresses belong in no log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// A dot-atom (RFC 5321 4.1.2) with the letters of all scripts (RFC 6531 3.3).
fn local_part(text: &str) -> Result<String, EmailError> {
    // Another case can take a text out of NFC, so NFC has the last word.
    let local: String = text.nfc().flat_map(lower_case).nfc().collect();
    if local.len() > MAX_LOCAL_BYTES {
        return Err(EmailError::TooLong);
    }
    let atoms_are_sound = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character));
    if atoms_are_sound { Ok(local) } else { Err(EmailError::Malformed) }
}

/// The one lower case of a letter's cases. Some letters have two, and typed in capitals they are the same: σ and ς, s and ſ.
/// By way of the capital both come out as the same one. `ß` has no single capital and stays.
fn lower_case(c: char) -> impl Iterator<Item = char> {
    let mut capital = c.to_uppercase();
    let capital = if capital.len() == 1 { capital.next() } else { None };
    capital.unwrap_or(c).to_lowercase()
}

/// Beyond ASCII, spaces and all that is invisible (controls, format characters, fillers, unassigned code points) are
/// refused: two addresses that look the same would be two accounts.
fn is_atom_character(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let is_blank = GeneralCategoryGroup::Separator.union(GeneralCategoryGroup::Other).contains(category)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || c == BRAILLE_BLANK;
    !is_blank
}

/// A symbol by its category, a space to the eye.
const BRAILLE_BLANK: char = '\u{2800}';

/// At least two labels, in DNS's lengths (RFC 1035 2.3.4), mapped by UTS 46 to A-labels.
fn domain_part(text: &str) -> Result<String, EmailError> {
    let domain = Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| EmailError::Malformed)?;
    let (_, top_level) = domain.rsplit_once('.').ok_or(EmailError::Malformed)?;
    // No top-level domain is a number, but the last octet of an IPv4 address is one.
    if top_level.bytes().all(|b| b.is_ascii_digit()) {
        return Err(EmailError::Malformed);
    }
    Ok(domain.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spelled(text: &str) -> Result<String, EmailError> {
        Email::parse(text).map(|email| email.as_str().to_owned())
    }

    #[test]
    fn every_spelling_of_a_mailbox_is_one_address() {
        for spelling in ["ada@example.com", " Ada@Example.COM\t", "ADA@EXAMPLE.com", "ada@ｅｘａｍｐｌｅ.com"] {
            assert_eq!(spelled(spelling).as_deref(), Ok("ada@example.com"), "{spelling}");
        }
        for spelling in ["jürgen@bücher.example", "ju\u{308}rgen@bu\u{308}cher.example", "JÜRGEN@XN--BCHER-KVA.example"]
        {
            assert_eq!(spelled(spelling).as_deref(), Ok("jürgen@xn--bcher-kva.example"), "{spelling}");
        }
    }

    #[test]
    fn letters_with_two_lower_cases_have_one() {
        for (one, other) in [("οδος", "ΟΔΟΣ"), ("οδοσ", "ΟΔΟΣ"), ("ſam", "SAM"), ("µ", "Μ"), ("straße", "STRAẞE")]
        {
            let address = |local: &str| spelled(&format!("{local}@example.com"));
            assert_eq!(address(one), address(other), "{one} {other}");
        }
        assert_ne!(spelled("straße@example.com"), spelled("strasse@example.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let not_addresses = [
            "",
            " ",
            "ada",
            "@",
            "ada@",
            "@example.com",
            "ada@example",
            "ada@localhost",
            "a b@example.com",
            "ada@exam ple.com",
            "ada@example.com.",
            "ada@.example.com",
            "ada@-example.com",
            "ada@example-.com",
            "ada@example..com",
            ".ada@example.com",
            "ada.@example.com",
            "a..b@example.com",
            "\"a b\"@example.com",
            "ada@[192.0.2.1]",
            "ada@192.0.2.1",
            "ada@exa_mple.com",
            "ada@xn--a.com",
            "a\0da@example.com",
            "a\nda@example.com",
            "ada,bob@example.com",
            "<ada@example.com>",
            "a@b@example.com",
            "ad\u{200b}a@example.com",
            "ad\u{202e}a@example.com",
            "ad\u{a0}a@example.com",
            "ada\u{fe0f}@example.com",
            "ada\u{34f}@example.com",
            "ada\u{115f}@example.com",
            "ada\u{3164}@example.com",
            "ada\u{2800}@example.com",
            "ada\u{ad}@example.com",
        ];
        for text in not_addresses {
            assert_eq!(spelled(text), Err(EmailError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_those_of_smtp() {
        let local = "l".repeat(64);
        let label = "d".repeat(63);
        let longest = format!("{local}@{label}.{label}.{}.com", "d".repeat(57));
        assert_eq!(longest.len(), 254);
        assert!(spelled(&longest).is_ok());
        assert_eq!(spelled(&longest.replace(".com", "d.com")), Err(EmailError::TooLong));
        assert_eq!(spelled(&format!("l{local}@example.com")), Err(EmailError::TooLong));
        assert_eq!(spelled(&format!("ada@{}.com", "d".repeat(64))), Err(EmailError::Malformed));
        assert_eq!(spelled(&"a".repeat(1_000_000)), Err(EmailError::TooLong));
    }

    #[test]
    fn debug_output_shows_no_address() {
        assert_eq!(format!("{:?}", Email::parse("ada@example.com")), "Ok(Email(..))");
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_a_refusal(text in any::<String>()) {
            let _ = Email::parse(&text);
        }

        #[test]
        fn an_address_is_its_own_spelling(local in "[\\PC]{1,12}", domain in "[\\PC]{1,12}\\.[a-zé]{2,6}") {
            if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
                prop_assert_eq!(spelled(email.as_str()), Ok(email.as_str().to_owned()));
            }
        }

        #[test]
        fn capitals_make_no_second_address(local in "[a-zà-öø-ÿα-ωά-ώа-яё]{1,12}") {
            prop_assert_eq!(spelled(&format!("{}@example.com", local.to_uppercase())), spelled(&format!("{local}@example.com")));
        }

        #[test]
        fn case_and_surrounding_space_make_no_second_address(text in "[a-z0-9.]{1,20}@[a-z0-9]{1,10}\\.[a-z]{2,5}", space in "[ \t\r\n]{0,3}") {
            prop_assert_eq!(spelled(&format!("{space}{}{space}", text.to_uppercase())), spelled(&text));
        }
    }
}
