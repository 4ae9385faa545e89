//! Issuing tokens: as JSON, or as cookies of a redirect.

use axum::response::Response;
use serde::Serialize;
use shared::{
    aws::store::Credentials,
    domain::{
        session::{RefreshToken, Session},
        time::UnixMillis,
        token::TokenBinding,
        user::PublicId,
    },
    http::{
        browser::{ReturnTo, cookies::TokenCookies},
        error::Error,
        pages::{self, FormRejection},
    },
};

use crate::Login;

/// The tokens of a logged-in client. The tutorials call the access token `token`; Flask-JWT and OAuth (RFC 6749
/// section 5.1) call it `access_token`.
#[derive(Serialize)]
pub(crate) struct IssuedTokens {
    token: String,
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    #[serde(flatten)]
    refresh: Option<IssuedRefreshToken>,
}

/// Absent if sessions are disabled.
#[derive(Serialize)]
struct IssuedRefreshToken {
    refresh_token: String,
    refresh_expires_in: u64,
}

impl Login {
    /// Starts a session, unless sessions are disabled, and issues its tokens.
    pub(crate) async fn start_session(&self, credentials: &Credentials) -> Result<IssuedTokens, Error> {
        let now = self.clock.now();
        let &Credentials { public_id, version, .. } = credentials;
        let Some(lifetime) = self.lifetime else { return self.issue_tokens(public_id, version, None, now).await };
        let token = RefreshToken::new(public_id)?;
        // If the version has been incremented since it was read, the session is revoked from the start.
        let session = self.sessions.start(&token, version, lifetime, now).await?;
        self.issue_tokens(public_id, version, Some((&token, session)), now).await
    }

    /// Issues the tokens of a session or, without one, an access token that is bound to the user's version.
    pub(crate) async fn issue_tokens(
        &self,
        user: PublicId,
        version: u64,
        session: Option<(&RefreshToken, Session)>,
        now: UnixMillis,
    ) -> Result<IssuedTokens, Error> {
        let keys = self.keys.current(now).await;
        let seconds = now.seconds();
        let binding =
            session.map_or(TokenBinding::Version(version), |(token, _)| TokenBinding::Session(token.session()));
        let remaining = session.map(|(_, session)| session.remaining(seconds));
        let key = keys.signer(seconds, self.refresh);
        let (token, lifetime) = self.issuer.issue(key, user, binding, remaining, seconds)?;
        Ok(IssuedTokens {
            access_token: token.clone(),
            token,
            token_type: "Bearer",
            expires_in: lifetime.as_secs(),
            refresh: session.map(|(token, session)| IssuedRefreshToken {
                refresh_token: token.to_text(),
                refresh_expires_in: session.remaining(seconds).as_secs(),
            }),
        })
    }

    /// Redirects a browser and sets the cookies.
    pub(crate) fn redirect_with_cookies(&self, tokens: &IssuedTokens, location: &str) -> Response {
        let mut response = pages::see_other(location);
        let refresh = tokens.refresh.as_ref();
        let refresh = refresh.map(|refresh| (refresh.refresh_token.as_str(), refresh.refresh_expires_in));
        self.cookies.set(response.headers_mut(), &TokenCookies { access: (&tokens.token, tokens.expires_in), refresh });
        response
    }

    /// Redirects a browser and clears the cookies.
    pub(crate) fn redirect_clearing_cookies(&self, location: &str) -> Response {
        let mut response = pages::see_other(location);
        self.cookies.clear(response.headers_mut());
        response
    }

    /// Redirects a browser to the log-in, which returns the user to their account.
    pub(crate) fn redirect_to_log_in(&self) -> Response {
        self.redirect_clearing_cookies(&format!("/{}", ReturnTo::account().to_query()))
    }

    /// The response to a form whose sender was not identified: the log-in, if that helps.
    pub(crate) fn log_in_required(&self, error: Error) -> Result<Response, FormRejection> {
        if error.asks_to_log_in() { Ok(self.redirect_to_log_in()) } else { Err(error.into()) }
    }
}
