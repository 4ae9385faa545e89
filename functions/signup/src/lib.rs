//! Sign-up: writes users and their credentials, and cannot read either.

mod routes;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use axum::{Router, routing::get};
use shared::{
    aws::store::{AccountCreator, ThrottleStore},
    config::{SignupSettings, clock::Clock},
    domain::{password::Hasher, throttle::GcraLimit},
    http::{lambda::StartError, paths},
};

/// The state of the function: everything that it may access.
pub struct Signup {
    accounts: AccountCreator,
    throttle: ThrottleStore,
    limit: Option<GcraLimit>,
    hasher: Hasher,
    password_min_length: usize,
    clock: Clock,
}

impl Signup {
    /// The function with these settings.
    pub fn new(settings: SignupSettings, database: Client, clock: Clock) -> Result<Self, StartError> {
        Ok(Self {
            throttle: ThrottleStore::new(database.clone(), &settings.throttle_table, clock.clone()),
            limit: settings.limit,
            accounts: AccountCreator::new(database, &settings.users_table, &settings.credentials_table),
            hasher: Hasher::new(settings.passwords.cost, settings.passwords.processors)?,
            password_min_length: settings.passwords.min_length,
            clock,
        })
    }
}

/// The routes of the function.
pub fn routes(state: Signup) -> Router {
    Router::new()
        .route(paths::SIGN_UP, get(routes::sign_up::page).post(routes::sign_up::sign_up))
        .with_state(Arc::new(state))
}
