//! Log-in: compares a password with the stored hash and signs a token.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::Client;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use secrecy::SecretString;
use serde::Serialize;
use shared::{
    answer,
    config::{LogIn, Profile, Settings},
    credentials,
    email::Email,
    error::Error,
    fields::Fields,
    lambda::{self, StartError},
    password::{Hasher, Password, PasswordHash, Verdict},
    store::{CredentialStore, Credentials},
    token::Signer,
};
use tracing::{info, warn};

/// How long a log-in waits for its hash to be replaced.
const RENEWAL: Duration = Duration::from_secs(2);

/// What log-in may touch.
pub struct Login {
    credentials: CredentialStore,
    hasher: Hasher,
    signer: Signer,
    call: LogIn,
    /// The tutorial answers 201, as if a log-in made something.
    done: StatusCode,
}

impl Login {
    /// Log-in as the settings ask for it.
    pub fn new(settings: &Settings, key: &SecretString, database: Client) -> Result<Self, StartError> {
        lambda::warn_of_relaxed_rules("login", settings, &["AUTH_PROFILE", "JWT_EXPIRATION_DELTA"]);
        Ok(Self {
            credentials: CredentialStore::new(database, settings.credentials_table()?),
            hasher: Hasher::new(settings.hash_cost)?,
            signer: Signer::new(key, settings.issuing.clone()),
            call: settings.log_in.clone(),
            done: match settings.wording.profile {
                Profile::Tutorial => StatusCode::CREATED,
                Profile::Strict => StatusCode::OK,
            },
        })
    }
}

/// `POST /login`, or where `JWT_AUTH_URL_RULE` puts it.
pub fn routes(state: Login) -> Router {
    let path = state.call.path.clone();
    Router::new().route(&path, post(log_in)).with_state(Arc::new(state))
}

/// The tutorial calls it `token`, Flask-JWT and OAuth (RFC 6749 5.1) `access_token`.
#[derive(Serialize)]
struct LoggedIn<'a> {
    token: &'a str,
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
}

async fn log_in(State(login): State<Arc<Login>>, headers: HeaderMap, request: Request) -> Result<Response, Error> {
    let (email, password) = presented(&login.call, &headers, request).await?;
    let credentials = login.check(&email, password).await?;
    let token = login.signer.issue(credentials.public_id, SystemTime::now())?;
    info!(public_id = %credentials.public_id, "user logged in");
    let body = LoggedIn {
        token: &token,
        access_token: &token,
        token_type: "Bearer",
        expires_in: login.signer.lifetime().as_secs(),
    };
    Ok((login.done, Json(body)).into_response())
}

/// Address and password of a request, from its body or from `Authorization: Basic`.
async fn presented(call: &LogIn, headers: &HeaderMap, request: Request) -> Result<(String, Password), Error> {
    let basic = credentials::basic(headers)?;
    let fields = Fields::from_body(request, &[&call.email_field, &call.password_field]).await?;
    let pair = match (basic, fields.get(&call.email_field), fields.get(&call.password_field)) {
        (Some((email, password)), None, None) => Some((email, password)),
        (None, Some(email), Some(password)) => Some((email.to_owned(), password.to_owned())),
        (Some(_), _, _) => {
            // Whichever of the two is checked, something on the way may have seen the other.
            let detail = "Send the password in the body or in Authorization: Basic, not in both.".to_owned();
            return Err(Error::Malformed { code: "ambiguous-credentials", detail });
        }
        (None, _, _) => None,
    };
    match pair {
        Some((email, password)) if !email.trim().is_empty() && !password.is_empty() => {
            Ok((email, Password::new(&password)))
        }
        _ => Err(Error::CredentialsMissing),
    }
}

impl Login {
    /// The credentials of an address, if the password is theirs. Every way through here costs one hash.
    async fn check(&self, email: &str, password: Password) -> Result<Credentials, Error> {
        let Ok(email) = Email::parse(email) else {
            self.hasher.verify(password, None).await?;
            return Err(Error::UnknownUser);
        };
        let Some(credentials) = self.credentials.find(&email).await? else {
            self.hasher.verify(password, None).await?;
            return Err(Error::UnknownUser);
        };
        match self.hasher.verify(password.clone(), Some(credentials.password_hash.clone())).await? {
            Verdict::Mismatch => Err(Error::WrongPassword),
            // Who has the password of a disabled account learns no more than who has not.
            Verdict::Match { .. } if credentials.disabled => Err(Error::WrongPassword),
            Verdict::Match { outdated } => {
                if outdated {
                    self.renew_hash(&email, password, &credentials.password_hash).await;
                }
                Ok(credentials)
            }
        }
    }

    /// Replaces a hash of a lower cost while the password is at hand. The log-in is good whether or not this works.
    async fn renew_hash(&self, email: &Email, password: Password, old: &PasswordHash) {
        let renewed = async {
            let new = self.hasher.hash(password).await?;
            Ok::<_, Error>(self.credentials.replace_hash(email, old, &new).await?)
        };
        let cause = match tokio::time::timeout(RENEWAL, renewed).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => answer::causes(&error),
            Err(late) => late.to_string(),
        };
        warn!(cause, "outdated password hash was not replaced");
    }
}
