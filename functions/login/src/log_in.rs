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
    aws::store::Credentials,
    config::LogInSettings,
    domain::{
        client_ip::ClientAddress,
        password::{Password, PasswordHash, Verdict},
        session::RefreshToken,
        user::Email,
    },
    http::{
        browser,
        error::Error,
        pages::FormRejection,
        request::{authorization, fields::Fields},
        service,
        telemetry::{
            audit::{self, Attempt, Event},
            metrics,
        },
    },
};
use tracing::warn;

use crate::{Login, SignedIn};

/// How long a password is compared at most, the wait for a core included: half of what a request has, so that there is time to
/// settle the guess.
const COMPARISON: Duration = Duration::from_secs(4);

/// How long a log-in waits for its hash to be replaced.
const RENEWAL: Duration = Duration::from_secs(2);

pub(crate) async fn log_in(
    State(login): State<Arc<Login>>,
    client: ClientAddress,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    if browser::wants_page(&headers) {
        return login.log_in_by_form(client, &headers, request).await;
    }
    let (email, password) = presented(&login.call, &headers, request).await?;
    let answer = login.log_in(&email, password, client).await?;
    Ok((login.done, Json(answer)).into_response())
}

/// Address and password of a request, from its body or from `Authorization: Basic`.
async fn presented(call: &LogIn, headers: &HeaderMap, request: Request) -> Result<(String, Password), Error> {
    let basic = authorization::basic(headers)?;
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
    pub(crate) async fn log_in(
        &self,
        email: &str,
        password: Password,
        client: ClientAddress,
    ) -> Result<SignedIn, Error> {
        // Boxed, since three calls of the database at once make it large.
        let outcome = Box::pin(self.authenticate_password(email, password, client)).await;
        metrics::log_in(outcome.as_ref().map_or_else(|error| error.reason().unwrap_or("error"), |_| "done"));
        outcome
    }

    /// Counts the guess and looks the account up, both at once; then compares, and settles what was counted.
    async fn authenticate_password(
        &self,
        email: &str,
        password: Password,
        client: ClientAddress,
    ) -> Result<SignedIn, Error> {
        let (permit, found) = tokio::join!(self.guesses.log_in(email, client), self.find(email));
        let public_id = found.as_ref().ok().and_then(Option::as_ref).map(|found| found.public_id);
        // A guess that may not be made looks the same whatever was found.
        let permit = permit.inspect_err(|error| audit::record_refusal(Attempt::LogIn, public_id, error))?;
        let checked = match found {
            Ok(found) => tokio::time::timeout(COMPARISON, self.verify_password(email, password, found))
                .await
                .unwrap_or(Err(Error::Late)),
            Err(error) => Err(error),
        };
        match checked {
            Ok(credentials) => {
                let ((), answer) = tokio::join!(permit.confirm(), self.start_session(&credentials));
                let answer = answer?;
                audit::record(Event::LoggedIn, credentials.public_id);
                Ok(answer)
            }
            Err(error) => {
                audit::record_refusal(Attempt::LogIn, public_id, &error);
                if error.reason().is_none() {
                    permit.refund().await;
                }
                Err(error)
            }
        }
    }

    /// `None` where nobody has the address, or it is none.
    async fn find(&self, email: &str) -> Result<Option<Credentials>, Error> {
        match Email::parse(email) {
            Ok(email) => Ok(self.credentials.find(&email).await?),
            Err(_) => Ok(None),
        }
    }

    /// The credentials, if the password is theirs. Every way through here costs one hash.
    async fn verify_password(
        &self,
        email: &str,
        password: Password,
        found: Option<Credentials>,
    ) -> Result<Credentials, Error> {
        let Some(credentials) = found else {
            self.hasher.verify(password, None).await?;
            return Err(Error::UnknownUser);
        };
        match self.hasher.verify(password.clone(), Some(credentials.password_hash.clone())).await? {
            Verdict::Mismatch => Err(Error::WrongPassword),
            Verdict::Match { .. } if credentials.disabled => Err(Error::Disabled),
            Verdict::Match { outdated } => {
                if let Ok(email) = Email::parse(email)
                    && outdated
                {
                    self.upgrade_hash(&email, password, &credentials.password_hash).await;
                }
                Ok(credentials)
            }
        }
    }

    /// Signs the owner of credentials in, with a session where there are sessions.
    async fn start_session(&self, credentials: &Credentials) -> Result<SignedIn, Error> {
        let now = SystemTime::now();
        let &Credentials { public_id, version, .. } = credentials;
        let Some(life) = self.life else { return self.sign_in(public_id, version, None, now).await };
        let token = RefreshToken::new(public_id)?;
        // If the version was raised since it was read, the session is over before it began.
        let session = self.sessions.begin(&token, version, life, now).await?;
        self.sign_in(public_id, version, Some((&token, session)), now).await
    }

    /// Replaces a hash of a lower cost while the password is at hand. The log-in is good whether or not this works.
    async fn upgrade_hash(&self, email: &Email, password: Password, old: &PasswordHash) {
        let renewed = async {
            let new = self.hasher.hash(password).await?;
            Ok::<_, Error>(self.credentials.replace_hash(email, old, &new).await?)
        };
        let cause = match tokio::time::timeout(RENEWAL, renewed).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => causes(&error),
            Err(late) => late.to_string(),
        };
        warn!(cause, "outdated password hash was not replaced");
    }
}
