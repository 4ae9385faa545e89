//! Identifying the caller: by an access token in a header, or by the two cookies of a browser.

use axum::http::HeaderMap;
use shared::{
    aws::store::TokenState,
    domain::{
        authorization::{Record, RefreshRefusal, TokenRefusal},
        session::RefreshToken,
        time::UnixMillis,
        token::{TokenBinding, VerifiedToken},
        user::User,
    },
    http::{
        browser,
        error::Error,
        request::{access_token, authorization},
        telemetry::audit::{self, Event},
    },
};

use crate::Login;

/// A caller whose user and session still exist.
pub(crate) struct Caller {
    pub(crate) token: VerifiedToken,
    pub(crate) user: User,
}

impl Login {
    /// The caller of a request that changes an account.
    ///
    /// A token in a header is the only credential of its request. The cookies are two independent credentials: whatever
    /// is wrong with the access cookie, such as an expiry while the form was open, the refresh cookie is tried.
    pub(crate) async fn caller(&self, headers: &HeaderMap, is_form: bool, now: UnixMillis) -> Result<Caller, Error> {
        if is_form {
            browser::check_origin(headers)?;
        }
        if let Some(token) = self.header_token(headers, now).await? {
            return self.authorized(token, now).await;
        }
        self.check_cookies(headers)?;
        let refused = match self.caller_by_access_cookie(headers, now).await {
            Err(error) if error.asks_to_log_in() => error,
            caller => return caller,
        };
        match self.caller_by_refresh_cookie(headers, now).await {
            Err(error) if error.asks_to_log_in() => Err(refused),
            caller => caller,
        }
    }

    /// The verified access token in a header.
    pub(crate) async fn header_token(
        &self,
        headers: &HeaderMap,
        now: UnixMillis,
    ) -> Result<Option<VerifiedToken>, Error> {
        match authorization::bearer_token(headers, &self.header_prefix) {
            Ok(token) => Ok(Some(self.keys.verify(&self.verifier, token, now).await?)),
            Err(Error::TokenMissing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The verified access token of a request that only reads. See [`access_token::for_reading`].
    pub(crate) async fn token_for_reading(&self, headers: &HeaderMap, now: UnixMillis) -> Result<VerifiedToken, Error> {
        let token = access_token::for_reading(headers, &self.header_prefix, self.cookies)?;
        Ok(self.keys.verify(&self.verifier, token, now).await?)
    }

    /// Checks that a request has a cookie, and that a page of this site caused it, which prevents CSRF.
    pub(crate) fn check_cookies(&self, headers: &HeaderMap) -> Result<(), Error> {
        if !self.has_cookies(headers) {
            return Err(Error::TokenMissing);
        }
        browser::check_origin(headers)
    }

    /// The token of the access cookie, verified. Does not check that user and session still exist.
    pub(crate) async fn access_cookie(&self, headers: &HeaderMap, now: UnixMillis) -> Result<VerifiedToken, Error> {
        let token = self.cookies.access_token(headers)?.ok_or(Error::TokenMissing)?;
        Ok(self.keys.verify(&self.verifier, token, now).await?)
    }

    /// The session of the refresh cookie. Does not check that its user still exists.
    pub(crate) async fn refresh_cookie(&self, headers: &HeaderMap, now: UnixMillis) -> Result<VerifiedToken, Error> {
        let text = self.cookies.refresh_token(headers)?.ok_or(Error::TokenMissing)?;
        self.session_by_refresh_token(text, now).await
    }

    async fn caller_by_access_cookie(&self, headers: &HeaderMap, now: UnixMillis) -> Result<Caller, Error> {
        self.authorized(self.access_cookie(headers, now).await?, now).await
    }

    async fn caller_by_refresh_cookie(&self, headers: &HeaderMap, now: UnixMillis) -> Result<Caller, Error> {
        if self.session_lifetime.is_none() {
            return Err(RefreshRefusal::Off.into());
        }
        self.authorized(self.refresh_cookie(headers, now).await?, now).await
    }

    /// The active session of a refresh token, which is not rotated.
    pub(crate) async fn session_by_refresh_token(&self, text: &str, now: UnixMillis) -> Result<VerifiedToken, Error> {
        let token = RefreshToken::parse(text).ok_or(RefreshRefusal::Malformed)?;
        match self.sessions.inspect(&token, now).await? {
            TokenState::Current(_) | TokenState::Previous(..) => Ok(session_of(&token)),
            TokenState::NotFound => Err(RefreshRefusal::NotFound.into()),
            TokenState::Replayed => Err(self.end_replayed(&token).await?.into()),
        }
    }

    /// Ends the session of a replayed refresh token: either the user or an attacker has the successor, and the
    /// service cannot tell which.
    pub(crate) async fn end_replayed(&self, token: &RefreshToken) -> Result<RefreshRefusal, Error> {
        self.sessions.end(token.user(), token.session()).await?;
        audit::record(Event::Replayed, token.user());
        Ok(RefreshRefusal::Replayed)
    }

    /// The caller that a verified token belongs to, if the token is not revoked.
    pub(crate) async fn authorized(&self, token: VerifiedToken, now: UnixMillis) -> Result<Caller, Error> {
        let record = self.callers.find(token.subject, token.session()).await?;
        let user = self.authorize(token, record, now).await??;
        Ok(Caller { token, user })
    }

    /// The user, if user and session are valid. The session of a disabled user ends, so it does not continue when the
    /// user is enabled again.
    pub(crate) async fn authorize(
        &self,
        token: VerifiedToken,
        record: Record,
        now: UnixMillis,
    ) -> Result<Result<User, TokenRefusal>, Error> {
        let authorized = token.authorize(record, now.seconds());
        if let (Err(TokenRefusal::UserDisabled), Some(session)) = (&authorized, token.session()) {
            self.sessions.end(token.subject, session).await?;
        }
        Ok(authorized)
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
