//! The two cookies of a browser that is signed in: an access token and, where there are sessions, a refresh token.
//!
//! `__Host-` ties a cookie to this host, to HTTPS and to all paths (RFC 6265bis 4.1.3.2). A browser takes no such cookie over plain HTTP,
//! so at a desk they have no prefix.

use axum::http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};
use cookie::{Cookie, SameSite, time::Duration as MaxAge};

use crate::domain::{authorization::TokenRefusal, deployment::Deployment};

const ACCESS: &str = "access_token";
const REFRESH: &str = "refresh_token";

/// Reads and writes the cookies.
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    /// Determines names and attributes.
    pub deployment: Deployment,
}

/// What a browser keeps. Lifetimes are in seconds.
#[derive(Debug)]
pub struct Kept<'t> {
    /// The access token and its lifetime.
    pub access: (&'t str, u64),
    /// The refresh token and its lifetime.
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

    /// Has a browser keep these tokens, and nothing else it had of us.
    pub fn keep(self, answer: &mut HeaderMap, kept: &Kept<'_>) {
        let (access, lifetime) = kept.access;
        let (refresh, refresh_lifetime) = kept.refresh.unwrap_or_default();
        self.set(answer, ACCESS, access, lifetime);
        self.set(answer, REFRESH, refresh, refresh_lifetime);
    }

    /// Has a browser forget both.
    pub fn forget(self, answer: &mut HeaderMap) {
        self.set(answer, ACCESS, "", 0);
        self.set(answer, REFRESH, "", 0);
    }

    fn set(self, answer: &mut HeaderMap, name: &str, value: &str, lifetime: u64) {
        let cookie = Cookie::build((self.name(name), value))
            .path("/")
            .secure(self.deployment == Deployment::Aws)
            .http_only(true)
            // Sent along when somebody follows a link to here, and with no form of another site.
            .same_site(SameSite::Lax)
            .max_age(MaxAge::seconds(i64::try_from(lifetime).unwrap_or(i64::MAX)));
        // Our tokens are base64url and full stops.
        if let Ok(cookie) = HeaderValue::try_from(cookie.to_string()) {
            answer.append(SET_COOKIE, cookie);
        }
    }

    fn name(self, name: &str) -> String {
        match self.deployment {
            Deployment::Aws => format!("__Host-{name}"),
            Deployment::Loopback => name.to_owned(),
        }
    }

    /// A cookie that comes twice is refused: one of the two was not set by us.
    fn find<'h>(self, headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, TokenRefusal> {
        let name = self.name(name);
        let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies = texts.flat_map(Cookie::split_parse).flatten().filter(|cookie| cookie.name() == name);
        let mut values = cookies.filter_map(|cookie| cookie.value_raw()).filter(|value| !value.is_empty());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(TokenRefusal::Ambiguous),
            (value, None) => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYED: Cookies = Cookies { deployment: Deployment::Aws };
    const AT_A_DESK: Cookies = Cookies { deployment: Deployment::Loopback };

    fn set(set: impl FnOnce(&mut HeaderMap)) -> Vec<String> {
        let mut answer = HeaderMap::new();
        set(&mut answer);
        answer.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (COOKIE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn cookies_are_for_this_host_over_https_and_for_no_script() {
        assert_eq!(
            set(|answer| DEPLOYED.keep(answer, &Kept { access: ("a.b.c", 1800), refresh: Some(("r", 2_592_000)) })),
            [
                "__Host-access_token=a.b.c; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=1800",
                "__Host-refresh_token=r; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000",
            ]
        );
    }

    #[test]
    fn at_a_desk_they_have_names_that_plain_http_takes() {
        assert_eq!(
            set(|answer| AT_A_DESK.keep(answer, &Kept { access: ("a.b.c", 1800), refresh: None })),
            [
                "access_token=a.b.c; HttpOnly; SameSite=Lax; Path=/; Max-Age=1800",
                "refresh_token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0",
            ]
        );
        assert_eq!(AT_A_DESK.access_token(&headers(&["__Host-access_token=t"])).unwrap(), None);
    }

    #[test]
    fn forgotten_cookies_are_empty_and_over() {
        let forgotten = set(|answer| DEPLOYED.forget(answer));
        assert_eq!(forgotten.len(), 2);
        for cookie in forgotten {
            assert!(cookie.contains("_token=; ") && cookie.ends_with("Max-Age=0"), "{cookie}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let one = headers(&["theme=dark; __Host-access_token=a.b.c; __Host-refresh_token=r; x"]);
        assert_eq!(DEPLOYED.access_token(&one).unwrap(), Some("a.b.c"));
        assert_eq!(DEPLOYED.refresh_token(&one).unwrap(), Some("r"));
        let split = headers(&["__Host-refresh_token=r", "__Host-access_token=a.b.c"]);
        assert_eq!(DEPLOYED.access_token(&split).unwrap(), Some("a.b.c"));
        for none in [&[][..], &["access_token=t"], &["__Host-access_token="], &["__Host-access_token"], &["=t; ;"]] {
            assert_eq!(DEPLOYED.access_token(&headers(none)).unwrap(), None, "{none:?}");
        }
    }

    #[test]
    fn a_cookie_that_comes_twice_is_refused() {
        for twice in
            [&["__Host-access_token=a; __Host-access_token=b"][..], &["__Host-access_token=a", "__Host-access_token=a"]]
        {
            assert!(matches!(DEPLOYED.access_token(&headers(twice)), Err(TokenRefusal::Ambiguous)), "{twice:?}");
        }
    }
}
