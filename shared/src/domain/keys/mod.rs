//! The keys that sign and verify tokens.

pub mod hmac_secret;
pub mod jwk;
pub mod key_set;
