//! Where keys come from, and how long they are used.

pub mod cache;
pub mod legacy;
pub mod source;
