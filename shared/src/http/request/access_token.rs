//! The access token of a request that only reads.

use axum::http::HeaderMap;

use crate::http::{
    browser::{self, cookies::Cookies},
    error::Error,
    request::authorization,
};

/// The access token in a header, or else in a cookie. `prefix` is a scheme of `Authorization` that is accepted besides
/// `Bearer`.
///
/// Only the client's own code can set a header. Browsers send a cookie with requests that other sites cause too, so it
/// is accepted from pages of this site and from top-level navigations: other sites can neither load nor measure the
/// response.
pub fn for_reading<'h>(headers: &'h HeaderMap, prefix: &str, cookies: Cookies) -> Result<&'h str, Error> {
    match authorization::bearer_token(headers, prefix) {
        Err(Error::TokenMissing) => {
            let token = cookies.access_token(headers)?.ok_or(Error::TokenMissing)?;
            browser::check_reading(headers)?;
            Ok(token)
        }
        token => token,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deployment::Deployment;

    type Header = (&'static str, &'static str);

    fn read(pairs: &[Header]) -> Result<String, Error> {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        for_reading(&headers, "JWT", Cookies { deployment: Deployment::Loopback }).map(str::to_owned)
    }

    const COOKIE: Header = ("cookie", "postern_access_token=c");
    const HEADER: Header = ("x-access-token", "h");
    const SUBRESOURCE: [Header; 2] = [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")];

    #[test]
    fn a_header_is_preferred_to_a_cookie_and_needs_no_origin() {
        assert_eq!(read(&[HEADER, COOKIE]).unwrap(), "h");
        for headers in [&[HEADER][..], &[HEADER, COOKIE]] {
            assert_eq!(read(&[headers, &SUBRESOURCE].concat()).unwrap(), "h", "{headers:?}");
        }
    }

    #[test]
    fn a_cookie_is_accepted_from_pages_of_this_site_and_with_navigations() {
        let navigation =
            [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        for fetch in [&[][..], &[("sec-fetch-site", "same-origin")], &[("sec-fetch-site", "none")], &navigation] {
            assert_eq!(read(&[fetch, &[COOKIE]].concat()).unwrap(), "c", "{fetch:?}");
        }
        for fetch in [&SUBRESOURCE[..], &[("sec-fetch-site", "cross-site")], &navigation[..2]] {
            assert!(matches!(read(&[fetch, &[COOKIE]].concat()), Err(Error::CrossSite)), "{fetch:?}");
        }
    }

    #[test]
    fn a_request_without_token_is_rejected_as_such_wherever_it_comes_from() {
        for fetch in [&[][..], &SUBRESOURCE] {
            assert!(matches!(read(fetch), Err(Error::TokenMissing)), "{fetch:?}");
        }
    }
}
