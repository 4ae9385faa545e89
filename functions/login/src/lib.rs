//! Log-in and everything that needs credentials, signing keys or sessions.
//!
//! | file | |
//! |---|---|
//! | `routes/` | one file per call: log-in, refresh, log-out, change of password, deletion, own sessions, discovery, start page |
//! | `account_change` | changes of the caller's account, by script or by form |
//! | `authenticate` | identifying the caller: by access token, or by the session of a refresh token |
//! | `issue` | tokens and sessions, as JSON or as cookies |
//! | `confirm_password` | confirming changes with the password |
//! | `guess_limiter` | counting password guesses, with the rules of `shared::domain::throttle` |
//! | `redirects` | browsers that have to log in |
//! | `session_limit` | ending the least recently used sessions of a user beyond the limit |
//! | `discovery` | the discovery document |
//! | `state` | everything that the function may access |

mod account_change;
mod authenticate;
mod confirm_password;
mod discovery;
mod guess_limiter;
mod issue;
mod redirects;
mod routes;
mod session_limit;
mod state;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, post},
};
use shared::http::paths;

use crate::routes::{change_password, delete_account, log_in, log_out, refresh, sessions, start};
pub use crate::state::Login;

/// The routes of the function. The log-in is at `JWT_AUTH_URL_RULE`.
pub fn routes(state: Login) -> Router {
    let log_in_path = state.log_in.path.clone();
    Router::new()
        .route(paths::START, get(start::start))
        .route(&log_in_path, get(start::start).post(log_in::log_in))
        .route(paths::REFRESH, get(refresh::refresh_cookies).post(refresh::refresh))
        .route(paths::LOG_OUT, post(log_out::log_out))
        .route(paths::SESSIONS, get(sessions::list_sessions))
        .route(paths::SESSION, delete(sessions::end_session).post(sessions::end_session))
        .route(paths::PASSWORD, post(change_password::change_password))
        .route(paths::ME, delete(delete_account::delete_account).post(delete_account::delete_account))
        .route(paths::JWKS, get(routes::discovery::jwks))
        .route(paths::OPENID_CONFIGURATION, get(routes::discovery::configuration))
        .route(paths::CHANGE_PASSWORD, get(start::change_password_page))
        .with_state(Arc::new(state))
}
