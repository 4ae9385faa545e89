//! Protection against requests that other sites cause (CSRF and its reading counterpart).
//!
//! Browsers say in `Sec-Fetch-Site` whose page caused a request (W3C Fetch Metadata), and no page can set that header.
//! Browsers from before 2023 send only `Origin` (RFC 6454 7) with forms and scripts. [`add_missing_site`] derives the
//! one from the other where a request enters the service, so the checks read a single header.

use std::net::Ipv6Addr;

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{HOST, ORIGIN},
    uri::Authority,
};

use crate::{domain::deployment::Deployment, http::error::Error};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The header that holds the event's host. [`crate::http::lambda`] moves `Host` here, because `lambda_http` would make
/// a URI of it.
pub(crate) const EVENT_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Refuses a request that a page of another site makes a browser send. Every request that is authenticated by a cookie,
/// or that is answered with a page, has to pass this check before it changes anything.
pub fn check_origin(headers: &HeaderMap) -> Result<(), Error> {
    if is_same_origin(headers) { Ok(()) } else { Err(Error::CrossSite) }
}

/// Whether a page of this site made the browser send the request.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    is(headers, &SEC_FETCH_SITE, "same-origin")
}

/// Refuses a request to read that is authenticated by a cookie and that a page of another site makes a browser send,
/// unless it is a top-level navigation: a link of another site may lead here, but its scripts, images and frames may
/// not load what only the user may see.
///
/// A client that sends neither `Sec-Fetch-Site` nor `Origin`, such as curl, passes.
pub fn check_reading(headers: &HeaderMap) -> Result<(), Error> {
    let is_own = !headers.contains_key(SEC_FETCH_SITE)
        || is_same_origin(headers)
        // The user typed the address or opened a bookmark.
        || is(headers, &SEC_FETCH_SITE, "none");
    let is_navigation = is(headers, &SEC_FETCH_MODE, "navigate") && is(headers, &SEC_FETCH_DEST, "document");
    if is_own || is_navigation { Ok(()) } else { Err(Error::CrossSite) }
}

/// Whether a script of a page sent the request, and not the browser on its own to show another page.
pub(crate) fn is_from_script(headers: &HeaderMap) -> bool {
    headers.contains_key(SEC_FETCH_MODE) && !is(headers, &SEC_FETCH_MODE, "navigate")
}

/// Sets `Sec-Fetch-Site` by `Origin` if the browser sent only the latter.
pub(crate) fn add_missing_site(headers: &mut HeaderMap, deployment: Deployment) {
    if headers.contains_key(SEC_FETCH_SITE) || !headers.contains_key(ORIGIN) {
        return;
    }
    let origin = single(headers, &ORIGIN).and_then(Origin::parse);
    let site =
        if origin.is_some() && origin == Origin::of_host(headers, deployment) { "same-origin" } else { "cross-site" };
    headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
}

/// Whether a header occurs once, with this value.
fn is(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    single(headers, name) == Some(value)
}

/// The value of a header that occurs once.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// An origin: two are the same if scheme, host and port are (RFC 6454 5).
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    is_https: bool,
    host: Host,
    port: u16,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    /// In lower case.
    Name(String),
    V6(Ipv6Addr),
}

