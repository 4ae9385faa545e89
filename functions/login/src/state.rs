//! The state of the function.

use std::{sync::atomic::AtomicBool, time::Duration};

use aws_sdk_dynamodb::Client;
use axum::http::StatusCode;
use shared::{
    aws::{
        keys::cache::KeyCache,
        store::{AccountStore, CallerStore, CredentialStore, SessionLimit, SessionList, SessionStore, ThrottleStore},
    },
    config::{LogInSettings, LoginSettings, SecurityProfile, clock::Clock},
    domain::{
        keys::SigningKeySet,
        password::Hasher,
        session::Lifetime,
        token::{Issuer, Verifier},
    },
    http::{browser::cookies::Cookies, lambda::StartError},
};

use crate::{discovery::Documents, guess_limiter::GuessLimiter};

/// How often a change of an account is attempted while concurrent changes win.
pub(crate) const CHANGE_ATTEMPTS: usize = 8;

/// The state of the function: everything that it may access.
pub struct Login {
    pub(crate) credentials: CredentialStore,
    pub(crate) sessions: SessionStore,
    pub(crate) session_list: SessionList,
    pub(crate) session_limit: SessionLimit,
    pub(crate) callers: CallerStore,
    pub(crate) accounts: AccountStore,
    pub(crate) guesses: GuessLimiter,
    pub(crate) hasher: Hasher,
    /// The warning about hashes that `LEGACY_HASHES` does not list is logged once.
    pub(crate) warned_of_unlisted_hash: AtomicBool,
    pub(crate) keys: KeyCache<SigningKeySet>,
    /// A new key signs once every verifier has had this time to read it.
    pub(crate) key_refresh: Duration,
    pub(crate) issuer: Issuer,
    pub(crate) verifier: Verifier,
    pub(crate) header_prefix: String,
    pub(crate) cookies: Cookies,
    pub(crate) log_in: LogInSettings,
    pub(crate) offers_sign_up: bool,
    /// Status of a successful log-in. The tutorials' clients expect 201.
    pub(crate) log_in_status: StatusCode,
    pub(crate) session_lifetime: Option<Lifetime>,
    pub(crate) session_grace: Duration,
    pub(crate) password_min_length: usize,
    pub(crate) discovery: Documents,
    pub(crate) clock: Clock,
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
        let issuer = Issuer::new(settings.issuer.clone());
        issuer.check_length(&keys.keys())?;
        let throttle = ThrottleStore::new(database.clone(), &tables.throttle, clock.clone());
        Ok(Self {
            credentials: CredentialStore::new(database.clone(), &tables.credentials),
            sessions: SessionStore::new(database.clone(), &tables.sessions, settings.session_grace),
            session_list: SessionList::new(database.clone(), &tables.sessions),
            session_limit: SessionLimit::new(database.clone(), &tables.sessions, &tables.credentials),
            callers: CallerStore::new(database.clone(), &tables.users, &tables.sessions),
            guesses: GuessLimiter::new(throttle, settings.guesses),
            accounts: AccountStore::new(database, &tables.users, &tables.credentials, &tables.sessions),
            hasher: Hasher::with_legacy_hashes(
                settings.passwords.cost,
                settings.passwords.processors,
                settings.legacy_hashes,
            )?,
            warned_of_unlisted_hash: AtomicBool::new(false),
            keys,
            key_refresh: settings.keys.policy.refresh,
            discovery: Documents::new(&settings.issuer, settings.keys.policy),
            issuer,
            verifier: Verifier::new(settings.keys.policy.algorithm, settings.verifier),
            header_prefix: settings.header_prefix,
            cookies: Cookies { deployment: settings.deployment },
            log_in: settings.log_in,
            offers_sign_up: settings.offers_sign_up,
            log_in_status: match settings.profile {
                SecurityProfile::Tutorial => StatusCode::CREATED,
                SecurityProfile::Strict => StatusCode::OK,
            },
            session_lifetime: settings.sessions,
            session_grace: settings.session_grace,
            password_min_length: settings.passwords.min_length,
            clock,
        })
    }
}
