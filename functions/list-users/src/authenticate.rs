//! Identifying the caller by access token.

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use shared::{
    domain::{
        authorization::{Record, TokenRefusal},
        time::{UnixMillis, UnixSeconds},
        token::{LegacyVerifier, VerifiedToken},
        user::User,
    },
    http::{
        browser::ReturnTo,
        error::Error,
        pages, paths,
        request::{access_token, authorization},
        telemetry::audit::{self, Event},
    },
};

use crate::ListUsers;

/// The caller that a verified token names.
pub(crate) struct Caller {
    pub(crate) token: VerifiedToken,
    /// Whether the old application issued the token.
    is_legacy: bool,
}

impl Caller {
    /// The user, if the token is not revoked. Records that a token of the old application was accepted.
    pub(crate) fn authorize(&self, record: Record, now: UnixSeconds) -> Result<User, TokenRefusal> {
        let user = self.token.authorize(record, now)?;
        if self.is_legacy {
            audit::record(Event::LegacyTokenAccepted, self.token.subject);
        }
        Ok(user)
    }
}

impl ListUsers {
    /// The caller of a request. All calls of this function only read, so a cookie is accepted from links of other sites
    /// too. Does not check that user and session still exist: see [`Caller::authorize`].
    pub(crate) async fn caller_by_token(&self, headers: &HeaderMap, now: UnixMillis) -> Result<Caller, Error> {
        let token = access_token::for_reading(headers, &self.header_prefix, self.cookies)?;
        match self.keys.verify(&self.verifier, token, now).await {
            Ok(token) => Ok(Caller { token, is_legacy: false }),
            // Never a cookie: the old application's browsers have none of Postern's.
            Err(error) if LegacyVerifier::may_verify(&error) && self.has_token_header(headers) => {
                match self.legacy.as_ref().and_then(|legacy| legacy.verify(token, now.seconds())) {
                    Some(Ok(token)) => Ok(Caller { token, is_legacy: true }),
                    Some(Err(legacy)) => Err(TokenRefusal::from(legacy).into()),
                    None => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Redirects a browser to refresh its access token, or else to log in. Either returns the user to this page.
    ///
    /// A browser whose new access token is refused as well has to log in, or it would be redirected forever: the
    /// settings or the clocks of the functions differ, or another application of this host sets a cookie of the same
    /// name. It keeps its cookies, because a deployment that has not reached every function yet is such a case.
    pub(crate) fn redirect_to_log_in(&self, error: &Error, headers: &HeaderMap, uri: &Uri) -> Response {
        let page = ReturnTo::here(uri).unwrap_or_default();
        let can_refresh = error.asks_to_refresh()
            && matches!(self.cookies.refresh_token(headers), Ok(Some(_)))
            // A refresh replaces the cookie only, and a header is preferred to it.
            && !self.has_token_header(headers);
        if !can_refresh {
            let mut response = pages::see_other(&format!("{}{}", paths::START, page.to_query()));
            self.cookies.clear(response.headers_mut());
            return response;
        }
        match page.after_refresh() {
            Some(page) => pages::see_other(&format!("{}{}", paths::START, page.to_query())),
            None => pages::see_other(&format!("{}{}", paths::REFRESH, page.to_query())),
        }
    }

    fn has_token_header(&self, headers: &HeaderMap) -> bool {
        !matches!(authorization::bearer_token(headers, &self.header_prefix), Err(Error::TokenMissing))
    }
}

/// Redirects a browser that returns from a refresh to the same page without the mark, which does not belong into its
/// address bar.
pub(crate) fn redirect_after_refresh(uri: &Uri) -> Option<Response> {
    let page = ReturnTo::here(uri)?.after_refresh()?;
    Some(pages::see_other(page.as_str()))
}
