//! `POST /refresh`: exchanging a refresh token for a new access token and the next refresh token. `GET /refresh`: a new
//! access cookie for a browser.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use shared::{
    aws::store::TokenState,
    domain::{
        authorization::{Record, RefreshRefusal},
        session::{RefreshToken, Salt, Session},
        time::UnixMillis,
    },
    http::{
        browser::{self, ReturnTo},
        error::Error,
        pages,
        request::fields::Fields,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, authenticate::session_of, issue::IssuedTokens};

/// Longest time limit. It is at most half of the grace period, so that a client without response has the other half
/// to repeat the request.
const TIME_LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn refresh(State(login): State<Arc<Login>>, request: Request) -> Result<Json<IssuedTokens>, Error> {
    let fields = Fields::from_body(request, &["refresh_token"]).await?;
    let text = fields.required("refresh_token").map_err(|error| Error::Invalid(vec![error]))?;
    login.refresh(text).await.map(Json)
}

/// `GET /refresh`: a new access cookie for a browser whose access token is not accepted, and a redirect to the page it
/// came from.
///
/// GET is a safe method (RFC 9110 section 9.2.1), and a browser may not store the cookies of its response: the user
/// stops loading, or another site leads here and closes the page. The refresh token is therefore not rotated, and
/// repeating the request is harmless.
pub(crate) async fn refresh_cookies(
    State(login): State<Arc<Login>>,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let return_to = ReturnTo::from_query(&uri).unwrap_or_default();
    let is_permitted = browser::check_reading(&headers);
    is_permitted.inspect_err(|error| audit::record_refusal(Attempt::Refresh, None, error))?;
    if method == Method::HEAD {
        return Ok(pages::see_other(return_to.as_str()));
    }
    let refreshed = match login.cookies.refresh_token(&headers) {
        Ok(Some(text)) => login.continue_session(text).await,
        Ok(None) => Err(Error::TokenMissing),
        Err(refusal) => Err(refusal.into()),
    };
    match refreshed {
        Ok(tokens) => Ok(login.redirect_with_cookies(&tokens, return_to.refreshed().as_str())),
        Err(error) if error.asks_to_log_in() => {
            Ok(login.redirect_clearing_cookies(&format!("/{}", return_to.to_query())))
        }
        Err(error) => Err(error),
    }
}

impl Login {
    /// New tokens for a refresh token, which is rotated.
    async fn refresh(&self, text: &str) -> Result<IssuedTokens, Error> {
        let now = self.clock.now();
        self.refresh_with(text, now, async |token| self.rotate(token, now).await).await
    }

    /// A new access token for a refresh token, which stays the same.
    async fn continue_session(&self, text: &str) -> Result<IssuedTokens, Error> {
        let now = self.clock.now();
        self.refresh_with(text, now, async |token| self.extend(token, now).await).await
    }

    /// New tokens, with an audit event. `advance` writes the session and returns its current refresh token.
    async fn refresh_with(
        &self,
        text: &str,
        now: UnixMillis,
        advance: impl AsyncFnOnce(&RefreshToken) -> Result<(RefreshToken, Session), Error>,
    ) -> Result<IssuedTokens, Error> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::Refresh, user, error);
        let token = RefreshToken::parse(text).ok_or(RefreshRefusal::Malformed.into());
        let token = token.inspect_err(|error| refused(None, error))?;
        let time_limit = TIME_LIMIT.min(self.session_grace / 2);
        // Boxed: its database calls make the future large.
        let issued = tokio::time::timeout(time_limit, Box::pin(self.reissue(&token, now, advance(&token))));
        let tokens =
            issued.await.unwrap_or(Err(Error::Late)).inspect_err(|error| refused(Some(token.user()), error))?;
        audit::record(Event::Refreshed, token.user());
        Ok(tokens)
    }

    async fn reissue(
        &self,
        token: &RefreshToken,
        now: UnixMillis,
        advance: impl Future<Output = Result<(RefreshToken, Session), Error>>,
    ) -> Result<IssuedTokens, Error> {
        let ((current, session), mut record) = if self.issuer.needs_user() {
            let record = self.issuable_record(token, now).await?;
            (advance.await?, record)
        } else {
            // Concurrent, so that reading the user takes no extra time.
            let (advanced, record) = tokio::join!(advance, self.callers.find(token.user(), None));
            (advanced?, record?)
        };
        record.session = Some(session);
        if record.user.as_ref().is_some_and(|user| user.version != session.version) {
            // One of the two may have been read too early, while another log-out carried this session over.
            record = self.callers.find(token.user(), Some(token.session())).await?;
        }
        let user = self.authorize(session_of(token), record, now).await?.map_err(RefreshRefusal::Token)?;
        self.issue_tokens(token.user(), user.version, Some(&user), Some((&current, session)), now).await
    }

    /// The user, read before the refresh token is exchanged: if the user's claims prevent a token, the refresh token
    /// stays valid until an operator has repaired them.
    async fn issuable_record(&self, token: &RefreshToken, now: UnixMillis) -> Result<Record, Error> {
        self.session_lifetime.ok_or(RefreshRefusal::Off)?;
        let issuable = async {
            let record = self.callers.find(token.user(), None).await?;
            // A user who may not continue gets no token anyway.
            if let Some(user) = record.user.as_ref().filter(|user| !user.disabled) {
                self.check_issuable(token.user(), user.version, Some(user), Some(token), now).await?;
            }
            Ok::<_, Error>(record)
        };
        match issuable.await {
            Ok(record) => Ok(record),
            Err(error) => {
                // A forged or replayed token is rejected even if the user's item is invalid.
                self.session_by_refresh_token(&token.to_text(), now).await?;
                Err(error)
            }
        }
    }

    /// Replaces a refresh token by its successor. Within the grace period the successor is the same each time, so a
    /// session has one line of tokens even if several tabs refresh it at once.
    async fn rotate(&self, token: &RefreshToken, now: UnixMillis) -> Result<(RefreshToken, Session), Error> {
        let lifetime = self.session_lifetime.ok_or(RefreshRefusal::Off)?;
        let salt = Salt::random()?;
        let successor = token.successor(&salt)?;
        let state = self.sessions.rotate(token, &successor, &salt, lifetime, now).await?;
        self.current(token, successor, state).await
    }

    /// Extends the idle lifetime of the session.
    async fn extend(&self, token: &RefreshToken, now: UnixMillis) -> Result<(RefreshToken, Session), Error> {
        let lifetime = self.session_lifetime.ok_or(RefreshRefusal::Off)?;
        let state = self.sessions.extend(token, lifetime, now).await?;
        self.current(token, token.clone(), state).await
    }

    /// The session's current refresh token: `if_current`, or the one derived from a previous token.
    async fn current(
        &self,
        token: &RefreshToken,
        if_current: RefreshToken,
        state: TokenState,
    ) -> Result<(RefreshToken, Session), Error> {
        match state {
            TokenState::Current(session) => Ok((if_current, session)),
            TokenState::Previous(session, salts) => {
                let current = salts.iter().try_fold(token.clone(), |token, salt| token.successor(salt))?;
                Ok((current, session))
            }
            TokenState::NotFound => Err(RefreshRefusal::NotFound.into()),
            TokenState::Replayed => Err(self.end_replayed(token).await?.into()),
        }
    }
}
