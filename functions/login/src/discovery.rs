//! The discovery document (OpenID Connect Discovery 1.0).

use std::time::Duration;

use axum::http::Uri;
use serde_json::{Value, json};
use shared::{
    config::{KeyPolicy, is_loopback_url},
    domain::token::IssuerConfig,
    http::paths,
};

/// The claims that describe a token, whatever the settings.
const TOKEN_CLAIMS: [&str; 12] =
    ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "sid", "ver", "public_id", "auth_time", "amr"];

/// The parts that do not change while the function runs.
pub(crate) struct Documents {
    /// `None` if `JWT_ISSUER` is not a URL.
    pub(crate) configuration: Option<Value>,
    /// How long clients may cache the document.
    pub(crate) refresh: Duration,
}

impl Documents {
    pub(crate) fn new(config: &IssuerConfig, keys: KeyPolicy) -> Self {
        let issuer = config.issuer.as_str();
        let claims: Vec<&str> = TOKEN_CLAIMS.into_iter().chain(config.user_claims.names()).collect();
        Self {
            configuration: is_url(issuer).then(|| {
                // OpenID Connect Discovery 1.0 section 3, without the endpoints that Postern does not have. A
                // response type is required nevertheless (section 4.2). Kubernetes, which has no such endpoint
                // either, names this one.
                json!({
                    "issuer": issuer,
                    "jwks_uri": format!("{}{}", issuer.trim_end_matches('/'), paths::JWKS),
                    "id_token_signing_alg_values_supported": [keys.algorithm.name()],
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"],
                    "claims_supported": claims,
                })
            }),
            refresh: keys.refresh,
        }
    }
}

/// Whether the issuer is a URL at which this document can be found: HTTPS without query and fragment, or loopback.
fn is_url(issuer: &str) -> bool {
    let Ok(uri) = issuer.parse::<Uri>() else { return false };
    let is_plain = uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none() && !issuer.contains('#');
    is_plain && (uri.scheme_str() == Some("https") || is_loopback_url(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_url_is_https_or_loopback_without_query_and_fragment() {
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
