//! The service's behaviour over HTTP, as CONTRACT's tables have it. Each test has a service and a database of its own.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod account;
mod accounts;
mod bad_input;
mod hostile;
mod keys;
mod listing;
mod log_in;
mod log_out;
mod pages;
mod retries;
mod sessions;
mod settings;
mod sign_up;
mod throttle;
mod tokens;
