//! The header of a token (RFC 7515 section 4).

use serde_json::Value;

use super::{TokenError, object};
use crate::domain::keys::Algorithm;

/// `typ` of JWT access tokens (RFC 9068 section 2.1).
const ACCESS_TOKEN: &str = "at+jwt";

/// `typ` of any JWT (RFC 7519 section 5.1).
const JWT: &str = "JWT";

/// `typ` of new tokens. With HS256 it is the one of the tutorials.
pub(super) fn media_type(algorithm: Algorithm) -> &'static str {
    if algorithm.is_asymmetric() { ACCESS_TOKEN } else { JWT }
}

/// Validates a header and returns its `kid`. Parameters that refer to keys, such as `jwk`, `jku` and `x5u`, are
/// ignored: only Postern's own keys verify tokens.
pub(super) fn validate(part: &str, algorithm: Algorithm) -> Result<Option<String>, TokenError> {
    let mut parameters = object::decode(part)?;
    // Whatever the value: a recipient that does not support an extension must reject the token, and `crit` must not be
    // null or empty (RFC 7515 section 4.1.11).
    if ["crit", "b64"].into_iter().any(|name| parameters.contains_key(name)) {
        return Err(TokenError::Extension);
    }
    // `cty` announces a nested token (RFC 7519 section 5.2).
    if parameters.contains_key("cty") || !parameters.get("typ").is_none_or(is_accepted_type) {
        return Err(TokenError::Type);
    }
    if parameters.get("alg").and_then(Value::as_str) != Some(algorithm.name()) {
        return Err(TokenError::Algorithm);
    }
    match parameters.remove("kid") {
        None => Ok(None),
        Some(Value::String(kid)) => Ok(Some(kid)),
        Some(_) => Err(TokenError::Unreadable),
    }
}

/// Whether `typ` is the one of an access token or of any JWT. Media types are case-insensitive, and their first part,
/// which is "application", may be omitted (RFC 7515 section 4.1.9).
fn is_accepted_type(typ: &Value) -> bool {
    const PREFIX: &str = "application/";
    let Some(text) = typ.as_str() else { return false };
    let subtype = match text.split_at_checked(PREFIX.len()) {
        Some((prefix, subtype)) if prefix.eq_ignore_ascii_case(PREFIX) => subtype,
        _ => text,
    };
    [ACCESS_TOKEN, JWT].into_iter().any(|accepted| subtype.eq_ignore_ascii_case(accepted))
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    fn reason(header: &str) -> Option<&'static str> {
        let validated = validate(&URL_SAFE_NO_PAD.encode(header), Algorithm::EdDsa);
        validated.err().map(|error| error.reason())
    }

    fn reason_with(parameter: &str) -> Option<&'static str> {
        reason(&format!(r#"{{"alg":"EdDSA",{parameter}}}"#))
    }

    #[test]
    fn only_access_tokens_and_untyped_jwts_are_accepted() {
        assert_eq!(reason(r#"{"alg":"EdDSA"}"#), None, "typ is optional");
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt", "JWT", "jwt", "application/jwt"] {
            assert_eq!(reason_with(&format!(r#""typ":"{typ}""#)), None, "{typ}");
        }
        for typ in [
            r#""logout+jwt""#,
            r#""id_token""#,
            r#""dpop+jwt""#,
            r#""secevent+jwt""#,
            r#""JOSE""#,
            r#""""#,
            r#""at+jwt ""#,
            r#"" JWT""#,
            r#""at+jwt;v=1""#,
            r#""at+jwt\u0000""#,
            r#""text/at+jwt""#,
            r#""application/""#,
            r#""application/application/at+jwt""#,
            r#""application/é""#,
            "null",
            "1",
            "true",
            r#"["at+jwt"]"#,
            r#"{"at+jwt":1}"#,
        ] {
            assert_eq!(reason_with(&format!(r#""typ":{typ}"#)), Some("token-type"), "{typ}");
        }
        for cty in [r#""JWT""#, r#""json""#, "null"] {
            assert_eq!(reason_with(&format!(r#""typ":"at+jwt","cty":{cty}"#)), Some("token-type"), "{cty}");
        }
    }

    #[test]
    fn any_critical_extension_and_any_other_algorithm_is_rejected() {
        for value in ["null", "[]", r#"["exp"]"#, r#""exp""#, "{}", "0", "false"] {
            assert_eq!(reason_with(&format!(r#""crit":{value}"#)), Some("token-extension"), "{value}");
        }
        for value in ["null", "true", "false"] {
            assert_eq!(reason_with(&format!(r#""b64":{value}"#)), Some("token-extension"), "{value}");
        }
        for alg in [r#""none""#, r#""HS256""#, r#""eddsa""#, r#""EdDSA ""#, "null", "1", r#"["EdDSA"]"#] {
            assert_eq!(reason(&format!(r#"{{"alg":{alg}}}"#)), Some("token-algorithm"), "{alg}");
        }
        assert_eq!(reason("{}"), Some("token-algorithm"));
    }

    #[test]
    fn a_parameter_that_occurs_twice_is_rejected() {
        for twice in [r#""alg":"EdDSA""#, r#""typ":"JWT","typ":"at+jwt""#, r#""kid":"a","kid":"a""#, r#""x":1,"x":2"#] {
            assert_eq!(reason_with(twice), Some("token-unreadable"), "{twice}");
        }
    }

    #[test]
    fn the_kid_is_a_string_and_references_to_other_keys_are_ignored() {
        let header = r#"{"alg":"EdDSA","kid":"one","jku":1,"x5u":"http://127.0.0.1:1/","jwk":{"kty":"?"},"x5c":"?"}"#;
        let kid = validate(&URL_SAFE_NO_PAD.encode(header), Algorithm::EdDsa).unwrap();
        assert_eq!(kid.as_deref(), Some("one"));
        for kid in ["null", "1", r#"["one"]"#, "{}"] {
            assert_eq!(reason_with(&format!(r#""kid":{kid}"#)), Some("token-unreadable"), "{kid}");
        }
    }
}
