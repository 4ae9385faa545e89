//! `POST /logout`: ends sessions.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use shared::{
    aws::store::{Account, Change},
    domain::{
        session::{GRACE, SessionId},
        time::{UnixMillis, UnixSeconds},
        token::{TokenBinding, VerifiedToken},
    },
    http::{
        browser,
        error::{Error, FieldError},
        pages::{self, FormRejection, Notice},
        paths,
        request::fields::Fields,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, state::CHANGE_ATTEMPTS};

/// Which sessions of the caller end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The session of the request.
    Local,
    /// All other sessions.
    Others,
    /// All sessions.
    Global,
}

impl Scope {
    fn parse(fields: &Fields) -> Result<Self, Error> {
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
    let now = login.clock.now();
    let fields = Fields::from_body(request, &["scope", "refresh_token"]).await?;
    if browser::wants_page(&headers) {
        return login.log_out_by_form(&headers, &fields, now).await;
    }
    // A refresh token is accepted too, since the access token may have expired.
    let caller = match fields.get("refresh_token") {
        None => login.caller_by_token(&headers, now).await.map(Some),
        Some(text) => login.caller_by_refresh_token(text, now).await,
    };
    let caller = caller.inspect_err(|error| audit::record_refusal(Attempt::LogOut, None, error))?;
    let scope = Scope::parse(&fields)?;
    // A repeated log-out gets the same response: the first one may have been lost.
    if let Some(caller) = caller {
        login.end_sessions(caller, scope, now).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Login {
    async fn log_out_by_form(
        &self,
        headers: &HeaderMap,
        fields: &Fields,
        now: UnixMillis,
    ) -> Result<Response, FormRejection> {
        let caller = self.caller(headers, true, now).await;
        let caller = match caller.inspect_err(|error| audit::record_refusal(Attempt::LogOut, None, error)) {
            Ok(caller) => Some(caller),
            Err(error) if error.asks_to_log_in() => None,
            Err(error) => return Err(error.into()),
        };
        let scope = Scope::parse(fields)?;
        let ended = match caller {
            Some(caller) => self.end_sessions(caller, scope, now).await?,
            None => false,
        };
        Ok(match scope {
            // The caller's session has ended already, but other sessions may be active.
            Scope::Global if !ended => self.redirect_to_log_in(),
            Scope::Local => self.redirect_clearing_cookies(&pages::with_notice(paths::START, Notice::LoggedOut)),
            Scope::Others => pages::see_other(&pages::with_notice(paths::ME, Notice::OthersLoggedOut)),
            Scope::Global => {
                self.redirect_clearing_cookies(&pages::with_notice(paths::START, Notice::LoggedOutEverywhere))
            }
        })
    }

    /// Ends sessions with an audit event. Returns false if the caller's token is revoked, or if the request repeats one
    /// within the grace period.
    async fn end_sessions(&self, caller: VerifiedToken, scope: Scope, now: UnixMillis) -> Result<bool, Error> {
        let ended = match (caller.binding, scope) {
            (TokenBinding::Session(session), Scope::Local) => {
                self.sessions.end(caller.subject, session).await?;
                true
            }
            (TokenBinding::Session(session), Scope::Others) => self.end_others(caller, session, now.seconds()).await?,
            // A token without session cannot be revoked alone, so all tokens and sessions of its user are.
            (_, Scope::Global) | (TokenBinding::Version(_), _) => self.end_all(caller, now.seconds()).await?,
        };
        if ended {
            audit::record(Event::LoggedOut, caller.subject);
        }
        Ok(ended)
    }

    /// Ends all sessions, unless the caller's token is revoked: an old token must not log the user out.
    async fn end_all(&self, caller: VerifiedToken, now: UnixSeconds) -> Result<bool, Error> {
        let record = self.callers.find(caller.subject, caller.session()).await?;
        let Ok(user) = caller.authorize(record, now) else { return Ok(false) };
        // A conflict means that the account has been deleted, and its sessions with it.
        Ok(self.accounts.end_all_sessions(&Account::from(&user)).await? == Change::Done(()))
    }

    /// Ends all sessions except `current`. A repetition within the grace period has no effect: otherwise an attacker
    /// with a stolen token could end each session of the user as soon as it starts.
    async fn end_others(&self, caller: VerifiedToken, current: SessionId, now: UnixSeconds) -> Result<bool, Error> {
        for _ in 0..CHANGE_ATTEMPTS {
            let record = self.callers.find(caller.subject, Some(current)).await?;
            let last = record.session.map_or(UnixSeconds::default(), |session| session.others_ended_at);
            let Ok(user) = caller.authorize(record, now) else { return Ok(false) };
            if now.since(last) <= GRACE {
                return Ok(false);
            }
            if let Change::Done(()) = self.accounts.end_other_sessions(&Account::from(&user), current, now).await? {
                return Ok(true);
            }
        }
        Err(Error::Late)
    }
}
