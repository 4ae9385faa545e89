//! Identifying the caller: by access token in a header or a cookie, or by the session of a refresh token.

use axum::http::HeaderMap;
use shared::{
    aws::store::Rotation,
    domain::{
        authorization::RefreshRefusal,
        session::RefreshToken,
        time::UnixMillis,
        token::{TokenBinding, VerifiedToken},
        user::User,
    },
    http::{
        browser,
        error::Error,
        request::access_token::AccessToken,
        telemetry::audit::{self, Event},
    },
};

use crate::Login;

impl Login {
    /// The caller of an API request, by access token. All calls of this function change something, so a cookie is
    /// accepted from pages of this site only. Does not check that user and session still exist: see
    /// [`VerifiedToken::authorize`].
    pub(crate) async fn caller_by_token(&self, headers: &HeaderMap, now: UnixMillis) -> Result<VerifiedToken, Error> {
        let token = AccessToken::find(headers, &self.header_prefix, self.cookies)?.for_changes()?;
        Ok(self.keys.verify(&self.verifier, token, now).await?)
    }

    /// The caller of a request. A form may have been open for longer than the access token is valid, so for a form
    /// the session of the refresh cookie is accepted too.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        is_form: bool,
        now: UnixMillis,
    ) -> Result<VerifiedToken, Error> {
        if !is_form {
            return self.caller_by_token(headers, now).await;
        }
        browser::check_origin(headers)?;
        match self.caller_by_token(headers, now).await {
            Err(error) if error.asks_to_refresh() => match self.cookies.refresh_token(headers)? {
                Some(text) => self.caller_by_refresh_token(text, now).await?.ok_or(error),
                None => Err(error),
            },
            caller => caller,
        }
    }

    /// The caller by the session of a refresh token. `None` if the session does not exist or has ended.
    pub(crate) async fn caller_by_refresh_token(
        &self,
        text: &str,
        now: UnixMillis,
    ) -> Result<Option<VerifiedToken>, Error> {
        let token = RefreshToken::parse(text).ok_or(RefreshRefusal::Malformed)?;
        match self.sessions.inspect(&token, now).await? {
            Rotation::Rotated(_) | Rotation::Repeated(..) => Ok(Some(session_of(&token))),
            Rotation::NotFound => Ok(None),
            Rotation::Replayed => self.end_replayed(&token).await.map(|()| None),
        }
    }

    /// Ends the session of a replayed refresh token: either the user or an attacker has the successor, and the
    /// service cannot tell which.
    pub(crate) async fn end_replayed(&self, token: &RefreshToken) -> Result<(), Error> {
        self.sessions.end(token.user(), token.session()).await?;
        audit::record(Event::Replayed, token.user());
        Ok(())
    }

    /// The user that a verified token belongs to, if the token is not revoked.
    pub(crate) async fn authorized_user(&self, caller: &VerifiedToken, now: UnixMillis) -> Result<User, Error> {
        let record = self.callers.find(caller.subject, caller.session()).await?;
        Ok(caller.authorize(record, now.seconds())?)
    }

    /// Whether a browser has any of the cookies.
    pub(crate) fn has_cookies(&self, headers: &HeaderMap) -> bool {
        let found = [self.cookies.access_token(headers), self.cookies.refresh_token(headers)];
        found.into_iter().any(|token| !matches!(token, Ok(None)))
    }
}

/// The caller that a valid refresh token identifies.
pub(crate) fn session_of(token: &RefreshToken) -> VerifiedToken {
    VerifiedToken { subject: token.user(), binding: TokenBinding::Session(token.session()) }
}
