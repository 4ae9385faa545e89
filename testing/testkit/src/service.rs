//! The whole service in this process, over HTTP, with its own embedded database.

use std::{
    collections::HashMap,
    ffi::OsString,
    net::{IpAddr, SocketAddr},
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use axum::{
    extract::{ConnectInfo, Request},
    middleware::{self, Next},
    response::Response,
};
use local::{database, service};
use reqwest::{Method, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};
use shared::{
    aws::{keys::cache::KeyCache, store},
    config::clock::Clock,
    domain::{
        deployment::Deployment,
        keys::{Algorithm, SigningKeySet, VerifyingKeySet},
    },
};
use tokio::net::TcpListener;

use crate::{
    answer::Answer,
    proxy::{LossyProxy, RecordingProxy, RejectingProxy},
};

/// The default signing key of a service under test.
pub const KEY: &str = "a key that only the tests use: 4f1c";

/// The key cache of `login`, with [`KEY`].
pub fn signing_keys() -> KeyCache<SigningKeySet> {
    KeyCache::fixed(SigningKeySet::parse(KEY, Algorithm::Hs256, Deployment::Aws).expect("the key is valid"))
}

/// The key cache of `list-users`, with [`KEY`].
pub fn verifying_keys() -> KeyCache<VerifyingKeySet> {
    let keys = SigningKeySet::parse(KEY, Algorithm::Hs256, Deployment::Aws).expect("the key is valid");
    KeyCache::fixed(keys.into_verifying())
}

/// A running service.
pub struct Service {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The database behind it.
    pub database: Client,
    /// The endpoint of the database.
    pub endpoint: String,
    /// The clock of the service. It is the system's, unless the service was started with a manual clock.
    pub clock: Clock,
    http: reqwest::Client,
}

impl Service {
    /// A service with the default settings.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A service with these settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let endpoint = database_endpoint().await;
        Self::over(settings, &endpoint, &endpoint).await
    }

    /// Another instance of the service, over the same database and with the same clock.
    pub async fn another(&self, settings: &[(&str, &str)]) -> Self {
        Self::with_clock(settings, &self.endpoint, &self.endpoint, self.clock.clone()).await
    }

    /// A service in the strict profile.
    pub async fn strict() -> Self {
        Self::with(&[("AUTH_PROFILE", "strict")]).await
    }

    /// A service that connects to its database through a proxy that loses responses.
    pub async fn behind_lossy_proxy() -> (Self, LossyProxy) {
        let endpoint = database_endpoint().await;
        let proxy = LossyProxy::start(&endpoint).await;
        (Self::over(&[], &endpoint, &proxy.url).await, proxy)
    }

    /// A service whose database rejects the next `count` calls of `operation` with `error`.
    pub async fn rejecting(operation: &'static str, count: usize, error: &'static str) -> (Self, RejectingProxy) {
        let endpoint = database_endpoint().await;
        let proxy = RejectingProxy::start(&endpoint, operation, count, error).await;
        (Self::over(&[], &endpoint, &proxy.url).await, proxy)
    }

    /// A service whose calls to its database are recorded.
    pub async fn recorded() -> (Self, RecordingProxy) {
        Self::recorded_with(&[]).await
    }

    /// The same with these settings.
    pub async fn recorded_with(settings: &[(&str, &str)]) -> (Self, RecordingProxy) {
        let endpoint = database_endpoint().await;
        let proxy = RecordingProxy::start(&endpoint).await;
        (Self::over(settings, &endpoint, &proxy.url).await, proxy)
    }

    /// A service over the database at `endpoint`, to which it connects at `reached_at`.
    pub async fn over(settings: &[(&str, &str)], endpoint: &str, reached_at: &str) -> Self {
        Self::with_clock(settings, endpoint, reached_at, Clock::adjustable()).await
    }

    async fn with_clock(settings: &[(&str, &str)], endpoint: &str, reached_at: &str, clock: Clock) -> Self {
        let settings: HashMap<&str, &str> =
            [("JWT_SECRET_KEY", KEY)].into_iter().chain(settings.iter().copied()).collect();
        let settings =
            service::settings(|name| settings.get(name).map(OsString::from), endpoint).expect("the settings are valid");
        let database = store::connect(&database::connection(endpoint).await);
        database::create_tables(&database, &settings).await.expect("the tables are created");
        let connection = store::connect(&database::connection(reached_at).await);
        let router = service::router(&settings, connection, clock.clone()).await.expect("the service starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(service::serve(listener, router.layer(middleware::from_fn(override_peer_address))));
        Self { url, database, endpoint: endpoint.to_owned(), clock, http: client() }
    }

    /// A request to the service.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// `POST` with JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// `POST` with a body of this content type.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        send(self.request(Method::POST, path).header("content-type", content_type).body(body)).await
    }

    /// `GET` with an access token.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        send(self.request(Method::GET, path).header("x-access-token", token)).await
    }

    /// Signs up a user.
    pub async fn sign_up(&self, [name, email, password]: [&str; 3]) -> Answer {
        self.post("/signup", &json!({ "name": name, "email": email, "password": password })).await
    }

    /// Logs in a user.
    pub async fn log_in(&self, email: &str, password: &str) -> Answer {
        self.post("/login", &json!({ "email": email, "password": password })).await
    }

    /// Signs up and logs in a user, and returns the `public_id` and the access token.
    pub async fn member(&self, user: [&str; 3]) -> (String, String) {
        let signed_up = self.sign_up(user).await;
        assert_eq!(signed_up.status, 201, "{signed_up:?}");
        let logged_in = self.log_in(user[1], user[2]).await;
        assert!(matches!(logged_in.status, 200 | 201), "{logged_in:?}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&signed_up.json()["public_id"]), text(&logged_in.json()["token"]))
    }

    /// Signs up and logs in a user, and returns the response of the log-in.
    pub async fn signed_in(&self, user: [&str; 3]) -> Value {
        let signed_up = self.sign_up(user).await;
        assert_eq!(signed_up.status, 201, "{signed_up:?}");
        let logged_in = self.log_in(user[1], user[2]).await;
        assert!(matches!(logged_in.status, 200 | 201), "{logged_in:?}");
        logged_in.json()
    }

    /// `POST` with JSON and an access token.
    pub async fn post_with(&self, path: &str, token: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).bearer_auth(token).json(body)).await
    }

    /// The status of `GET /user/me`.
    pub async fn me(&self, token: &Value) -> u16 {
        self.get("/user/me", token.as_str().expect("a token")).await.status
    }

    /// `DELETE /user/me`.
    pub async fn delete_me(&self, token: &str, password: &str) -> Answer {
        let body = json!({ "password": password });
        send(self.request(Method::DELETE, "/user/me").bearer_auth(token).json(&body)).await
    }

    /// Exchanges a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/refresh", &json!({ "refresh_token": refresh_token })).await
    }

    /// All items of a table.
    pub async fn items(&self, table: &str) -> Vec<HashMap<String, AttributeValue>> {
        let pages = self.database.scan().table_name(table).into_paginator().items().send();
        pages.collect::<Result<_, _>>().await.expect("the table is readable")
    }

    /// Sets an attribute of an item of the users table, as an operator can.
    pub async fn set_on_user(&self, id: &str, attribute: &str, value: AttributeValue) {
        self.set("Users", ("public_id", id), attribute, value).await;
    }

    /// Sets an attribute of an item.
    pub async fn set(&self, table: &str, (key, id): (&str, &str), attribute: &str, value: AttributeValue) {
        let update = self.database.update_item().table_name(table).key(key, AttributeValue::S(id.to_owned()));
        let update = update.update_expression("SET #a = :v").expression_attribute_names("#a", attribute);
        update.expression_attribute_values(":v", value).send().await.expect("the item is writable");
    }

    /// Deletes an item of the users table.
    pub async fn delete_user(&self, id: &str) {
        let delete = self.database.delete_item().table_name("Users").key("public_id", AttributeValue::S(id.to_owned()));
        delete.send().await.expect("the item is deletable");
    }
}

/// An HTTP client that does not follow redirects.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).build().expect("a client")
}

/// The headers of a browser that submits a form on a page of the service.
pub const BROWSER: [(&str, &str); 2] =
    [("accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("sec-fetch-site", "same-origin")];

/// A header with the IP address of the client. Only the services of this module support it: they use it in place of the
/// peer address, because not every machine has more than one loopback address.
pub const CLIENT: &str = "x-test-client";

async fn override_peer_address(mut request: Request, next: Next) -> Response {
    if let Some(client) = request.headers_mut().remove(CLIENT) {
        let client: IpAddr = client.to_str().expect("an address").parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((client, 0))));
    }
    next.run(request).await
}

/// Sends a request and reads the response.
pub async fn send(request: RequestBuilder) -> Answer {
    Answer::read(request.send().await.expect("the service responds")).await
}

/// Starts an embedded database in memory and returns its endpoint.
pub async fn database_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(database::serve(listener, database::open(None).expect("a database in memory opens")));
    endpoint
}
