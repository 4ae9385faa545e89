//! `POST /logout`: ends sessions.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use shared::{
    aws::store::{Account, Change, Rotation},
    domain::{
        authorization::RefreshRefusal,
        session::{GRACE, RefreshToken, SessionId},
        token::{TokenBinding, VerifiedToken, numeric_date},
    },
    http::{
        browser,
        error::{Error, FieldError},
        pages::FormRejection,
        request::fields::Fields,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::Login;

/// How often a log-out is tried while other changes of the account are faster.
const ATTEMPTS: usize = 8;

/// Which sessions of a user end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The one that the request belongs to.
    Local,
    /// All but that.
    Others,
    /// All.
    Global,
}

impl Scope {
    pub(crate) fn parse(fields: &Fields) -> Result<Self, Error> {
        match fields.get("scope") {
            None | Some("local") => Ok(Self::Local),
            Some("others") => Ok(Self::Others),
            Some("global") => Ok(Self::Global),
            Some(_) => {
                let detail = "must be local, others or global";
                Err(Error::Invalid(vec![FieldError::new("scope", "unknown", detail)]))
            }
        }
    }
}

pub(crate) async fn log_out(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    let now = SystemTime::now();
    let fields = Fields::from_body(request, &["scope", "refresh_token"]).await?;
    if browser::wants_page(&headers) {
        return login.log_out_by_form(&headers, &fields, now).await;
    }
    // A refresh token serves as well: an access token may be over by the time somebody leaves.
    let presented = match fields.get("refresh_token") {
        None => login.verified(&headers, now).await.map(Some),
        Some(text) => login.session_of(text, now).await,
    };
    let presented = presented.inspect_err(|error| audit::record_refusal(Attempt::LogOut, None, error))?;
    let scope = Scope::parse(&fields)?;
    // Whoever is logged out already gets the same answer: the first one may have been lost.
    if let Some(presented) = presented {
        login.log_out(presented, scope, now).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Login {
    /// The session of a refresh token. `None` if the token is not, or no longer, one of a session.
    pub(crate) async fn session_of(&self, text: &str, now: SystemTime) -> Result<Option<VerifiedToken>, Error> {
        let token = RefreshToken::parse(text).ok_or(RefreshRefusal::Malformed)?;
        let presented = VerifiedToken { subject: token.user(), binding: TokenBinding::Session(token.session()) };
        match self.sessions.look(&token, now).await? {
            Rotation::Rotated(_) | Rotation::Repeated(..) => Ok(Some(presented)),
            Rotation::NotFound => Ok(None),
            Rotation::Replayed => self.end_replayed(&token).await.map(|()| None),
        }
    }

    /// Whether anything was there to end.
    pub(crate) async fn log_out(&self, presented: VerifiedToken, scope: Scope, now: SystemTime) -> Result<bool, Error> {
        let ended = self.end(presented, scope, now).await?;
        if ended {
            audit::record(Event::LoggedOut, presented.subject);
        }
        Ok(ended)
    }

    async fn end(&self, presented: VerifiedToken, scope: Scope, now: SystemTime) -> Result<bool, Error> {
        match (presented.binding, scope) {
            (TokenBinding::Session(session), Scope::Local) => {
                self.sessions.end(presented.subject, session).await?;
                Ok(true)
            }
            (TokenBinding::Session(session), Scope::Others) => self.end_others(presented, session, now).await,
            // A token without a session cannot be ended by itself: all of its user's are.
            (_, Scope::Global) | (TokenBinding::Version(_), _) => self.end_all(presented, now).await,
        }
    }

    /// Ends all sessions, unless `presented` is over already: an old token logs nobody out.
    async fn end_all(&self, presented: VerifiedToken, now: SystemTime) -> Result<bool, Error> {
        let record = self.callers.find(presented.subject, presented.session()).await?;
        let Ok(user) = presented.authorize(record, now) else { return Ok(false) };
        // Conflict by their own deletion, there is nobody left to log out.
        Ok(self.changes.end_all_sessions(&Account::from(&user)).await? == Change::Done(()))
    }

    /// Ends all sessions but `kept`. Once more within moments is the same log-out, repeated: otherwise a thief could end each
    /// session of the owner as soon as it begins.
    async fn end_others(&self, presented: VerifiedToken, kept: SessionId, now: SystemTime) -> Result<bool, Error> {
        for _ in 0..ATTEMPTS {
            let record = self.callers.find(presented.subject, Some(kept)).await?;
            let since = record.session.map_or(0, |session| session.others_ended_at);
            let Ok(user) = presented.authorize(record, now) else { return Ok(false) };
            if numeric_date(now).saturating_sub(since) <= GRACE.as_secs() {
                return Ok(false);
            }
            if let Change::Done(()) = self.changes.end_other_sessions(&Account::from(&user), kept, now).await? {
                return Ok(true);
            }
        }
        Err(Error::Late)
    }
}
