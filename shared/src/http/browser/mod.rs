//! What a browser says beside its fields: that it wants a page, where its form comes from, and where to go on.

pub mod cookies;

use axum::http::{
    HeaderMap, HeaderName, Uri,
    header::{ACCEPT, HOST, ORIGIN},
    uri::Authority,
};
use mime::Mime;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::{error::Error, request::fields::Fields};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host that an event names. [`crate::http::lambda`] puts it here, since `lambda_http` would make a URI of `Host`.
pub(crate) const EVENT_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Longest address to return to, in octets: a path and the query of a page.
const MAX_RETURN: usize = 256;

/// Whether the client would rather have a page than JSON (RFC 9110 12.5.1). Browsers name `text/html` first; other clients take
/// anything or ask for JSON, and get what they always got.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<Mime> =
        accept.flat_map(|value| value.split(',')).filter_map(|range| range.trim().parse().ok()).collect();
    let quality = |wanted: &str| ranges.iter().find(|range| range.essence_str() == wanted).map(quality);
    let json = ["application/json", "application/*", "*/*"].into_iter().find_map(quality);
    quality("text/html").is_some_and(|html| html > json.unwrap_or(0.0))
}

fn quality(range: &Mime) -> f32 {
    range.get_param("q").map_or(1.0, |q| q.as_str().parse().unwrap_or(0.0))
}

/// Refuses what another site has a browser send: a form there, or a script. A request that a cookie vouches for, or that a page
/// answers, has to pass here before anything changes.
///
/// Browsers say so themselves in `Sec-Fetch-Site` (W3C Fetch Metadata), which no site can write. Those from before 2023 have `Origin`
/// alone (RFC 6454 7).
pub fn check_origin(headers: &HeaderMap) -> Result<(), Error> {
    if is_same_origin(headers) { Ok(()) } else { Err(Error::CrossSite) }
}

/// Whether a page of this site led here.
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

/// A page of this site to go on to, and of no other: whoever makes a link to the log-in cannot choose where it ends (CWE-601).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The page that `text` names: a path that has one, and a query of unreserved and escaped characters.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let is_plain = query.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._~=&%".contains(&octet));
        let is_page = matches!(path, "/user" | "/user/me") && is_plain && text.len() <= MAX_RETURN;
        is_page.then(|| Self(text.to_owned()))
    }

    /// The page that was asked for.
    pub fn here(uri: &Uri) -> Option<Self> {
        Self::parse(uri.path_and_query()?.as_str())
    }

    /// `?return_to=`. What names no page of ours counts as nothing.
    pub fn from_query(uri: &Uri) -> Option<Self> {
        let fields = Fields::from_query(uri.query()?, &["return_to"]).ok()?;
        Self::parse(fields.get("return_to")?)
    }

    /// One's own account.
    pub fn account() -> Self {
        Self("/user/me".to_owned())
    }

    /// Path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This page as the query of another one.
    pub fn to_query(&self) -> String {
        format!("?return_to={}", utf8_percent_encode(&self.0, NON_ALPHANUMERIC))
    }
}

/// Where somebody goes on who was not sent anywhere: to the users.
impl Default for ReturnTo {
    fn default() -> Self {
        Self("/user".to_owned())
    }
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
    fn browsers_get_pages_and_other_clients_get_json() {
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html, application/json;q=0.9",
            "text/html",
            "TEXT/HTML;q=0.2, application/*;q=0.1",
        ] {
            assert!(wants_page(&headers(&[("accept", accept)])), "{accept}");
        }
        for accept in [
            "*/*",
            "application/json",
            "application/json, text/html",
            "application/json, text/plain, */*",
            "text/html;q=0, */*",
            "text/html;q=0.5, */*",
            "text/*",
            "text/html;q=no",
            "",
            "html",
        ] {
            assert!(!wants_page(&headers(&[("accept", accept)])), "{accept}");
        }
        assert!(!wants_page(&HeaderMap::new()));
    }

    #[test]
    fn a_request_of_this_site_says_so_and_no_other_one_can() {
        let is_ours = |pairs: &[(&'static str, &str)]| is_same_origin(&headers(pairs));
        assert!(is_ours(&[("sec-fetch-site", "same-origin")]));
        for site in ["cross-site", "same-site", "none", "", "SAME-ORIGIN", "same-origin, same-origin"] {
            assert!(
                !is_ours(&[("sec-fetch-site", site), ("origin", "https://a.example"), ("host", "a.example")]),
                "{site}"
            );
        }
        assert!(!is_ours(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn browsers_without_fetch_metadata_are_known_by_their_origin() {
        let is_ours = |origin, host| is_same_origin(&headers(&[("origin", origin), ("host", host)]));
        assert!(is_ours("https://auth.example.com", "auth.example.com"));
        assert!(is_ours("http://127.0.0.1:3000", "127.0.0.1:3000"));
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
            assert!(!is_ours(origin, host), "{origin} {host}");
        }
        assert!(is_same_origin(&headers(&[("origin", "https://a.example"), ("x-forwarded-host", "a.example")])));
        // The host of the connection is the one that counts.
        let forged = [("origin", "https://evil.example"), ("host", "a.example"), ("x-forwarded-host", "evil.example")];
        assert!(!is_same_origin(&headers(&forged)));
        assert!(!is_same_origin(&headers(&[("host", "a.example")])));
        assert!(!is_same_origin(&HeaderMap::new()));
    }

    #[test]
    fn one_returns_to_a_page_of_this_site_only() {
        for page in ["/user", "/user/me", "/user?limit=5&cursor=AAAA_-", "/user?x=%C3%A9"] {
            assert_eq!(ReturnTo::parse(page).map(|page| page.0).as_deref(), Some(page));
        }
        for other in [
            "",
            "/",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/user",
            "user",
            "/user/",
            "/user/me/x",
            "/user\\",
            "/user#x",
            "/user?x=//evil.example",
            "/user?x=\r\nset-cookie: a=b",
            "/user?\u{e9}",
            "/login",
            &format!("/user?{}", "x".repeat(300)),
        ] {
            assert_eq!(ReturnTo::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_page_comes_back_from_the_query_of_another_one() {
        let page = ReturnTo::parse("/user?limit=5&cursor=AAAA").unwrap();
        let uri: Uri = format!("/{}", page.to_query()).parse().unwrap();
        assert_eq!(ReturnTo::from_query(&uri), Some(page));
        for query in
            ["", "?return_to=", "?return_to=//evil.example", "?return_to=%2Fuser&return_to=%2Fuser", "?return_to=%"]
        {
            assert_eq!(ReturnTo::from_query(&format!("/{query}").parse().unwrap()), None, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_headers_are_judged(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::from_iter([(ACCEPT, value.clone()), (ORIGIN, value.clone()), (HOST, value.clone())]);
                let _ = (wants_page(&headers), is_same_origin(&headers));
                headers.insert(SEC_FETCH_SITE, value);
                let _ = is_same_origin(&headers);
            }
        }

        #[test]
        fn no_text_leads_elsewhere(text in any::<String>()) {
            if let Some(page) = ReturnTo::parse(&text) {
                prop_assert!(page.0.starts_with("/user") && HeaderValue::from_str(&page.0).is_ok());
            }
        }
    }
}
