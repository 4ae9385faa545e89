//! Credentials in headers: an access token in one of three headers, or email address and password in `Authorization:
//! Basic`.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{domain::authorization::TokenRefusal, http::error::Error};

/// The tutorial's header.
const ACCESS_TOKEN: HeaderName = HeaderName::from_static("x-access-token");

/// The access token of a request: in `x-access-token`, or in `Authorization` with the scheme `Bearer` (RFC 6750 2.1) or
/// `prefix`. Tokens in URLs are not accepted, because logs and browser histories would store them.
///
/// Both headers may carry the same token. A header that occurs twice is refused: an intermediary might check one value
/// and this service the other.
pub fn bearer_token<'h>(headers: &'h HeaderMap, prefix: &str) -> Result<&'h str, Error> {
    let mut tokens = Vec::new();
    for name in [ACCESS_TOKEN, AUTHORIZATION] {
        let mut values = headers.get_all(&name).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return Err(TokenRefusal::Ambiguous.into());
        }
        let text = visible(value).ok_or(TokenRefusal::Ambiguous)?;
        tokens.extend(if name == AUTHORIZATION { after_scheme(text, &["Bearer", prefix]) } else { Some(text) });
    }
    tokens.retain(|token| !token.is_empty());
    match tokens[..] {
        [] => Err(Error::TokenMissing),
        [token] => Ok(token),
        [first, second] if first == second => Ok(first),
        _ => Err(TokenRefusal::Ambiguous.into()),
    }
}

/// Email address and password of `Authorization: Basic` (RFC 7617, in UTF-8). `None` without such a header.
pub fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Error> {
    let malformed = || Error::Malformed {
        code: "malformed-authorization",
        detail: "Send one Authorization: Basic header with the Base64 encoding of email:password in UTF-8.".to_owned(),
    };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let Some(encoded) = visible(value).and_then(|text| after_scheme(text, &["Basic"])) else { return Ok(None) };
    if values.next().is_some() {
        return Err(malformed());
    }
    let decoded = STANDARD.decode(encoded).map_err(|_| malformed())?;
    let decoded = String::from_utf8(decoded).map_err(|_| malformed())?;
    let (email, password) = decoded.split_once(':').ok_or_else(malformed)?;
    Ok(Some((email.to_owned(), password.to_owned())))
}

fn visible(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim)
}

/// The credentials after one of the schemes, which are case-insensitive (RFC 9110 11.1).
fn after_scheme<'t>(text: &'t str, schemes: &[&str]) -> Option<&'t str> {
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn token(pairs: &[(&'static str, &str)]) -> Result<String, &'static str> {
        bearer_token(&headers(pairs), "JWT").map(str::to_owned).map_err(|error| match error {
            Error::TokenMissing => "missing",
            _ => "refused",
        })
    }

    #[test]
    fn a_token_is_read_from_each_of_the_three_headers() {
        for pair in [
            ("x-access-token", "t"),
            ("authorization", "Bearer t"),
            ("authorization", "bEARER  t "),
            ("authorization", "JWT t"),
            ("authorization", "jwt t"),
        ] {
            assert_eq!(token(&[pair]), Ok("t".to_owned()), "{pair:?}");
        }
    }

    #[test]
    fn a_request_without_a_token_is_refused_as_missing() {
        for pair in [
            ("x-other", "t"),
            ("x-access-token", " "),
            ("authorization", "Bearer"),
            ("authorization", "Basic t"),
            ("authorization", "t"),
        ] {
            assert_eq!(token(&[pair]), Err("missing"), "{pair:?}");
        }
    }

    #[test]
    fn two_tokens_must_be_equal() {
        assert_eq!(token(&[("x-access-token", "t"), ("authorization", "Bearer t")]), Ok("t".to_owned()));
        assert_eq!(token(&[("x-access-token", "t"), ("authorization", "Bearer u")]), Err("refused"));
        assert_eq!(token(&[("x-access-token", "t"), ("authorization", "Basic u")]), Ok("t".to_owned()));
    }

    #[test]
    fn a_header_that_occurs_twice_is_refused() {
        let mut twice = headers(&[("authorization", "Bearer t")]);
        twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        assert!(matches!(bearer_token(&twice, "JWT"), Err(Error::TokenRefused(TokenRefusal::Ambiguous))));
        let mut twice = headers(&[("authorization", "Basic YTpi")]);
        twice.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(matches!(basic(&twice), Err(Error::Malformed { .. })));
    }

    #[test]
    fn basic_splits_at_the_first_colon() {
        let encoded = format!("Basic {}", STANDARD.encode("ada@example.com:a:b ü"));
        let pair = basic(&headers(&[("authorization", &encoded)])).unwrap();
        assert_eq!(pair, Some(("ada@example.com".to_owned(), "a:b ü".to_owned())));
    }

    #[test]
    fn malformed_basic_is_refused_and_another_scheme_is_ignored() {
        for value in ["Basic", "Basic !!", "Basic YWRh", "Basic YTpi=", "Basic /zo=", "Basic YTpi, Basic YTpi"] {
            assert!(matches!(basic(&headers(&[("authorization", value)])), Err(Error::Malformed { .. })), "{value}");
        }
        assert!(matches!(basic(&headers(&[("authorization", "Bearer t")])), Ok(None)));
    }

    proptest! {
        #[test]
        fn any_header_is_handled(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let headers = HeaderMap::from_iter([(AUTHORIZATION, value.clone()), (ACCESS_TOKEN, value)]);
                let _ = bearer_token(&headers, "JWT");
                let _ = basic(&headers);
            }
        }
    }
}
