//! The database against which functions are measured, and the events that they handle.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};
use testkit::{ADA, Service, events, service::KEY, tls::TlsStub};

use crate::process::{Failure, Program};

/// Ada's IP address. From any other address, her log-in would be rate-limited as one from a new pair.
pub(crate) const ADA_ADDRESS: &str = "203.0.113.7";

/// Users besides Ada.
const USERS: u32 = 99;

/// From 20 sessions on, every log-in checks their limit.
const LOG_INS_PER_USER: u32 = 18;

/// A database with 100 users, reachable over HTTP and over TLS.
pub(crate) struct Fixture {
    service: Service,
    tls: TlsStub,
    roots: PathBuf,
    token: String,
    ended_token: String,
    signed_up: AtomicU32,
    logged_in: AtomicU32,
}

/// Transport to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Http,
    Tls,
}

impl Fixture {
    /// A new database. The root certificate of its TLS endpoint is written to `folder`.
    pub(crate) async fn new(folder: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)?;
        let service = Service::with(&[("THROTTLE_ADDRESS_SIGNUPS", "100000"), ("THROTTLE_PAIR_LOGINS", "0")]).await;
        for number in 0..USERS {
            let email = format!("user{number}@example.com");
            service.sign_up([&format!("User {number}"), &email, ADA[2]]).await;
        }
        let signed_in = service.signed_in(ADA).await;
        let text = |name: &str| signed_in[name].as_str().map(str::to_owned).ok_or("a log-in without a token");
        let (token, ended_token) = (text("token")?, text("refresh_token")?);
        service.post_with("/logout", &token, &json!({})).await;
        let signed_in = service.log_in(ADA[1], ADA[2]).await.json();
        let token = signed_in["token"].as_str().map(str::to_owned).ok_or("a log-in without a token")?;
        let roots = std::path::absolute(folder.join("roots.pem"))?;
        let tls = TlsStub::start(&service.endpoint).await;
        tls.write_roots(&roots);
        Ok(Self { service, tls, roots, token, ended_token, signed_up: AtomicU32::new(0), logged_in: AtomicU32::new(0) })
    }

    /// A function of Postern, with the environment of a deployment.
    pub(crate) fn function(&self, name: &str, binaries: &Path, transport: Transport, warm_up: bool) -> Program {
        let mut variables = vec![
            ("USERS_TABLE", "Users".to_owned()),
            ("CREDENTIALS_TABLE", "Credentials".to_owned()),
            ("SESSIONS_TABLE", "Sessions".to_owned()),
            ("THROTTLE_TABLE", "Throttle".to_owned()),
            ("THROTTLE_ADDRESS_SIGNUPS", "100000".to_owned()),
            ("THROTTLE_PAIR_LOGINS", "0".to_owned()),
            ("JWT_SECRET_KEY", KEY.to_owned()),
            ("WARM_UP", if warm_up { "on" } else { "off" }.to_owned()),
        ];
        variables.push(("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint(transport).to_owned()));
        if transport == Transport::Tls {
            variables.push(("SSL_CERT_FILE", self.roots.display().to_string()));
        }
        Program::new(name, binaries).with(variables)
    }

    fn endpoint(&self, transport: Transport) -> &str {
        match transport {
            Transport::Http => &self.service.endpoint,
            Transport::Tls => &self.tls.url,
        }
    }

    /// Environment variables with which a peer reaches the database.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("USERS_TABLE", "Users".to_owned()),
            ("CREDENTIALS_TABLE", "Credentials".to_owned()),
            ("JWT_SECRET_KEY", KEY.to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.service.endpoint.clone()),
        ]
    }

    /// `GET /user/me`: a single database call.
    pub(crate) fn me(&self) -> Value {
        self.get("/user/me")
    }

    /// `GET /user`: a page of 100 users.
    pub(crate) fn users(&self) -> Value {
        self.get("/user")
    }

    /// `GET /user` without a token.
    pub(crate) fn unauthenticated() -> Value {
        events::request("GET", "/user", ADA_ADDRESS, &json!({ "content-length": "0" }), None)
    }

    fn get(&self, path: &str) -> Value {
        let headers = json!({ "authorization": format!("Bearer {}", self.token) });
        events::request("GET", path, ADA_ADDRESS, &headers, None)
    }

    /// `POST /login` of one of the users. Another one follows before the user has so many sessions that every log-in
    /// checks their limit, which is not the ordinary case.
    pub(crate) fn log_in(&self) -> Value {
        let number = self.logged_in.fetch_add(1, Ordering::Relaxed) / LOG_INS_PER_USER % USERS;
        let email = format!("user{number}@example.com");
        events::post("/login", ADA_ADDRESS, None, &json!({ "email": email, "password": ADA[2] }))
    }

    /// `POST /refresh` with the token of an ended session: a single database call.
    pub(crate) fn refresh(&self) -> Value {
        events::post("/refresh", ADA_ADDRESS, None, &json!({ "refresh_token": self.ended_token }))
    }

    /// `POST /signup` with an e-mail address that has no account yet.
    pub(crate) fn sign_up(&self) -> Value {
        let number = self.signed_up.fetch_add(1, Ordering::Relaxed);
        let email = format!("new{number}@example.com");
        events::post("/signup", ADA_ADDRESS, None, &json!({ "name": "Grace", "email": email, "password": ADA[2] }))
    }

    /// A request for an unknown path.
    pub(crate) fn unknown_path() -> Value {
        events::request("GET", "/nothing-here", ADA_ADDRESS, &json!({}), None)
    }
}
