//! One file per call, each with its JSON and its form handling.

pub(crate) mod change_password;
pub(crate) mod delete_account;
pub(crate) mod discovery;
pub(crate) mod log_in;
pub(crate) mod log_out;
pub(crate) mod refresh;
pub(crate) mod sessions;
pub(crate) mod start;
