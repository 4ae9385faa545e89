//! The behavior of the service over HTTP, as docs/reference/http-api.md and openapi.yaml describe it. Each test has its
//! own service and database.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

mod account;
mod accounts;
mod bad_input;
mod browser;
mod browser_sessions;
mod claims;
mod client_input;
mod devices;
mod hostile;
mod key_rotation;
mod keys;
mod legacy_hashes;
mod legacy_tokens;
mod listing;
mod log_in;
mod log_out;
mod other_sites;
mod pages;
mod password_forms;
mod refresh;
mod replay;
mod retries;
mod session_lifetime;
mod session_limit;
mod sessions;
mod settings;
mod sign_up;
mod sign_up_control;
mod start_page;
mod throttle;
mod throttle_outcomes;
mod tokens;
