//! The state of the function.

use aws_sdk_dynamodb::Client;
use shared::{
    aws::{
        keys::cache::KeyCache,
        store::{CallerStore, SessionList, UserStore},
    },
    config::{ListUsersSettings, clock::Clock},
    domain::{
        keys::VerifyingKeySet,
        token::{LegacyVerifier, Verifier},
    },
    http::browser::cookies::Cookies,
};

/// The state of the function: everything that it may access.
pub struct ListUsers {
    pub(crate) callers: CallerStore,
    pub(crate) users: UserStore,
    pub(crate) sessions: SessionList,
    pub(crate) keys: KeyCache<VerifyingKeySet>,
    pub(crate) verifier: Verifier,
    /// `None` refuses tokens of the old application.
    pub(crate) legacy: Option<LegacyVerifier>,
    pub(crate) header_prefix: String,
    pub(crate) cookies: Cookies,
    pub(crate) group: Option<String>,
    pub(crate) clock: Clock,
}

impl ListUsers {
    /// The function with these settings.
    pub fn new(settings: ListUsersSettings, keys: KeyCache<VerifyingKeySet>, database: Client, clock: Clock) -> Self {
        Self {
            callers: CallerStore::new(database.clone(), &settings.users_table, &settings.sessions_table),
            sessions: SessionList::new(database.clone(), &settings.sessions_table),
            users: UserStore::new(database, &settings.users_table),
            keys,
            verifier: Verifier::new(settings.keys.policy.algorithm, settings.verifier),
            legacy: None,
            header_prefix: settings.header_prefix,
            cookies: Cookies { deployment: settings.deployment },
            group: settings.group,
            clock,
        }
    }

    /// The same function, which also accepts tokens of the old application.
    #[must_use]
    pub fn with_legacy_tokens(self, legacy: Option<LegacyVerifier>) -> Self {
        Self { legacy, ..self }
    }
}
