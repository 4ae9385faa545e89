//! Listing users, and telling a user who they are: checks tokens and cannot sign one.

mod paging;

use std::{sync::Arc, time::SystemTime};

use aws_sdk_dynamodb::Client;
use axum::{
    Json, Router,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, Uri,
        header::{ALLOW, LINK},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use shared::{
    answer,
    audit::{self, Attempt, Event},
    config::Settings,
    credentials,
    error::Error,
    keyring::Keyring,
    keys::CheckingKeys,
    lambda::{self, StartError},
    store::{CallerStore, Page, UserStore},
    token::{Verified, Verifier},
    user::Profile,
};

pub use crate::paging::{Paging, cursor};

/// What listing may touch.
pub struct ListUsers {
    callers: CallerStore,
    users: UserStore,
    keys: Keyring<CheckingKeys>,
    verifier: Verifier,
    header_prefix: String,
    group: Option<String>,
}

impl ListUsers {
    /// Listing as the settings ask for it.
    pub fn new(settings: &Settings, keys: Keyring<CheckingKeys>, database: Client) -> Result<Self, StartError> {
        let rules = ["LIST_USERS_GROUP", "JWT_LEEWAY", "JWT_VERIFY_CLAIMS", "JWT_REQUIRED_CLAIMS"];
        lambda::warn_of_relaxed_rules("list-users", settings, &rules);
        Ok(Self {
            callers: CallerStore::new(database.clone(), settings.users_table()?, settings.sessions_table()?),
            users: UserStore::new(database, settings.users_table()?),
            keys,
            verifier: Verifier::new(settings.keys.algorithm, settings.checks.clone()),
            header_prefix: settings.header_prefix.clone(),
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

/// `DELETE /user/me` is there, in `login`: the answer says so although this function would not know.
async fn other_method_of_me(method: Method) -> Response {
    let mut response = answer::other_method(method).await.into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("DELETE,GET,HEAD"));
    response
}

#[derive(Serialize)]
struct Listing {
    users: Vec<Profile>,
    next: Option<String>,
}

async fn list_users(State(list): State<Arc<ListUsers>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    let now = SystemTime::now();
    let caller = list.verified(&headers, now).await.inspect_err(|error| audit::refused(Attempt::List, None, error))?;
    let paging = Paging::parse(uri.query().unwrap_or_default());
    let listed = list.page(&caller, paging, now).await;
    let (limit, page) = listed.inspect_err(|error| audit::refused(Attempt::List, Some(caller.subject), error))?;
    audit::happened(Event::Listed, caller.subject);
    let next = page.next.map(cursor);
    let link = next
        .as_ref()
        .and_then(|cursor| HeaderValue::try_from(format!("</user?limit={limit}&cursor={cursor}>; rel=\"next\"")).ok());
    let mut response = Json(Listing { users: page.users, next }).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

#[derive(Serialize)]
struct Me {
    #[serde(flatten)]
    profile: Profile,
    groups: Vec<String>,
}

async fn me(State(list): State<Arc<ListUsers>>, headers: HeaderMap) -> Result<Json<Me>, Error> {
    let now = SystemTime::now();
    let caller = list.verified(&headers, now).await.inspect_err(|error| audit::refused(Attempt::Me, None, error))?;
    let record = list.callers.find(caller.subject, caller.session()).await?;
    let admitted = caller.admit(record, now).map_err(Error::from);
    let user = admitted.inspect_err(|error| audit::refused(Attempt::Me, Some(caller.subject), error))?;
    Ok(Json(Me { profile: user.profile, groups: user.groups }))
}

impl ListUsers {
    /// What the request's token says. Whether it still lets anybody in, [`Verified::admit`] tells.
    async fn verified(&self, headers: &HeaderMap, now: SystemTime) -> Result<Verified, Error> {
        let token = credentials::bearer_token(headers, &self.header_prefix)?;
        Ok(self.keys.verify(&self.verifier, token, now).await?)
    }

    /// The page that was asked for and its limit, if the caller may read it.
    async fn page(
        &self,
        caller: &Verified,
        paging: Result<Paging, Error>,
        now: SystemTime,
    ) -> Result<(u16, Page), Error> {
        // Both at once: the caller's record takes no time of its own. What is read for nobody is thrown away.
        let page = async {
            let Paging { limit, after } = paging?;
            Ok::<_, Error>((limit, self.users.page(limit, after).await?))
        };
        let (record, page) = tokio::join!(self.callers.find(caller.subject, caller.session()), page);
        let user = caller.admit(record?, now)?;
        if self.group.as_ref().is_some_and(|group| !user.groups.contains(group)) {
            return Err(Error::Forbidden);
        }
        page
    }
}
