//! The whole service in this process, over HTTP, with an embedded database of its own.

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
    domain::keys::{Algorithm, SigningKeySet, VerifyingKeySet},
};
use tokio::net::TcpListener;

use crate::{
    answer::Answer,
    proxy::{Proxy, Recording, Refusing},
};

/// The key of every service here, unless a test sets another.
pub const KEY: &str = "a key for tests that nobody else has: 4f1c";

/// [`KEY`], as `login` holds it.
pub fn signing_keys() -> KeyCache<SigningKeySet> {
    KeyCache::fixed(SigningKeySet::parse(KEY, Algorithm::Hs256, false).expect("the key is good"))
}

/// [`KEY`], as `list-users` holds it.
pub fn checking_keys() -> KeyCache<VerifyingKeySet> {
    let keys = SigningKeySet::parse(KEY, Algorithm::Hs256, false).expect("the key is good");
    KeyCache::fixed(keys.into_verifying())
}

/// A running service.
pub struct Service {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The database behind it.
    pub database: Client,
    /// Where that is.
    pub endpoint: String,
    http: reqwest::Client,
}

impl Service {
    /// A service with every setting at its default.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A service with these settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let endpoint = database_endpoint().await;
        Self::over(settings, &endpoint, &endpoint).await
    }

    /// A service in the strict profile.
    pub async fn strict() -> Self {
        Self::with(&[("AUTH_PROFILE", "strict")]).await
    }

    /// A service that reaches its database through `proxy` only.
    pub async fn behind_a_proxy() -> (Self, Proxy) {
        let endpoint = database_endpoint().await;
        let proxy = Proxy::start(&endpoint).await;
        (Self::over(&[], &endpoint, &proxy.url).await, proxy)
    }

    /// A service whose database refuses the next `count` calls of `operation` with `error`.
    pub async fn refused(operation: &'static str, count: usize, error: &'static str) -> (Self, Refusing) {
        let endpoint = database_endpoint().await;
        let refusing = Refusing::start(&endpoint, operation, count, error).await;
        (Self::over(&[], &endpoint, &refusing.url).await, refusing)
    }

    /// A service whose calls to its database are written down.
    pub async fn recorded() -> (Self, Recording) {
        let endpoint = database_endpoint().await;
        let recording = Recording::start(&endpoint).await;
        (Self::over(&[], &endpoint, &recording.url).await, recording)
    }

    /// A service over the database at `endpoint`, which it reaches at another address.
    pub async fn over(settings: &[(&str, &str)], endpoint: &str, reached_at: &str) -> Self {
        let settings: HashMap<&str, &str> =
            [("JWT_SECRET_KEY", KEY)].into_iter().chain(settings.iter().copied()).collect();
        let settings =
            service::settings(|name| settings.get(name).map(OsString::from), endpoint).expect("settings are good");
        let database = store::connect(&database::connection(endpoint).await);
        database::create_tables(&database, &settings).await.expect("tables are made");
        let router = service::router(&settings, store::connect(&database::connection(reached_at).await))
            .await
            .expect("service starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(service::serve(listener, router.layer(middleware::from_fn(called_from))));
        Self { url, database, endpoint: endpoint.to_owned(), http: client() }
    }

    /// The start of a request.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// `POST` with JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// `POST` with a body of any type.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        send(self.request(Method::POST, path).header("content-type", content_type).body(body)).await
    }

    /// `GET` with a token.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        send(self.request(Method::GET, path).header("x-access-token", token)).await
    }

    /// Signs somebody up.
    pub async fn sign_up(&self, [name, email, password]: [&str; 3]) -> Answer {
        self.post("/signup", &json!({ "name": name, "email": email, "password": password })).await
    }

    /// Logs somebody in.
    pub async fn log_in(&self, email: &str, password: &str) -> Answer {
        self.post("/login", &json!({ "email": email, "password": password })).await
    }

    /// Signs somebody up, logs them in, and gives identifier and token.
    pub async fn member(&self, who: [&str; 3]) -> (String, String) {
        let signed_up = self.sign_up(who).await;
        assert_eq!(signed_up.status, 201, "{signed_up:?}");
        let logged_in = self.log_in(who[1], who[2]).await;
        assert!(matches!(logged_in.status, 200 | 201), "{logged_in:?}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&signed_up.json()["public_id"]), text(&logged_in.json()["token"]))
    }

    /// Signs somebody up and logs them in once, and gives what log-in answered.
    pub async fn signed_in(&self, who: [&str; 3]) -> Value {
        let signed_up = self.sign_up(who).await;
        assert_eq!(signed_up.status, 201, "{signed_up:?}");
        let logged_in = self.log_in(who[1], who[2]).await;
        assert!(matches!(logged_in.status, 200 | 201), "{logged_in:?}");
        logged_in.json()
    }

    /// `POST` with JSON and a token.
    pub async fn post_with(&self, path: &str, token: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).bearer_auth(token).json(body)).await
    }

    /// Who a token's user is: the status alone.
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

    /// Everything in a table.
    pub async fn items(&self, table: &str) -> Vec<HashMap<String, AttributeValue>> {
        self.database.scan().table_name(table).send().await.expect("table can be read").items.unwrap_or_default()
    }

    /// Sets an attribute of a user's record, as an operator would.
    pub async fn set_on_user(&self, id: &str, attribute: &str, value: AttributeValue) {
        self.set("Users", ("public_id", id), attribute, value).await;
    }

    /// Sets an attribute of an item.
    pub async fn set(&self, table: &str, (key, id): (&str, &str), attribute: &str, value: AttributeValue) {
        let update = self.database.update_item().table_name(table).key(key, AttributeValue::S(id.to_owned()));
        let update = update.update_expression("SET #a = :v").expression_attribute_names("#a", attribute);
        update.expression_attribute_values(":v", value).send().await.expect("item can be written");
    }

    /// Removes a user's record.
    pub async fn delete_user(&self, id: &str) {
        let delete = self.database.delete_item().table_name("Users").key("public_id", AttributeValue::S(id.to_owned()));
        delete.send().await.expect("item can be deleted");
    }
}

/// A client that goes where it is sent by nobody but the test.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).build().expect("a client")
}

/// What a browser says when somebody sends a form on a page of the service.
pub const BROWSER: [(&str, &str); 2] =
    [("accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("sec-fetch-site", "same-origin")];

/// The header by which a test says where it calls from. Nothing but the services here knows it: they take it for the address at the
/// other end of the connection, since not every machine has more than one on loopback.
pub const CLIENT: &str = "x-test-client";

async fn called_from(mut request: Request, next: Next) -> Response {
    if let Some(client) = request.headers_mut().remove(CLIENT) {
        let client: IpAddr = client.to_str().expect("an address").parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((client, 0))));
    }
    next.run(request).await
}

/// Sends a request and reads the answer.
pub async fn send(request: RequestBuilder) -> Answer {
    Answer::read(request.send().await.expect("the service answers")).await
}

/// An embedded database of this test's own.
pub async fn database_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(database::serve(listener, database::open(None).expect("a database in memory opens")));
    endpoint
}
