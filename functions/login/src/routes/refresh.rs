//! `POST /refresh` and `GET /refresh`: exchanging a refresh token for a new access token and the next refresh token.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, Uri},
    response::Response,
};
use shared::{
    aws::store::Rotation,
    domain::{
        authorization::RefreshRefusal,
        session::{RefreshToken, Salt, Session},
        time::UnixMillis,
    },
    http::{
        browser::{self, ReturnTo},
        error::Error,
        request::fields::Fields,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, authenticate::session_of, issue::IssuedTokens};

/// Time limit: half of the grace period, so that a client without response has the other half to repeat the request.
const TIME_LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn refresh(State(login): State<Arc<Login>>, request: Request) -> Result<Json<IssuedTokens>, Error> {
    let fields = Fields::from_body(request, &["refresh_token"]).await?;
    let text = fields.required("refresh_token").map_err(|error| Error::Invalid(vec![error]))?;
    login.refresh(text).await.map(Json)
}

/// `GET /refresh`: new cookies for a browser whose access token has expired, and a redirect to the page it came from.
/// A link of another site can also lead here; that refreshes the session and tells the other site nothing.
pub(crate) async fn refresh_cookies(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let return_to = ReturnTo::from_query(&uri).unwrap_or_default();
    let is_permitted = browser::check_reading(&headers);
    is_permitted.inspect_err(|error| audit::record_refusal(Attempt::Refresh, None, error))?;
    let refreshed = match login.cookies.refresh_token(&headers) {
        Ok(Some(text)) => login.refresh(text).await,
        Ok(None) => Err(Error::TokenMissing),
        Err(refusal) => Err(refusal.into()),
    };
    match refreshed {
        Ok(tokens) => Ok(login.redirect_with_cookies(&tokens, return_to.as_str())),
        Err(error) if error.asks_to_log_in() => {
            Ok(login.redirect_clearing_cookies(&format!("/{}", return_to.to_query())))
        }
        Err(error) => Err(error),
    }
}

impl Login {
    /// New tokens for a refresh token, with an audit event.
    async fn refresh(&self, text: &str) -> Result<IssuedTokens, Error> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::Refresh, user, error);
        let token = RefreshToken::parse(text).ok_or(RefreshRefusal::Malformed.into());
        let token = token.inspect_err(|error| refused(None, error))?;
        let exchanged = self.exchange(&token, self.clock.now());
        let exchanged = tokio::time::timeout(TIME_LIMIT, exchanged).await.unwrap_or(Err(Error::Late));
        let tokens = exchanged.inspect_err(|error| refused(Some(token.user()), error))?;
        audit::record(Event::Refreshed, token.user());
        Ok(tokens)
    }

    async fn exchange(&self, token: &RefreshToken, now: UnixMillis) -> Result<IssuedTokens, Error> {
        // Concurrent, so that reading the user takes no extra time.
        let (rotated, record) = tokio::join!(self.rotate(token, now), self.callers.find(token.user(), None));
        let ((successor, session), mut record) = (rotated?, record?);
        record.session = Some(session);
        if record.user.as_ref().is_some_and(|user| user.version != session.version) {
            // One of the two may have been read too early, while another log-out carried this session over.
            record = self.callers.find(token.user(), Some(token.session())).await?;
        }
        let user = session_of(token).authorize(record, now.seconds()).map_err(RefreshRefusal::Token)?;
        self.issue_tokens(token.user(), user.version, Some((&successor, session)), now).await
    }

    /// Replaces a refresh token by its successor. Within the grace period the successor is the same each time, so a
    /// session has one line of tokens even if several tabs refresh it at once.
    async fn rotate(&self, token: &RefreshToken, now: UnixMillis) -> Result<(RefreshToken, Session), Error> {
        let lifetime = self.session_lifetime.ok_or(RefreshRefusal::Off)?;
        let salt = Salt::random()?;
        let successor = token.successor(&salt)?;
        match self.sessions.rotate(token, &successor, &salt, lifetime, now).await? {
            Rotation::Rotated(session) => Ok((successor, session)),
            Rotation::Repeated(session, salts) => {
                let current = salts.iter().try_fold(token.clone(), |token, salt| token.successor(salt))?;
                Ok((current, session))
            }
            Rotation::NotFound => Err(RefreshRefusal::NotFound.into()),
            Rotation::Replayed => {
                self.end_replayed(token).await?;
                Err(RefreshRefusal::Replayed.into())
            }
        }
    }
}
