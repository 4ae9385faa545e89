//! The three functions as one service.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use axum::Router;
use list_users::ListUsers;
use login::Login;
use shared::{
    answer,
    config::{ConfigError, KeySource, Settings},
    lambda::StartError,
    secret,
};
use signup::Signup;
use uuid::Uuid;

/// Reads settings as the functions do, from the same variables, and chooses what is not set: the tables' names and a
/// fresh random key, with which all tokens of an earlier run are void. `endpoint` is where the database is.
pub fn settings(source: impl Fn(&str) -> Option<std::ffi::OsString>, endpoint: &str) -> Result<Settings, ConfigError> {
    let has_key = has_key(&source);
    let set = |name: &str| source(name).filter(|value| !value.is_empty());
    Settings::read(|name| match name {
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(endpoint.into()),
        "USERS_TABLE" => set(name).or(Some("Users".into())),
        "CREDENTIALS_TABLE" => set(name).or(Some("Credentials".into())),
        // 244 random bits.
        "JWT_SECRET_KEY" if !has_key => Some(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()).into()),
        _ => source(name),
    })
}

/// Whether a key is set, so that none has to be chosen.
pub fn has_key(source: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    ["JWT_SECRET_KEY", "JWT_SECRET_ARN"].into_iter().any(|name| source(name).is_some_and(|value| !value.is_empty()))
}

/// All routes of the three functions, each over its own state, behind the answers they have in common.
pub async fn router(settings: &Settings, database: Client) -> Result<Router, StartError> {
    let key = match settings.key()? {
        KeySource::Value(key) => key.clone(),
        source @ KeySource::SecretsManager { .. } => {
            secret::load(source, &aws_config::load_defaults(BehaviorVersion::latest()).await).await?
        }
    };
    let routes = signup::routes(Signup::new(settings, database.clone())?)
        .merge(login::routes(Login::new(settings, &key, database.clone())?))
        .merge(list_users::routes(ListUsers::new(settings, &key, database)?));
    Ok(answer::service(routes, settings.wording.clone()))
}
