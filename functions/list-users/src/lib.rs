//! Listing users, and telling a user who they are: checks tokens and cannot sign one.

mod paging;

use std::{sync::Arc, time::SystemTime};

use aws_sdk_dynamodb::Client;
use axum::{
    Json, Router,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{ALLOW, LINK},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use shared::{
    aws::{
        keys::cache::KeyCache,
        store::{CallerStore, Page, UserStore},
    },
    config::Settings,
    domain::{
        keys::VerifyingKeySet,
        token::{VerifiedToken, Verifier},
        user::{PublicUser, User},
    },
    http::{
        browser::{self, ReturnTo, cookies::Cookies},
        error::Error,
        lambda::{self, StartError},
        pages::{self, AccountPage, Notice, UsersPage},
        request::authorization,
        service,
        telemetry::audit::{self, Attempt, Event},
    },
};

pub use crate::paging::{DEFAULT_LIMIT, Paging, cursor};

/// Users on a page for people, unless they ask for another number: some screens, and well under 15 KB.
const PAGE_LIMIT: u16 = 50;

/// What listing may touch.
pub struct ListUsers {
    callers: CallerStore,
    users: UserStore,
    keys: KeyCache<VerifyingKeySet>,
    verifier: Verifier,
    header_prefix: String,
    cookies: Cookies,
    group: Option<String>,
}

impl ListUsers {
    /// Listing as the settings ask for it.
    pub fn new(settings: &Settings, keys: KeyCache<VerifyingKeySet>, database: Client) -> Result<Self, StartError> {
        let rules = ["LIST_USERS_GROUP", "JWT_LEEWAY", "JWT_VERIFY_CLAIMS", "JWT_REQUIRED_CLAIMS"];
        lambda::warn_of_relaxed_rules("list-users", settings, &rules);
        Ok(Self {
            callers: CallerStore::new(database.clone(), settings.users_table()?, settings.sessions_table()?),
            users: UserStore::new(database, settings.users_table()?),
            keys,
            verifier: Verifier::new(settings.keys.algorithm, settings.checks.clone()),
            header_prefix: settings.header_prefix.clone(),
            cookies: settings.cookies(),
            group: settings.list_users_group.clone(),
        })
    }
}

/// `GET /user` and `GET /user/me`.
pub fn routes(state: ListUsers) -> Router {
    Router::new()
        .route("/user", get(list_users))
        .route("/user/me", get(me).fallback(other_method_of_me))
        .with_state(Arc::new(state))
}

/// `DELETE` and `POST /user/me` are there, in `login`: the answer says so although this function would not know.
async fn other_method_of_me(method: Method) -> Response {
    let mut response = service::other_method(method).await.into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("DELETE,GET,HEAD,POST"));
    response
}

#[derive(Serialize)]
struct Listing {
    users: Vec<PublicUser>,
    next: Option<String>,
}

async fn list_users(State(list): State<Arc<ListUsers>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    let is_page = browser::wants_page(&headers);
    let paging = Paging::parse(uri.query().unwrap_or_default(), if is_page { PAGE_LIMIT } else { DEFAULT_LIMIT });
    match list.list(&headers, paging, SystemTime::now()).await {
        Ok(listed) if is_page => show_users(&listed),
        Ok(listed) => Ok(answer_users(listed)),
        Err(error) if is_page && error.asks_to_log_in() => Ok(list.redirect_to_log_in(&error, &headers, &uri)),
        Err(error) => Err(error),
    }
}

/// A page of users, and who asked for it.
struct Listed {
    caller: User,
    paging: Paging,
    page: Page,
}

fn answer_users(Listed { paging, page, .. }: Listed) -> Response {
    let next = page.next.map(cursor);
    let link = next.as_ref().map(|cursor| format!("</user?limit={}&cursor={cursor}>; rel=\"next\"", paging.limit));
    let mut response = Json(Listing { users: page.users, next }).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    response
}

