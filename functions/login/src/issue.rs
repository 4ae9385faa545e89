//! Issuing tokens: as JSON, or as cookies of a redirect.

use axum::response::Response;
use serde::Serialize;
use shared::{
    aws::store::Credentials,
    domain::{
        session::{RefreshToken, Session, SessionClient, SessionId},
        time::UnixMillis,
        token::TokenBinding,
        user::PublicId,
    },
    http::{browser::cookies::TokenCookies, error::Error, pages},
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
    /// The session. `None` if sessions are disabled.
    #[serde(skip)]
    pub(crate) session: Option<SessionId>,
    /// Absent if sessions are disabled.
    #[serde(flatten)]
    refresh: Option<IssuedRefreshToken>,
}

#[derive(Serialize)]
struct IssuedRefreshToken {
    refresh_token: String,
    refresh_expires_in: u64,
}

impl Login {
    /// Starts a session, unless sessions are disabled, and issues its tokens.
    pub(crate) async fn start_session(
        &self,
        credentials: &Credentials,
        client: &SessionClient,
    ) -> Result<IssuedTokens, Error> {
        let now = self.clock.now();
        let &Credentials { public_id, version, .. } = credentials;
        let Some(lifetime) = self.session_lifetime else {
            return self.issue_tokens(public_id, version, None, now).await;
        };
        let token = RefreshToken::new(public_id)?;
        // If the version has been incremented since it was read, the session is revoked from the start.
        let session = self.sessions.start(&token, version, (lifetime, client), now).await?;
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
        let key = keys.signer(seconds, self.key_refresh);
        let (token, lifetime) = self.issuer.issue(key, user, binding, remaining, seconds)?;
        Ok(IssuedTokens {
            access_token: token.clone(),
            token,
            token_type: "Bearer",
            session: session.map(|(token, _)| token.session()),
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
}
