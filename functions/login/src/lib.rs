//! Log-in and everything that needs credentials, signing keys or sessions.
//!
//! | file | |
//! |---|---|
//! | `routes/` | one file per call: log-in, refresh, log-out, change of password, deletion, discovery, start page |
//! | `authenticate` | who calls: by access token, or by the session of a refresh token |
//! | `issue` | tokens and sessions, as JSON or as cookies |
//! | `verify_password` | comparing passwords, with the rate limits of `guess_limiter` |

mod authenticate;
mod discovery;
mod guess_limiter;
mod issue;
mod routes;
mod state;
mod verify_password;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, post},
};
use shared::http::paths;

use crate::routes::{delete_account, discovery as keys, log_in, log_out, password, refresh, start};
pub use crate::state::Login;

/// The routes of the function. The log-in is at `JWT_AUTH_URL_RULE`.
pub fn routes(state: Login) -> Router {
    let log_in_path = state.log_in.path.clone();
    Router::new()
        .route(paths::START, get(start::start))
        .route(&log_in_path, get(log_in::page).post(log_in::log_in))
        .route(paths::REFRESH, get(refresh::refresh_cookies).post(refresh::refresh))
        .route(paths::LOG_OUT, post(log_out::log_out))
        .route(paths::PASSWORD, post(password::change_password))
        .route(paths::ME, delete(delete_account::delete_account).post(delete_account::delete_account))
        .route(paths::JWKS, get(keys::jwks))
        .route(paths::OPENID_CONFIGURATION, get(keys::configuration))
        .with_state(Arc::new(state))
}
