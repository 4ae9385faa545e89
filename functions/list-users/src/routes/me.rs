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
    domain::user::{PublicUser, User, UserClaims},
    http::{
        browser,
        error::Error,
        pages::{self, AccountPage, Notice},
        paths, service,
        telemetry::audit::{self, Attempt},
    },
};

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
        Ok(user) if is_page => {
            let notice = Notice::of(&uri, &headers);
            let page = || pages::show(StatusCode::OK, &AccountPage { notice, ..AccountPage::new(user) });
            redirect_after_refresh(&uri).map_or_else(page, Ok)
        }
        Ok(User { profile, groups, claims, .. }) => Ok(Json(Me { user: profile, groups, claims }).into_response()),
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
    async fn own_record(&self, headers: &HeaderMap) -> Result<User, Error> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::Me, user, error);
        let now = self.clock.now();
        let caller = self.caller_by_token(headers, now).await.inspect_err(|error| refused(None, error))?;
        let record = self.callers.find(caller.token.subject, caller.token.session()).await?;
        let authorized = caller.authorize(record, now.seconds()).map_err(Error::from);
        authorized.inspect_err(|error| refused(Some(caller.token.subject), error))
    }
}
