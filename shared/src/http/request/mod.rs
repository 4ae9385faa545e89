//! What a request carries.

pub mod authorization;
pub mod fields;
