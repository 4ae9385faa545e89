//! Log-in and what follows from it: owns credentials, keys and sessions.
//!
//! | | |
//! |---|---|
//! | `log_in` | `POST /login`: compares a password with the stored hash, begins a session, signs a token |
//! | `refresh` | `POST /refresh`: exchanges a refresh token for a new pair |
//! | `log_out` | `POST /logout`: ends one session, all others, or all |
//! | `account` | `POST /password` and `DELETE /user/me` |
//! | `guess` | how often a password may be guessed |
//! | `discovery` | `GET /.well-known/…`: the public keys and where they are |
//! | `pages` | what browsers have of all that: `GET /`, `GET /login`, cookies |

mod account;
mod discovery;
mod guess;
mod log_in;
mod log_out;
mod pages;
mod refresh;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::Client;
use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    routing::{delete, get, post},
};
use serde::Serialize;
use shared::{
    aws::{
        keys::cache::KeyCache,
        store::{AccountStore, CallerStore, CredentialStore, SessionStore, ThrottleStore},
    },
    config::{LogInSettings, SecurityProfile, Settings},
    domain::{
        keys::SigningKeySet,
        password::Hasher,
        session::{Lifetime, RefreshToken, Session},
        token::{Issuer, TokenBinding, VerifiedToken, Verifier, numeric_date},
        user::PublicId,
    },
    http::{
        browser::{self, cookies::Cookies},
        error::Error,
        lambda::{self, StartError},
        request::authorization,
    },
};

use crate::guess::GuessLimiter;

/// What log-in may touch.
pub struct Login {
    credentials: CredentialStore,
    sessions: SessionStore,
    callers: CallerStore,
    changes: AccountStore,
    guesses: GuessLimiter,
    hasher: Hasher,
    keys: KeyCache<SigningKeySet>,
    /// A new key signs when everybody has had this long to read it.
    refresh: Duration,
    signer: Issuer,
    verifier: Verifier,
    header_prefix: String,
    cookies: Cookies,
    call: LogIn,
    /// The tutorial answers 201, as if a log-in made something.
    done: StatusCode,
    life: Option<Lifetime>,
    password_min_length: usize,
    discovery: discovery::Documents,
}

impl Login {
    /// Log-in as the settings ask for it.
    pub fn new(settings: &Settings, keys: KeyCache<SigningKeySet>, database: Client) -> Result<Self, StartError> {
        let rules = [
            "AUTH_PROFILE",
            "JWT_EXPIRATION_DELTA",
            "JWT_LEEWAY",
            "JWT_VERIFY_CLAIMS",
            "JWT_REQUIRED_CLAIMS",
            "PASSWORD_MIN_LENGTH",
            "THROTTLE_PAIR_FAILURES",
            "THROTTLE_PAIR_WAIT",
            "THROTTLE_PAIR_MAX_WAIT",
            "THROTTLE_ACCOUNT_GUESSES",
            "THROTTLE_ADDRESS_GUESSES",
        ];
        lambda::warn_of_relaxed_rules("login", settings, &rules);
        let (users, credentials, sessions) =
            (settings.users_table()?, settings.credentials_table()?, settings.sessions_table()?);
        Ok(Self {
            credentials: CredentialStore::new(database.clone(), credentials),
            sessions: SessionStore::new(database.clone(), sessions),
            callers: CallerStore::new(database.clone(), users, sessions),
            guesses: GuessLimiter::new(
                ThrottleStore::new(database.clone(), settings.throttle_table()?),
                settings.limits,
            ),
            changes: AccountStore::new(database, users, credentials, sessions),
            hasher: Hasher::new(settings.hash_cost, settings.processors)?,
            keys,
            refresh: settings.keys.refresh,
            signer: Issuer::new(settings.issuing.clone()),
            verifier: Verifier::new(settings.keys.algorithm, settings.checks.clone()),
            header_prefix: settings.header_prefix.clone(),
            cookies: settings.cookies(),
            call: settings.log_in.clone(),
            done: match settings.style.profile {
                SecurityProfile::Tutorial => StatusCode::CREATED,
                SecurityProfile::Strict => StatusCode::OK,
            },
            life: settings.sessions,
            password_min_length: settings.password_min_length,
            discovery: discovery::Documents::new(settings),
        })
    }
}

/// `POST /login`, or where `JWT_AUTH_URL_RULE` puts it, and all that follows from it.
pub fn routes(state: Login) -> Router {
    let path = state.call.path.clone();
    Router::new()
        .route("/", get(pages::start))
        .route(&path, get(pages::log_in).post(log_in::log_in))
        .route("/refresh", get(pages::renew).post(refresh::refresh))
        .route("/logout", post(log_out::log_out))
        .route("/password", post(account::change_password))
        .route("/user/me", delete(account::delete).post(account::delete))
        .route("/.well-known/jwks.json", get(discovery::jwks))
        .route("/.well-known/openid-configuration", get(discovery::configuration))
        .with_state(Arc::new(state))
}

/// The tutorial calls the token `token`, Flask-JWT and OAuth (RFC 6749 5.1) `access_token`.
#[derive(Serialize)]
struct SignedIn {
    token: String,
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    #[serde(flatten)]
    renewal: Option<Renewal>,
}

/// Absent where there are no sessions.
#[derive(Serialize)]
struct Renewal {
    refresh_token: String,
    refresh_expires_in: u64,
}

impl Login {
    /// The answer that signs `user` in: with a session, or on the strength of their version alone.
    async fn sign_in(
        &self,
        user: PublicId,
        version: u64,
        session: Option<(&RefreshToken, Session)>,
        now: SystemTime,
    ) -> Result<SignedIn, Error> {
        let keys = self.keys.current(now).await;
        let seconds = numeric_date(now);
        let binding =
            session.map_or(TokenBinding::Version(version), |(token, _)| TokenBinding::Session(token.session()));
        let remaining = session.map(|(_, session)| Duration::from_secs(session.remaining(seconds)));
        let (token, lifetime) = self.signer.issue(keys.signer(seconds, self.refresh), user, binding, remaining, now)?;
        Ok(SignedIn {
            access_token: token.clone(),
            token,
            token_type: "Bearer",
            expires_in: lifetime.as_secs(),
            renewal: session.map(|(token, session)| Renewal {
                refresh_token: token.to_text(),
                refresh_expires_in: session.remaining(seconds),
            }),
        })
    }

    /// What the request's access token says. Whether it still lets anybody in, the database knows.
    async fn verified(&self, headers: &HeaderMap, now: SystemTime) -> Result<VerifiedToken, Error> {
        let token = match authorization::bearer_token(headers, &self.header_prefix) {
            Err(Error::TokenMissing) => {
                let token = self.cookies.access_token(headers)?.ok_or(Error::TokenMissing)?;
                // A browser sends its cookies with everybody's requests.
                browser::check_origin(headers)?;
                token
            }
            token => token?,
        };
        Ok(self.keys.verify(&self.verifier, token, now).await?)
    }
}
