//! The three functions as one HTTP service.

use std::{ffi::OsString, io, net::SocketAddr};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware::{self, Next},
    response::Response,
};
use list_users::ListUsers;
use login::Login;
use shared::{
    aws::keys::{cache as key_cache, legacy},
    config::{ConfigError, Settings, clock::Clock},
    domain::{
        client_ip::ClientAddress,
        keys::{Algorithm, Jwk, JwkSet},
    },
    http::{lambda::StartError, service},
};
use signup::Signup;
use tokio::net::TcpListener;

/// Reads the settings of the functions, with defaults for the table names and for the key. The default key is random,
/// so tokens of an earlier process are invalid. `endpoint` is the endpoint of the database.
pub fn settings(source: impl Fn(&str) -> Option<OsString>, endpoint: &str) -> Result<Settings, ConfigError> {
    let set = |name: &str| source(name).filter(|value| !value.is_empty());
    let fresh_key = if has_key(&source) { None } else { fresh_key(set("JWT_ALGORITHM")) };
    Settings::read(|name| match name {
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(endpoint.into()),
        "USERS_TABLE" => set(name).or(Some("Users".into())),
        "CREDENTIALS_TABLE" => set(name).or(Some("Credentials".into())),
        "SESSIONS_TABLE" => set(name).or(Some("Sessions".into())),
        "THROTTLE_TABLE" => set(name).or(Some("Throttle".into())),
        "JWT_SECRET_KEY" => set(name).or_else(|| fresh_key.clone().map(Into::into)),
        _ => source(name),
    })
}

/// A key set with one new key. `None` for an unknown algorithm, which the settings reject.
fn fresh_key(algorithm: Option<OsString>) -> Option<String> {
    let algorithm = algorithm.map_or(Some(Algorithm::Hs256), |name| Algorithm::parse(name.to_str()?))?;
    let key = Jwk::generate(algorithm, Clock::system().now().seconds()).ok()?;
    Some(JwkSet::new(vec![key]).to_json())
}

/// Whether a key is configured.
pub fn has_key(source: impl Fn(&str) -> Option<OsString>) -> bool {
    ["JWT_SECRET_KEY", "JWT_SECRET_ARN"].into_iter().any(|name| source(name).is_some_and(|value| !value.is_empty()))
}

/// The routes of the three functions, each with its own state, behind the common middleware.
pub async fn router(settings: &Settings, database: Client, clock: Clock) -> Result<Router, StartError> {
    let (aws, now) = (aws(settings).await, clock.now());
    let (signup, login, list_users) = (settings.signup()?, settings.login()?, settings.list_users_beside_login()?);
    let verifying = key_cache::verifying(&list_users.keys, &aws, now).await?;
    let legacy = legacy::verifier(&list_users, &verifying, &aws, now).await?;
    let signing = key_cache::signing(&login.keys, &aws, now).await?;
    let routes = signup::routes(Signup::new(&signup, database.clone(), clock.clone())?)
        .merge(login::routes(Login::new(login, signing, database.clone(), clock.clone())?))
        .merge(list_users::routes(ListUsers::new(list_users, verifying, database, clock).with_legacy_tokens(legacy)));
    Ok(service::service(routes, settings.into()).layer(middleware::from_fn(set_client_address)))
}

/// Serves the routes until the process ends.
pub async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
}

/// Sets the client address to the peer address of the connection, as API Gateway does in its events.
async fn set_client_address(mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let client = ClientAddress::from(peer.ip());
        request.extensions_mut().insert(client);
    }
    next.run(request).await
}

/// The AWS configuration of this machine, which is read only if the keys are in AWS.
async fn aws(settings: &Settings) -> SdkConfig {
    if settings.reads_keys_from_aws() {
        aws_config::load_defaults(BehaviorVersion::latest()).await
    } else {
        SdkConfig::builder().build()
    }
}
