//! The access token of a request, and how it arrived.

use axum::http::HeaderMap;

use crate::http::{
    browser::{self, cookies::Cookies},
    error::Error,
    request::authorization,
};

/// An access token. What it may be used for depends on how it arrived, so it is accessible only together with that
/// decision.
pub struct AccessToken<'h> {
    token: &'h str,
    source: Source<'h>,
}

enum Source<'h> {
    /// A header, which only the client's own code can set.
    Header,
    /// A cookie, which browsers also send with requests that another site causes. The other headers tell which.
    Cookie(&'h HeaderMap),
}

impl<'h> AccessToken<'h> {
    /// The access token in a header, or else in a cookie. `prefix` is a scheme of `Authorization` that is accepted
    /// besides `Bearer`.
    pub fn find(headers: &'h HeaderMap, prefix: &str, cookies: Cookies) -> Result<Self, Error> {
        match authorization::bearer_token(headers, prefix) {
            Ok(token) => Ok(Self { token, source: Source::Header }),
            Err(Error::TokenMissing) => {
                let token = cookies.access_token(headers)?.ok_or(Error::TokenMissing)?;
                Ok(Self { token, source: Source::Cookie(headers) })
            }
            Err(error) => Err(error),
        }
    }

    /// The token for a request that only reads. A cookie is accepted from pages of this site and from top-level
    /// navigations, so other sites can neither load nor measure the response.
    pub fn for_reading(self) -> Result<&'h str, Error> {
        match self.source {
            Source::Header => {}
            Source::Cookie(headers) => browser::check_reading(headers)?,
        }
        Ok(self.token)
    }

    /// The token for a request that changes something. A cookie is accepted only if a page of this site caused the
    /// request, which prevents CSRF.
    pub fn for_changes(self) -> Result<&'h str, Error> {
        match self.source {
            Source::Header => {}
            Source::Cookie(headers) => browser::check_origin(headers)?,
        }
        Ok(self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deployment::Deployment;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn find(headers: &HeaderMap) -> Result<AccessToken<'_>, Error> {
        AccessToken::find(headers, "JWT", Cookies { deployment: Deployment::Loopback })
    }

    const COOKIE: (&str, &str) = ("cookie", "postern_access_token=c");

    #[test]
    fn a_header_is_preferred_to_a_cookie_and_needs_no_origin() {
        let headers = headers(&[("x-access-token", "h"), COOKIE]);
        assert_eq!(find(&headers).unwrap().for_changes().unwrap(), "h");
    }

    #[test]
    fn a_cookie_permits_changes_for_pages_of_this_site_only() {
        for (site, permitted) in [("same-origin", true), ("cross-site", false), ("same-site", false)] {
            let headers = headers(&[COOKIE, ("sec-fetch-site", site)]);
            let token = find(&headers).unwrap().for_changes();
            assert!(if permitted { token.is_ok() } else { matches!(token, Err(Error::CrossSite)) }, "{site}");
        }
    }

    #[test]
    fn a_cookie_permits_reading_for_pages_of_this_site_and_for_navigations() {
        let read = |fetch: &[(&'static str, &'static str)], token| {
            find(&headers(&[fetch, &[token]].concat())).unwrap().for_reading().map(str::to_owned)
        };
        let navigation =
            [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        for fetch in [&[][..], &[("sec-fetch-site", "same-origin")], &[("sec-fetch-site", "none")], &navigation] {
            assert_eq!(read(fetch, COOKIE).unwrap(), "c", "{fetch:?}");
        }
        let subresource = [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")];
        assert!(matches!(read(&subresource, COOKIE), Err(Error::CrossSite)));
        assert_eq!(read(&subresource, ("x-access-token", "h")).unwrap(), "h", "a header is the client's own");
    }

    #[test]
    fn a_request_without_token_is_rejected() {
        assert!(matches!(find(&HeaderMap::new()), Err(Error::TokenMissing)));
    }
}
