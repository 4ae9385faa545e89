//! One file per call.

pub(crate) mod sign_up;
