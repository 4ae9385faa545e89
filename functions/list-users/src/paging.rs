//! Paging: `?limit=` and `?cursor=`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    domain::user::PublicId,
    http::{
        error::{Error, FieldError},
        request::fields::Fields,
    },
};

/// Default number of users on a page of the API.
pub const DEFAULT_LIMIT: u16 = 100;

/// Largest number of users on a page.
const MAX_LIMIT: u16 = 1000;

/// A requested page.
#[derive(Debug, PartialEq, Eq)]
pub struct Paging {
    /// Largest number of users: 1 to 1000.
    pub limit: u16,
    /// The last user of the previous page.
    pub after: Option<PublicId>,
}

impl Paging {
    /// Parses a query string. Defaults to the first page, of `default_limit` users.
    pub fn parse(query: &str, default_limit: u16) -> Result<Self, Error> {
        let fields = Fields::from_query(query, &["limit", "cursor"])?;
        let limit = fields.get("limit").map_or(Ok(default_limit), parse_limit);
        let after = fields.get("cursor").map(parse_cursor).transpose();
        match (limit, after) {
            (Ok(limit), Ok(after)) => Ok(Self { limit, after }),
            (limit, after) => Err(Error::Invalid([limit.err(), after.err()].into_iter().flatten().collect())),
        }
    }
}

/// The cursor of the page after `last`: the 16 bytes of the identifier, which is not secret, in base64url.
pub fn cursor(last: PublicId) -> String {
    URL_SAFE_NO_PAD.encode(last.as_bytes())
}

fn parse_limit(text: &str) -> Result<u16, FieldError> {
    let limit =
        text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit) && text.bytes().all(|b| b.is_ascii_digit()));
    limit.ok_or_else(|| FieldError::new("limit", "out-of-range", format!("must be an integer from 1 to {MAX_LIMIT}")))
}

fn parse_cursor(text: &str) -> Result<PublicId, FieldError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(PublicId::from_bytes)
        .ok_or_else(|| FieldError::new("cursor", "malformed", "must be the value of next from the previous page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Paging, Error> {
        Paging::parse(query, DEFAULT_LIMIT)
    }

    fn rejected(query: &str) -> Vec<(String, &'static str)> {
        match parse(query) {
            Err(Error::Invalid(errors)) => errors.into_iter().map(|error| (error.field, error.code)).collect(),
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn the_default_page_has_100_users() {
        assert_eq!(parse("").unwrap(), Paging { limit: 100, after: None });
        assert_eq!(parse("limit=&cursor=&other=1").unwrap(), Paging { limit: 100, after: None });
        assert_eq!(parse("limit=1").unwrap().limit, 1);
        assert_eq!(parse("limit=1000").unwrap().limit, 1000);
    }

    #[test]
    fn a_cursor_identifies_the_last_user() {
        let last = PublicId::random();
        assert_eq!(parse(&format!("cursor={}", cursor(last))).unwrap().after, Some(last));
    }

    #[test]
    fn limits_out_of_range_are_rejected() {
        for limit in ["0", "-1", "1001", "abc", "1.5", "%2B1", "1e2", "99999999999999999999", "٣"] {
            assert_eq!(rejected(&format!("limit={limit}")), [("limit".to_owned(), "out-of-range")], "{limit}");
        }
    }

    #[test]
    fn malformed_cursors_are_rejected() {
        for cursor in [
            "x",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAAAAAAAAA%3D%3D",
            "AAAAAAAAAAAAAAAAAAAAA%2B",
            &"A".repeat(10_000),
        ] {
            assert_eq!(rejected(&format!("cursor={cursor}")), [("cursor".to_owned(), "malformed")], "{cursor:.40}");
        }
        assert_eq!(rejected("limit=0&cursor=x").len(), 2);
    }

    #[test]
    fn duplicate_parameters_are_rejected() {
        assert!(matches!(parse("limit=1&limit=1"), Err(Error::Malformed { code: "duplicate-field", .. })));
    }
}
