//! `GET /signup` (the page) and `POST /signup`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    aws::store::{Admission, Creation},
    domain::{
        client_ip::ClientAddress,
        password::{Password, strength},
        throttle::ThrottleKey,
        user::{Email, EmailError, Name, NewUser, PublicId, PublicUser},
    },
    http::{
        browser,
        error::Error,
        pages::{self, Form, FormRejection, Notice, SignUpPage},
        paths,
        request::fields::Fields,
        telemetry::{
            audit::{self, Attempt, Event},
            metrics,
        },
    },
};

use crate::Signup;

pub(crate) async fn page(State(signup): State<Arc<Signup>>) -> Result<Response, Error> {
    signup.check_open()?;
    pages::show(StatusCode::OK, &SignUpPage::new(signup.password_min_length))
}

#[derive(Serialize)]
struct SignedUp {
    message: &'static str,
    #[serde(flatten)]
    user: PublicUser,
}

pub(crate) async fn sign_up(
    State(signup): State<Arc<Signup>>,
    client: ClientAddress,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    // Before any other work, such as reading the form.
    signup.check_open().inspect_err(record_refusal)?;
    let is_page = browser::wants_page(&headers);
    if is_page {
        browser::check_origin(&headers).inspect_err(|error| audit::record_refusal(Attempt::SignUp, None, error))?;
    }
    let fields = Fields::from_body(request, &["name", "email", "password"]).await?;
    match signup.sign_up(&fields, client).await {
        // The user is not logged in, since that requires a key that this function does not have.
        Ok(_) if is_page => Ok(pages::see_other(&pages::with_notice(paths::START, Notice::SignedUp))),
        Ok(user) => {
            Ok((StatusCode::CREATED, Json(SignedUp { message: "Successfully registered.", user })).into_response())
        }
        Err(error) if is_page => {
            let typed = |field| fields.get(field).unwrap_or_default().to_owned();
            let page = SignUpPage::new(signup.password_min_length);
            let form = Form::SignUp(SignUpPage { name: typed("name"), email: typed("email"), ..page });
            Err(FormRejection::new(error, form))
        }
        Err(error) => Err(error.into()),
    }
}

/// Counts and records a sign-up that was refused before the account was to be created.
fn record_refusal(error: &Error) {
    if let Some(reason) = error.reason() {
        metrics::sign_up(reason);
        audit::record_refusal(Attempt::SignUp, None, error);
    }
}

impl Signup {
    fn check_open(&self) -> Result<(), Error> {
        if self.sign_up.is_open { Ok(()) } else { Err(Error::SignUpClosed) }
    }

    async fn sign_up(&self, fields: &Fields, client: ClientAddress) -> Result<PublicUser, Error> {
        let (user, password) = self.parse(fields).inspect_err(record_refusal)?;
        match self.create(&user, password, client).await {
            Ok(()) => {
                metrics::sign_up("done");
                audit::record(Event::SignedUp, user.public_id);
                let (name, email) = (user.name.as_str().to_owned(), user.email.as_str().to_owned());
                Ok(PublicUser { public_id: user.public_id, name, email })
            }
            Err(error) => {
                metrics::sign_up(error.reason().unwrap_or("error"));
                audit::record_refusal(Attempt::SignUp, None, &error);
                Err(error)
            }
        }
    }

    /// Counts the sign-up regardless of its outcome: each one costs a hash and reveals whether an address has an
    /// account.
    async fn create(&self, user: &NewUser, password: Password, client: ClientAddress) -> Result<(), Error> {
        if let Some(limit) = self.limit
            && let Admission::Refused(wait) = self.throttle.take(&ThrottleKey::sign_ups(client), limit).await?
        {
            return Err(Error::Throttled { wait });
        }
        let hash = metrics::timed_hash(self.hasher.hash(password)).await?;
        match self.accounts.create(user, &hash, self.clock.now()).await? {
            Creation::EmailTaken => Err(Error::EmailTaken),
            Creation::Created => Ok(()),
        }
    }

    /// The three fields, or all the errors in them.
    fn parse(&self, fields: &Fields) -> Result<(NewUser, Password), Error> {
        let name = fields.parse("name", Name::parse);
        let email = fields.parse("email", Email::choose);
        let password = fields.parse("password", |text| Password::choose(text, self.password_min_length));
        let password = password.and_then(|password| {
            let typed = ["name", "email"].map(|field| fields.get(field).unwrap_or_default().trim());
            let canonical = email.as_ref().map_or("", Email::as_str);
            strength::check(&password, typed[0], [typed[1], canonical])?;
            Ok(password)
        });
        let email = email.and_then(|email| {
            if self.sign_up.admits(&email) { Ok(email) } else { Err(EmailError::DomainNotAllowed.into()) }
        });
        match (name, email, password) {
            (Ok(name), Ok(email), Ok(password)) => {
                Ok((NewUser { public_id: PublicId::random(), name, email }, password))
            }
            (name, email, password) => {
                Err(Error::Invalid([name.err(), email.err(), password.err()].into_iter().flatten().collect()))
            }
        }
    }
}
