//! One file per call.

pub(crate) mod list_users;
pub(crate) mod me;
