//! `POST /logout`: ends sessions.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
};
use shared::{
    error::{Error, FieldError, RefreshRefusal},
    fields::Fields,
    session::{RefreshToken, SessionId},
    store::{Account, Change, StoreError},
    token::{Anchor, Verified},
};
use tracing::info;

use crate::Login;

/// Which sessions of a user end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The one that the request belongs to.
    Local,
    /// All but that.
    Others,
    /// All.
    Global,
}

pub(crate) async fn log_out(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    request: Request,
) -> Result<StatusCode, Error> {
    let now = SystemTime::now();
    let fields = Fields::from_body(request, &["scope", "refresh_token"]).await?;
    // A refresh token serves as well: an access token may be over by the time somebody leaves.
    let presented = match fields.get("refresh_token") {
        None => Some(login.verified(&headers, now).await?),
        Some(text) => login.session_of(text).await?,
    };
    let scope = match fields.get("scope") {
        None | Some("local") => Scope::Local,
        Some("others") => Scope::Others,
        Some("global") => Scope::Global,
        Some(_) => {
            let detail = "must be local, others or global";
            return Err(Error::Invalid(vec![FieldError::new("scope", "unknown", detail)]));
        }
    };
    // Whoever is logged out already gets the same answer: the first one may have been lost.
    if let Some(presented) = presented {
        login.end(presented, scope, now).await?;
        info!(public_id = %presented.subject, ?scope, "user logged out");
    }
    Ok(StatusCode::NO_CONTENT)
}

impl Login {
    /// The session of a refresh token. `None` if the token is not, or no longer, one of a session.
    async fn session_of(&self, text: &str) -> Result<Option<Verified>, Error> {
        let token = RefreshToken::parse(text).ok_or(RefreshRefusal::Malformed)?;
        let presented = Verified { subject: token.user(), anchor: Anchor::Session(token.session()) };
        Ok(self.sessions.knows(&token).await?.then_some(presented))
    }

    async fn end(&self, presented: Verified, scope: Scope, now: SystemTime) -> Result<(), Error> {
        match (presented.anchor, scope) {
            (Anchor::Session(session), Scope::Local) => Ok(self.sessions.end(presented.subject, session).await?),
            (Anchor::Session(session), Scope::Others) => self.end_all(presented, Some(session), now).await,
            // A token without a session cannot be ended by itself: all of its user's are.
            (_, Scope::Global) | (Anchor::Version(_), _) => self.end_all(presented, None, now).await,
        }
    }

    /// Ends all sessions but `kept`, unless `presented` is over already: nobody can log a user out with an old token.
    async fn end_all(&self, presented: Verified, kept: Option<SessionId>, now: SystemTime) -> Result<(), Error> {
        for _ in 0..5 {
            let record = self.callers.find(presented.subject, presented.session()).await?;
            let Ok(user) = presented.admit(record, now) else { return Ok(()) };
            match self.changes.end_sessions(&Account::from(&user), kept).await? {
                Change::Done(()) => return Ok(()),
                // Another log-out was faster. Whether this one has anything left to do, the next look tells.
                Change::Overtaken => {}
            }
        }
        let source = "other changes of the account were always faster".into();
        Err(StoreError::Unavailable { operation: "TransactWriteItems", source }.into())
    }
}
