//! Values, rules and cryptography. Nothing here knows HTTP, AWS, the environment or a clock.

pub mod authorization;
pub mod client_ip;
pub mod deployment;
pub mod error_chain;
pub mod keys;
pub mod password;
pub mod paths;
pub mod session;
pub mod throttle;
pub mod time;
pub mod token;
pub mod user;
