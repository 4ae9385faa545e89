//! Issuing tokens: as JSON, or as cookies of a redirect.

use axum::response::Response;
use serde::Serialize;
use shared::{
    aws::store::Credentials,
    domain::{
        session::{RefreshToken, Session, SessionClient, SessionId},
        time::UnixMillis,
        token::{Grant, TokenBinding},
        user::{PublicId, User},
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
        let started = async {
            let Some(lifetime) = self.session_lifetime else { return Ok(None) };
            let token = RefreshToken::new(public_id)?;
            // If the version has been incremented since it was read, the session is revoked from the start.
            let session = self.sessions.start(&token, version, (lifetime, client), now).await?;
            Ok::<_, Error>(Some((token, session)))
        };
        // Concurrent, so that reading the user takes no extra time.
        let (started, user) = tokio::join!(started, self.user_for_claims(public_id));
        let started = started?;
        let session = started.as_ref().map(|(token, session)| (token, *session));
        let issued = match user {
            Ok(user) => self.issue_tokens(public_id, version, user.as_ref(), session, now).await,
            Err(error) => Err(error),
        };
        if let (Err(_), Some((token, _))) = (&issued, &started) {
            // Best effort: no client has its token, so it would only be listed until it expires.
            let _ = self.sessions.end(public_id, token.session()).await;
        }
        issued
    }

    /// The user whose claims the tokens of a log-in carry. `None` without a call of the database if they carry none.
    async fn user_for_claims(&self, user: PublicId) -> Result<Option<User>, Error> {
        if !self.issuer.needs_user() {
            return Ok(None);
        }
        // Boxed: the database call makes the future large.
        match Box::pin(self.callers.find(user, None)).await?.user {
            // Deleted or disabled since the credentials were read.
            None => Err(Error::UnknownUser),
            Some(user) if user.disabled => Err(Error::Disabled),
            user => Ok(user),
        }
    }

    /// Issues the tokens of a session or, without one, an access token that is bound to the user's version. Without a
    /// session, `auth_time` is `now`. `user` may be `None` only if tokens carry no claims about the user.
    pub(crate) async fn issue_tokens(
        &self,
        subject: PublicId,
        version: u64,
        user: Option<&User>,
        session: Option<(&RefreshToken, Session)>,
        now: UnixMillis,
    ) -> Result<IssuedTokens, Error> {
        let keys = self.keys.current(now).await;
        let seconds = now.seconds();
        let grant = Grant {
            auth_time: session.map_or(Some(seconds), |(_, session)| session.created_at),
            remaining: session.map(|(_, session)| session.remaining(seconds)),
            ..self.grant(subject, binding(version, session.map(|(token, _)| token)), user)
        };
        let key = keys.signer(seconds, self.key_refresh);
        let (token, lifetime) = self.issuer.issue(key, grant, seconds)?;
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

    /// Checks that [`Self::issue_tokens`] will issue the tokens. To be called before anything is written that a client
    /// without the tokens could not undo. Without `session`, the token is bound to `version`.
    pub(crate) async fn check_issuable(
        &self,
        subject: PublicId,
        version: u64,
        user: Option<&User>,
        session: Option<&RefreshToken>,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let keys = self.keys.current(now).await;
        let seconds = now.seconds();
        // The longest possible `auth_time`.
        let grant = Grant { auth_time: Some(seconds), ..self.grant(subject, binding(version, session), user) };
        self.issuer.check(keys.signer(seconds, self.key_refresh), grant, seconds).map_err(Error::from)
    }

    /// A grant without times.
    fn grant(&self, subject: PublicId, binding: TokenBinding, user: Option<&User>) -> Grant {
        let user_claims = user.map(|user| self.issuer.claims_of(user)).unwrap_or_default();
        Grant { user_claims, ..Grant::new(subject, binding) }
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

fn binding(version: u64, session: Option<&RefreshToken>) -> TokenBinding {
    session.map_or(TokenBinding::Version(version), |token| TokenBinding::Session(token.session()))
}
