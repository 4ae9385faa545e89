//! What a function finds when it is measured: a database with people in it, and one of them who logs in.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};
use testkit::{ADA, Service, events, service::KEY, tls::TlsStub};

use crate::process::{Failure, Program};

/// From where Ada calls. From anywhere else she would be counted as a stranger first.
pub(crate) const ADAS_CLIENT: &str = "203.0.113.7";

/// A database behind HTTP and behind TLS, with 100 users in it.
pub(crate) struct World {
    service: Service,
    tls: TlsStub,
    roots: PathBuf,
    token: String,
    ended_token: String,
    signed_up: AtomicU32,
}

/// The way to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Without TLS.
    Http,
    /// With TLS.
    Tls,
}

impl World {
    /// A new one, whose files are kept in `folder`.
    pub(crate) async fn new(folder: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)?;
        let service = Service::with(&[("THROTTLE_ADDRESS_SIGNUPS", "100000")]).await;
        for number in 0..99 {
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
        Ok(Self { service, tls, roots, token, ended_token, signed_up: AtomicU32::new(0) })
    }

    /// One of our functions, as a deployment starts it.
    pub(crate) fn function(&self, name: &str, binaries: &Path, way: Way, warm_up: bool) -> Program {
        let mut variables = vec![
            ("USERS_TABLE", "Users".to_owned()),
            ("CREDENTIALS_TABLE", "Credentials".to_owned()),
            ("SESSIONS_TABLE", "Sessions".to_owned()),
            ("THROTTLE_TABLE", "Throttle".to_owned()),
            ("THROTTLE_ADDRESS_SIGNUPS", "100000".to_owned()),
            ("JWT_SECRET_KEY", KEY.to_owned()),
            ("WARM_UP", if warm_up { "on" } else { "off" }.to_owned()),
        ];
        variables.push(("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint(way).to_owned()));
        if way == Way::Tls {
            variables.push(("SSL_CERT_FILE", self.roots.display().to_string()));
        }
        Program::new(name, binaries).with(variables)
    }

    fn endpoint(&self, way: Way) -> &str {
        match way {
            Way::Http => &self.service.endpoint,
            Way::Tls => &self.tls.url,
        }
    }

    /// What leads a peer to the database.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("USERS_TABLE", "Users".to_owned()),
            ("CREDENTIALS_TABLE", "Credentials".to_owned()),
            ("JWT_SECRET_KEY", KEY.to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.service.endpoint.clone()),
        ]
    }

    /// Who one is: a single call of the database.
    pub(crate) fn me(&self) -> Value {
        self.get("/user/me")
    }

    /// A page of 100 users.
    pub(crate) fn users(&self) -> Value {
        self.get("/user")
    }

    /// A listing that is asked for without a token.
    pub(crate) fn stranger() -> Value {
        events::request("GET", "/user", ADAS_CLIENT, &json!({ "content-length": "0" }), None)
    }

    fn get(&self, path: &str) -> Value {
        let headers = json!({ "authorization": format!("Bearer {}", self.token) });
        events::request("GET", path, ADAS_CLIENT, &headers, None)
    }

    /// A log-in of Ada's with the right password.
    pub(crate) fn log_in() -> Value {
        events::post("/login", ADAS_CLIENT, None, &json!({ "email": ADA[1], "password": ADA[2] }))
    }

    /// An exchange of the refresh token of a session that is over: a single call of the database.
    pub(crate) fn refresh(&self) -> Value {
        events::post("/refresh", ADAS_CLIENT, None, &json!({ "refresh_token": self.ended_token }))
    }

    /// A sign-up of somebody new.
    pub(crate) fn sign_up(&self) -> Value {
        let number = self.signed_up.fetch_add(1, Ordering::Relaxed);
        let email = format!("new{number}@example.com");
        events::post("/signup", ADAS_CLIENT, None, &json!({ "name": "Grace", "email": email, "password": ADA[2] }))
    }

    /// A call that no function makes anything of.
    pub(crate) fn nothing() -> Value {
        events::request("GET", "/nothing-here", ADAS_CLIENT, &json!({}), None)
    }
}
