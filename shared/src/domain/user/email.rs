//! E-mail addresses in canonical form.

use std::fmt;

use unicode_normalization::{IsNormalized, UnicodeNormalization, char::canonical_combining_class, is_nfkc_quick};
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

use super::{
    characters::{is_blank, is_soft_dotted},
    email_domain::EmailDomain,
};

/// Longest address, in bytes (RFC 5321 section 4.5.3.1.3, without the angle brackets).
pub const MAX_BYTES: usize = 254;

/// Longest local part, in bytes (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// A canonical address, `local@domain`: trimmed, NFC, lower case without the dot of the Turkish İ, the domain as
/// A-labels (RFC 5890).
///
/// Different forms of the same address are equal. Quoted local parts (`"a b"@…`) and address literals
/// (`@[192.0.2.1]`) are rejected: they have no unique form and are not used for personal addresses.
///
/// ```
/// # use shared::domain::user::Email;
/// assert_eq!(Email::parse(" Ada@BÜCHER.example").unwrap().as_str(), "ada@xn--bcher-kva.example");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// Why an address is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Not of the form `local@domain` with a valid domain name.
    #[error("must be a valid email address, such as name@example.com")]
    Malformed,
    /// Longer than [`MAX_BYTES`], or with a local part of more than 64 bytes.
    #[error("must not exceed 254 bytes in total or 64 bytes before the @")]
    TooLong,
    /// The local part looks like another one: see [`Email::choose`].
    #[error("must not mix alphabets, or contain look-alike characters, before the @")]
    Confusable,
    /// A domain that may not sign up. The text does not name those that may: they can tell who uses the service.
    #[error("must be in a domain that may sign up here; use an address of your organization")]
    DomainNotAllowed,
}

impl Email {
    /// Validates the address of a new account and converts it to canonical form.
    ///
    /// The local part must look like no other one: NFKC must leave it unchanged (`ﬁ` looks like `fi`), and its letters
    /// must be of one script, or of Latin and Chinese, Japanese or Korean (UTS 39 section 5.2, highly restrictive).
    pub fn choose(text: &str) -> Result<Self, EmailError> {
        let email = Self::parse(text)?;
        let local = text.trim().rsplit_once('@').map_or("", |(local, _)| local);
        if is_confusable(&local.nfc().collect::<String>()) { Err(EmailError::Confusable) } else { Ok(email) }
    }

    /// Validates the address of an existing account and converts it to canonical form. Accepts more addresses than
    /// [`Email::choose`], so that a stricter rule locks no existing user out.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        // A generous limit first: the exact one applies to the normal form, which is expensive for long input.
        if text.len() > 4 * MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::Malformed)?;
        let local = local_part(local)?;
        let domain = EmailDomain::parse(domain).ok_or(EmailError::Malformed)?;
        let domain = domain.as_str();
        if local.len() + 1 + domain.len() > MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the address is in this domain. A subdomain is another domain.
    pub fn is_in(&self, domain: &EmailDomain) -> bool {
        self.0.rsplit_once('@').is_some_and(|(_, own)| own == domain.as_str())
    }
}

/// Hides the address: addresses must not reach a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// A dot-atom (RFC 5321 section 4.1.2) with letters of all scripts (RFC 6531 section 3.3).
fn local_part(text: &str) -> Result<String, EmailError> {
    // Case mapping can produce text that is not in NFC, so NFC is applied again.
    let local: String = without_soft_dots(text.nfc().flat_map(lower_case)).nfc().collect();
    if local.len() > MAX_LOCAL_BYTES {
        return Err(EmailError::TooLong);
    }
    let atoms_are_valid = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character));
    if atoms_are_valid { Ok(local) } else { Err(EmailError::Malformed) }
}

/// A letter's lower case, by way of its upper case: letters that share one, such as σ and ς or s and ſ, become equal.
/// `ß` has no single upper-case letter and is unchanged.
fn lower_case(c: char) -> impl Iterator<Item = char> {
    let mut capital = c.to_uppercase();
    let capital = if capital.len() == 1 { capital.next() } else { None };
    capital.unwrap_or(c).to_lowercase()
}

