//! The client address of a request: the peer of API Gateway or of the local server, never a value from a header.

use std::{convert::Infallible, net::IpAddr};

use axum::{
    extract::{FromRequestParts, Request},
    http::request::Parts,
};
use lambda_http::request::RequestContext;

use crate::domain::client_ip::ClientAddress;

/// The client's address: an extension that the local server sets, or the source address of API Gateway's event.
/// Requests without an address share the unknown address, so rate limits by address count them together.
pub(crate) fn client_address(request: &Request) -> ClientAddress {
    let extensions = request.extensions();
    if let Some(client) = extensions.get::<ClientAddress>() {
        return *client;
    }
    let text = match extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
        _ => None,
    };
    text.and_then(|text| text.parse::<IpAddr>().ok()).map(ClientAddress::from).unwrap_or_default()
}

/// Extracts the address that [`crate::http::service`] attached to the request.
impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}
