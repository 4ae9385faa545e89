//! The two cookies of a logged-in browser: an access token and, if sessions are on, a refresh token.
//!
//! The prefix `__Host-` binds a cookie to this host, to HTTPS and to all paths (RFC 6265bis 4.1.3.2). Browsers reject
//! such cookies over plain HTTP. When the service runs locally, the names say whose the cookies are instead: cookies
//! are not isolated by port, so all applications on 127.0.0.1 share them.

use std::time::Duration;

use axum::http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};
use cookie::{Cookie, SameSite, time::Duration as MaxAge};

use crate::domain::{authorization::TokenRefusal, deployment::Deployment, throttle::DeviceId};

const ACCESS: &str = "access_token";
const REFRESH: &str = "refresh_token";
const DEVICE: &str = "device";

/// Reads and writes the cookies.
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    /// Determines names and attributes: locally, browsers reach the service over plain HTTP.
    pub deployment: Deployment,
}

/// The tokens to set as cookies, each with its lifetime in seconds.
#[derive(Debug)]
pub struct TokenCookies<'t> {
    /// The access token.
    pub access: (&'t str, u64),
    /// The refresh token. `None` clears its cookie.
    pub refresh: Option<(&'t str, u64)>,
}

impl Cookies {
    /// The access token.
    pub fn access_token(self, headers: &HeaderMap) -> Result<Option<&str>, TokenRefusal> {
        self.find(headers, ACCESS)
    }

    /// The refresh token.
    pub fn refresh_token(self, headers: &HeaderMap) -> Result<Option<&str>, TokenRefusal> {
        self.find(headers, REFRESH)
    }

    /// Sets both cookies.
    pub fn set(self, response: &mut HeaderMap, tokens: &TokenCookies<'_>) {
        let (access, lifetime) = tokens.access;
        let (refresh, refresh_lifetime) = tokens.refresh.unwrap_or_default();
        self.append(response, ACCESS, access, lifetime);
        self.append(response, REFRESH, refresh, refresh_lifetime);
    }

    /// Clears both cookies.
    pub fn clear(self, response: &mut HeaderMap) {
        self.append(response, ACCESS, "", 0);
        self.append(response, REFRESH, "", 0);
    }

    /// The identifier of the browser. A cookie that is no identifier is ignored.
    pub fn device(self, headers: &HeaderMap) -> Option<DeviceId> {
        DeviceId::parse(self.find(headers, DEVICE).ok()??)
    }

    /// Sets the identifier of the browser.
    pub fn set_device(self, response: &mut HeaderMap, device: &DeviceId, lifetime: Duration) {
        self.append(response, DEVICE, &device.to_text(), lifetime.as_secs());
    }

    fn append(self, response: &mut HeaderMap, name: &str, value: &str, lifetime: u64) {
        let cookie = Cookie::build((self.name(name), value))
            .path("/")
            .secure(self.deployment == Deployment::Aws)
            .http_only(true)
            // Lax: sent when a link of another site leads here, but not with its forms.
            .same_site(SameSite::Lax)
            .max_age(MaxAge::seconds(i64::try_from(lifetime).unwrap_or(i64::MAX)));
        // Tokens consist of base64url and full stops, so this cannot fail.
        if let Ok(cookie) = HeaderValue::try_from(cookie.to_string()) {
            response.append(SET_COOKIE, cookie);
        }
    }

    fn name(self, name: &str) -> String {
        match self.deployment {
            Deployment::Aws => format!("__Host-{name}"),
            Deployment::Loopback => format!("postern_{name}"),
        }
    }

    /// The value of a cookie. A cookie that occurs twice is refused: this service set at most one of the two.
    ///
    /// Other cookies are skipped as bytes, because applications on the same host may set any (RFC 6265 5.2). A token is
    /// visible ASCII, so a cookie with any other value counts as absent.
    fn find<'h>(self, headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, TokenRefusal> {
        let name = self.name(name);
        let cookies = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b';'));
        let mut values = cookies.filter_map(|cookie| {
            let equals = cookie.iter().position(|&byte| byte == b'=')?;
            let (found, value) = (cookie[..equals].trim_ascii(), cookie[equals + 1..].trim_ascii());
            (found == name.as_bytes() && !value.is_empty()).then_some(value)
        });
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(TokenRefusal::Ambiguous),
            (value, None) => Ok(value.filter(|value| value.is_ascii()).and_then(|value| str::from_utf8(value).ok())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HTTPS: Cookies = Cookies { deployment: Deployment::Aws };
    const LOCAL: Cookies = Cookies { deployment: Deployment::Loopback };

    fn written(write: impl FnOnce(&mut HeaderMap)) -> Vec<String> {
        let mut response = HeaderMap::new();
        write(&mut response);
        response.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (COOKIE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn cookies_are_bound_to_the_host_and_https_and_hidden_from_scripts() {
        assert_eq!(
            written(|response| HTTPS
                .set(response, &TokenCookies { access: ("a.b.c", 1800), refresh: Some(("r", 2_592_000)) })),
            [
                "__Host-access_token=a.b.c; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=1800",
                "__Host-refresh_token=r; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000",
            ]
        );
    }

    #[test]
    fn local_cookies_work_over_plain_http_and_have_names_of_their_own() {
        assert_eq!(
            written(|response| LOCAL.set(response, &TokenCookies { access: ("a.b.c", 1800), refresh: None })),
            [
                "postern_access_token=a.b.c; HttpOnly; SameSite=Lax; Path=/; Max-Age=1800",
                "postern_refresh_token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0",
            ]
        );
        let others = "access_token=x; __Host-access_token=y; token=z; xpostern_access_token=x; postern_access_tokens=x";
        assert_eq!(LOCAL.access_token(&headers(&[others])).unwrap(), None);
        let beside_others = headers(&["access_token=x; postern_access_token=a.b.c; refresh_token=y"]);
        assert_eq!(LOCAL.access_token(&beside_others).unwrap(), Some("a.b.c"));
        assert_eq!(LOCAL.refresh_token(&beside_others).unwrap(), None);
    }

    #[test]
    fn cleared_cookies_are_empty_and_expired() {
        let cleared = written(|response| HTTPS.clear(response));
        assert_eq!(cleared.len(), 2);
        for cookie in cleared {
            assert!(cookie.contains("_token=; ") && cookie.ends_with("Max-Age=0"), "{cookie}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let joined = headers(&["theme=dark; __Host-access_token=a.b.c; __Host-refresh_token=r; x"]);
        assert_eq!(HTTPS.access_token(&joined).unwrap(), Some("a.b.c"));
        assert_eq!(HTTPS.refresh_token(&joined).unwrap(), Some("r"));
        let split = headers(&["__Host-refresh_token=r", "__Host-access_token=a.b.c"]);
        assert_eq!(HTTPS.access_token(&split).unwrap(), Some("a.b.c"));
        for none in
            [&[][..], &["postern_access_token=t"], &["__Host-access_token="], &["__Host-access_token"], &["=t; ;"]]
        {
            assert_eq!(HTTPS.access_token(&headers(none)).unwrap(), None, "{none:?}");
        }
    }

    #[test]
    fn cookies_of_other_applications_are_ignored_whatever_their_bytes() {
        for other in [
            &b"theme=\xc3\xa9t\xc3\xa9"[..],
            b"theme=\xe9t\xe9",
            b"\xff\xfe\xfd",
            b"\xc3\xa9=x",
            b"a=\"\xe9, b\"",
            b"=\x80",
            b"a=b=\xf0=c",
            b"a=\t\xa0",
            b"",
        ] {
            let tokens = b"__Host-access_token=a.b.c; __Host-refresh_token=r";
            let (first, last) = ([other, tokens].join(&b"; "[..]), [tokens, other].join(&b"; "[..]));
            let without_space = [other, tokens].join(&b";"[..]);
            for value in [first, last, without_space] {
                let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(&value).unwrap())]);
                assert_eq!(HTTPS.access_token(&headers).unwrap(), Some("a.b.c"), "{headers:?}");
                assert_eq!(HTTPS.refresh_token(&headers).unwrap(), Some("r"), "{headers:?}");
            }
        }
    }

    #[test]
    fn a_cookie_of_this_service_that_it_cannot_have_set_is_absent() {
        let value = HeaderValue::from_bytes(b"__Host-access_token=\xe9t\xe9; __Host-refresh_token=r").unwrap();
        let headers = HeaderMap::from_iter([(COOKIE, value)]);
        assert_eq!(HTTPS.access_token(&headers).unwrap(), None);
        assert_eq!(HTTPS.refresh_token(&headers).unwrap(), Some("r"));
    }

    #[test]
    fn a_cookie_that_occurs_twice_is_refused_and_the_other_is_not() {
        for twice in
            [&["__Host-access_token=a; __Host-access_token=b"][..], &["__Host-access_token=a", "__Host-access_token=a"]]
        {
            assert!(matches!(HTTPS.access_token(&headers(twice)), Err(TokenRefusal::Ambiguous)), "{twice:?}");
        }
        let twice = headers(&["__Host-access_token=a; __Host-refresh_token=r; __Host-access_token=b"]);
        assert!(HTTPS.access_token(&twice).is_err());
        assert_eq!(HTTPS.refresh_token(&twice).unwrap(), Some("r"));
    }

    proptest! {
        #[test]
        fn any_cookie_header_is_handled(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let _ = HTTPS.access_token(&HeaderMap::from_iter([(COOKIE, value)]));
            }
        }
    }
}
