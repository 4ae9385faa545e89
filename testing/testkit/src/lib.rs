//! Shared test support: a service with its own tables and port, forged tokens, the Lambda Runtime API around a real
//! binary, and proxies that inject faults between a service and its database.

#![expect(
    clippy::disallowed_methods,
    reason = "other processes are measured with the system's clock and inherit the environment"
)]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot continue should stop"
)]

pub mod answer;
pub mod canary;
pub mod events;
pub mod faults;
pub mod fleet;
pub mod forge;
pub mod function_env;
pub mod fuzz;
pub mod gateway;
pub mod key_store;
pub mod lambda;
pub mod poll;
pub mod proxy;
pub mod service;
pub mod tls;

pub use answer::{Answer, text};
pub use function_env::FunctionEnv;
pub use service::Service;

/// Ada's name, email address and password, as in `events/`.
pub const ADA: [&str; 3] = ["Ada Lovelace", "ada@example.com", "correct horse battery staple"];

/// Grace's name, email address and password, as in `events/`.
pub const GRACE: [&str; 3] = ["Grace Hopper", "grace@example.com", "tortoise lamp quarrel"];
