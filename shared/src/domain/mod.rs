//! Values, rules and cryptography.

pub mod authorization;
pub mod client_ip;
pub mod error_chain;
pub mod keys;
pub mod password;
pub mod paths;
pub mod session;
pub mod throttle;
pub mod token;
pub mod user;
