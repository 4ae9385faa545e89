//! Protection against cross-site requests (CSRF).

use axum::http::{
    HeaderMap, HeaderName,
    header::{HOST, ORIGIN},
    uri::Authority,
};

use crate::http::error::Error;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The header that holds the event's host. [`crate::http::lambda`] moves `Host` here, because `lambda_http` would make
/// a URI of it.
pub(crate) const EVENT_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Refuses a request that a page of another site makes a browser send. Every request that is authenticated by a cookie,
/// or that is answered with a page, has to pass this check before it changes anything.
pub fn check_origin(headers: &HeaderMap) -> Result<(), Error> {
    if is_same_origin(headers) { Ok(()) } else { Err(Error::CrossSite) }
}

/// Whether a page of this site made the browser send the request.
///
/// Browsers say so in `Sec-Fetch-Site` (W3C Fetch Metadata), which no page can set. Browsers from before 2023 send only
/// `Origin` (RFC 6454 7), which has to equal the host.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) => site == "same-origin",
        (Some(_), Some(_)) => false,
        (None, _) => {
            let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).and_then(authority);
            let host = headers.get(HOST).or_else(|| headers.get(EVENT_HOST));
            let host = host.and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
            origin.is_some() && origin == host
        }
    }
}

fn authority(origin: &str) -> Option<Authority> {
    let rest = ["https://", "http://"].into_iter().find_map(|scheme| origin.strip_prefix(scheme))?;
    rest.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_a_page_of_this_site_is_same_origin_by_fetch_metadata() {
        let is_same = |pairs: &[(&'static str, &str)]| is_same_origin(&headers(pairs));
        assert!(is_same(&[("sec-fetch-site", "same-origin")]));
        for site in ["cross-site", "same-site", "none", "", "SAME-ORIGIN", "same-origin, same-origin"] {
            assert!(
                !is_same(&[("sec-fetch-site", site), ("origin", "https://a.example"), ("host", "a.example")]),
                "{site}"
            );
        }
        assert!(!is_same(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn without_fetch_metadata_the_origin_must_equal_the_host() {
        let is_same = |origin, host| is_same_origin(&headers(&[("origin", origin), ("host", host)]));
        assert!(is_same("https://auth.example.com", "auth.example.com"));
        assert!(is_same("http://127.0.0.1:3000", "127.0.0.1:3000"));
        for (origin, host) in [
            ("https://evil.example", "auth.example.com"),
            ("https://auth.example.com.evil.example", "auth.example.com"),
            ("https://auth.example.com:444", "auth.example.com"),
            ("https://example.com", "auth.example.com"),
            ("null", "auth.example.com"),
            ("null", "null"),
            ("auth.example.com", "auth.example.com"),
            ("https://", ""),
            ("", ""),
        ] {
            assert!(!is_same(origin, host), "{origin} {host}");
        }
        assert!(is_same_origin(&headers(&[("origin", "https://a.example"), ("x-forwarded-host", "a.example")])));
        // `Host` takes precedence over the forwarded one.
        let forged = [("origin", "https://evil.example"), ("host", "a.example"), ("x-forwarded-host", "evil.example")];
        assert!(!is_same_origin(&headers(&forged)));
        assert!(!is_same_origin(&headers(&[("host", "a.example")])));
        assert!(!is_same_origin(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn any_origin_headers_are_handled(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::from_iter([(ORIGIN, value.clone()), (HOST, value.clone())]);
                let _ = is_same_origin(&headers);
                headers.insert(SEC_FETCH_SITE, value);
                let _ = is_same_origin(&headers);
            }
        }
    }
}
