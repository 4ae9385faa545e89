//! `GET /user/me`: the caller's own record, as JSON or as the account page.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::ALLOW},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    aws::store::omit_excess,
    domain::{
        error_chain::causes,
        session::{ListedSession, SessionId},
        user::{PublicUser, User, UserClaims},
    },
    http::{
        browser,
        error::Error,
        pages::{self, AccountPage, Notice},
        paths, service,
        telemetry::audit::{self, Attempt},
    },
};
use tracing::warn;

use crate::{ListUsers, authenticate::redirect_after_refresh};

#[derive(Serialize)]
struct Me {
    #[serde(flatten)]
    user: PublicUser,
    groups: Vec<String>,
    /// The user's own claims, whether tokens carry them or not.
    claims: UserClaims,
}

pub(crate) async fn me(State(list): State<Arc<ListUsers>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    let is_page = browser::wants_page(&headers);
    match list.own_record(&headers).await {
        Ok((user, session)) if is_page => match redirect_after_refresh(&uri) {
            Some(redirect) => Ok(redirect),
            None => list.account_page(user, session, Notice::of(&uri, &headers)).await,
        },
        Ok((User { profile, groups, claims, .. }, _)) => Ok(Json(Me { user: profile, groups, claims }).into_response()),
        Err(error) if is_page && error.asks_to_log_in() => Ok(list.redirect_to_log_in(&error, &headers, &uri)),
        Err(error) => Err(error),
    }
}

/// The other methods of this path are handled by `login`, so `Allow` must name them although this function does not
/// route them.
pub(crate) async fn other_method(method: Method) -> Response {
    let mut response = service::method_not_allowed(method).await.into_response();
    if let Ok(methods) = HeaderValue::try_from(paths::methods(paths::ME).join(",")) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

impl ListUsers {
    /// The account page, with the user's sessions.
    async fn account_page(
        &self,
        user: User,
        current: Option<SessionId>,
        notice: Option<Notice>,
    ) -> Result<Response, Error> {
        let sessions = self.sessions_of(&user, current).await;
        let mut page = AccountPage::new(user, &sessions, current);
        page.notice = notice;
        pages::show(StatusCode::OK, &page)
    }

    /// The user's sessions. A token without a session shows none: a token of the old application must not show more
    /// than the old application did, and `SESSION_IDLE=0` disables sessions.
    async fn sessions_of(&self, user: &User, current: Option<SessionId>) -> Vec<ListedSession> {
        if current.is_none() {
            return Vec::new();
        }
        let (id, now) = (user.profile.public_id, self.clock.now().seconds());
        // The page is more useful without the sessions than not at all.
        let sessions = self.sessions.active(id, user.version, now).await;
        let mut sessions = sessions.unwrap_or_else(|error| {
            warn!(public_id = %id, cause = causes(&error), "the account page does not show the sessions");
            Vec::new()
        });
        omit_excess(&mut sessions, current);
        sessions
    }

    /// The caller's record and session.
    async fn own_record(&self, headers: &HeaderMap) -> Result<(User, Option<SessionId>), Error> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::Me, user, error);
        let now = self.clock.now();
        let caller = self.caller_by_token(headers, now).await.inspect_err(|error| refused(None, error))?;
        let record = self.callers.find(caller.token.subject, caller.token.session()).await?;
        let authorized = caller.authorize(record, now.seconds()).map_err(Error::from);
        let user = authorized.inspect_err(|error| refused(Some(caller.token.subject), error))?;
        Ok((user, caller.token.session()))
    }
}
