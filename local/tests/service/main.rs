//! The service's behaviour over HTTP, as CONTRACT's tables have it. Each test has a service and a database of its own.

mod accounts;
mod bad_input;
mod listing;
mod log_in;
mod settings;
mod sign_up;
mod tokens;
