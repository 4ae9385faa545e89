//! `GET /sessions` and `DELETE /sessions/{id}`: the caller's own sessions. A browser's form cannot `DELETE`; it sends
//! `POST` with `_method=DELETE`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    domain::{
        password::Password,
        session::{ListedSession, MAX_SESSIONS, SessionId},
        time::{UnixMillis, UnixSeconds},
    },
    http::{
        browser,
        error::Error,
        pages::{self, FormRejection, Notice, Part},
        paths,
        request::authorization,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, account_change::deletion_fields, authenticate::Caller};

#[derive(Serialize)]
struct Listing {
    sessions: Vec<Listed>,
}

/// A session. Times are in seconds since 1970; whatever is not known is absent.
#[derive(Serialize)]
struct Listed {
    id: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<UnixSeconds>,
    expires_at: UnixSeconds,
    current: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
}

impl Listed {
    fn new(session: ListedSession, current: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.used_at,
            expires_at: session.expires_at,
            current: Some(session.id) == current,
            network: session.client.network,
            user_agent: session.client.agent,
        }
    }
}

/// Which session a request ended.
enum Ended {
    Current,
    Other,
}

/// Browsers see their sessions on the account page.
pub(crate) async fn list_sessions(State(login): State<Arc<Login>>, headers: HeaderMap) -> Result<Response, Error> {
    if browser::wants_page(&headers) {
        return Ok(pages::see_other(paths::ME));
    }
    let refused = |user, error: &Error| audit::record_refusal(Attempt::Sessions, user, error);
    let now = login.clock.now();
    let token = login.token_for_reading(&headers, now).await.inspect_err(|error| refused(None, error))?;
    let caller = login.authorized(token, now).await.inspect_err(|error| refused(Some(token.subject), error))?;
    let current = caller.token.session();
    let sessions = login.own_sessions(&caller, now).await?;
    let sessions = sessions.into_iter().map(|session| Listed::new(session, current)).collect();
    Ok(Json(Listing { sessions }).into_response())
}

pub(crate) async fn end_session(
    State(login): State<Arc<Login>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    // Whatever is not an identifier is answered like the identifier of no session.
    let session = id.ok().and_then(|Path(id)| SessionId::parse(&id));
    let end = async |caller, _| login.end_session(caller, session, request).await;
    let respond = |ended, is_form| match ended {
        Ended::Current if is_form => {
            login.redirect_clearing_cookies(&pages::with_notice(paths::START, Notice::LoggedOut))
        }
        Ended::Other if is_form => pages::see_other(&pages::with_notice(paths::ME, Notice::SessionEnded)),
        ended => login.session_ended(&ended, &headers),
    };
    login.change_account(&headers, Attempt::LogOut, Part::Sessions, end, respond).await
}

impl Login {
    /// The caller's active sessions, at most [`MAX_SESSIONS`]. A user may have more from before that limit; the least
    /// recently used ones end here too. A token without a session, as `SESSION_IDLE=0` issues it, shows none.
    pub(crate) async fn own_sessions(&self, caller: &Caller, now: UnixMillis) -> Result<Vec<ListedSession>, Error> {
        if caller.token.session().is_none() {
            return Ok(Vec::new());
        }
        let (user, version, seconds) = (caller.token.subject, caller.user.version, now.seconds());
        let mut sessions = self.session_list.active(user, version, seconds).await?;
        if sessions.len() > MAX_SESSIONS {
            // Boxed: rare, and its database calls make the future large.
            Box::pin(self.limit_listed(caller, &mut sessions, seconds)).await;
        }
        Ok(sessions)
    }

    /// Ends a session of the caller. Any session but the current one requires the password, like a log-out with the
    /// scope `others`. The password is checked before the session is looked up, so a stolen token alone does not tell
    /// which sessions exist.
    async fn end_session(&self, caller: Caller, session: Option<SessionId>, request: Request) -> Result<Ended, Error> {
        let fields = deletion_fields(request).await?;
        let user = caller.token.subject;
        let is_current = session.is_some() && session == caller.token.session();
        if !is_current {
            let password = fields.required("password").map_err(|error| Error::Invalid(vec![error]))?;
            self.confirm_password(&caller, Password::new(password)).await?;
        }
        let session = session.ok_or(Error::SessionNotFound)?;
        match (self.sessions.end(user, session).await?, is_current) {
            (true, _) => audit::record(Event::LoggedOut, user),
            // It ended after the caller was authorized.
            (false, true) => {}
            (false, false) => return Err(Error::SessionNotFound),
        }
        Ok(if is_current { Ended::Current } else { Ended::Other })
    }

    /// 204, without the cookies of the session that ended.
    fn session_ended(&self, ended: &Ended, headers: &HeaderMap) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        let by_cookies = matches!(authorization::bearer_token(headers, &self.header_prefix), Err(Error::TokenMissing));
        if by_cookies && matches!(ended, Ended::Current) {
            self.cookies.clear(response.headers_mut());
        }
        response
    }
}
