//! What a request carries: the client's address, credentials, and fields.

pub mod access_token;
pub mod authorization;
pub mod body;
pub mod client_ip;
pub mod fields;
pub(crate) mod media_type;