fn show_users(listed: &Listed) -> Result<Response, Error> {
    let limit = (listed.paging.limit != PAGE_LIMIT).then(|| format!("limit={}", listed.paging.limit));
    let cursor = |last| format!("cursor={}", cursor(last));
    let link = |cursor: Option<String>| {
        let query: Vec<String> = limit.clone().into_iter().chain(cursor).collect();
        if query.is_empty() { "/user".to_owned() } else { format!("/user?{}", query.join("&")) }
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

#[derive(Serialize)]
struct Me {
    #[serde(flatten)]
    profile: PublicUser,
    groups: Vec<String>,
}

async fn me(State(list): State<Arc<ListUsers>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    let is_page = browser::wants_page(&headers);
    match list.caller(&headers, SystemTime::now()).await {
        Ok(user) if is_page => {
            let notice = Notice::of(&uri, &headers);
            pages::show(StatusCode::OK, &AccountPage { notice, ..AccountPage::new(user) })
        }
        Ok(user) => Ok(Json(Me { profile: user.profile, groups: user.groups }).into_response()),
        Err(error) if is_page && error.asks_to_log_in() => Ok(list.redirect_to_log_in(&error, &headers, &uri)),
        Err(error) => Err(error),
    }
}

impl ListUsers {
    /// What the request's token says, from a header or, of a browser, from a cookie. Whether it still lets anybody in,
    /// [`VerifiedToken::authorize`] tells.
    async fn verified(&self, headers: &HeaderMap, now: SystemTime) -> Result<VerifiedToken, Error> {
        let token = match authorization::bearer_token(headers, &self.header_prefix) {
            Err(Error::TokenMissing) => self.cookies.access_token(headers)?.ok_or(Error::TokenMissing)?,
            token => token?,
        };
        Ok(self.keys.verify(&self.verifier, token, now).await?)
    }

    /// The caller's own record.
    async fn caller(&self, headers: &HeaderMap, now: SystemTime) -> Result<User, Error> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::Me, user, error);
        let caller = self.verified(headers, now).await.inspect_err(|error| refused(None, error))?;
        let record = self.callers.find(caller.subject, caller.session()).await?;
        let admitted = caller.authorize(record, now).map_err(Error::from);
        admitted.inspect_err(|error| refused(Some(caller.subject), error))
    }

    /// The page that was asked for, if the caller may read it.
    async fn list(&self, headers: &HeaderMap, paging: Result<Paging, Error>, now: SystemTime) -> Result<Listed, Error> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::List, user, error);
        let caller = self.verified(headers, now).await.inspect_err(|error| refused(None, error))?;
        let listed = self.page(&caller, paging, now).await;
        let listed = listed.inspect_err(|error| refused(Some(caller.subject), error))?;
        audit::record(Event::Listed, caller.subject);
        Ok(listed)
    }

    async fn page(
        &self,
        caller: &VerifiedToken,
        paging: Result<Paging, Error>,
        now: SystemTime,
    ) -> Result<Listed, Error> {
        // Both at once: the caller's record takes no time of its own. What is read for nobody is thrown away.
        let page = async {
            let paging = paging?;
            let page = self.users.page(paging.limit, paging.after).await?;
            Ok::<_, Error>((paging, page))
        };
        let (record, page) = tokio::join!(self.callers.find(caller.subject, caller.session()), page);
        let user = caller.authorize(record?, now)?;
        if self.group.as_ref().is_some_and(|group| !user.groups.contains(group)) {
            return Err(Error::Forbidden);
        }
        let (paging, page) = page?;
        Ok(Listed { caller: user, paging, page })
    }

    /// Has a browser renew its token, or else log in. Both lead back here.
    fn redirect_to_log_in(&self, error: &Error, headers: &HeaderMap, uri: &Uri) -> Response {
        let back = ReturnTo::here(uri).unwrap_or_default().to_query();
        if error.asks_to_refresh() && matches!(self.cookies.refresh_token(headers), Ok(Some(_))) {
            return pages::see_other(&format!("/refresh{back}"));
        }
        let mut response = pages::see_other(&format!("/{back}"));
        self.cookies.forget(response.headers_mut());
        response
    }
}
