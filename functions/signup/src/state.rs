//! The state of the function.

use aws_sdk_dynamodb::Client;
use shared::{
    aws::store::{AccountCreator, ThrottleStore},
    config::{SignUpSettings, SignupSettings, clock::Clock},
    domain::{password::Hasher, throttle::GcraLimit},
    http::lambda::StartError,
};

/// The state of the function: everything that it may access.
pub struct Signup {
    pub(crate) sign_up: SignUpSettings,
    pub(crate) accounts: AccountCreator,
    pub(crate) throttle: ThrottleStore,
    pub(crate) limit: Option<GcraLimit>,
    pub(crate) hasher: Hasher,
    pub(crate) password_min_length: usize,
    pub(crate) clock: Clock,
}

impl Signup {
    /// The function with these settings.
    pub fn new(settings: &SignupSettings, database: Client, clock: Clock) -> Result<Self, StartError> {
        Ok(Self {
            sign_up: settings.sign_up.clone(),
            throttle: ThrottleStore::new(database.clone(), &settings.throttle_table, clock.clone()),
            limit: settings.limit,
            accounts: AccountCreator::new(database, &settings.users_table, &settings.credentials_table),
            hasher: Hasher::new(settings.passwords.cost, settings.passwords.processors)?,
            password_min_length: settings.passwords.min_length,
            clock,
        })
    }
}
