//! Identifying the caller by access token.

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use shared::{
    domain::{time::UnixMillis, token::VerifiedToken},
    http::{browser::ReturnTo, error::Error, pages, paths, request::access_token},
};

use crate::ListUsers;

impl ListUsers {
    /// The caller of a request. All calls of this function only read, so a cookie is accepted from links of other sites
    /// too. Does not check that user and session still exist: see [`VerifiedToken::authorize`].
    pub(crate) async fn caller_by_token(&self, headers: &HeaderMap, now: UnixMillis) -> Result<VerifiedToken, Error> {
        let token = access_token::for_reading(headers, &self.header_prefix, self.cookies)?;
        Ok(self.keys.verify(&self.verifier, token, now).await?)
    }

    /// Redirects a browser to refresh its access token, or else to log in. Either returns the user to this page.
    pub(crate) fn redirect_to_log_in(&self, error: &Error, headers: &HeaderMap, uri: &Uri) -> Response {
        let query = ReturnTo::here(uri).unwrap_or_default().to_query();
        if error.asks_to_refresh() && matches!(self.cookies.refresh_token(headers), Ok(Some(_))) {
            return pages::see_other(&format!("{}{query}", paths::REFRESH));
        }
        let mut response = pages::see_other(&format!("{}{query}", paths::START));
        self.cookies.clear(response.headers_mut());
        response
    }
}
