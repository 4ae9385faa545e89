//! Sign-up: writes users and their credentials, and cannot read either.

mod routes;
mod state;

use std::sync::Arc;

use axum::{Router, routing::get};
use shared::http::paths;

use crate::routes::sign_up;
pub use crate::state::Signup;

/// The routes of the function.
pub fn routes(state: Signup) -> Router {
    Router::new().route(paths::SIGN_UP, get(sign_up::page).post(sign_up::sign_up)).with_state(Arc::new(state))
}