/// Removes the dots above that i and j have anyway: the lower case of `İ` is an i with a second dot (Unicode 3.13). In
/// Turkish it is a plain i, and so it is with every email provider.
fn without_soft_dots(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    const DOT_ABOVE: char = '\u{307}';
    /// The class of marks above a letter. The first of them replaces the letter's own dot (UAX 44).
    const ABOVE: u8 = 230;
    let mut has_dot = false;
    text.nfd().filter(move |&c| {
        if c == DOT_ABOVE && has_dot {
            return false;
        }
        match canonical_combining_class(c) {
            0 => has_dot = is_soft_dotted(c),
            ABOVE => has_dot = false,
            _ => {}
        }
        true
    })
}

/// Whether a local part in NFC looks like another one: NFKC changes it, or it exceeds the restriction level.
fn is_confusable(local: &str) -> bool {
    // NFKC splits the vowel am of Thai and Lao, which is typed as one character. Its first half alone is not used in
    // addresses, and would make a look-alike.
    if local.contains(['\u{e4d}', '\u{ecd}']) {
        return true;
    }
    let local = local.replace('\u{e33}', "\u{e32}").replace('\u{eb3}', "\u{eb2}");
    // Punctuation in ASCII belongs to no script, but not to identifiers either, on which the level is defined.
    let letters: String = local.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    // Text in NFC differs from NFKC only by characters that the quick check knows.
    is_nfkc_quick(local.chars()) == IsNormalized::No
        || !letters.check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

/// Beyond ASCII, spaces and invisible characters (controls, format characters, fillers, unassigned code points) are
/// rejected: two addresses that look the same would be two accounts.
fn is_atom_character(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    }
    !is_blank(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> Result<String, EmailError> {
        Email::parse(text).map(|email| email.as_str().to_owned())
    }

    #[test]
    fn all_forms_of_an_address_are_equal() {
        for form in ["ada@example.com", " Ada@Example.COM\t", "ADA@EXAMPLE.com", "ada@ｅｘａｍｐｌｅ.com"] {
            assert_eq!(canonical(form).as_deref(), Ok("ada@example.com"), "{form}");
        }
        for form in ["jürgen@bücher.example", "ju\u{308}rgen@bu\u{308}cher.example", "JÜRGEN@XN--BCHER-KVA.example"]
        {
            assert_eq!(canonical(form).as_deref(), Ok("jürgen@xn--bcher-kva.example"), "{form}");
        }
    }

    #[test]
    fn letters_that_share_an_upper_case_are_equal() {
        for (one, other) in [("οδος", "ΟΔΟΣ"), ("οδοσ", "ΟΔΟΣ"), ("ſam", "SAM"), ("µ", "Μ"), ("straße", "STRAẞE")]
        {
            let address = |local: &str| canonical(&format!("{local}@example.com"));
            assert_eq!(address(one), address(other), "{one} {other}");
        }
        assert_ne!(canonical("straße@example.com"), canonical("strasse@example.com"));
    }

    #[test]
    fn the_dotted_and_the_dotless_i_of_turkish_are_one_letter() {
        for typed in
            ["yasin", "YASIN", "YASİN", "yasın", "YASI\u{307}N", "yasi\u{307}n", "yası\u{307}n", "YaSi\u{307}\u{307}N"]
        {
            assert_eq!(canonical(&format!("{typed}@example.com")).as_deref(), Ok("yasin@example.com"), "{typed:?}");
        }
        let same =
            [("ĲSİM", "ĳsim"), ("J\u{307}", "j"), ("ị\u{307}x", "ịx"), ("Į\u{307}", "į"), ("Ї", "ї"), ("ÍŻ", "íż")];
        for (one, other) in same {
            let address = |local: &str| canonical(&format!("{local}@example.com"));
            assert_eq!(address(one), address(other), "{one} {other}");
        }
        assert_ne!(canonical("ż@example.com"), canonical("z@example.com"), "another dot is part of the letter");
        assert_ne!(canonical("i\u{301}\u{307}@example.com"), canonical("i\u{301}@example.com"));
    }

    #[test]
    fn a_new_account_cannot_have_a_look_alike_of_another_address() {
        for local in [
            "аda",
            "adа",
            "ａda",
            "ﬁona",
            "αda",
            "ѕсоре-x",
            "ivan+тест",
            "ivan.петров",
            "a٣",
            "ɑda",
            "ᴀda",
            "𝐚da",
            "ada²",
            "Ⅳ",
            "ŉ",
            "ĳs",
            "ſam",
            "かa\u{430}",
            "สํา",
            "אda",
            "ߊada",
        ] {
            let text = format!("{local}@example.com");
            assert_eq!(Email::choose(&text).err(), Some(EmailError::Confusable), "{local}");
            assert!(Email::parse(&text).is_ok(), "an existing account can log in: {local}");
        }
        assert_eq!(Email::choose("ada").err(), Some(EmailError::Malformed));
    }

    #[test]
    fn a_new_account_can_have_an_address_in_any_one_script() {
        for local in [
            "ada",
            "!#$%&'*+-/=?^_`{|}~",
            "Ada.Lovelace+tag_1",
            "jürgen",
            "ju\u{308}rgen",
            "straße",
            "ŁUKASZ",
            "YASİN",
            "ışık",
            "nguyễn",
            "иван-2.тест",
            "Ελένη",
            "אבגד",
            "أحمد.١",
            "नमस्ते",
            "สำราญ",
            "ລຳ",
            "հայերեն",
            "ქართული",
            "አማርኛ",
            "한국어",
            "李小龍",
            "ada李",
            "やまだタロウ-山田",
            "yamadaやまだ",
            "kim김",
            "ada+山田",
        ] {
            let text = format!("{local}@example.com");
            assert!(Email::choose(&text).is_ok(), "{local}: {:?}", Email::choose(&text));
            assert_eq!(Email::choose(&text), Email::parse(&text));
        }
    }

    #[test]
    fn malformed_addresses_are_rejected() {
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
            assert_eq!(canonical(text), Err(EmailError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn the_length_limits_are_those_of_smtp() {
        let local = "l".repeat(64);
        let label = "d".repeat(63);
        let longest = format!("{local}@{label}.{label}.{}.com", "d".repeat(57));
        assert_eq!(longest.len(), 254);
        assert!(canonical(&longest).is_ok());
        assert_eq!(canonical(&longest.replace(".com", "d.com")), Err(EmailError::TooLong));
        assert_eq!(canonical(&format!("l{local}@example.com")), Err(EmailError::TooLong));
        assert_eq!(canonical(&format!("ada@{}.com", "d".repeat(64))), Err(EmailError::Malformed));
        assert_eq!(canonical(&"a".repeat(1_000_000)), Err(EmailError::TooLong));
    }

    #[test]
    fn debug_output_hides_the_address() {
        assert_eq!(format!("{:?}", Email::parse("ada@example.com")), "Ok(Email(..))");
    }

    proptest! {
        #[test]
        fn every_input_is_an_address_or_an_error(text in any::<String>()) {
            if let Ok(email) = Email::choose(&text) {
                prop_assert_eq!(Email::parse(&text), Ok(email));
            }
        }

        #[test]
        fn a_canonical_address_is_unchanged(local in "[\\PC]{1,12}", domain in "[\\PC]{1,12}\\.[a-zé]{2,6}") {
            if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
                prop_assert_eq!(canonical(email.as_str()), Ok(email.as_str().to_owned()));
            }
        }

        #[test]
        fn upper_case_does_not_make_another_address(local in "[a-zà-öø-ÿα-ωά-ώа-яё]{1,12}") {
            let upper = canonical(&format!("{}@example.com", local.to_uppercase()));
            prop_assert_eq!(upper, canonical(&format!("{local}@example.com")));
        }

        #[test]
        fn case_and_surrounding_space_do_not_make_another_address(
            text in "[a-z0-9.]{1,20}@[a-z0-9]{1,10}\\.[a-z]{2,5}",
            space in "[ \t\r\n]{0,3}",
        ) {
            prop_assert_eq!(canonical(&format!("{space}{}{space}", text.to_uppercase())), canonical(&text));
        }
    }
}
