//! The parts of a stored password hash, for formats that write them differently.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// A hash of the form `$scheme[$v=19]$parameters$salt$hash`, as PHC strings have it. Not bcrypt, whose parts are not
/// separated.
pub(super) struct HashParts<'a> {
    pub(super) scheme: &'a str,
    /// `v=19`; only Argon2 has it.
    pub(super) version: Option<&'a str>,
    parameters: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl<'a> HashParts<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut fields: Vec<&str> = text.strip_prefix('$')?.split('$').collect();
        let hash = decode(fields.pop()?)?;
        let salt = decode(fields.pop()?)?;
        let parameters = fields.pop()?;
        let version = if fields.len() == 2 { fields.pop() } else { None };
        let [scheme] = fields.as_slice() else { return None };
        Some(Self { scheme, version, parameters, salt, hash })
    }

    /// The value of a parameter, such as `m`.
    pub(super) fn parameter(&self, name: &str) -> Option<u32> {
        let mut parameters = self.parameters.split(',').filter_map(|parameter| parameter.split_once('='));
        parameters.find(|(key, _)| *key == name)?.1.parse().ok()
    }
}

/// PHC strings have no padding (PHC string format, "B64").
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_phc_string_are_found() {
        let parts = HashParts::parse("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA").unwrap();
        assert_eq!((parts.scheme, parts.version), ("argon2id", Some("v=19")));
        assert_eq!(["m", "t", "p", "x"].map(|name| parts.parameter(name)), [Some(19_456), Some(2), Some(1), None]);
        assert_eq!((parts.salt.as_slice(), parts.hash.as_slice()), (&b"saltsalt"[..], &b"hash"[..]));

        let parts = HashParts::parse("$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$aGFzaA").unwrap();
        assert_eq!((parts.scheme, parts.version, parts.parameter("ln")), ("scrypt", None, Some(15)));
    }

    #[test]
    fn other_texts_have_no_parts() {
        for text in ["", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$scrypt$ln=15$*$*", "$a$b$c$d$YQ$YQ"] {
            assert!(HashParts::parse(text).is_none(), "{text}");
        }
    }
}
