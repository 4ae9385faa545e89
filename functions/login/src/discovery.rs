//! `GET /.well-known/…`: what others need to check tokens by themselves.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    extract::State,
    http::{
        Uri,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use shared::{
    config::{Settings, is_loopback_url},
    http::error::Error,
};

use crate::Login;

/// What does not change while the function runs.
pub(crate) struct Documents {
    /// None, where `JWT_ISSUER` is no URL.
    configuration: Option<Value>,
    refresh: Duration,
}

impl Documents {
    pub(crate) fn new(settings: &Settings) -> Self {
        let issuer = settings.issuing.issuer.as_str();
        Self {
            configuration: is_url(issuer).then(|| {
                // OpenID Connect Discovery 1.0, 3, without the endpoints that Postern has not. It asks for a response type all the
                // same, and takes no empty list (4.2): Kubernetes, which has no such endpoint either, names this one.
                json!({
                    "issuer": issuer,
                    "jwks_uri": format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
                    "id_token_signing_alg_values_supported": [settings.keys.algorithm.name()],
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"],
                    "claims_supported": ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "sid", "ver", "public_id"],
                })
            }),
            refresh: settings.keys.refresh,
        }
    }
}

/// JSON that anybody may keep for so long.
fn public(json: String, max_age: Duration) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, format!("public, max-age={}", max_age.as_secs())),
    ];
    (headers, json).into_response()
}

/// The public keys (RFC 7517 5). With HS256 there are none, and the secret is nobody's to read.
pub(crate) async fn jwks(State(login): State<Arc<Login>>) -> Response {
    let now = SystemTime::now();
    let keys = login.keys.current(now).await;
    // Nobody has keys for longer after this function read them than this function itself.
    public(keys.public().to_owned(), login.keys.fresh_for(now).min(login.discovery.refresh))
}

/// Where the keys are, under the issuer's name.
pub(crate) async fn configuration(State(login): State<Arc<Login>>) -> Result<Response, Error> {
    let configuration = login.discovery.configuration.as_ref().ok_or(Error::NoIssuer)?;
    Ok(public(configuration.to_string(), login.discovery.refresh))
}

/// Whether the issuer is a place where this document can be looked for: HTTPS without query and fragment, or this machine.
fn is_url(issuer: &str) -> bool {
    let Ok(uri) = issuer.parse::<Uri>() else { return false };
    let is_plain = uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none() && !issuer.contains('#');
    is_plain && (uri.scheme_str() == Some("https") || is_loopback_url(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_url_where_its_keys_can_be_looked_for() {
        for url in ["https://auth.example.com", "https://auth.example.com/eu/", "http://127.0.0.1:3000"] {
            assert!(is_url(url), "{url}");
        }
        for other in
            ["postern", "http://auth.example.com", "https://a.example/?x=1", "https://a.example/#x", "https://"]
        {
            assert!(!is_url(other), "{other}");
        }
    }
}
