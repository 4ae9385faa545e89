//! The page to return to after a log-in.

use axum::http::Uri;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{domain::paths, http::request::fields::Fields};

/// Longest path and query of a page to return to, in bytes.
const MAX_LENGTH: usize = 256;

/// The parameter of a page to which a refresh of the access token returns.
const REFRESHED: &str = "refreshed=1";

/// A page of this site to redirect to. It never leads to another site, so a link to the log-in form cannot be an open
/// redirect (CWE-601).
///
/// ```
/// use shared::http::browser::ReturnTo;
///
/// assert!(ReturnTo::parse("/user?limit=5").is_some());
/// assert!(ReturnTo::parse("//evil.example/user").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The query parameter of the log-in page and of `GET /refresh`.
    pub const PARAMETER: &str = "return_to";

    /// The page at `text`: the path of a page for logged-in users, and a query of unreserved and escaped characters.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let is_plain = query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~=&%".contains(&byte));
        let is_page = matches!(path, paths::USERS | paths::ME) && is_plain && text.len() <= MAX_LENGTH;
        is_page.then(|| Self(text.to_owned()))
    }

    /// The requested page.
    pub fn here(uri: &Uri) -> Option<Self> {
        Self::parse(uri.path_and_query()?.as_str())
    }

    /// The page in `?return_to=`. `None` if the parameter is missing or names no page of this site.
    pub fn from_query(uri: &Uri) -> Option<Self> {
        let fields = Fields::from_query(uri.query()?, &[Self::PARAMETER]).ok()?;
        Self::parse(fields.get(Self::PARAMETER)?)
    }

    /// The caller's own account.
    pub fn account() -> Self {
        Self(paths::ME.to_owned())
    }

    /// The same page with a mark, for a browser that returns to it with a new access token. If that is refused as well,
    /// another refresh would not help.
    #[must_use]
    pub fn refreshed(&self) -> Self {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        Self(format!("{}{separator}{REFRESHED}", self.0))
    }

    /// The page without its mark. `None` if it has none: the browser does not return from a refresh.
    pub fn after_refresh(&self) -> Option<Self> {
        let page = self.0.strip_suffix(REFRESHED)?.strip_suffix(['?', '&'])?;
        Some(Self(page.to_owned()))
    }

    /// Path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The page as the query of another page: `?return_to=…`.
    pub fn to_query(&self) -> String {
        format!("?{}={}", Self::PARAMETER, utf8_percent_encode(&self.0, NON_ALPHANUMERIC))
    }
}

/// The list of users.
impl Default for ReturnTo {
    fn default() -> Self {
        Self(paths::USERS.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    #[test]
    fn only_pages_of_this_site_can_be_returned_to() {
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
    fn a_page_survives_the_round_trip_through_a_query() {
        let page = ReturnTo::parse("/user?limit=5&cursor=AAAA").unwrap();
        let uri: Uri = format!("/{}", page.to_query()).parse().unwrap();
        assert_eq!(ReturnTo::from_query(&uri), Some(page));
        for query in
            ["", "?return_to=", "?return_to=//evil.example", "?return_to=%2Fuser&return_to=%2Fuser", "?return_to=%"]
        {
            assert_eq!(ReturnTo::from_query(&format!("/{query}").parse().unwrap()), None, "{query}");
        }
    }

    #[test]
    fn a_page_can_be_marked_as_refreshed() {
        for page in ["/user", "/user/me", "/user?limit=5&cursor=AAAA", "/user?x=refreshed=1"] {
            let page = ReturnTo::parse(page).unwrap();
            assert_eq!(page.after_refresh(), None, "{page:?}");
            let marked = page.refreshed();
            assert_eq!(ReturnTo::parse(marked.as_str()), Some(marked.clone()));
            assert_eq!(marked.after_refresh(), Some(page));
        }
    }

    proptest! {
        #[test]
        fn no_text_leads_to_another_site(text in any::<String>()) {
            if let Some(page) = ReturnTo::parse(&text) {
                prop_assert!(page.0.starts_with("/user") && HeaderValue::from_str(&page.0).is_ok());
            }
        }
    }
}
