//! Log-in and everything that needs credentials, signing keys or sessions.
//!
//! | file | |
//! |---|---|
//! | `routes/` | one file per call: log-in, refresh, log-out, change of password, deletion, discovery, start page |
//! | `authenticate` | who calls: by access token, or by the session of a refresh token |
//! | `issue` | tokens and sessions, as JSON or as cookies |
//! | `verify_password` | comparing passwords, with the rate limits of `guess_limiter` |

mod authenticate;
mod guess_limiter;
mod issue;
mod routes;
mod verify_password;

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::Client;
use axum::{
    Router,
    http::StatusCode,
    routing::{delete, get, post},
};
use shared::{
    aws::{
        keys::cache::KeyCache,
        store::{AccountStore, CallerStore, CredentialStore, SessionStore, ThrottleStore},
    },
    config::{LogInSettings, LoginSettings, SecurityProfile, clock::Clock},
    domain::{
        keys::SigningKeySet,
        password::Hasher,
        session::Lifetime,
        token::{Issuer, Verifier},
    },
    http::{browser::cookies::Cookies, lambda::StartError, paths},
};

use crate::{guess_limiter::GuessLimiter, routes::discovery};

/// The state of the function: everything that it may access.
pub struct Login {
    credentials: CredentialStore,
    sessions: SessionStore,
    callers: CallerStore,
    accounts: AccountStore,
    guesses: GuessLimiter,
    hasher: Hasher,
    keys: KeyCache<SigningKeySet>,
    /// A new key signs once every verifier has had this time to read it.
    refresh: Duration,
    issuer: Issuer,
    verifier: Verifier,
    header_prefix: String,
    cookies: Cookies,
    log_in: LogInSettings,
    /// Status of a successful log-in. The tutorials' clients expect 201.
    success: StatusCode,
    lifetime: Option<Lifetime>,
    password_min_length: usize,
    discovery: discovery::Documents,
    clock: Clock,
}

impl Login {
    /// The function with these settings.
    pub fn new(
        settings: LoginSettings,
        keys: KeyCache<SigningKeySet>,
        database: Client,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let tables = &settings.tables;
        let throttle = ThrottleStore::new(database.clone(), &tables.throttle, clock.clone());
        Ok(Self {
            credentials: CredentialStore::new(database.clone(), &tables.credentials),
            sessions: SessionStore::new(database.clone(), &tables.sessions),
            callers: CallerStore::new(database.clone(), &tables.users, &tables.sessions),
            guesses: GuessLimiter::new(throttle, settings.guesses),
            accounts: AccountStore::new(database, &tables.users, &tables.credentials, &tables.sessions),
            hasher: Hasher::new(settings.passwords.cost, settings.passwords.processors)?,
            keys,
            refresh: settings.keys.policy.refresh,
            discovery: discovery::Documents::new(&settings.issuer.issuer, settings.keys.policy),
            issuer: Issuer::new(settings.issuer),
            verifier: Verifier::new(settings.keys.policy.algorithm, settings.verifier),
            header_prefix: settings.header_prefix,
            cookies: Cookies { deployment: settings.deployment },
            log_in: settings.log_in,
            success: match settings.profile {
                SecurityProfile::Tutorial => StatusCode::CREATED,
                SecurityProfile::Strict => StatusCode::OK,
            },
            lifetime: settings.sessions,
            password_min_length: settings.passwords.min_length,
            clock,
        })
    }
}

/// The routes of the function. The log-in is at `JWT_AUTH_URL_RULE`.
pub fn routes(state: Login) -> Router {
    let log_in_path = state.log_in.path.clone();
    Router::new()
        .route(paths::START, get(routes::start::start))
        .route(&log_in_path, get(routes::log_in::page).post(routes::log_in::log_in))
        .route(paths::REFRESH, get(routes::refresh::refresh_cookies).post(routes::refresh::refresh))
        .route(paths::LOG_OUT, post(routes::log_out::log_out))
        .route(paths::PASSWORD, post(routes::password::change_password))
        .route(paths::ME, delete(routes::delete_account::delete_account).post(routes::delete_account::delete_account))
        .route(paths::JWKS, get(discovery::jwks))
        .route(paths::OPENID_CONFIGURATION, get(discovery::configuration))
        .with_state(Arc::new(state))
}
