//! Fuzz target for the query of `GET /user`.

use list_users::{DEFAULT_LIMIT, Paging};
use shared::{
    domain::user::PublicId,
    http::{error::Error, request::fields::Fields},
};

/// Parses a query of `GET /user`. It is rejected with the name of the invalid parameter, or it is a page of 1 to 1000
/// users after a cursor in canonical form.
pub fn cursor(data: &[u8]) {
    let query = String::from_utf8_lossy(data);
    match Paging::parse(&query, DEFAULT_LIMIT) {
        Ok(paging) => {
            assert!((1..=1000).contains(&paging.limit), "{query} {paging:?}");
            let Ok(fields) = Fields::from_query(&query, &["limit", "cursor"]) else { panic!("{query}: no fields") };
            let limit = fields.get("limit").map_or("100", |limit| limit.trim_start_matches('0'));
            assert_eq!(limit, paging.limit.to_string(), "{query}");
            let cursor = paging.after.map(list_users::cursor);
            assert_eq!(cursor.as_deref(), fields.get("cursor"), "{query}");
            let link = format!("limit={}&cursor={}", paging.limit, cursor.unwrap_or_default());
            let Ok(again) = Paging::parse(&link, DEFAULT_LIMIT) else { panic!("{link} is rejected") };
            assert_eq!(again, paging, "{query}");
        }
        Err(Error::Malformed { code: "malformed-form" | "duplicate-field", .. }) => {}
        Err(Error::Invalid(errors)) => {
            let names: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert!(matches!(names[..], ["limit" | "cursor"] | ["limit", "cursor"]), "{query} {names:?}");
        }
        Err(other) => panic!("{query}: {other:?}"),
    }
    if let Some(bytes) = data.first_chunk() {
        let last = PublicId::from_bytes(*bytes);
        let Ok(paging) = Paging::parse(&format!("cursor={}", list_users::cursor(last)), DEFAULT_LIMIT) else {
            panic!("{last}")
        };
        assert_eq!(paging.after, Some(last));
    }
}