impl Origin {
    /// Parses the value of `Origin`. `null` is the origin of no page of this site.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let is_https = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Self::new(is_https, authority)
    }

    /// The origin at which the browser reached this service.
    fn of_host(headers: &HeaderMap, deployment: Deployment) -> Option<Self> {
        let name = if headers.contains_key(HOST) { HOST } else { EVENT_HOST };
        Self::new(deployment == Deployment::Aws, single(headers, &name)?)
    }

    fn new(is_https: bool, authority: &str) -> Option<Self> {
        // Refuses paths, queries and white space.
        let parsed: Authority = authority.parse().ok()?;
        let host = parsed.host();
        // Neither header has a user before the host.
        let port = match authority.strip_prefix(host)? {
            "" | ":" => {
                if is_https {
                    443
                } else {
                    80
                }
            }
            rest => rest.strip_prefix(':').filter(|port| port.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?,
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => Host::V6(address.parse().ok()?),
            None if host.is_empty() => return None,
            None => Host::Name(host.to_ascii_lowercase()),
        };
        Some(Self { is_https, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// Whether a request that enters the service with these headers is same-origin.
    fn is_same(pairs: &[(&'static str, &str)], deployment: Deployment) -> bool {
        let mut headers = headers(pairs);
        add_missing_site(&mut headers, deployment);
        is_same_origin(&headers)
    }

    #[test]
    fn only_a_page_of_this_site_is_same_origin_by_fetch_metadata() {
        let is_same = |pairs: &[(&'static str, &str)]| is_same(pairs, Deployment::Aws);
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
        let is_same = |origin, host| is_same(&[("origin", origin), ("host", host)], Deployment::Aws);
        for (origin, host) in [
            ("https://auth.example.com", "auth.example.com"),
            ("https://auth.example.com", "auth.example.com:443"),
            ("https://auth.example.com:443", "auth.example.com"),
            ("https://auth.example.com", "AUTH.Example.com"),
            ("https://auth.example.com:8443", "auth.example.com:8443"),
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example:443"),
            ("https://[2001:db8::1]", "[2001:DB8:0::1]:443"),
        ] {
            assert!(is_same(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://evil.example", "auth.example.com"),
            ("https://auth.example.com.evil.example", "auth.example.com"),
            ("https://auth.example.com:444", "auth.example.com"),
            ("https://auth.example.com:80", "auth.example.com"),
            ("https://auth.example.com", "auth.example.com:80"),
            ("http://auth.example.com", "auth.example.com"),
            ("http://auth.example.com:443", "auth.example.com:443"),
            ("http://auth.example.com", "auth.example.com:80"),
            ("https://auth.example.com.", "auth.example.com"),
            ("https://example.com", "auth.example.com"),
            ("https://auth.example.com@evil.example", "evil.example"),
            ("https://user@auth.example.com", "auth.example.com"),
            ("https://a@a", "a"),
            ("https://auth.example.com", "user@auth.example.com"),
            ("https://auth.example.com/", "auth.example.com"),
            ("https://auth.example.com?", "auth.example.com"),
            ("https://auth.example.com:+443", "auth.example.com"),
            ("https://auth.example.com:65979", "auth.example.com"),
            ("https://auth.example.com, https://auth.example.com", "auth.example.com"),
            ("https://auth.example.com https://auth.example.com", "auth.example.com"),
            ("https://[::1]", "[::2]"),
            ("https://[::1", "[::1"),
            ("null", "auth.example.com"),
            ("null", "null"),
            ("auth.example.com", "auth.example.com"),
            ("file://", ""),
            ("ftp://auth.example.com", "auth.example.com"),
            ("https://", ""),
            ("https://:443", ":443"),
            ("", ""),
        ] {
            assert!(!is_same(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn a_local_service_is_reached_by_http() {
        let is_same = |origin, host| is_same(&[("origin", origin), ("host", host)], Deployment::Loopback);
        for (origin, host) in [
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://localhost", "localhost:80"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert!(is_same(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://127.0.0.1:3001", "127.0.0.1:3000"),
            ("http://localhost:3000", "127.0.0.1:3000"),
            ("http://localhost:443", "localhost"),
        ] {
            assert!(!is_same(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn both_headers_must_occur_once_and_host_takes_precedence_over_the_events() {
        let is_same = |pairs: &[(&'static str, &str)]| is_same(pairs, Deployment::Aws);
        let (origin, host) = (("origin", "https://a.example"), ("host", "a.example"));
        assert!(is_same(&[origin, ("x-forwarded-host", "a.example")]));
        for pairs in [
            &[origin, origin, host][..],
            &[origin, host, host],
            &[("origin", "https://evil.example"), host, ("x-forwarded-host", "evil.example")],
            &[origin],
            &[host],
            &[],
        ] {
            assert!(!is_same(pairs), "{pairs:?}");
        }
    }

    #[test]
    fn reading_with_a_cookie_is_for_this_site_and_top_level_navigations() {
        let may_read = |pairs: &[(&'static str, &str)]| {
            let mut headers = headers(pairs);
            add_missing_site(&mut headers, Deployment::Aws);
            check_reading(&headers).is_ok()
        };
        let fetch = |site, mode, dest| {
            may_read(&[("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)])
        };
        for own in ["same-origin", "none"] {
            for (mode, dest) in [("navigate", "document"), ("cors", "empty"), ("no-cors", "image")] {
                assert!(fetch(own, mode, dest), "{own} {mode} {dest}");
            }
        }
        for other in ["same-site", "cross-site", "", "SAME-ORIGIN"] {
            assert!(fetch(other, "navigate", "document"), "a link of another site: {other}");
            for (mode, dest) in [
                ("no-cors", "empty"),
                ("no-cors", "image"),
                ("no-cors", "script"),
                ("cors", "empty"),
                ("same-origin", "empty"),
                ("websocket", "empty"),
                ("navigate", "iframe"),
                ("navigate", "frame"),
                ("navigate", "embed"),
                ("navigate", "object"),
                ("navigate", ""),
                ("cors", "document"),
                ("", "document"),
            ] {
                assert!(!fetch(other, mode, dest), "{other} {mode} {dest}");
            }
            assert!(!may_read(&[("sec-fetch-site", other)]), "{other}");
        }
        let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert!(!may_read(&[&[("sec-fetch-site", "none"), ("sec-fetch-site", "none")], &navigation[..1]].concat()));
        // Clients without fetch metadata: curl, and an old browser.
        assert!(may_read(&[]) && may_read(&[("host", "a.example")]));
        assert!(may_read(&[("origin", "https://a.example"), ("host", "a.example")]));
        for origin in ["https://evil.example", "null", "http://a.example"] {
            assert!(!may_read(&[("origin", origin), ("host", "a.example")]), "{origin}");
        }
    }

    #[test]
    fn a_request_with_any_mode_but_navigation_is_from_a_script() {
        for mode in ["cors", "no-cors", "same-origin", "websocket", "", "navigate, navigate"] {
            assert!(is_from_script(&headers(&[("sec-fetch-mode", mode)])), "{mode}");
        }
        assert!(!is_from_script(&headers(&[("sec-fetch-mode", "navigate")])));
        assert!(!is_from_script(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn any_origin_headers_are_handled(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::from_iter([(ORIGIN, value.clone()), (HOST, value.clone())]);
                add_missing_site(&mut headers, Deployment::Aws);
                let _ = check_reading(&headers);
                headers.insert(SEC_FETCH_SITE, value);
                let _ = check_reading(&headers);
            }
        }
    }
}
