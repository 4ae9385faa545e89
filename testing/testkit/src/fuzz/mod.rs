//! Fuzz targets: one function for each parser of untrusted bytes. Each panics if a property of Postern is violated.
//!
//! `testing/fuzz/` runs them with inputs of libFuzzer, and `tests/corpus.rs` with the inputs in `testing/fuzz/corpus/`.

mod body;
mod cursor;
mod email;
mod event;
mod fields;
mod hash;
mod password;
mod token;

pub use self::{body::body, cursor::cursor, email::email, event::event, hash::hash, password::password, token::token};
