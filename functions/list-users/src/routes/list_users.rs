//! `GET /user`: a page of users, as JSON or as HTML.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header::LINK},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    aws::store::Page,
    domain::{
        time::UnixMillis,
        user::{PublicUser, User},
    },
    http::{
        browser,
        error::Error,
        pages::{self, UsersPage},
        paths::USERS,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{
    ListUsers,
    authenticate::{Caller, redirect_after_refresh},
    paging::{DEFAULT_LIMIT, Paging, cursor},
};

/// Default number of users on an HTML page: a few screens, and less than 15 KB.
const HTML_LIMIT: u16 = 50;

#[derive(Serialize)]
struct Listing {
    users: Vec<PublicUser>,
    next: Option<String>,
}

pub(crate) async fn list_users(
    State(list): State<Arc<ListUsers>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let is_page = browser::wants_page(&headers);
    let paging = Paging::parse(uri.query().unwrap_or_default(), if is_page { HTML_LIMIT } else { DEFAULT_LIMIT });
    match list.list(&headers, paging).await {
        Ok(listed) if is_page => redirect_after_refresh(&uri).map_or_else(|| html(&listed), Ok),
        Ok(listed) => Ok(json(listed)),
        Err(error) if is_page && error.asks_to_log_in() => Ok(list.redirect_to_log_in(&error, &headers, &uri)),
        Err(error) => Err(error),
    }
}

/// A page of users, and the caller who requested it.
struct Listed {
    caller: User,
    paging: Paging,
    page: Page,
}

fn json(Listed { paging, page, .. }: Listed) -> Response {
    let next = page.next.map(cursor);
    let link = next.as_ref().map(|cursor| format!("<{USERS}?limit={}&cursor={cursor}>; rel=\"next\"", paging.limit));
    let mut response = Json(Listing { users: page.users, next }).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    response
}

fn html(listed: &Listed) -> Result<Response, Error> {
    let limit = (listed.paging.limit != HTML_LIMIT).then(|| format!("limit={}", listed.paging.limit));
    let cursor = |last| format!("cursor={}", cursor(last));
    let link = |cursor: Option<String>| {
        let query: Vec<String> = limit.clone().into_iter().chain(cursor).collect();
        if query.is_empty() { USERS.to_owned() } else { format!("{USERS}?{}", query.join("&")) }
    };
    let users = UsersPage {
        caller: &listed.caller.profile,
        users: &listed.page.users,
        is_further: listed.paging.after.is_some(),
        first: link(None),
        next: listed.page.next.map(|last| link(Some(cursor(last)))),
    };
    pages::show(StatusCode::OK, &users)
}

impl ListUsers {
    /// The requested page, if the caller may read it, with an audit event.
    async fn list(&self, headers: &HeaderMap, paging: Result<Paging, Error>) -> Result<Listed, Error> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::List, user, error);
        let now = self.clock.now();
        let caller = self.caller_by_token(headers, now).await.inspect_err(|error| refused(None, error))?;
        let listed = self.page(&caller, paging, now).await;
        let listed = listed.inspect_err(|error| refused(Some(caller.token.subject), error))?;
        audit::record(Event::Listed, caller.token.subject);
        Ok(listed)
    }

    async fn page(&self, caller: &Caller, paging: Result<Paging, Error>, now: UnixMillis) -> Result<Listed, Error> {
        // Concurrent, so that reading the caller's record takes no extra time. The page is discarded if the caller is
        // rejected.
        let page = async {
            let paging = paging?;
            let page = self.users.page(paging.limit, paging.after).await?;
            Ok::<_, Error>((paging, page))
        };
        let (record, page) = tokio::join!(self.callers.find(caller.token.subject, caller.token.session()), page);
        let user = caller.authorize(record?, now.seconds())?;
        if self.group.as_ref().is_some_and(|group| !user.groups.contains(group)) {
            return Err(Error::Forbidden);
        }
        let (paging, page) = page?;
        Ok(Listed { caller: user, paging, page })
    }
}
