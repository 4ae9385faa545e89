//! `POST /login`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Json,
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use shared::{
    answer,
    config::LogIn,
    credentials,
    email::Email,
    error::Error,
    fields::Fields,
    password::{Password, PasswordHash, Verdict},
    session::RefreshToken,
    store::Credentials,
};
use tracing::{info, warn};

use crate::Login;

/// How long a log-in waits for its hash to be replaced.
const RENEWAL: Duration = Duration::from_secs(2);

pub(crate) async fn log_in(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Error> {
    let (email, password) = presented(&login.call, &headers, request).await?;
    let Credentials { public_id, version, .. } = login.check(&email, password).await?;
    let now = SystemTime::now();
    let answer = match login.life {
        None => login.sign_in(public_id, version, None, now).await?,
        Some(life) => {
            let token = RefreshToken::new(public_id)?;
            // If the version was raised since it was read, the session is over before it began.
            let session = login.sessions.begin(&token, version, life, now).await?;
            login.sign_in(public_id, version, Some((&token, session)), now).await?
        }
    };
    info!(%public_id, "user logged in");
    Ok((login.done, Json(answer)).into_response())
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
