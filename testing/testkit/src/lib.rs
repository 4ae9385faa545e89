//! What Postern's tests share: a service with tables and ports of its own, tokens that nobody should take, a Lambda around
//! a real binary, and a network that loses answers.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop"
)]

pub mod answer;
pub mod events;
pub mod faults;
pub mod fleet;
pub mod forge;
pub mod fuzz;
pub mod gateway;
pub mod lambda;
pub mod markers;
pub mod proxy;
pub mod secrets;
pub mod service;
pub mod tls;

pub use answer::Answer;
pub use service::Service;

/// Ada's name, address and password, as in `events/`.
pub const ADA: [&str; 3] = ["Ada Lovelace", "ada@example.com", "correct horse battery staple"];

/// Grace's name, address and password, as in `events/`.
pub const GRACE: [&str; 3] = ["Grace Hopper", "grace@example.com", "tortoise lamp quarrel"];
