//! Listing users, and the caller's own record: verifies tokens and cannot sign any.

mod authenticate;
mod paging;
mod routes;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use axum::{Router, routing::get};
use shared::{
    aws::{
        keys::cache::KeyCache,
        store::{CallerStore, UserStore},
    },
    config::{ListUsersSettings, clock::Clock},
    domain::{keys::VerifyingKeySet, token::Verifier},
    http::{browser::cookies::Cookies, paths},
};

pub use crate::paging::{DEFAULT_LIMIT, Paging, cursor};

/// The state of the function: everything that it may access.
pub struct ListUsers {
    callers: CallerStore,
    users: UserStore,
    keys: KeyCache<VerifyingKeySet>,
    verifier: Verifier,
    header_prefix: String,
    cookies: Cookies,
    group: Option<String>,
    clock: Clock,
}

impl ListUsers {
    /// The function with these settings.
    pub fn new(settings: ListUsersSettings, keys: KeyCache<VerifyingKeySet>, database: Client, clock: Clock) -> Self {
        Self {
            callers: CallerStore::new(database.clone(), &settings.users_table, &settings.sessions_table),
            users: UserStore::new(database, &settings.users_table),
            keys,
            verifier: Verifier::new(settings.keys.policy.algorithm, settings.verifier),
            header_prefix: settings.header_prefix,
            cookies: Cookies { deployment: settings.deployment },
            group: settings.group,
            clock,
        }
    }
}

/// The routes of the function.
pub fn routes(state: ListUsers) -> Router {
    Router::new()
        .route(paths::USERS, get(routes::list_users::list_users))
        .route(paths::ME, get(routes::me::me).fallback(routes::me::other_method))
        .with_state(Arc::new(state))
}
