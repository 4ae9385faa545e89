//! Listing users, and telling a user who they are: checks tokens and cannot sign one.

mod paging;

use std::{sync::Arc, time::SystemTime};

use aws_sdk_dynamodb::Client;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, Uri, header::LINK},
    response::{IntoResponse, Response},
    routing::get,
};
use secrecy::SecretString;
use serde::Serialize;
use shared::{
    config::Settings,
    credentials,
    error::{Error, TokenRefusal},
    lambda::{self, StartError},
    store::UserStore,
    token::Verifier,
    user::{Profile, PublicId, User},
};
use tracing::info;

use crate::paging::Paging;
pub use crate::paging::cursor;

/// What listing may touch.
pub struct ListUsers {
    users: UserStore,
    tokens: Verifier,
    header_prefix: String,
    group: Option<String>,
}

impl ListUsers {
    /// Listing as the settings ask for it.
    pub fn new(settings: &Settings, key: &SecretString, database: Client) -> Result<Self, StartError> {
        let rules = ["LIST_USERS_GROUP", "JWT_LEEWAY", "JWT_VERIFY_CLAIMS", "JWT_REQUIRED_CLAIMS"];
        lambda::warn_of_relaxed_rules("list-users", settings, &rules);
        Ok(Self {
            users: UserStore::new(database, settings.users_table()?),
            tokens: Verifier::new(key, settings.checks.clone()),
            header_prefix: settings.header_prefix.clone(),
            group: settings.list_users_group.clone(),
        })
    }
}

/// `GET /user` and `GET /user/me`.
pub fn routes(state: ListUsers) -> Router {
    Router::new().route("/user", get(list_users)).route("/user/me", get(me)).with_state(Arc::new(state))
}

#[derive(Serialize)]
struct Listing {
    users: Vec<Profile>,
    next: Option<String>,
}

async fn list_users(State(list): State<Arc<ListUsers>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    let caller = list.subject(&headers)?;
    let paging = Paging::parse(uri.query().unwrap_or_default());
    // Both at once: the caller's record takes no time of its own. What is read for nobody is thrown away.
    let page = async {
        let Paging { limit, after } = paging?;
        Ok::<_, Error>((limit, list.users.page(limit, after).await?))
    };
    let (user, page) = tokio::join!(list.users.find(caller), page);
    let user = living(user?)?;
    if list.group.as_ref().is_some_and(|group| !user.groups.contains(group)) {
        return Err(Error::Forbidden);
    }
    let (limit, page) = page?;
    info!(public_id = %caller, users = page.users.len(), "users listed");
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
    let caller = list.subject(&headers)?;
    let user = living(list.users.find(caller).await?)?;
    Ok(Json(Me { profile: user.profile, groups: user.groups }))
}

impl ListUsers {
    /// Whose token the request carries. Whether that user still exists, [`living`] tells.
    fn subject(&self, headers: &HeaderMap) -> Result<PublicId, Error> {
        let token = credentials::bearer_token(headers, &self.header_prefix)?;
        Ok(self.tokens.verify(token, SystemTime::now())?)
    }
}

/// A user who is there and not disabled. A token outlives its user by no call.
fn living(user: Option<User>) -> Result<User, TokenRefusal> {
    match user {
        None => Err(TokenRefusal::UserGone),
        Some(user) if user.disabled => Err(TokenRefusal::UserDisabled),
        Some(user) => Ok(user),
    }
}
