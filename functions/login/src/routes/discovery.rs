//! `GET /.well-known/…`: what verifiers need.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use shared::http::error::Error;

use crate::Login;

/// A JSON response that may be cached by anyone for `max_age`.
fn public(json: String, max_age: Duration) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, format!("public, max-age={}", max_age.as_secs())),
    ];
    (headers, json).into_response()
}

/// The public keys (RFC 7517 section 5). With HS256 the set is empty.
pub(crate) async fn jwks(State(login): State<Arc<Login>>) -> Response {
    let now = login.clock.now();
    let keys = login.keys.current(now).await;
    // Clients must not cache the keys for longer than this function does.
    public(keys.public().to_owned(), login.keys.fresh_for(now).min(login.discovery.refresh))
}

/// The location of the keys, under the issuer's name.
pub(crate) async fn configuration(State(login): State<Arc<Login>>) -> Result<Response, Error> {
    let configuration = login.discovery.configuration.as_ref().ok_or(Error::NoIssuer)?;
    Ok(public(configuration.to_string(), login.discovery.refresh))
}
