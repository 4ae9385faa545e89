//! `GET /.well-known/…`: what others need to check tokens by themselves.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::State,
    http::{
        HeaderValue, Uri,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use shared::{
    config::{Settings, is_on_this_machine},
    error::Error,
};

use crate::Login;

/// What does not change while the function runs.
pub(crate) struct Documents {
    /// None, where `JWT_ISSUER` is no URL.
    configuration: Option<Value>,
    /// As long as others may keep the keys: no longer than our own functions do.
    cache_control: Option<HeaderValue>,
}

impl Documents {
    pub(crate) fn new(settings: &Settings) -> Self {
        let issuer = settings.issuing.issuer.as_str();
        let cache_control = format!("public, max-age={}", settings.keys.refresh.as_secs());
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
            cache_control: HeaderValue::try_from(cache_control).ok(),
        }
    }

    fn answer(&self, json: String) -> Response {
        let mut response = ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response();
        if let Some(cache_control) = &self.cache_control {
            response.headers_mut().insert(CACHE_CONTROL, cache_control.clone());
        }
        response
    }
}

/// The public keys (RFC 7517 5). With HS256 there are none, and the secret is nobody's to read.
pub(crate) async fn jwks(State(login): State<Arc<Login>>) -> Response {
    let keys = login.keys.current(SystemTime::now()).await;
    login.discovery.answer(keys.public().to_owned())
}

/// Where the keys are, under the issuer's name.
pub(crate) async fn configuration(State(login): State<Arc<Login>>) -> Result<Response, Error> {
    let configuration = login.discovery.configuration.as_ref().ok_or(Error::NoIssuer)?;
    Ok(login.discovery.answer(configuration.to_string()))
}

/// Whether the issuer is a place where this document can be looked for: HTTPS without query and fragment, or this machine.
fn is_url(issuer: &str) -> bool {
    let Ok(uri) = issuer.parse::<Uri>() else { return false };
    let is_plain = uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none() && !issuer.contains('#');
    is_plain && (uri.scheme_str() == Some("https") || is_on_this_machine(issuer))
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
