//! What a request carries: the client's address, credentials, and fields.

pub mod access_token;
pub mod authorization;
pub mod body;
pub mod client_ip;
pub mod fields;
pub(crate) mod media_type;

use axum::http::{HeaderMap, header::USER_AGENT};

use crate::domain::{client_ip::ClientAddress, session::SessionClient};

/// What a session that starts with this request shows about its client.
pub fn session_client(address: ClientAddress, headers: &HeaderMap) -> SessionClient {
    SessionClient::new(address, headers.get(USER_AGENT).and_then(|value| value.to_str().ok()))
}
