//! `POST /login`, or at `JWT_AUTH_URL_RULE`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use shared::{
    aws::store::Credentials,
    config::LogInSettings,
    domain::{
        client_ip::ClientAddress,
        error_chain::causes,
        password::{Password, PasswordHash},
        throttle::DeviceId,
        token::{TokenBinding, VerifiedToken},
    },
    http::{
        browser::{self, ReturnTo},
        error::Error,
        pages::{self, Form, FormRejection, LogInPage, Notice},
        request::{authorization, fields::Fields},
        telemetry::{
            audit::{self, Attempt, Event},
            metrics::{self, timed_hash},
        },
    },
};
use tracing::warn;

use crate::{
    Login,
    confirm_password::Match,
    guess_limiter::{Guesser, Permit},
    issue::IssuedTokens,
};

/// How long a log-in waits for its hash to be upgraded, after at most four seconds for the comparison.
const UPGRADE_LIMIT: Duration = Duration::from_secs(2);

pub(crate) async fn log_in(
    State(login): State<Arc<Login>>,
    client: ClientAddress,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    if browser::wants_page(&headers) {
        return login.log_in_by_form(client, &headers, request).await;
    }
    let (email, password) = credentials_of(&login.log_in, &headers, request).await?;
    let guesser = Guesser::new(&email, client, &headers, login.cookies.device(&headers));
    let tokens = login.log_in(password, &guesser, None).await?;
    Ok((login.log_in_status, Json(tokens)).into_response())
}

