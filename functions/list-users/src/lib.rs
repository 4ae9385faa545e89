//! Listing users, and the caller's own record: verifies tokens and cannot sign any.

mod authenticate;
mod paging;
mod routes;
mod state;

use std::sync::Arc;

use axum::{Router, routing::get};
use shared::http::paths;

use crate::routes::{list_users, me};
pub use crate::{
    paging::{DEFAULT_LIMIT, Paging, cursor},
    state::ListUsers,
};

/// The routes of the function.
pub fn routes(state: ListUsers) -> Router {
    Router::new()
        .route(paths::USERS, get(list_users::list_users))
        .route(paths::ME, get(me::me).fallback(me::other_method))
        .with_state(Arc::new(state))
}
