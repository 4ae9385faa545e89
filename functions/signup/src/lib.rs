//! Sign-up: writes a user and their credentials, and cannot read either.

use std::{sync::Arc, time::SystemTime};

use aws_sdk_dynamodb::Client;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Serialize;
use shared::{
    config::Settings,
    email::Email,
    error::{Error, FieldError},
    fields::Fields,
    lambda::{self, StartError},
    password::{Hasher, Password},
    store::{AccountWriter, Creation},
    token::numeric_date,
    user::{Name, NewUser, Profile, PublicId},
    well_known,
};
use tracing::info;

/// What sign-up may touch.
pub struct Signup {
    accounts: AccountWriter,
    hasher: Hasher,
    password_min_length: usize,
}

impl Signup {
    /// Sign-up as the settings ask for it.
    pub fn new(settings: &Settings, database: Client) -> Result<Self, StartError> {
        lambda::warn_of_relaxed_rules("signup", settings, &["AUTH_PROFILE", "PASSWORD_MIN_LENGTH"]);
        Ok(Self {
            accounts: AccountWriter::new(database, settings.users_table()?, settings.credentials_table()?),
            hasher: Hasher::new(settings.hash_cost)?,
            password_min_length: settings.password_min_length,
        })
    }
}

/// `POST /signup`.
pub fn routes(state: Signup) -> Router {
    Router::new().route("/signup", post(sign_up)).with_state(Arc::new(state))
}

#[derive(Serialize)]
struct SignedUp {
    message: &'static str,
    #[serde(flatten)]
    user: Profile,
}

async fn sign_up(State(signup): State<Arc<Signup>>, request: Request) -> Result<Response, Error> {
    let fields = Fields::from_body(request, &["name", "email", "password"]).await?;
    let (user, password) = parse(&fields, signup.password_min_length)?;
    let hash = signup.hasher.hash(password).await?;
    match signup.accounts.create(&user, &hash, numeric_date(SystemTime::now())).await? {
        Creation::EmailTaken => Err(Error::EmailTaken),
        Creation::Created => {
            info!(public_id = %user.public_id, "user signed up");
            let user = Profile {
                public_id: user.public_id,
                name: user.name.as_str().to_owned(),
                email: user.email.as_str().to_owned(),
            };
            Ok((StatusCode::CREATED, Json(SignedUp { message: "Successfully registered.", user })).into_response())
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
        well_known::check(&password, typed[0], [typed[1], spelled]).map(|()| password)
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
