//! Passwords and their Argon2id hashes (RFC 9106).

mod common;
pub mod estimator;
mod hash;
mod hasher;
mod memory_pool;
mod parts;
mod plaintext;
mod scheme;
mod stored;
pub mod strength;

pub use self::{
    hash::{HashError, PasswordHash, Verdict},
    hasher::{Cost, Hasher, OWASP_MINIMUM},
    plaintext::{MAX_BYTES, Password, PasswordError},
    scheme::{Digest, HashScheme, ScryptCost, UnusableHash},
};