/// Address and password of a request, from its body or from `Authorization: Basic`.
async fn credentials_of(
    call: &LogInSettings,
    headers: &HeaderMap,
    request: Request,
) -> Result<(String, Password), Error> {
    let basic = authorization::basic(headers)?;
    let fields = Fields::from_body(request, &[&call.email_field, &call.password_field]).await?;
    let pair = match (basic, fields.get(&call.email_field), fields.get(&call.password_field)) {
        (Some((email, password)), None, None) => Some((email, password)),
        (None, Some(email), Some(password)) => Some((email.to_owned(), password.to_owned())),
        (Some(_), _, _) => {
            // A proxy may have evaluated the other one.
            let detail = "Send the credentials in the body or in Authorization: Basic, not in both.".to_owned();
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
    pub(crate) fn show_log_in(&self, headers: &HeaderMap, uri: &Uri) -> Result<Response, Error> {
        let return_to = ReturnTo::from_query(uri);
        let notice = Notice::of(uri, headers);
        pages::show(StatusCode::OK, &LogInPage { return_to, notice, ..self.log_in_page() })
    }

    fn log_in_page(&self) -> LogInPage {
        LogInPage {
            action: self.log_in.path.clone(),
            email_field: self.log_in.email_field.clone(),
            password_field: self.log_in.password_field.clone(),
            email: String::new(),
            lacks_password: false,
            offers_sign_up: self.offers_sign_up,
            return_to: None,
            notice: None,
            errors: None,
        }
    }

    async fn log_in_by_form(
        &self,
        client: ClientAddress,
        headers: &HeaderMap,
        request: Request,
    ) -> Result<Response, FormRejection> {
        browser::check_origin(headers).inspect_err(|error| audit::record_refusal(Attempt::LogIn, None, error))?;
        let (email_field, password_field) = (&self.log_in.email_field, &self.log_in.password_field);
        let fields = Fields::from_body(request, &[email_field, password_field, "return_to"]).await?;
        let (email, password) = (fields.get(email_field).unwrap_or_default(), fields.get(password_field));
        let page = LogInPage {
            email: email.to_owned(),
            lacks_password: password.is_none(),
            return_to: fields.get("return_to").and_then(ReturnTo::parse),
            ..self.log_in_page()
        };
        let logged_in = match password {
            Some(password) if !email.trim().is_empty() => {
                self.log_in_browser(email, Password::new(password), client, headers).await
            }
            _ => Err(Error::CredentialsMissing),
        };
        let (tokens, device) = logged_in.map_err(|error| FormRejection::new(error, Form::LogIn(page.clone())))?;
        let mut response = self.redirect_with_cookies(&tokens, page.return_to.unwrap_or_default().as_str());
        if let Some((device, lifetime)) = device {
            self.cookies.set_device(response.headers_mut(), &device, lifetime);
        }
        Ok(response)
    }

    /// Logs in a browser, ends the session that it had, and makes its device known.
    async fn log_in_browser(
        &self,
        email: &str,
        password: Password,
        client: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<(IssuedTokens, Option<(DeviceId, Duration)>), Error> {
        // The identifier of the browser stays the same, so that it is known for each account that logs in there.
        let presented = self.cookies.device(headers);
        let device = match (self.guesses.device_lifetime(), &presented) {
            (None, _) => None,
            (Some(lifetime), Some(device)) => Some((device.clone(), lifetime)),
            (Some(lifetime), None) => Some((DeviceId::random()?, lifetime)),
        };
        let guesser = Guesser::new(email, client, headers, presented);
        let tokens = self.log_in(password, &guesser, device.as_ref().map(|(device, _)| device)).await?;
        self.end_earlier_session(headers).await?;
        Ok((tokens, device))
    }

    /// Ends the session of a browser that logs in again: its cookies are replaced, so the session could not be used or
    /// ended any more.
    async fn end_earlier_session(&self, headers: &HeaderMap) -> Result<(), Error> {
        let now = self.clock.now();
        for earlier in [self.refresh_cookie(headers, now).await, self.access_cookie(headers, now).await] {
            match earlier {
                Ok(VerifiedToken { subject, binding: TokenBinding::Session(session) })
                    if self.sessions.end(subject, session).await? =>
                {
                    audit::record(Event::LoggedOut, subject);
                }
                Err(error) if !error.kind().is_refusal() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Logs in. `device` becomes known.
    async fn log_in(
        &self,
        password: Password,
        guesser: &Guesser,
        device: Option<&DeviceId>,
    ) -> Result<IssuedTokens, Error> {
        // Boxed: its three concurrent database calls make the future large.
        let outcome = Box::pin(self.authenticate_password(password, guesser, device)).await;
        metrics::log_in(outcome.as_ref().map_or_else(|error| error.reason().unwrap_or("error"), |_| "done"));
        outcome
    }

    /// Counts the guess and reads the account concurrently, then compares the password and settles the guess.
    async fn authenticate_password(
        &self,
        password: Password,
        guesser: &Guesser,
        device: Option<&DeviceId>,
    ) -> Result<IssuedTokens, Error> {
        let (counted, found) = tokio::join!(self.guesses.count_log_in(guesser), self.find(guesser));
        let credentials = found.as_ref().ok().and_then(Option::as_ref);
        let public_id = credentials.map(|found| found.public_id);
        let password_set_at = credentials.map(|found| found.password_set_at).unwrap_or_default();
        let permit = match counted {
            Ok(permit) => self.guesses.admit(permit, guesser, password_set_at).await,
            Err(error) => Err(error),
        };
        // The response to a rate-limited guess does not depend on the account.
        let permit = permit.inspect_err(|error| audit::record_refusal(Attempt::LogIn, public_id, error))?;
        let verified = match found {
            Ok(found) => self.verify_password(password, found).await,
            Err(error) => Err(error),
        };
        match verified {
            Ok((credentials, outdated)) => {
                let confirmed = async {
                    match device {
                        // Boxed: its concurrent database calls make the future large.
                        Some(device) => Box::pin(permit.confirm_and_remember(guesser, device)).await,
                        None => permit.confirm().await,
                    }
                };
                // Concurrently, because it takes as long as a hash and a write.
                let upgraded = async {
                    if let Some(password) = outdated {
                        self.upgrade_hash(guesser, password, &credentials.password_hash).await;
                    }
                };
                let started = self.start_session(&credentials, &guesser.session);
                let (log_in, tokens, ()) = tokio::join!(confirmed, started, upgraded);
                // The user may have been deleted or disabled in the meantime.
                let tokens = tokens
                    .inspect_err(|error| audit::record_refusal(Attempt::LogIn, Some(credentials.public_id), error))?;
                audit::record(Event::LoggedIn, credentials.public_id);
                if let (Some(email), Some(session)) = (&guesser.email, tokens.session) {
                    // Boxed: rare, and its database calls make the future large.
                    Box::pin(self.limit_sessions(email, &credentials, session, log_in)).await;
                }
                Ok(tokens)
            }
            Err(error) => {
                audit::record_refusal(Attempt::LogIn, public_id, &error);
                self.settle_failure(permit, guesser, error).await
            }
        }
    }

    /// A wrong password stays counted, and a guess that was not verified is refunded. Returns the error for the client:
    /// while a limit refuses unknown pairs, a known pair gets the same response, which would otherwise show that the
    /// account exists.
    async fn settle_failure<T>(&self, permit: Permit<'_>, guesser: &Guesser, error: Error) -> Result<T, Error> {
        if !error.kind().is_refusal() {
            permit.refund().await;
            return Err(error);
        }
        self.guesses.fail_like_unknown(permit, guesser).await?;
        Err(error)
    }

    /// The credentials for an address; `None` if it has no account or is malformed.
    async fn find(&self, guesser: &Guesser) -> Result<Option<Credentials>, Error> {
        match &guesser.email {
            Some(email) => Ok(self.credentials.find(email).await?),
            None => Ok(None),
        }
    }

    /// The credentials, if the password is right, and the password if its hash is outdated. Every path makes one
    /// comparison, so the response time does not reveal whether an account exists.
    async fn verify_password(
        &self,
        password: Password,
        found: Option<Credentials>,
    ) -> Result<(Credentials, Option<Password>), Error> {
        let Some(credentials) = found else {
            self.compare_with_no_account(password).await?;
            return Err(Error::UnknownUser);
        };
        let account = (credentials.public_id, &credentials.password_hash);
        let Match { outdated } = self.compare(password.clone(), account, Error::WrongPassword).await?;
        if credentials.disabled {
            return Err(Error::Disabled);
        }
        Ok((credentials, outdated.then_some(password)))
    }

    /// Replaces a hash of lower cost or another scheme while the password is available. A failure does not affect the
    /// log-in.
    async fn upgrade_hash(&self, guesser: &Guesser, password: Password, old: &PasswordHash) {
        let Some(email) = &guesser.email else { return };
        let upgraded = async {
            let new = timed_hash(self.hasher.hash(password)).await?;
            Ok::<_, Error>(self.credentials.replace_hash(email, old, &new).await?)
        };
        let cause = match tokio::time::timeout(UPGRADE_LIMIT, upgraded).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => causes(&error),
            Err(timed_out) => timed_out.to_string(),
        };
        warn!(cause, "outdated password hash was not replaced");
    }
}
