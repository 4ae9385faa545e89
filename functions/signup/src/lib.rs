//! Sign-up: writes a user and their credentials, and cannot read either.

use std::{sync::Arc, time::SystemTime};

use aws_sdk_dynamodb::Client;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use shared::{
    aws::store::{AccountCreator, Admission, Creation, ThrottleStore},
    config::Settings,
    domain::{
        client_ip::ClientAddress,
        password::{Hasher, Password, strength},
        throttle::{GcraLimit, ThrottleKey},
        token::numeric_date,
        user::{Email, Name, NewUser, PublicId, PublicUser},
    },
    http::{
        browser,
        error::{Error, FieldError},
        lambda::{self, StartError},
        pages::{self, Form, FormRejection, Notice, SignUpPage},
        request::fields::Fields,
        telemetry::{
            audit::{self, Attempt, Event},
            metrics,
        },
    },
};

/// What sign-up may touch.
pub struct Signup {
    accounts: AccountCreator,
    throttle: ThrottleStore,
    limit: Option<GcraLimit>,
    hasher: Hasher,
    password_min_length: usize,
}

impl Signup {
    /// Sign-up as the settings ask for it.
    pub fn new(settings: &Settings, database: Client) -> Result<Self, StartError> {
        lambda::warn_of_relaxed_rules(
            "signup",
            settings,
            &["AUTH_PROFILE", "PASSWORD_MIN_LENGTH", "THROTTLE_ADDRESS_SIGNUPS"],
        );
        Ok(Self {
            throttle: ThrottleStore::new(database.clone(), settings.throttle_table()?),
            limit: settings.limits.sign_ups,
            accounts: AccountCreator::new(database, settings.users_table()?, settings.credentials_table()?),
            hasher: Hasher::new(settings.hash_cost, settings.processors)?,
            password_min_length: settings.password_min_length,
        })
    }
}

/// `GET /signup`, the page, and `POST /signup`.
pub fn routes(state: Signup) -> Router {
    Router::new().route("/signup", get(show).post(sign_up)).with_state(Arc::new(state))
}

async fn show(State(signup): State<Arc<Signup>>) -> Result<Response, Error> {
    pages::show(StatusCode::OK, &SignUpPage::new(signup.password_min_length))
}

#[derive(Serialize)]
struct SignedUp {
    message: &'static str,
    #[serde(flatten)]
    user: PublicUser,
}

async fn sign_up(
    State(signup): State<Arc<Signup>>,
    client: ClientAddress,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    let is_page = browser::wants_page(&headers);
    if is_page {
        browser::check_origin(&headers).inspect_err(|error| audit::record_refusal(Attempt::SignUp, None, error))?;
    }
    let fields = Fields::from_body(request, &["name", "email", "password"]).await?;
    match signup.sign_up(&fields, client).await {
        // Logging in takes a key that this function does not have.
        Ok(_) if is_page => Ok(pages::see_other(&pages::noticed("/", Notice::SignedUp))),
        Ok(user) => {
            Ok((StatusCode::CREATED, Json(SignedUp { message: "Successfully registered.", user })).into_response())
        }
        Err(error) if is_page => {
            let typed = |field| fields.get(field).unwrap_or_default().to_owned();
            let page = SignUpPage::new(signup.password_min_length);
            Err(FormRejection::new(
                error,
                Form::SignUp(SignUpPage { name: typed("name"), email: typed("email"), ..page }),
            ))
        }
        Err(error) => Err(error.into()),
    }
}

impl Signup {
    async fn sign_up(&self, fields: &Fields, client: ClientAddress) -> Result<PublicUser, Error> {
        let (user, password) = parse(fields, self.password_min_length)?;
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

    /// Counts the sign-up, whatever comes of it: each costs a hash, and tells whether an address is taken.
    async fn create(&self, user: &NewUser, password: Password, client: ClientAddress) -> Result<(), Error> {
        if let Some(limit) = self.limit
            && let Admission::Refused(wait) = self.throttle.take(&ThrottleKey::sign_ups(client), limit).await?
        {
            return Err(Error::Throttled { wait });
        }
        let hash = self.hasher.hash(password).await?;
        match self.accounts.create(user, &hash, numeric_date(SystemTime::now())).await? {
            Creation::EmailTaken => Err(Error::EmailTaken),
            Creation::Created => Ok(()),
        }
    }
}

/// The three fields, or everything that is wrong with them.
fn parse(fields: &Fields, password_min_length: usize) -> Result<(NewUser, Password), Error> {
    let name = required(fields, "name", Name::parse);
    let email = required(fields, "email", Email::parse);
    let password = required(fields, "password", |text| Password::choose(text, password_min_length));
    let password = password.and_then(|password| {
        let typed = ["name", "email"].map(|field| fields.get(field).unwrap_or_default().trim());
        let spelled = email.as_ref().map_or("", Email::as_str);
        strength::check(&password, typed[0], [typed[1], spelled]).map(|()| password)
    });
    match (name, email, password) {
        (Ok(name), Ok(email), Ok(password)) => Ok((NewUser { public_id: PublicId::random(), name, email }, password)),
        (name, email, password) => {
            Err(Error::Invalid([name.err(), email.err(), password.err()].into_iter().flatten().collect()))
        }
    }
}

fn required<T, E: Into<FieldError>>(
    fields: &Fields,
    field: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, FieldError> {
    parse(fields.get(field).ok_or_else(|| FieldError::required(field))?).map_err(Into::into)
}
